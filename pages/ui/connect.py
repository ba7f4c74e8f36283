"""Logging an account in, step by step: its credentials, the login itself, and what came of it."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from pages.ui import broker_dialogs as dialogs
from pages.ui.badges import badges, escape
from pages.ui.broker_card import session_words, words
from pages.ui.confirm import Outcome, lines
from pages.ui.credentials import entry, label, listed
from pages.ui.kill import may_trade
from pages.ui.navigation import link
from pages.ui.rows import rows
from pages.ui.session import arrival, desk, leave_for, left_for
from pages.ui.states import empty
from pages.web.arrivals import Arrival
from sigma.domain import show
from sigma.domain.accounts import Capabilities, SessionState
from sigma.domain.errors import SigmaError

READY_TOKEN = "access_token"  # noqa: S105 - the name of a field
_TOLD, _FRESH, _READ, _CAME, _TURN = "connect-told", "connect-fresh", "connect-read", "connect-came", "connect-turn"


@dataclass(frozen=True, slots=True)
class Refused:
    """Why the last login of an account did not work, in Markdown."""

    account_id: int
    words: str


def wizard(name: str) -> None:
    """Draw the login of an account, which stands in the page's address."""
    if st.button("All accounts", icon=":material/arrow_back:", type="tertiary", key="connect-back"):
        close()
    mine = desk()
    row = next((one for one in rows(mine.accounts.table()) if one.name == name), None)
    if row is None:
        empty(f"There is no account {escape(name)}.")
        return
    if not may_trade():
        empty("Only the owner and traders log accounts in.")
        return
    badge = next(one for one in badges() if one.id == row.id)
    wanted = mine.capabilities(row.broker)
    chip = show.session_chip(row.state)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"Connect {badge.coloured}", anchor=False, width="content")
        st.badge(chip.text, color=chip.tone.value)
    if not wanted.simulated:
        st.caption(f"{escape(wanted.title)} · client {words(row.client_id) or 'is learned at the first login'}")
    _refused(row.id)
    connected = row.state == SessionState.CONNECTED
    if wanted.simulated:
        _paper(row, wanted, connected)
        return
    _credentials(row, wanted)
    if connected:
        with st.expander("**2 Log in** ✓ · log in again"):
            _login(row, wanted)
    else:
        with st.container(border=True):
            st.markdown("**2 Log in**")
            _login(row, wanted)
    _result(row, connected)


def close() -> None:
    """Go back to the cards."""
    st.query_params.pop("connect", None)
    st.session_state.pop(_TOLD, None)
    st.rerun()


def _refused(account_id: int) -> None:
    told: Refused | None = st.session_state.get(_TOLD)
    if told is not None and told.account_id == account_id:
        st.error(told.words, icon=":material/error:")


def _paper(row: Any, wanted: Capabilities, connected: bool) -> None:
    """Draw the one step of an account that asks for nothing."""
    with st.container(border=True):
        st.markdown("\n\n".join((*wanted.setup_steps, *wanted.login_steps)))
        if not connected and st.button("Connect", type="primary", key=f"go_login:{row.id}"):
            log_in(row.id, row.name, {})
    if connected:
        _result(row, connected)


def _credentials(row: Any, wanted: Capabilities) -> None:
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**1 Credentials** · {listed(wanted.credentials)} are kept encrypted, and never shown.", width="content")
            if st.button("Enter anew", key=f"anew:{row.id}"):
                dialogs.edit(row.id, row.name)
        dialogs.setup(wanted)


def _login(row: Any, wanted: Capabilities) -> None:
    st.markdown("\n".join(f"{number}. {step}" for number, step in enumerate(wanted.login_steps, 1)))
    if wanted.login_redirect:
        _leave(row, wanted)
        by_hand: Sequence[str] = (*wanted.login_fields, READY_TOKEN)
    else:
        _form(row, wanted.login_fields)
        by_hand = (READY_TOKEN,)
    with st.expander("Paste a token by hand"):
        if wanted.login_redirect:
            st.caption(
                f"For {label(wanted.login_fields[0])} the whole address that your browser was sent to will do. Fill in one."
            )
        _form(row, by_hand, "Use it")


def _leave(row: Any, wanted: Capabilities) -> None:
    """Draw the way to the broker's own login page, in this tab, and remember for which account it is taken."""
    try:
        url = desk().accounts.login_url(row.id)
    except SigmaError as error:
        dialogs.trouble(error)
        return
    leave_for(row.broker, int(row.id))
    with st.container(key="login-link"):
        st.html(f'<a href="{html.escape(url)}">Log in at {html.escape(wanted.title)}</a>')


def _form(row: Any, fields: Sequence[str], act: str = "Connect") -> None:
    """Draw fields for what is used once. Each login has fields of its own, so that nothing stays of what was sent."""
    key = f"{st.session_state.get(_TURN, 0)}:{act}:{row.id}"
    with st.form(f"login-{key}", border=False):
        given = entry(fields, f"login:{key}")
        acted = st.form_submit_button(act, type="primary", key=f"go_login:{key}")
    if acted:
        log_in(row.id, row.name, given)


def log_in(account_id: int, name: str, given: Mapping[str, str]) -> None:
    """Log an account in and draw the page anew with what came of it."""
    try:
        with st.spinner(f"Logging in to {escape(name)}"):
            desk().accounts.connect(account_id, **given)
    except SigmaError as error:
        st.session_state[_TOLD] = Refused(int(account_id), f"**{escape(error.message)}** {escape(error.hint)}".strip())
    else:
        st.session_state.pop(_TOLD, None)
        st.session_state[_FRESH] = int(account_id)
    st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1
    st.query_params["connect"] = name
    st.rerun()


def _result(row: Any, connected: bool) -> None:
    with st.container(border=True):
        if not connected:
            st.markdown("**3 Result** · not connected yet.")
            return
        who = escape(", ".join(filter(None, (words(row.user_name), f"client {words(row.client_id)}"))))
        number = "" if desk().capabilities(row.broker).simulated else "3 "
        st.markdown(f"**{number}Result** · :green[✓] Connected as **{who}**. {session_words(row, desk().now())}")
        if st.session_state.pop(_FRESH, None) == row.id:
            st.session_state[_READ] = (row.id, first_read(row.name))
        read_for, results = st.session_state.get(_READ, (None, []))
        if read_for == row.id:
            lines(results)
        with st.container(horizontal=True):
            link("home", "Home")
            link("holdings", "Holdings", account=row.name)
            link("orders", "Orders", account=row.name)


def first_read(account: str) -> list[Outcome]:
    """Read an account's lists from the broker for the first time after a login, showing how far it is."""
    mine = desk()
    parts: dict[str, Callable[[], str]] = {
        "Holdings": lambda: f"{len(mine.holdings(account, refresh=True))} read",
        "Positions": lambda: f"{len(mine.positions(account, refresh=True))} read",
        "Funds": lambda: f"{show.rupees(mine.funds(account, refresh=True)['available'].sum())} available",
    }
    bar = st.progress(0.0)
    results = []
    for number, (part, read) in enumerate(parts.items()):
        bar.progress(number / len(parts), f"Reading {part.lower()}")
        try:
            results.append(Outcome(part, True, read()))
        except SigmaError as error:
            results.append(Outcome(part, False, f"{escape(error.message)} {escape(error.hint)} Read again by itself."))
    bar.empty()
    return results


def take_arrival() -> None:
    """Finish the login of a person whom a broker's page sent back, or ask which account it is for."""
    came = arrival()
    if came is not None:
        st.session_state[_CAME] = (came, left_for(came.broker))
    if _CAME not in st.session_state or not may_trade():
        return
    came, left = st.session_state[_CAME]
    found = [row for row in rows(desk().accounts.table()) if row.broker == came.broker]
    chosen = account_for(left, found) if found else None
    if not found:
        del st.session_state[_CAME]
        st.error("A login came back for a broker that no account is at. Nothing was done.", icon=":material/error:")
    elif chosen is not None or (chosen := _which(came, found)) is not None:
        del st.session_state[_CAME]
        _finish(chosen, came)


def account_for(left: int | None, found: Sequence[Any]) -> Any | None:
    """Return which account a login belongs to: the one the person left for, else the only one, if it knows its client.

    An account that does not know its client yet would take any client's login for its own, so a login that nobody left for
    is not given to it unasked.
    """
    for row in found:
        if row.id == left:
            return row
    return found[0] if len(found) == 1 and words(found[0].client_id) else None


def _which(came: Arrival, found: Sequence[Any]) -> Any | None:
    """Ask which account a login belongs to; None while there is no answer."""
    with st.container(border=True, key="arrived"):
        st.markdown(f"**A login at {escape(desk().capabilities(came.broker).title)} came back.** Which account is it for?")
        names = {row.name: row for row in found}
        chosen = st.selectbox("Account", list(names), key="arrived-account")
        with st.container(horizontal=True):
            if st.button("Finish the login", key="go_arrived", type="primary"):
                return names[chosen]
            if st.button("Forget it", key="arrived-forget"):
                del st.session_state[_CAME]
                st.rerun()
    return None


def _finish(row: Any, came: Arrival) -> None:
    fields = desk().capabilities(row.broker).login_fields
    given = {field: came.params[field] for field in fields if came.params.get(field)}
    if given:
        log_in(row.id, row.name, given)
    st.session_state[_TOLD] = Refused(
        int(row.id),
        f"**The broker's page sent you back without a {listed(fields).lower()}: nobody was logged in.** Log in to the end.",
    )
    st.query_params["connect"] = row.name
    st.rerun()
