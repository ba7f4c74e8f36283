"""The page Instruments: which listing is this at each broker, and where the table of listings comes from."""

from __future__ import annotations

import streamlit as st

from pages.ui import instrument_details, instrument_masters, instrument_quarantine, instrument_search
from pages.ui.session import desk
from pages.ui.shell import head
from pages.ui.states import stale

TITLE = "Instruments"
PART = "part"
"""Name of the chosen part in the page's address: ``?part=Quarantine``."""


def render() -> None:
    """Draw the page."""
    head(TITLE)
    parts = {"Find": _find, "Quarantine": instrument_quarantine.draw, "Masters": instrument_masters.draw}
    for name, tab in zip(parts, st.tabs(list(parts), key=PART, bind="query-params"), strict=True):
        if tab.open:  # the others are drawn when they are chosen
            with tab:
                parts[name]()


def _find() -> None:
    stale(desk().instruments.warning())
    left, right = st.columns([5, 6], gap="medium")
    with left:
        st.fragment(instrument_search.draw)()
    with right:
        instrument_details.draw(instrument_search.chosen())
