"""Who looks at the page, and that person's desk. Every run and every fragment asks here."""

from __future__ import annotations

from typing import NoReturn

import streamlit as st

from pages.web.arrivals import Arrival
from pages.web.state import COOKIE, arrivals, entrance, looks
from sigma.desk import Desk
from sigma.domain.people import User

SIGN_IN = "sign-in"
"""Where a browser session keeps its token, beside the cookie that brought it."""


def token() -> str | None:
    """Return this visitor's sign-in token, if any."""
    if SIGN_IN not in st.session_state and COOKIE in st.context.cookies:
        st.session_state[SIGN_IN] = st.context.cookies[COOKIE]
    return st.session_state.get(SIGN_IN)


def visitor() -> User:
    """Return the signed-in person; a visitor who is not (any more) sees the way to the sign-in, and the run ends."""
    user = entrance().visitor(token())
    return signed_out() if user is None else user


def desk() -> Desk:
    """Return the signed-in person's desk."""
    return entrance().desk(visitor())


def arrival() -> Arrival | None:
    """Return what a broker's login page sent this person back with, once."""
    return arrivals().take(visitor().id)


def leave_for(broker: str, account_id: int) -> None:
    """Remember that this person is about to log an account in at a broker's page."""
    arrivals().await_login(visitor().id, broker, account_id)


def left_for(broker: str) -> int | None:
    """Return the id of the account that this person left to log in at a broker's page, once."""
    return arrivals().awaited(visitor().id, broker)


def first_look(account_id: int, ended: str) -> bool:
    """Say whether this sign-in is shown for the first time that an account's login ended then."""
    look = (token() or "", account_id, ended)
    if look in looks():
        return False
    looks().add(look)
    return True


def signed_out() -> NoReturn:
    """Say that nobody is signed in, and end the run."""
    st.markdown("You are signed out. [Sign in](/sign-in)")
    st.stop()
