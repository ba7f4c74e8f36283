"""What a stop finds and leaves: the strategy that is meant however it is written, positions larger than one order may be, and
orders that were to go by themselves later.
"""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from sigma.domain.errors import NotFound
from sigma.domain.kill import KillVerdict
from sigma.domain.orders import Order, OrderMode, OrderRequest, OrderStatus, Side, Source
from sigma.services.kill import Stop
from sigma.services.orders.submit import Origin
from tests.orders.stage import KITE, PRICE, Stage
from tests.orders.test_kill import QUICK, ended, of_strategy, positions, start
from tests.orders.test_off_hours import EVENING, admit, at, refused, stand_ins

FUTURE, FREEZE = "NFO:BANKNIFTY26NOVFUT", 600


def bought(stage: Stage, *quantities: int) -> None:
    """Hold futures, however many slices that takes."""
    for account in stage.server.exchange.accounts():
        account.cash = Decimal(100_000_000_000)
    stage.hold(50_000.0, FUTURE)
    for quantity in quantities:
        order = stage.desk.orders.submit(account=KITE, listing=FUTURE, side="BUY", quantity=quantity, product="NRML")
        sent = stage.sender().run_once()
        while sent.sent or sent.delay:
            time.sleep(sent.delay)
            sent = stage.sender().run_once()
        stage.settled(order)


def exits(stage: Stage) -> list[Order]:
    """Return what the stop has sent, the slices of a cut one left out, oldest first."""
    return [order for order in stage.orders(KITE) if order.source is Source.KILL and not order.slice_no][::-1]


def test_a_stop_of_a_strategy_finds_its_orders_however_the_name_is_written(stage: Stage) -> None:
    stage.waits(**QUICK)
    mine = of_strategy(stage, 4)
    stage.send()
    stage.settled(mine)
    start(stage, Stop(stage.account().id, "orb"))
    (run,) = ended(stage)
    assert (run.verdict, run.strategy, run.flattened) == (KillVerdict.FLAT, "ORB", 1)
    assert positions(stage) == {}
    stage.house.kill.rearm(stage.user_id, Stop(stage.account().id, "oRb"), reason="looked at", by="ann")
    assert of_strategy(stage, 1).status is OrderStatus.APPROVED


def test_a_stop_of_a_strategy_that_nothing_carries_is_refused_and_not_called_flat(stage: Stage) -> None:
    with pytest.raises(NotFound, match="no strategy 'ORBB'"):
        start(stage, Stop(strategy="ORBB"))
    assert stage.house.kill.runs(stage.user_id) == []


def test_a_position_above_what_one_order_may_be_cut_into_is_closed_by_several(stage: Stage) -> None:
    stage.waits(**QUICK)
    bought(stage, FREEZE * 20, FREEZE)
    start(stage, Stop(stage.account().id))
    (run,) = ended(stage)
    assert (run.verdict, run.notes, positions(stage)) == (KillVerdict.FLAT, (), {})
    assert [order.request.quantity for order in exits(stage)] == [FREEZE * 20, FREEZE]


def test_slices_of_an_exit_that_wait_for_their_turn_are_not_taken_back_by_the_stop_itself(stage: Stage) -> None:
    stage.waits(**QUICK)
    bought(stage, FREEZE * 20)
    start(stage, Stop(stage.account().id))
    (run,) = ended(stage)
    assert (run.verdict, positions(stage)) == (KillVerdict.FLAT, {})
    assert [(order.request.quantity, order.status) for order in exits(stage)] == [(FREEZE * 20, OrderStatus.FILLED)]
    assert stage.requests("cancel") == []


def test_an_exit_that_has_executed_in_part_takes_its_rest_from_the_position_once(stage: Stage) -> None:
    stage.waits()
    stage.executed(quantity=200)
    stage.exchange.post("liquidity", listing="NSE:INFY", bid_quantity=8, ask_quantity=0)
    stage.exchange.post("config", liquidity_replenish_s=None)
    stage.fault("empty_book", "fills", times=None)  # what has executed is in the book and in no list of executions
    first = stage.order(side="SELL", quantity=100, price=PRICE - 5)
    stage.send()
    stage.settled(first, until=lambda now: now.filled_quantity == 40)
    wanted, origin = OrderRequest("NSE:INFY", Side.SELL, 100), Origin(Source.PERSON, reduce_only=True)
    second = stage.house.orders.submission.submit(wanted, user_id=stage.user_id, account=KITE, origin=origin)
    assert (second.status, second.request.quantity) == (OrderStatus.APPROVED, 100)


def test_what_waited_for_the_market_before_a_stop_waits_for_a_person_after_it(stage: Stage) -> None:
    stage.desk.settings.set("orders.off_hours", "WAIT")
    at(stage, EVENING)
    refused_one = refused(stage)
    (made,) = stand_ins(stage, refused_one)
    assert made.mode is OrderMode.AUTO
    start(stage, cancel=False, flatten=False)
    waiting = stage.get(made)
    assert (waiting.status, waiting.mode, waiting.stale_reason) == (
        OrderStatus.WAITING,
        OrderMode.MANUAL,
        "trading was stopped (enough)",
    )
    stage.house.kill.rearm(stage.user_id, reason="slept on it", by="ann")
    at(stage, "2026-11-23T09:16:00+05:30")
    stage.connect(KITE)
    assert (admit(stage), stage.send()) == (0, 0)
    assert stage.at_exchange(made) == []
