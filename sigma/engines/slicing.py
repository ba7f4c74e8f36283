"""Cutting an order above the exchange's freeze quantity into slices, and saying what became of the whole by its slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sigma.domain.errors import InvalidOrder
from sigma.domain.ids import ID_LENGTH, hashed_id, numbered
from sigma.domain.instruments import Listing
from sigma.domain.money import ZERO
from sigma.domain.orders import Order, OrderStatus

S = OrderStatus
MOST_SLICES = 20
"""Into how many orders one is cut at most: more of them could not all be sent while the approval is young."""
_SUFFIX = 2

_ENDED = (S.REJECTED, S.FAILED, S.REJECTED_RISK, S.EXPIRED, S.CANCELLED, S.FILLED)
"""What the whole counts as when its slices ended in different ways: what needs a person's eye comes first."""
_WORKING = (S.OPEN, S.TRIGGER_PENDING, S.SENT, S.SENDING)


def cut(quantity: int, freeze: int | None, lot_size: int) -> tuple[int, ...]:
    """Return the quantities (units) that `quantity` goes out in: one when it is within `freeze`, else whole lots each.

    Raises
    ------
    InvalidOrder
        It would take more than MOST_SLICES orders, or the freeze quantity is below one lot.
    """
    if freeze is None or quantity <= freeze:
        return (quantity,)
    step = freeze // lot_size * lot_size
    if not step:
        raise InvalidOrder(f"The exchange takes at most {freeze} in one order, which is below the lot of {lot_size}.")
    whole, rest = divmod(quantity, step)
    if whole + bool(rest) > MOST_SLICES:
        hint = f"Order at most {step * MOST_SLICES} at once."
        told = f"Quantity {quantity} would take more than {MOST_SLICES} orders of the exchange's freeze quantity of {freeze}."
        raise InvalidOrder(told, hint=hint)
    return (*[step] * whole, *([rest] if rest else []))


def most_at_once(freeze: int | None, lot_size: int) -> int | None:
    """Return the most units (whole lots) that one order may be cut into; None when there is no bound, or none that would do."""
    step = 0 if freeze is None else freeze // lot_size * lot_size
    return step * MOST_SLICES or None


def linked_id(client_order_id: str, what: str) -> str:
    """Return the client_order_id of what is made of an order: always the same one, so that it is made once."""
    return hashed_id(client_order_id, what)


def slice_id(client_order_id: str, number: int) -> str:
    """Return the client_order_id of a slice: 14 characters of the whole's hash and two of the slice's number."""
    return linked_id(client_order_id, "slices")[: ID_LENGTH - _SUFFIX] + numbered(number, _SUFFIX)


def slices_of(order: Order, listing: Listing, now: datetime) -> tuple[Order, ...]:
    """Return the orders that an approved `order` is cut into, not stored yet; empty when it goes out whole.

    Each carries the wish, the account and the approval of the whole, and an id of its own that is always the same.

    Raises
    ------
    InvalidOrder
        As `cut`.
    """
    quantities = cut(order.request.quantity, listing.freeze_quantity, listing.lot_size)
    if len(quantities) == 1:
        return ()
    return tuple(
        replace(
            order,
            id=0,
            request=replace(order.request, quantity=quantity, disclosed_quantity=min(order.request.disclosed_quantity, quantity)),
            client_order_id=slice_id(order.client_order_id, number),
            external_id=None,
            created_at=now,
            updated_at=now,
            parent_id=order.id,
            slices=0,
            slice_no=number,
            version=1,
        )
        for number, quantity in enumerate(quantities, start=1)
    )


def derive(whole: Order, slices: Sequence[Order], now: datetime) -> Order:
    """Return a cut order as its slices make it: status, executed quantity, average price, and what needs a person.

    It never waits for an approval itself: while a slice is back in the queue, the whole stays approved or partly executed.
    """
    if not slices:
        return whole
    filled = sum(one.filled_quantity for one in slices)
    paid = sum((one.average_price * one.filled_quantity for one in slices if one.average_price is not None), ZERO)
    priced = sum(one.filled_quantity for one in slices if one.average_price is not None)
    status = _status(whole, slices, filled)
    known = replace(
        whole,
        status=status,
        filled_quantity=filled,
        average_price=paid / priced if priced else None,
        unsettled=any(one.unsettled for one in slices),
        cancel_wanted=any(one.cancel_wanted for one in slices),
        broker_reason=_reason(slices) if status.final else "",
        sent_at=min((one.sent_at for one in slices if one.sent_at is not None), default=None),
        session_date=max((one.session_date for one in slices if one.session_date is not None), default=whole.session_date),
    )
    if known == whole:
        return whole
    return replace(known, updated_at=now, final_at=(whole.final_at or now) if status.final else None)


def _status(whole: Order, slices: Sequence[Order], filled: int) -> OrderStatus:
    found = {one.status for one in slices}
    if S.UNKNOWN in found:
        return S.UNKNOWN
    if all(status.final for status in found):
        return S.FILLED if filled >= whole.request.quantity else next(status for status in _ENDED if status in found)
    if filled:
        return S.PARTIALLY_FILLED
    return next((status for status in _WORKING if status in found), S.APPROVED)


def _reason(slices: Sequence[Order]) -> str:
    """Return the brokers' words about slices that did not execute, each once, with how many got them."""
    told = [one.broker_reason for one in slices if one.broker_reason and one.status is not S.FILLED]
    return "; ".join(f"{reason} ({told.count(reason)} of {len(slices)} slices)" for reason in dict.fromkeys(told))
