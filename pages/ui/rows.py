"""Rows of a frame as things with members."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import pandas as pd


def rows(frame: pd.DataFrame) -> Iterator[Any]:
    """Give each row with its columns as members, the index as ``Index``; missing moments and numbers are NaT and NaN.

    As ``frame.itertuples``, which makes a new class each time and a series of each column: for the few rows and many columns
    that pages draw this takes a tenth of that.
    """
    if len(frame):
        row = _row(tuple(frame.columns))
        for index, values in zip(frame.index, frame.to_numpy(dtype="object"), strict=True):
            yield row((index, *values))


@lru_cache(maxsize=256)
def _row(names: tuple[str, ...]) -> Any:
    make: Any = namedtuple  # its fields are known only here
    return make("Row", ("Index", *names), rename=True)._make


def text(value: object) -> str:
    """Return a cell's text; empty for a missing one, which pandas gives as NaN or None."""
    return value if isinstance(value, str) else ""


def value_of(picked: pd.DataFrame) -> float:
    """Return what positions are worth at their last prices: rupees, each counted as positive; unknown prices count nothing."""
    return float((picked["quantity"] * picked["last_price"] * picked["multiplier"]).abs().sum())
