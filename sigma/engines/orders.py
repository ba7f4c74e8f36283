"""Making an order fit for the wire: tick, lot, freeze quantity, and what the broker can do at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sigma.domain.accounts import Capabilities
from sigma.domain.errors import InvalidOrder, Unsupported
from sigma.domain.instruments import Kind, Listing
from sigma.domain.market import Quote
from sigma.domain.money import RoundTo, round_to_tick
from sigma.domain.orders import Order, OrderRequest, OrderStatus, OrderType, Side, Variety
from sigma.domain.signals import Signal
from sigma.domain.times import ist_date
from sigma.engines.slicing import cut
from sigma.engines.triggers import check_wish

EXCHANGE_BAND = Decimal(-1)


def fit(request: OrderRequest, listing: Listing) -> OrderRequest:
    """Return `request` on the listing's tick grid, or say why it can never be right.

    A BUY limit is rounded up and a SELL limit down (it still trades where it would have); triggers go the other way, so
    that they fire no later.

    Raises
    ------
    InvalidOrder
        An index; a quantity that is no multiple of the lot, or so far above the freeze quantity that it would take too many
        slices; a price below one tick.
    """
    if listing.kind is Kind.INDEX:
        raise InvalidOrder(f"{listing} is an index and cannot be traded.", hint="Choose one of its futures or options.")
    if request.quantity % listing.lot_size:
        hint = f"Use a multiple of {listing.lot_size}."
        raise InvalidOrder(
            f"Quantity {request.quantity} of {listing} is no multiple of its lot of {listing.lot_size}.", hint=hint
        )
    if request.gtt:
        whole(request, listing)
    cut(request.quantity, listing.freeze_quantity, listing.lot_size)
    buying = request.side is Side.BUY
    price = _on_grid(request.price, listing, RoundTo.UP if buying else RoundTo.DOWN)
    trigger = _on_grid(request.trigger_price, listing, RoundTo.DOWN if buying else RoundTo.UP)
    return replace(request, price=price, trigger_price=trigger)


def _on_grid(price: Decimal | None, listing: Listing, to: RoundTo) -> Decimal | None:
    if price is None:
        return None
    rounded = round_to_tick(price, listing.tick_size, to)
    if rounded <= 0:
        raise InvalidOrder(f"Price {price} of {listing} is below one tick of {listing.tick_size}.")
    return rounded


def suit(request: OrderRequest, capabilities: Capabilities) -> OrderRequest:
    """Return `request` as this broker takes it (market protection filled in), or say what the broker lacks.

    Raises
    ------
    Unsupported
        Exchange, product, order type, variety or validity is not among the broker's capabilities.
    """
    if request.gtt:
        check_wish(request, capabilities)
    exchange = request.listing.partition(":")[0]
    asked = (
        ("exchange", exchange, capabilities.exchanges),
        ("product", request.product, capabilities.products),
        ("order type", request.order_type, capabilities.order_types),
        ("variety", request.variety, capabilities.varieties),
        ("validity", request.validity, capabilities.validities),
    )
    for what, wanted, offered in asked:
        if wanted not in offered:
            there = ", ".join(sorted(str(word) for word in offered))
            raise Unsupported(f"{capabilities.title} takes no {what} {wanted} here.", hint=f"It takes {there}.")
    unpriced = request.order_type in (OrderType.MARKET, OrderType.SL_M)
    if unpriced and capabilities.market_protection and request.market_protection is None:
        return replace(request, market_protection=EXCHANGE_BAND)
    return request


def whole(request: OrderRequest, listing: Listing) -> OrderRequest:
    """Return `request` when one order can carry it, as a modification and a resting trigger must.

    Raises
    ------
    InvalidOrder
        The quantity exceeds the exchange's freeze quantity.
    """
    if listing.freeze_quantity is not None and request.quantity > listing.freeze_quantity:
        hint = f"Use at most {listing.freeze_quantity}, and order the rest by itself."
        raise InvalidOrder(f"Quantity {request.quantity} of {listing} exceeds the exchange's freeze quantity.", hint=hint)
    return request


def within_band(request: OrderRequest, quote: Quote | None, today: date) -> None:
    """Refuse prices that the exchange would refuse: outside the price band of the day, where it is known.

    An after-market order is not judged: the next session has a band of its own.

    Parameters
    ----------
    quote : Quote or None
        The newest that is at hand; one without band, or of another day (IST), says nothing.

    Raises
    ------
    InvalidOrder
        A limit or trigger price lies outside the band.
    """
    if quote is None or request.variety is Variety.AMO or ist_date(quote.at) != today:
        return
    low, high = quote.lower_circuit, quote.upper_circuit
    for name, price in (("Limit price", request.price), ("Trigger price", request.trigger_price)):
        if price is None or ((low is None or price >= low) and (high is None or price <= high)):
            continue
        hint = f"Today {request.listing} trades between {low} and {high}."
        raise InvalidOrder(f"{name} {price} of {request.listing} lies outside today's price band of {low} to {high}.", hint=hint)


def copy_of(order: Order, now: datetime, **changes: Any) -> Order:
    """Return a new WAITING order with the wish of one that ended, linked to it and counted as its repeat; nothing of what
    became of that one is in it, and what it lacks is what is wanted.

    Parameters
    ----------
    changes
        Fields that differ; `client_order_id` is among them.
    """
    rest = order.unfilled or order.request.quantity
    request = replace(order.request, quantity=rest, disclosed_quantity=min(order.request.disclosed_quantity, rest))
    copied: dict[str, Any] = {
        "id": 0,
        "request": request,
        "status": OrderStatus.WAITING,
        "created_at": now,
        "updated_at": now,
        "parent_id": order.id,
        "generation": order.generation + 1,
        **_FRESH,
    }
    return replace(order, **{**copied, **changes})


_FRESH: dict[str, Any] = {
    "broker_order_id": None,
    "exchange_order_id": None,
    "external_id": None,
    "filled_quantity": 0,
    "average_price": None,
    "broker_status": "",
    "broker_reason": "",
    "risk_note": "",
    "stale_reason": "",
    "unsettled": False,
    "cancel_wanted": False,
    "session_date": None,
    "approved_at": None,
    "sent_at": None,
    "final_at": None,
    "slices": 0,
    "slice_no": 0,
    "not_before": None,
    "version": 1,
}
"""What an order's copy does not inherit."""


def lateness(order: Order, signal: Signal | None, now: datetime, max_age: timedelta) -> str:
    """Return why an order's approval asks again, empty when it does not: its signal is older than `max_age`.

    The age counts from the signal's bar time, else (or where that lies ahead) from its receipt; of a deliberate repeat,
    from the repeat, or from the market's opening that it waited for.
    """
    if signal is None:
        return ""
    since, what = signal.received_at, "receipt"
    if signal.bar_time and signal.bar_time < since:
        since, what = signal.bar_time, "bar time"
    if order.generation:
        since, what = max(order.created_at, order.not_before or order.created_at), "repeat"
    if now - since <= max_age:
        return ""
    minutes, allowed = (now - since).total_seconds() // 60, max_age.total_seconds() / 60
    return f"late: its {what} was {minutes:.0f} min ago (allowed: {allowed:g} min)"
