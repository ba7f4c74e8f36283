"""Where an order may go from where it is: one table for our own acts, one rule for the broker's facts.

Our acts (approve, claim, lose the answer) move along `TRANSITIONS` and nothing else. The broker's facts (a row of the
book, a fill) are recorded on any status; old news changes nothing, and a fill after a cancel counts.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sigma.domain.answers import BrokerOrder
from sigma.domain.errors import Conflict
from sigma.domain.orders import Order, OrderRequest, OrderStatus, OrderType

S = OrderStatus


class Act(StrEnum):
    """What we do to an order."""

    APPROVE = "APPROVE"
    RISK_REJECT = "RISK_REJECT"
    RETURN = "RETURN"
    CLAIM = "CLAIM"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    NOT_SENT = "NOT_SENT"
    LOST = "LOST"
    RESTS = "RESTS"
    REMOVED = "REMOVED"
    LAPSED = "LAPSED"
    STOPPED = "STOPPED"
    ABSENT = "ABSENT"
    WITHDRAW = "WITHDRAW"
    BOOK_GONE = "BOOK_GONE"
    CLOSED_FILLED = "CLOSED_FILLED"
    CLOSED_CANCELLED = "CLOSED_CANCELLED"
    CLOSED_NOT_PLACED = "CLOSED_NOT_PLACED"


TRANSITIONS: dict[tuple[OrderStatus, Act], OrderStatus] = {
    (S.WAITING, Act.APPROVE): S.APPROVED,
    (S.WAITING, Act.RISK_REJECT): S.REJECTED_RISK,
    (S.WAITING, Act.WITHDRAW): S.CANCELLED,
    (S.APPROVED, Act.RETURN): S.WAITING,
    (S.APPROVED, Act.WITHDRAW): S.CANCELLED,
    (S.APPROVED, Act.CLAIM): S.SENDING,
    (S.SENDING, Act.ACCEPTED): S.SENT,
    (S.SENDING, Act.REFUSED): S.REJECTED,
    (S.SENDING, Act.NOT_SENT): S.FAILED,
    (S.SENDING, Act.LOST): S.UNKNOWN,
    (S.UNKNOWN, Act.ACCEPTED): S.SENT,
    (S.UNKNOWN, Act.REFUSED): S.REJECTED,
    (S.UNKNOWN, Act.ABSENT): S.FAILED,
    (S.SENDING, Act.RESTS): S.TRIGGER_PENDING,
    (S.UNKNOWN, Act.RESTS): S.TRIGGER_PENDING,
    (S.TRIGGER_PENDING, Act.REMOVED): S.CANCELLED,
    (S.UNKNOWN, Act.REMOVED): S.CANCELLED,
    (S.TRIGGER_PENDING, Act.LAPSED): S.EXPIRED,
    (S.UNKNOWN, Act.LAPSED): S.EXPIRED,
    (S.TRIGGER_PENDING, Act.STOPPED): S.REJECTED,
    (S.UNKNOWN, Act.STOPPED): S.REJECTED,
    (S.SENT, Act.BOOK_GONE): S.UNKNOWN,
    (S.OPEN, Act.BOOK_GONE): S.UNKNOWN,
    (S.TRIGGER_PENDING, Act.BOOK_GONE): S.UNKNOWN,
    (S.PARTIALLY_FILLED, Act.BOOK_GONE): S.UNKNOWN,
    (S.UNKNOWN, Act.CLOSED_FILLED): S.FILLED,
    (S.UNKNOWN, Act.CLOSED_CANCELLED): S.CANCELLED,
    (S.UNKNOWN, Act.CLOSED_NOT_PLACED): S.FAILED,
}

SHOWN_AS = frozenset(
    {
        (OrderType.MARKET, OrderType.LIMIT),
        (OrderType.SL, OrderType.LIMIT),
        (OrderType.SL_M, OrderType.MARKET),
        (OrderType.SL_M, OrderType.LIMIT),
    }
)
"""What was asked for, and what a book may show of it without any modification."""

_PROGRESS = {S.SENT: 0, S.TRIGGER_PENDING: 1, S.OPEN: 2, S.PARTIALLY_FILLED: 3}


def move(order: Order, act: Act, now: datetime) -> Order:
    """Return `order` after one of our own acts.

    Raises
    ------
    Conflict
        The act is not possible where the order is.
    """
    target = TRANSITIONS.get((order.status, act))
    if target is None:
        raise Conflict(f"Order {order.id} is {order.status}: {act} is not possible there.", hint="Look at it again.")
    return replace(order, status=target, updated_at=now, final_at=now if target.final else None)


def accepted(order: Order, broker_order_id: str | None, now: datetime) -> Order:
    """Return `order` after the broker's answer that it took it, legal on any status like every fact of the broker's.

    What the book has shown already stands. An order that ended without a broker id (FAILED by absence) is reopened.
    """
    known = order.status.live or (order.status.final and order.broker_order_id is not None)
    moved = order if known else replace(order, status=S.SENT, final_at=None)
    return replace(moved, broker_order_id=order.broker_order_id or broker_order_id, updated_at=now)


def rests(order: Order, now: datetime) -> Order:
    """Return `order` after the broker's word that its trigger rests there, legal on any status like every fact of the broker's.

    A wish that had ended without a trace at the broker (FAILED by absence) is reopened.
    """
    if order.status in (S.SENDING, S.UNKNOWN):
        return replace(move(order, Act.RESTS, now), unsettled=False)
    return replace(order, status=S.TRIGGER_PENDING, final_at=None, updated_at=now)


def observe(order: Order, row: BrokerOrder, now: datetime, *, pushed: bool = False) -> Order:
    """Return `order` after a row of the broker's book that is known to be its own (by broker id or by tag).

    Idempotent; news older than what is known changes nothing. A final order that never had a broker id (FAILED by
    absence, refused at the door, withdrawn here) is reopened by any row: the broker's book outweighs our proof.

    Parameters
    ----------
    pushed : bool
        The row was pushed, and may come late, twice or out of order: it moves the order forward only, and a modification that
        it shows waits for the book. Whatever the order of arrival, the same rows end in the same state.
    """
    filled = max(order.filled_quantity, row.filled_quantity)
    known = replace(
        order,
        broker_order_id=order.broker_order_id or row.broker_order_id,
        exchange_order_id=row.exchange_order_id or order.exchange_order_id,
        filled_quantity=filled,
        average_price=_average(order, row, filled),
    )
    target = _target(order, row, filled, pushed=pushed)
    if target is not None:
        reason = order.broker_reason if pushed and not target.final else row.reason or order.broker_reason
        known = replace(known, status=target, broker_status=row.broker_status, broker_reason=reason, unsettled=False)
        known = replace(known, request=_as_working(order.request, row) if target.live and not pushed else known.request)
    if known == order:
        return order
    final_at = (order.final_at or now) if known.status.final else None
    return replace(known, updated_at=now, final_at=final_at)


def _average(order: Order, row: BrokerOrder, filled: int) -> Decimal | None:
    """The broker's average belongs to the broker's filled quantity, and gives way to one that we have for that quantity:
    ours comes from the executions once they are listed, and is not rounded.
    """
    if filled == order.filled_quantity and order.average_price is not None:
        return order.average_price
    return (
        row.average_price if filled == row.filled_quantity and row.filled_quantity and row.average_price else order.average_price
    )


def _target(order: Order, row: BrokerOrder, filled: int, *, pushed: bool) -> OrderStatus | None:
    """Return the status that the row leads to, None for old news."""
    said = row.status
    if said is None:
        said = S.SENT if order.status not in _PROGRESS else order.status
    if said.live and filled > 0:
        said = S.PARTIALLY_FILLED
    if said is S.CANCELLED and filled >= row.quantity > 0:
        said = S.FILLED
    if not order.status.final or order.broker_order_id is None:
        behind = said in _PROGRESS and _PROGRESS[said] < _PROGRESS.get(order.status, -1) + pushed
        if not behind or pushed:
            return None if behind else said
        changed = _kind_at_work(order.request.order_type, row) is not order.request.order_type
        return said if said is S.TRIGGER_PENDING and changed else None
    if order.status is not S.FILLED and filled > order.filled_quantity:
        return S.FILLED if filled >= order.request.quantity else order.status
    return None


def _as_working(request: OrderRequest, row: BrokerOrder) -> OrderRequest:
    """Take over type, price, trigger and quantity as they work at the broker (a modification shows here first)."""
    kind = _kind_at_work(request.order_type, row)
    price = row.price if kind.has_price and row.order_type is kind and row.price else request.price
    trigger = row.trigger_price if kind.has_trigger and row.trigger_price else request.trigger_price
    quantity = row.quantity or request.quantity
    return replace(
        request,
        order_type=kind,
        price=price if kind.has_price else None,
        trigger_price=trigger if kind.has_trigger else None,
        quantity=quantity,
        disclosed_quantity=min(request.disclosed_quantity, quantity),
    )


def _kind_at_work(wanted: OrderType, row: BrokerOrder) -> OrderType:
    """Return the row's type where a modification may have brought it about.

    A stop that fired, and a market order within its protection, are shown as what is left of them; they keep their own.
    """
    shown = row.order_type
    if shown is None or shown is wanted or (wanted, shown) in SHOWN_AS:
        return wanted
    complete = (row.price or not shown.has_price) and (row.trigger_price or not shown.has_trigger)
    return shown if complete else wanted


def executed(order: Order, quantity: int, average_price: Decimal | None, now: datetime) -> Order:
    """Return `order` after its Fill rows sum to `quantity` units at `average_price` rupees; legal on any status."""
    if quantity < order.filled_quantity or not quantity:
        return order
    status, wanted = order.status, order.request.quantity
    if quantity >= wanted:
        status = S.FILLED
    elif status.live or status in (S.SENDING, S.UNKNOWN, S.FAILED):
        status = S.PARTIALLY_FILLED
    known = replace(order, filled_quantity=quantity, average_price=average_price, status=status)
    if known == order:
        return order
    return replace(known, updated_at=now, final_at=(order.final_at or now) if status.final else None)
