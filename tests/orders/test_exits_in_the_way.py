"""Exits without a quantity, while other orders rest to leave the same position."""

from __future__ import annotations

from typing import Any

from sigma.domain.orders import Order, OrderMode, OrderStatus, Product, Side
from sigma.domain.signals import Receipt
from sigma.domain.strategies import ShareState
from sigma.simulator.triggers import TriggerState
from tests.orders.stage import KITE, PRICE, Stage
from tests.orders.test_auto import exit_taken_up, made, receive, share_on, strategy, work
from tests.orders.triggers import BOTH, elsewhere, resting, synced, there


def held(stage: Stage) -> int:
    positions = stage.house.portfolio.positions(stage.account().id, refresh=True)
    return sum(row.quantity for row in positions.rows if row.product is Product.MIS)


def stop(stage: Stage, quantity: int) -> Order:
    """Return a stop-loss that rests at the exchange, below the market."""
    order = stage.order(KITE, "SELL", quantity, order_type="SL", trigger_price=PRICE - 50, price=PRICE - 60)
    stage.send()
    return stage.settled(order, KITE, lambda now: now.status is OrderStatus.TRIGGER_PENDING)


def leave(stage: Stage, **more: Any) -> Receipt:
    return receive(stage, **{"order_action": "EXIT_LONG", "quantity": None, **more})


def test_an_exit_takes_a_stop_and_a_target_back_first_and_then_leaves_all(stage: Stage) -> None:
    strategy(stage, kite=1)
    stage.executed(quantity=10)
    protective = stop(stage, 10)
    target = stage.order(KITE, "SELL", 4, price=PRICE + 50)
    entry = stage.resting(quantity=3)
    stage.send()
    stage.settled(target, KITE, lambda now: now.status is OrderStatus.OPEN)
    receipt = leave(stage)
    work(stage, KITE)
    waits = share_on(stage, receipt, KITE)
    assert (waits.state, waits.order_id) == (ShareState.PENDING, None)
    assert f"order {protective.id} (SELL 10 SL, TRIGGER_PENDING)" in waits.note
    exit_taken_up(stage, receipt, KITE)
    assert stage.settled(made(stage, receipt, KITE)).filled_quantity == 10
    assert {stage.get(one).status for one in (protective, target)} == {OrderStatus.CANCELLED}
    assert (stage.get(entry).status, held(stage)) == (OrderStatus.OPEN, 0)
    assert len(stage.requests("cancel")) == 2


def test_an_exit_takes_triggers_back_first_also_those_made_elsewhere(stage: Stage) -> None:
    strategy(stage, kite=1)
    stage.executed(quantity=5)
    _, wish = resting(stage, BOTH, "SELL")
    entry, _ = elsewhere(stage), elsewhere(stage, side=Side.SELL)

    def known() -> int:
        with stage.house.store.read() as tx:
            return len(tx.gtts.list(account_id=stage.account().id, resting=True))

    synced(stage, lambda: known() == 3)
    receipt = leave(stage)
    exit_taken_up(stage, receipt, KITE)
    assert stage.settled(made(stage, receipt, KITE)).filled_quantity == 5
    synced(stage, lambda: stage.get(wish).status is OrderStatus.CANCELLED)
    synced(stage, lambda: known() == 1)
    assert [one.id for one in there(stage) if one.state is TriggerState.ACTIVE] == [entry.id]


def test_a_stop_that_executes_before_it_is_taken_back_leaves_nothing_to_exit(stage: Stage) -> None:
    stage.waits()
    strategy(stage, kite=1)
    stage.executed(quantity=10)
    protective = stop(stage, 10)
    receipt = leave(stage)
    stage.house.auto(stage.account().id).run()
    stage.hold(PRICE - 55)
    assert stage.settled(protective).status is OrderStatus.FILLED
    exit_taken_up(stage, receipt, KITE)
    assert (share_on(stage, receipt, KITE).state, held(stage)) == (ShareState.SKIPPED, 0)
    assert len(stage.requests("place")) == 2


def test_what_cannot_be_taken_back_ends_the_exit_and_everybody_is_told(stage: Stage) -> None:
    strategy(stage, kite=1)
    stage.executed(quantity=10)
    protective = stop(stage, 10)
    stage.fault("json_429", "cancel", times=None)
    receipt = leave(stage)
    work(stage, KITE)
    stage.advance(14)
    work(stage, KITE)
    assert share_on(stage, receipt, KITE).state is ShareState.PENDING
    stage.advance(2)
    exit_taken_up(stage, receipt, KITE)
    failed = share_on(stage, receipt, KITE)
    named = f"order {protective.id} (SELL 10 SL, TRIGGER_PENDING)"
    assert failed.state is ShareState.FAILED
    assert named in failed.note
    (told,) = [one for one in stage.desk.events().itertuples() if one.kind == "EXIT_IN_THE_WAY"]
    assert (told.level, named in told.text) == ("WARNING", True)
    assert (held(stage), len(stage.requests("place"))) == (10, 2)


def test_an_exit_of_a_manual_strategy_waits_and_names_what_is_in_its_way(stage: Stage) -> None:
    strategy(stage, "MANUAL", kite=1)
    stage.executed(quantity=10)
    protective = stop(stage, 10)
    receipt = leave(stage)
    exit_taken_up(stage, receipt, KITE)
    waiting = made(stage, receipt, KITE)
    assert (waiting.status, waiting.mode, waiting.request.quantity) == (OrderStatus.WAITING, OrderMode.MANUAL, 10)
    assert f"order {protective.id} (SELL 10 SL, TRIGGER_PENDING)" in waiting.stale_reason
    assert stage.get(protective).status is OrderStatus.TRIGGER_PENDING
    assert stage.requests("cancel") == []
