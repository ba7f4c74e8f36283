"""Rule 3: one committed claim, in which everything that may have changed since the approval is read again."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace

import pytest

from sigma.domain.errors import Conflict, SigmaError
from sigma.domain.orders import CommandKind, CommandState, Order, OrderStatus
from sigma.ports.storage import Store, Unit
from sigma.services.orders.send import Sender, WritesStopped
from tests.orders.stage import KITE, SMART, Stage


def test_an_approval_that_is_too_old_goes_back_to_the_queue_and_says_so(stage: Stage) -> None:
    order = stage.order()
    stage.advance(61)
    assert stage.send() == 0
    back = stage.get(order)
    assert (back.status, back.stale_reason) == (OrderStatus.WAITING, "approved 61 s ago and not sent")
    assert stage.command(order).state is CommandState.WITHDRAWN
    stage.desk.orders.approve(order.id, account=KITE)
    assert stage.send() == 1
    assert stage.settled(order).status is OrderStatus.FILLED
    assert len(stage.requests("place")) == 1


def test_the_kill_switch_between_approval_and_claim_returns_the_order(stage: Stage) -> None:
    order = stage.order()
    stage.desk.kill(reason="enough for today", cancel=False, flatten=False)
    assert stage.send() == 0
    back = stage.get(order)
    assert back.status is OrderStatus.WAITING
    assert "enough for today" in back.stale_reason
    assert stage.desk.orders.approve(order.id, account=KITE).status is OrderStatus.REJECTED_RISK


def test_the_kill_switch_of_one_account_leaves_the_other_alone(stage: Stage) -> None:
    stage.desk.kill(KITE, reason="only this one")
    assert stage.order(KITE).status is OrderStatus.REJECTED_RISK
    order = stage.order(SMART)
    stage.send(SMART)
    assert stage.settled(order, SMART).status is OrderStatus.FILLED


def test_pausing_between_approval_and_claim_returns_the_order(stage: Stage) -> None:
    order = stage.order()
    stage.desk.accounts.update(KITE, trading_mode="PAUSED")
    assert stage.send() == 0
    assert stage.get(order).stale_reason == "trading is paused"


def test_a_limit_lowered_between_approval_and_claim_returns_the_order(stage: Stage) -> None:
    order = stage.order(quantity=5)
    stage.desk.risk.set(max_quantity_per_order=4)
    assert stage.send() == 0
    assert "exceeds the limit of 4" in stage.get(order).stale_reason


def test_exit_only_cannot_flip_a_position_with_two_exits(stage: Stage) -> None:
    stage.executed(quantity=10)
    stage.desk.accounts.update(KITE, trading_mode="EXIT_ONLY")
    first, second = (stage.order(side="SELL", quantity=6) for _ in range(2))
    assert (first.status, second.status) == (OrderStatus.APPROVED, OrderStatus.APPROVED)
    assert (second.request.quantity, "at most 4 can be closed" in second.risk_note) == (4, True)
    assert stage.order(side="BUY", quantity=1).status is OrderStatus.REJECTED_RISK
    assert stage.order(side="SELL", quantity=1).status is OrderStatus.REJECTED_RISK
    stage.send()
    for order in (first, second):
        assert stage.settled(order).status is OrderStatus.FILLED
    assert stage.order(side="SELL", quantity=1).status is OrderStatus.REJECTED_RISK


def test_exit_only_counts_what_another_exit_executed_after_the_position_was_read(stage: Stage) -> None:
    stage.executed(quantity=10)
    stage.desk.accounts.update(KITE, trading_mode="EXIT_ONLY")
    first = stage.order(side="SELL", quantity=10)
    approval, account = stage.house.orders.approval, stage.account()
    waiting = stage.order(None, side="SELL", quantity=10, queue=True)
    before = approval.gather(waiting.request, account, "")
    assert before.position == 10
    stage.send()
    assert stage.settled(first).status is OrderStatus.FILLED
    with stage.house.store.begin() as tx:
        refused = approval.admit(tx, tx.orders.get(waiting.id), account, before)
    assert refused.status is OrderStatus.REJECTED_RISK


def test_an_exit_approved_before_another_one_executed_is_returned_at_its_claim(stage: Stage) -> None:
    stage.executed(quantity=10)
    stage.desk.accounts.update(KITE, trading_mode="EXIT_ONLY")
    first = stage.order(side="SELL", quantity=10)
    stage.desk.orders.cancel(first.id)
    second = stage.order(side="SELL", quantity=10)
    assert second.status is OrderStatus.APPROVED
    with stage.house.store.begin() as tx:  # the first had executed all the same, and only now it is known
        tx.orders.save(replace(tx.orders.get(first.id), filled_quantity=10))
    assert stage.send() == 0
    assert "at most 0 can be closed" in stage.get(second).stale_reason


def test_two_desks_that_approve_one_order_get_one_approval_and_one_conflict(stage: Stage) -> None:
    order = stage.order(None, queue=True)
    other = stage.another_house()
    try:
        stage.desk.orders.approve(order.id, account=KITE, version=order.version)
        with pytest.raises(Conflict, match="changed meanwhile"):
            other.orders.approval.approve(order.id, SMART, user_id=stage.user_id, version=order.version)
        with pytest.raises(Conflict, match="not waiting for approval"):
            other.orders.approval.approve(order.id, SMART, user_id=stage.user_id)
    finally:
        other.close()
    assert stage.send(KITE) == 1
    assert stage.send(SMART) == 0
    assert len(stage.requests("place")) == 1


def test_two_senders_of_one_account_claim_a_write_once(stage: Stage) -> None:
    """No lease can forbid a second call: the claim alone decides."""
    order = stage.order()
    first = stage.sender()
    stage.successor()
    second = stage.sender()
    assert first is not second
    number = stage.command(order).id
    claimed = [one for one in (first.claim(number), second.claim(number)) if one is not None]
    assert len(claimed) == 1
    first.send(claimed[0])
    assert stage.settled(order).status is OrderStatus.FILLED
    assert len(stage.requests("place")) == 1


def test_a_write_is_not_called_after_its_time(stage: Stage) -> None:
    stage.waits(orders_send_window=0.05)
    order = stage.order()
    sender = stage.sender()
    claimed = sender.claim(stage.command(order).id)
    assert claimed is not None
    stage.house.clock.wait(0.06)
    sender.send(claimed)
    assert stage.get(order).status is OrderStatus.FAILED
    assert stage.command(order).code == "TOO_LATE"
    assert stage.requests("place") == []


def test_an_expired_login_ends_the_order_as_not_sent(stage: Stage) -> None:
    order = stage.order()
    stage.desk.accounts.disconnect(KITE)
    assert stage.send() == 1
    failed = stage.get(order)
    assert failed.status is OrderStatus.FAILED
    assert "not connected" in failed.broker_reason
    assert stage.requests("place") == []


@dataclass
class UncertainCommits:
    """A store whose commits succeed but are answered by an error, once (as PostgreSQL's when the connection breaks)."""

    store: Store
    armed: bool = True

    @contextmanager
    def begin(self) -> Iterator[Unit]:
        with self.store.begin() as tx:
            yield tx
        if self.armed:
            self.armed = False
            raise SigmaError("the database did not answer whether the change was stored")

    def read(self) -> object:
        return self.store.read()

    def watch(self) -> object:
        return self.store.watch()


def uncertain(stage: Stage) -> Sender:
    """Return a sender whose next commit is answered by an error."""
    house = replace(stage.house.orders.house, store=UncertainCommits(stage.house.store))  # type: ignore[arg-type]
    number = stage.account().id
    return Sender(house, stage.house.orders.approval, number, stage.leases[KITE], stage.house.budget(number))


def test_a_claim_whose_commit_was_answered_by_an_error_is_read_back_and_called_once(stage: Stage) -> None:
    order = stage.order()
    stage.sender()
    assert uncertain(stage).run_once().sent == 1
    assert stage.settled(order).status is OrderStatus.FILLED
    assert len(stage.requests("place")) == 1


def test_a_claim_that_nobody_calls_is_declared_unknown_by_the_same_sender(stage: Stage) -> None:
    stage.waits()
    order = stage.order()
    sender = stage.sender()
    assert sender.claim(stage.command(order).id) is not None  # and then reading back failed as well
    assert sender.run_once().sent == 0
    assert stage.get(order).status is OrderStatus.UNKNOWN
    assert stage.settled(order).status is OrderStatus.FAILED
    assert stage.requests("place") == []


class FullDiskAt(AbstractContextManager["FullDiskAt"]):
    """A probe that fills the disk at a point, once: from there on no file of this process can grow, until it is left."""

    def __init__(self, point: str) -> None:
        self._point = point
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def reached(self, point: str) -> None:
        if point == self._point:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, self._before[1]))

    def __exit__(self, *_: object) -> None:
        self._point = ""
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


def on_full_disk(stage: Stage, disk: FullDiskAt) -> Sender:
    """Return the account's sender, for whom the disk will be full at a point."""
    stage.sender()
    house = replace(stage.house.orders.house, probe=disk)
    number = stage.account().id
    return Sender(house, stage.house.orders.approval, number, stage.leases[KITE], stage.house.budget(number))


def test_an_answer_that_cannot_be_stored_stops_the_account_and_is_settled_by_the_next_holder(stage: Stage) -> None:
    stage.waits()
    order, waiting = stage.order(), stage.order(quantity=1)
    with FullDiskAt("answered") as disk, pytest.raises(WritesStopped, match="could not be stored"):
        on_full_disk(stage, disk).run_once()
    assert stage.get(order).status is OrderStatus.SENDING
    assert stage.get(waiting).status is OrderStatus.APPROVED
    assert stage.successor() == 1
    assert stage.settled(order).status is OrderStatus.FILLED
    assert len(stage.at_exchange(order)) == 1


def test_a_full_disk_keeps_a_claim_from_being_made_and_the_order_goes_once_there_is_room(stage: Stage) -> None:
    order = stage.order()
    with FullDiskAt("intent") as disk:
        sender = on_full_disk(stage, disk)
        with pytest.raises((SigmaError, OSError)):
            sender.run_once()
    assert stage.get(order).status is OrderStatus.APPROVED
    assert stage.requests("place") == []
    assert sender.run_once().sent == 1
    assert stage.settled(order).status is OrderStatus.FILLED


def test_an_order_that_a_bug_of_ours_cannot_prepare_goes_back_and_the_others_go_out(stage: Stage) -> None:
    broken, sound = stage.order(quantity=1), stage.order(quantity=2)
    with stage.house.store.begin() as tx:
        (decision,) = tx.orders.decisions(broken.id)
        tx.orders.add_decision(replace(decision, id=0, inputs={}))
    assert stage.send() == 1
    assert "could not be prepared for sending (KeyError" in stage.get(broken).stale_reason
    assert stage.settled(sound).status is OrderStatus.FILLED
    assert len(stage.requests("place")) == 1


def test_writes_that_wait_for_another_write_take_no_part_of_the_budget(stage: Stage) -> None:
    stage.waits()
    order = stage.resting()
    stage.fault("drop_before_commit", "modify")
    stage.desk.orders.modify(order.id, price=1451.0)
    stage.send()
    assert stage.command(order, CommandKind.MODIFY).state is CommandState.UNKNOWN
    with stage.house.store.begin() as tx:
        blocked = stage.command(order, CommandKind.MODIFY)
        tx.commands.add(replace(blocked, id=0, state=CommandState.PENDING, unknown_ns=None, send_by_ns=None, version=1))
    for _ in range(20):
        assert stage.send() == 0
    fresh = stage.order(quantity=1)
    assert stage.send() == 1
    assert stage.settled(fresh).status is OrderStatus.FILLED


def test_the_rate_of_writes_stays_below_the_broker_s(stage: Stage) -> None:
    orders: list[Order] = [stage.order(SMART, quantity=1) for _ in range(12)]
    sent, asked = 0, 0
    while sent < len(orders):
        done = stage.sender(SMART).run_once()
        sent, asked = sent + done.sent, asked + 1
        assert asked < 200
        stage.house.clock.wait(done.delay)
    assert stage.exchange.get("breaches") == []
    assert len(stage.requests("place")) == 12
