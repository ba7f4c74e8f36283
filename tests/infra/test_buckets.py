"""Turns at a broker between real processes: one budget, one order, one patience, and nothing that a death leaves broken."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sigma.domain.errors import NoTurn
from sigma.domain.limits import CallKind, CallLimit, Window
from sigma.engines.turns import SECOND_NS
from sigma.infra.buckets import MOST_WAITING, FileBudget, NoBudget, read_budget
from sigma.infra.clock import SystemClock
from tests.infra.caller import ACCOUNT, LIMIT
from tests.services.rooms import HandClock

ONE = CallLimit("quotes", frozenset({CallKind.QUOTES}), (Window(1, 1),))
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "locks"


@pytest.fixture
def budget(folder: Path, clock: HandClock) -> FileBudget:
    return FileBudget(folder, clock)


@pytest.fixture
def start(folder: Path) -> Iterator[Start]:
    """Starts processes that wait for a word, and ends them after the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(*what: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.infra.caller", str(folder), *what]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert said(process) == "ready"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_two_processes_share_one_budget_and_never_overrun_it_together(start: Start) -> None:
    both = [start("calls", "8"), start("calls", "8")]
    for process in both:
        go(process)
    calls = [[int(said(process)) for _ in range(8)] for process in both]
    ordered = sorted(calls[0] + calls[1])
    for window in LIMIT.windows:
        for first, later in zip(ordered, ordered[window.calls :], strict=False):
            assert later - first >= window.seconds * SECOND_NS
    assert ordered[-1] - ordered[0] < 20 * SECOND_NS


def test_a_broker_that_asks_one_process_for_patience_gets_it_from_the_others_too(folder: Path, start: Start) -> None:
    one, other = start("refused", "600"), start("asked", "5")
    go(one)
    assert said(one) == "closed"
    go(other)
    told = said(other)
    assert told.startswith("No more calls for some calls at this broker for 6")
    assert "asked for patience" in told
    use = FileBudget(folder, SystemClock()).use(ACCOUNT, LIMIT)
    assert (use.calls, use.refused, use.limited) == (1, 1, 1)
    assert 500 < use.closed_s <= 600


def test_a_process_that_dies_while_it_changes_the_count_frees_it_and_leaves_it_right(folder: Path, start: Start) -> None:
    dying = start("dies")
    go(dying)
    assert said(dying) == "held"
    assert dying.wait(10) == -signal.SIGKILL
    budget = FileBudget(folder, SystemClock())
    assert budget.use(ACCOUNT, LIMIT).calls == 1
    budget.take(ACCOUNT, LIMIT, 0).done()
    assert budget.use(ACCOUNT, LIMIT).calls == 2


def test_a_process_that_is_stopped_while_it_changes_the_count_lets_nobody_hang(folder: Path, start: Start) -> None:
    stopped = start("stops")
    go(stopped)
    assert said(stopped) == "held"
    clock = HandClock()
    with pytest.raises(NoTurn, match="keeps the count of calls for some calls locked"):
        FileBudget(folder, clock).take(ACCOUNT, LIMIT, 0)
    assert 1.9 < sum(clock.waits) < 2.1
    stopped.kill()
    stopped.wait(10)
    FileBudget(folder, clock).take(ACCOUNT, LIMIT, 0).done()


def test_a_call_waits_for_its_turn_and_the_next_one_counts_from_its_end(budget: FileBudget, clock: HandClock) -> None:
    first = budget.take(1, ONE, 5)
    assert clock.waits == []
    clock.pass_by(0.4)
    first.done()
    first.done()
    budget.take(1, ONE, 5)
    assert sum(clock.waits) == pytest.approx(1.02)
    use = budget.use(1, ONE)
    assert (use.calls, use.waited, use.waited_s) == (2, 1, pytest.approx(1.02))


def test_accounts_and_limits_do_not_wait_for_one_another(budget: FileBudget, clock: HandClock) -> None:
    other = CallLimit("bars", frozenset({CallKind.BARS}), ONE.windows)
    for account, limit in ((1, ONE), (2, ONE), (1, other)):
        budget.take(account, limit, 0).done()
    assert clock.waits == []


def test_who_would_wait_longer_than_it_may_is_told_at_once_and_takes_no_place(budget: FileBudget, clock: HandClock) -> None:
    budget.take(1, ONE, 0).done()
    with pytest.raises(NoTurn, match="for 1 s: it takes 1 a second") as refused:
        budget.take(1, ONE, 0.5)
    assert refused.value.retry_after == pytest.approx(1.02)
    assert clock.waits == []
    clock.pass_by(1.02)
    budget.take(1, ONE, 0).done()
    use = budget.use(1, ONE)
    assert (use.calls, use.waited, use.refused) == (2, 0, 1)


def test_without_a_word_the_broker_is_left_alone_longer_at_each_refusal_until_it_answers(
    budget: FileBudget, clock: HandClock
) -> None:
    closed = []
    for _ in range(5):
        budget.take(1, ONE, 60).refused(None)
        closed.append(round(budget.use(1, ONE).closed_s))
    assert closed == [1, 2, 4, 8, 8]
    budget.take(1, ONE, 60).done()
    budget.take(1, ONE, 60).refused(None)
    assert budget.use(1, ONE).closed_s == pytest.approx(1)


def test_a_broker_that_names_an_absurd_time_is_asked_again_the_next_day(budget: FileBudget) -> None:
    budget.take(1, ONE, 0).refused(float("inf"))
    assert budget.use(1, ONE).closed_s == pytest.approx(86_400)


def test_a_limit_that_closes_while_a_caller_waits_ends_its_patience(folder: Path) -> None:
    class Closing(HandClock):
        def wait(self, seconds: float) -> None:
            super().wait(seconds)
            if len(self.waits) == 1:
                held.refused(30)

    clock = Closing()
    budget = FileBudget(folder, clock)
    held = budget.take(1, ONE, 0)
    with pytest.raises(NoTurn, match="for 30 s: the broker asked for patience"):
        budget.take(1, ONE, 5)
    use = budget.use(1, ONE)
    assert (use.calls, use.waited, use.refused) == (1, 0, 1)


def test_one_that_comes_too_late_for_its_place_takes_the_next_one(folder: Path) -> None:
    class Sleepy(HandClock):
        def wait(self, seconds: float) -> None:
            super().wait(seconds)
            if len(self.waits) == 1:
                self.pass_by(1)
                other.take(1, ONE, 5).done()

    clock = Sleepy()
    budget, other = FileBudget(folder, clock), FileBudget(folder, clock)
    budget.take(1, ONE, 0).done()
    budget.take(1, ONE, 9).done()
    assert clock.waits == pytest.approx([1.02, 0.02, 1.02], abs=0.001)
    assert budget.use(1, ONE).calls == 3


def test_a_crowd_is_turned_away_before_it_fills_the_file(folder: Path, clock: HandClock) -> None:
    budget = FileBudget(folder, clock)
    bucket = budget._bucket(1, ONE)
    for _ in range(MOST_WAITING):
        budget._placed(bucket, clock.boot_ns(), clock.boot_ns() + 10**15)
    clock.pass_by(0.001)
    budget._placed(bucket, clock.boot_ns(), clock.boot_ns() + 10**15)
    with pytest.raises(NoTurn):
        budget._placed(bucket, clock.boot_ns(), clock.boot_ns() + 10**15)


def test_what_was_called_before_the_machine_booted_does_not_count(folder: Path, clock: HandClock) -> None:
    FileBudget(folder, clock).take(1, ONE, 0).refused(3600)
    rebooted = HandClock(ns=5 * SECOND_NS, boot_id="another boot")
    budget = FileBudget(folder, rebooted)
    budget.take(1, ONE, 0).done()
    use = budget.use(1, ONE)
    assert (use.calls, use.limited, use.closed_s) == (2, 1, 0.0), "the day's counts stay"


def test_counts_are_the_day_s_and_the_last_refusal_is_remembered(budget: FileBudget, clock: HandClock) -> None:
    budget.take(1, ONE, 0).refused(1)
    told_at = clock.now()
    clock.moment += timedelta(days=1)
    use = budget.use(1, ONE)
    assert (use.calls, use.limited, use.limited_at) == (0, 0, told_at)


def test_a_file_that_is_none_of_ours_is_begun_anew(folder: Path, clock: HandClock) -> None:
    folder.mkdir()
    path = folder / "account-1.quotes.calls"
    path.write_bytes(b"x" * 500)
    budget = FileBudget(folder, clock)
    budget.take(1, ONE, 0).done()
    assert budget.use(1, ONE).calls == 1
    assert path.stat().st_mode & 0o077 == 0 or path.read_bytes().startswith(b"SIGTURN")


def test_threads_of_one_process_share_the_budget_too(folder: Path) -> None:
    clock, calls, lock = SystemClock(), [], threading.Lock()
    budget = FileBudget(folder, clock)

    def ask() -> None:
        turn = budget.take(ACCOUNT, LIMIT, 30)
        with lock:
            calls.append(clock.boot_ns())
        turn.done()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ordered = sorted(calls)
    assert all(later - first >= SECOND_NS for first, later in zip(ordered, ordered[4:], strict=False))


def test_a_real_broker_s_limits_cannot_be_switched_off(folder: Path, clock: HandClock) -> None:
    off, simulated = {"SIGMA_CALL_LIMITS": "off"}, {"SIGMA_CLOCK_URL": "http://127.0.0.1:1"}
    assert isinstance(read_budget(folder, clock, off), FileBudget)
    assert isinstance(read_budget(folder, clock, simulated), FileBudget)
    assert isinstance(read_budget(folder, clock, off | simulated), NoBudget)
