"""What an account's writer does first: deciding may need the broker, and what takes orders back waits for none of it."""

from __future__ import annotations

import threading

from scheduler.writers import AccountWriter
from sigma.bootstrap import House, make_clock
from sigma.domain.orders import OrderStatus
from tests.orders.stage import KITE, Stage, eventually
from tests.orders.test_auto import admission, order_on, receive, strategy


class Points:
    """A probe that keeps what was reached."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.seen: list[str] = []

    def reached(self, point: str) -> None:
        with self._lock:
            self.seen.append(point)


def test_a_cancel_goes_out_before_the_next_order_is_decided(stage: Stage) -> None:
    strategy(stage, kite=1)
    resting = stage.resting()
    stage.leases.pop(KITE).release()
    stage.desk.orders.cancel(resting.id)
    wanted = receive(stage)
    probe = Points()
    house = House(stage.home, make_clock(stage.environment), probe, stage.environment)
    writer = AccountWriter(house, stage.account().id, lambda: None)
    writer.start()
    try:
        eventually(lambda: order_on(stage, wanted, KITE).status is not OrderStatus.WAITING)
    finally:
        writer.end()
        writer.join(10)
        house.close()
    assert probe.seen.index("intent") < probe.seen.index("admitting")
    assert len(stage.requests("cancel")) == 1


def test_a_broker_that_does_not_answer_is_asked_for_one_order_at_a_time(stage: Stage) -> None:
    strategy(stage, kite=1)
    stage.executed(quantity=10)
    stage.desk.accounts.update(KITE, trading_mode="EXIT_ONLY")
    leaving = [receive(stage, order_action="SELL", quantity=units) for units in (3, 4)]
    stage.fault("html_504", "positions")
    decide = admission(stage, KITE)
    assert decide.run() == 1
    assert [order_on(stage, one, KITE).status for one in leaving] == [OrderStatus.WAITING] * 2
    assert decide.run() == 1
    assert [order_on(stage, one, KITE).status for one in leaving] == [OrderStatus.WAITING, OrderStatus.APPROVED]
    assert decide.run() == 0, "the first rests for a moment"
