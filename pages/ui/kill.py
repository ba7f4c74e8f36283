"""The kill switch: a dialog on every page, and the way to allow orders again."""

from __future__ import annotations

import streamlit as st

from pages.ui.badges import escape
from pages.ui.confirm import Outcome, outcomes
from pages.ui.dialogs import close_dialog, pressed, show_dialog
from pages.ui.rows import rows
from pages.ui.session import desk, visitor
from sigma.domain.errors import SigmaError

STOP = "STOP"


def stop_trading() -> None:
    """Ask what to stop; typing STOP is the confirmation."""
    show_dialog("Stop trading?", _stop, icon=":material/front_hand:")


def _stop() -> None:
    mine = desk()
    accounts = mine.accounts.table()
    working = {name: mine.orders.counts(name)["working"] for name in accounts["name"]}
    total = sum(working.values())
    st.markdown(
        f"Nothing new goes out on {_count(len(accounts), 'account')} until trading is allowed again. "
        "Cancelling and reading go on. Open positions stay."
    )
    cancel = st.checkbox(f"Also cancel {_count(total, 'working order')}", disabled=not total, key="kill-cancel")
    reason = st.text_input("Reason", placeholder="Kept in the audit trail", key="kill-reason")
    typed = st.text_input(f"Type {STOP} to go on", key="kill-typed", live=True)
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Keep trading", key="kill-keep", on_click=close_dialog)
        acted = pressed("Stop trading", key="go_kill", type="primary", disabled=typed.strip() != STOP)
    if not acted:
        return
    try:
        mine.kill(reason=reason.strip() or "stopped by hand")
    except SigmaError as error:
        st.error(f"**{error.message}** {error.hint}".strip())
        return
    results = [Outcome("New orders are blocked", True)]
    for name in accounts["name"] if cancel else ():
        cancelled = rows(mine.orders.cancel_all(name))
        results += [Outcome(f"{row.side} {row.quantity} {row.listing} on {name}", row.done, row.words) for row in cancelled]
    outcomes(results)


def allow_trading() -> None:
    """Ask the owner for a reason and switch the kill switches off."""
    show_dialog("Allow trading again?", _allow, icon=":material/lock_open:")


def _allow() -> None:
    mine = desk()
    kills = mine.risk.kills()
    for kill in kills:
        st.markdown(f"Stopped: {escape(kill.reason)}")
    reason = st.text_input("Reason for allowing it again", key="arm-reason", live=True)
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Leave it stopped", key="arm-keep", on_click=close_dialog)
        acted = pressed("Allow trading", key="go_arm", type="primary", disabled=not reason.strip())
    if not acted:
        return
    names = {row.id: row.name for row in rows(mine.accounts.table())}
    try:
        for kill in kills:
            scope = "all" if kill.account_id is None else names[kill.account_id]
            mine.kill(scope, reason=reason.strip(), on=False)
    except SigmaError as error:
        st.error(f"**{error.message}** {error.hint}".strip())
        return
    st.toast("Trading is allowed again.", icon=":material/check:")
    close_dialog()


def may_trade() -> bool:
    """Say whether this person may place, cancel and stop orders."""
    return visitor().role in ("owner", "trader")


def is_owner() -> bool:
    """Say whether this person is the owner."""
    return visitor().role == "owner"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
