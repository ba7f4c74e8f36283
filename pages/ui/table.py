"""Tables that stay true while rows come and go: a row is known by its id, never by its place.

A browser reports which *places* of a table are ticked, a moment (150 ms) after the click. Were the same table drawn again
with another order of rows in between, that place would name another order. So each order of rows is a table of its own
(the generation is part of the widget's key), and a report about an earlier one goes to a widget that is no more: the click
is lost, and never means another row. For the same reason a widget that acts on a row carries the row's id in its key.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from pages.ui.session import desk
from sigma.domain import show
from sigma.domain.show import MISSING, Tone

ROW_HEIGHT = 30
HEADER = 34
MOST_ROWS = 16
PAGE_ROWS = 50
GAINS = {Tone.GOOD: ("#00656A", "#3DD6D0"), Tone.BAD: ("#A11B12", "#FF8A80")}
"""Text colours of what was won and lost, light and dark."""


@dataclass(frozen=True, slots=True)
class Column:
    """How one column of a frame is drawn.

    Parameters
    ----------
    kind : str
        ``text``, ``right`` (text at the right edge), ``price``, ``price4``, ``quantity``, ``gain``, ``percent``, ``chip``,
        ``moment``, ``age`` (seconds) or ``progress`` (percent).
    width : int
        Pixels.
    chips : mapping
        For ``chip``: the tone of each text that may stand in a cell.
    """

    label: str
    kind: str = "text"
    width: int = 130
    pinned: bool = False
    help: str | None = None
    chips: Mapping[str, Tone] | None = None


FORMATS = {
    "price": show.price,
    "price4": partial(show.price, places=4),
    "quantity": show.quantity,
    "gain": show.gain,
    "percent": show.percent,
    "age": show.age,
}
_NUMBERS = (*FORMATS, "progress")


def live_table(frame: pd.DataFrame, columns: Mapping[str, Column], *, key: str, select: str = "multi-row") -> list[Any]:
    """Draw a table whose rows may come and go, and return the ids of the ticked rows, in the table's order.

    Parameters
    ----------
    frame : DataFrame
        The rows of one page, indexed by a unique id; it has the members of `columns`.
    select : str
        ``multi-row``, ``single-row`` or empty for a table nobody acts on.
    """
    shown = _styled(frame, columns)
    layout: dict[str, Any] = {
        "column_config": {name: _config(column) for name, column in columns.items()},
        "column_order": list(columns),
        "hide_index": True,
        "row_height": ROW_HEIGHT,
        "height": HEADER + ROW_HEIGHT * min(max(len(frame), 1), MOST_ROWS),
        "placeholder": MISSING,
    }
    if not select:
        st.dataframe(shown, key=key, **layout)
        return []
    ids = list(frame.index)
    chosen = _carry(key, ids)
    widget = _widget(key)
    st.session_state[widget] = {"selection": {"rows": [ids.index(one) for one in chosen], "columns": [], "cells": []}}
    st.dataframe(shown, key=widget, on_select="rerun", selection_mode=select, **layout)  # type: ignore[call-overload]
    return chosen


def reach(key: str) -> int:
    """Return how many rows of a long list lie before the end of the chosen page."""
    return int(st.session_state.get(key) or 1) * PAGE_ROWS


def paged(total: int, key: str) -> slice:
    """Draw the pages of a long list and return which rows the chosen one shows."""
    pages = max(1, -(-total // PAGE_ROWS))
    if pages == 1:
        return slice(0, PAGE_ROWS)
    if st.session_state.get(key, 1) > pages:
        st.session_state[key] = pages
    number = st.pagination(pages, key=key)
    return slice((number - 1) * PAGE_ROWS, number * PAGE_ROWS)


@contextmanager
def selection_bar(key: str, words: str) -> Iterator[None]:
    """Draw the bar at the foot of the page that names what is ticked; its buttons are drawn inside.

    Every run of the fragment that owns the table must draw it, or `no_selection`. The key of each button in it holds the ids
    that it acts on.
    """
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", key=f"acts-{key}"):
        st.markdown(f"**{words}**")
        st.space("stretch")
        yield


def no_selection() -> None:
    """Draw no bar at the foot of the page."""
    with st.bottom:
        st.empty()


def tick(key: str, ids: Sequence[Any]) -> None:
    """Tick rows of a table before it is drawn, and no others; what is not among its rows is left out."""
    generation, drawn, _ = st.session_state.get(f"{key}:rows", (0, [], []))
    st.session_state[f"{key}:rows"] = (generation + 1, drawn, list(ids))


def forget(key: str) -> None:
    """Take back every tick of a table, for instance after its rows were acted on."""
    memory = st.session_state.get(f"{key}:rows")
    if memory is not None:
        st.session_state[f"{key}:rows"] = (memory[0] + 1, memory[1], [])


def _widget(key: str) -> str:
    return f"{key}:{st.session_state[f'{key}:rows'][0]}"


def _carry(key: str, ids: Sequence[Any]) -> list[Any]:
    """Return the ticked ids among `ids`: as the person left them in the table drawn last, or the one before."""
    generation, drawn, chosen = st.session_state.get(f"{key}:rows", (0, [], []))
    reported = st.session_state.get(f"{key}:{generation}")
    if reported is not None:
        chosen = [drawn[place] for place in reported["selection"]["rows"] if place < len(drawn)]
    if list(drawn) != list(ids):
        generation += 1
    there = set(ids)
    chosen = [one for one in chosen if one in there]
    st.session_state[f"{key}:rows"] = (generation, list(ids), chosen)
    return chosen


def _styled(frame: pd.DataFrame, columns: Mapping[str, Column]) -> Styler:
    """Return the frame with its numbers written as people here read them; sorting stays numeric."""
    shown = frame[list(columns)].copy()
    shown.attrs.clear()  # what a list says of itself is not for the browser
    for name, column in columns.items():
        if column.kind in _NUMBERS:
            shown[name] = pd.to_numeric(shown[name]).astype("float64").round(4 if column.kind == "price4" else 2)
        elif column.kind == "chip":
            shown[name] = [[text] if text else [] for text in shown[name]]
    formats: dict[str, Any] = {**FORMATS, "moment": partial(show.when, now=desk().now())}
    style = shown.style.format({name: formats[column.kind] for name, column in columns.items() if column.kind in formats})
    colours = _colours(shown, columns)
    return style.apply(lambda _: colours, axis=None)


def _colours(shown: pd.DataFrame, columns: Mapping[str, Column]) -> pd.DataFrame:
    """Return what colours each cell as CSS; the theme is asked for once and not by each cell."""
    in_dark = dark()
    plain = f"color: {'#FFFFFF' if in_dark else '#000000'}"  # the grid draws pinned cells at 60 %
    tones: dict[Tone | None, str] = {tone: f"color: {pair[in_dark]}" for tone, pair in GAINS.items()}
    css: dict[Hashable, Any] = {}
    for name, column in columns.items():
        if column.kind in ("gain", "percent"):
            css[name] = [tones.get(show.gain_tone(value), "") for value in shown[name]]
        else:
            css[name] = plain if column.pinned else ""
    return pd.DataFrame(css, index=shown.index, dtype="object")


def dark() -> bool:
    """Say whether the person looks at the dark theme."""
    return bool(st.context.theme.type == "dark")


def _config(column: Column) -> Any:
    common: dict[str, Any] = {"width": column.width, "pinned": column.pinned, "help": column.help}
    if column.kind == "chip":
        chips = column.chips or {}
        colours = [str(tone) for tone in chips.values()]
        return st.column_config.MultiselectColumn(column.label, options=list(chips), color=colours, **common)
    if column.kind == "moment":
        return st.column_config.DatetimeColumn(column.label, timezone="Asia/Kolkata", **common)
    if column.kind == "progress":
        return st.column_config.ProgressColumn(column.label, format="%.1f%%", min_value=0, max_value=100, width=column.width)
    if column.kind in _NUMBERS:
        return st.column_config.NumberColumn(column.label, **common)
    if column.kind == "right":
        common["alignment"] = "right"
    return st.column_config.TextColumn(column.label, **common)
