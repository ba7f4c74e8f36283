"""Stops that nobody asks for, and square-offs by the clock: off until set, once for each cause, told as alarms."""

from __future__ import annotations

from datetime import time
from decimal import Decimal

from sigma.domain.errors import SigmaError
from sigma.domain.events import Level
from sigma.domain.kill import KillVerdict
from sigma.domain.orders import OrderStatus, Product, Source
from sigma.domain.risk import RiskLimits, Scope
from sigma.domain.times import ist_date
from sigma.services.kill import Stop
from tests.orders.stage import KITE, PRICE, SMART, Stage
from tests.orders.test_kill import ended, positions, quick
from tests.store.values import fill, order

__all__ = ["quick"]


def look(stage: Stage) -> list[SigmaError]:
    return stage.house.kill_watch.run()


def reasons(stage: Stage) -> list[str]:
    return [kill.reason for kill in stage.desk.risk.kills()]


def limit(stage: Stage, **limits: object) -> None:
    scope = Scope.ACCOUNT if "account_id" in limits else Scope.GLOBAL
    with stage.house.store.begin() as tx:
        tx.risk.put_limits(stage.user_id, RiskLimits(scope=scope, **limits))  # type: ignore[arg-type]


def lose(stage: Stage, rupees_each: float) -> None:
    """Buy ten at the market, sell them that much lower."""
    stage.executed(quantity=10)
    stage.hold(PRICE - rupees_each)
    stage.executed(quantity=10, side="SELL")
    stage.sync()


def test_nothing_trips_until_it_is_set(stage: Stage) -> None:
    limit(stage, max_daily_loss=Decimal(100))
    lose(stage, 20)
    assert look(stage) == []
    assert reasons(stage) == []


def test_a_daily_loss_stops_its_scope_once_and_says_so_loudly(stage: Stage) -> None:
    number = stage.account().id
    limit(stage, max_daily_loss=Decimal(100), account_id=number)
    stage.desk.settings.set("kill.on_daily_loss", True)
    lose(stage, 20)
    look(stage)
    (reason,) = reasons(stage)
    assert "daily loss of ₹" in reason
    assert [event.level for event in stage.desk.bell().items if event.kind == "KILL"] == [Level.ALARM]
    look(stage)
    assert len([event for event in stage.desk.bell().items if event.kind == "KILL"]) == 1
    stage.house.kill.rearm(stage.user_id, Stop(number), reason="known", by="ann")
    look(stage)
    assert reasons(stage) == [], "what the owner knew when trading went on stops it no second time"


def test_writes_without_an_answer_stop_their_account_alone(stage: Stage) -> None:
    stage.desk.settings.set("kill.on_lost_writes", 2)
    stage.desk.settings.set("kill.trip_does", "block")
    for _ in range(2):
        assert reasons(stage) == []
        stage.fault("drop_after_commit", times=1)
        stage.order(quantity=1)
        stage.send()
        look(stage)
    assert reasons(stage) == ["2 writes without a clear answer in five minutes"]
    assert stage.order(SMART, quantity=1).status is OrderStatus.APPROVED
    (run,) = ended(stage)
    assert (run.cancel, run.flatten, run.verdict) == (False, False, KillVerdict.BLOCKED)


def test_a_square_off_closes_intraday_positions_once_and_blocks_nothing(stage: Stage) -> None:
    stage.executed(quantity=4)
    stage.executed(quantity=3, product="CNC")
    resting = stage.resting(quantity=2)
    limit(stage, square_off_at=time(10, 45))
    look(stage)
    assert stage.house.kill.runs(stage.user_id) == []
    stage.advance(20 * 60)
    look(stage)
    look(stage)
    runs = ended(stage, (KITE, SMART))
    assert [(run.product, run.verdict) for run in runs] == [(Product.MIS, KillVerdict.FLAT)] * 2
    assert stage.get(resting).status is OrderStatus.CANCELLED
    assert positions(stage) == {"NSE:INFY": 3}, "delivery stays"
    (exit_,) = [order for order in stage.orders(KITE) if order.source is Source.KILL]
    assert "square-off" in exit_.tags
    assert reasons(stage) == []
    assert stage.order(quantity=1, product="CNC").status is OrderStatus.APPROVED


def test_a_square_off_of_a_day_without_trading_waits(stage: Stage) -> None:
    limit(stage, square_off_at=time(10, 45))
    stage.advance(24 * 3600)  # Saturday
    look(stage)
    assert stage.house.kill.runs(stage.user_id) == []


def test_lost_prices_stop_trading_only_while_positions_are_open(stage: Stage) -> None:
    stage.desk.settings.set("kill.on_feed_loss", 30)
    stage.exchange.post("session/expire", client_id="AB1234")
    stage.house.connections.end_session(stage.account().id, None, "over")
    stage.advance(60)
    look(stage)
    assert reasons(stage) == []
    stage.connect(KITE)
    stage.executed(quantity=4)
    stage.house.connections.end_session(stage.account().id, None, "over")
    look(stage)
    assert reasons(stage) == []
    stage.advance(60)
    look(stage)
    (reason,) = reasons(stage)
    assert "live prices lost for" in reason


def test_prices_lost_over_a_paper_position_stop_nothing(stage: Stage) -> None:
    number = stage.desk.accounts.add("paper", name="paper").id
    today = stage.house.clock.now()
    with stage.house.store.begin() as tx:
        made = tx.orders.add(order(number, user_id=stage.user_id))
        assert tx.orders.add_fill(fill(made.id, number, product=Product.MIS, filled_at=today, session_date=ist_date(today)))
    stage.desk.settings.set("kill.on_feed_loss", 30)
    stage.executed(quantity=4)
    stage.executed(quantity=4, side="SELL")
    stage.house.connections.end_session(stage.account().id, None, "over")
    stage.advance(60)
    assert look(stage) == []
    assert reasons(stage) == []
