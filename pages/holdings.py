"""The page Holdings: what do I own, and can I sell it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.ui.badges import Badge, badge_of, badges, choose_account, escape
from pages.ui.clocks import clocks
from pages.ui.dialogs import opens
from pages.ui.every import live
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
from pages.ui.states import Kept, empty, failed, kept
from pages.ui.table import Column, live_table, no_selection, paged, selection_bar
from pages.ui.ticket import open_ticket
from sigma.desk import Desk
from sigma.domain import show
from sigma.domain.orders import Side

TITLE = "Holdings"
EVERY_S = 5
WHAT = "holdings"
ALL, GAINERS, LOSERS = "All", "Gainers", "Losers"
WHICH, SEARCH, TABLE, PAGE = "holdings-which", "holdings-search", "holdings-table", "holdings-page"
COLUMNS = {
    "listing": Column("Listing", width=176, pinned=True),
    "total": Column("Qty", "quantity", 70, help="All shares owned: sellable, T1 and pledged."),
    "sellable": Column(
        "Sellable",
        "quantity",
        76,
        help="Settled, and bought and still on the way (T1), without what is pledged, sold today or being sold already. "
        "Tick a row to see how much of it is T1 and pledged, and whether its sale is authorised.",
    ),
    "average_price": Column("Avg ₹", "price", 88),
    "last_price": Column("LTP ₹", "price", 88),
    "value": Column("Value ₹", "price", 104),
    "day_percent": Column("Day %", "percent", 74, help="Since yesterday's close."),
    "pnl": Column("P&L ₹", "gain", 110, help="Since purchase."),
    "pnl_percent": Column("P&L %", "percent", 78, help="Since purchase; missing where the average price is 0."),
    "weight": Column("Weight", "progress", 122),
}
MOST_NAMED = 3


def render() -> None:
    """Draw the page."""
    head(TITLE)
    badge = choose_account("holdings-account")
    if badge is not None:
        live(_holdings, EVERY_S, badge)


def _holdings(badge: Badge) -> None:
    badge = as_now(badge)
    read: Kept[pd.DataFrame | None] = kept(WHAT, badge.name, lambda: stored(lambda: desk().holdings(badge.name, refresh=False)))
    frame = read.value
    if frame is None:
        failed(read)
        if read.error is None:
            never_read(WHAT, badge, lambda mine: _renew(mine, badge))
        no_selection()
        return
    rows = as_rows(frame)
    _tiles(rows, badge)
    asked = _filters(badge)
    failed(read)
    if asked:
        ask_broker(WHAT, badge, lambda mine: _renew(mine, badge))
    warnings(WHAT, frame, badge)
    shown = _chosen(rows)
    words = f"{len(rows)} holding{'s' * (len(rows) != 1)}" if len(shown) == len(rows) else f"{len(shown)} of {len(rows)} holdings"
    st.caption(clocks(caption(words, frame.attrs["taken_at"], frame.attrs["priced_at"], desk().now())))
    _table(shown, len(rows), badge)


def _renew(mine: Desk, badge: Badge) -> None:
    mine.holdings(badge.name, refresh=True)


def as_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return holdings indexed by what each is known by, with the cells that `COLUMNS` names; the most valuable first."""
    rows = frame.set_index(pd.Index(row_ids(frame), name="id"))
    rows.attrs.clear()  # pandas copies them at every step
    rows["known"] = [isinstance(listing, str) for listing in frame["listing"]]
    rows["listing"] = listings(frame)
    rows["sellable"] = rows["sellable"].fillna(rows["quantity"] + rows["t1_quantity"]).astype("int64")
    closes = rows["close_price"].where(rows["close_price"] > 0)
    rows["day_percent"] = rows["day_change"] / closes * 100
    rows["day_gain"] = rows["day_change"] * rows["total"]
    whole = rows["value"].sum()
    rows["weight"] = rows["value"] / whole * 100 if whole > 0 else float("nan")
    return rows.sort_values(["value", "listing"], ascending=[False, True], kind="stable")


def _tiles(rows: pd.DataFrame, badge: Badge) -> None:
    """Draw the sums of all the account's holdings, whatever the filters let through."""
    value, day, gain = rows["value"].sum(), rows["day_gain"].sum(min_count=1), rows["pnl"].sum()
    cost = value - gain
    known = rows["day_gain"].notna()
    before = (rows["value"] - rows["day_gain"])[known].sum()
    with st.grid(3, min_column_width=150, row_height=118, key="holdings-tiles"):
        st.metric(marked("Value", badge), show.short_rupees(value), border=True, height="stretch")
        gain_tile("Day change", 0 if rows.empty else day, badge, day / before * 100 if before > 0 else None, "today")
        gain_tile("P&L", gain, badge, gain / cost * 100 if cost > 0 else None, "since purchase")
    lacks = unclosed(rows)
    if lacks:
        st.markdown(f":orange[▲] {escape(lacks)}")


def unclosed(rows: pd.DataFrame) -> str:
    """Return which holdings the day's change is without, since their close of yesterday is not known; empty when whole."""
    names = list(rows.loc[rows["day_gain"].isna() & (rows["total"] != 0), "listing"])
    if not names:
        return ""
    what = ", ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} holdings"
    return f"Day change without {what}: yesterday's close is not known."


def _filters(badge: Badge) -> bool:
    """Draw what narrows the rows, and say whether the broker is to be asked."""
    st.session_state.setdefault(WHICH, ALL)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control("Which", [ALL, GAINERS, LOSERS], required=True, key=WHICH, label_visibility="collapsed")
        st.text_input("Search", key=SEARCH, type="search", placeholder="Search", label_visibility="collapsed", width=180)
        st.space("stretch")
        return refresh_button(WHAT, badge)


def _chosen(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that the filters let through."""
    keep = pd.Series(matching(rows["listing"], st.session_state.get(SEARCH) or ""), index=rows.index, dtype="bool")
    which = st.session_state.get(WHICH, ALL)
    if which != ALL:
        keep &= rows["pnl"] > 0 if which == GAINERS else rows["pnl"] < 0
    return rows[keep]


def _table(shown: pd.DataFrame, there: int, badge: Badge) -> None:
    if shown.empty:
        empty(f"{'No holding matches' if there else 'No holdings'} on {badge.coloured}.", "orders", "Orders")
        no_selection()
        return
    place = st.container()
    part = shown.iloc[paged(len(shown), PAGE)]
    with place:
        chosen = live_table(part, COLUMNS, key=TABLE, select="single-row" if may_trade() else "")
    if not chosen:
        no_selection()
        return
    row = part.loc[chosen[0]]
    with selection_bar(TABLE, owned_words(row, badge_of(badge.name, badges()))):
        reason = not_sellable(row)
        if reason:
            st.markdown(reason)
        else:
            given = (badge.name, row["listing"], Side.SELL.value, int(row["sellable"]), str(row["product"]))
            asks = opens(open_ticket, *given)
            _authorise(row, badge)
            st.button("Sell", type="primary", icon=":material/sell:", key=f"go_sell:{chosen[0]}", **asks)


def _authorise(row: pd.Series, badge: Badge) -> None:
    """Draw the way to the depository where shares that could be sold are not authorised for sale."""
    link_to = desk().capabilities(badge.name).edis_url
    words = unauthorised(row)
    if link_to and words:
        st.link_button("Authorise", link_to, icon=":material/verified_user:", help=words)


def unauthorised(row: pd.Series) -> str:
    """Return what of the sellable shares is not authorised for sale at the depository; empty when all are."""
    lacks = int(row["sellable"]) - int(row["authorised_quantity"])
    if lacks <= 0:
        return ""
    return (
        f"{show.quantity(lacks)} of {show.quantity(int(row['sellable']))} are not authorised for sale at the depository today. "
        "Accounts with a power of attorney (DDPI) need no authorisation; others are refused without it."
    )


def owned_words(row: pd.Series, account: str) -> str:
    """Return what is ticked, with what of it can be sold and what of it cannot."""
    parts = (("sellable", row["sellable"]), ("T1", row["t1_quantity"]), ("pledged", row["pledged_quantity"]))
    told = ", ".join(f"{show.quantity(int(units))} {what}" for what, units in parts if units or what == "sellable")
    return f"{row['listing']} on {account}: {told}"


def not_sellable(row: pd.Series) -> str:
    """Return why a holding cannot be sold from here; empty when it can."""
    if not row["known"] or not isinstance(row["product"], str):
        return "Sell it at the broker: it is not in the instrument table."
    return "" if row["sellable"] > 0 else "None can be sold now: pledged shares must be released first, or all are being sold."
