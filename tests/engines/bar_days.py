"""Sessions and bars for tests: a week of NSE with a holiday, an evening session and a short day, and bars drawn at will."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from hypothesis import strategies as st

from sigma.domain.bars import BAR, Bars
from sigma.engines.bars import MINUTE, Sessions, micros

# November 2026: a week, with no session on Wednesday, an hour in the evening on Sunday the 8th (Muhurat), half of Friday.
_TIMES = (
    ("2026-11-02T03:45", "2026-11-02T10:00"),
    ("2026-11-03T03:45", "2026-11-03T10:00"),
    ("2026-11-05T03:45", "2026-11-05T10:00"),
    ("2026-11-06T03:45", "2026-11-06T07:00"),
    ("2026-11-08T12:30", "2026-11-08T13:30"),
    ("2026-11-09T03:45", "2026-11-09T10:00"),
    ("2026-12-01T03:45", "2026-12-01T10:00"),
)


def at(text: str) -> int:
    """Return a UTC time as microseconds."""
    return micros(datetime.fromisoformat(text).replace(tzinfo=UTC))


SESSIONS = Sessions(*(np.array([at(pair[side]) for pair in _TIMES]) for side in (0, 1)))
MINUTES = np.concatenate([np.arange(opens + MINUTE, closes + 1, MINUTE) for opens, closes in SESSIONS.spans()])
"""The closes of all minutes of these sessions."""


def drawn(closes: np.ndarray, seed: int) -> Bars:
    """Return one bar for each close, of a random walk with volumes."""
    random = np.random.default_rng(seed)
    bars = np.empty(len(closes), BAR)
    bars["at"] = closes
    bars["open"] = np.round(100 + np.cumsum(random.normal(0, 0.1, len(closes))), 2)
    bars["close"] = np.round(bars["open"] + random.normal(0, 0.05, len(closes)), 2)
    bars["high"] = np.maximum(bars["open"], bars["close"]) + np.round(random.random(len(closes)), 2)
    bars["low"] = np.minimum(bars["open"], bars["close"]) - np.round(random.random(len(closes)), 2)
    bars["volume"] = random.integers(0, 10_000, len(closes))
    bars["open_interest"] = random.integers(-1, 50, len(closes))
    return bars


@st.composite
def minutes(draw: st.DrawFn) -> Bars:
    """Any bars of one minute in these sessions: some minutes, or whole days, without a trade."""
    part, seed = draw(st.sampled_from([1.0, 0.7, 0.05])), draw(st.integers(0, 2**32))
    first = draw(st.integers(0, len(MINUTES) - 1))
    last = draw(st.integers(first, len(MINUTES)))
    chosen = MINUTES[first:last]
    return drawn(chosen[np.random.default_rng(seed).random(len(chosen)) < part], seed)


def closes_in(start: int, end: int) -> np.ndarray:
    """Return the closes of the minutes that close after `start` and up to `end`."""
    return MINUTES[np.searchsorted(MINUTES, start, side="right") : np.searchsorted(MINUTES, end, side="right")]
