"""The page Risk: what can I lose today, and what is blocked."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import risk_parts
from pages.ui.badges import Badge, badge_of, badges, choose_account, escape
from pages.ui.clocks import clocks
from pages.ui.dialogs import opens
from pages.ui.every import live
from pages.ui.kill import may_trade
from pages.ui.order_story import show_story
from pages.ui.portfolio import as_now
from pages.ui.risk_decision import show_decision
from pages.ui.risk_edit import edit_limits
from pages.ui.risk_parts import IN_FORCE
from pages.ui.risk_words import Loss, Where, tally
from pages.ui.rows import rows, text
from pages.ui.session import desk
from pages.ui.shell import head
from pages.ui.states import Kept, failed, kept
from pages.ui.table import Column, live_table, no_selection, selection_bar
from sigma.domain import show
from sigma.domain.risk import Scope
from sigma.domain.show import SIDE_TONES

TITLE = "Risk"
EVERY_S = 5
PERSON = ""
STRATEGY, EVERYTHING, TABLE = "risk-strategy", "risk-everything", "risk-stopped"
STOPPED = {
    "listing": Column("Listing", width=176, pinned=True),
    "side": Column("Side", "chip", 64, chips=SIDE_TONES),
    "quantity": Column("Qty", "quantity", 80, help="Units that were asked for."),
    "badge": Column("Account", width=130),
    "strategy": Column("Strategy", width=110),
    "decided_at": Column("Time", "moment", 80, help="When the gate decided, IST."),
    "code": Column("Code", width=170),
    "text": Column("Why", width=420),
}


def render() -> None:
    """Draw the page."""
    head(TITLE)
    badge = choose_account("risk-account")
    if badge is not None:
        _controls(badge)
        live(_part, EVERY_S, badge)


def _controls(badge: Badge) -> None:
    """Draw whose limits are shown, and the way to change them."""
    known = [str(row.name) for row in rows(desk().strategies.table()) if not row.archived]
    if asked := st.query_params.pop("strategy", ""):
        st.session_state[STRATEGY] = asked
    if st.session_state.get(STRATEGY, PERSON) not in (PERSON, *known):
        st.session_state[STRATEGY] = PERSON
    with st.container(horizontal=True, vertical_alignment="center", key="risk-controls"):
        names = {PERSON: "Orders of a person", **{name: f"Strategy {name}" for name in known}}
        st.selectbox(
            "Orders of", list(names), format_func=names.__getitem__, key=STRATEGY, label_visibility="collapsed", width=240
        )
        st.toggle("Unset limits too", key=EVERYTHING)
        st.space("stretch")
        if may_trade():
            asks = opens(edit_limits, _first(st.session_state.get(STRATEGY, PERSON)))
            st.button("Edit limits", key="go_risk_edit", type="primary", icon=":material/edit:", shortcut="E", **asks)


def _first(strategy: str) -> Where:
    """Return the scope that the drawer begins with."""
    return Where(Scope.STRATEGY, strategy=strategy) if strategy else Where()


def _part(badge: Badge) -> None:
    badge = as_now(badge)
    _losses()
    _today()
    left, right = st.columns(2)
    with left:
        risk_parts.modes(badge)
    with right:
        risk_parts.kills()
    _in_force(badge)
    risk_parts.runs()


def _losses() -> None:
    read: Kept[list[Loss]] = kept("risk-losses", None, risk_parts.losses)
    failed(read)
    if read.value is not None:
        risk_parts.draw_losses(read.value)


def _in_force(badge: Badge) -> None:
    strategy = str(st.session_state.get(STRATEGY, PERSON))
    everything = bool(st.session_state.get(EVERYTHING))

    def look() -> pd.DataFrame:
        return risk_parts.in_force(strategy, badge, everything=everything)

    read = kept("risk-in-force", (strategy, badge.name, everything), look)
    who = f"orders of strategy {escape(strategy)}" if strategy else "orders of a person"
    st.markdown(f"**Limits in force** for {who} on {badge.coloured}")
    failed(read)
    if read.value is None:
        return
    if read.value.empty:
        can = " Edit limits sets some." if may_trade() else ""
        st.markdown(f"No limit holds here: only the trading mode and the kill switch stop an order.{can}")
        return
    live_table(read.value, IN_FORCE, key="risk-limits", select="")


def _today() -> None:
    """Draw how often the gate let pass and stopped today, and what it stopped."""
    read = kept("risk-today", None, lambda: desk().risk.today())
    failed(read)
    frame = read.value
    if frame is None:
        no_selection()
        return
    at = show.when(read.read_at, desk().now())
    words = tally(frame.attrs["allowed"], frame.attrs["stopped"])
    rest = frame.attrs["stopped"] - len(frame)
    st.markdown(f"**{words}**")
    shown = f", the newest {len(frame)} are shown" if rest > 0 else ""
    how = ". Tick one to see why" if len(frame) else ""
    st.caption(clocks(f"On all accounts, since midnight, read at {at} IST{shown}{how}."))
    if frame.empty:
        no_selection()
        return
    stopped = as_rows(frame)
    chosen = live_table(stopped, STOPPED, key=TABLE, select="single-row")
    if not chosen:
        no_selection()
        return
    _acts(int(chosen[0]), stopped.loc[chosen[0]])


def as_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what the gate stopped, indexed by the decision's id, with the cells that `STOPPED` names."""
    known = badges()
    shown = frame.set_index("id")
    shown.attrs.clear()  # pandas copies them at every step
    shown["badge"] = [badge_of(text(name) or None, known) for name in frame["account"]]
    return shown


def _acts(decision_id: int, row: Any) -> None:
    order_id = int(row["order_id"])
    named = escape(f"{row['side']} {show.quantity(row['quantity'])} {row['listing']} on {row['badge']}: {row['code']}")
    with selection_bar(TABLE, named):
        asks = opens(show_decision, order_id, decision_id)
        st.button("Why", key=f"go_risk_why:{decision_id}", type="primary", shortcut="W", icon=":material/help:", **asks)
        st.button("Order", key=f"risk-order:{decision_id}", icon=":material/account_tree:", **opens(show_story, order_id))
