"""The page Groups: what is in a watchlist or a basket, and what does it trade at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import group_dialogs, group_edit, group_import
from pages.ui.badges import MOST_TABS, escape
from pages.ui.clocks import clocks
from pages.ui.dialogs import opens
from pages.ui.every import live
from pages.ui.group_dialogs import CHOSEN, GO, listings_words
from pages.ui.group_edit import as_frame
from pages.ui.kill import may_trade
from pages.ui.rows import rows
from pages.ui.session import desk
from pages.ui.shell import head
from pages.ui.states import empty, failed, kept
from pages.ui.table import Column, live_table, no_selection, paged, selection_bar
from pages.ui.ticket import open_ticket
from sigma.domain import show
from sigma.domain.errors import SigmaError
from sigma.domain.groups import Group, Member
from sigma.domain.instruments import Kind
from sigma.domain.orders import Side

TITLE = "Groups"
EVERY_S = 2
MOST_FOUND = 6
PRICES, EDIT, IMPORT = "Prices", "Edit", "Import"
VIEW, SEARCH, TABLE, PAGE = "groups-view", "groups-search", "groups-table", "groups-page"
LAST = "groups-last"
COLUMNS = {
    "listing": Column("Listing", width=176, pinned=True),
    "last_price": Column("LTP ₹", "price", 95, help="Last price that is known; its time stands beside it."),
    "change_percent": Column("Day %", "percent", 80, help="Since yesterday's close."),
    "at": Column("Time", "moment", 95, help="When that was the price, IST."),
    "weight": Column("Weight %", "price", 90, help="Wanted part of the group's value."),
    "quantity": Column("Qty", "quantity", 80, help="Wanted units."),
    "value": Column("Value ₹", "price", 110, help="Wanted units at the last price."),
    "note": Column("Note", width=260),
}
WANTED = ("weight", "quantity", "value", "note")
"""Columns that are drawn only where some listing has such a thing."""


def render() -> None:
    """Draw the page."""
    head(TITLE)
    found = desk().groups.table()
    if found.empty:
        empty("No groups yet. A group is a watchlist, or with weights a basket; it fits every broker.")
        _new()
        return
    group = _choose({row.id: row.name for row in rows(found)})
    _controls(group)
    if group.description:
        st.markdown(escape(group.description))
    st.session_state.setdefault(VIEW, PRICES)
    view = st.segmented_control("View", [PRICES, EDIT, IMPORT], required=True, key=VIEW, label_visibility="collapsed")
    if view == EDIT:
        group_edit.draw(group)
    elif view == IMPORT:
        group_import.draw(group, then=_show_prices)
    else:
        live(_prices, EVERY_S, group.id)


def _choose(names: dict[int, str]) -> Group:
    """Draw the groups and return the one looked at; it is kept in the address (``?group=``)."""
    state = st.session_state
    asked = st.query_params.get("group", "")
    wanted = state.pop(GO, None) or state.get(CHOSEN) or (int(asked) if asked.isdecimal() else state.get(LAST))
    if state.get(CHOSEN) is None or state[CHOSEN] != wanted or wanted not in names:
        state[CHOSEN] = wanted if wanted in names else next(iter(names))
    common: dict[str, Any] = {"required": True, "key": CHOSEN, "label_visibility": "collapsed"}
    if len(names) <= MOST_TABS:
        chosen = st.segmented_control("Group", list(names), format_func=lambda one: escape(names[one]), **common)
    else:
        chosen = st.selectbox("Group", list(names), format_func=names.__getitem__, width=320, **common)
    group_id = int(chosen or state[CHOSEN])
    st.query_params["group"] = str(group_id)
    state[LAST] = group_id
    return desk().groups.get(group_id)


def _new() -> None:
    st.button("New", key="go_group_new", type="primary", icon=":material/add:", shortcut="N", **opens(group_dialogs.new))


def _controls(group: Group) -> None:
    with st.container(horizontal=True, vertical_alignment="top", key="groups-controls"):
        with st.container(width=320):
            st.fragment(_search)(group.id)
        st.space("stretch")
        with st.popover("More", key="groups-more"):
            st.button("Name and description", key=f"group-details:{group.id}", **opens(group_dialogs.details, group))
            for form, mime in (("csv", "text/csv"), ("json", "application/json")):
                name, text = f"{group.name}.{form}", desk().groups.export(group.id, form)
                st.download_button(
                    f"Download {form.upper()}", text, name, mime, key=f"group-{form}:{group.id}", on_click="ignore"
                )
            st.button("Delete", key=f"group-delete:{group.id}", **opens(group_dialogs.delete, group))
        _new()


def _search(group_id: int) -> None:
    """Draw the search that adds listings; found ones are buttons."""
    typed = st.text_input(
        "Add a listing", key=SEARCH, type="search", placeholder="Add a listing: INFY", live="250ms", label_visibility="collapsed"
    )
    if st.session_state.pop("groups-added", False):
        st.rerun()
    text = str(typed or "").strip()
    if not text:
        return
    try:
        there = set(desk().groups.get(group_id).listings)
        found = desk().instruments.find(text, limit=MOST_FOUND)
    except SigmaError as error:
        st.caption(escape(str(error)))
        return
    if found.empty:
        st.caption("No listing has that in its symbol or name.")
    with st.container(gap=None, key="groups-found"):
        for row in rows(found):
            _offer(group_id, row.listing, str(row.name), inside=row.listing in there)


def _offer(group_id: int, listing: str, name: str, *, inside: bool) -> None:
    label = f"**{escape(listing)}** {escape(name)}"
    st.button(
        f"{label} · in the group" if inside else label,
        key=f"group-add:{group_id}:{listing}",
        disabled=inside,
        on_click=_add,
        args=(group_id, listing),
        type="tertiary",
        wrap=False,
    )


def _add(group_id: int, listing: str) -> None:
    """Add a listing at the end, and be ready for the next one."""
    try:
        group = desk().groups.put(group_id, listing)
    except SigmaError as error:
        st.toast(escape(str(error)), icon=":material/error:")
        return
    st.session_state[SEARCH] = ""
    st.session_state["groups-added"] = True
    st.toast(f"{escape(listing)} is in {escape(group.name)}.", icon=":material/check:")


def _show_prices() -> None:
    st.session_state[VIEW] = PRICES


def _prices(group_id: int) -> None:
    read = kept("groups", group_id, lambda: desk().groups.get(group_id))
    failed(read)
    group = read.value
    if group is None:
        no_selection()
        return
    if not group.members:
        empty(f"Nothing is in {escape(group.name)} yet. Search above to add a listing, or import a file.")
        no_selection()
        return
    place = st.container()
    part = paged(len(group.members), PAGE)
    with place:
        chosen = _table(group, part)
    if chosen:
        _acts(group, chosen)
    else:
        no_selection()


def _table(group: Group, part: slice) -> list[str]:
    """Draw one page of a group and return the listings that are ticked."""
    listings = list(group.listings[part])
    read = kept("groups-prices", tuple(listings), lambda: desk().last_quotes(listings))
    failed(read)
    if read.value is None:
        return []
    shown = as_rows(group.members[part], read.value)
    newest = show.freshness("newest price", shown["at"].max(), desk().now())
    st.caption(clocks(f"{caption(group)} · {newest}"))
    return live_table(shown, columns(shown), key=f"{TABLE}-{group.id}")


def as_rows(members: Sequence[Member], prices: pd.DataFrame) -> pd.DataFrame:
    """Return members, in their order and indexed by listing, with the cells that `COLUMNS` names.

    Parameters
    ----------
    prices : DataFrame
        As `desk.last_quotes` gives it; a listing without a price has none here.
    """
    found = as_frame(members).merge(prices[["listing", "last_price", "change_percent", "at"]], on="listing", how="left")
    found["value"] = found["last_price"] * found["quantity"].astype("float64")
    return found.set_index("listing", drop=False)


def columns(shown: pd.DataFrame) -> dict[str, Column]:
    """Return the columns that say something of these rows."""
    return {name: column for name, column in COLUMNS.items() if name not in WANTED or shown[name].replace("", None).notna().any()}


def caption(group: Group) -> str:
    """Return how much is in a group, and what its weights add up to."""
    weight = group.weight
    return listings_words(len(group.members)) + ("" if weight is None else f" · weights add up to {weight.normalize():f}%")


def _acts(group: Group, chosen: Sequence[str]) -> None:
    key = ",".join(chosen)
    words = escape(chosen[0]) if len(chosen) == 1 else listings_words(len(chosen))
    with selection_bar(TABLE, words):
        if len(chosen) == 1 and may_trade() and tradable(chosen[0]):
            for side in Side:
                asks = opens(open_ticket, None, chosen[0], side.value)
                st.button(side.value.title(), key=f"group-{side.value}:{key}", **asks)
        asks = opens(group_dialogs.take, group, tuple(chosen))
        st.button("Take out", key=f"group-take:{group.id}:{key}", icon=":material/playlist_remove:", **asks)


def tradable(listing: str) -> bool:
    """Say whether a listing can be bought: an index cannot, nor what is gone from the instrument table."""
    try:
        return desk().instruments.get(listing).kind is not Kind.INDEX
    except SigmaError:
        return False
