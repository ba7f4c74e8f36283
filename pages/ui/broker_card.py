"""One account's card: who it is, whether it may send, how long its login lasts, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui import broker_dialogs as dialogs
from pages.ui.badges import Badge, escape
from pages.ui.clocks import clocks
from pages.ui.dialogs import opens
from pages.ui.kill import may_trade
from pages.ui.session import desk
from sigma.domain import show
from sigma.domain.accounts import SessionState, TradingMode
from sigma.domain.errors import SigmaError
from sigma.domain.overview import AccountSum
from sigma.domain.show import Chip, Tone

CHECKING = Chip("◌ Checking", Tone.UNSURE)
DISABLED = Chip("– Disabled", Tone.OVER)  # noqa: RUF001 - the glyph that other chips have
FROZEN = Chip("✕ Frozen", Tone.STOPPED)
LIVE_STATES = (SessionState.CONNECTED, SessionState.ERROR)


def card(badge: Badge, row: Any, known: AccountSum, title: str) -> None:
    """Draw an account.

    Parameters
    ----------
    row : row of the accounts table
    known : AccountSum
        What is stored of its lists.
    title : str
        The broker's name for people.
    """
    now = desk().now()
    with st.container(border=True, key=f"card-{row.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{badge.coloured}**", width="content")
            if row.is_default:
                st.badge("★ Default", color="blue")
            place = st.empty()
            _chip(show.session_chip(row.state), place)
            if not row.enabled:
                _chip(DISABLED)
            if words(row.frozen_reason):
                _chip(FROZEN)
        st.markdown(clocks("  \n".join(facts(row, title, now))))
        st.caption(clocks(f"{freshness_words(desk().synced_at(row.id), known, now)} {check_words(row, now)}"))
        if words(row.frozen_reason):
            _frozen(row)
        if may_trade():
            _buttons(row, place)


def words(value: object) -> str:
    """Return a text of a frame; empty when it is missing."""
    return "" if value is None or pd.isna(value) else str(value)  # type: ignore[call-overload]


def sentence(text: str) -> str:
    """Return a text as a sentence of its own."""
    return f"{text[:1].upper()}{text[1:]}."


def facts(row: Any, title: str, now: datetime) -> list[str]:
    """Return what there is to know of an account, a line of Markdown each."""
    who = [title, f"client {words(row.client_id) or show.MISSING}", words(row.user_name)]
    return [
        " · ".join(escape(part) for part in who if part),
        session_words(row, now),
        f"Trading mode **{escape(row.trading_mode)}**: {dialogs.MODES[TradingMode(row.trading_mode)]}",
    ]


def session_words(row: Any, now: datetime) -> str:
    """Return how old a login is and until when it lasts, in IST."""
    if row.state == SessionState.NEVER:
        return "No session. Connect it to read and trade."
    if row.state != SessionState.EXPIRED and show.moment(row.expires_at) is None:
        return sentence(f"{show.freshness('connected', row.obtained_at, now)}, until you disconnect it")
    ends = show.when(row.expires_at, now)
    if row.state == SessionState.EXPIRED:
        return f"Session ended at {ends} IST. Nothing is sent or read until it is connected again."
    return sentence(f"{show.freshness('logged in', row.obtained_at, now)}, until {ends} IST")


def freshness_words(synced: datetime | None, known: AccountSum, now: datetime) -> str:
    """Return when the account's orders were last compared with the broker's, and its lists read."""
    orders, lists = show.freshness("synced", synced, now), show.freshness("read", known.taken_at, now)
    return f"Orders {orders}. Portfolio {lists}."


def check_words(row: Any, now: datetime) -> str:
    """Return when the broker was last asked whether the login holds, and what went wrong."""
    trouble, asked = words(row.error), show.moment(row.checked_at)
    if row.state not in LIVE_STATES or asked is None:
        return ""
    checked = sentence(show.freshness("login checked", asked, now))
    return f"{checked} {escape(trouble)}" if trouble else checked


def _chip(chip: Chip, place: Any = st) -> None:
    place.badge(chip.text, color=str(chip.tone))


def _frozen(row: Any) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning(f"**Frozen: nothing new is sent.** {escape(words(row.frozen_reason))}", icon=":material/ac_unit:")
        if may_trade():
            asks = opens(dialogs.release, row.id, row.name, words(row.frozen_reason))
            st.button("Release", key=f"release:{row.id}", **asks)


def _buttons(row: Any, place: Any) -> None:
    with st.container(horizontal=True, gap="small"):
        if row.state in LIVE_STATES:
            if st.button("Refresh", key=f"refresh:{row.id}", icon=":material/refresh:"):
                _refresh(row, place)
        else:
            again = row.state == SessionState.EXPIRED
            label = "Reconnect" if again else "Connect"
            st.button(label, key=f"go_connect:{row.id}", type="primary", icon=":material/login:", **opens(_connect, row.name))
        asks = opens(dialogs.mode, row.id, row.name, TradingMode(row.trading_mode))
        st.button("Trading mode", key=f"mode:{row.id}", **asks)
        st.button("Edit", key=f"edit:{row.id}", icon=":material/edit:", **opens(dialogs.edit, row.id, row.name))
        acts, key = _more(row), f"more:{row.id}"
        st.menu_button("More", list(acts), key=key, **opens(_chosen_act, key, acts))


def _chosen_act(key: str, acts: Mapping[str, Callable[[], None]]) -> None:
    acts[st.session_state[key]]()


def _more(row: Any) -> dict[str, Callable[[], None]]:
    """Return what else can be done, by what the menu says."""
    acts: dict[str, Callable[[], None]] = {}
    if not row.is_default:
        acts["Set default"] = lambda: _changed(f"{row.name} is the default account.", row.id, is_default=True)
    if row.enabled:
        acts["Disable"] = lambda: dialogs.disable(row.id, row.name)
    else:
        acts["Enable"] = lambda: _changed(f"{row.name} is enabled.", row.id, enabled=True)
    if row.simulated:
        acts["Begin anew"] = lambda: dialogs.begin_anew(row.id, row.name)
    elif row.state in LIVE_STATES:
        acts["Log in again"] = lambda: _connect(row.name)
    if row.state != SessionState.NEVER:
        acts["Disconnect"] = lambda: dialogs.disconnect(row.id, row.name)
    acts["Delete"] = lambda: dialogs.delete(row.id, row.name, is_default=row.is_default)
    return acts


def _connect(name: str) -> None:
    st.query_params["connect"] = name
    st.rerun()


def _changed(told: str, account_id: int, **change: bool) -> None:
    desk().accounts.update(account_id, **change)  # type: ignore[arg-type]
    st.toast(told, icon=":material/check:")
    st.rerun()


def _refresh(row: Any, place: Any) -> None:
    """Ask the broker now whether the login holds; the answer shows on the card."""
    _chip(CHECKING, place)
    try:
        with st.spinner(f"Asking about {escape(row.name)}"):
            status = desk().accounts.status(row.id, refresh=True)
    except SigmaError as error:
        dialogs.trouble(error)
        return
    st.toast(f"{row.name}: {show.session_chip(status.state).text}. {status.error or ''}".strip())
    st.rerun()
