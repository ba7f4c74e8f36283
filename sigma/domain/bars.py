"""Bars as arrays: open, high, low, close, volume of a listing in steps of time."""

from __future__ import annotations

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
