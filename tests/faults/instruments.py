"""The campaign of instrument masters: processes die while they refresh, and readers still find one whole version.

Each master is a seeded table; every listing of it carries the number of its version as lot size, every token ends in it, so
that a mixture of two would show. A version may be the old one or the new one after a death, and nothing else.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sigma.store import SqlMarketStore, migrate, open_market

AT = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
ROWS = 8000
SOURCE = "zerodha"
PATIENCE_S = 120.0


@dataclass
class Report:
    """What a campaign came to."""

    kills: int = 0
    survived: int = 0
    mixed: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    stages: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


def campaign(home: Path, kills: int, seed: int) -> Report:
    """Kill `kills` refreshes at random moments, look at what is readable after each, and let the last one finish."""
    began, dice, report = time.monotonic(), random.Random(seed), Report()
    migrate.upgrade(home, at=AT)
    length = _finished(home, 1, report)
    with open_market(home) as market:
        version = 1
        while report.kills < kills:
            wanted = version + 1
            died = _killed(home, wanted, dice.uniform(0, 1.05) * length)
            seen = _seen(market)
            report.kills += died
            report.survived += not died
            report.stages["new" if seen == wanted else "old"] += died
            if seen not in (version, wanted):
                report.mixed.append(f"after kill {report.kills} of version {wanted}: {seen}")
                break
            version = seen if isinstance(seen, int) else version
        _finished(home, version + 1, report)
        if _seen(market) != version + 1:
            report.mixed.append(f"the last refresh came to {_seen(market)}, not to {version + 1}")
    report.seconds = time.monotonic() - began
    return report


def show(report: Report) -> int:
    """Print what a campaign came to, and return the exit code."""
    for text in (*report.mixed, *report.stuck):
        print(f"  MASTERS: {text}")
    left = ", ".join(f"{count} left the {name} version" for name, count in sorted(report.stages.items()))
    print(f"instruments: {report.kills} kills in {report.seconds:.0f} s: {left}; {report.survived} came too late")
    print(f"faults: {report.kills} kills, {len(report.mixed)} mixed versions, {len(report.stuck)} refreshes failed", flush=True)
    return 1 if report.mixed or report.stuck else 0


def _start(home: Path, version: int) -> subprocess.Popen[bytes]:
    """Start a refresh and return once it has loaded everything and begins."""
    command = [sys.executable, "-m", "tests.faults.refresh_once", str(home), str(version), str(ROWS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    if process.stdout is not None:
        process.stdout.read(1)
        process.stdout.close()
    return process


def _finished(home: Path, version: int, report: Report) -> float:
    """Refresh to the end and return how many seconds that took; one that does not end or fails is reported."""
    process, began = _start(home, version), time.monotonic()
    try:
        code = process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    if code:
        report.stuck.append(f"the refresh to version {version} ended with {code}")
    return time.monotonic() - began


def _killed(home: Path, version: int, after_s: float) -> bool:
    """Kill a refresh after so many seconds; False when it had ended before."""
    process = _start(home, version)
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True
    return False


def _seen(market: SqlMarketStore) -> int | str:
    """Return which version is readable, by every way there is; words when it is none or a mixture."""
    names = market.broker_instruments(SOURCE)
    listed = market.listings([name.listing for name in names])
    versions = Counter(int(name.token) % 1000 for name in names) + Counter(row.lot_size for row in listed.values())
    if len(names) != ROWS or len(listed) != ROWS or len(versions) != 1:
        return f"{len(names)} names, {len(listed)} listings, versions {dict(versions)}"
    version = next(iter(versions))
    by_token = market.listing_by_token(SOURCE, names[0].exchange_code, names[0].token)
    return version if by_token == names[0].listing else f"{names[0]} is found as {by_token}"
