"""Brokers: the accounts, and which of them can trade now."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.ui import broker_dialogs as dialogs
from pages.ui.badges import Badge, badges
from pages.ui.broker_card import card
from pages.ui.clocks import clocks
from pages.ui.connect import take_arrival, wizard
from pages.ui.dialogs import opens
from pages.ui.every import live
from pages.ui.kill import may_trade
from pages.ui.rows import rows
from pages.ui.session import desk
from pages.ui.shell import head
from pages.ui.states import empty, failed, kept
from sigma.domain import show
from sigma.domain.accounts import SessionState
from sigma.domain.overview import AccountSum

TITLE = "Brokers"
EVERY_S = 15


def render() -> None:
    """Draw the page: all accounts, or the login of the one that the address names."""
    head(TITLE)
    take_arrival()
    asked = st.query_params.get("connect")
    if asked:
        wizard(asked)
        return
    if may_trade():
        st.button("Add account", key="go_account", type="primary", icon=":material/add:", **opens(dialogs.add))
    live(_cards, EVERY_S)


def _cards() -> None:
    mine = desk()
    read = kept("brokers", None, _read)
    failed(read)
    if read.value is None:
        return
    drawn = read.value
    if not drawn:
        empty("No account yet. Add one with the API key that your broker gave you.")
        return
    ready = sum(row.state == SessionState.CONNECTED for _, row, _ in drawn)
    known_at = show.when(read.read_at, mine.now())
    st.caption(clocks(f"{ready} of {len(drawn)} accounts connected, as known at {known_at} IST."))
    titles = {one.broker: one.title for one in mine.brokers()}
    with st.grid(2, min_column_width=400):
        for badge, row, known in drawn:
            card(badge, row, known, titles[row.broker])


def _read() -> list[tuple[Badge, Any, AccountSum]]:
    """Return each account's badge, its row and what is stored of its lists."""
    known = {one.name: one for one in desk().overview().accounts}
    accounts = {row.id: row for row in rows(desk().accounts.table())}
    marks = [badge for badge in badges() if badge.id in accounts and badge.name in known]
    return [(badge, accounts[badge.id], known[badge.name]) for badge in marks]
