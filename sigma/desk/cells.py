"""From values to the typed columns of a frame; pages draw frames every two seconds, so each column is built in one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd

from sigma.domain.money import to_float

TEXT, NUMBER, WHOLE, MAYBE_WHOLE, FLAG, THING = "str", "float64", "int64", "Int64", "bool", "object"
MOMENT = "datetime64[us, UTC]"
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_NOT_A_TIME = np.iinfo(np.int64).min
_PLAIN = frozenset({str, int, float, bool, type(None), datetime})
_PLACES: dict[tuple[tuple[str, ...], tuple[type, ...], tuple[str, ...]], list[tuple[str, int]]] = {}
"""Which of the things of a row has each column, by the columns, the classes of the things and what is given."""


def frame(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows as a frame with these columns, in order, each of its type; None is missing."""
    return pd.DataFrame({name: _column([row[name] for row in rows], kind) for name, kind in columns.items()}, copy=False)


def facts(columns: Mapping[str, str], *things: object, **given: object) -> dict[str, Any]:
    """Return one row: what is given, else the first of `things` that has a member of the column's name."""
    sort = (tuple(columns), tuple(map(type, things)), tuple(given))
    if sort not in _PLACES:
        wanted = [name for name in columns if name not in given]
        _PLACES[sort] = [(name, next(place for place, thing in enumerate(things) if hasattr(thing, name))) for name in wanted]
    row = {name: cell(getattr(things[place], name)) for name, place in _PLACES[sort]}
    row.update({name: cell(value) for name, value in given.items() if name in columns})
    return row


def cell(value: object) -> object:
    """Return a value as a cell holds it: amounts as floats, words as their text."""
    if value.__class__ in _PLAIN:
        return value
    if isinstance(value, Decimal):
        return to_float(value)
    if isinstance(value, Enum):
        return value.value
    return dict(value) if isinstance(value, Mapping) else value


def _column(values: list[Any], kind: str) -> Any:
    if kind == MOMENT:
        micros = [_NOT_A_TIME if value is None else (value - _EPOCH) // _MICROSECOND for value in values]
        return pd.DatetimeIndex(np.array(micros, dtype="int64").view("datetime64[us]"), tz="UTC")
    if kind == NUMBER:
        return np.array(values, dtype="float64")  # None becomes NaN
    if kind in (WHOLE, FLAG):
        return np.array(values, dtype=kind)
    if kind == THING:
        things = np.empty(len(values), dtype="object")
        things[:] = values
        return things
    return pd.array(values, dtype=kind)  # type: ignore[call-overload]
