"""The page Strategies: what may trade for me, where, and how is it doing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import strategy_acts, strategy_alert, strategy_edit
from pages.ui.badges import Badge, badge_of, badges, escape
from pages.ui.clocks import clocks
from pages.ui.dialogs import opens
from pages.ui.every import live
from pages.ui.kill import may_trade
from pages.ui.rows import rows
from pages.ui.session import desk
from pages.ui.shell import head
from pages.ui.states import empty, failed, kept, stale
from pages.ui.strategy_rows import EVERYTHING, OFF_HOURS, Seen, as_rows, columns, counted, lacking, narrowed
from pages.ui.table import Column, live_table, no_selection, paged, selection_bar, tick
from sigma.domain import show
from sigma.domain.orders import OrderMode
from sigma.domain.strategies import OffHours

TITLE = "Strategies"
EVERY_S = 5
TABLE, PAGE, MODE, SEARCH = "strategies", "strategies-page", "strategies-mode", "strategies-search"
WHAT_ONE_IS = (
    "**No strategy yet.**\n\n"
    "A strategy says on which accounts the alerts that name it act, with how much each. A new one is MANUAL: its orders wait "
    "in the queue for your yes."
)
POSITIONS: Mapping[str, Column] = {
    "listing": Column("Listing", width=176, pinned=True),
    "quantity": Column("Qty", "quantity", 80, help="Units by its own fills; short positions are negative."),
    "last_price": Column("LTP ₹", "price", 95),
    "value": Column("Value ₹", "price", 120, help="At the last price."),
    "product": Column("Product", width=80),
    "badge": Column("Account", width=150),
    "priced_at": Column("Price of", "moment", 95, help="When that was the price, IST."),
}
TO_MANUAL, TO_AUTO = "Set to MANUAL", "Set to AUTO"
ACTS: Mapping[str, Callable[[str], None]] = {
    "Edit": strategy_edit.edit,
    TO_MANUAL: strategy_acts.manual,
    TO_AUTO: strategy_edit.let_act,
    "Delete": strategy_acts.delete,
}


def render() -> None:
    """Draw the page."""
    head(TITLE)
    asked = st.query_params.pop("strategy", "")
    if asked:
        table = desk().strategies.table()
        tick(TABLE, [int(row.id) for row in rows(table) if row.name.casefold() == asked.casefold()])
    live(_strategies, EVERY_S)


def _strategies() -> None:
    read = kept("strategies", None, _read)
    failed(read)
    if read.value is None:
        no_selection()
        return
    seen, found = read.value, badges()
    if seen.table.empty:
        empty(WHAT_ONE_IS)
        _new()
        no_selection()
        return
    everything = as_rows(seen, found)
    chosen = _filtered(everything)
    acting = int(((seen.table["mode"] == OrderMode.AUTO) & seen.table["enabled"]).sum())
    words = counted(len(chosen), len(everything), acting)
    st.caption(clocks(f"{words}. Read at {show.when(read.read_at, desk().now())} IST.{_prices(seen.positions)}"))
    stale(lacking(seen.days))
    if chosen.empty:
        with st.container(border=True, horizontal_alignment="center"):
            st.markdown("No strategy matches these filters.")
            st.button("Show all", key="strategies-all", on_click=_show_all)
        no_selection()
        return
    page = chosen.iloc[paged(len(chosen), PAGE)]
    ticked = live_table(page, columns(everything), key=TABLE, select="single-row")
    if not ticked:
        no_selection()
        return
    row = next(rows(page.loc[ticked]))
    _details(row, seen, found)
    _bar(row)


def _read() -> Seen:
    mine = desk()
    running = mine.kill_runs(True)
    return Seen(
        mine.strategies.table(),
        mine.strategies.places(),
        mine.strategies.positions(),
        mine.strategies.days(),
        mine.risk.kills(),
        frozenset(running.loc[running["product"].fillna("") != "", "strategy"]),
    )


def _prices(positions: pd.DataFrame) -> str:
    """Return how old the oldest price is that counts; empty when nothing is held."""
    oldest = positions["priced_at"].min()
    return "" if pd.isna(oldest) else f" Oldest price of {show.when(oldest, desk().now())} IST."


def _filtered(frame: pd.DataFrame) -> pd.DataFrame:
    """Draw the filters with the one primary button, and return the rows that they leave."""
    st.session_state.setdefault(MODE, EVERYTHING)
    with st.container(horizontal=True, vertical_alignment="center", key="strategies-filters"):
        mode = st.pills("Mode", [EVERYTHING, *OrderMode], required=True, key=MODE, label_visibility="collapsed")
        st.space("stretch")
        words = st.text_input(
            "Search", key=SEARCH, placeholder="Search", type="search", live="250ms", label_visibility="collapsed", width=190
        )
        _new()
    return narrowed(frame, str(mode), words or "")


def _new() -> None:
    if may_trade():
        asks = opens(strategy_edit.new)
        st.button("New", key="go_strategy_new", type="primary", icon=":material/add:", shortcut="N", **asks)


def _show_all() -> None:
    st.session_state.update({MODE: EVERYTHING, SEARCH: ""})


def _details(row: Any, seen: Seen, found: Sequence[Badge]) -> None:
    """Draw what the ticked strategy holds, and how it takes signals."""
    with st.container(border=True, key=f"strategy-details-{row.Index}"):
        product, kind = row.product if isinstance(row.product, str) else "MIS", row.order_type
        usual = f"{product} {kind if isinstance(kind, str) else 'MARKET'}"
        told = (
            f"Where a signal says nothing: {usual}. When the market is closed: {OFF_HOURS[OffHours(row.off_hours)][0].lower()}."
        )
        st.markdown(f"**{escape(row.name)}** on {escape(row.places)}")
        st.caption(told)
        held = seen.positions[seen.positions["strategy"] == row.name].reset_index(drop=True)
        if held.empty:
            st.caption("It holds nothing.")
            return
        held["badge"] = [badge_of(name, found) for name in held["account"]]
        live_table(held, POSITIONS, key=f"strategy-positions-{row.Index}", select="")


def _bar(row: Any) -> None:
    """Draw what can be done with the ticked strategy."""
    if not may_trade():
        no_selection()
        return
    name, number = row.name, row.Index
    with selection_bar(TABLE, escape(f"{name} · {row.mode} on {row.places}")):
        if row.enabled:
            st.button("Pause", key=f"pause:{number}", icon=":material/pause:", **opens(strategy_acts.pause, name))
        else:
            st.button("Resume", key=f"resume:{number}", icon=":material/play_arrow:", **opens(strategy_acts.resume, name))
        if row.positions:
            leave = opens(strategy_acts.leave, name)
            st.button("Exit now", key=f"exit:{number}", icon=":material/logout:", shortcut="X", **leave)
        st.button("Payload", key=f"payload:{number}", icon=":material/data_object:", **opens(strategy_alert.payload, name))
        st.button("Send test", key=f"test:{number}", icon=":material/send:", **opens(strategy_alert.send_test, name))
        left_out = TO_AUTO if row.mode.endswith(OrderMode.AUTO) else TO_MANUAL
        key = f"more:{number}:{row.version}"
        st.menu_button("More", [act for act in ACTS if act != left_out], key=key, **opens(_chosen_act, key, name))


def _chosen_act(key: str, name: str) -> None:
    ACTS[st.session_state[key]](name)
