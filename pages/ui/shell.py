"""What stands around every page: bar, title and banners."""

from __future__ import annotations

import streamlit as st

from pages.ui.badges import badges, escape
from pages.ui.every import live
from pages.ui.kill import allow_trading, is_owner
from pages.ui.navigation import link
from pages.ui.rows import rows
from pages.ui.session import desk
from sigma.domain import show
from sigma.domain.accounts import SessionState, TradingMode
from sigma.domain.health import Mark

EVERY_S = 5
_CLOSED = "banner-closed"


def head(title: str) -> None:
    """Draw a page's title, and below it what lasts and concerns every page."""
    st.title(title)
    live(_banners, EVERY_S)


def _banners() -> None:
    _stopped()
    _worker()
    _sessions()


def _stopped() -> None:
    mine = desk()
    now = mine.now()
    for kill in mine.risk.kills():
        with st.container(horizontal=True, vertical_alignment="center"):
            words = f"**Trading is stopped** since {show.when(kill.at, now)} IST: {escape(kill.reason)}. Nothing new goes out."
            st.error(words, icon=":material/front_hand:")
            if is_owner() and st.button("Allow again", key=f"arm:{kill.account_id}"):
                allow_trading()
    mode = mine.risk.mode()
    if mode is not TradingMode.NORMAL:
        st.warning(f"Trading mode is **{mode}** for all accounts.", icon=":material/pause_circle:")


def _worker() -> None:
    mine = desk()
    silent = next((check for check in mine.checks() if check.what == "worker" and check.mark is Mark.BAD), None)
    if silent is not None:
        st.error(f"**The worker {escape(silent.words)}** {escape(silent.hint)}", icon=":material/heart_broken:")


def _sessions() -> None:
    """One line for all accounts whose login ended; closing it lasts until the set of them changes."""
    now = desk().now()
    table = desk().accounts.table()
    gone = table[table["state"] == SessionState.EXPIRED]
    if gone.empty:
        return
    which = tuple(sorted(zip(gone["name"], gone["expires_at"].astype(str), strict=True)))
    if st.session_state.get(_CLOSED) == which:
        return
    marks = {badge.name: badge for badge in badges()}
    with st.container(horizontal=True, vertical_alignment="center", key="session-banner"):
        said = "; ".join(
            f"{marks[row.name].coloured} session expired at {show.when(row.expires_at, now)} IST" for row in rows(gone)
        )
        st.warning(f"{said}: data may be incomplete.", icon=":material/key_off:")
        link("brokers", "Reconnect", connect=gone["name"].iloc[0])
        if st.button("", icon=":material/close:", type="tertiary", key="close-banner", help="Close until another session ends"):
            st.session_state[_CLOSED] = which
            st.rerun(scope="fragment")
