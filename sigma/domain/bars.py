"""Bars as arrays: open, high, low, close, volume of a listing in steps of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BAR = np.dtype(
    [
        ("at", "<i8"),  # close of the bar, microseconds since 1970 in UTC
        ("open", "<f8"),
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),
        ("volume", "<i8"),
        ("open_interest", "<i8"),  # -1 where the source gives none
    ]
)
Bars = NDArray[np.void]
"""A one-dimensional array of `BAR`, oldest first, each `at` once. Prices in rupees."""


class Span(NamedTuple):
    """A stretch of time, microseconds since 1970 in UTC: after `start`, up to and including `end`."""

    start: int
    end: int


class GapKind(StrEnum):
    """Why bars are missing."""

    NOT_FETCHED = "NOT_FETCHED"
    """The source was never asked for this time."""
    MISSING = "MISSING"
    """It was asked, gave nothing, and its neighbours say that something was traded."""
    CONFIRMED = "CONFIRMED"
    """It was asked again and still has nothing: a halt, or its own hole."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Bars that are missing after `start` and up to `end`, both UTC; `bars` is how many a full calendar would have."""

    start: datetime
    end: datetime
    bars: int
    kind: GapKind
