"""The builder of alert messages: what is pasted into TradingView, and where it is sent to."""

from __future__ import annotations

import json
from collections.abc import Sequence

import streamlit as st

from pages.ui.clocks import clocks
from pages.ui.rows import rows
from pages.ui.session import desk
from sigma.domain import show
from sigma.domain.orders import Product
from sigma.domain.signals import ALERT_MESSAGE, CONTRACTS, PLACE_OF_SECRET, AlertForm, alert_text

PATH = "/webhook/tradingview"
GATEWAY = "gateway"
EXAMPLE = "TV-01"
FORMS = {
    AlertForm.NESTED: "Nested",
    AlertForm.FLAT: "Flat",
    AlertForm.SIGNAL: "Meta, signal, hints",
    AlertForm.SIGNAL_6: "Meta, signal, hints (version 6)",
}
USUAL, THEIRS = "The strategy's own", "TradingView's size"


def builder(names: Sequence[str], key: str) -> None:
    """Draw the message for one of these strategies (an example without one), as it is chosen.

    Parameters
    ----------
    key : str
        Beginning of the widgets' keys.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = EXAMPLE if not names else names[0]
        if len(names) > 1:
            name = str(st.selectbox("Strategy", names, key=f"{key}-name", width=180))
        form = form_of(key)
        product = st.selectbox("Product", [USUAL, *(one.value for one in Product)], key=f"{key}-product", width=180)
        sized = st.selectbox("Quantity", [THEIRS, "Fixed"], key=f"{key}-sized", width=170)
        if sized == "Fixed":
            units = st.number_input("Units", min_value=1, value=1, step=1, key=f"{key}-units", width=120)
        else:
            units = None
    quantity = CONTRACTS if units is None else str(units)
    message = alert_text(name, "" if product == USUAL else str(product), quantity, form)
    st.code(json.dumps(message, indent=2), language=None)
    theirs = f" In the script, each order says ENTRY_LONG, EXIT_LONG and so on as its `alert_message` (`{ALERT_MESSAGE}`)."
    st.markdown(
        f"Paste it into the alert's *Message* and put your secret in the place of `{PLACE_OF_SECRET}`. "
        f"The double braces are filled in by TradingView.{theirs if form is AlertForm.SIGNAL_6 else ''}"
    )


def form_of(key: str) -> AlertForm:
    """Draw the forms of a message and return the chosen one."""
    chosen = st.selectbox("Form", list(FORMS), format_func=FORMS.__getitem__, key=f"{key}-form", width=230)
    return AlertForm(chosen)


def address() -> None:
    """Draw where alerts are sent to."""
    beat = next((row for row in rows(desk().health()) if row.process == GATEWAY), None)
    there = None if beat is None else beat.detail.get("address")
    if beat is None or there is None:
        st.markdown("The webhook has not said where it listens. `sigma up` starts it.")
        return
    st.code(f"{there}{PATH}", language=None)
    told = f"{show.freshness('answered', beat.at, desk().now())}. It listens on this machine: TradingView reaches it through a "
    st.caption(clocks(f"{told}tunnel, whose public address takes the place of the first part."))
