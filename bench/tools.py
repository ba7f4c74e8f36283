"""What the benchmarks share."""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sigma.cli.demo.stage import Home, Stage


def free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def bare_stage() -> Iterator[Stage]:
    """Bring up exchange, worker, gateway and app in a home of their own, without a past."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        with Stage(home, free_port(), free_port(), lambda _: None, lived=False) as stage:
            yield stage


def peer_python(place: Path, variable: str, *requirements: str) -> str:
    """Return a Python that has the peer: the one that an environment variable names, else a new one in a folder."""
    if given := os.environ.get(variable):
        return given
    subprocess.run([sys.executable, "-m", "venv", str(place / "peer")], check=True)
    python = str(place / "peer" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *requirements], check=True)
    return python


def quantile(values: list[float], part: float) -> float:
    """Return the quantile `part` (0.99: the 99th percentile)."""
    return statistics.quantiles(values, n=1000, method="inclusive")[round(part * 1000) - 1]


def latencies(
    name: str, ours: list[float], peer: str, theirs: list[float], goals: Mapping[str, tuple[float, float]]
) -> list[dict[str, Any]]:
    """Return a row of bench/results.json for each quantile in `goals` (its part, and the milliseconds to stay below)."""
    rows = []
    for label, (part, goal) in goals.items():
        mine, other = quantile(ours, part), quantile(theirs, part)
        measured = {"name": f"{name}_{label}", "ours": mine, "unit": "ms", "peer": peer, "peer_value": other}
        rows.append(measured | {"ratio": mine / other, "goal": f"< {goal:g} ms", "held": mine < goal})
    return rows
