"""Signals: messages that came in, and what became of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sigma.domain.orders import OrderType, Product, Side

PLACE_OF_SECRET = "YOUR-WEBHOOK-SECRET"  # noqa: S105 - what a person replaces by the secret


class SignalStatus(StrEnum):
    """What became of a received message. MARKED: stored, but it made no order; `note` says why."""

    ACCEPTED = "ACCEPTED"
    DEDUPED = "DEDUPED"
    MARKED = "MARKED"
    IGNORED = "IGNORED"


class Action(StrEnum):
    """What a message wants done. EXIT and CLOSE (which mean the same) leave what is held, and never open or turn a position."""

    BUY = "BUY"
    SELL = "SELL"
    ENTRY_LONG = "ENTRY_LONG"
    ENTRY_SHORT = "ENTRY_SHORT"
    EXIT_LONG = "EXIT_LONG"
    EXIT_SHORT = "EXIT_SHORT"
    CLOSE_LONG = "CLOSE_LONG"
    CLOSE_SHORT = "CLOSE_SHORT"
    EXIT = "EXIT"
    CLOSE = "CLOSE"

    @property
    def exits(self) -> bool:
        """Whether it may only make a position smaller."""
        return self.value.startswith(("EXIT", "CLOSE"))

    @property
    def side(self) -> Side | None:
        """The direction of its order; None where that depends on what is held."""
        if self in (Action.EXIT, Action.CLOSE):
            return None
        return Side.BUY if self in _BUYING else Side.SELL


_BUYING = frozenset({Action.BUY, Action.ENTRY_LONG, Action.EXIT_SHORT, Action.CLOSE_SHORT})


@dataclass(frozen=True, slots=True)
class Usual:
    """What holds where a message says nothing: a strategy's own words, else MARKET and MIS."""

    order_type: OrderType = OrderType.MARKET
    product: Product = Product.MIS


@dataclass(frozen=True, slots=True)
class ParsedSignal:
    """A message in our words, before it is stored.

    Parameters
    ----------
    listing : str
        Canonical text.
    side : Side or None
        None: an exit of whatever is held, long or short.
    quantity : int or None
        Units; None when the message sizes by `amount` (rupees), or is an exit of what is held.
    exits : bool
        It may only make a position smaller.
    price : Decimal or None
        The limit price wanted, rupees; a reference price is `ref_price` and makes no LIMIT order.
    bar_time : datetime or None
        The bar that fired, UTC, as the sender wrote it (TradingView's ``{{time}}`` is the bar's opening).
    external_id : str
        The sender's own id, for dedupe; empty when it has none.
    hints : mapping
        Exits wished for; kept and shown until conditional orders attach them.
    """

    listing: str
    side: Side | None
    quantity: int | None
    order_type: OrderType
    product: Product
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    amount: Decimal | None = None
    ref_price: Decimal | None = None
    strategy: str = ""
    platform: str = ""
    action: str = ""
    interval: str = ""
    bar_time: datetime | None = None
    external_id: str = ""
    comment: str = ""
    hints: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    exits: bool = False


@dataclass(frozen=True, slots=True)
class Signal:
    """A stored message. `raw` is the scrubbed payload as it came.

    `bar_time` is when the bar that fired was complete (UTC), at the latest the receipt; None when the sender named none.
    """

    id: int
    user_id: int
    received_at: datetime
    status: SignalStatus
    raw: str
    dedupe_key: str
    listing: str | None = None
    side: Side | None = None
    quantity: int | None = None
    strategy: str = ""
    platform: str = ""
    bar_time: datetime | None = None
    external_id: str = ""
    note: str = ""
    hints: Mapping[str, str] = field(default_factory=dict)
    first_id: int | None = None
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a sender: ``accepted``, ``deduped``, ``ignored`` or ``marked``, with the ids to look it up by."""

    id: int
    status: str
    order_ids: tuple[int, ...] = ()
    message: str = ""


class AlertForm(StrEnum):
    """The forms of a message. SIGNAL is that of meta, signal and hints, whose later version (SIGNAL_6) says ENTRY and EXIT."""

    NESTED = "NESTED"
    FLAT = "FLAT"
    SIGNAL = "SIGNAL"
    SIGNAL_6 = "SIGNAL_6"


ACTION, CONTRACTS, TIME = "{{strategy.order.action}}", "{{strategy.order.contracts}}", "{{time}}"
SYMBOL, INTERVAL = "{{exchange}}:{{ticker}}", "{{interval}}"
ALERT_MESSAGE = "{{strategy.order.alert_message}}"
"""Of SIGNAL_6 the script itself says what it does: ENTRY_LONG, EXIT_LONG and so on in each order's `alert_message`."""


def alert_text(strategy: str, product: str, quantity: str, form: AlertForm = AlertForm.NESTED) -> dict[str, object]:
    """Return the message of a TradingView strategy alert; TradingView fills the double braces in.

    Parameters
    ----------
    product : str
        Empty: the strategy's own, else MIS.
    quantity : str
        Units, or TradingView's own size.
    """
    if form in (AlertForm.SIGNAL, AlertForm.SIGNAL_6):
        return _folders(strategy, product, quantity, later=form is AlertForm.SIGNAL_6)
    head = {
        "secret": PLACE_OF_SECRET,
        "platform": "TRADINGVIEW",
        "strategy_name": strategy,
        "symbol": SYMBOL,
        "interval": INTERVAL,
        "bar_time": TIME,
    }
    details = {
        "order_action": ACTION,
        "quantity": quantity,
        "price": "{{strategy.order.price}}",
        "order_type": "MARKET",
        "product": product,
        "comment": "{{strategy.order.comment}}",
        "order_id": "{{strategy.order.id}}",
    }
    details = {key: value for key, value in details.items() if value}
    return {**head, **details} if form is AlertForm.FLAT else {**head, "trade_details": details}


def _folders(strategy: str, product: str, quantity: str, *, later: bool) -> dict[str, object]:
    words = {"side": ALERT_MESSAGE, "order_action": ACTION} if later else {"side": ACTION}
    signal = {
        "strategy_name": strategy,
        "symbol": SYMBOL,
        **words,
        "order_id": "{{strategy.order.id}}",
        "qty": quantity,
        "product": product,
        "ref_price": "{{strategy.order.price}}",
        "timeframe": INTERVAL,
        "timestamp": TIME,
    }
    meta = {"secret": PLACE_OF_SECRET, "platform": "TRADINGVIEW", "version": "6.0" if later else "1.0"}
    return {"meta": meta, "signal": {key: value for key, value in signal.items() if value}, "hints": {}}


def expanded(message: object, values: Mapping[str, str]) -> Any:
    """Return an alert's message as the charting service sends it: each placeholder replaced, one without a value by nothing."""
    if isinstance(message, str):
        for placeholder, value in values.items():
            message = message.replace(placeholder, value)
        return re.sub(r"\{\{[^{}]*\}\}", "", message)
    return {key: expanded(value, values) for key, value in message.items()} if isinstance(message, Mapping) else message
