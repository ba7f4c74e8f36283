"""The way in for alerts: its address, its secret, and a message to paste."""

from __future__ import annotations

import streamlit as st

from pages.ui.dialogs import close_dialog, opens, pressed, show_dialog
from pages.ui.payload import address, builder
from pages.ui.session import desk
from sigma.domain.errors import SigmaError


def webhook() -> None:
    """Draw where alerts are sent to, whether there is a secret, and what an alert says."""
    with st.container(border=True):
        st.subheader("Address", anchor=False)
        address()
    with st.container(border=True):
        st.subheader("Secret", anchor=False)
        _secret()
    with st.container(border=True):
        st.subheader("Message", anchor=False)
        builder(list(desk().strategies.table()["name"]), "webhook")


def _secret() -> None:
    there = desk().signals.has_secret()
    words = ":green[✓] A secret is set." if there else ":orange[▲] No secret is set: every alert is refused."
    st.markdown(f"{words} Only its hash is kept, so it cannot be shown again.")
    label = "Make a new secret" if there else "Make a secret"
    st.button(label, key="webhook-rotate", icon=":material/autorenew:", **opens(new_secret, there))


def new_secret(there: bool) -> None:
    """Ask whether a new secret is to be made, and show it this once; `there` says that it replaces another."""
    show_dialog("New webhook secret?", _new_secret, there, icon=":material/key:")


def _new_secret(there: bool) -> None:
    place = st.empty()
    with place.container():
        lost = "Every alert that carries the old secret is refused from then on. " if there else ""
        st.markdown(f"{lost}The new one is shown once: copy it into your alerts then.")
        with st.container(horizontal=True, horizontal_alignment="right"):
            st.button("Keep the old secret" if there else "Not now", key="webhook-keep", on_click=close_dialog)
            acted = pressed("Make a new secret", type="primary", key="go_webhook")
    if not acted:
        return
    try:
        made = desk().signals.rotate_secret()
    except SigmaError as error:
        st.error(f"**{error.message}** {error.hint}".strip(), icon=":material/error:")
        return
    with place.container():
        st.markdown("Copy it now: it is not shown again.")
        st.code(made, language=None, wrap_lines=True)
        st.caption("Close this window when you have it.")
