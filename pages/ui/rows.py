"""Rows of a frame as things with members."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd


def rows(frame: pd.DataFrame) -> Iterator[Any]:
    """Give each row with its columns as members, the index as ``Index``; missing moments and numbers are NaT and NaN."""
    yield from frame.itertuples()


def text(value: object) -> str:
    """Return a cell's text; empty for a missing one, which pandas gives as NaN or None."""
    return value if isinstance(value, str) else ""
