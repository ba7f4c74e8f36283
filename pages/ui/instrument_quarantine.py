"""Rows of instrument files that contradict one another, and what people said they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import instrument_settle
from pages.ui.badges import escape
from pages.ui.dialogs import opens
from pages.ui.instrument_settle import KEY, RowKey
from pages.ui.kill import is_owner
from pages.ui.rows import rows, text
from pages.ui.session import desk
from pages.ui.states import empty
from pages.ui.table import Column, live_table, no_selection, paged, selection_bar
from sigma.domain.show import MISSING

ROWS, SAID, PAGE, SOURCE, OLD = (
    "quarantine-rows",
    "quarantine-said",
    "quarantine-page",
    "quarantine-source",
    "quarantine-old",
)
COLUMNS = {
    "symbol": Column("Symbol", width=150, pinned=True),
    "source": Column("Source", width=85),
    "reason": Column("What is wrong", width=330),
    "says": Column("Its words say", width=150),
    "elsewhere": Column("Elsewhere", width=150),
    "settled": Column("Settled", width=150, help="What a person said. It counts from the source's next refresh on."),
    "token": Column("Token", "right", 90),
    "exchange_code": Column("Exchange", width=80),
    "name": Column("Name", width=200),
    "last_seen": Column("Last seen", "moment", 100),
}
OVERRIDES = {
    "symbol": Column("Symbol", width=150, pinned=True),
    "is": Column("Is", width=170),
    "source": Column("Source", width=85),
    "note": Column("Note", width=260),
    "by": Column("By", width=100),
    "at": Column("When", "moment", 100),
    "token": Column("Token", "right", 90),
    "exchange_code": Column("Exchange", width=80),
}
LEFT_OUT = "left out"


def draw() -> None:
    """Draw the part."""
    mine = desk().instruments
    said = mine.overrides()
    st.markdown("None of these rows is any listing's name until the files agree or a person settles it. No row is ever guessed.")
    with st.container(horizontal=True, vertical_alignment="center", key="quarantine-controls"):
        source = st.pills("Source", list(mine.sources), key=SOURCE, label_visibility="collapsed")
        old = st.toggle("Also rows that the newest files no longer have", key=OLD)
    found = mine.quarantine(source, present=not old)
    ticked = _set_aside(as_rows(found, said)) if not found.empty else _none(source)
    taken = _settled(said if source is None else said[said["source"] == source])
    if not (ticked or taken):
        no_selection()
    if ticked:
        _act(ticked)
    if taken:
        _undo(taken)


def row_id(row: Any) -> str:
    """Return what tells a row of a source's file from all others, as one text."""
    return "|".join(str(getattr(row, name)) for name in KEY)


def as_rows(found: pd.DataFrame, said: pd.DataFrame) -> pd.DataFrame:
    """Return rows that are set aside, indexed by `row_id`, with the cells that `COLUMNS` names."""
    settled = {row_id(row): text(row.listing) or LEFT_OUT for row in rows(said)}
    table = found.set_index(pd.Index([row_id(row) for row in rows(found)], dtype="str"))
    table["settled"] = [settled.get(one, MISSING) for one in table.index]
    return table


def _none(source: str | None) -> list[RowKey]:
    empty("Nothing is set aside." if source is None else f"Nothing of {escape(source)} is set aside.")
    return []


def _set_aside(table: pd.DataFrame) -> list[RowKey]:
    """Draw the rows and return the keys of the ticked ones."""
    st.caption(f"{len(table)} row{'s are' if len(table) != 1 else ' is'} set aside")
    place = st.container()
    part = table.iloc[paged(len(table), PAGE)]
    with place:
        ticked = live_table(part, COLUMNS, key=ROWS, select="single-row" if is_owner() else "")
    return [key_of(part.loc[one]) for one in ticked]


def _settled(said: pd.DataFrame) -> list[RowKey]:
    """Draw what people said and return the keys of the ticked rows."""
    if said.empty:
        return []
    st.subheader("Settled by a person", anchor=False)
    table = said.set_index(pd.Index([row_id(row) for row in rows(said)], dtype="str"))
    table["is"] = [text(one) or LEFT_OUT for one in table["listing"]]
    ticked = live_table(table, OVERRIDES, key=SAID, select="single-row" if is_owner() else "")
    return [key_of(table.loc[one]) for one in ticked]


def key_of(row: pd.Series) -> RowKey:
    """Return source, exchange code, symbol and token of a row."""
    source, code, symbol, token = (str(row[name]) for name in KEY)
    return RowKey(source, code, symbol, token)


def _act(ticked: Sequence[RowKey]) -> None:
    (key,) = ticked
    with selection_bar(ROWS, escape(f"{key.symbol} of {key.source}")):
        asks = opens(instrument_settle.settle, key)
        st.button("Settle", key=f"quarantine-settle:{'|'.join(key)}", icon=":material/rule:", **asks)


def _undo(ticked: Sequence[RowKey]) -> None:
    (key,) = ticked
    with selection_bar(SAID, escape(f"{key.symbol} of {key.source}")):
        asks = opens(instrument_settle.take_back, key)
        st.button("Take back", key=f"quarantine-undo:{'|'.join(key)}", icon=":material/undo:", **asks)
