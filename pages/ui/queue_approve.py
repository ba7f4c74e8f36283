"""The dialog that says yes: what it comes to, on which account, and what came of it.

What the person saw last is kept, and approved by its version: an order that changes between the look and the click is not
sent, and the change is shown. While orders are on their way to the core the button is drawn disabled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import streamlit as st

from pages.ui.badges import Badge, badges, escape
from pages.ui.confirm import Outcome, lines
from pages.ui.dialogs import close_dialog, show_dialog
from pages.ui.kill import may_trade
from pages.ui.navigation import link
from pages.ui.order_acts import account_of, short
from pages.ui.preview import acceptable, free, show_preview
from pages.ui.queue_acts import some
from pages.ui.queue_rows import source, summed
from pages.ui.rows import rows
from pages.ui.session import desk
from pages.ui.states import kept
from pages.ui.table import forget, no_selection
from sigma.domain import show
from sigma.domain.errors import SigmaError
from sigma.domain.orders import Order, OrderStatus
from sigma.domain.preview import Preview
from sigma.domain.story import progress, title

APPROVING, APPROVED = "queue-approving", "queue-approved"
SHOWN_FOR = timedelta(minutes=2)
MOST_SHOWN = 3
LOST = "It does not wait any more"


@dataclass
class Approving:
    """One opening of the dialog.

    Parameters
    ----------
    seen : dict
        The orders as they were drawn last, by id.
    funding : str
        What several of them would hold and cost together.
    """

    seen: dict[int, Order]
    account: str | None
    previews: dict[int, Preview] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    funding: str = ""
    working: bool = False
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Identity of what is approved."""
        return "-".join(map(str, self.seen))

    def look(self, account: str | None) -> None:
        """Read the orders and what they come to on an account, and keep what changed since they were drawn."""
        self.account = account
        for order_id, before in list(self.seen.items()):
            now = desk().orders.get(order_id)
            self.changed += changes(before, now)
            self.seen[order_id] = now
            self.previews[order_id] = desk().orders.preview_of(order_id, account=account, estimated=len(self.seen) == 1)
        self.funding = together(list(self.seen), account) if len(self.seen) > 1 and account else ""


def open_approval(order_ids: Sequence[int]) -> None:
    """Open the dialog for waiting orders."""
    orders = [desk().orders.get(one) for one in order_ids]
    account = _preset(orders)
    state = Approving({order.id: order for order in orders}, account)
    first = orders[0]
    named = f"Approve {first.request.side} {first.listing}?" if len(orders) == 1 else f"Approve {len(orders)} orders?"
    filled = partial(st.session_state.update, {APPROVING: state, _choice(state): account})
    show_dialog(named, draw_approval, first=filled, width="medium", icon=":material/check_circle:")


def _preset(orders: Sequence[Order]) -> str | None:
    """Return the account to suggest: the orders' own, else the one used last or preferred; none when they differ."""
    usable = {badge.id: badge.name for badge in badges() if badge.enabled}
    own = {order.account_id for order in orders}
    if len(own) > 1:
        return None
    account_id = own.pop()
    preset = desk().orders.preset_account() if account_id is None else usable.get(account_id)
    return preset if preset in usable.values() else None


def changes(before: Order, now: Order) -> list[str]:
    """Return in words what happened to a waiting order since it was seen; nothing for the same version."""
    if before.version == now.version:
        return []
    if now.status is not OrderStatus.WAITING:
        return [f"{short(now)}: {show.status_chip(now.status).text}. {LOST}."]
    return [f"Changed meanwhile: {title(before)} is now {title(now)}. Look again."]


def draw_approval() -> None:
    """Draw what the dialog shows."""
    state: Approving = st.session_state[APPROVING]
    if not may_trade():
        st.error("Your role may look at orders, not approve them.")
        return
    if state.outcomes and len(state.seen) > 1:
        _outcomes(state)
        return
    chosen = _account(state)
    if state.working and (chosen is None or chosen.name != state.account):
        state.working = False  # what was looked at last was another account
    if not state.working:
        state.look(chosen.name if chosen else None)
    for words in state.changed:
        st.warning(escape(words), icon=":material/published_with_changes:")
    (_one if len(state.seen) == 1 else _many)(state)
    _act(state, chosen)


def _choice(state: Approving) -> str:
    return f"approve-account:{state.key}"


def _account(state: Approving) -> Badge | None:
    """Draw the accounts to choose from; nothing is chosen for the person but what they used or preferred."""
    found = {badge.name: badge for badge in badges() if badge.enabled}
    texts = {name: badge.coloured for name, badge in found.items()}
    key = _choice(state)
    if st.session_state.get(key) not in (None, *found):  # a value that is set without need takes back a click made meanwhile
        st.session_state[key] = None
    name = st.segmented_control("Account", list(found), format_func=texts.__getitem__, key=key, disabled=state.working)
    if name is None:
        st.caption("Choose the account that it goes to." if found else "There is no account that could take it.")
    return found.get(str(name))


def _one(state: Approving) -> None:
    ((order_id, order),) = state.seen.items()
    st.markdown(f"**{escape(title(order))}**")
    st.caption(escape(_origin(order)))
    show_preview(state.previews[order_id])


def _origin(order: Order) -> str:
    """Return where an order came from and since when it waits."""
    signal = desk().signals.get(order.signal_id) if order.signal_id else None
    came_by = source(order.source, signal.platform if signal else "")
    at, now = order.created_at, desk().now()
    told = [
        " ".join(filter(None, (came_by, order.strategy))),
        f"waits since {show.when(at, now)} IST ({show.age((now - at).total_seconds())})",
        f"its bar ended {show.when(signal.bar_time, now)} IST" if signal and signal.bar_time else "",
        order.stale_reason,
    ]
    return " · ".join(filter(None, told))


def _many(state: Approving) -> None:
    words = [escape(f"{short(order)}: {_told(state.previews[one])}") for one, order in state.seen.items()]
    st.markdown("  \n".join(some(words)))
    value = summed([preview.value for preview in state.previews.values()])
    st.markdown(f"**{len(state.seen)} orders, {value}.**")
    if state.funding:
        st.markdown(state.funding)
    warnings = dict.fromkeys(
        words for preview in state.previews.values() for words in preview.warnings if words != _late(preview)
    )
    if warnings:
        st.warning("  \n".join(map(escape, some(list(warnings)))), icon=":material/warning:")


def together(order_ids: Sequence[int], account: str) -> str:
    """Return in Markdown what orders would hold and cost together on an account, or why that is not known."""
    try:
        (row,) = rows(desk().orders.margin(order_ids, account=account))
    except SigmaError as error:
        return escape(f"Margin and charges not known: {error.message.rstrip('.')}.")
    margin = f"Margin not known: {row.reason}" if row.reason else f"Margin {show.rupees(row.final_total)}"
    saved = f" ({show.rupees(row.benefit)} less than one by one)" if (show.number(row.benefit) or 0) > 0 else ""
    charges = f"charges not known: {row.charges_reason}." if row.charges_reason else f"charges {show.rupees(row.charges)}."
    return escape(f"{margin}{saved}, {charges} {free(row.available, row.available_at)}".strip())


def _told(preview: Preview) -> str:
    """Return one order's preview in a line."""
    if preview.problems:
        return f"✕ {preview.problems[0]}"
    value = show.rupees(preview.value) if preview.value is not None else "value N/A"
    if preview.decision is None:
        return value
    verdict = "✓ risk" if preview.decision.allowed else f"✕ the risk gate would stop it: {preview.decision.text}"
    return ", ".join(filter(None, (value, verdict, preview.late and "▲ late")))


def _late(preview: Preview) -> str:
    return f"The signal is {preview.late}."


def _act(state: Approving, chosen: Badge | None) -> None:
    late = [one for one, preview in state.previews.items() if preview.late]
    sure = not late or st.checkbox(_late_question(state, len(late)), key=f"approve-late:{state.key}", disabled=state.working)
    ready = chosen is not None and sure and any(map(acceptable, state.previews.values()))
    where = f" on {chosen.name}" if chosen else ""
    orders = list(state.seen.values())
    what = short(orders[0]) if len(orders) == 1 else f"{len(orders)} orders"
    foot = st.empty()
    with foot.container(horizontal=True, horizontal_alignment="right"):
        st.button("Not now", key=f"approve-keep:{state.key}", disabled=state.working, on_click=close_dialog)
        label = f"Approving {what}{where} …" if state.working else f"Approve {what}{where}"
        key = f"go_approve_act:{state.key}"
        place = st.empty()
        place.button(label, key=key, type="primary", disabled=state.working or not ready, on_click=_start, args=(state,))
    if state.working and chosen is not None:
        _approve(state, chosen.name, sure)
        if len(state.seen) > 1:
            foot.empty()
            _outcomes(state)
            return
        place.button("Not approved", key=f"{key}:not", type="primary", disabled=True)
        st.button("Look again", key=f"approve-look:{state.key}", help="Draws the order as it is now; then it can be tried again")
    for outcome in state.outcomes:
        st.error(outcome.words, icon=":material/error:")


def _outcomes(state: Approving) -> None:
    lines(state.outcomes)
    st.button("Close", key=f"approve-close:{state.key}", on_click=close_dialog)


def _late_question(state: Approving, late: int) -> str:
    if len(state.seen) == 1:
        return "I know that the signal is late, and want it all the same"
    return f"I know that {late} of them {'is' if late == 1 else 'are'} late, and want them all the same"


def _start(state: Approving) -> None:
    state.working, state.outcomes, state.changed = True, [], []


def _approve(state: Approving, account: str, sure: bool) -> None:
    """Approve what was seen, one by one; each has its own outcome."""
    for order_id, order in state.seen.items():
        preview = state.previews[order_id]
        if acceptable(preview):
            state.outcomes.append(_approved(order, account, sure and bool(preview.late)))
        else:
            state.outcomes.append(Outcome(escape(short(order)), False, escape(f"stays in the queue: {_told(preview)}")))
    state.working = False
    forget("queue")
    done = [outcome for outcome in state.outcomes if outcome.done]
    if len(done) == len(state.outcomes):
        st.toast(f"{done[0].what} on {escape(account)}: approved." if len(done) == 1 else f"{len(done)} orders approved.")
        close_dialog()


def _approved(order: Order, account: str, late: bool) -> Outcome:
    what = escape(short(order))
    try:
        after = desk().orders.approve(order.id, account=account, version=order.version, late=late)
    except SigmaError as error:
        return Outcome(what, False, f"**{escape(error.message)}** {escape(error.hint)}".strip())
    remembered: list[tuple[int, datetime]] = st.session_state.setdefault(APPROVED, [])
    remembered.insert(0, (order.id, desk().now()))
    if after.status is OrderStatus.REJECTED_RISK:
        return Outcome(what, False, f"**The risk gate stopped it:** {escape(after.risk_note)}. Nothing was sent.")
    return Outcome(what, True)


def show_approved() -> None:
    """Say at the foot of the page, while nothing is ticked, where the orders went that were approved a moment ago."""
    remembered: list[tuple[int, datetime]] = st.session_state.get(APPROVED, [])
    young = [(one, at) for one, at in remembered if desk().now() - at <= SHOWN_FOR]
    st.session_state[APPROVED] = young
    ids = [one for one, _ in young]
    orders = kept("queue-approved", ids, lambda: [desk().orders.get(one) for one in ids[:MOST_SHOWN]]).value
    if not orders:
        no_selection()
        return
    more = [f"and {len(ids) - MOST_SHOWN} more"] if len(ids) > MOST_SHOWN else []
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", key="queue-approved"):
        st.markdown("  \n".join((*map(_where, orders), *more)))
        link("orders", "Orders", account=_account_name(orders[0]), **({"order": orders[0].id} if len(ids) == 1 else {}))


def _where(order: Order) -> str:
    """Return in Markdown where an approved order is now."""
    chip = show.status_chip(order.status, unsettled=order.unsettled)
    said = " · ".join(filter(None, (progress(order), order.broker_reason or order.risk_note or order.stale_reason)))
    wish = f":{chip.tone}-badge[{escape(chip.text)}] {escape(short(order))} on {account_of(order)}"
    return wish + (f" · {escape(said)}" if said else "")


def _account_name(order: Order) -> str:
    return next((badge.name for badge in badges() if badge.id == order.account_id), "")
