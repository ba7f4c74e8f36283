"""Orders above the exchange's freeze quantity: cut at admission into orders of their own, followed and taken back as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sigma.domain.errors import Conflict
from sigma.domain.orders import Command, CommandKind, CommandState, Order, OrderStatus
from sigma.engines import slicing
from sigma.ports.storage import Unit

if TYPE_CHECKING:
    from sigma.services.orders.house import OrderHouse

UNDER_WAY = (OrderStatus.SENDING, OrderStatus.UNKNOWN)


def approved(house: OrderHouse, tx: Unit, order: Order, text: str, **detail: str | int | None) -> Order:
    """Store an order that the gate just approved, with what is to be sent: its PLACE, or that of each slice.

    The cut comes after the gate, so that a limit that lowered the quantity lowers what is cut. A cut order has no command.
    """
    now = house.clock.now()
    pieces = slicing.slices_of(order, house.listings.get(order.listing), now)
    stored = house.save(tx, replace(order, slices=len(pieces)), "APPROVED", text, **detail)
    for piece in pieces:
        words = f"slice {piece.slice_no} of {len(pieces)} of order {order.id}: above the exchange's freeze quantity"
        _place(house, tx, house.add(tx, piece, "SLICE", words))
        house.probe.reached("slicing")
    if not pieces:
        _place(house, tx, stored)
    return stored


def _place(house: OrderHouse, tx: Unit, order: Order) -> None:
    pending = CommandState.PENDING
    tx.commands.add(Command(0, order.id, order.account_id or 0, CommandKind.PLACE, pending, house.clock.now()))


def paused(tx: Unit, order: Order) -> bool:
    """Say whether a slice has to wait: another of its order is being sent, or nobody knows what became of it."""
    if not order.slice_no or order.parent_id is None:
        return False
    return any(one.id != order.id for one in tx.orders.list(parent_id=order.parent_id, statuses=UNDER_WAY))


def pieces_of(tx: Unit, order: Order) -> Sequence[Order]:
    """Return the slices of a cut order, the first one first."""
    found = tx.orders.list(parent_id=order.id, newest_first=False)
    return sorted((one for one in found if one.slice_no), key=lambda one: one.slice_no)


def refresh(house: OrderHouse, tx: Unit, whole_id: int) -> None:
    """Bring a cut order into line with its slices."""
    whole = tx.orders.get(whole_id)
    known = slicing.derive(whole, pieces_of(tx, whole), house.clock.now())
    if known != whole:
        text = f"{known.filled_quantity} of {known.request.quantity} executed over {whole.slices} slices"
        house.save(tx, known, "SLICES", text)


def refuse(order: Order, what: str) -> None:
    """Refuse what can be done to the slices of a cut order only.

    Raises
    ------
    Conflict
        The order was cut.
    """
    if order.slices:
        told = f"Order {order.id} was cut into {order.slices} slices: {what} each of them by itself."
        raise Conflict(told, hint="Open the order: its slices are listed there.")
