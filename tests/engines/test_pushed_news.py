"""Pushed rows come late, twice and out of order: the same rows end in the same state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.answers import BrokerOrder
from sigma.domain.orders import Order, OrderStatus, OrderType
from sigma.engines import lifecycle
from tests.engines.build import NOW, order, request, row

S = OrderStatus
TOTAL = 10


@st.composite
def lives(draw: st.DrawFn) -> list[BrokerOrder]:
    """The rows a broker shows of one order, in the order in which they came about."""
    rows = [row(status=S.SENT, broker_status="PUT ORDER REQ RECEIVED")] if draw(st.booleans()) else []
    if draw(st.booleans()):
        rows.append(row(status=S.TRIGGER_PENDING, broker_status="TRIGGER PENDING", trigger_price=Decimal(1490)))
    rows.append(row(exchange_order_id="X1"))
    filled = 0
    for step in draw(st.lists(st.integers(1, 4), max_size=3)):
        if filled + step >= TOTAL:
            break
        filled += step
        rows.append(_executed(filled, S.PARTIALLY_FILLED, draw(st.sampled_from(["OPEN", "UPDATE"]))))
        rows += [replace(rows[-1], price=Decimal(1510), broker_status="MODIFY PENDING")] if draw(st.booleans()) else []
    end = draw(st.sampled_from(["filled", "cancelled", "rejected", "working"]))
    if end == "filled":
        rows.append(_executed(TOTAL, S.FILLED, "COMPLETE"))
    elif end == "cancelled":
        rows.append(replace(_executed(filled, S.CANCELLED, "CANCELLED"), reason="as asked"))
    elif end == "rejected" and not filled:
        rows.append(row(status=S.REJECTED, broker_status="REJECTED", reason="RMS: no"))
    return rows


def _executed(filled: int, status: OrderStatus, word: str) -> BrokerOrder:
    average = Decimal(1500) + Decimal(filled) / 100 if filled else None
    return row(status=status, broker_status=word, filled_quantity=filled, average_price=average, exchange_order_id="X1")


def after(first: Order, rows: Sequence[BrokerOrder]) -> Order:
    for each in rows:
        first = lifecycle.observe(first, each, NOW, pushed=True)
    return first


def told(seen: Order) -> tuple[object, ...]:
    words = (seen.broker_status, seen.broker_reason) if seen.status.final else ()
    return (seen.status, seen.filled_quantity, seen.average_price, seen.broker_order_id, seen.request, seen.final_at, *words)


@given(st.data(), lives(), st.sampled_from([S.SENDING, S.SENT, S.UNKNOWN, S.OPEN]))
def test_any_order_and_any_repetition_of_rows_ends_like_the_true_one(
    data: st.DataObject, rows: list[BrokerOrder], status: OrderStatus
) -> None:
    first = order(status, broker_order_id=None if status in (S.SENDING, S.UNKNOWN) else "B1")
    repeated = rows + data.draw(st.lists(st.sampled_from(rows), max_size=6))
    shuffled = data.draw(st.permutations(repeated))
    assert told(after(first, shuffled)) == told(after(first, rows))


@given(lives())
def test_what_was_pushed_already_changes_nothing(rows: list[BrokerOrder]) -> None:
    seen = after(order(S.SENT, broker_order_id="B1"), rows)
    assert after(seen, rows) == seen


def test_a_modification_that_a_push_shows_waits_for_the_book() -> None:
    shown = row(price=Decimal(1520), quantity=8, order_type=OrderType.LIMIT)
    working = order(S.OPEN, broker_order_id="B1", broker_status="OPEN")
    assert lifecycle.observe(working, shown, NOW, pushed=True).request == request()
    assert lifecycle.observe(working, shown, NOW).request.price == Decimal(1520)
