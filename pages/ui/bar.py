"""The bar on every page: kill, market and clock, health in words, bell."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui.badges import escape, hint
from pages.ui.clocks import clocks
from pages.ui.dialogs import dialog_open, opens
from pages.ui.every import live, market_open
from pages.ui.kill import may_trade, stop_trading
from pages.ui.navigation import link
from pages.ui.session import desk, visitor
from pages.ui.shell import forget_drawn, outdated
from sigma.desk import Desk
from sigma.domain import show
from sigma.domain.calendar import Hours
from sigma.domain.health import Check, Mark
from sigma.domain.instruments import Exchange
from sigma.domain.times import to_ist

EVERY_S = 5
MOST_NEWS = 10
_OPEN = "market-open"
GLYPHS = {Mark.BAD: ":red[✕]", Mark.WARNING: ":orange[▲]", Mark.NOTE: ":blue[i]", Mark.GOOD: ":green[✓]"}


def bar() -> None:
    """Draw the bar, again and again."""
    forget_drawn()
    live(_bar, EVERY_S)


def _bar() -> None:
    mine = desk()
    checks = mine.checks()
    _keep_up(mine, checks)
    with st.container(key="bar", horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        if may_trade():
            st.button("Kill", icon=":material/front_hand:", shortcut="Shift+K", key="kill", **opens(stop_trading))
        _hours(mine)
        _health(checks)
        st.space("stretch")
        _bell(mine)


def _keep_up(mine: Desk, checks: Sequence[Check]) -> None:
    """Draw the whole page anew when what stands below its title is over or another thing lasts, or a market opens or closes.

    The bar looks for all of them: fragments keep the cadence they were drawn with, and banners are no fragment of their own.
    A person who has a dialog open is left in peace until it is closed.
    """
    if dialog_open():
        return
    now_open = market_open()
    if st.session_state.setdefault(_OPEN, now_open) != now_open or outdated(mine, checks):
        st.session_state[_OPEN] = now_open
        st.rerun()


def _hours(mine: Desk) -> None:
    hours = mine.hours()
    clock = f"{to_ist(mine.now()):%H:%M}"
    with st.popover(f"{_state(hours)} {clock}", type="tertiary", key="hours"):
        lines = [f"**{to_ist(mine.now()):%A %d %b %Y, %H:%M} IST**", *(f"**{one.exchange}** {_session(one)}" for one in hours)]
        st.markdown("\n\n".join(lines))
        days = dict.fromkeys(one.holiday for one in hours if one.holiday)
        holidays = {day: ", ".join(one.exchange for one in hours if one.holiday == day) for day in days}
        if holidays:
            st.caption(f"Next holiday: {'; '.join(f'{day} ({names})' for day, names in holidays.items())}.")


def _state(hours: Sequence[Hours]) -> str:
    """Say whether shares trade, else which exchange does."""
    trading = [one.exchange for one in hours if one.open]
    if not trading:
        return "Closed"
    return "Open" if Exchange.NSE in trading else f"{trading[0]} open"


def _session(one: Hours) -> str:
    if not one.known:
        return "hours are not known here"
    if one.open and one.closes_at is not None:
        return f"open until {to_ist(one.closes_at):%H:%M}"
    return "closed" if one.next_open is None else f"closed, opens {to_ist(one.next_open):%a %d %b %H:%M}"


def _health(checks: Sequence[Check]) -> None:
    issues = [check for check in checks if check.mark in (Mark.BAD, Mark.WARNING)]
    bad = any(check.mark is Mark.BAD for check in issues)
    label = f":{'red' if bad else 'orange'}[{len(issues)} issue{'s' * (len(issues) > 1)}]" if issues else "All well"
    icon = ":material/error:" if bad else ":material/warning:" if issues else ":material/check_circle:"
    with st.popover(label, type="tertiary", icon=icon, key="health-chip"):
        said = [f"{GLYPHS[one.mark]} **{escape(one.what)}** {escape(one.words)} {hint(one.hint)}" for one in issues]
        st.markdown("\n\n".join(said) or f"{GLYPHS[Mark.GOOD]} {len(checks)} checks, nothing to mend.")
        link("health", "All checks")


def _bell(mine: Desk) -> None:
    bell = mine.bell()
    with st.popover(str(bell.unseen) if bell.unseen else " ", type="tertiary", icon=":material/notifications:", key="bell"):
        said = [f"{show.when(event.at, mine.now())} IST {escape(event.text)}" for event in bell.items[:MOST_NEWS]]
        st.markdown(clocks("\n\n".join(said)) or "Nothing went wrong in the last seven days.")
        with st.container(horizontal=True):
            if bell.unseen and st.button("Mark all as seen", key=f"seen:{bell.items[0].id}"):
                mine.bell_seen()
                st.rerun(scope="fragment")
            link("activity", "Activity")


def person() -> None:
    """Draw who is signed in, and the way out, at the foot of the navigation."""
    user = visitor()
    with st.sidebar, st.container(horizontal=True, vertical_alignment="center", key="person"):
        st.markdown(escape(user.name) if user.name == user.role else f"{escape(user.name)} · {user.role}")
        st.html('<a href="/sign-out" target="_self">Sign out</a>')
