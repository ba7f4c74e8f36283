"""An exit that the gate would refuse for now takes nothing back that protects the position."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sigma.domain.errors import Conflict
from sigma.domain.orders import OrderMode, OrderStatus
from sigma.services.kill import Stop
from tests.orders.stage import KITE, Stage
from tests.orders.test_auto import made, strategy, work
from tests.orders.test_exits_in_the_way import leave, stop


def paused(stage: Stage) -> None:
    stage.desk.risk.set_mode("PAUSED")


def killed(stage: Stage) -> None:
    number = stage.account().id
    stage.house.kill.start(stage.user_id, Stop(number), reason="enough", by="ann", cancel=False, flatten=False)


@pytest.mark.parametrize("halted", [paused, killed])
def test_a_stop_stays_while_an_exit_beside_it_may_not_go(stage: Stage, halted: Callable[[Stage], None]) -> None:
    strategy(stage, kite=1)
    stage.executed(quantity=10)
    protective = stop(stage, 10)
    halted(stage)
    receipt = leave(stage)
    work(stage, KITE)
    exit_ = made(stage, receipt, KITE)
    assert (exit_.status, exit_.mode) == (OrderStatus.WAITING, OrderMode.MANUAL)
    assert f"first take back what leaves the same position: order {protective.id}" in exit_.stale_reason
    assert stage.get(protective).status is OrderStatus.TRIGGER_PENDING
    assert stage.requests("cancel") == []


@pytest.mark.parametrize("halted", [paused, killed])
def test_closing_takes_nothing_back_while_no_exit_may_go(stage: Stage, halted: Callable[[Stage], None]) -> None:
    stage.executed(quantity=10)
    protective = stop(stage, 10)
    halted(stage)
    with pytest.raises(Conflict, match="cannot be closed now"):
        stage.desk.orders.close_all(KITE)
    assert stage.get(protective).status is OrderStatus.TRIGGER_PENDING
    assert stage.requests("cancel") == []
