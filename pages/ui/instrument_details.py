"""One listing: what it is, what it trades at, what each broker calls it, and its contracts."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import instrument_chain
from pages.ui.badges import escape
from pages.ui.clocks import clocks
from pages.ui.dialogs import opens
from pages.ui.every import live
from pages.ui.instrument_search import KINDS, choose
from pages.ui.kill import may_trade
from pages.ui.navigation import link
from pages.ui.prices import glance
from pages.ui.session import desk
from pages.ui.states import broken, empty
from pages.ui.table import Column, live_table
from pages.ui.ticket import open_ticket
from sigma.domain import show
from sigma.domain.errors import SigmaError, UnknownListing
from sigma.domain.instruments import Kind, Listing
from sigma.domain.orders import OrderType, Side

EVERY_S = 2
NAMES = {
    "broker": Column("At", width=80, pinned=True),
    "symbol": Column("Symbol", width=160),
    "token": Column("Token", "right", 80),
    "exchange_code": Column("Code", width=55, help="The broker's code of the exchange."),
    "valid": Column("Valid", width=180, help="Tokens of contracts are used anew after expiry."),
}
OPTION_TYPES = {"CE": "Call", "PE": "Put"}


def draw(text: str) -> None:
    """Draw the listing that a text means; a word of advice when there is no text."""
    if not text:
        empty("Tick a listing to see it here: lot, tick, what each broker calls it, and its options.")
        return
    try:
        listing = desk().instruments.get(text)
    except UnknownListing as error:
        _unknown(error)
        return
    except SigmaError as error:
        broken(error)
        return
    with st.container(border=True, key="instruments-details"):
        _head(listing)
        names = desk().instruments.at_brokers(listing.text)
        _acts(listing, listed=not names.empty)
        if names.empty:
            st.warning("No broker lists it any more.", icon=":material/history:")
        else:
            live_table(as_rows(names), NAMES, key=f"instruments-names:{listing.text}", select="")
    instrument_chain.draw(listing)


def facts(listing: Listing) -> list[tuple[str, str]]:
    """Return what is known of a listing, each thing with its name; what does not concern its kind is left out."""
    contract = listing.kind in (Kind.FUTURE, Kind.OPTION)
    found: list[tuple[str, str]] = []
    if listing.underlying:
        found.append(("On", listing.underlying))
    if listing.expiry is not None:
        found.append(("Expires", f"{listing.expiry:%a %d %b %Y}"))
    if listing.strike is not None:
        found.append(("Strike ₹", show.price(listing.strike)))
    if listing.option_type is not None:
        found.append(("Type", OPTION_TYPES[listing.option_type.value]))
    if listing.kind is Kind.INDEX:
        return found
    if not contract:
        found += [("ISIN", listing.isin or show.MISSING), ("Series", listing.series or show.MISSING)]
    tick = listing.tick_size
    places = max(2, -int(tick.normalize().as_tuple().exponent))
    found += [("Lot", show.quantity(listing.lot_size)), ("Tick ₹", show.price(tick, places))]
    return [*found, ("Freeze", show.quantity(listing.freeze_quantity))]


def as_rows(names: pd.DataFrame) -> pd.DataFrame:
    """Return brokers' names of a listing with the cells that `NAMES` names."""
    table = names.copy()
    table["valid"] = [valid(*span) for span in zip(names["valid_from"], names["valid_to"], strict=True)]
    return table.set_index(pd.Index([f"{row.broker}:{row.token}" for row in names.itertuples()]))


def valid(first: Any, last: Any) -> str:
    """Return from which trading date to which a name means its listing; open at an end that is not known."""
    start, end = (f"{day:%d %b %Y}" if day else "" for day in (first, last))
    return f"{start} to {end}" if start and end else f"since {start}" if start else f"until {end}" if end else show.MISSING


def _head(listing: Listing) -> None:
    st.subheader(escape(listing.text), anchor=False)
    name = "" if listing.name in ("", listing.symbol) else f" · {escape(listing.name)}"
    st.markdown(f"{KINDS[listing.kind]}{name}")
    glance(listing.text, ask=True)
    live(_price, EVERY_S, listing.text)
    told = facts(listing)
    if told:
        st.markdown(" · ".join(f":gray[{what}] **{escape(value)}**" for what, value in told))


def _price(text: str) -> None:
    last = glance(text)
    if last is None:
        st.markdown(":gray[LTP] —")
        return
    tone = show.gain_tone(last.change_percent)
    change = show.percent(last.change_percent)
    coloured = f":{tone}[{change}]" if tone else change
    st.markdown(clocks(f":gray[LTP] **₹{show.price(last.last_price)}** {coloured} :gray[{show.when(last.at, desk().now())} IST]"))


def _acts(listing: Listing, *, listed: bool) -> None:
    trades = listed and listing.kind is not Kind.INDEX and may_trade()
    with st.container(horizontal=True, vertical_alignment="center", key="instruments-acts"):
        for side in Side if trades else ():
            asks = opens(open_ticket, None, listing.text, side.value, None, None, OrderType.LIMIT.value)
            st.button(side.value.title(), key=f"instruments-{side.value}:{listing.text}", **asks)
        link("chart", "Chart", listing=listing.text)


def _unknown(error: UnknownListing) -> None:
    st.error(f"**{escape(error.message)}** {'' if error.near else escape(error.hint)}".strip(), icon=":material/search_off:")
    if error.near:
        st.markdown("Did you mean one of these?")
        with st.container(horizontal=True):
            for near in error.near:
                st.button(escape(near), key=f"instruments-near:{near}", on_click=choose, args=(near,))
