"""Changing one's own password."""

from __future__ import annotations

import streamlit as st

from pages.ui.badges import escape
from pages.ui.session import token
from pages.web.state import entrance
from sigma.domain.errors import SigmaError
from sigma.domain.people import SHORTEST_PASSWORD


def password() -> None:
    """Draw the form; what is typed leaves the page with it."""
    if entrance().needs_owner:
        st.markdown("Nobody has chosen a password here: everybody on this machine is signed in as the owner. This is a demo.")
        return
    with st.form("password", clear_on_submit=True, width=420):
        old = st.text_input("Old password", type="password", autocomplete="current-password", key="password-old")
        new = st.text_input("New password", type="password", autocomplete="new-password", key="password-new")
        again = st.text_input("New password again", type="password", autocomplete="new-password", key="password-again")
        st.caption(f"At least {SHORTEST_PASSWORD} characters. It ends your other sign-ins; this one stays.")
        sent = st.form_submit_button("Change password", type="primary", key="go_password")
    if sent:
        wrong = change(old, new, again)
        if wrong:
            st.error(escape(wrong), icon=":material/error:")
        else:
            st.success("The password is changed. Your other sign-ins have ended.", icon=":material/check:")


def change(old: str, new: str, again: str) -> str:
    """Change the password and return why that was not done; empty when it was."""
    if new != again:
        return "The new passwords differ. Nothing was changed."
    try:
        entrance().change_password(token() or "", old, new)
    except SigmaError as error:
        return f"{error.message} Nothing was changed. {error.hint}".strip()
    return ""
