"""Dialogs about one row of an instrument file: which listing it is, and taking that back."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import streamlit as st

from pages.ui.badges import escape
from pages.ui.confirm import Question, ask
from pages.ui.dialogs import close_dialog, pressed, show_dialog
from pages.ui.listing_search import offers
from pages.ui.rows import rows, text
from pages.ui.session import desk
from sigma.domain.errors import SigmaError

SEARCH, CHOSEN, NOTE = "settle-search", "settle-chosen", "settle-note"


class RowKey(NamedTuple):
    """Which row of a source's file is meant."""

    source: str
    exchange_code: str
    symbol: str
    token: str


KEY = RowKey._fields


def settle(key: RowKey) -> None:
    """Ask which listing a row is, or whether it is to be left out."""
    first = partial(st.session_state.update, {SEARCH: "", CHOSEN: None, NOTE: ""})
    show_dialog(f"What is {escape(key.symbol)} of {escape(key.source)}?", _settle, key, first=first, icon=":material/rule:")


def take_back(key: RowKey) -> None:
    """Ask before what was said of a row is taken back."""
    what = f"{escape(key.symbol)} of {escape(key.source)}"

    def do() -> str:
        desk().instruments.unsettle(*key)
        return f"{what} is judged by the files again, from the next refresh on."

    body = (
        "From the source's next refresh on the files alone say what it is. If they contradict one another, it is set aside again."
    )
    ask(Question(f"Take back what was said of {what}?", body, "Keep it", "Take it back"), f"unsettle:{'|'.join(key)}", do)


def _settle(key: RowKey) -> None:
    found = desk().instruments.quarantine(key.source, present=False)
    row = next((one for one in rows(found) if all(getattr(one, name) == getattr(key, name) for name in KEY)), None)
    if row is None:
        st.info("This row is not set aside any more.", icon=":material/check:")
        return
    st.markdown(f"Token **{escape(key.token)}** on **{escape(key.exchange_code)}**{_named(row)}: it {escape(row.reason)}.")
    chosen = _choose(row)
    note = st.text_input("Note", key=NOTE, placeholder="Why, for later", max_chars=200)
    st.caption("It counts from the source's next refresh on (Masters), for everybody, and can be taken back.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Cancel", key="settle-keep", on_click=close_dialog)
        left_out = pressed("Leave the row out", key=f"settle-out:{'|'.join(key)}")
        label = f"It is {escape(chosen)}" if chosen else "It is …"
        said = pressed(label, key=f"go_settle:{'|'.join(key)}:{chosen}", type="primary", disabled=chosen is None)
    if not (said or left_out):
        return
    try:
        after = desk().instruments.settle(*key, listing=chosen if said else None, leave_out=not said, note=str(note or ""))
    except SigmaError as error:
        st.error(f"**{escape(error.message)}** {escape(error.hint)}".strip(), icon=":material/error:")
        return
    what = escape(after.listing) if after.listing else "left out"
    st.toast(f"{escape(key.symbol)} is {what}, from the next refresh of {escape(key.source)} on.", icon=":material/check:")
    close_dialog()


def _named(row: Any) -> str:
    return f", {escape(row.name)}" if row.name and row.name != row.symbol else ""


def _choose(row: Any) -> str | None:
    """Return the listing that the row is said to be, or draw what it may be and the search."""
    chosen: str | None = st.session_state[CHOSEN]
    if chosen is not None:
        with st.container(horizontal=True, vertical_alignment="center", key="settle-chosen-row"):
            st.markdown(f"It is **{escape(chosen)}**.")
            st.button("Change", key="settle-change", type="tertiary", on_click=_take, args=(None,))
        return chosen
    near = {text(row.says): "what its own words say", text(row.elsewhere): "what it is elsewhere"}
    for listing, why in near.items():
        if listing:
            _offer(listing, why)
    typed = st.text_input("Which listing is it?", key=SEARCH, type="search", placeholder=f"Search {row.exchange}", live="250ms")
    offers(typed, "settle-found", _take, row.exchange)
    return None


def _offer(listing: str, words: str) -> None:
    label = f"**{escape(listing)}** {escape(words)}"
    st.button(label, key=f"settle-take:{listing}", on_click=_take, args=(listing,), type="tertiary", wrap=False)


def _take(listing: str | None) -> None:
    st.session_state[CHOSEN] = listing
