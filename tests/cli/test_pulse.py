"""A program that lives but has fallen silent is noticed, killed and started again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psutil
import pytest

import sigma
from sigma.bootstrap import prepare
from sigma.cli.processes import worker_pulse
from sigma.cli.pulse import STARTS_WITHIN_S, Pulse
from sigma.cli.supervise import Patience, Program, Supervisor
from tests.cli.conftest import until

QUICK = Patience(first=0.1, longest=0.4, steady=60, grace=1)
WRITING = """
import os, signal, sqlite3, time
from pathlib import Path
from sigma.bootstrap import open_house
house, again = open_house(), Path(os.environ["SIGMA_HOME"], "second-run")
house.events.beat("worker")
if not again.exists():
    again.touch()
    database = sqlite3.connect(house.home / "sigma.db", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    os.kill(os.getpid(), signal.SIGSTOP)
while True:
    time.sleep(0.1)
    house.events.beat("worker")
"""


class Watched:
    """A pulse on a clock of the test's own."""

    def __init__(self, allowed_s: float = 10) -> None:
        self.now = 0.0
        self.sign: object | None = None
        self.pulse = Pulse(lambda _: self.sign, lambda: allowed_s, lambda: self.now)

    def after(self, seconds: float, pid: int | None = 7) -> float:
        """Look once a second for so long; return the first silence that was too long, else 0.0."""
        for _ in range(int(seconds)):
            self.now += 1
            silent = self.pulse.silent_too_long(pid)
            if silent:
                return silent
        return 0.0


def test_a_program_that_speaks_is_never_silent() -> None:
    watched = Watched()
    for sign in range(20):
        watched.sign = sign
        assert watched.after(9) == 0.0


def test_a_program_that_has_spoken_and_stops_is_silent_after_the_time_allowed() -> None:
    watched = Watched(allowed_s=10)
    watched.sign = "once"
    assert watched.after(11) == 0.0
    assert watched.after(1) == 11.0


def test_a_program_gets_a_minute_for_its_first_sign() -> None:
    watched = Watched(allowed_s=10)
    assert watched.after(STARTS_WITHIN_S) == 0.0
    assert watched.after(5) > STARTS_WITHIN_S


def test_a_new_process_is_counted_from_its_own_start() -> None:
    watched = Watched(allowed_s=10)
    watched.sign = "old"
    watched.after(10)
    watched.sign = None
    assert watched.after(10, pid=8) == 0.0
    assert watched.after(10, pid=None) == 0.0


def test_time_in_which_nothing_here_ran_is_not_silence() -> None:
    watched = Watched(allowed_s=10)
    watched.sign = "before the machine was suspended"
    watched.after(2)
    watched.now += 3600
    assert watched.after(5) == 0.0


def test_a_worker_stopped_inside_a_write_transaction_is_killed_so_that_others_can_write(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(empty)
    (tmp_path / "writing.py").write_text(WRITING, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    said: list[str] = []
    with sigma.open(source="CLI") as desk:
        desk.settings.set("worker.hung_after", 2)
        with Supervisor([Program("worker", "writing")], lambda _, line: said.append(line), QUICK) as supervisor:
            supervisor.watch("worker", worker_pulse(desk))
            stopped = supervisor.child("worker").pid
            assert stopped is not None
            until(lambda: psutil.Process(stopped).status() == psutil.STATUS_STOPPED)
            with closing(sqlite3.connect(empty / "sigma.db", timeout=0)) as database, pytest.raises(sqlite3.OperationalError):
                database.execute("BEGIN IMMEDIATE")

            def beats_again() -> bool:
                supervisor.poll()
                return supervisor.child("worker").pid in set(desk.health()["pid"]) - {stopped}

            until(beats_again)
            assert not psutil.pid_exists(stopped)
            desk.settings.set("worker.hung_after", 30)
    assert any("gave no sign of life" in line for line in said)


def test_a_sign_of_life_that_cannot_be_read_ends_nothing_and_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sleeping.py").write_text("import time; time.sleep(600)", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    said: list[str] = []
    seconds = iter(range(1000))

    def unreadable(_: int) -> object | None:
        raise OSError("the disk is gone")

    with Supervisor([Program("worker", "sleeping")], lambda _, line: said.append(line), QUICK) as supervisor:
        supervisor.watch("worker", Pulse(unreadable, lambda: 0.0, lambda: next(seconds)))
        pid = supervisor.child("worker").pid
        for _ in range(20):
            supervisor.poll()
        assert supervisor.child("worker").pid == pid
    assert said == ["its sign of life cannot be read: the disk is gone"]
