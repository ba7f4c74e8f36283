"""Closing all positions of an account: a question with rupees, then what became of each, row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui.badges import Badge, escape
from pages.ui.clocks import clocks
from pages.ui.confirm import Outcome, lines
from pages.ui.dialogs import close_dialog, pressed, show_dialog
from pages.ui.kill import may_trade
from pages.ui.rows import rows, text, value_of
from pages.ui.session import desk
from sigma.domain import show
from sigma.domain.errors import SigmaError

PATIENCE_S = 30


@dataclass
class ClosingAll:
    """One opening of the dialog: what was open then (units by listing and product), and what became of it."""

    badge: Badge
    open: pd.DataFrame
    outcomes: list[Outcome] = field(default_factory=list)
    error: str = ""
    done: bool = False


def open_positions(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the positions that closing all would offset."""
    return frame[frame["quantity"] != 0]


def close_all(badge: Badge, frame: pd.DataFrame) -> None:
    """Ask whether to close every open position of an account; `frame` has them as the page shows them."""
    held = open_positions(frame)
    title = f"Close {_many(len(held))} on {badge.text} at market?"
    show_dialog(title, _draw, ClosingAll(badge, held), width="medium", icon=":material/logout:")


def _many(number: int) -> str:
    return f"{number} position{'s' * (number != 1)}"


def _draw(state: ClosingAll) -> None:
    if not may_trade():
        st.error("Your role may look at positions, not close them.")
        return
    place, foot = st.empty(), st.empty()
    if not state.done:
        with place.container():
            _question(state)
        many = _many(len(state.open))
        with foot.container(horizontal=True, horizontal_alignment="right"):
            st.button(f"Keep {many}", key=f"close-all-keep:{state.badge.id}", on_click=close_dialog)
            acted = pressed(f"Close {many}", key=f"go_close_all_act:{state.badge.id}", type="primary")
        if not acted:
            return
        foot.empty()
        with place.container(), st.spinner(f"Closing on {escape(state.badge.name)}, up to {PATIENCE_S} s …"):
            _close(state)
    with place.container():
        _result(state)


def _question(state: ClosingAll) -> None:
    worth = value_of(state.open)
    known = int(state.open["last_price"].notna().sum())
    rest = f", without {len(state.open) - known} whose price is not known" if known < len(state.open) else ""
    listed = "".join(f"\n- {escape(_held(row))}" for row in rows(state.open))
    st.markdown(
        f"About {show.rupees(worth)} at the last prices{rest}. Orders that work on these listings are taken back first; "
        f"shares in demat stay.\n{listed}"
    )


def _held(row: Any) -> str:
    side = "long" if row.quantity > 0 else "short"
    return f"{show.quantity(abs(row.quantity))} {row.listing} {text(row.product)}, {side}"


def _close(state: ClosingAll) -> None:
    """Close what is open at the broker now, and keep what became of each."""
    state.done = True
    try:
        found = desk().orders.close_all(state.badge.name, seconds=PATIENCE_S)
    except SigmaError as error:
        state.error = f"{error.message} {error.hint}".strip()
        return
    state.outcomes = told(found)


def told(found: pd.DataFrame) -> list[Outcome]:
    """Return what became of each position as lines."""
    return [
        Outcome(
            escape(f"{show.quantity(row.quantity)} {row.listing} {text(row.product)}".strip()),
            row.done,
            escape(row.words or (f"{show.quantity(row.left)} left" if row.left else "flat")),
        )
        for row in rows(found)
    ]


def _result(state: ClosingAll) -> None:
    if state.error:
        st.error(f"**{escape(state.error)}** Positions and orders say what is held now.", icon=":material/error:")
    elif not state.outcomes:
        st.markdown("The broker lists no open position any more: there was nothing to close.")
    else:
        _summary(state.outcomes)
        lines(state.outcomes)
    st.caption(clocks(f"As of {show.when(desk().now(), desk().now())} IST."))
    st.button("Close this window", key=f"close-all-end:{state.badge.id}", on_click=close_dialog)


def _summary(outcomes: Sequence[Outcome]) -> None:
    undone = sum(not one.done for one in outcomes)
    if undone:
        st.warning(f"{_many(undone)} of {len(outcomes)} not flat yet: what is under way goes on.", icon=":material/warning:")
    else:
        st.success(f"{_many(len(outcomes))} closed, and the broker lists them flat.", icon=":material/check:")
