"""Strategies that act by themselves, from the message to the exchange, on two accounts at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from sigma.domain.orders import Order, OrderMode, OrderStatus, OrderType, Product, Side
from sigma.domain.signals import Receipt, SignalStatus
from sigma.domain.strategies import ShareState, SignalShare, Strategy
from sigma.services.orders.auto import AutoAdmission
from sigma.services.strategies import StrategyChange
from tests.orders.stage import KITE, SMART, DeathAt, Died, Stage, eventually

NAME = "ORB"


def strategy(stage: Stage, mode: str = "AUTO", **shares: float) -> Strategy:
    """Return a strategy on both accounts, or on those named with their multipliers."""
    given = {name: Decimal(str(value)) for name, value in (shares or {KITE: 1, SMART: 1}).items()}
    stage.house.strategies.add(stage.user_id, NAME, StrategyChange(shares=given))
    return stage.house.strategies.update(stage.user_id, NAME, StrategyChange(mode=OrderMode(mode)))


def message(**changes: Any) -> dict[str, Any]:
    plain = {"strategy": NAME, "symbol": "NSE:INFY", "order_action": "BUY", "quantity": 5}
    return {key: value for key, value in (plain | changes).items() if value is not None}


def receive(stage: Stage, **changes: Any) -> Receipt:
    return stage.house.signals.receive(message(**changes), stage.secret)


def admission(stage: Stage, account: str) -> AutoAdmission:
    return stage.house.auto(stage.account(account).id)


def work(stage: Stage, *accounts: str) -> None:
    """Do what the writers of these accounts do when they wake."""
    for account in accounts or (KITE, SMART):
        admission(stage, account).run()
        stage.send(account)


def order_on(stage: Stage, receipt: Receipt, account: str) -> Order:
    number = stage.account(account).id
    return next(order for order in map(stage.desk.orders.get, receipt.order_ids) if order.account_id == number)


def share_on(stage: Stage, receipt: Receipt, account: str) -> SignalShare:
    number = stage.account(account).id
    return next(share for share in stage.house.signals.shares([receipt.id])[receipt.id] if share.account_id == number)


def made(stage: Stage, receipt: Receipt, account: str) -> Order:
    """Return the order that an exit of what is held came to."""
    share = share_on(stage, receipt, account)
    assert share.order_id is not None, share
    return stage.desk.orders.get(share.order_id)


def exit_taken_up(stage: Stage, receipt: Receipt, *accounts: str) -> None:
    """Let the writers work until no share of the message is pending on these accounts."""

    def look() -> bool:
        for account in accounts:
            stage.glance(account)
        work(stage, *accounts)
        return all(share_on(stage, receipt, account).state is not ShareState.PENDING for account in accounts)

    eventually(look, 25)


def test_a_message_of_an_auto_strategy_goes_out_on_both_accounts(stage: Stage) -> None:
    strategy(stage, kite=1, smart=2)
    receipt = receive(stage)
    assert receipt.status == "accepted"
    assert len(receipt.order_ids) == 2
    for account, units in ((KITE, 5), (SMART, 10)):
        waiting = order_on(stage, receipt, account)
        assert (waiting.status, waiting.mode, waiting.request.quantity) == (OrderStatus.WAITING, OrderMode.AUTO, units)
        assert share_on(stage, receipt, account).state is ShareState.DONE
    work(stage)
    for account in (KITE, SMART):
        filled = stage.settled(order_on(stage, receipt, account), account)
        assert filled.status is OrderStatus.FILLED
        assert len(stage.at_exchange(filled)) == 1
        assert stage.desk.orders.why(filled.id).decisions[0].allowed


def test_a_manual_strategys_orders_wait_with_their_account(stage: Stage) -> None:
    strategy(stage, "MANUAL")
    receipt = receive(stage)
    work(stage)
    for account in (KITE, SMART):
        waiting = order_on(stage, receipt, account)
        assert (waiting.status, waiting.mode) == (OrderStatus.WAITING, OrderMode.MANUAL)
    assert not stage.requests("place")


def test_an_order_that_was_admitted_is_never_admitted_again(stage: Stage) -> None:
    strategy(stage, kite=1)
    receipt = receive(stage)
    for _ in range(3):
        work(stage, KITE)
    assert len(stage.at_exchange(order_on(stage, receipt, KITE))) == 1


def test_two_workers_at_once_place_one_order(stage: Stage) -> None:
    strategy(stage, kite=1)
    receipts = [receive(stage, comment=str(number)) for number in range(5)]
    other = stage.another_house()
    number = stage.account(KITE).id
    start = threading.Barrier(2)

    def run(decide: AutoAdmission) -> None:
        start.wait()
        while decide.run():
            pass

    threads = [threading.Thread(target=run, args=(house.auto(number),)) for house in (stage.house, other)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
    finally:
        other.close()
    stage.send()
    for receipt in receipts:
        (order_id,) = receipt.order_ids
        order = stage.desk.orders.get(order_id)
        assert len(stage.desk.orders.why(order_id).decisions) == 1
        assert len(stage.at_exchange(order)) == 1


def test_a_duplicate_gets_the_first_ids_and_places_nothing_more(stage: Stage) -> None:
    strategy(stage)
    first = receive(stage, client_order_id="abc")
    work(stage)
    again = receive(stage, client_order_id="abc")
    work(stage)
    assert (again.status, again.id, again.order_ids) == ("deduped", first.id, first.order_ids)
    assert len(stage.requests("place")) == 2


@pytest.mark.parametrize("point", ["admitting", "admitted"])
def test_a_death_around_the_admission_loses_and_doubles_nothing(stage: Stage, point: str) -> None:
    strategy(stage, kite=1)
    receipt = receive(stage)
    assert isinstance(stage.probe, DeathAt)
    stage.probe.point = point
    with pytest.raises(Died):
        admission(stage, KITE).run()
    work(stage, KITE)
    order = stage.settled(order_on(stage, receipt, KITE))
    assert order.status is OrderStatus.FILLED
    assert len(stage.at_exchange(order)) == 1


def test_what_waits_between_intake_and_admission_survives_a_restart(stage: Stage) -> None:
    strategy(stage, kite=1)
    receipt = receive(stage)
    other = stage.another_house()
    try:
        assert other.auto(stage.account(KITE).id).run() == 1
    finally:
        other.close()
    stage.send()
    assert stage.settled(order_on(stage, receipt, KITE)).status is OrderStatus.FILLED


def test_an_account_without_a_login_stops_no_other(stage: Stage) -> None:
    strategy(stage)
    stage.desk.accounts.disconnect(SMART)
    receipt = receive(stage)
    work(stage, KITE)
    admission(stage, SMART).run()
    assert stage.settled(order_on(stage, receipt, KITE)).status is OrderStatus.FILLED
    waiting = order_on(stage, receipt, SMART)
    assert (waiting.status, waiting.mode) == (OrderStatus.WAITING, OrderMode.MANUAL)
    assert "log" in waiting.stale_reason.lower()
    assert admission(stage, SMART).run() == 0, "it is a person's now"


def test_a_disabled_account_is_skipped_with_the_reason(stage: Stage) -> None:
    strategy(stage)
    stage.desk.accounts.update(SMART, enabled=False)
    stage.house.signals.roster.forget()
    receipt = receive(stage)
    assert len(receipt.order_ids) == 1
    skipped = share_on(stage, receipt, SMART)
    assert (skipped.state, skipped.order_id) == (ShareState.SKIPPED, None)
    assert "disabled" in skipped.note
    assert "disabled" in receipt.message


def test_without_any_enabled_account_the_order_waits_for_a_person_with_the_reason(stage: Stage) -> None:
    strategy(stage)
    for account in (KITE, SMART):
        stage.desk.accounts.update(account, enabled=False)
    stage.house.signals.roster.forget()
    receipt = receive(stage)
    (order_id,) = receipt.order_ids
    order = stage.desk.orders.get(order_id)
    assert (order.account_id, order.mode, order.request.quantity) == (None, OrderMode.MANUAL, 5)
    assert "no account takes it" in receipt.message


def test_a_share_of_less_than_a_lot_is_skipped_and_recorded(stage: Stage) -> None:
    strategy(stage, kite=1, smart=0.1)
    receipt = receive(stage)
    assert len(receipt.order_ids) == 1
    assert "less than one lot" in share_on(stage, receipt, SMART).note
    nothing = receive(stage, quantity=1, symbol="NSE:TCS")
    assert nothing.status == "accepted"


def test_a_late_message_never_executes_by_itself(stage: Stage) -> None:
    strategy(stage, kite=1)
    bar = stage.house.clock.now() - timedelta(minutes=20)
    receipt = receive(stage, bar_time=bar.isoformat())
    work(stage, KITE)
    order = order_on(stage, receipt, KITE)
    assert (order.status, order.mode) == (OrderStatus.WAITING, OrderMode.MANUAL)
    assert order.stale_reason.startswith("late")


def test_a_message_that_gets_late_while_nobody_works_is_a_persons(stage: Stage) -> None:
    strategy(stage, kite=1)
    receipt = receive(stage)
    stage.advance(16 * 60)
    work(stage, KITE)
    order = order_on(stage, receipt, KITE)
    assert (order.status, order.mode) == (OrderStatus.WAITING, OrderMode.MANUAL)
    assert "late" in order.stale_reason
    assert not stage.requests("place")


CHANGES: dict[str, Callable[[Stage], object]] = {
    "MANUAL": lambda stage: stage.house.strategies.update(stage.user_id, NAME, StrategyChange(mode=OrderMode.MANUAL)),
    "disabled": lambda stage: stage.house.strategies.update(stage.user_id, NAME, StrategyChange(enabled=False)),
    "removed": lambda stage: stage.house.strategies.archive(stage.user_id, NAME),
    "does not use": lambda stage: stage.house.strategies.update(stage.user_id, NAME, StrategyChange(shares={SMART: Decimal(1)})),
    "disabled for strategies": lambda stage: stage.desk.accounts.update(KITE, enabled=False),
}


@pytest.mark.parametrize("told", CHANGES)
def test_what_the_person_changed_meanwhile_counts_at_the_admission(stage: Stage, told: str) -> None:
    strategy(stage, kite=1)
    receipt = receive(stage)
    CHANGES[told](stage)
    work(stage, KITE)
    order = order_on(stage, receipt, KITE)
    assert (order.status, order.mode) == (OrderStatus.WAITING, OrderMode.MANUAL)
    assert told in order.stale_reason
    assert not stage.requests("place")


def test_an_order_that_the_sender_gave_back_is_a_persons(stage: Stage) -> None:
    strategy(stage, kite=1)
    receipt = receive(stage)
    admission(stage, KITE).run()
    stage.advance(120)
    stage.send()
    back = order_on(stage, receipt, KITE)
    assert (back.status, back.mode) == (OrderStatus.WAITING, OrderMode.AUTO)
    work(stage, KITE)
    handed = stage.get(back)
    assert (handed.status, handed.mode) == (OrderStatus.WAITING, OrderMode.MANUAL)
    assert "not sent" in handed.stale_reason
    assert not stage.requests("place")


def test_exit_only_refuses_the_entry_there_and_lets_the_exit_out(stage: Stage) -> None:
    strategy(stage)
    stage.executed(KITE)
    stage.executed(SMART)
    stage.desk.accounts.update(KITE, trading_mode="EXIT_ONLY")
    entry = receive(stage)
    work(stage)
    assert order_on(stage, entry, KITE).status is OrderStatus.REJECTED_RISK
    assert stage.settled(order_on(stage, entry, SMART), SMART).status is OrderStatus.FILLED
    leaving = receive(stage, order_action="EXIT_LONG", quantity=None)
    assert leaving.order_ids == ()
    exit_taken_up(stage, leaving, KITE, SMART)
    for account, units in ((KITE, 5), (SMART, 10)):
        out = stage.settled(made(stage, leaving, account), account)
        assert (out.status, out.request.side, out.filled_quantity) == (OrderStatus.FILLED, Side.SELL, units)
        assert out.reduce_only


def test_an_exit_of_nothing_is_ignored_with_the_reason(stage: Stage) -> None:
    strategy(stage)
    stage.executed(KITE, side="SELL")
    receipt = receive(stage, order_action="CLOSE_LONG", quantity=None)
    assert receipt.status == "accepted"
    exit_taken_up(stage, receipt, KITE, SMART)
    assert {share_on(stage, receipt, account).state for account in (KITE, SMART)} == {ShareState.SKIPPED}
    signal = stage.desk.signals.get(receipt.id)
    assert signal.status is SignalStatus.IGNORED
    assert "nothing held" in signal.note
    assert len(stage.requests("place")) == 1


def test_a_plain_exit_leaves_a_short_position_too(stage: Stage) -> None:
    strategy(stage, kite=1)
    stage.executed(KITE, side="SELL", quantity=7)
    receipt = receive(stage, order_action="EXIT", quantity=None)
    exit_taken_up(stage, receipt, KITE)
    out = stage.settled(made(stage, receipt, KITE))
    assert (out.request.side, out.filled_quantity, out.status) == (Side.BUY, 7, OrderStatus.FILLED)


def test_an_exit_takes_what_is_held_in_its_product_only_and_is_sent_once(stage: Stage) -> None:
    strategy(stage, kite=1)
    stage.executed(KITE, quantity=10)
    stage.executed(KITE, quantity=3, product="CNC")
    receipt = receive(stage, order_action="EXIT_LONG", quantity=None)
    exit_taken_up(stage, receipt, KITE)
    out = stage.settled(made(stage, receipt, KITE))
    assert (out.request.product, out.filled_quantity) == (Product.MIS, 10)
    again = receive(stage, order_action="EXIT_LONG", quantity=None, comment="again")
    exit_taken_up(stage, again, KITE)
    assert share_on(stage, again, KITE).state is ShareState.SKIPPED


def test_an_exit_of_what_is_held_on_a_manual_strategy_waits_with_its_size(stage: Stage) -> None:
    strategy(stage, "MANUAL", kite=1)
    stage.executed(KITE, quantity=8)
    receipt = receive(stage, order_action="EXIT_LONG", quantity=None)
    exit_taken_up(stage, receipt, KITE)
    waiting = made(stage, receipt, KITE)
    assert (waiting.status, waiting.mode, waiting.request.quantity) == (OrderStatus.WAITING, OrderMode.MANUAL, 8)


def test_an_exit_whose_account_cannot_be_asked_fails_with_the_reason(stage: Stage) -> None:
    strategy(stage, smart=1)
    stage.desk.accounts.disconnect(SMART)
    receipt = receive(stage, order_action="EXIT_LONG", quantity=None)
    admission(stage, SMART).run()
    share = share_on(stage, receipt, SMART)
    assert share.state is ShareState.FAILED
    assert "not known" in share.note


@pytest.mark.parametrize("point", ["sizing"])
def test_a_death_while_an_exit_is_sized_loses_and_doubles_nothing(stage: Stage, point: str) -> None:
    strategy(stage, kite=1)
    stage.executed(KITE, quantity=8)
    receipt = receive(stage, order_action="EXIT_LONG", quantity=None)
    assert isinstance(stage.probe, DeathAt)
    stage.probe.point = point
    with pytest.raises(Died):
        admission(stage, KITE).run()
    exit_taken_up(stage, receipt, KITE)
    assert stage.settled(made(stage, receipt, KITE)).filled_quantity == 8
    assert len(stage.requests("place")) == 2


def test_a_strategys_own_product_and_order_type_hold_where_the_message_says_none(stage: Stage) -> None:
    strategy(stage, kite=1)
    change = StrategyChange(product=Product.CNC, order_type=OrderType.LIMIT)
    stage.house.strategies.update(stage.user_id, NAME, change)
    usual = order_on(stage, receive(stage, price=1450), KITE)
    assert (usual.request.product, usual.request.order_type, usual.request.price) == (Product.CNC, OrderType.LIMIT, 1450)
    said = order_on(stage, receive(stage, product="MIS", order_type="MARKET"), KITE)
    assert (said.request.product, said.request.order_type) == (Product.MIS, OrderType.MARKET)


def test_no_more_is_admitted_than_can_soon_be_sent(stage: Stage) -> None:
    strategy(stage, kite=1)
    for number in range(30):
        receive(stage, comment=str(number), price=1400, order_type="LIMIT")
    decide = admission(stage, KITE)
    while decide.run():
        pass
    with stage.house.store.read() as tx:
        assert len(tx.commands.pending(stage.account(KITE).id)) == 10


def test_the_story_of_an_order_begins_with_its_message(stage: Stage) -> None:
    strategy(stage, kite=1)
    receipt = receive(stage)
    work(stage, KITE)
    order = stage.settled(order_on(stage, receipt, KITE))
    told = stage.desk.orders.why(order.id)
    assert told.signal is not None
    assert told.signal.id == receipt.id
    assert [share.order_id for share in told.shares] == [order.id]
    assert told.decisions
    assert told.fills
