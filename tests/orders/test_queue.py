"""Rule 1 and the queue: intents are stored with what caused them, approved on a named account, repeated only by a person."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sigma.domain.errors import Conflict, InvalidOrder
from sigma.domain.orders import CommandState, Order, OrderStatus, Source
from tests.orders.stage import KITE, SMART, Stage


def signalled(stage: Stage, minutes_ago: float | None = None) -> Order:
    """Let a signal come in whose bar closed so long ago (None: it names no bar), and return its waiting order."""
    message: dict[str, object] = {
        "secret": stage.secret,
        "symbol": "NSE:INFY",
        "order_action": "BUY",
        "quantity": 5,
        "order_id": f"alert-{minutes_ago}",
    }
    if minutes_ago is not None:
        message["bar_time"] = (stage.house.clock.now() - timedelta(minutes=minutes_ago)).isoformat()
    return stage.desk.orders.get(stage.desk.signals.receive(message).order_ids[0])


@pytest.mark.parametrize("account", [KITE, SMART])
def test_a_signal_goes_through_the_queue_to_its_execution_on_the_account_chosen(stage: Stage, account: str) -> None:
    order = signalled(stage, 1)
    assert (order.status, order.account_id, order.source) == (OrderStatus.WAITING, None, Source.WEBHOOK)
    stage.desk.orders.approve(order.id, account=account)
    stage.send(account)
    assert stage.settled(order, account).status is OrderStatus.FILLED
    story = stage.desk.orders.why(order.id)
    assert story.signal is not None
    assert (len(story.decisions), len(story.commands), len(story.fills)) == (1, 1, 1)
    assert len(stage.at_exchange(order)) == 1


def test_a_late_signal_asks_again_at_approval(stage: Stage) -> None:
    order = signalled(stage, 16)
    assert order.stale_reason.startswith("late: its bar time")
    with pytest.raises(Conflict, match="its bar time was 16 min ago") as refused:
        stage.desk.orders.approve(order.id, account=KITE)
    assert refused.value.code == "LATE_SIGNAL"
    assert stage.desk.orders.approve(order.id, account=KITE, late=True).status is OrderStatus.APPROVED


@pytest.mark.parametrize("minutes", [None, 0.0], ids=["by receipt", "by bar time"])
def test_a_signal_that_grew_old_in_the_queue_asks_again_too(stage: Stage, minutes: float | None) -> None:
    order = signalled(stage, minutes)
    stage.advance(16 * 60)
    with pytest.raises(Conflict, match="16 min ago"):
        stage.desk.orders.approve(order.id, account=KITE)
    assert stage.desk.orders.approve(order.id, account=KITE, late=True).status is OrderStatus.APPROVED


def test_a_returned_order_of_a_late_signal_still_asks_again(stage: Stage) -> None:
    order = signalled(stage, 16)
    stage.desk.orders.approve(order.id, account=KITE, late=True)
    stage.advance(61)
    assert stage.send() == 0
    with pytest.raises(Conflict, match="late"):
        stage.desk.orders.approve(order.id, account=KITE)


@pytest.mark.parametrize("status", ["APPROVED", "SENDING", "UNKNOWN", "OPEN"])
def test_only_an_ended_order_is_repeated(stage: Stage, status: str) -> None:
    order = stage.resting() if status == "OPEN" else stage.order()
    if status == "SENDING":
        stage.sender().claim(stage.command(order).id)
    if status == "UNKNOWN":
        stage.waits()
        stage.fault("drop_before_commit")
        stage.send()
    assert stage.get(order).status == status
    with pytest.raises(Conflict, match=f"is {status}: only an ended order can be repeated"):
        stage.desk.orders.requeue(order.id)


def test_a_repeated_order_is_a_new_one_of_its_own_and_linked(stage: Stage) -> None:
    stage.waits()
    stage.fault("drop_before_commit")
    order = stage.order()
    stage.send()
    stage.settled(order)
    again = stage.desk.orders.requeue(order.id)
    assert (again.parent_id, again.generation, again.status) == (order.id, 1, OrderStatus.WAITING)
    assert again.client_order_id != order.client_order_id
    stage.desk.orders.approve(again.id, account=SMART)
    stage.send(SMART)
    assert stage.settled(again, SMART).status is OrderStatus.FILLED
    assert stage.at_exchange(order) == []


def test_a_repeated_submission_with_one_id_is_one_order(stage: Stage) -> None:
    first = stage.order(client_order_id="ABCDEFGH01234567")
    again = stage.order(client_order_id="ABCDEFGH01234567")
    assert first.id == again.id
    assert stage.send() == 1
    with pytest.raises(Conflict, match="belongs to another order"):
        stage.order(side="SELL", client_order_id="ABCDEFGH01234567")
    with pytest.raises(InvalidOrder, match="16 characters"):
        stage.order(client_order_id="too-short")


def test_a_waiting_order_is_edited_and_taken_back_here(stage: Stage) -> None:
    order = stage.order(None, queue=True)
    edited = stage.desk.orders.edit(order.id, quantity=3)
    assert edited.request.quantity == 3
    with pytest.raises(Conflict, match="changed meanwhile"):
        stage.desk.orders.approve(order.id, account=KITE, version=order.version)
    assert stage.desk.orders.cancel(order.id).status is OrderStatus.CANCELLED
    with pytest.raises(Conflict, match="CANCELLED, not waiting"):
        stage.desk.orders.approve(order.id, account=KITE)
    assert stage.desk.orders.why(order.id).commands == ()


def test_an_order_refused_by_the_risk_gate_never_reaches_a_broker(stage: Stage) -> None:
    stage.desk.risk.set(max_order_value=1000)
    order = stage.order(quantity=5, price=1500.0)
    assert order.status is OrderStatus.REJECTED_RISK
    assert "exceeds the limit" in order.risk_note
    assert stage.send() == 0
    assert stage.requests("place") == []


def test_an_approved_order_survives_the_death_of_the_sender_before_its_claim(stage: Stage) -> None:
    order = stage.order()
    stage.die("intent")
    stage.successor()
    assert stage.command(order).state is CommandState.PENDING
    assert stage.send() == 1
    assert stage.settled(order).status is OrderStatus.FILLED
    assert len(stage.requests("place")) == 1
