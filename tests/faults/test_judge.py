"""The count can see what it is there to see: a double, a loss, an outcome left open."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from sigma.domain.orders import Order, OrderStatus, OrderType, Product, Side
from sigma.simulator.model import PlaceRequest
from tests.faults.judge import Intended, Record, Truth, Verdict, judge
from tests.faults.world import record_of, truth_of
from tests.orders.stage import BROKERS, CLIENTS, KITE, Stage


def played(stage: Stage) -> tuple[Order, list[Intended]]:
    """Return an order that was sent and settled, and the intention behind it."""
    order = stage.order()
    stage.send()
    settled = stage.settled(order)
    assert settled.status is OrderStatus.FILLED
    return settled, [Intended(1, KITE, order.id, order.client_order_id)]


def facts(stage: Stage) -> tuple[Truth, Record]:
    return truth_of(stage.exchange, CLIENTS.values()), record_of(stage.house.store)


def verdict(stage: Stage, intended: list[Intended]) -> Verdict:
    return judge(intended, *facts(stage), CLIENTS)


def with_order(record: Record, order: Order) -> Record:
    """Return a record in which one order reads differently."""
    return replace(record, orders={**record.orders, KITE: [order]})


def test_an_order_that_was_executed_once_and_is_recorded_is_no_complaint(stage: Stage) -> None:
    _, intended = played(stage)
    assert verdict(stage, intended).clean


def test_a_second_order_with_the_same_tag_is_counted_as_doubled(stage: Stage) -> None:
    order, intended = played(stage)
    account = stage.server.exchange.account(BROKERS[KITE], CLIENTS[KITE])
    assert account is not None
    again = PlaceRequest("NSE:INFY", Side.BUY, 5, OrderType.MARKET, Product.MIS, tag=order.client_order_id)
    stage.server.exchange.place(account, again, request_ns=1)
    assert [case.order_id for case in verdict(stage, intended).doubled] == [order.id]


def test_two_place_requests_with_one_tag_are_counted_as_doubled_even_when_one_came_to_nothing(stage: Stage) -> None:
    order, intended = played(stage)
    truth, record = facts(stage)
    twice = replace(truth, writes=[*truth.writes, *truth.writes])
    assert order.client_order_id in judge(intended, twice, record, CLIENTS).doubled[0].text


def test_two_rows_of_one_request_are_the_exchange_s_own_doubling(stage: Stage) -> None:
    stage.fault("twin_rows")
    _, intended = played(stage)
    found = verdict(stage, intended)
    assert found.clean
    assert len(found.twins) == 1


def test_a_lost_broker_id_is_counted_as_lost(stage: Stage) -> None:
    order, intended = played(stage)
    truth, record = facts(stage)
    found = judge(intended, truth, with_order(record, replace(order, broker_order_id=None)), CLIENTS)
    assert {case.order_id for case in found.lost} >= {order.id}


@pytest.mark.parametrize(
    "changes",
    [
        {"status": OrderStatus.FAILED},
        {"status": OrderStatus.CANCELLED},
        {"filled_quantity": 4},
        {"average_price": Decimal(1)},
    ],
    ids=["another end", "cancelled", "less filled", "another price"],
)
def test_an_order_that_we_record_otherwise_than_it_ended_is_counted_as_lost(stage: Stage, changes: dict[str, object]) -> None:
    order, intended = played(stage)
    truth, record = facts(stage)
    found = judge(intended, truth, with_order(record, replace(order, **changes)), CLIENTS)  # type: ignore[arg-type]
    assert [case.order_id for case in found.lost] == [order.id]


def test_an_execution_that_is_missing_or_invented_is_counted_as_lost(stage: Stage) -> None:
    _, intended = played(stage)
    truth, record = facts(stage)
    fills = list(record.fills[KITE])
    fewer = replace(record, fills={KITE: fills[1:]})
    more = replace(record, fills={KITE: [*fills, fills[0]]})
    assert "is not in our ledger" in judge(intended, truth, fewer, CLIENTS).lost[0].text
    assert "is only in our ledger" in judge(intended, truth, more, CLIENTS).lost[0].text


def test_an_order_of_the_exchange_that_we_do_not_know_is_counted_as_lost(stage: Stage) -> None:
    _, intended = played(stage)
    stage.placed_elsewhere(quantity=2)
    assert "we know nothing of it" in verdict(stage, intended).lost[0].text


@pytest.mark.parametrize("status", [OrderStatus.WAITING, OrderStatus.APPROVED, OrderStatus.SENT, OrderStatus.FILLED])
def test_an_intention_that_ended_nowhere_is_counted_as_lost(stage: Stage, status: OrderStatus) -> None:
    order, intended = played(stage)
    _, record = facts(stage)
    nothing = Truth([], [], [])
    ours = with_order(replace(record, fills={KITE: []}), replace(order, status=status, broker_order_id=None))
    assert [case.order_id for case in judge(intended, nothing, ours, CLIENTS).lost] == [order.id]


@pytest.mark.parametrize("status", [OrderStatus.SENDING, OrderStatus.UNKNOWN])
def test_an_outcome_left_open_is_counted_as_unsettled_unless_its_book_was_removed(stage: Stage, status: OrderStatus) -> None:
    order, intended = played(stage)
    _, record = facts(stage)
    ours = with_order(replace(record, fills={KITE: []}), replace(order, status=status, broker_order_id=None))
    assert [case.order_id for case in judge(intended, Truth([], [], []), ours, CLIENTS).unsettled] == [order.id]
    assert judge(intended, Truth([], [], []), ours, CLIENTS, [order.id]).unsettled == []


def test_a_write_left_open_is_counted_as_unsettled(stage: Stage) -> None:
    order, intended = played(stage)
    truth, record = facts(stage)
    found = judge(intended, truth, replace(record, writes=[stage.command(order)]), CLIENTS)
    assert [case.order_id for case in found.unsettled] == [order.id]
