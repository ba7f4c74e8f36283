"""Which orders close what is held: one for each position, in its own product, at the market."""

from __future__ import annotations

from collections.abc import Sequence

from sigma.domain.orders import Order, OrderRequest, OrderType, Product, Side, counts_as_exposure
from sigma.domain.portfolio import Position


def plan_exits(positions: Sequence[Position], working: Sequence[Order]) -> list[OrderRequest]:
    """Return the orders that make each position flat, largest first; what is flat or cannot be named here has none.

    The exits of both directions keep the position's product. They are market orders; what a broker needs with one (market
    protection) is filled in when it goes to a broker, and what exceeds the freeze quantity is cut there.

    Parameters
    ----------
    positions : sequence of Position
        As the broker gave them just now: units, negative when short.
    working : sequence of Order
        The account's orders that may still execute, unknown ones too: what they would take from a position is left to them,
        so that nothing is closed twice.
    """
    plans = []
    for position in positions:
        if position.listing is None or position.product is None or not position.quantity:
            continue
        side = Side.SELL if position.quantity > 0 else Side.BUY
        left = abs(position.quantity) - taken(position, side, working)
        if left > 0:
            plans.append(OrderRequest(position.listing, side, left, OrderType.MARKET, position.product))
    return sorted(plans, key=lambda plan: -plan.quantity)


def sold_shares(position: Position) -> bool:
    """Say whether a position is only what the day's sale of shares in demat left in the broker's list: delivery below zero."""
    return position.product in (Product.CNC, Product.MTF) and position.quantity < 0


def taken(position: Position, side: Side, working: Sequence[Order]) -> int:
    """Return how many units orders at work would still take from a position by trading `side`."""
    wanted = (position.listing, position.product, side)
    return sum(
        order.unfilled
        for order in working
        if counts_as_exposure(order) and (order.listing, order.request.product, order.request.side) == wanted
    )
