"""The page Home: am I all right, and what needs me."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time

import pandas as pd
import streamlit as st

from pages.ui.badges import Badge, badge_of, badges, escape
from pages.ui.clocks import clocks
from pages.ui.every import live
from pages.ui.home_needs import Facts, Need, needs
from pages.ui.home_sums import as_list, by_account, lacking, names_in, read_when, shares, tiles
from pages.ui.navigation import go, link
from pages.ui.session import desk
from pages.ui.shell import head
from pages.ui.states import empty, failed, kept
from pages.ui.table import Column, forget, live_table
from sigma.desk.state import Overview
from sigma.domain.errors import SigmaError
from sigma.domain.orders import OrderStatus
from sigma.domain.overview import AccountSum
from sigma.domain.show import SIDE_TONES
from sigma.domain.times import ist, ist_date

TITLE = "Home"
EVERY_S = 5
EXCLUDED, HOLDINGS = "dashboard.excluded_accounts", "dashboard.include_holdings"
CHOSEN, SWITCH, ACCOUNTS = "home-accounts", "home-holdings", "home-by-account"
MOST_FILLS = 8
BY_ACCOUNT = {
    "account": Column("Account", width=120, pinned=True),
    "day_pnl": Column("Day P&L ₹", "gain", 100),
    "holdings_value": Column("Holdings ₹", "price", 105),
    "cash": Column("Cash ₹", "price", 105),
    "working": Column("Working", "quantity", 70),
}
ALLOCATION = {
    "listing": Column("Listing", width=130, pinned=True),
    "account": Column("Account", width=115),
    "percent": Column("Part", "progress", 120),
    "value": Column("Value ₹", "price", 100),
}
FILLS = {
    "listing": Column("Listing", width=110, pinned=True),
    "side": Column("Side", "chip", 60, chips=SIDE_TONES),
    "quantity": Column("Qty", "quantity", 52),
    "price": Column("Price ₹", "price", 80),
    "account": Column("Account", width=104),
    "filled_at": Column("Time", "moment", 72),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """All that one drawing of the page shows."""

    overview: Overview
    facts: Facts
    fills: pd.DataFrame


def render() -> None:
    """Draw the page."""
    head(TITLE)
    found = badges()
    if not found:
        empty("No account yet.", "brokers", "Add an account")
        return
    _choose(found)
    live(_home, EVERY_S)


def _choose(found: Sequence[Badge]) -> None:
    """Draw which accounts are summed up; what is left out stays left out until it is chosen again."""
    texts = {badge.name: badge.coloured for badge in found}
    st.session_state.setdefault(CHOSEN, _included(found))
    st.session_state.setdefault(SWITCH, bool(desk().settings.get(HOLDINGS)))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.pills(
            "Accounts",
            list(texts),
            selection_mode="multi",
            format_func=lambda name: texts[name],
            key=CHOSEN,
            on_change=_remember,
            label_visibility="collapsed",
        )
        st.toggle("Include holdings", key=SWITCH, on_change=_remember)


def _remember() -> None:
    mine = desk()
    chosen = st.session_state[CHOSEN]
    wanted = {EXCLUDED: as_list(badge.name for badge in badges() if badge.name not in chosen), HOLDINGS: st.session_state[SWITCH]}
    try:
        for name, value in wanted.items():
            if mine.settings.get(name) != value:
                mine.settings.set(name, value)
    except SigmaError as error:
        st.toast(f"{error.message} The choice is not remembered. {error.hint}".strip(), icon=":material/error:")


def _included(found: Sequence[Badge]) -> list[str]:
    left_out = names_in(str(desk().settings.get(EXCLUDED)))
    return [badge.name for badge in found if badge.name not in left_out]


def _home() -> None:
    found = badges()
    there = {badge.name for badge in found}
    names = [name for name in st.session_state.get(CHOSEN, _included(found)) if name in there]
    holdings = bool(st.session_state.get(SWITCH, True))
    read = kept("home", (tuple(names), holdings), lambda: _look(names, holdings))
    failed(read)
    seen = read.value
    if seen is None:
        return
    _tiles(seen, found, holdings)
    left, right = st.columns(2)
    with left:
        _needs(needs(seen.facts, found, desk().now()))
        _fills(seen, found)
    with right:
        _by_account(seen.overview.accounts, found, holdings)
        if holdings:
            _allocation(seen.overview, found)


def _look(names: Sequence[str], holdings: bool) -> Seen:
    mine = desk()
    midnight = ist(ist_date(mine.now()), time())
    faults = mine.orders.table(group="attention")
    unknown = faults["status"] == OrderStatus.UNKNOWN
    fills = mine.orders.fills(since=midnight)
    overview = mine.overview(names, holdings=holdings)
    queue = mine.orders.queue(limit=1)
    return Seen(
        overview,
        Facts(
            faults[unknown].iloc[::-1],
            queue,
            overview.waiting,
            faults[~unknown],
            mine.accounts.table(),
            mine.signals.lost(midnight),
        ),
        fills[fills["account"].isin(names)].iloc[::-1],
    )


def _tiles(seen: Seen, found: Sequence[Badge], holdings: bool) -> None:
    overview = seen.overview
    if not overview.accounts:
        st.info("No account is chosen: there is nothing to sum up. Choose one above.", icon=":material/info:")
        return
    attention = len(seen.facts.unknown) + len(seen.facts.faulty)
    with st.grid(4, min_column_width=150, row_height=118, key="home-tiles"):
        for tile in tiles(overview, found, holdings=holdings, attention=attention):
            st.metric(
                tile.label,
                tile.value,
                tile.delta,
                tile.tone,  # type: ignore[arg-type]
                help=tile.help,
                delta_description=tile.about,
                delta_arrow="off" if tile.key == "working" else "auto",
                border=True,
                height="stretch",
            )
    lacks = lacking(overview.accounts)
    if lacks:
        st.markdown(f":orange[▲] {lacks}")


def _needs(found: Sequence[Need]) -> None:
    with st.container(border=True, key="home-needs"):
        st.subheader("Needs you", anchor=False)
        if not found:
            st.markdown(":green[✓] Nothing needs you now.")
        for place, need in enumerate(found):
            with st.container(horizontal=True, vertical_alignment="center", wrap=False, key=f"need:{need.key}"):
                st.markdown(f":{need.chip.tone}-badge[{escape(need.chip.text)}] {clocks(need.words)}", width="stretch")
                if place:
                    link(need.path, "Open", **need.query)
                elif st.button("Open", type="primary", key=f"go_need:{need.key}"):
                    go(need.path, **need.query)


def _by_account(sums: Sequence[AccountSum], found: Sequence[Badge], holdings: bool) -> None:
    with st.container(border=True):
        st.subheader("By account", anchor=False)
        if not sums:
            st.caption("No account is chosen.")
            return
        frame = by_account(sums, {badge.name: badge.text for badge in found})
        columns = {name: column for name, column in BY_ACCOUNT.items() if holdings or name != "holdings_value"}
        chosen = live_table(frame, columns, key=ACCOUNTS, select="single-row")
        st.caption(clocks(f"{read_when(sums, desk().now())} Tick an account to look at its positions."))
    if chosen:
        forget(ACCOUNTS)
        go("positions", account=chosen[0])


def _allocation(overview: Overview, found: Sequence[Badge]) -> None:
    frame = shares(overview, {badge.name: badge.text for badge in found})
    with st.container(border=True):
        st.subheader("Allocation", anchor=False)
        if frame.empty:
            st.caption("No holdings in the accounts chosen.")
        else:
            live_table(frame, ALLOCATION, key="home-allocation", select="")


def _fills(seen: Seen, found: Sequence[Badge]) -> None:
    with st.container(border=True):
        number = len(seen.fills)  # what is listed, paper accounts too
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(f"Fills today ({number})", anchor=False)
            st.space("stretch")
            link("activity", "Activity")
        if seen.fills.empty:
            st.caption("No fills today in the accounts chosen.")
            return
        frame = seen.fills.head(MOST_FILLS).set_index("id")
        frame["account"] = [badge_of(name, found) for name in frame["account"]]
        live_table(frame, FILLS, key="home-fills", select="")
