"""What a turn at a broker costs: `FileBudget.take()` and the end of the call, when nobody else asks, on a file of this machine.

Peer: pyrate-limiter's SQLite bucket with its file lock, the one of its buckets that unrelated processes can share; three windows
as well. It is put into a virtual environment made for the run (SIGMA_BENCH_PYRATE names a Python that has it already).
"""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.tools import peer_python
from sigma.domain.limits import CallKind, CallLimit, Window
from sigma.infra.buckets import FileBudget
from sigma.infra.clock import SystemClock

PEER = ("pyrate-limiter==4.5.1", "filelock==4.2.11")
CALLS = 3000
GOAL_US = 200.0
LIMIT = CallLimit("bars", frozenset({CallKind.BARS}), (Window(3, 1), Window(180, 60), Window(2000, 3600)))


class Leaping(SystemClock):
    """The machine's clock, some seconds later at each call: every window is looked into, and none is full."""

    leapt = 0

    def boot_ns(self) -> int:
        """Return nanoseconds since this machine booted, and what was leapt over."""
        return super().boot_ns() + self.leapt


def run() -> list[dict[str, Any]]:
    """Measure and return the rows of bench/results.json."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        takes, wholes = _ours(place)
        python = peer_python(place, "SIGMA_BENCH_PYRATE", *PEER)
        command = [python, str(Path(__file__).with_name("limits_once.py")), folder, str(CALLS)]
        theirs = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return [_row("limits_take", takes, theirs), _row("limits_take_and_end", wholes, theirs)]


def _ours(place: Path) -> tuple[list[float], list[float]]:
    """Return the microseconds of each take, and of each take with the end of its call."""
    clock = Leaping()
    budget = FileBudget(place / "locks", clock)
    takes, wholes = [], []
    for _ in range(CALLS):
        clock.leapt += 2_000_000_000
        began = time.perf_counter_ns()
        turn = budget.take(1, LIMIT, 0)
        taken = time.perf_counter_ns()
        turn.done()
        takes.append((taken - began) / 1000)
        wholes.append((time.perf_counter_ns() - began) / 1000)
    budget.close()
    return takes, wholes


def _row(name: str, ours: list[float], theirs: list[float]) -> dict[str, Any]:
    mine, other = statistics.median(ours), statistics.median(theirs)
    measured = {"name": name, "ours": mine, "unit": "µs", "peer": PEER[0], "peer_value": other}
    return measured | {"ratio": mine / other, "goal": f"< {GOAL_US:g} µs", "held": mine < GOAL_US}
