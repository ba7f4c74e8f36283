"""Instrument masters of the market's size (150,000 rows of Kite's, 180,000 of SmartAPI's) into the store, download excluded.

Measured in a process of its own: both masters into an empty store, the same files again, and the files of a next day. Then
the same again (the worker refreshes in a process of its own) while another process commits to sigma.db fifty times a second,
as a writer of orders does, every commit on disk, and reads instruments, which must be there without a gap once published.

Peer: tt-connect on the same Kite file, in a virtual environment that is made for the run and thrown away (SIGMA_BENCH_TT
names a Python that has it already). It keeps shares, indices and NSE's and BSE's contracts only, so it stores less.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import masters
from bench.tools import peer_python

PEER = "tt-connect==0.9.1"
SECONDS, UNCHANGED_SECONDS, MEGABYTES, COMMIT_MS, TIMES = 8.0, 2.0, 700.0, 100.0, 10.0
ONCE = [sys.executable, "-m", "bench.instruments_once"]


def run() -> list[dict[str, Any]]:
    """Measure and return the rows of bench/results.json."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        _write(place)
        quiet = _json([*ONCE, "quiet", str(place / "quiet")])
        ours = _json([*ONCE, "alone", str(place / "home"), str(place)])
        shared = _json([*ONCE, "beside", str(place / "shared"), str(place)])
        python = peer_python(place, "SIGMA_BENCH_TT", PEER)
        peer = _json([python, str(Path(__file__).with_name("tt_connect_once.py")), str(place / "kite.csv")], cwd=place)
    if shared["gaps"]:
        raise RuntimeError(f"readers saw a gap: {shared['gaps'][:3]}")
    kite = "tt-connect, Kite's file alone"
    seconds, peer_mb = peer["seconds"], peer["peak_mb"]
    return [
        _row("instruments_full_refresh", ours["full_s"], "s", kite, seconds, SECONDS),
        _row("instruments_unchanged_refresh", ours["same_s"], "s", kite, seconds, UNCHANGED_SECONDS),
        _row("instruments_next_day_refresh", ours["next_s"], "s", kite, seconds, SECONDS),
        _row("instruments_peak_memory", ours["peak_mb"], "MB", kite, peer_mb, MEGABYTES),
        _row("instruments_kite_file", ours["kite_s"], "s", PEER, seconds, seconds / TIMES),
        _row("instruments_order_commit_beside", shared["commit_ms"], "ms", "no refresh beside", quiet["commit_ms"], COMMIT_MS),
    ]


def _row(name: str, ours: float, unit: str, peer: str, theirs: float, below: float) -> dict[str, Any]:
    measured = {"name": name, "ours": ours, "unit": unit, "peer": peer, "peer_value": theirs}
    return measured | {"ratio": ours / theirs, "goal": f"< {below:.3g} {unit}", "held": ours < below}


def _write(place: Path) -> None:
    """Write the files of two days; on the second some options are new, some are gone and some lots are others."""
    whole = masters.table(rows=masters.KITE_ROWS + 4000)
    for day, rows in (("", whole[:-4000]), ("next_", masters.another_day(whole))):
        (place / f"{day}kite.csv").write_bytes(masters.kite(rows))
        (place / f"{day}smart.json").write_bytes(masters.smart(rows))


def _json(command: list[str], cwd: Path | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=cwd).stdout)
    return found
