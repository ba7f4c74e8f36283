"""Weights, quantities, notes and order of a group, in a table that can be written into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui.group_dialogs import trouble
from pages.ui.session import desk
from pages.ui.states import empty
from pages.ui.table import HEADER, MOST_ROWS, ROW_HEIGHT
from sigma.domain import show
from sigma.domain.errors import SigmaError
from sigma.domain.groups import LONGEST_NOTE, MOST_MEMBERS, MOST_UNITS, WHOLE, Group, Member
from sigma.domain.money import to_float

_BASE, _ROUND = "groups-editing", "groups-edit-round"
"""The group that the person began to change: what they write is about that state, whatever happens to it meanwhile."""


def draw(group: Group) -> None:
    """Draw the part."""
    base = _base(group)
    if not base.members:
        empty("Nothing is in it yet. Search above to add a listing, or import a file.")
        return
    place = st.container()
    written = _editor(base)
    changes = counted(st.session_state.get(_key(base)))
    place.caption(f"{weights_words(written['weight'])} To take rows out, tick and delete them; *Place* says the order.")
    if base.version != group.version:
        st.warning("This group was changed meanwhile. Discard to see it as it is now.", icon=":material/sync_problem:")
    with st.container(horizontal=True):
        label = f"Save {changes} change{'s' * (changes != 1)}" if changes else "Save"
        saved = st.button(label, key=f"go_group_edit:{base.id}", type="primary", disabled=not changes)
        st.button("Discard", key=f"group-discard:{base.id}", disabled=not changes, on_click=_forget)
    if saved:
        _save(base, written)


def as_frame(members: Sequence[Member]) -> pd.DataFrame:
    """Return place, listing, weight (percent), quantity (units) and note of each member."""
    weights = [None if one.weight is None else to_float(one.weight) for one in members]
    return pd.DataFrame(
        {
            "position": list(range(1, len(members) + 1)),
            "listing": [one.listing for one in members],
            "weight": pd.Series(weights, dtype="float64"),
            "quantity": pd.Series([one.quantity for one in members], dtype="Int64"),
            "note": [one.note for one in members],
        }
    )


def in_order(written: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Return the rows as they are to stand: those whose place was changed at that place, the others around them as before."""
    places = dict(zip(before["listing"], before["position"], strict=True))
    wanted = written["position"].fillna(MOST_MEMBERS)
    moved = wanted != written["listing"].map(places)
    order = list(written.index[~moved])
    for row in wanted[moved].sort_values(kind="stable").index:
        order.insert(int(wanted[row]) - 1, row)
    return written.loc[order]


def counted(edits: Mapping[str, Any] | None) -> int:
    """Return how many rows a person changed or took out."""
    return 0 if edits is None else len({*edits["edited_rows"], *edits["deleted_rows"]})


def weights_words(weights: pd.Series) -> str:
    """Return what weights add up to, and what is missing to the whole."""
    if not weights.notna().any():
        return "No weights: a watchlist."
    total = round(float(weights.sum()), 4)
    if total == WHOLE:
        return "Weights add up to 100%."
    off = f"{show.price(abs(100 - total))}% {'are free' if total < WHOLE else 'too much'}"
    return f":orange[▲] Weights add up to {total:g}%: {off}."


def _base(group: Group) -> Group:
    """Return the state that the person writes into; without changes of theirs it is the newest."""
    base: Group | None = st.session_state.get(_BASE)
    if base is None or base.id != group.id or not counted(st.session_state.get(_key(base))):
        base = st.session_state[_BASE] = group
    return base


def _key(group: Group) -> str:
    return f"group-editor:{group.id}:{group.version}:{st.session_state.get(_ROUND, 0)}"


def _editor(base: Group) -> pd.DataFrame:
    column = st.column_config
    written: pd.DataFrame = st.data_editor(
        as_frame(base.members),
        key=_key(base),
        num_rows="delete",
        hide_index=True,
        disabled=["listing"],
        row_height=ROW_HEIGHT,
        height=HEADER + ROW_HEIGHT * min(len(base.members), MOST_ROWS),
        placeholder=show.MISSING,
        column_config={
            "listing": column.TextColumn("Listing", width=176, pinned=True),
            "weight": column.NumberColumn("Weight %", width=90, min_value=0, max_value=100, step=0.0001, format="%.2f"),
            "quantity": column.NumberColumn("Qty", width=80, min_value=1, max_value=MOST_UNITS, step=1, format="%d"),
            "note": column.TextColumn("Note", width=320, max_chars=LONGEST_NOTE),
            "position": column.NumberColumn("Place", width=70, min_value=1, max_value=MOST_MEMBERS, step=1, format="%d"),
        },
        column_order=["listing", "weight", "quantity", "note", "position"],
    )
    return written


def _save(base: Group, written: pd.DataFrame) -> None:
    try:
        after = desk().groups.update(base.id, members=in_order(written, as_frame(base.members)), version=base.version)
    except SigmaError as error:
        trouble(error)
        return
    st.session_state[_BASE] = after
    st.toast(f"{len(after.members)} listings are stored.", icon=":material/check:")
    st.rerun()


def _forget() -> None:
    """Take back what was written: the table begins anew under another key."""
    st.session_state.pop(_BASE, None)
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
