"""The campaign of the lake: a process that writes bars is killed at any moment, and what it wrote before must be readable.

The writer replaces three months of minutes by ever newer versions, told apart by their price, and says after each write that
it returned. After each kill every part must be readable, whole and of one version: the last one that returned, or the one
that was being written; and another writer must be able to go on at once.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sigma.domain.bars import BAR, Bars, Span
from sigma.domain.market import Timeframe
from sigma.engines.bars import DAY, MINUTE, between
from sigma.engines.spans import joined
from sigma.ports.lake import Series
from sigma.store.lake import open_lake, parts

SERIES = Series("zerodha", "NSE:INFY", Timeframe.M1)
BEGIN = 1_793_000_000_000_000 // MINUTE * MINUTE  # in October 2026
SPAN = Span(BEGIN, BEGIN + 90 * DAY)
EVERY = 5
"""Minutes between two bars: the files then have the size of those of a real session's length."""
LONGEST_S = 0.25


@dataclass
class BarsReport:
    """What a campaign came to: how often a writer died, writes that had returned, and every fault found."""

    kills: int = 0
    writes: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def version(number: int) -> Bars:
    """Return all bars of one version."""
    bars = np.zeros((SPAN.end - SPAN.start) // (EVERY * MINUTE), BAR)
    bars["at"] = SPAN.start + (1 + np.arange(len(bars))) * EVERY * MINUTE
    for name in ("open", "high", "low", "close"):
        bars[name] = float(number)
    bars["volume"] = np.arange(len(bars)) + number
    return bars


def campaign(home: Path, kills: int, seed: int) -> BarsReport:
    """Kill so many writers and look at the lake after each."""
    draw, report, begin, last = random.Random(seed), BarsReport(), time.monotonic(), 0
    for _ in range(kills):
        last = _one(home, last, draw.uniform(0.0, LONGEST_S), report)
    report.seconds = time.monotonic() - begin
    return report


def _one(home: Path, last: int, after_s: float, report: BarsReport) -> int:
    command = [sys.executable, "-m", "tests.faults.bars", str(home), str(last)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        if writer.stdout is None:
            raise RuntimeError("the writer says nothing")
        returned = int(writer.stdout.readline())
        time.sleep(after_s)
        writer.kill()
        said = [int(line) for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    returned = max([returned, *said])
    report.kills += 1
    report.writes += returned - last
    report.faults += looked_at(home, returned)
    return returned


def looked_at(home: Path, returned: int) -> list[str]:
    """Return what is wrong with the lake after the death of a writer whose version `returned` was the last to be finished."""
    lake, faults = open_lake(home), []
    for name in parts(SERIES.timeframe, SPAN):
        bars = lake.read(SERIES, _month(name))
        prices = {int(price) for price in bars["close"].tolist()}
        if len(prices) != 1 or not prices <= {returned, returned + 1}:
            faults.append(f"{name}: {len(bars)} bars of versions {sorted(prices)}, {returned} had returned")
            continue
        wanted = version(prices.pop())
        inside = between(wanted, _month(name))
        if bars.tolist() != inside.tolist():
            faults.append(f"{name}: not all bars of one version")
    if joined(lake.known(SERIES, SPAN).covered) != (SPAN,):
        faults.append("what the source was asked for is lost")
    with lake.claim(SERIES, 2.0) as again:
        if again is None:
            faults.append("the dead writer's claim stands")
    return faults


def _month(name: str) -> Span:
    first = np.datetime64(name, "M")
    start, end = ((each.astype("datetime64[us]").astype(np.int64)) - 330 * MINUTE for each in (first, first + 1))
    return Span(max(SPAN.start, int(start)), min(SPAN.end, int(end)))


def write_forever(home: Path, number: int) -> None:
    """Write one version after another, and say which was finished."""
    lake = open_lake(home)
    while True:
        number += 1
        with lake.claim(SERIES, 5.0) as writer:
            if writer is None:
                raise RuntimeError("somebody else writes")
            writer.write(version(number), SPAN)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


def show(report: BarsReport) -> int:
    """Print what a campaign came to and return the exit code."""
    for text in report.faults:
        print(f"  BARS: {text}")
    print(f"faults: {report.kills} kills, {report.writes} writes, {len(report.faults)} parts damaged or lost", flush=True)
    return 1 if report.faults else 0


if __name__ == "__main__":
    write_forever(Path(sys.argv[1]), int(sys.argv[2]))
