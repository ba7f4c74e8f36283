"""Two processes read quotes, bars and books of the same accounts at once, and a broker that counts never refuses."""

from __future__ import annotations

import subprocess
import sys

from sigma.domain.orders import CommandState
from sigma.engines.settlement import SECOND
from tests.orders.conftest import environment
from tests.orders.stage import KITE, SMART, Stage, eventually

ROUNDS = 3


def test_two_processes_read_as_fast_as_they_may_and_no_broker_refuses(stage: Stage) -> None:
    given = environment(stage.server, stage.home)
    del given["SIGMA_CALL_LIMITS"]
    stage.exchange.post("config", read_rate_enforced=True)
    command = [sys.executable, "-m", "tests.orders.reader", str(ROUNDS)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": given}
    both = [subprocess.Popen(command, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    try:
        for process in both:
            assert process.stdout.readline() == "ready\n"
        for process in both:
            process.stdin.write("\n")
            process.stdin.flush()
        said = [process.communicate(timeout=120) for process in both]
    finally:
        for process in both:
            process.kill()
            process.wait()
    assert [out for out, _ in said] == ["done\n"] * 2, said
    stage.environment = given
    house = stage.another_house()
    uses = {
        (each.account, each.use.limit.name): each.use
        for name in (KITE, SMART)
        for each in house.connections.uses(stage.account(name))
    }
    house.close()
    assert not any(use.limited or use.refused for use in uses.values())
    counted = {"quotes", "bars", "order book", "executions"}
    assert {use.calls for (name, limit), use in uses.items() if name == SMART and limit in counted} == {2 * ROUNDS}
    assert uses[KITE, "quotes"].calls == 2 * ROUNDS
    assert uses[KITE, "all else"].calls == 4 * ROUNDS
    assert uses[KITE, "quotes"].waited > 0


def test_two_reads_that_prove_absence_are_as_far_apart_as_the_broker_lets_them_be_made(stage: Stage) -> None:
    """The time of a read is taken once its turn has come: waiting for it brings the next read no closer to this one."""
    stage.waits(orders_visibility_delay=0, orders_absence_gap=0.05)
    order = stage.order(SMART)
    stage.fault("drop_before_commit")
    stage.send(SMART)
    del stage.environment["SIGMA_CALL_LIMITS"]
    house, account = stage.another_house(), stage.account(SMART).id

    def absent_once() -> bool:
        house.orders.sync.sync(account)
        return bool(stage.command(order).absent_reads)

    eventually(absent_once)
    house.orders.sync.sync(account)
    house.close()
    command = stage.command(order)
    assert command.state is CommandState.REFUSED
    first, second = command.absent_reads
    assert second - first >= 0.9 * SECOND
