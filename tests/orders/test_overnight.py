"""Rules 5, 9 and 10: when the book's day is over, when clocks differ, and when the machine was booted anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sigma.domain.errors import Conflict, InvalidInput
from sigma.domain.orders import CommandState, OrderStatus
from sigma.infra.clock import SystemClock
from tests.orders.stage import KITE, SMART, Stage, eventually

BOTH = pytest.mark.parametrize("account", [KITE, SMART])


def lost_over_night(stage: Stage, account: str, *, placed: bool) -> int:
    """Let a sender die behind (or before) the wire, and a night pass before anybody looks; return the order's number."""
    order = stage.order(account)
    stage.die("bytes_left" if placed else "claimed", account)
    if placed:
        eventually(lambda: stage.at_exchange(order))
    stage.overnight()
    stage.successor(account)
    stage.sync(account)
    return order.id


@BOTH
@pytest.mark.parametrize("placed", [True, False], ids=["placed", "not placed"])
def test_an_order_whose_book_is_gone_stays_unknown_until_a_person_closes_it(stage: Stage, account: str, placed: bool) -> None:
    number = lost_over_night(stage, account, placed=placed)
    order = stage.desk.orders.get(number)
    assert (order.status, order.unsettled) == (OrderStatus.UNKNOWN, True)
    assert "UNSETTLED" in set(stage.desk.events()["kind"])
    assert stage.sync(account).unknown == 0
    with pytest.raises(Conflict, match="only an ended order"):
        stage.desk.orders.requeue(number)
    if placed:
        closed = stage.desk.orders.resolve(number, executed=5, average_price="1500.10", reason="contract note")
        assert (closed.status, closed.filled_quantity) == (OrderStatus.FILLED, 5)
    else:
        closed = stage.desk.orders.resolve(number, reason="not on the contract note")
        assert closed.status is OrderStatus.FAILED
    assert closed.unsettled is False
    assert stage.command(closed).state in (CommandState.ANSWERED, CommandState.REFUSED)
    assert stage.sync(account).active is False


def test_an_unsettled_order_keeps_its_exposure_reserved(stage: Stage) -> None:
    stage.desk.accounts.update(KITE, trading_mode="NORMAL")
    number = lost_over_night(stage, KITE, placed=True)
    assert stage.desk.orders.get(number).status.exposed


def test_closing_by_hand_needs_a_reason_and_a_possible_quantity(stage: Stage) -> None:
    number = lost_over_night(stage, KITE, placed=True)
    with pytest.raises(InvalidInput, match="reason"):
        stage.desk.orders.resolve(number, reason=" ")
    with pytest.raises(InvalidInput, match="between 0 and 5"):
        stage.desk.orders.resolve(number, executed=6, average_price=1500, reason="contract note")


@BOTH
def test_a_working_order_whose_book_is_gone_becomes_unsettled_and_not_expired(stage: Stage, account: str) -> None:
    order = stage.resting(account)
    stage.overnight()
    stage.sync(account)
    gone = stage.get(order)
    assert (gone.status, gone.unsettled) == (OrderStatus.UNKNOWN, True)
    closed = stage.desk.orders.resolve(order.id, executed=2, average_price=1450, reason="contract note")
    assert (closed.status, closed.filled_quantity) == (OrderStatus.CANCELLED, 2)


@BOTH
def test_an_order_seen_cancelled_after_the_close_is_not_unsettled_in_the_morning(stage: Stage, account: str) -> None:
    order = stage.resting(account)
    stage.exchange.post("clock", set="2026-11-20T15:31:00+05:30")
    stage.advance(0)
    assert stage.settled(order, account).status is OrderStatus.CANCELLED
    stage.overnight()
    stage.sync(account)
    assert stage.get(order).unsettled is False


def test_a_lost_write_of_an_order_whose_id_is_known_does_not_stay_open_over_night(stage: Stage) -> None:
    """The book showed the order while its sender was still at it; then the sender died, and the night came."""
    order = stage.order()
    stage.die("answered")
    assert stage.sync().changed == 1
    assert stage.get(order).status is OrderStatus.FILLED
    stage.overnight()
    stage.successor()
    stage.sync()
    assert stage.command(order).state is CommandState.ANSWERED
    assert stage.sync().active is False


def test_an_approval_from_yesterday_is_not_sent_in_the_morning(stage: Stage) -> None:
    order = stage.order()
    stage.overnight()
    assert stage.send() == 0
    assert stage.get(order).status is OrderStatus.WAITING


def test_a_broker_whose_clock_is_far_from_ours_freezes_its_account_after_two_answers(stage: Stage) -> None:
    services = stage.house.orders
    stage.sender()
    ours = replace(services.house, clock=SystemClock())  # the exchange's clock is months away from this machine's
    approval = type(services.approval)(ours, stage.house.ledger)
    number = stage.account().id
    sender = type(stage.sender())(ours, approval, number, stage.leases[KITE], stage.house.budget(number))
    stage.waits(orders_approval_max_age=3600)
    for quantity in (1, 2, 3):
        order = approval.approve(stage.order(None, quantity=quantity, queue=True).id, KITE, user_id=stage.user_id)
        sender.run_once()
    assert "clock and the broker's differ" in (stage.account().frozen_reason or "")
    assert stage.get(order).status is OrderStatus.WAITING


def test_waits_that_another_boot_s_clock_counted_start_again(stage: Stage) -> None:
    stage.waits()
    stage.fault("drop_before_commit")
    order = stage.order()
    stage.send()
    with stage.house.store.begin() as tx:  # a moment that lies far ahead on this boot's clock
        lost = tx.commands.get(stage.command(order).id)
        tx.commands.save(replace(lost, boot_id="the boot before", unknown_ns=1 << 61, send_by_ns=1 << 61))
    stage.sync()
    assert stage.get(order).status is OrderStatus.UNKNOWN
    assert stage.successor() == 1
    assert stage.settled(order).status is OrderStatus.FAILED
