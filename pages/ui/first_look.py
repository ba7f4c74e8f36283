"""What a person is led to when they come in, before the page they asked for."""

from __future__ import annotations

import streamlit as st

from pages.ui.kill import may_trade
from pages.ui.navigation import go
from pages.ui.rows import rows
from pages.ui.session import desk, first_look
from sigma.domain.accounts import SessionState

_LOOKED = "looked-first"


def send_to_login_first() -> None:
    """Lead whoever comes in while their default account's login has ended to its login page, once for each such end.

    A page opened later, or again, is left alone: leaving the login page is never blocked. Call it after `menu`.
    """
    if _LOOKED in st.session_state or not may_trade():
        return
    st.session_state[_LOOKED] = True
    for row in rows(desk().accounts.table()):
        ended = row.is_default and row.state == SessionState.EXPIRED
        if ended and first_look(row.id, str(row.expires_at)):
            go("brokers", connect=row.name)
