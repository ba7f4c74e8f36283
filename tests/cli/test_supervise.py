"""Programs under supervision: each is restarted alone, and none outlives the supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from sigma.cli.processes import Prefixed
from sigma.cli.state import console
from sigma.cli.supervise import Patience, Program, Supervisor, how_it_ended
from tests.cli.conftest import until

QUICK = Patience(first=0.1, longest=0.4, steady=60, grace=1)
PATIENT = """
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
print("patient", os.getpid(), flush=True)
time.sleep(600)
"""
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("stubborn", os.getpid(), flush=True)
time.sleep(600)
"""
FAILING = """
print("failing", flush=True)
raise SystemExit(3)
"""
SUPERVISING = """
import sys
from sigma.cli.supervise import Patience, Program, Supervisor
names = sys.argv[1:]
Supervisor([Program(name, name) for name in names], lambda name, line: print(name, line, flush=True), Patience(grace=0.5)).run()
print("all ended", flush=True)
"""


class Heard:
    """Keeps what programs said."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, name: str, line: str) -> None:
        self.lines.append((name, line))

    def said(self, name: str) -> list[str]:
        return [line for heard, line in list(self.lines) if heard == name]


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Programs that `python -m` finds."""
    for name, code in {"patient": PATIENT, "stubborn": STUBBORN, "failing": FAILING}.items():
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def test_a_crashed_program_is_started_again_and_its_neighbour_is_left_alone(modules: Path) -> None:
    heard = Heard()
    with Supervisor([Program("one", "patient"), Program("two", "patient")], heard, QUICK) as supervisor:
        until(lambda: heard.said("one") and heard.said("two"))
        first, neighbour = supervisor.child("one").pid, supervisor.child("two").pid
        assert first is not None
        os.kill(first, signal.SIGKILL)

        def again() -> bool:
            supervisor.poll()
            return supervisor.child("one").pid not in (None, first)

        until(again)
        assert supervisor.child("one").restarts == 1
        assert supervisor.child("two").pid == neighbour
        assert any("was killed by SIGKILL; starting again in 0.1 s" in line for line in heard.said("one"))


def test_waits_between_restarts_double_up_to_the_longest(modules: Path) -> None:
    heard = Heard()
    with Supervisor([Program("one", "failing")], heard, QUICK) as supervisor:

        def often() -> bool:
            supervisor.poll()
            return supervisor.child("one").restarts >= 4

        until(often)
    waits = [line.rsplit(" in ", 1)[1] for line in heard.said("one") if "starting again" in line]
    assert waits[:4] == ["0.1 s", "0.2 s", "0.4 s", "0.4 s"]
    assert heard.said("one").count("failing") >= 4


def test_a_program_that_ignores_the_wish_to_end_is_killed_after_the_grace_period(modules: Path) -> None:
    heard = Heard()
    supervisor = Supervisor([Program("one", "stubborn")], heard, QUICK)
    supervisor.start()
    until(lambda: heard.said("one"))
    pid = supervisor.child("one").pid
    supervisor.stop()
    assert pid is not None
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_and_waits_for_it(modules: Path, asked: signal.Signals) -> None:
    process = supervising("patient", "stubborn")
    pids = spoken_pids(process, 2)
    process.send_signal(asked)
    rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "all ended" in rest
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


def test_a_killed_supervisor_leaves_nothing_running(modules: Path) -> None:
    if sys.platform != "linux":
        return  # only its kernel tells a program that its parent died
    process = supervising("patient")
    pids = spoken_pids(process, 1)
    process.kill()
    process.communicate(timeout=20)
    until(lambda: not [pid for pid in pids if psutil.pid_exists(pid)])
    assert process.returncode == -signal.SIGKILL


def test_a_file_of_the_current_folder_is_not_run_in_place_of_a_program(modules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = modules / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "patient.py").write_text("print('an impostor', flush=True)", encoding="utf-8")
    monkeypatch.chdir(elsewhere)
    heard = Heard()
    with Supervisor([Program("one", "patient")], heard, QUICK):
        until(lambda: heard.said("one"))
    assert heard.said("one")[0].startswith("patient")


def test_lines_carry_the_name_of_the_program_that_printed_them(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Prefixed(console(), ("worker", "gateway"))
    threads = [threading.Thread(target=lines, args=(name, f"hello [{name}]")) for name in ("worker", "gateway")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(capsys.readouterr().out.splitlines()) == ["gateway │ hello [gateway]", "worker  │ hello [worker]"]


def test_an_end_is_said_in_words() -> None:
    assert how_it_ended(2) == "ended with code 2"
    assert how_it_ended(-9) == "was killed by SIGKILL"


def supervising(*names: str) -> subprocess.Popen[str]:
    """A supervisor in a process of its own."""
    return subprocess.Popen([sys.executable, "-c", SUPERVISING, *names], text=True, stdout=subprocess.PIPE)


def spoken_pids(process: subprocess.Popen[str], programs: int) -> list[int]:
    """The ids that so many programs printed."""
    assert process.stdout is not None
    return [int(process.stdout.readline().split()[-1]) for _ in range(programs)]
