"""The dialogs that say what a strategy's alert holds, and that send one as a test."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from pages.ui.badges import badges, escape
from pages.ui.dialogs import close_dialog, pressed, show_dialog
from pages.ui.group_dialogs import trouble
from pages.ui.listing_search import offers
from pages.ui.navigation import link
from pages.ui.payload import USUAL, address, builder, form_of
from pages.ui.session import desk
from pages.ui.signal_came import came
from pages.ui.strategy_rows import coloured
from sigma.domain.errors import SigmaError
from sigma.domain.orders import Product
from sigma.domain.signals import Action, AlertForm, Receipt
from sigma.domain.strategies import Strategy

LISTING, TYPED, ACTION, ALL_HELD = "strategy-test-listing", "strategy-test-typed", "strategy-test-action", "strategy-test-all"
UNITS, PRODUCT, SURE, SENT = "strategy-test-units", "strategy-test-product", "strategy-test-sure", "strategy-test-sent"
FORM = "strategy-test"
PLAIN = (Action.BUY, Action.SELL, Action.EXIT)
WORDS = {"accepted": "✓ Accepted", "deduped": "– Repeat", "ignored": "– Ignored", "marked": "▲ No order"}  # noqa: RUF001


def payload(name: str) -> None:
    """Open what to paste into TradingView for a strategy."""
    known = desk().strategies.get(name)
    show_dialog(f"Alert for {escape(known.name)}", _payload, known.name, width="medium", icon=":material/data_object:")


def _payload(name: str) -> None:
    builder([name], "strategy-payload")
    st.markdown("**Where it is sent to**")
    address()
    if not desk().signals.has_secret():
        st.warning("No secret is set: every alert is refused.", icon=":material/key_off:")
        link("settings", "Make a secret")


def send_test(name: str) -> None:
    """Open the dialog that sends a message as TradingView would."""
    known = desk().strategies.get(name)
    filled: dict[str, Any] = {
        LISTING: None,
        TYPED: "",
        ACTION: Action.BUY,
        UNITS: 1,
        ALL_HELD: False,
        PRODUCT: USUAL,
        SURE: False,
        SENT: None,
    }
    first = partial(st.session_state.update, filled)
    show_dialog(f"Send a test to {escape(known.name)}", _send, known, first=first, width="medium", icon=":material/send:")


def _send(known: Strategy) -> None:
    sent: Receipt | None = st.session_state[SENT]
    if sent is not None:
        _result(sent)
        return
    st.markdown(_where(known))
    with st.container():  # the search goes with its place: what is being typed below stays where it is
        listing = _listing()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        form = form_of(FORM)
        actions = [*Action] if form is AlertForm.SIGNAL_6 else [*PLAIN]
        if st.session_state[ACTION] not in actions:
            st.session_state[ACTION] = Action.BUY
        action = Action(st.selectbox("Action", actions, key=ACTION, width=160))
        product = str(st.selectbox("Product", [USUAL, *Product], key=PRODUCT, width=180))
        held = action.exits and st.checkbox("All that is held", key=ALL_HELD)
        units = None if held else int(st.number_input("Quantity", min_value=1, step=1, key=UNITS, width=120))
    sure = not known.acts or st.checkbox("I know that real orders go out, and want them", key=SURE)
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Not now", key="strategy-test-keep", on_click=close_dialog)
        label = f"Send {action} {units if units is not None else 'all'} {listing or ''}".strip()
        acted = pressed(label, type="primary", key="go_strategy_test", disabled=listing is None or not sure)
    if not acted or listing is None:
        return
    try:
        st.session_state[SENT] = desk().strategies.test(
            known.name,
            listing=listing,
            action=action.value,
            quantity=units,
            product="" if product == USUAL else product,
            version=form.value,
            confirm=sure,
        )
    except SigmaError as error:
        trouble(error)
        return
    st.rerun()


def _where(known: Strategy) -> str:
    """Return in Markdown what a test message would do."""
    found = {badge.id: badge for badge in badges()}
    places = [coloured(found[one.account_id], float(one.multiplier)) for one in known.shares if one.account_id in found]
    where = f" on {', '.join(places)}" if places else ""
    if known.acts:
        return f":orange[▲] **{escape(known.name)} executes by itself**: this places real orders{where}."
    return f"It is taken as if TradingView had sent it. Its orders wait in the queue{where} for your yes."


def _listing() -> str | None:
    chosen: str | None = st.session_state[LISTING]
    if chosen is None:
        typed = st.text_input("Listing", key=TYPED, type="search", placeholder="INFY, NIFTY 26000 CE", live="250ms")
        offers(typed, "strategy-test-take", _take)
        return None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{escape(chosen)}**")
        st.button("Change", key="strategy-test-change", type="tertiary", on_click=_take, args=(None,))
    return chosen


def _take(listing: str | None) -> None:
    st.session_state[LISTING] = listing


def _result(sent: Receipt) -> None:
    """Draw the answer and what became of the message so far."""
    orders = ", ".join(map(str, sent.order_ids)) or "none"
    st.markdown(f"**{WORDS.get(sent.status, sent.status)}**: signal {sent.id}, orders {orders}. {escape(sent.message)}".rstrip())
    lines = came(sent.id)
    st.markdown("  \n".join(lines) or "No account has a part in it.")
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        link("queue", "Queue")
        link("activity", "Why", signal=sent.id)
        st.button("Look again", key=f"strategy-test-again:{sent.id}", icon=":material/refresh:")
        st.button("Close", key=f"strategy-test-close:{sent.id}", on_click=close_dialog)
