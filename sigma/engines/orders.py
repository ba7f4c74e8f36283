"""Making an order fit for the wire: tick, lot, freeze quantity, and what the broker can do at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from sigma.domain.accounts import Capabilities
from sigma.domain.errors import InvalidOrder, Unsupported
from sigma.domain.instruments import Kind, Listing
from sigma.domain.money import RoundTo, round_to_tick
from sigma.domain.orders import Order, OrderRequest, OrderType, Side
from sigma.domain.signals import Signal

EXCHANGE_BAND = Decimal(-1)


def fit(request: OrderRequest, listing: Listing) -> OrderRequest:
    """Return `request` on the listing's tick grid, or say why it can never be right.

    A BUY limit is rounded up and a SELL limit down (it still trades where it would have); triggers go the other way, so
    that they fire no later.

    Raises
    ------
    InvalidOrder
        An index; a quantity that is no multiple of the lot or exceeds the freeze quantity; a price below one tick.
    """
    if listing.kind is Kind.INDEX:
        raise InvalidOrder(f"{listing} is an index and cannot be traded.", hint="Choose one of its futures or options.")
    if request.quantity % listing.lot_size:
        hint = f"Use a multiple of {listing.lot_size}."
        raise InvalidOrder(
            f"Quantity {request.quantity} of {listing} is no multiple of its lot of {listing.lot_size}.", hint=hint
        )
    if listing.freeze_quantity is not None and request.quantity > listing.freeze_quantity:
        hint = f"Split it into orders of at most {listing.freeze_quantity}."
        raise InvalidOrder(f"Quantity {request.quantity} of {listing} exceeds the exchange's freeze quantity.", hint=hint)
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


def lateness(order: Order, signal: Signal | None, now: datetime, max_age: timedelta) -> str:
    """Return why an order's approval asks again, empty when it does not: its signal is older than `max_age`.

    The age counts from the signal's bar time, else (or where that lies ahead) from its receipt; of a deliberate repeat,
    from the repeat.
    """
    if signal is None:
        return ""
    since, what = signal.received_at, "receipt"
    if signal.bar_time and signal.bar_time < since:
        since, what = signal.bar_time, "bar time"
    if order.generation:
        since, what = order.created_at, "repeat"
    if now - since <= max_age:
        return ""
    minutes, allowed = (now - since).total_seconds() // 60, max_age.total_seconds() / 60
    return f"late: its {what} was {minutes:.0f} min ago (allowed: {allowed:g} min)"
