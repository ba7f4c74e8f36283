"""What follows from an order's change, in the transaction of the change: whoever made it, nothing is left to be noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sigma.domain.orders import Order, OrderStatus
from sigma.ports.storage import Unit
from sigma.services.orders import off_hours, slices

if TYPE_CHECKING:
    from sigma.services.orders.house import OrderHouse


def after(house: OrderHouse, tx: Unit, order: Order) -> None:
    """Draw the consequences of an order as it is stored now; doing so again changes nothing.

    A slice's change is its whole's. A broker's refusal because the market is closed leads to the policy for that. Neither
    changes the order itself, and a whole is no slice, so this ends after one step.
    """
    if order.slice_no and order.parent_id is not None:
        slices.refresh(house, tx, order.parent_id)
    if order.status is OrderStatus.REJECTED and not order.slices:
        off_hours.after_refusal(house, tx, order)
