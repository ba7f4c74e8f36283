"""Contracts on an underlying: its futures, and the options of an expiry around the money."""

from __future__ import annotations

from datetime import date

import pandas as pd
import streamlit as st

from pages.ui.badges import escape
from pages.ui.every import live
from pages.ui.instrument_search import choose
from pages.ui.prices import glance
from pages.ui.rows import rows, text
from pages.ui.session import desk
from pages.ui.states import failed, kept
from pages.ui.table import Column, live_table, paged
from sigma.domain import show
from sigma.domain.errors import NotFound
from sigma.domain.instruments import Kind, Listing

EVERY_S = 3
STRIKES = 6
"""How many on either side of the money."""
GO = "instruments-go"
COLUMNS = {
    "strike": Column("Strike ₹", "price", 85, pinned=True),
    "money": Column("", width=36, help="◆ At the money: the strike nearest to the price of what it is on."),
    "call_price": Column("Call ₹", "price", 80, help="Last price that is known; the worker reads these while you look."),
    "put_price": Column("Put ₹", "price", 80, help="Last price that is known; the worker reads these while you look."),
    "call_name": Column("Call", width=165),
    "put_name": Column("Put", width=165),
}
AT_THE_MONEY = "◆"


def draw(listing: Listing) -> None:
    """Draw the contracts on a listing, or beside it where it is a contract itself; nothing when there are none."""
    mine = desk().instruments
    try:
        expiries = mine.expiries(listing.text)
    except NotFound:
        return
    futures = mine.futures(listing.text)
    days = [row.expiry for row in rows(expiries) if row.options]
    if futures.empty and not days:
        return
    words = {row.expiry: expiry_words(row.expiry, row.cycle) for row in rows(expiries)}
    with st.container(border=True, key="instruments-contracts"):
        st.subheader(f"Contracts on {escape(listing.underlying or listing.text)}", anchor=False)
        if not futures.empty:
            with st.container(horizontal=True, key="instruments-futures"):
                for row in rows(futures):
                    label = f"{row.expiry:%b %Y} future"
                    key = f"instruments-future:{row.listing}"
                    st.button(label, key=key, disabled=row.listing == listing.text, on_click=choose, args=(row.listing,))
        if days:
            place = days.index(listing.expiry) if listing.kind is Kind.OPTION and listing.expiry in days else 0
            key = f"instruments-expiry:{listing.text}"
            day = st.selectbox("Expiry", days, index=place, format_func=words.__getitem__, key=key, width=260)
            around = reference(listing, futures)
            if around is not None:
                glance(around, ask=True)
            live(_options, EVERY_S, listing.text, day, around)


def expiry_words(day: date, cycle: str) -> str:
    """Return an expiry as people call it: ``Tue 24 Nov 2026 · monthly``."""
    return f"{day:%a %d %b %Y} · {cycle.lower()}"


def reference(listing: Listing, futures: pd.DataFrame) -> str | None:
    """Return the listing whose price says which strike is at the money: the underlying, else its nearest future."""
    if listing.kind not in (Kind.FUTURE, Kind.OPTION):
        return listing.text
    if listing.underlying and ":" in listing.underlying:
        return listing.underlying
    return None if futures.empty else str(futures["listing"].iloc[0])


def as_rows(chain: pd.DataFrame, prices: pd.DataFrame, spot: float | None) -> pd.DataFrame:
    """Return a chain, indexed by strike, with the cells that `COLUMNS` names.

    Parameters
    ----------
    spot : float or None
        Rupees; None where it is not known.
    """
    known = dict(zip(prices["listing"], prices["last_price"], strict=True))
    table = chain.set_index("strike", drop=False)
    for side in ("call", "put"):
        table[f"{side}_price"] = table[side].map(known).astype("float64")
        table[f"{side}_name"] = [text(one).partition(":")[2] or show.MISSING for one in table[side]]
    nearest = None if spot is None or table.empty else min(table.index, key=lambda strike: (abs(strike - spot), strike))
    table["money"] = [AT_THE_MONEY if strike == nearest else "" for strike in table.index]
    return table


def _options(listing: str, day: date, around: str | None) -> None:
    if st.session_state.pop(GO, False):
        st.rerun()
    read = kept("instruments-chain", (listing, day, around), lambda: _read(listing, day, around))
    failed(read)
    if read.value is None:
        return
    chain, spot = read.value
    lots = show.quantity(chain["call_lot"].fillna(chain["put_lot"]).iloc[0])
    if spot is None:
        st.caption(f"{len(chain)} strikes · lot {lots} · what is at the money is not known: no price yet")
    else:
        st.caption(f"Strikes around {show.price(spot)} ({escape(str(around))}) · lot {lots}")
    place = st.container()
    part = chain.iloc[paged(len(chain), "instruments-chain-page")]
    with place:
        ticked = live_table(part, COLUMNS, key=f"instruments-chain:{listing}:{day}", select="single-row")
    if ticked:
        _offer(chain.loc[ticked[0]])


def _read(listing: str, day: date, around: str | None) -> tuple[pd.DataFrame, float | None]:
    mine = desk()
    found = None if around is None else glance(around)
    spot = None if found is None else float(found.last_price)
    chain = mine.instruments.chain(listing, day, around=spot, strikes=STRIKES)
    near = [str(one) for side in ("call", "put") for one in chain[side].dropna()] if spot is not None else []
    return as_rows(chain, mine.last_quotes(near), spot), spot


def _offer(row: pd.Series) -> None:
    """Offer to look at the contracts of the ticked strike."""
    with st.container(horizontal=True, key="instruments-chain-acts"):
        for side in ("call", "put"):
            contract = text(row[side])
            if contract:
                label = f"Show {escape(contract.partition(':')[2])}"
                st.button(label, key=f"instruments-{side}:{contract}", on_click=_go, args=(contract,))


def _go(contract: str) -> None:
    choose(contract)
    st.session_state[GO] = True
