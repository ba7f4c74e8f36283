"""Bars: 2,000 listings of five days from minutes to quarters of an hour, and a year of one listing's minutes from the lake.

Peers, in the same run on the same numbers: pandas' resample (anchored by its `offset`, which knows no sessions), and
pandas.read_parquet of the same year as one file. Reading 2,000 listings from the lake is told beside, without a peer.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sigma.domain.bars import BAR, Bars, Span
from sigma.domain.calendar import weekdays
from sigma.domain.instruments import Exchange
from sigma.domain.market import Timeframe
from sigma.engines.bars import MINUTE, Sessions, aggregate, sessions_of
from sigma.ports.lake import Series
from sigma.store.lake import ParquetLake, open_lake

LISTINGS, ROUNDS = 2_000, 5
YEAR = sessions_of(weekdays(), Exchange.NSE, date(2025, 11, 20), date(2026, 11, 20))
WEEK = sessions_of(weekdays(), Exchange.NSE, date(2026, 11, 16), date(2026, 11, 20))
RULES = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}


def run() -> list[dict[str, Any]]:
    """Measure and return the rows of bench/results.json."""
    week = [_drawn(WEEK, seed) for seed in range(LISTINGS)]
    year = _drawn(YEAR, 1)
    with tempfile.TemporaryDirectory() as folder:
        return [_aggregating(week), *_reading(Path(folder), year, week)]


def _aggregating(week: list[Bars]) -> dict[str, Any]:
    ours, made = _best(lambda: [aggregate(bars, Timeframe.M15, WEEK) for bars in week])
    frames = [_frame(bars) for bars in week]
    theirs, peers = _best(lambda: [_resampled(frame) for frame in frames], rounds=1)
    for mine, other in zip(made[::200], peers[::200], strict=True):
        if mine["high"].tolist() != other["high"].tolist() or mine["volume"].tolist() != other["volume"].tolist():
            raise RuntimeError("the two ways do not make the same bars")
    return _row("bars_aggregate_2000x5d", ours, 2.0, "s", "pandas resample", theirs)


def _reading(folder: Path, year: Bars, week: list[Bars]) -> list[dict[str, Any]]:
    lake, one = open_lake(folder), Series("zerodha", "NSE:INFY", Timeframe.M1)
    _write(lake, one, year)
    span = Span(int(year["at"][0]) - MINUTE, int(year["at"][-1]))
    ours, read = _best(lambda: lake.read(one, span))
    if read.tolist() != year.tolist():
        raise RuntimeError("what was read is not what was written")
    file = folder / "year.parquet"
    _frame(year).to_parquet(file)
    theirs, _ = _best(lambda: pd.read_parquet(file))
    many = [Series("zerodha", f"NSE:S{number}", Timeframe.M1) for number in range(LISTINGS)]
    for series, bars in zip(many, week, strict=True):
        _write(lake, series, bars)
    some = Span(int(week[0]["at"][0]) - MINUTE, int(week[0]["at"][-1]))
    both, found = _best(
        lambda: {each: aggregate(bars, Timeframe.M15, WEEK) for each, bars in lake.read_many(many, some).items()}, 2
    )
    if len(found) != LISTINGS:
        raise RuntimeError(f"{LISTINGS - len(found)} listings were not read")
    print(f"bars: reading 2,000 listings of five days and making them 15m: {both:.2f} s; the year takes {_size(folder):.2f} MB")
    return [_row("bars_read_1y_1m", ours * 1e3, 50.0, "ms", "pandas.read_parquet, one file", theirs * 1e3)]


def _row(name: str, ours: float, goal: float, unit: str, peer: str, theirs: float) -> dict[str, Any]:
    measured = {"name": name, "ours": ours, "unit": unit, "peer": peer, "peer_value": theirs}
    return measured | {"ratio": ours / theirs, "goal": f"< {goal:g} {unit}", "held": ours < goal}


def _best(act: Callable[[], Any], rounds: int = ROUNDS) -> tuple[float, Any]:
    """Return the median seconds of a few rounds, and the last answer."""
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        answer = act()
        seconds.append(time.perf_counter() - begin)
    return float(np.median(seconds)), answer


def _write(lake: ParquetLake, series: Series, bars: Bars) -> None:
    with lake.claim(series, 5) as writer:
        if writer is None:
            raise RuntimeError("somebody else writes into this lake")
        writer.write(bars, Span(int(bars["at"][0]) - MINUTE, int(bars["at"][-1])))


def _size(folder: Path) -> float:
    return sum(os.path.getsize(file) for file in (folder / "lake/bars/zerodha/NSE/INFY").rglob("*.parquet")) / 1e6


def _drawn(sessions: Sessions, seed: int) -> Bars:
    """Return each minute of some sessions, drawn as a walk on a grid of five paise."""
    random = np.random.default_rng(seed)
    closes = np.concatenate([np.arange(opens + MINUTE, end + 1, MINUTE) for opens, end in sessions.spans()])
    bars = np.empty(len(closes), BAR)
    bars["at"] = closes
    walk = np.round(1400 * np.exp(np.cumsum(random.normal(0, 3e-4, len(closes)))) / 0.05)
    bars["open"], bars["close"] = np.round(walk * 0.05, 2), np.round((walk + random.integers(-4, 5, len(closes))) * 0.05, 2)
    bars["high"] = np.maximum(bars["open"], bars["close"]) + 0.05 * random.integers(0, 4, len(closes))
    bars["low"] = np.minimum(bars["open"], bars["close"]) - 0.05 * random.integers(0, 4, len(closes))
    bars["volume"], bars["open_interest"] = random.integers(1, 50_000, len(closes)), -1
    return bars


def _frame(bars: Bars) -> pd.DataFrame:
    index = pd.DatetimeIndex(np.ascontiguousarray(bars["at"]).view("datetime64[us]"), tz="UTC")
    return pd.DataFrame({name: np.ascontiguousarray(bars[name]) for name in RULES}, index=index)


def _resampled(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.resample("15min", closed="right", label="right").agg(RULES).dropna()  # type: ignore[arg-type]
