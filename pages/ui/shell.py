"""What stands around every page: its title, and below it what lasts and concerns every page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from pages.ui.badges import badges, escape, hint
from pages.ui.clocks import clocks
from pages.ui.dialogs import opens
from pages.ui.every import live
from pages.ui.kill import allow_trading, is_owner
from pages.ui.market_banner import Unfit, market_banner, unfit
from pages.ui.navigation import link
from pages.ui.rows import rows
from pages.ui.session import desk
from pages.ui.states import broken
from pages.ui.stops import EVERY_S, going_on, stops
from sigma.desk import Desk
from sigma.domain import show
from sigma.domain.accounts import SessionState, TradingMode
from sigma.domain.errors import SigmaError
from sigma.domain.health import Check, Mark
from sigma.domain.risk import KillState

_CLOSED, _DRAWN = "banner-closed", "banners-drawn"
Ended = tuple[str, datetime | None]
"""An account's name, and when its login ended (UTC), as far as that is known."""


@dataclass(frozen=True, slots=True)
class Lasting:
    """What is told below the title of every page until it is over.

    Parameters
    ----------
    stopping : bool
        A stop or a square-off is at work.
    silent : Check or None
        Why nothing is sent, when no worker runs.
    ended : tuple
        Each account whose login ended.
    unfit : Unfit or None
        Why evaluation may not rely on market data.
    """

    kills: tuple[KillState, ...]
    stopping: bool
    mode: TradingMode
    silent: Check | None
    ended: tuple[Ended, ...]
    unfit: Unfit | None


def head(title: str) -> None:
    """Draw a page's title, and below it what lasts. The bar draws the page anew as soon as that is something else."""
    st.title(title)
    found = None
    try:
        mine = desk()
        found = lasting(mine, mine.checks())
        _banners(found)
    except SigmaError as error:
        broken(error)
    st.session_state[_DRAWN] = found


def forget_drawn() -> None:
    """Take note that the page is being drawn anew; to be called before `head`."""
    st.session_state.pop(_DRAWN, None)


def outdated(mine: Desk, checks: Sequence[Check]) -> bool:
    """Say whether something else lasts now than what stands below the title."""
    return _DRAWN in st.session_state and st.session_state[_DRAWN] != lasting(mine, checks)


def lasting(mine: Desk, checks: Sequence[Check]) -> Lasting:
    """Return what lasts now."""
    silent = next((check for check in checks if check.what == "worker" and check.mark is Mark.BAD), None)
    gone = [row for row in rows(mine.accounts.table()) if row.state == SessionState.EXPIRED]
    ended = sorted((row.name, show.moment(row.expires_at)) for row in gone)
    not_fit = None if silent else unfit(mine)
    return Lasting(tuple(mine.risk.kills()), going_on(mine), mine.risk.mode(), silent, tuple(ended), not_fit)


def _banners(found: Lasting) -> None:
    now = desk().now()
    for kill in found.kills:
        with st.container(horizontal=True, vertical_alignment="center"):
            words = (
                f"**{_what(kill)} is stopped** since {show.when(kill.at, now)} IST: {escape(kill.reason)}. Nothing new goes out."
            )
            st.error(clocks(words), icon=":material/front_hand:")
            if is_owner():
                st.button(
                    "Allow again",
                    key=f"arm:{kill.account_id}:{kill.strategy}",
                    **opens(allow_trading, kill.account_id, kill.strategy),
                )
    if found.kills or found.stopping:
        live(stops, EVERY_S)
    if found.mode is not TradingMode.NORMAL:
        st.warning(f"Trading mode is **{found.mode}** for all accounts.", icon=":material/pause_circle:")
    if found.silent is not None:
        told = f"**The worker {escape(found.silent.words)}** {hint(found.silent.hint)}"
        st.error(told, icon=":material/heart_broken:")
    if found.unfit is not None:
        market_banner(found.unfit, now)
    if found.ended and st.session_state.get(_CLOSED) != found.ended:
        _sessions(found.ended, now)


def _what(kill: KillState) -> str:
    """Return what a stop stops."""
    what = f"Strategy {escape(kill.strategy)}" if kill.strategy else "Trading"
    names = [badge.coloured for badge in badges() if badge.id == kill.account_id]
    return f"{what} on {names[0]}" if names else what


def _sessions(ended: tuple[Ended, ...], now: datetime) -> None:
    """Draw one line for all accounts whose login ended; closing it lasts until the set of them changes."""
    marks = {badge.name: badge for badge in badges()}
    with st.container(horizontal=True, vertical_alignment="center", key="session-banner"):
        said = "; ".join(f"{marks[name].coloured} session expired at {show.when(at, now)} IST" for name, at in ended)
        st.warning(clocks(f"{said}: data may be incomplete."), icon=":material/key_off:")
        link("brokers", "Reconnect", connect=ended[0][0])
        told = "Close until another session ends"
        st.button("", icon=":material/close:", type="tertiary", key="close-banner", help=told, on_click=_close, args=(ended,))


def _close(ended: tuple[Ended, ...]) -> None:
    st.session_state[_CLOSED] = ended
