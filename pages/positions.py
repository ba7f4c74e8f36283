"""The page Positions: what am I exposed to, and what does it make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui.badges import Badge, badge_of, badges, choose_account
from pages.ui.clocks import clocks
from pages.ui.close_all import close_all
from pages.ui.conversion import convert_position, convertible
from pages.ui.dialogs import opens
from pages.ui.every import live
from pages.ui.exits import exit_positions
from pages.ui.kill import may_trade
from pages.ui.portfolio import (
    as_now,
    ask_broker,
    caption,
    gain_tile,
    listings,
    marked,
    matching,
    never_read,
    refresh_button,
    row_ids,
    stored,
    warnings,
)
from pages.ui.session import desk
from pages.ui.shell import head
from pages.ui.states import empty, failed, kept
from pages.ui.table import Column, live_table, no_selection, selection_bar
from sigma.desk import Desk
from sigma.domain import show
from sigma.domain.instruments import Exchange
from sigma.domain.orders import Product

TITLE = "Positions"
EVERY_S = 2
WHAT = "positions"
ALL = "All"
PRODUCT, SEARCH, FLAT, TABLE = "positions-product", "positions-search", "positions-flat", "positions-table"
COLUMNS = {
    "listing": Column("Listing", width=176, pinned=True),
    "quantity": Column("Qty", "quantity", 80, help="Units; short positions are negative."),
    "average_price": Column("Avg ₹", "price", 95),
    "last_price": Column("LTP ₹", "price", 95),
    "pnl": Column("P&L ₹", "gain", 120, help="Realised today and open."),
    "pnl_percent": Column("%", "percent", 80, help="Of the average price."),
    "product": Column("Product", width=70),
    "day_overnight": Column("Day / overnight", "right", 110, help="Units of today, and units held over from the day before."),
}
FINE = frozenset({Exchange.CDS, Exchange.BCD})
"""Exchanges that quote four decimals."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is stored of an account; None for what was never read."""

    positions: pd.DataFrame | None
    funds: pd.DataFrame | None


def render() -> None:
    """Draw the page."""
    head(TITLE)
    badge = choose_account("positions-account")
    if badge is not None:
        live(_positions, EVERY_S, badge)


def _positions(badge: Badge) -> None:
    badge = as_now(badge)
    read = kept(WHAT, badge.name, lambda: _look(badge.name))
    seen = read.value
    frame = None if seen is None else seen.positions
    if seen is None or frame is None:
        failed(read)
        if seen is not None:
            never_read(WHAT, badge, _renew(badge))
        no_selection()
        return
    _tiles(frame, seen.funds, badge)
    asked = _filters(badge, frame)
    failed(read)
    if asked:
        ask_broker(WHAT, badge, _renew(badge))
    warnings(WHAT, frame, badge)
    shown = _chosen(frame)
    words = counted(frame, shown)
    st.caption(clocks(caption(words, frame.attrs["taken_at"], frame.attrs["priced_at"], desk().now())))
    _table(shown, words, badge)


def _look(account: str) -> Seen:
    mine = desk()
    positions = stored(lambda: mine.positions(account, refresh=False))
    return Seen(positions, stored(lambda: mine.funds(account, refresh=False)))


def _renew(badge: Badge) -> Any:
    def read(mine: Desk) -> None:
        mine.positions(badge.name, refresh=True)
        mine.funds(badge.name, refresh=True)

    return read


def _tiles(frame: pd.DataFrame, funds: pd.DataFrame | None, badge: Badge) -> None:
    """Draw the day of the whole account: flat positions and those that the filters hide are in it."""
    cost = (frame["average_price"] * frame["quantity"].abs() * frame["multiplier"]).sum()
    open_part = frame["unrealised"].sum() / cost * 100 if cost else None
    with st.grid(4, min_column_width=150, row_height=118, key="positions-tiles"):
        gain_tile("Net P&L", frame["pnl"].sum(), badge)
        gain_tile("Realised", frame["realised"].sum(), badge)
        gain_tile("Unrealised", frame["unrealised"].sum(), badge, open_part, "of what is open")
        used = None if funds is None or funds.empty else funds["used"].iloc[0]
        told = "Never read." if funds is None else f"{show.freshness('read', funds.attrs['taken_at'], desk().now())}."
        st.metric(marked("Margin used", badge), show.short_rupees(used), help=told, border=True, height="stretch")


def _filters(badge: Badge, frame: pd.DataFrame) -> bool:
    """Draw what narrows the rows, and say whether the broker is to be asked."""
    offered = desk().capabilities(badge.name).products
    products = [ALL, *(product.value for product in Product if product in offered)]
    st.session_state.setdefault(PRODUCT, ALL)
    if st.session_state[PRODUCT] not in products:
        st.session_state[PRODUCT] = ALL
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control("Product", products, required=True, key=PRODUCT, label_visibility="collapsed")
        st.text_input("Search", key=SEARCH, type="search", placeholder="Search", label_visibility="collapsed", width=180)
        st.toggle("Flat ones too", key=FLAT)
        st.space("stretch")
        held = int((frame["quantity"] != 0).sum())
        if held and may_trade():
            named = frame.assign(listing=listings(frame))
            asks = opens(close_all, badge, named)
            st.button("Close all", icon=":material/logout:", key=f"close-all:{badge.id}", **asks)
        return refresh_button(WHAT, badge)


def _chosen(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that the filters let through, as the table draws them."""
    rows = as_rows(frame)
    keep = pd.Series(matching(rows["listing"], st.session_state.get(SEARCH) or ""), index=rows.index, dtype="bool")
    if st.session_state.get(PRODUCT, ALL) != ALL:
        keep &= rows["product"] == st.session_state[PRODUCT]
    if not st.session_state.get(FLAT):
        keep &= rows["quantity"] != 0
    return rows[keep]


def as_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return positions indexed by what each is known by, with the cells that `COLUMNS` names; open ones first, by listing."""
    rows = frame.set_index(pd.Index(row_ids(frame), name="id"))
    rows.attrs.clear()  # pandas copies them at every step
    rows["known"] = [isinstance(listing, str) for listing in frame["listing"]]
    rows["listing"] = listings(frame)
    day = rows["quantity"] - rows["overnight_quantity"]
    pairs = zip(day, rows["overnight_quantity"], strict=True)
    rows["day_overnight"] = [f"{show.quantity(int(today))} / {show.quantity(int(before))}" for today, before in pairs]
    return rows.assign(flat=rows["quantity"] == 0).sort_values(["flat", "listing"], kind="stable")


def counted(frame: pd.DataFrame, shown: pd.DataFrame) -> str:
    """Return how many positions there are and how many of them are flat; when not all open ones are shown, how many are."""
    flat = int((frame["quantity"] == 0).sum())
    there = len(frame) - flat
    hidden = there - int((shown["quantity"] != 0).sum())
    words = f"{there - hidden} of {there} positions" if hidden else f"{there} position{'s' * (there != 1)}"
    return f"{words}, {flat} flat today" if flat else words


def _table(shown: pd.DataFrame, words: str, badge: Badge) -> None:
    if shown.empty:
        hidden = not words.startswith("0 position")
        what = "No position matches" if hidden else "No open position"
        empty(f"{what} on {badge.coloured}." + (f" {words}." if not hidden and "flat" in words else ""), "orders", "Orders")
        no_selection()
        return
    chosen = live_table(shown, columns(shown), key=TABLE, select="multi-row" if may_trade() else "")
    picked = shown.loc[chosen]
    if picked.empty:
        no_selection()
        return
    with selection_bar(TABLE, _named(picked, badge)):
        reason = not_exitable(picked)
        if reason:
            st.markdown(reason)
        else:
            key, asks = f"go_exit:{'|'.join(chosen)}", opens(exit_positions, badge, picked)
            st.button("Exit", type="primary", shortcut="X", icon=":material/logout:", key=key, **asks)
            _convert_button(picked, badge)


def _convert_button(picked: pd.DataFrame, badge: Badge) -> None:
    """Draw the button that converts the one position picked, where its broker could give it another product."""
    if len(picked) != 1:
        return
    row = picked.iloc[0]
    if offered := convertible(badge, row):
        asks = opens(convert_position, badge, row["listing"], row["product"], int(row["quantity"]), offered)
        st.button("Convert", icon=":material/swap_horiz:", key=f"go_convert:{picked.index[0]}", **asks)


def columns(shown: pd.DataFrame) -> dict[str, Column]:
    """Return the table's columns: prices with four decimals when an exchange among the rows quotes so."""
    if not shown["exchange"].isin(FINE).any():
        return COLUMNS
    return {name: replace(column, kind="price4") if column.kind == "price" else column for name, column in COLUMNS.items()}


def not_exitable(picked: pd.DataFrame) -> str:
    """Return why what is ticked cannot be exited from here; empty when it can."""
    if (picked["quantity"] == 0).any():
        return "A flat position has nothing to exit."
    unknown: Sequence[str] = list(picked.loc[~picked["known"] | picked["product"].isna(), "listing"])
    return f"Exit {', '.join(unknown)} at the broker: it is not in the instrument table." if unknown else ""


def _named(picked: pd.DataFrame, badge: Badge) -> str:
    what = picked.index[0] if len(picked) == 1 else f"{len(picked)} positions"
    units = f", {show.quantity(int(picked['quantity'].iloc[0]))}" if len(picked) == 1 else ""
    return f"{what}{units} on {badge_of(badge.name, badges())}"
