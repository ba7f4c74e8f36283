"""Search as you type over the instrument table; the listing that is looked at stands in the address (``?listing=``)."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.ui.session import desk
from pages.ui.states import broken, empty
from pages.ui.table import Column, live_table, tick
from sigma.domain.errors import SigmaError
from sigma.domain.instruments import Exchange, Kind

LISTING = "listing"
SEARCH, EXCHANGE, KIND = "instruments-search", "instruments-exchange", "instruments-kind"
TABLE, SHOWN, LIMIT = "instruments-found", "instruments-shown", "instruments-limit"
FEW, MANY = 8, 100
KINDS = {Kind.EQUITY: "Share", Kind.ETF: "ETF", Kind.INDEX: "Index", Kind.FUTURE: "Future", Kind.OPTION: "Option"}
COLUMNS = {
    "listing": Column("Listing", width=190, pinned=True),
    "kind": Column("Kind", width=70),
    "name": Column("Name", width=200),
    "lot_size": Column("Lot", "quantity", 60),
}


def chosen() -> str:
    """Return the listing that the person looks at, as it is written in the address; empty for none."""
    return st.query_params.get(LISTING, "").strip()


def choose(listing: str) -> None:
    """Look at a listing from the next run on."""
    st.query_params[LISTING] = listing


def draw() -> None:
    """Draw the search and what it found; a ticked row is what the page is about."""
    common: dict[str, Any] = {"label_visibility": "collapsed"}
    typed = st.text_input(
        "Find a listing", key=SEARCH, type="search", placeholder="infy, nifty 26000 ce, M&M", live="200ms", **common
    )
    exchange = st.pills("Exchange", [one.value for one in Exchange], key=EXCHANGE, **common)
    kind = st.pills("Kind", [one.value for one in Kind], format_func=lambda one: KINDS[Kind(one)], key=KIND, **common)
    text = str(typed or "").strip()
    if not (text or exchange or kind):
        empty("Type part of a symbol or a name; more words narrow it.")
        return
    asked = (text, exchange, kind)
    limit = MANY if st.session_state.get(LIMIT) == asked else FEW
    try:
        found = desk().instruments.find(text, exchange=exchange, kind=kind, limit=limit + 1)
    except SigmaError as error:
        broken(error)
        return
    if found.empty:
        empty("No listing has all of that in its symbol or name.")
        return
    st.caption(found_words(len(found), limit))
    _table(found.head(limit))
    if len(found) > limit and limit == FEW:
        st.button("More", key="instruments-more", on_click=_more, args=(asked,))


def found_words(count: int, limit: int) -> str:
    """Return how many listings were found, when one more than `limit` was asked for."""
    if count > limit:
        return f"The {limit} likeliest. More words, an exchange or a kind narrow it."
    return f"{count} listing{'s' * (count != 1)}"


def as_rows(found: pd.DataFrame) -> pd.DataFrame:
    """Return found listings, indexed by their text, with the cells that `COLUMNS` names."""
    table = found.set_index("listing", drop=False)
    table["kind"] = [KINDS[Kind(word)] for word in table["kind"]]
    return table


def _more(asked: tuple[Any, ...]) -> None:
    st.session_state[LIMIT] = asked


def _table(found: pd.DataFrame) -> None:
    """Draw what was found. The tick follows the address, and the address a tick."""
    looked_at = chosen()
    if st.session_state.get(SHOWN) != looked_at:
        st.session_state[SHOWN] = looked_at
        tick(TABLE, [looked_at])
    ticked = live_table(as_rows(found), COLUMNS, key=TABLE, select="single-row")
    if ticked and ticked[0] != looked_at:
        st.session_state[SHOWN] = ticked[0]
        choose(ticked[0])
        st.rerun()
