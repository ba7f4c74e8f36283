"""Buttons for the listings that a few typed letters may mean."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.ui.badges import escape
from pages.ui.rows import rows
from pages.ui.session import desk
from sigma.domain.errors import SigmaError

MOST_FOUND = 6


def offers(typed: str | None, key: str, take: Callable[[str], None], exchange: str | None = None) -> None:
    """Draw the likeliest listings as buttons; a press calls `take` with the canonical text before the next run.

    Parameters
    ----------
    typed : str or None
        What a person wrote; nothing is drawn for nothing.
    key : str
        Beginning of the buttons' keys.
    exchange : str or None
        The only one that counts; all when None.
    """
    words = str(typed or "").strip()
    if not words:
        return
    try:
        found = desk().instruments.find(words, exchange=exchange, limit=MOST_FOUND)
    except SigmaError as error:
        st.caption(escape(str(error)))
        return
    if found.empty:
        st.caption("No listing has that in its symbol or name.")
    with st.container(gap=None):
        for row in rows(found):
            label = f"**{escape(row.listing)}** {escape(str(row.name))}"
            st.button(label, key=f"{key}:{row.listing}", on_click=take, args=(row.listing,), type="tertiary", wrap=False)
