"""The Queue page: what waits for a yes, oldest first."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.ui import queue_acts
from pages.ui.badges import badges, escape
from pages.ui.clocks import clocks
from pages.ui.dialogs import opens
from pages.ui.every import live
from pages.ui.kill import may_trade
from pages.ui.navigation import link
from pages.ui.queue_approve import open_approval, show_approved
from pages.ui.queue_by_itself import draw_by_itself
from pages.ui.queue_edit import open_edit
from pages.ui.queue_rows import COLUMNS, EVERYTHING, NO_ACCOUNT, as_rows, counted, judged, narrowed, summed
from pages.ui.rows import rows
from pages.ui.session import desk
from pages.ui.shell import head
from pages.ui.states import empty, failed, kept
from pages.ui.table import PAGE_ROWS, live_table, paged, selection_bar, tick
from sigma.domain import show
from sigma.domain.errors import SigmaError

TITLE = "Queue"
EVERY_S = 5
TABLE, PAGE = "queue", "queue-page"
SOURCE, STRATEGY, ACCOUNT, SEARCH = "queue-source", "queue-strategy", "queue-account", "queue-search"
HOW_THEY_COME = (
    "**Nothing waits for your yes.**\n\n"
    "An alert that reaches the webhook (`/webhook/tradingview`) waits here until you approve it; only what a strategy set to "
    "AUTO wants goes by itself. An order of your own that you put into the queue waits here too."
)


def render() -> None:
    """Draw the page."""
    head(TITLE)
    _asked()
    live(_queue, EVERY_S)


def _asked() -> None:
    """Tick the order that the address names (``?order=``), or say where it is instead."""
    asked = st.query_params.pop("order", "")
    if not asked:
        return
    try:
        order = desk().orders.get(int(asked) if asked.isdecimal() else 0)
    except SigmaError:
        st.warning(f"There is no order {escape(asked)} of yours.", icon=":material/search_off:")
        return
    ids = list(desk().orders.queue()["id"])
    if order.id in ids:
        st.session_state[PAGE] = ids.index(order.id) // PAGE_ROWS + 1
        tick(TABLE, [order.id])
        return
    st.info(f"Order {order.id} does not wait any more: {show.status_chip(order.status).text}.", icon=":material/info:")
    link("orders", "Show it on Orders", order=order.id)


def _queue() -> None:
    draw_by_itself()
    read = kept("queue", None, _read)
    failed(read)
    if read.value is None or read.value.empty:
        if read.value is not None:
            empty(HOW_THEY_COME, "settings", "Settings")
        show_approved()
        return
    everything = read.value
    found = _filtered(everything)
    how = " Tick one or more to approve, edit or cancel." if may_trade() else ""
    at = show.when(read.read_at, desk().now())
    st.caption(clocks(f"{_count(len(found), len(everything))}, oldest first. Read at {at} IST.{how}"))
    if found.empty:
        with st.container(border=True, horizontal_alignment="center"):
            st.markdown("No waiting order matches these filters.")
            st.button("Show all", key="queue-all", on_click=_show_all)
        show_approved()
        return
    page = found.iloc[paged(len(found), PAGE)]
    ids = [int(one) for one in page.index]
    shown = judged(page, kept("queue-risk", ids, lambda: desk().orders.glance(ids)).value or {})
    chosen = live_table(shown, COLUMNS, key=TABLE, select="multi-row" if may_trade() else "")
    _bar(shown.loc[chosen])


def _read() -> pd.DataFrame:
    mine = desk()
    queue = mine.orders.queue()
    quotes = mine.last_quotes(list(queue["listing"].unique()))
    return as_rows(queue, dict(zip(quotes["listing"], quotes["last_price"], strict=True)), badges(), mine.now())


def _count(found: int, total: int) -> str:
    waits = "1 order waits" if total == 1 else f"{show.quantity(total)} orders wait"
    return f"{waits} for your yes" if found == total else f"{show.quantity(found)} shown, {waits} for your yes"


def _filtered(frame: pd.DataFrame) -> pd.DataFrame:
    """Draw the filters and return the rows that they leave."""
    counts = counted(frame)
    strategies = sorted(name for name in frame["strategy"].unique() if name)
    accounts = [NO_ACCOUNT, *sorted(frame["account"].dropna().unique())]
    for key, offered in ((SOURCE, counts), (STRATEGY, strategies), (ACCOUNT, accounts)):
        if st.session_state.get(key) not in offered:
            st.session_state[key] = EVERYTHING if key == SOURCE else None
    with st.container(horizontal=True, vertical_alignment="center", key="queue-filters"):
        came_by = st.pills(
            "Source",
            list(counts),
            required=True,
            format_func=lambda name: f"{name} {counts.get(name, 0)}",
            key=SOURCE,
            label_visibility="collapsed",
        )
        st.space("stretch")
        strategy = _narrow("Strategy", strategies, STRATEGY)
        account = _narrow("Account", accounts, ACCOUNT)
        words = st.text_input(
            "Search", key=SEARCH, placeholder="Search", type="search", live="250ms", label_visibility="collapsed", width=190
        )
    return narrowed(frame, str(came_by), strategy, account, words or "")


def _narrow(label: str, offered: Sequence[str], key: str) -> str | None:
    return st.selectbox(
        label, offered, index=None, placeholder=f"Any {label.lower()}", key=key, label_visibility="collapsed", width=160
    )


def _show_all() -> None:
    st.session_state.update({SOURCE: EVERYTHING, STRATEGY: None, ACCOUNT: None, SEARCH: ""})


def _bar(chosen: pd.DataFrame) -> None:
    """Draw what can be done with the ticked rows."""
    if chosen.empty:
        show_approved()
        return
    ids = [int(one) for one in chosen.index]
    key = "-".join(map(str, ids))
    with selection_bar(TABLE, _named(chosen)):
        asks = opens(open_approval, ids)
        st.button("Approve", key=f"go_approve:{key}", type="primary", icon=":material/check:", shortcut="A", **asks)
        if len(ids) == 1:
            st.button("Edit", key=f"edit:{key}", icon=":material/edit:", shortcut="E", **opens(open_edit, ids[0]))
        st.button("Cancel", key=f"cancel:{key}", icon=":material/close:", shortcut="X", **opens(queue_acts.cancel, chosen))


def _named(chosen: pd.DataFrame) -> str:
    """Return in Markdown what is ticked."""
    if len(chosen) == 1:
        row = next(rows(chosen))
        return escape(f"{row.side} {show.quantity(row.quantity)} {row.listing} · {row.origin}")
    return f"{len(chosen)} orders, {summed([show.number(value) for value in chosen['value']])}"
