"""The kill switch: a dialog on every page, and the way to allow orders again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from pages.ui.badges import Badge, badges, escape
from pages.ui.clocks import clocks
from pages.ui.dialogs import close_dialog, pressed, show_dialog
from pages.ui.rows import rows, value_of
from pages.ui.session import desk, visitor
from sigma.desk import Desk
from sigma.domain import show
from sigma.domain.errors import SigmaError, StaleData
from sigma.domain.risk import KillState

STOP = "STOP"
BLOCK, CANCEL, FLATTEN = "block", "cancel", "flatten"


def stop_trading() -> None:
    """Ask what to stop; typing STOP is the confirmation."""
    show_dialog(f"Stop trading on {_count(len(badges()), 'account')}?", _stop, icon=":material/front_hand:")


def _stop() -> None:
    mine = desk()
    chosen = _chosen(badges())
    st.markdown("Nothing new goes out until the owner allows it again. Cancelling and reading go on. Shares in demat stay.")
    found = [_seen(mine, badge) for badge in chosen]
    words = levels(found)
    level = st.radio("What to do", list(words), format_func=words.__getitem__, key="kill-level")
    st.markdown("  \n".join(one.words for one in found))
    reason = st.text_input("Reason", placeholder="Kept in the audit trail", key="kill-reason")
    typed = st.text_input(f"Type {STOP} to go on", key="kill-typed", live=True)
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Keep trading", key="kill-keep", on_click=close_dialog)
        where = escape(chosen[0].name) if len(chosen) == 1 else _count(len(chosen), "account")
        acted = pressed(f"Stop trading on {where}", key="go_kill", type="primary", disabled=typed.strip() != STOP)
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


@dataclass(frozen=True, slots=True)
class Seen:
    """What is stored of an account that may be stopped.

    Parameters
    ----------
    orders : int
        Orders that may still execute.
    positions : int or None
        Open positions by what was read last; None when they were never read.
    worth : float
        Rupees that these are worth at their last prices, each counted as positive.
    """

    badge: Badge
    orders: int
    positions: int | None
    worth: float = 0.0

    @property
    def words(self) -> str:
        """The account with its counts and rupees, in Markdown."""
        if self.positions is None:
            held = "positions never read"
        else:
            held = _count(self.positions, "position") + (f" about {show.rupees(self.worth)}" if self.positions else "")
        return f"{self.badge.coloured}: {_count(self.orders, 'order')}, {held}"


def levels(found: Sequence[Seen]) -> dict[str, str]:
    """Return the three levels in words, with what each is about by what is stored."""
    orders = _count(sum(one.orders for one in found), "order")
    known = _count(sum(one.positions or 0 for one in found), "position")
    positions = f"{known} or more" if any(one.positions is None for one in found) else known
    return {
        BLOCK: "Block new orders",
        CANCEL: f"Block, and cancel {orders}",
        FLATTEN: f"Block, cancel {orders}, and close {positions} at the market",
    }


def _seen(mine: Desk, badge: Badge) -> Seen:
    """Return what is stored of an account; no broker is asked."""
    orders = mine.orders.counts(badge.name)["working"]
    try:
        held = mine.positions(badge.name, refresh=False)
    except StaleData:
        return Seen(badge, orders, None)
    return Seen(badge, orders, int((held["quantity"] != 0).sum()), value_of(held))


def allow_trading(account_id: int | None = None, strategy: str = "") -> None:
    """Ask the owner for a reason and switch one kill switch off, that of an account or a strategy where it is named."""
    key = f"{account_id}:{strategy}"
    show_dialog("Allow trading again?", _allow, account_id, strategy, key, icon=":material/lock_open:")


def _allow(account_id: int | None, strategy: str, key: str) -> None:
    mine = desk()
    names = {row.id: row.name for row in rows(mine.accounts.table())}
    kills = mine.risk.kills()
    kill = next((one for one in kills if (one.account_id, one.strategy) == (account_id, strategy)), None)
    if kill is None:
        st.markdown("Nothing is stopped here any more.")
        st.button("Close", key=f"arm-close:{key}", on_click=close_dialog)
        return
    st.markdown(clocks(_stopped(kill, names, mine)))
    others = [one for one in kills if one is not kill]
    if others:
        st.caption(f"{_count(len(others), 'other stop')} {'stays' if len(others) == 1 else 'stay'} on.")
    if going := _going(mine, names.get(account_id or 0), strategy):
        st.warning(f"{_count(going, 'account')} not verified yet: what is going on there ends where it is.")
    reason = st.text_input(
        "Reason for allowing it again", placeholder="Needed; kept in the audit trail", key=f"arm-reason:{key}", live=True
    )
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Leave it stopped", key=f"arm-keep:{key}", on_click=close_dialog)
        acted = pressed("Allow trading", key=f"go_arm:{key}", type="primary", disabled=not reason.strip())
    if not acted:
        return
    try:
        scope = "all" if account_id is None else names[account_id]
        mine.kill(scope, strategy=strategy, reason=reason.strip(), on=False)
    except SigmaError as error:
        st.error(f"**{escape(error.message)}** {escape(error.hint)}".strip())
        return
    st.toast("Trading is allowed again.", icon=":material/check:")
    close_dialog()


def _stopped(kill: KillState, names: Mapping[int, str], mine: Desk) -> str:
    """Return in Markdown what is stopped, since when, by whom and why."""
    where = "all accounts" if kill.account_id is None else names.get(kill.account_id, show.MISSING)
    what = f"Strategy {kill.strategy} on {where}" if kill.strategy else f"Trading on {where}"
    return f"**{escape(what)}** was stopped at {show.when(kill.at, mine.now())} IST by {escape(kill.by)}: {escape(kill.reason)}"


def _going(mine: Desk, account: str | None, strategy: str) -> int:
    """Return on how many accounts a stop of this scope is still at work; all accounts when none is named."""
    going = (row for row in rows(mine.kill_runs(True)) if not row.product)
    return sum((account is None or row.account == account) and row.strategy == strategy for row in going)


def may_trade() -> bool:
    """Say whether this person may place, cancel and stop orders."""
    return visitor().role in ("owner", "trader")


def is_owner() -> bool:
    """Say whether this person is the owner."""
    return visitor().role == "owner"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
