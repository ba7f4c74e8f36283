"""Writes to one exchange of all accounts together: never more in a second than the guard lets through, exits first."""

from __future__ import annotations

from contextlib import closing

from sigma.bootstrap import House
from sigma.domain.orders import CommandKind
from sigma.infra.limiter import WindowBudget
from sigma.ports.probe import NoProbe
from tests.orders.stage import KITE, SMART, Stage


def all_sent(stage: Stage) -> None:
    """Send what is pending on both accounts, waiting as the writers do."""
    while waits := [done.delay for account in (KITE, SMART) if (done := stage.sender(account).run_once()).delay]:
        stage.house.clock.wait(min(waits))


def arrivals(stage: Stage) -> list[float]:
    """Return when orders arrived at the exchange, in seconds."""
    return sorted(one["at_ns"] / 1e9 for one in stage.requests("place"))


def test_no_second_holds_more_orders_to_one_exchange_than_the_guard_allows(stage: Stage) -> None:
    stage.desk.settings.set("orders.exchange_rate", 4)
    for _ in range(5):
        for account in (KITE, SMART):
            stage.order(account, quantity=1)
    all_sent(stage)
    moments = arrivals(stage)
    assert len(moments) == 10
    assert all(sum(at <= other < at + 1 for other in moments) <= 4 for at in moments)


def test_cancels_and_exits_find_tokens_that_are_kept_for_them(stage: Stage) -> None:
    resting = stage.resting()
    stage.house.clock.wait(1.1)
    stage.desk.settings.set("orders.exchange_rate", 4)
    for _ in range(5):
        stage.order(KITE, quantity=1)
    stage.desk.orders.cancel(resting.id)
    assert stage.sender().run_once().sent == 4
    assert stage.command(resting, CommandKind.CANCEL).outcome is not None
    assert len(stage.requests("cancel")) == 1


def test_an_account_s_budget_counts_all_that_its_broker_counts(stage: Stage) -> None:
    real = {name: value for name, value in stage.environment.items() if name != "SIGMA_CALL_LIMITS"}
    with closing(House(stage.home, stage.house.clock, NoProbe(), real)) as house:
        found = {name: house.budget(stage.account(name).id) for name in (KITE, SMART)}
        stretches = {
            name: [one.seconds for one in budget.limits] for name, budget in found.items() if isinstance(budget, WindowBudget)
        }
        assert stretches == {KITE: [1, 60, 86_400], SMART: [1, 60, 3600]}
