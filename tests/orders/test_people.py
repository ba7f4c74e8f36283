"""What a person says, asks twice or types wrong: no word of theirs makes an order up, and none is guessed at."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import pytest

from sigma.domain.errors import Conflict, InvalidInput, InvalidOrder, SigmaError
from sigma.domain.orders import CommandKind, CommandState, Order, OrderStatus, OrderType, Source
from tests.orders.stage import KITE, SMART, Stage, eventually

BOTH = pytest.mark.parametrize("account", [KITE, SMART])


def unknown(stage: Stage, account: str = KITE, quantity: int = 5) -> Order:
    """Return an order whose answer was lost and which never arrived."""
    stage.fault("drop_before_commit")
    order = stage.order(account, quantity=quantity)
    stage.send(account)
    assert stage.get(order).status is OrderStatus.UNKNOWN
    return order


@BOTH
@pytest.mark.parametrize("named", ["", "999999999999", "of-yesterday"])
def test_an_id_that_the_book_does_not_show_is_attached_to_nothing(stage: Stage, account: str, named: str) -> None:
    order = unknown(stage, account)
    with pytest.raises(InvalidInput, match="shows no order"):
        stage.desk.orders.resolve(order.id, broker_order_id=named, reason="seen")
    assert stage.get(order) == stage.desk.orders.get(order.id)
    assert stage.get(order).status is OrderStatus.UNKNOWN
    assert stage.command(order).state is CommandState.UNKNOWN


def test_an_order_for_something_else_is_attached_to_nothing(stage: Stage) -> None:
    order = unknown(stage)
    stage.fault("lost_tag")
    other = stage.order(side="SELL", quantity=5)
    stage.send()
    there = next(row["order_id"] for row in stage.exchange.orders("") if row["side"] == "SELL")
    assert stage.get(other).broker_order_id == there
    with pytest.raises(Conflict):
        stage.desk.orders.resolve(order.id, broker_order_id=there, reason="seen")
    assert stage.get(order).status is OrderStatus.UNKNOWN


@pytest.mark.parametrize(
    "said",
    [
        {"executed": 5},
        {"executed": 5, "average_price": 0},
        {"executed": 5, "average_price": -1450},
        {"executed": 5, "average_price": "abc"},
        {"executed": 5, "average_price": math.nan},
        {"executed": 6, "average_price": 1450},
        {"executed": -1, "average_price": 1450},
        {"executed": 2.5, "average_price": 1450},
        {"executed": 5, "average_price": 1450, "broker_order_id": "1"},
        {"executed": 5, "average_price": 1450, "reason": " "},
    ],
)
def test_half_a_word_closes_no_order(stage: Stage, said: dict[str, object]) -> None:
    order = unknown(stage)
    with pytest.raises(SigmaError):
        stage.desk.orders.resolve(order.id, **({"reason": "the contract note"} | said))  # type: ignore[arg-type]
    assert stage.get(order).status is OrderStatus.UNKNOWN


def test_what_was_executed_is_recorded_with_its_price(stage: Stage) -> None:
    order = unknown(stage)
    closed = stage.desk.orders.resolve(order.id, executed=2, average_price="1,450.25", reason="the contract note")
    assert (closed.status, closed.filled_quantity, closed.average_price) == (OrderStatus.CANCELLED, 2, Decimal("1450.25"))


@BOTH
def test_a_modification_of_the_type_shows_once_the_book_does(stage: Stage, account: str) -> None:
    order = stage.resting(account)
    stage.desk.orders.modify(order.id, order_type="SL", trigger_price=1549.0, price=1550.0)
    stage.send(account)
    changed = stage.settled(order, account, lambda now: now.request.order_type is OrderType.SL)
    assert (changed.request.trigger_price, changed.request.price) == (Decimal(1549), Decimal(1550))
    assert changed.status is OrderStatus.TRIGGER_PENDING


@BOTH
def test_a_modification_to_a_market_order_goes_out_as_the_broker_takes_one(stage: Stage, account: str) -> None:
    order = stage.resting(account)
    stage.desk.orders.modify(order.id, order_type="MARKET")
    stage.send(account)
    assert stage.command(order, CommandKind.MODIFY).state is CommandState.ANSWERED
    assert stage.settled(order, account).status is OrderStatus.FILLED


def test_a_modification_of_the_type_alone_is_not_taken_for_done_when_its_answer_is_lost(stage: Stage) -> None:
    order = stage.resting()
    stage.waits()
    stage.fault("drop_before_commit", "modify")
    stage.desk.orders.modify(order.id, order_type="MARKET")
    stage.send()
    assert stage.settles(order, CommandKind.MODIFY).state is CommandState.REFUSED
    assert stage.get(order).status is OrderStatus.OPEN


def test_a_price_left_empty_stays_as_it_is(stage: Stage) -> None:
    order = stage.resting()
    stage.desk.orders.modify(order.id, price=None, quantity=7)
    assert stage.command(order, CommandKind.MODIFY).payload == {"quantity": "7"}
    with pytest.raises(InvalidInput):
        stage.desk.orders.modify(order.id, price=None)


@pytest.mark.parametrize("typed", [{"price": math.nan}, {"price": "abc"}, {"quantity": "many"}, {"quantity": 1.5}])
def test_what_is_no_number_is_refused_in_words(stage: Stage, typed: dict[str, object]) -> None:
    with pytest.raises(InvalidOrder, match="must be a"):
        stage.order(**({"price": 1450.0} | typed))  # type: ignore[arg-type]
    assert stage.orders(KITE) == []


def test_an_id_repeated_with_another_quantity_or_account_is_another_wish(stage: Stage) -> None:
    first = stage.order(quantity=5, client_order_id="ONEWISH000000001")
    assert stage.order(quantity=5, client_order_id="ONEWISH000000001").id == first.id
    with pytest.raises(Conflict, match="another order"):
        stage.order(quantity=10, client_order_id="ONEWISH000000001")
    with pytest.raises(Conflict, match="another order"):
        stage.order(SMART, quantity=5, client_order_id="ONEWISH000000001")


def test_a_repeat_of_an_order_from_elsewhere_is_the_person_s_own(stage: Stage) -> None:
    stage.placed_elsewhere()
    stage.sync()
    (adopted,) = stage.orders(KITE)
    copy = stage.desk.orders.requeue(adopted.id)
    assert (copy.source, copy.parent_id, copy.broker_order_id) == (Source.PERSON, adopted.id, None)
    stage.fault("lost_tag")
    stage.desk.orders.approve(copy.id, account=KITE)
    stage.send()
    stage.settled(copy)
    assert "does not echo our tag" in (stage.account().frozen_reason or "")


def test_asking_twice_for_a_repeat_makes_one_and_a_new_one_once_it_went(stage: Stage) -> None:
    order = stage.order()
    stage.desk.orders.cancel(order.id)
    copy = stage.desk.orders.requeue(order.id)
    with pytest.raises(Conflict, match="waits already"):
        stage.desk.orders.requeue(order.id)
    stage.desk.orders.cancel(copy.id)
    assert stage.desk.orders.requeue(order.id).parent_id == order.id


def test_an_order_that_a_restored_copy_shows_waiting_gets_the_account_where_its_row_is(stage: Stage) -> None:
    order = stage.order()
    stage.send()
    with stage.house.store.begin() as tx:
        before = replace(tx.orders.get(order.id), status=OrderStatus.WAITING, account_id=None, broker_order_id=None)
        tx.orders.save(before)
    found = stage.settled(order)
    assert (found.status, found.account_id) == (OrderStatus.FILLED, stage.account().id)
    assert [one.id for one in stage.orders(KITE)] == [order.id]


def test_an_order_that_only_a_person_can_close_hides_no_later_order_from_elsewhere(stage: Stage) -> None:
    first = stage.order()
    stage.send()
    stage.settled(first)
    order = unknown(stage)
    stage.overnight()
    eventually(lambda: stage.glance() and stage.get(order).unsettled)
    stage.exchange.post("clock", set="2026-11-23T10:00:00+05:30")
    stage.advance(0)
    stage.placed_elsewhere()
    assert stage.sync().adopted == 1
    assert stage.get(order).status is OrderStatus.UNKNOWN


@pytest.mark.parametrize("limits", [{"account": KITE}, {"strategy": "Supertrend"}, {"max_order_value": "abc"}])
def test_limits_hold_for_what_they_name_or_are_refused(stage: Stage, limits: dict[str, object]) -> None:
    with pytest.raises(SigmaError):
        stage.desk.risk.set(**({"max_quantity_per_order": 5} | limits))  # type: ignore[arg-type]
    assert stage.desk.risk.table().empty
