"""The drawer of a strategy, new or changed; and the question before it executes by itself."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from typing import Any

import streamlit as st

from pages.ui.badges import Badge, badges, escape
from pages.ui.confirm import Question, ask
from pages.ui.dialogs import close_dialog, pressed, show_dialog
from pages.ui.group_dialogs import trouble
from pages.ui.navigation import link
from pages.ui.rows import rows
from pages.ui.session import desk
from pages.ui.strategy_rows import OFF_HOURS, coloured
from sigma.domain.errors import SigmaError
from sigma.domain.orders import OrderMode, OrderType, Product
from sigma.domain.strategies import LONGEST_DESCRIPTION, LONGEST_NAME, OffHours, Strategy

WIDTH = 440
NAME, ABOUT, MODE, ACCOUNTS = "strategy-name", "strategy-about", "strategy-mode", "strategy-accounts"
PRODUCT, TYPE, CLOSED = "strategy-product", "strategy-type", "strategy-closed"
SIGNALS_OWN = ""
UNLIMITED = "not limited"
MODE_WORDS = {
    OrderMode.MANUAL: "MANUAL: its orders wait in the queue for a yes",
    OrderMode.AUTO: "AUTO: its orders go through the risk gate and out, nobody is asked",
}
MODE_KEEPS = {OrderMode.MANUAL: "Keep MANUAL", OrderMode.AUTO: "Not now"}


def new() -> None:
    """Open the drawer for a new strategy."""
    filled = {NAME: "", ACCOUNTS: [], PRODUCT: SIGNALS_OWN, TYPE: SIGNALS_OWN, CLOSED: OffHours.FAIL}
    show_dialog("New strategy", _drawer, None, first=partial(_fill, filled), **_layout())


def edit(name: str) -> None:
    """Open the drawer for one that there is."""
    known = desk().strategies.get(name)
    names = {badge.id: badge.name for badge in badges()}
    shares = {names[share.account_id]: share.multiplier for share in known.shares if share.account_id in names}
    filled: dict[str, Any] = {
        MODE: known.mode,
        ACCOUNTS: list(shares),
        PRODUCT: known.product or SIGNALS_OWN,
        TYPE: known.order_type or SIGNALS_OWN,
        CLOSED: known.off_hours,
        **{_times_key(account): float(multiplier) for account, multiplier in shares.items()},
    }
    show_dialog(f"Edit {escape(known.name)}", _drawer, known, first=partial(_fill, filled), **_layout())


def _layout() -> dict[str, Any]:
    return {"width": WIDTH, "position": "right", "icon": ":material/smart_toy:"}


def _fill(values: Mapping[str, Any]) -> None:
    """Fill the fields in; what was written at an earlier opening is forgotten."""
    for key in [_times_key(badge.name) for badge in badges()] + [
        str(key) for key in st.session_state if str(key).startswith(ABOUT)
    ]:
        st.session_state.pop(key, None)
    st.session_state.update(values)


def _times_key(account: str) -> str:
    return f"strategy-times:{account}"


def _drawer(known: Strategy | None) -> None:
    if known is None:
        st.text_input("Name", key=NAME, max_chars=LONGEST_NAME, placeholder="As its alerts name it", live=True)
    # Not filled in by its key: the browser draws a text area empty whose first value came that way.
    about = st.text_area(
        "Description",
        value=known.description if known else "",
        key=f"{ABOUT}:{known.id if known else 'new'}",
        max_chars=LONGEST_DESCRIPTION,
        height=80,
    )
    if known is None:
        st.caption(
            "A new strategy is MANUAL: its orders wait in the queue. Look at its accounts and limits, then set it to AUTO."
        )
    else:
        st.radio("Mode", list(MODE_WORDS), format_func=MODE_WORDS.__getitem__, key=MODE)
    wanted = _accounts()
    _defaults()
    _limits(known)
    ready = known is not None or bool(str(st.session_state.get(NAME) or "").strip())
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Cancel", key="strategy-keep", on_click=close_dialog)
        label = "Save" if known else "Make strategy"
        acted = pressed(label, type="primary", key="go_strategy_save", disabled=not ready)
    if acted:
        _save(known, str(about or ""), wanted)


def _accounts() -> dict[str, Decimal]:
    """Draw which accounts it executes on, and with which multiplier each."""
    known = {badge.name: badge for badge in badges()}
    kept = [name for name in st.session_state.get(ACCOUNTS) or [] if name in known]
    if kept != st.session_state.get(ACCOUNTS):
        st.session_state[ACCOUNTS] = kept
    chosen = st.multiselect("Accounts", list(known), format_func=lambda name: known[name].text, key=ACCOUNTS)
    wanted = {}
    for name in chosen:
        key = _times_key(name)
        st.session_state.setdefault(key, 1.0)
        times = st.number_input(
            f"Multiplier on {known[name].text}", min_value=0.0001, max_value=1000.0, step=0.5, format="%.4g", key=key
        )
        wanted[name] = Decimal(str(round(times, 4)))
    if chosen:
        st.caption("A signal's quantity is multiplied with it, then floored to whole lots; less than a lot is skipped.")
    else:
        st.caption("Without an account its signals wait in the queue, and you choose the account at approval.")
    return wanted


def _defaults() -> None:
    with st.container(horizontal=True):
        st.selectbox(
            "Product, where an alert names none",
            [SIGNALS_OWN, *Product],
            format_func=lambda one: one or "MIS (usual)",
            key=PRODUCT,
        )
        types = [SIGNALS_OWN, OrderType.MARKET, OrderType.LIMIT]
        st.selectbox("Type, where an alert names none", types, format_func=lambda one: one or "MARKET (usual)", key=TYPE)
    closed = st.selectbox("When the market is closed", list(OFF_HOURS), format_func=lambda one: OFF_HOURS[one][0], key=CLOSED)
    st.caption(OFF_HOURS[OffHours(closed)][1])


def _limits(known: Strategy | None) -> None:
    st.caption(
        "What an order may be is decided by the risk gate, by limits for everything, for this strategy and for each account."
    )
    if known is not None:
        link("risk", "Its limits", strategy=known.name)


def _save(known: Strategy | None, about: str, accounts: Mapping[str, Decimal]) -> None:
    state, mine = st.session_state, desk().strategies
    given: dict[str, Any] = {
        "accounts": accounts,
        "description": about,
        "product": str(state[PRODUCT]),
        "order_type": str(state[TYPE]),
        "off_hours": str(state[CLOSED]),
    }
    acts = known is not None and state[MODE] == OrderMode.AUTO
    asks = known is not None and acts and known.mode is OrderMode.MANUAL
    try:
        if known is None:
            stored = mine.add(str(state[NAME]), **given)
        else:
            mode = known.mode if asks else OrderMode(state[MODE])
            stored = mine.update(known.name, mode=mode.value, version=known.version, **given)
    except SigmaError as error:
        trouble(error)
        return
    st.toast(f"{escape(stored.name)} is stored.", icon=":material/check:")
    if asks:
        let_act(stored.name)
    close_dialog()


def let_act(name: str) -> None:
    """Ask before a strategy executes by itself: on which accounts, and what limits it there."""
    known = desk().strategies.get(name)
    if not known.shares:
        st.toast(f"{escape(known.name)} has no account yet: give it one first.", icon=":material/error:")
        edit(known.name)
    title = f"Let {escape(known.name)} execute by itself?"
    question = Question(title, acting(known), MODE_KEEPS[known.mode], f"Set {known.name} to AUTO", icon=":material/bolt:")
    ask(question, f"strategy-auto:{known.id}:{known.version}", partial(_act, known))


def _act(known: Strategy) -> str:
    desk().strategies.update(known.name, mode=OrderMode.AUTO.value, version=known.version)
    return f"{escape(known.name)} executes by itself."


def acting(known: Strategy) -> str:
    """Return in Markdown where a strategy would execute by itself, and what limits it there."""
    found = {badge.id: badge for badge in badges()}
    told = ["Its signals become orders at once, through the risk gate and without anybody asked:"]
    for share in known.shares:
        badge = found.get(share.account_id)
        if badge is not None:
            told.append(f"- **{coloured(badge, float(share.multiplier))}**: {limits(known.name, badge)}")
    if not known.enabled:
        told.append("\nIt is paused: this holds from when it is resumed.")
    return "\n".join(told)


def limits(strategy: str, badge: Badge) -> str:
    """Return in Markdown the limits that are set for a strategy's orders on an account, and where each comes from."""
    found = [row for row in rows(desk().risk.effective(strategy, badge.name)) if row.value != UNLIMITED]
    said = [f"{row.limit.replace('_', ' ')} {row.value} ({row.mode}, {row.scopes})" for row in found]
    return escape("; ".join(said)) if said else ":orange[▲ no limit is set]"
