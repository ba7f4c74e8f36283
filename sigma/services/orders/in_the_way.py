"""What rests at a broker to leave the same position as an exit: it holds the units that the exit is for.

An exit of what is held takes them back first (stops, limits, triggers), as closing a position does: left there, they would keep
the position open, and executed after the exit they would turn it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sigma.domain.gtt import Gtt
from sigma.domain.orders import EXPOSED, Order, OrderStatus, OrderType, counts_as_exposure
from sigma.domain.show import quantity as shown
from sigma.ports.storage import Unit
from sigma.services.orders.amend import Amendment, want_cancel
from sigma.services.orders.gtt import rests, want_removal
from sigma.services.orders.house import OrderHouse


@dataclass(frozen=True, slots=True)
class InTheWay:
    """Orders that rest, and triggers that were made elsewhere (ours are orders)."""

    orders: Sequence[Order]
    gtts: Sequence[Gtt]

    def __bool__(self) -> bool:
        return bool(self.orders or self.gtts)

    @property
    def units(self) -> int:
        """Units that the orders would take."""
        return sum(order.unfilled for order in self.orders)

    @property
    def words(self) -> str:
        """Each by its number: ``order 12 (SELL 100 SL, TRIGGER_PENDING)``."""
        orders = (f"order {one.id} ({_request(one)}, {one.status})" for one in self.orders)
        gtts = (f"trigger {one.id} ({one.side} {shown(max(leg.quantity for leg in one.legs))})" for one in self.gtts)
        return ", ".join((*orders, *gtts))


def in_the_way(tx: Unit, order: Order) -> InTheWay:
    """Return what rests to leave the position that an exit leaves: its listing, product and direction, whosever it is.

    An order at the market rests nowhere, and one that only a person can close cannot be taken back: what they take is left to
    them.
    """
    wanted, account_id = order.request, order.account_id or 0
    orders = [
        one
        for one in tx.orders.list(account_id=account_id, listing=order.listing, statuses=tuple(EXPOSED), newest_first=False)
        if (one.request.product, one.request.side) == (wanted.product, wanted.side)
        and counts_as_exposure(one)
        and (rests(one) or one.request.order_type is not OrderType.MARKET)
        and not one.unsettled
        and one.id != order.id
    ]
    gtts = [
        one
        for one in tx.gtts.list(account_id=account_id, resting=True)
        if one.order_id is None and (one.listing, one.product, one.side) == (order.listing, wanted.product, wanted.side)
    ]
    return InTheWay(orders, gtts)


def take_back(house: OrderHouse, amendment: Amendment, tx: Unit, found: InTheWay) -> None:
    """Want all of it back; what is wanted back already, or was refused too often, is not asked for again."""
    orders = [tx.orders.get(one.id) for one in found.orders]  # slices are locked before their wholes
    for order in orders:
        if order.status is OrderStatus.APPROVED:
            amendment.withdraw(tx, order)
        else:
            want_cancel(house, tx, order)
    for gtt in found.gtts:
        want_removal(house, tx, tx.gtts.get(gtt.id))


def _request(order: Order) -> str:
    return f"{order.request.side} {shown(order.unfilled)} {order.request.order_type}"
