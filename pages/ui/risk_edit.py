"""The drawer that sets limits: one scope at a time, each limit with what it does to an order beyond it.

Saving stores all limits of the scope at once, so what the drawer began with is compared with what is stored then: limits that
somebody else changed meanwhile are not overwritten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, cast

import streamlit as st

from pages.ui.badges import badges, escape
from pages.ui.dialogs import close_dialog, pressed, show_dialog
from pages.ui.kill import may_trade
from pages.ui.listing_search import offers
from pages.ui.risk_words import LABELS, Where, changes, where
from pages.ui.rows import rows
from pages.ui.session import desk
from sigma.desk.risk_words import LimitWords, told, typed_limits
from sigma.domain import show
from sigma.domain.errors import SigmaError
from sigma.domain.orders import OrderType, Product
from sigma.domain.risk import CLAMPABLE, RiskLimits, Scope

WIDTH = 520
EDITING = "risk-editing"
ASK_TO_LOWER = "Lower the quantity instead of refusing the order"
SHORTS: Mapping[str, bool | None] = {"Not limited": None, "Not allowed": False, "Allowed": True}
GROUPS: Mapping[str, tuple[str, ...]] = {
    "One order": ("max_quantity_per_order", "max_order_value", "allow_short_selling"),
    "Losses": ("max_daily_loss", "drawdown_caution", "drawdown_stop", "cooldown_s"),
    "How much at once": ("max_open_positions", "max_exposure", "max_orders_per_minute"),
    "What": ("allow", "deny", "products", "order_types"),
    "When": ("entries_until", "square_off_at"),
}
RUPEES = frozenset({"max_order_value", "max_daily_loss", "max_exposure", "drawdown_caution", "drawdown_stop"})
COUNTS = frozenset({"max_quantity_per_order", "max_open_positions", "max_orders_per_minute", "cooldown_s"})
CLOCKS = frozenset({"entries_until", "square_off_at"})
WORDS: Mapping[str, tuple[str, ...]] = {
    "products": tuple(one.value for one in Product),
    "order_types": tuple(one.value for one in OrderType),
}


@dataclass
class Editing:
    """One opening of the drawer.

    Parameters
    ----------
    opening : str
        What this opening's widgets are known by.
    seen : dict
        The limits of each scope as they were when it was looked at first; None where there were none.
    """

    opening: str
    seen: dict[Where, RiskLimits | None] = field(default_factory=dict)


def edit_limits(first: Where) -> None:
    """Open the drawer, at first for one scope."""
    state = Editing(desk().orders.new_id())
    show_dialog("Limits", _draw, state, first, width=WIDTH, position="right", icon=":material/shield:")


def scopes() -> list[Where]:
    """Return everything that limits can hold for: all, each account, each strategy that is known or has limits."""
    mine = desk()
    accounts = [Where(Scope.ACCOUNT, badge.id) for badge in badges()]
    known = [str(row.name) for row in rows(mine.strategies.table()) if not row.archived]
    limited = [row.strategy for row in mine.risk.limits() if row.scope is Scope.STRATEGY]
    names = sorted(dict.fromkeys((*known, *limited)), key=str.casefold)
    return [Where(), *accounts, *(Where(Scope.STRATEGY, strategy=name) for name in names)]


def _draw(state: Editing, first: Where) -> None:
    if not may_trade():
        st.error("Your role may look at limits, not change them.")
        return
    offered = scopes()
    known = {badge.id: badge.text for badge in badges()}
    start = offered.index(first) if first in offered else 0
    chosen = st.selectbox(
        "For", offered, index=start, format_func=lambda one: one.words(known), key=f"risk-scope:{state.opening}"
    )
    if chosen not in state.seen:
        state.seen[chosen] = stored(chosen)
    before = state.seen[chosen] or RiskLimits(chosen.scope, chosen.strategy, chosen.account_id)
    st.caption(
        "An order must keep the limits of everything, of its strategy and of its account; the strictest holds. Exits pass."
    )
    key = f"{state.opening}:{chosen.key}"
    given, lowering = _fields(before, key)
    _save(state, chosen, before, given, lowering, chosen.words(known))


def stored(place: Where) -> RiskLimits | None:
    """Return the limits of a scope as they are stored, None without any."""
    return next((row for row in desk().risk.limits() if where(row) == place), None)


def _fields(before: RiskLimits, key: str) -> tuple[LimitWords, list[str]]:
    """Draw every limit; return those that are given, and the names of those that lower a quantity."""
    given: dict[str, Any] = {}
    lowering = []
    for title, names in GROUPS.items():
        st.markdown(f"**{title}**")
        for name in names:
            value = _field(name, getattr(before, name), f"risk-{name}:{key}")
            if value is None:
                continue
            given[name] = value
            if name in CLAMPABLE and st.checkbox(ASK_TO_LOWER, name in before.clamp, key=f"risk-lower-{name}:{key}"):
                lowering.append(name)
    return cast(LimitWords, given), lowering


def _field(name: str, value: Any, key: str) -> Any:
    """Draw one limit and return what stands there, None for nothing."""
    label = LABELS[name]
    if name in RUPEES:
        typed = st.text_input(label, "" if value is None else grouped(value), placeholder="Not limited", key=key)
        return typed.replace("₹", "").strip() or None
    if name in COUNTS:
        return st.number_input(label, min_value=1, value=value, step=1, placeholder="Not limited", key=key)
    if name in CLOCKS:
        return st.time_input(label, value, step=300, key=key)
    if name in WORDS:
        return _set(label, WORDS[name], value, key)
    if name == "allow_short_selling":
        options = [words for words, meant in SHORTS.items() if meant is not True or value is True]
        at = next(place for place, words in enumerate(options) if SHORTS[words] is value)
        return SHORTS[str(st.selectbox(label, options, index=at, key=key))]
    return _listings(name, label, value, key)


def grouped(value: Any) -> str:
    """Return rupees as they stand in a field: grouped, without paise when there are none."""
    return show.price(value, 0 if value == value.to_integral_value() else 2)


def _set(label: str, offered: Sequence[str], value: frozenset[str] | None, key: str) -> list[str] | None:
    """Draw a choice of several words; None while it is not limited."""
    if not st.toggle(label, value is not None, key=f"{key}:on"):
        return None
    start = [one for one in offered if value is None or one in value]
    return list(st.pills(label, offered, selection_mode="multi", default=start, key=key, label_visibility="collapsed"))


def _listings(name: str, label: str, value: frozenset[str] | None, key: str) -> list[str] | None:
    """Draw a list of listings with the search that adds to it; None while it is not limited."""
    if not st.toggle(label, value is not None, key=f"{key}:on"):
        return None
    options = f"{key}:options"
    known: list[str] = st.session_state.setdefault(options, sorted(value or ()))
    if key not in st.session_state:
        st.session_state[key] = list(known)
    chosen = st.multiselect(label, known, key=key, placeholder="None yet", label_visibility="collapsed")
    typed = st.text_input("Add a listing", key=f"{key}:typed", type="search", placeholder="INFY", live="250ms")
    offers(typed, f"{key}:add", lambda listing: _add(key, options, listing))
    if not chosen:
        st.caption(
            "With no listing here, nothing can be entered." if name == "allow" else "With no listing here, nothing is denied."
        )
    return list(chosen)


def _add(key: str, options: str, listing: str) -> None:
    st.session_state[options] = sorted({*st.session_state[options], listing})
    st.session_state[key] = sorted({*st.session_state.get(key, ()), listing})
    st.session_state[f"{key}:typed"] = ""


def _save(state: Editing, place: Where, before: RiskLimits, given: LimitWords, lowering: Sequence[str], what: str) -> None:
    """Say what would change, and store it when the person says so."""
    try:
        wanted = typed_limits(given, lambda text: text)
    except SigmaError as error:
        st.error(escape(error.message), icon=":material/error:")
        wanted = None
    differ = (
        [] if wanted is None else changes(in_words(before, before.clamp), in_words(RiskLimits(**wanted), frozenset(lowering)))
    )
    if differ:
        st.info("  \n".join(map(escape, differ)), icon=":material/edit:")
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Leave them as they are", key=f"risk-keep:{state.opening}", on_click=close_dialog)
        words = f"Save limits: {what}"
        acted = pressed(words, key=f"go_risk_save:{state.opening}:{place.key}", type="primary", disabled=not differ)
    if not acted:
        return
    if stored(place) != state.seen[place]:
        st.error(
            "These limits were changed meanwhile, and nothing was saved. Close this and look again.", icon=":material/error:"
        )
        return
    account = place.account_id
    try:
        desk().risk.set(place.scope, strategy=place.strategy, account=account, clamp=lowering, **given)
    except SigmaError as error:
        st.error(f"**{escape(error.message)}** {escape(error.hint)}".strip(), icon=":material/error:")
        return
    st.toast(f"Limits of {escape(what)}: saved.", icon=":material/check:")
    close_dialog()


def in_words(limits: RiskLimits, lowering: frozenset[str]) -> dict[str, str]:
    """Return the limits that are set, by name, as people read them, with what each does beyond it where that is a choice."""
    found = {}
    for one in fields(RiskLimits):
        if one.name in LABELS and (value := getattr(limits, one.name)) is not None:
            beyond = (", lowers" if one.name in lowering else ", refuses") if one.name in CLAMPABLE else ""
            found[one.name] = f"{told(value)}{beyond}"
    return found
