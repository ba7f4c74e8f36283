"""What was to go by itself when trading was stopped: it waits for a person, whenever trading goes on; and whose loss of
knowledge stops whom.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from sigma.domain.orders import OrderMode, OrderStatus
from sigma.domain.signals import SignalStatus
from sigma.domain.strategies import ShareState
from sigma.services.kill import Stop
from tests.orders.stage import KITE, SMART, Stage
from tests.orders.test_auto import receive, share_on, strategy, work
from tests.orders.test_kill import start
from tests.orders.test_off_hours import AT_THE_CLOSE, admit, at, stand_ins


@pytest.fixture
def pending(stage: Stage) -> Stage:
    """A stage whose strategy wants to leave what it holds on both accounts."""
    strategy(stage)
    return stage


def test_exits_that_were_not_made_out_yet_end_with_the_stop_and_their_message_with_them(pending: Stage) -> None:
    receipt = receive(pending, order_action="EXIT", quantity=None)
    assert share_on(pending, receipt, KITE).state is ShareState.PENDING
    start(pending, cancel=False, flatten=False)
    for account in (KITE, SMART):
        share = share_on(pending, receipt, account)
        assert (share.state, share.note) == (ShareState.SKIPPED, "trading was stopped (enough)")
    with pending.house.store.read() as tx:
        assert tx.signals.get(receipt.id).status is SignalStatus.IGNORED
    pending.house.kill.rearm(pending.user_id, reason="looked at", by="ann")
    work(pending)
    assert pending.requests("place") == []


def test_a_stop_of_another_scope_leaves_them_alone(pending: Stage) -> None:
    receipt = receive(pending, order_action="EXIT", quantity=None)
    start(pending, Stop(pending.account(KITE).id), cancel=False, flatten=False)
    assert share_on(pending, receipt, KITE).state is ShareState.SKIPPED
    assert share_on(pending, receipt, SMART).state is ShareState.PENDING


def test_what_waits_to_go_by_itself_is_a_person_s_after_the_stop_of_its_strategy(pending: Stage) -> None:
    receipt = receive(pending)
    start(pending, Stop(strategy="orb"), cancel=False, flatten=False)
    pending.house.kill.rearm(pending.user_id, Stop(strategy="orb"), reason="looked at", by="ann")
    work(pending)
    for order in map(pending.desk.orders.get, receipt.order_ids):
        assert (order.status, order.mode) == (OrderStatus.WAITING, OrderMode.MANUAL)
        assert order.stale_reason == "trading was stopped (enough)"


def test_what_stands_in_for_an_order_that_was_refused_after_the_stop_waits_for_a_person(stage: Stage) -> None:
    stage.desk.settings.set("orders.off_hours", "WAIT")
    at(stage, AT_THE_CLOSE)
    order = stage.order()
    stage.send()
    start(stage, cancel=False, flatten=False)
    stage.settled(order)
    (made,) = stand_ins(stage, order)
    assert (made.status, made.mode, made.stale_reason) == (
        OrderStatus.WAITING,
        OrderMode.MANUAL,
        "trading was stopped (enough)",
    )
    stage.house.kill.rearm(stage.user_id, reason="slept on it", by="ann")
    at(stage, "2026-11-23T09:16:00+05:30")
    assert admit(stage) == 0


def test_an_unsettled_order_on_paper_keeps_no_live_entry_back_nor_the_other_way_round(stage: Stage) -> None:
    stage.desk.accounts.add("paper", name="Paper", cash=5_000_000)
    stage.desk.accounts.connect("Paper")
    stage.desk.risk.set(max_open_positions=9)
    for lost_on, entered_on in (("Paper", KITE), (KITE, "Paper")):
        lost = stage.order(lost_on, quantity=1)
        with stage.house.store.begin() as tx:
            tx.orders.save(replace(tx.orders.get(lost.id), status=OrderStatus.UNKNOWN, unsettled=True))
        assert stage.order(entered_on, quantity=1).status is OrderStatus.APPROVED
        with stage.house.store.begin() as tx:
            tx.orders.save(replace(tx.orders.get(lost.id), status=OrderStatus.FAILED, unsettled=False))
