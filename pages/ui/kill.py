"""The kill switch: a dialog on every page, and the way to allow orders again."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui.badges import Badge, badges, escape
from pages.ui.dialogs import close_dialog, pressed, show_dialog
from pages.ui.rows import rows
from pages.ui.session import desk, visitor
from sigma.desk import Desk
from sigma.domain.errors import SigmaError, StaleData

STOP = "STOP"
BLOCK, CANCEL, FLATTEN = "block", "cancel", "flatten"


def stop_trading() -> None:
    """Ask what to stop; typing STOP is the confirmation."""
    show_dialog(f"Stop trading on {_count(len(badges()), 'account')}?", _stop, icon=":material/front_hand:")


def _stop() -> None:
    mine = desk()
    chosen = _chosen(badges())
    st.markdown("Nothing new goes out until the owner allows it again. Cancelling and reading go on. Shares in demat stay.")
    words = _levels(mine, [badge.name for badge in chosen])
    level = st.radio("What to do", list(words), format_func=words.__getitem__, key="kill-level")
    reason = st.text_input("Reason", placeholder="Kept in the audit trail", key="kill-reason")
    typed = st.text_input(f"Type {STOP} to go on", key="kill-typed", live=True)
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Keep trading", key="kill-keep", on_click=close_dialog)
        acted = pressed("Stop trading", key="go_kill", type="primary", disabled=typed.strip() != STOP)
    if not acted:
        return
    scope = chosen[0].name if len(chosen) == 1 else "all"
    try:
        mine.kill(scope, reason=reason.strip() or "stopped by hand", cancel=level != BLOCK, flatten=level == FLATTEN)
    except SigmaError as error:
        st.error(f"**{error.message}** {error.hint}".strip())
        return
    st.toast("New orders are blocked.", icon=":material/front_hand:")
    close_dialog()


def _chosen(all_badges: Sequence[Badge]) -> Sequence[Badge]:
    """Let the person choose one account instead of all."""
    if len(all_badges) < 2:
        return all_badges
    texts = {"": f"All {len(all_badges)} accounts"} | {badge.name: badge.text for badge in all_badges}
    where = st.selectbox("Where", list(texts), format_func=texts.__getitem__, key="kill-where")
    return [badge for badge in all_badges if where in ("", badge.name)]


def _levels(mine: Desk, accounts: Sequence[str]) -> dict[str, str]:
    """Return the three levels in words, with what each is about by what is stored."""
    working = sum(mine.orders.counts(name)["working"] for name in accounts)
    held = [_held(mine, name) for name in accounts]
    known = sum(count for count in held if count is not None)
    positions = _count(known, "position") if None not in held else f"{_count(known, 'position')} or more"
    orders = _count(working, "order")
    return {
        BLOCK: "Block new orders",
        CANCEL: f"Block, and cancel {orders}",
        FLATTEN: f"Block, cancel {orders}, and close {positions} at the market",
    }


def _held(mine: Desk, account: str) -> int | None:
    """Return how many positions are open by what was read last; None when nothing ever was."""
    try:
        return int((mine.positions(account, refresh=False)["quantity"] != 0).sum())
    except StaleData:
        return None


def allow_trading() -> None:
    """Ask the owner for a reason and switch the kill switches off."""
    show_dialog("Allow trading again?", _allow, icon=":material/lock_open:")


def _allow() -> None:
    mine = desk()
    kills = mine.risk.kills()
    for kill in kills:
        st.markdown(f"Stopped: {escape(kill.reason)}")
    running = len(mine.kill_runs(True))
    if running:
        st.warning(f"{_count(running, 'account')} not verified yet: what is going on there ends where it is.")
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
            mine.kill(scope, strategy=kill.strategy, reason=reason.strip(), on=False)
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
