"""From a charting service's message to a signal in our words. Keys and their aliases: signal_fields.py.

Three forms are read: the nested one (``trade_details``), the flat one, and that of ``meta``, ``signal`` and ``hints`` in both its
versions. What could mean two things is refused, not guessed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sigma.domain.errors import InvalidInput, InvalidOrder
from sigma.domain.ids import hashed_id
from sigma.domain.instruments import Exchange, listing_text
from sigma.domain.orders import OrderRequest, OrderType, Product, Side
from sigma.domain.signals import Action, ParsedSignal, Usual
from sigma.domain.times import to_ist
from sigma.engines.signal_fields import NUMBER, Fields
from sigma.engines.signal_text import check_texts, shown

TRADE_TYPES = {
    "CASH_AND_CARRY": Product.CNC,
    "CNC": Product.CNC,
    "DELIVERY": Product.CNC,
    "INTRADAY": Product.MIS,
    "MIS": Product.MIS,
}
ORDER_TYPES = {**{kind.value: kind for kind in OrderType}, "SL_M": OrderType.SL_M, "SLM": OrderType.SL_M}
ACTIONS = {action.value: action for action in Action}
PLAIN = ("BUY", "SELL")
EXPLICIT = "id:"
MAX_AMOUNT = Decimal(100_000_000_000)
OLDEST_BAR = datetime(2000, 1, 1, tzinfo=UTC)
FURTHEST_BAR = timedelta(days=1)
MILLISECONDS_FROM = 100_000_000_000


@dataclass(frozen=True, slots=True)
class DedupeKey:
    """What makes two messages the same. An explicit one holds for ever, a content hash within the window only."""

    text: str
    explicit: bool


def is_test(payload: Mapping[str, Any]) -> bool:
    """Say whether the message only tests the way here."""
    return payload.get("test") == "tradingview"


def ordinary(strategy: str) -> Usual:
    """Return what holds for every strategy that has no words of its own."""
    return Usual()


def parse(
    payload: Mapping[str, Any], *, default_exchange: str, now: datetime, usual: Callable[[str], Usual] = ordinary
) -> ParsedSignal:
    """Return the signal that a message holds.

    Parameters
    ----------
    default_exchange : str
        For symbols written without one.
    usual : callable
        Given the strategy's name, what holds where the message says nothing.

    Raises
    ------
    InvalidInput
        A key or word we do not know, a missing or contradictory one, no number where one is needed.
    InvalidOrder
        What it asks for could never be an order.
    """
    check_texts(payload)
    fields = Fields(payload)
    strategy = fields.text("strategy") or fields.text("strategy_id")
    words = usual(strategy)
    action, quantity, amount = _action(fields), fields.quantity(), _amount(fields)
    _sized(fields, action, quantity, amount)
    kind, price = _type_and_price(fields, action, words)
    bar_time = _bar_time(fields, now)
    listing, notes = _listing(fields, default_exchange)
    if price is not None and not kind.has_price:
        notes.append(f"price {price} is kept as a reference: a {kind} order has no limit price")
    signal = ParsedSignal(
        listing=listing,
        side=action.side,
        quantity=quantity,
        order_type=kind,
        product=_product(fields, words),
        price=price if kind.has_price else None,
        trigger_price=fields.price("trigger_price"),
        amount=None if quantity is not None else amount,
        ref_price=fields.price("ref_price") or (None if kind.has_price else price),
        strategy=strategy,
        platform=fields.text("platform"),
        action=action.value,
        interval=fields.text("interval"),
        bar_time=bar_time,
        external_id=_external_id(fields, bar_time),
        comment=" | ".join(filter(None, (fields.text(name) for name in ("comment", "alert_message", "order_tag")))),
        hints=fields.hints,
        notes=tuple(notes),
        exits=action.exits,
    )
    wish(signal, listing, quantity or 1, signal.side or Side.SELL)
    return signal


def wish(signal: ParsedSignal, listing: str, quantity: int, side: Side) -> OrderRequest:
    """Return the order that a signal asks for; `listing` is what its symbol turned out to mean, `quantity` units.

    Raises
    ------
    InvalidOrder
        There can be no such order (a LIMIT without a price, a trigger on a MARKET order).
    """
    return OrderRequest(
        listing=listing,
        side=side,
        quantity=quantity,
        order_type=signal.order_type,
        product=signal.product,
        price=signal.price,
        trigger_price=signal.trigger_price,
    )


INTERVAL = re.compile(r"(?P<count>\d{0,4})(?P<unit>[SDWM]?)")
UNITS = {"": 60, "S": 1, "D": 86_400, "W": 7 * 86_400, "M": 31 * 86_400}
"""Seconds in TradingView's units of an interval: minutes have no letter."""


def dedupe_key(signal: ParsedSignal, listing: str, content: str) -> DedupeKey:
    """Return what makes another message the same as this one: the sender's id, or else its whole scrubbed `content`."""
    explicit = bool(signal.external_id)
    parts = [signal.strategy, listing, signal.action, signal.external_id] if explicit else [content]
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return DedupeKey(f"{EXPLICIT if explicit else 'content:'}{digest}", explicit)


def order_id_of(user_id: int, dedupe_key: str, signal_id: int, account_id: int) -> str:
    """Return the client_order_id of a signal's order on an account: the same message can make it once only.

    A key by content comes again tomorrow, so that it is the signal which counts there.
    """
    event = dedupe_key if dedupe_key.startswith(EXPLICIT) else signal_id
    return hashed_id("signal", user_id, event, account_id, 0, 0)


def fired_at(bar_time: datetime | None, interval: str, received_at: datetime) -> datetime | None:
    """Return when the bar that fired was complete, at the latest when the message came; None without a bar time.

    TradingView's ``{{time}}`` is the *opening* time of the bar (its help page on variables in alerts), so that an alert at
    the close of a fifteen-minute bar is fifteen minutes older by it than it is. ``{{interval}}`` says how long the bar is. A
    bar of minutes or more opens on a full minute: a time with seconds (``{{timenow}}``) is when the alert fired.
    """
    if bar_time is None:
        return None
    match = INTERVAL.fullmatch(interval.strip().upper()) if interval.strip() else None
    if match is None or (match["unit"] != "S" and (bar_time.second or bar_time.microsecond)):
        return bar_time
    length = timedelta(seconds=int(match["count"] or 1) * UNITS[match["unit"]])
    return max(bar_time, min(bar_time + length, received_at))


def lateness(bar_time: datetime | None, received_at: datetime, max_age: timedelta) -> str:
    """Return why a signal counts as late by its own bar time, empty when it does not."""
    if bar_time is None or received_at - bar_time <= max_age:
        return ""
    minutes = int((received_at - bar_time).total_seconds() // 60)
    allowed = max_age.total_seconds() / 60
    return f"late: its bar time {to_ist(bar_time):%d %b %H:%M:%S} IST was {minutes} min before it came (allowed: {allowed:g} min)"


def _action(fields: Fields) -> Action:
    """Return what is to be done. `side` (later messages say ENTRY_LONG there) and `order_action` must mean the same."""
    side = fields.word("side", ACTIONS, likely=PLAIN)
    action = fields.word("order_action", ACTIONS, likely=PLAIN)
    if side is None or action is None or side is action:
        found = side or action
        if found is None:
            hint = "Send BUY or SELL, or {{strategy.order.action}} in a strategy's alert."
            raise InvalidInput("order_action is missing.", hint=hint)
        return found
    plain = action in (Action.BUY, Action.SELL)
    if plain and side.side is None:
        return Action.EXIT_LONG if action is Action.SELL else Action.EXIT_SHORT
    if not plain or action.side is not side.side:
        told = f"{fields.written('side')} is {side} but {fields.written('order_action')} is {action}."
        raise InvalidInput(told, hint="Let both mean the same, or send one of them.")
    return side


def _sized(fields: Fields, action: Action, quantity: int | None, amount: Decimal | None) -> None:
    """Refuse what says neither how much nor that it leaves what is held."""
    if quantity is not None:
        if action.side is None:
            hint = "Send SELL to close a long position, BUY to close a short one; without a quantity all that is held is closed."
            raise InvalidInput(f"order_action must say the side of the order, was {shown(action.value)}.", hint=hint)
        return
    if amount is None and not action.exits:
        raise InvalidInput(
            "quantity is missing.", hint="Send `quantity`, or `order_contracts` with {{strategy.order.contracts}}."
        )
    if amount is not None and action.side is None:
        raise InvalidInput(f"{action} of an amount does not say the side.", hint="Send EXIT_LONG or EXIT_SHORT.")


def _amount(fields: Fields) -> Decimal | None:
    """Return the rupees that a message sizes by."""
    amount = fields.number("amount")
    if amount is not None and not 0 < amount <= MAX_AMOUNT:
        hint = "Send `qty`, or an amount in rupees."
        raise InvalidOrder(f"{fields.written('amount')} must lie between 0 and 10,000 crore rupees, was {amount}.", hint=hint)
    return amount


def _type_and_price(fields: Fields, action: Action, words: Usual) -> tuple[OrderType, Decimal | None]:
    """Return order type and price: of the message, of its hints where it says none, of the strategy.

    The hints' order type speaks of the entry and comes with its limit price. An exit without a price goes out at the market
    although the strategy's orders usually have one: leaving comes first.
    """
    price = fields.price("price")
    own = fields.word("order_type", ORDER_TYPES)
    if own is not None:
        return own, price
    hinted = None if action.exits else fields.word("hinted_type", ORDER_TYPES)
    if hinted is not None:
        return hinted, (fields.price("hinted_price") or price) if hinted.has_price else price
    if action.exits and price is None:
        return OrderType.MARKET, None
    return words.order_type, price


def _product(fields: Fields, words: Usual) -> Product:
    by_type = fields.word("trade_type", TRADE_TYPES)
    return fields.word("product", {product.value: product for product in Product}) or by_type or words.product


def _listing(fields: Fields, default_exchange: str) -> tuple[str, list[str]]:
    """Return the canonical text and what is to be noted. TradingView ends the name of a delayed feed in _DL or _DLY."""
    name = "symbol" if fields.has("symbol") else "ticker"
    prefix, symbol = _split(fields.text(name))
    if not symbol:
        raise InvalidInput("symbol is missing.", hint='Send "symbol": "NSE:INFY", or ticker and exchange.')
    if name == "symbol" and fields.has("ticker") and _split(fields.text("ticker"))[1] != symbol:
        told = f"symbol is {shown(fields.text('symbol'))} but ticker is {shown(fields.text('ticker'))}."
        raise InvalidInput(told, hint="Send one of them.")
    given = fields.text("exchange").upper()
    delayed = any(text.endswith(("_DL", "_DLY")) for text in (prefix, given))
    prefix, given = (re.sub(r"_DLY?$", "", text) for text in (prefix, given))
    if prefix and given and prefix != given:
        raise InvalidInput(f"{name} is on {shown(prefix)} but exchange is {shown(given)}.", hint="Let both say the same.")
    exchange = prefix or given or default_exchange
    if exchange not in Exchange.__members__.values():
        raise InvalidInput(
            f"{shown(exchange)} is no exchange that we know.", hint=f"Known: {', '.join(Exchange)}.", code="UNKNOWN_SYMBOL"
        )
    notes = ["the sender's data for this symbol is delayed"] if delayed else []
    return listing_text(exchange, symbol), notes


def _split(text: str) -> tuple[str, str]:
    head, colon, tail = text.upper().partition(":")
    return (head.strip(), tail.strip()) if colon else ("", head.strip())


def _bar_time(fields: Fields, now: datetime) -> datetime | None:
    text, written = fields.text("bar_time"), fields.written("bar_time")
    if not text:
        return None
    moment = _moment(text)
    if moment is None:
        hint = (
            "Send ISO time with its zone (2026-11-20T09:30:00Z), or seconds or milliseconds since 1970: {{time}} or {{timenow}}."
        )
        raise InvalidInput(f"{written} {shown(text)} is no time with a zone.", hint=hint)
    if not OLDEST_BAR <= moment <= now + FURTHEST_BAR:
        raise InvalidInput(
            f"{written} {shown(text)} is absurd: it means {moment:%Y-%m-%d %H:%M} UTC.", hint="Send {{time}} or {{timenow}}."
        )
    return moment


def _moment(text: str) -> datetime | None:
    try:
        if NUMBER.fullmatch(text):
            number = Decimal(text)
            seconds = number / 1000 if abs(number) >= MILLISECONDS_FROM else number
            return datetime.fromtimestamp(float(seconds), UTC)
        moment = datetime.fromisoformat(text.upper() if text[-1:] == "z" else text)
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError, OSError):
        return None


def _external_id(fields: Fields, bar_time: datetime | None) -> str:
    own = fields.text("client_order_id")
    if own:
        return own
    order_id = fields.text("order_id")
    return f"{order_id}@{bar_time:%Y-%m-%dT%H:%M:%S.%fZ}" if order_id and bar_time is not None else ""
