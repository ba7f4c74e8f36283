"""The Orders page: where is each order now, and what is to be done about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import order_acts
from pages.ui.badges import Badge, choose_account, escape
from pages.ui.clocks import clocks
from pages.ui.dialogs import opens
from pages.ui.every import live
from pages.ui.kill import may_trade
from pages.ui.order_rows import as_csv, as_rows, columns, sliced
from pages.ui.order_slices import show_slices
from pages.ui.order_story import show_story
from pages.ui.session import desk
from pages.ui.shell import head
from pages.ui.states import Kept, empty, failed, kept, stale
from pages.ui.table import live_table, no_selection, paged, selection_bar
from pages.ui.ticket import open_ticket
from sigma.desk import Desk
from sigma.domain import show
from sigma.domain.orders import GROUPS, OrderStatus
from sigma.domain.times import ist

TITLE = "Orders"
EVERY_S = 2
UNKNOWN = OrderStatus.UNKNOWN.value
GROUP_NAMES = {"working": "Working", "attention": "Attention", "filled": "Filled", "ended": "Ended"}
EMPTY = {
    "working": "No working orders on {}.",
    "attention": "Nothing on {} needs attention.",
    "filled": "Nothing filled on {} today.",
    "ended": "No order on {} ended today without being filled.",
    None: "No orders on {} yet.",
}
GROUP, SEARCH, STRATEGY, DAYS, PAGE = "orders-group", "orders-search", "orders-strategy", "orders-days", "orders-page"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which orders the person wants to see; `days` are none, or the first and the last (IST)."""

    account: str
    group: str | None
    text: str
    strategy: str | None
    days: tuple[date, ...]

    @property
    def narrowed(self) -> bool:
        """Whether more than account and group narrow the list."""
        return bool(self.text or self.strategy or self.days)

    def filters(self, group: str | None) -> dict[str, Any]:
        """Return these wishes for one group, as `desk.orders.table` takes them.

        A group by itself is what has not ended or ended today; with days given it is every order of them in its states.
        """
        found: dict[str, Any] = {"account": self.account, "text": self.text or None, "strategy": self.strategy}
        if self.days:
            found["since"] = ist(self.days[0], time())
            found["until"] = ist(self.days[-1] + timedelta(days=1), time())
            found["status"] = None if group is None else sorted(GROUPS[group])
        else:
            found["group"] = group
        return found

    def unknown(self) -> dict[str, Any]:
        """Return these wishes for orders of unknown outcome."""
        return {**self.filters(None), "status": [UNKNOWN]}


@dataclass(frozen=True, slots=True)
class Tally:
    """How many orders there are in each group, in the one shown, and of unknown outcome."""

    groups: Mapping[str, int]
    shown: int
    unknown: int


def render() -> None:
    """Draw the page."""
    head(TITLE)
    badge = choose_account("orders-account")
    if badge is None:
        return
    asked = st.query_params.get("group")
    st.session_state.setdefault(GROUP, asked if asked in GROUPS else "working")
    live(_part, EVERY_S, badge)
    asked = st.query_params.get("order", "")
    if asked.isdecimal():
        del st.query_params["order"]
        show_story(int(asked))


def _part(badge: Badge) -> None:
    wanted = _wanted(badge.name)
    tally = kept("orders-tally", wanted, partial(_tallied, wanted))
    _controls(wanted, tally.value)
    failed(tally)
    if tally.value is None:
        no_selection()
        return
    _caption(badge, tally.value.shown)
    place = paged(tally.value.shown, PAGE)
    read = kept("orders-rows", (wanted, place.start), partial(_read, wanted, place.start, place.stop - place.start))
    failed(read)
    _rows(badge, wanted, read)


def _wanted(account: str) -> Wanted:
    state = st.session_state
    text = (state.get(SEARCH) or "").strip()
    return Wanted(account, state[GROUP], text, state.get(STRATEGY) or None, tuple(state.get(DAYS) or ()))


def _tallied(wanted: Wanted) -> Tally:
    orders = desk().orders
    groups = {name: orders.count(**wanted.filters(name)) for name in GROUPS}
    unknown = orders.count(**wanted.unknown())
    groups["working"] += unknown
    shown = orders.count(**wanted.filters(None)) if wanted.group is None else groups[wanted.group]
    return Tally(groups, shown, unknown)


def _read(wanted: Wanted, start: int, size: int) -> pd.DataFrame:
    """Return one page of rows; orders of unknown outcome stand above the working ones, on each page of them."""
    orders = desk().orders
    found = orders.table(**wanted.filters(wanted.group), limit=size, offset=start)
    if wanted.group == "working":
        unknown = orders.table(**wanted.unknown())
        found = pd.concat([unknown, found], ignore_index=True) if len(unknown) else found
    prices = desk().last_quotes(sorted(set(found["listing"])))
    far = {int(parent): sliced(orders.slices(int(parent))) for parent in found.loc[found["slices"] > 0, "id"]}
    return as_rows(found, dict(zip(prices["listing"], prices["last_price"], strict=True)), far)


def _controls(wanted: Wanted, tally: Tally | None) -> None:
    counts = tally.groups if tally else {}
    labels = {name: f"{label} {counts[name]}" if name in counts else label for name, label in GROUP_NAMES.items()}
    with st.container(horizontal=True, vertical_alignment="center", key="orders-controls"):
        st.pills("Group", list(GROUP_NAMES), format_func=labels.__getitem__, key=GROUP, label_visibility="collapsed")
        st.text_input(
            "Search",
            key=SEARCH,
            type="search",
            placeholder="Symbol, tag or id",
            live=True,
            label_visibility="collapsed",
            width=200,
        )
        _more_filters(wanted)
        st.download_button(
            "CSV",
            partial(_export, desk(), wanted),
            file_name=f"orders-{wanted.account}.csv",
            mime="text/csv",
            key="orders-csv",
            icon=":material/download:",
            help="All orders of this list, with their account",
            on_click="ignore",
        )
        if may_trade():
            st.button("New", key="go_new", type="primary", icon=":material/add:", shortcut="N", **opens(open_ticket))


def _more_filters(wanted: Wanted) -> None:
    active = sum(map(bool, (wanted.strategy, wanted.days)))
    label = f"Filters {active}" if active else "Filters"
    with st.popover(label, icon=":material/filter_list:", key="orders-filters"):
        st.text_input("Strategy", key=STRATEGY, placeholder="As the alert names it")
        st.date_input("Days, first and last", value=[], max_value="today", key=DAYS, format="DD/MM/YYYY")
        if wanted.narrowed:
            st.button("Clear filters", key="orders-clear", on_click=_clear)


def _clear() -> None:
    for key in (SEARCH, STRATEGY, DAYS):
        st.session_state.pop(key, None)


def _export(mine: Desk, wanted: Wanted) -> bytes:
    """Return all orders of the list; it runs beside the page's own script, so the desk is given."""
    found = mine.orders.table(**wanted.filters(wanted.group))
    if wanted.group == "working":
        found = pd.concat([mine.orders.table(**wanted.unknown()), found], ignore_index=True)
    return as_csv(found)


def _caption(badge: Badge, shown: int) -> None:
    mine = desk()
    now, synced = mine.now(), mine.synced_at(badge.name)
    st.caption(clocks(f"{shown} order{'' if shown == 1 else 's'} · {show.freshness('synced', synced, now)}"))
    patience = 2 * float(mine.settings.get("sync.idle")) + 15
    if synced is not None and (now - synced).total_seconds() > patience:
        age = show.age((now - synced).total_seconds())
        stale(f"Last synced {show.when(synced, now)} IST, {age} ago. Retrying.")


def _rows(badge: Badge, wanted: Wanted, read: Kept[pd.DataFrame]) -> None:
    frame = read.value
    if frame is None or frame.empty:
        no_selection()
        if frame is not None:
            _nothing(badge, wanted)
        return
    chosen = live_table(frame, columns(frame), key="orders", select="multi-row" if may_trade() else "")
    if not chosen:
        no_selection()
        return
    _acts(frame.loc[chosen], chosen)


def _nothing(badge: Badge, wanted: Wanted) -> None:
    if wanted.narrowed:
        empty(f"No order on {badge.coloured} matches.")
        st.button("Clear filters", key="orders-clear-all", on_click=_clear)
        return
    empty(EMPTY[wanted.group].format(badge.coloured), "queue", "Look into the queue")


def _acts(rows: pd.DataFrame, chosen: Sequence[int]) -> None:
    key = ",".join(map(str, chosen))
    one: Any = rows.iloc[0] if len(chosen) == 1 else None
    words = f"{len(chosen)} orders" if one is None else f"{one['side']} {show.quantity(one['quantity'])} {escape(one['listing'])}"
    with selection_bar("orders", words):
        open_ones = [int(order_id) for order_id in chosen if not OrderStatus(str(rows.loc[order_id, "status"])).final]
        if open_ones:
            asks = opens(order_acts.cancel, open_ones)
            st.button("Cancel", key=f"cancel-open:{key}", shortcut="X", icon=":material/close:", **asks)
        if one is None:
            return
        order_id = int(chosen[0])
        if _modifiable(one):
            asks = opens(order_acts.modify, order_id)
            st.button("Modify", key=f"modify-open:{key}", shortcut="M", icon=":material/edit:", **asks)
        st.button("Why", key=f"why-open:{key}", shortcut="W", icon=":material/account_tree:", **opens(show_story, order_id))
        if one["slices"]:
            asks = opens(show_slices, order_id)
            st.button("Slices", key=f"slices-open:{key}", icon=":material/view_list:", **asks)
        _more(one, order_id)


def _modifiable(row: Any) -> bool:
    known = OrderStatus(row["status"]).live and isinstance(row["broker_order_id"], str)
    return bool(known and desk().capabilities(row["account"]).modify)


def _more(row: Any, order_id: int) -> None:
    status = OrderStatus(row["status"])
    offered = {"Resolve": status is OrderStatus.UNKNOWN, "Repeat": status.final}
    options = [name for name, possible in offered.items() if possible]
    if options:
        key = f"more:{order_id}"
        st.menu_button("More", options, key=key, **opens(_chosen_act, key, order_id))


def _chosen_act(key: str, order_id: int) -> None:
    order_acts.ACTS[st.session_state[key]](order_id)
