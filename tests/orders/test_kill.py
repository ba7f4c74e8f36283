"""The kill switch: block, cancel, settle, flatten, verify; it ends flat, or says honestly that nobody knows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest

from sigma.domain.errors import Conflict, InvalidInput
from sigma.domain.kill import KillRun, KillStep, KillVerdict
from sigma.domain.orders import Order, OrderRequest, OrderStatus, OrderType, Product, Side, Source
from sigma.services.kill import Stop
from sigma.services.orders.submit import Origin
from sigma.simulator.model import PlaceRequest
from sigma.simulator.securities import Security, Universe
from tests.orders.stage import BROKERS, CLIENTS, KITE, SMART, Stage

QUICK = {"kill_every": 0.05, "kill_retry_after": 0.2, "kill_flat_gap": 0.1, "kill_settle_within": 8.0}


@pytest.fixture(autouse=True)
def quick(stage: Stage) -> None:
    stage.waits(**QUICK)


def start(stage: Stage, stop: Stop | None = None, **more: bool) -> list[KillRun]:
    return stage.house.kill.start(stage.user_id, stop, reason="enough", by="ann", **more)


def ended(stage: Stage, accounts: Sequence[str] = (KITE,), seconds: float = 40) -> list[KillRun]:
    """Let a worker work until no run is going on; return the runs, oldest first."""
    deadline = time.monotonic() + seconds
    numbers = {name: stage.account(name).id for name in accounts}
    while any([_round(stage, name, number) for name, number in numbers.items()]):
        assert time.monotonic() < deadline, [(run.step, run.notes) for run in stage.house.kill.runs(stage.user_id)]
    return list(stage.house.kill.runs(stage.user_id))[::-1]


def _round(stage: Stage, name: str, number: int) -> bool:
    sent = stage.sender(name).run_once()
    pause = stage.house.kill.step(number)
    time.sleep(min(pause or 0.0, sent.delay or 0.05, 0.05))
    return pause is not None


def positions(stage: Stage, account: str = KITE) -> dict[str, int]:
    held = stage.house.portfolio.positions(stage.account(account).id, refresh=True)
    return {row.listing or row.symbol: row.quantity for row in held.rows if row.quantity}


def test_a_stop_cancels_what_works_closes_what_is_held_and_proves_it(stage: Stage) -> None:
    stage.executed(quantity=7)
    resting = stage.resting(quantity=3)
    start(stage, Stop(stage.account().id))
    (run,) = ended(stage)
    assert (run.verdict, run.step, run.notes) == (KillVerdict.FLAT, KillStep.ENDED, ())
    assert (run.to_cancel, run.cancelled, run.to_flatten, run.flattened, run.flat_reads) == (1, 1, 1, 1, 2)
    assert stage.get(resting).status is OrderStatus.CANCELLED
    assert positions(stage) == {}
    (exit_,) = [order for order in stage.orders(KITE) if order.source is Source.KILL]
    assert (exit_.reduce_only, exit_.request.quantity, exit_.tags) == (True, 7, (run.tag,))


def test_a_stop_without_a_worker_blocks_at_once_and_is_finished_by_the_one_that_comes(stage: Stage) -> None:
    stage.executed(quantity=4)
    approved = stage.order(quantity=2)
    start(stage)
    assert stage.order(quantity=1).status is OrderStatus.REJECTED_RISK
    later = stage.another_house()
    try:
        stage.house.kill.resume(stage.account().id)
        runs = ended(stage, (KITE, SMART))
    finally:
        later.close()
    assert [run.verdict for run in runs] == [KillVerdict.FLAT, KillVerdict.FLAT]
    assert stage.get(approved).status is OrderStatus.CANCELLED
    assert positions(stage) == {}


def test_only_blocking_leaves_orders_and_positions_alone(stage: Stage) -> None:
    stage.executed(quantity=4)
    resting = stage.resting(quantity=3)
    start(stage, cancel=False, flatten=False)
    assert {run.verdict for run in ended(stage, (KITE, SMART))} == {KillVerdict.BLOCKED}
    assert stage.get(resting).status is OrderStatus.OPEN
    assert positions(stage) == {"NSE:INFY": 4}


def test_cancelling_alone_leaves_positions(stage: Stage) -> None:
    stage.executed(quantity=4)
    resting = stage.resting(quantity=3)
    start(stage, Stop(stage.account().id), flatten=False)
    assert [run.verdict for run in ended(stage)] == [KillVerdict.CANCELLED]
    assert stage.get(resting).status is OrderStatus.CANCELLED
    assert positions(stage) == {"NSE:INFY": 4}


def test_an_exit_that_the_broker_refuses_is_tried_again_and_then_named(stage: Stage) -> None:
    stage.executed(quantity=6)
    stage.desk.settings.set("kill.exit_attempts", 2)
    stage.fault("reject_in_book", times=None, message="RMS: no")
    start(stage, Stop(stage.account().id))
    (run,) = ended(stage)
    assert run.verdict is KillVerdict.NOT_VERIFIED
    assert "still held: 6 NSE:INFY MIS" in run.notes
    assert any("refused 2 times: RMS: no" in note for note in run.notes)
    assert len([order for order in stage.orders(KITE) if order.source is Source.KILL]) == 2


def test_a_refused_exit_that_goes_the_second_time_ends_flat(stage: Stage) -> None:
    stage.executed(quantity=6)
    stage.fault("reject_in_book", times=1)
    start(stage, Stop(stage.account().id))
    assert [run.verdict for run in ended(stage)] == [KillVerdict.FLAT]
    assert positions(stage) == {}


def test_an_exit_without_an_answer_is_not_sent_twice(stage: Stage) -> None:
    stage.executed(quantity=6)
    stage.fault("drop_after_commit", times=1)
    start(stage, Stop(stage.account().id))
    assert [run.verdict for run in ended(stage)] == [KillVerdict.FLAT]
    assert positions(stage) == {}
    assert len(stage.requests("place")) == 2


def test_the_exits_of_a_stop_go_out_while_trading_is_paused(stage: Stage) -> None:
    stage.executed(quantity=6)
    stage.desk.risk.set_mode("PAUSED")
    start(stage, Stop(stage.account().id))
    assert [run.verdict for run in ended(stage)] == [KillVerdict.FLAT]


def test_a_frozen_account_is_cancelled_and_told_as_not_verified(stage: Stage) -> None:
    stage.executed(quantity=6)
    resting = stage.resting(quantity=3)
    with stage.house.store.begin() as tx:
        tx.accounts.save(replace(tx.accounts.get(stage.account().id), frozen_reason="twins"))
    start(stage, Stop(stage.account().id))
    (run,) = ended(stage)
    assert run.verdict is KillVerdict.NOT_VERIFIED
    assert any("frozen" in note for note in run.notes)
    assert stage.get(resting).status is OrderStatus.CANCELLED


def test_only_the_owner_lets_trading_go_on_and_says_why(stage: Stage) -> None:
    start(stage)
    with pytest.raises(InvalidInput, match="needs a reason"):
        stage.house.kill.rearm(stage.user_id, reason=" ", by="ann")
    stage.house.kill.rearm(stage.user_id, reason="mended", by="ann")
    assert {run.verdict for run in stage.house.kill.runs(stage.user_id)} == {KillVerdict.NOT_VERIFIED}
    assert stage.order().status is OrderStatus.APPROVED
    with pytest.raises(Conflict, match="no stop"):
        stage.house.kill.rearm(stage.user_id, reason="again", by="ann")


def of_strategy(stage: Stage, quantity: int, **more: object) -> Order:
    wish: dict[str, object] = {"listing": "NSE:INFY", "side": Side.BUY, "quantity": quantity} | more
    origin = Origin(Source.PERSON, strategy="ORB")
    return stage.house.orders.submission.submit(OrderRequest(**wish), user_id=stage.user_id, account=KITE, origin=origin)  # type: ignore[arg-type]


def test_a_stop_of_a_strategy_takes_its_own_orders_and_closes_what_its_fills_hold(stage: Stage) -> None:
    stage.executed(quantity=6)
    mine = of_strategy(stage, 4)
    stage.send()
    stage.settled(mine)
    resting = stage.resting(quantity=2)
    working = of_strategy(stage, 1, order_type=OrderType.LIMIT, price=Decimal(1450))
    stage.send()
    stage.settled(working, until=lambda now: now.status is OrderStatus.OPEN)
    start(stage, Stop(stage.account().id, "ORB"))
    assert of_strategy(stage, 1).status is OrderStatus.REJECTED_RISK
    (run,) = ended(stage)
    assert (run.verdict, run.strategy) == (KillVerdict.FLAT, "ORB")
    assert stage.get(working).status is OrderStatus.CANCELLED
    assert stage.get(resting).status is OrderStatus.OPEN
    assert positions(stage) == {"NSE:INFY": 6}
    (exit_,) = [order for order in stage.orders(KITE) if order.source is Source.KILL]
    assert (exit_.strategy, exit_.request.quantity) == ("ORB", 4)
    assert stage.order(quantity=1).status is OrderStatus.APPROVED


def test_a_stop_asked_for_again_does_more_and_never_less(stage: Stage) -> None:
    stage.executed(quantity=4)
    number = stage.account().id
    start(stage, Stop(number), cancel=False, flatten=False)
    start(stage, Stop(number))
    start(stage, Stop(number), cancel=False, flatten=False)
    (run,) = ended(stage)
    assert (run.cancel, run.flatten, run.verdict) == (True, True, KillVerdict.FLAT)


def test_shares_in_demat_and_their_sale_of_today_are_no_positions(stage: Stage) -> None:
    stage.executed(side="SELL", quantity=5, product="CNC")
    assert positions(stage) == {"NSE:INFY": -5}
    start(stage, Stop(stage.account().id))
    (run,) = ended(stage)
    assert run.verdict is KillVerdict.FLAT
    assert not [order for order in stage.orders(KITE) if order.source is Source.KILL]


def test_a_broker_that_cannot_be_read_ends_in_not_verified_and_says_so(stage: Stage) -> None:
    stage.desk.settings.set("kill.settle_within", 5)
    stage.executed(quantity=4)
    stage.fault("drop_before_commit", "book", times=None)
    start(stage, Stop(stage.account().id))
    (run,) = ended(stage)
    assert run.verdict is KillVerdict.NOT_VERIFIED
    assert any("could not be read" in note for note in run.notes)


def shares(stage: Stage, count: int) -> list[Security]:
    """Return dear enough shares, whose order prices do not reach far."""
    day = stage.server.exchange.now().date()
    universe = Universe(7, day)
    return [one for one in universe if one.exchange == "NSE" and one.kind == "EQUITY" and one.series == "EQ"][:count]


def furnish(stage: Stage, account: str, held: int, working: int) -> None:
    """Let the person buy, and leave orders, on the broker's own page."""
    exchange = stage.server.exchange
    at_broker = exchange.account(BROKERS[account], CLIENTS[account])
    assert at_broker is not None
    chosen = shares(stage, held)
    for one in chosen:
        stage.exchange.post("liquidity", listing=one.listing, bid_quantity=100_000, ask_quantity=100_000)
        exchange.place(at_broker, PlaceRequest(one.listing, Side.BUY, 1, OrderType.MARKET, Product.MIS))
    for number in range(working):
        one = chosen[number % held]
        price = (exchange.last_price(one) * Decimal("0.97")).quantize(Decimal(1))
        exchange.place(at_broker, PlaceRequest(one.listing, Side.BUY, 1, OrderType.LIMIT, Product.MIS, price=price))
    stage.sync(account)


@pytest.mark.campaign
def test_two_hundred_orders_and_fifty_positions_end_flat_or_honestly_not_verified(stage: Stage) -> None:
    for account in (KITE, SMART):
        stage.executed(account, quantity=1)
        furnish(stage, account, held=25, working=100)
        stage.sender(account)
    assert sum(len(positions(stage, account)) for account in (KITE, SMART)) == 50
    stage.fault("reject_in_book", times=6)
    stage.fault("drop_after_commit", "cancel", times=4)
    stage.fault("drop_before_commit", "cancel", times=4)
    stage.fault("drop_after_commit", "place", times=4)
    stage.fault("cancel_loses_to_fill", "cancel", times=3)
    start(stage)
    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(ended, stage, (account,), 120) for account in (KITE, SMART)]:
            done.result()

    for account in (KITE, SMART):
        (run,) = [one for one in stage.house.kill.runs(stage.user_id) if one.account_id == stage.account(account).id]
        left = positions(stage, account)
        working = [order for order in stage.orders(account) if order.status.exposed]
        assert (run.verdict is KillVerdict.FLAT) == (not left and not working), (run.notes, left, working)
        assert run.verdict is KillVerdict.FLAT or run.notes
        assert run.to_cancel >= 100
    assert stage.exchange.get("breaches") == []
    tags = [entry["tag"] for entry in stage.requests("place") if entry["tag"]]
    assert len(tags) == len(set(tags)), "a write goes out at most once"
