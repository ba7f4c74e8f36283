"""Rule 6: modifications and cancellations are writes too, and their lost answers are settled from the book."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sigma.domain.errors import Conflict
from sigma.domain.orders import CommandKind, CommandState, OrderStatus, Outcome
from tests.orders.stage import KITE, SMART, Stage

BOTH = pytest.mark.parametrize("account", [KITE, SMART])
LOST_BUT_DONE = ["drop_after_commit", "html_504_after_commit", "garbage", "no_order_id"]
LOST_AND_NOT_DONE = ["drop_before_commit", "html_504"]


@BOTH
def test_a_modification_shows_once_the_book_does(stage: Stage, account: str) -> None:
    order = stage.resting(account)
    stage.desk.orders.modify(order.id, price=1440.0, quantity=7)
    stage.send(account)
    changed = stage.settled(order, account, lambda now: now.request.quantity == 7)
    assert (changed.request.price, changed.status) == (Decimal(1440), OrderStatus.OPEN)
    assert stage.command(order, CommandKind.MODIFY).state is CommandState.ANSWERED


@BOTH
@pytest.mark.parametrize("kind", LOST_BUT_DONE)
def test_a_modification_whose_answer_is_lost_is_compared_with_the_book(stage: Stage, account: str, kind: str) -> None:
    order = stage.resting(account)
    stage.waits()
    stage.fault(kind, "modify")
    stage.desk.orders.modify(order.id, price=1440.0)
    stage.send(account)
    assert stage.command(order, CommandKind.MODIFY).state is CommandState.UNKNOWN
    assert stage.settles(order, CommandKind.MODIFY, account).state is CommandState.ANSWERED
    assert stage.get(order).request.price == Decimal(1440)
    assert len(stage.requests("modify")) == 1


@BOTH
@pytest.mark.parametrize("kind", LOST_AND_NOT_DONE)
def test_a_modification_that_did_not_happen_is_not_made_again_by_itself(stage: Stage, account: str, kind: str) -> None:
    order = stage.resting(account)
    stage.waits()
    stage.fault(kind, "modify")
    stage.desk.orders.modify(order.id, price=1440.0)
    stage.send(account)
    assert stage.settles(order, CommandKind.MODIFY, account).state is CommandState.REFUSED
    assert stage.send(account) == 0
    assert stage.get(order).request.price == Decimal(1450)
    stage.desk.orders.modify(order.id, price=1440.0)
    stage.send(account)
    assert stage.settled(order, account, lambda now: now.request.price == Decimal(1440)).status is OrderStatus.OPEN


@BOTH
def test_a_cancellation_ends_the_order(stage: Stage, account: str) -> None:
    order = stage.resting(account)
    assert stage.desk.orders.cancel(order.id).cancel_wanted
    stage.send(account)
    assert stage.settled(order, account).status is OrderStatus.CANCELLED
    with pytest.raises(Conflict, match="CANCELLED already"):
        stage.desk.orders.cancel(order.id)


@BOTH
@pytest.mark.parametrize("kind", LOST_AND_NOT_DONE)
def test_a_cancellation_of_unknown_outcome_is_made_again_while_the_order_works(stage: Stage, account: str, kind: str) -> None:
    order = stage.resting(account)
    stage.waits()
    stage.fault(kind, "cancel")
    stage.desk.orders.cancel(order.id)
    stage.send(account)
    assert stage.command(order, CommandKind.CANCEL).state is CommandState.UNKNOWN
    assert stage.send(account) == 0
    first = stage.command(order, CommandKind.CANCEL).id
    stage.settled(order, account, lambda _: stage.command(order, CommandKind.CANCEL).id != first)
    assert stage.send(account) == 1
    assert stage.settled(order, account).status is OrderStatus.CANCELLED
    assert len(stage.requests("cancel")) == 2


@BOTH
@pytest.mark.parametrize("kind", LOST_BUT_DONE)
def test_a_cancellation_whose_answer_is_lost_is_found_in_the_book(stage: Stage, account: str, kind: str) -> None:
    order = stage.resting(account)
    stage.waits()
    stage.fault(kind, "cancel")
    stage.desk.orders.cancel(order.id)
    stage.send(account)
    assert stage.settled(order, account).status is OrderStatus.CANCELLED
    assert stage.command(order, CommandKind.CANCEL).state is CommandState.ANSWERED
    assert len(stage.requests("cancel")) == 1


@pytest.mark.parametrize("point", ["claimed", "cancel", "bytes_left", "answered"])
def test_a_sender_that_dies_in_a_cancellation_leaves_one_that_its_successor_finishes(stage: Stage, point: str) -> None:
    order = stage.resting()
    stage.waits()
    stage.desk.orders.cancel(order.id)
    stage.die(point)
    stage.successor()
    stage.settles(order, CommandKind.CANCEL)
    stage.send()
    assert stage.settled(order).status is OrderStatus.CANCELLED


@pytest.mark.parametrize("point", ["claimed", "modify", "bytes_left", "answered"])
def test_a_sender_that_dies_in_a_modification_leaves_an_order_that_shows_what_works(stage: Stage, point: str) -> None:
    order = stage.resting()
    stage.waits()
    stage.desk.orders.modify(order.id, price=1440.0)
    stage.die(point)
    stage.successor()
    settled = stage.settles(order, CommandKind.MODIFY)
    (row,) = stage.at_exchange(order)
    assert stage.get(order).request.price == Decimal(str(row["price"]))
    assert settled.state is (CommandState.ANSWERED if row["price"] == 1440.0 else CommandState.REFUSED)
    assert len(stage.requests("modify")) == (0 if point in ("claimed", "modify") else 1)


def test_an_approved_order_is_cancelled_here_and_never_sent(stage: Stage) -> None:
    order = stage.order()
    assert stage.desk.orders.cancel(order.id).status is OrderStatus.CANCELLED
    assert stage.send() == 0
    assert stage.requests("place") == []


def test_a_cancellation_of_an_unknown_order_goes_out_once_its_id_is_known(stage: Stage) -> None:
    stage.waits()
    stage.fault("drop_after_commit")
    order = stage.order(price=1450.0)
    stage.send()
    assert stage.desk.orders.cancel(order.id).cancel_wanted
    assert stage.send() == 0
    assert stage.requests("cancel") == []
    stage.settled(order, until=lambda now: now.status.live)
    assert stage.send() == 1
    assert stage.settled(order).status is OrderStatus.CANCELLED


def test_a_cancellation_wanted_while_the_order_is_on_its_way_goes_out_after_it(stage: Stage) -> None:
    order = stage.order(price=1450.0)
    sender = stage.sender()
    claimed = sender.claim(stage.command(order).id)
    assert claimed is not None
    stage.desk.orders.cancel(order.id)
    sender.send(claimed)
    assert stage.command(order, CommandKind.CANCEL).state is CommandState.PENDING
    stage.send()
    assert stage.settled(order).status is OrderStatus.CANCELLED


def test_a_cancellation_may_follow_a_modification_of_unknown_outcome_once_the_book_was_read(stage: Stage) -> None:
    order = stage.resting()
    stage.waits()
    stage.fault("drop_before_commit", "modify")
    stage.desk.orders.modify(order.id, price=1440.0)
    stage.send()
    assert stage.command(order, CommandKind.MODIFY).state is CommandState.UNKNOWN
    stage.desk.orders.cancel(order.id)
    assert stage.send() == 0
    stage.sync()
    assert stage.send() == 1
    assert stage.settled(order).status is OrderStatus.CANCELLED
    assert stage.command(order, CommandKind.MODIFY).state is CommandState.REFUSED


def test_a_second_modification_waits_until_the_first_is_answered(stage: Stage) -> None:
    order = stage.resting()
    stage.desk.orders.modify(order.id, price=1440.0)
    with pytest.raises(Conflict, match="is under way"):
        stage.desk.orders.modify(order.id, price=1430.0)


def test_a_modification_passes_the_risk_gate_before_and_at_the_claim(stage: Stage) -> None:
    order = stage.resting()
    stage.desk.risk.set(max_quantity_per_order=6)
    refused = stage.desk.orders.modify(order.id, quantity=7)
    assert "exceeds the limit of 6" in refused.risk_note
    stage.desk.orders.modify(order.id, quantity=6)
    stage.desk.risk.set(max_quantity_per_order=5)
    assert stage.send() == 0
    assert stage.command(order, CommandKind.MODIFY).state is CommandState.WITHDRAWN
    assert stage.get(order).status is OrderStatus.OPEN


def test_a_paused_account_still_cancels(stage: Stage) -> None:
    order = stage.resting()
    stage.desk.accounts.update(KITE, trading_mode="PAUSED")
    with pytest.raises(Conflict, match="paused"):
        stage.desk.orders.modify(order.id, price=1440.0)
    stage.desk.orders.cancel(order.id)
    stage.send()
    assert stage.settled(order).status is OrderStatus.CANCELLED


def test_exit_only_leaves_room_to_reprice_an_exit_that_is_partly_executed(stage: Stage) -> None:
    stage.executed(quantity=10)
    stage.exchange.post("config", liquidity_replenish_s=None)
    stage.exchange.post("liquidity", listing="NSE:INFY", bid_quantity=4, ask_quantity=0)
    stage.desk.accounts.update(KITE, trading_mode="EXIT_ONLY")
    exit_order = stage.order(side="SELL", quantity=10, price=1499.95)
    stage.send()
    partly = stage.settled(exit_order, until=lambda now: now.filled_quantity > 0)
    assert partly.filled_quantity == 4
    assert "at most 10 can be closed" in stage.desk.orders.modify(exit_order.id, quantity=11).risk_note
    assert stage.desk.orders.modify(exit_order.id, price=1499.0).risk_note == ""


def test_a_person_s_cancel_goes_out_although_the_broker_refused_before(stage: Stage) -> None:
    order = stage.resting()
    stage.fault("json_429", "cancel", times=5)
    stage.desk.orders.cancel(order.id)
    for _ in range(5):
        assert stage.send() == 1
        stage.sync()
    assert stage.command(order, CommandKind.CANCEL).outcome is Outcome.REFUSED
    assert stage.send() == 0
    stage.desk.orders.cancel(order.id)
    assert stage.send() == 1
    assert stage.settled(order).status is OrderStatus.CANCELLED
