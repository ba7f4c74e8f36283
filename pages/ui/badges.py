"""Accounts as people tell them apart: a shape, a hue and the owner's name; never a logo, never colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from pages.ui.navigation import link
from pages.ui.rows import rows
from pages.ui.session import desk
from pages.ui.states import empty
from sigma.domain.accounts import TradingMode

SHAPES = (("●", "blue"), ("■", "violet"), ("◆", "orange"), ("★", "gray"))
PAPER = ("◇", "gray")
MOST_TABS = 5


@dataclass(frozen=True, slots=True)
class Badge:
    """An account as pages show it."""

    id: int
    name: str
    shape: str
    hue: str
    state: str
    trading_mode: str
    enabled: bool
    is_default: bool
    broker: str

    @property
    def paper(self) -> bool:
        """Whether its money is imaginary."""
        return self.shape == PAPER[0]

    @property
    def text(self) -> str:
        """Shape and name, with what restricts the account after it."""
        limited = "" if self.trading_mode == TradingMode.NORMAL else f" · {self.trading_mode}"
        return f"{self.shape} {self.name}{limited}"

    @property
    def coloured(self) -> str:
        """The same in Markdown, in its hue."""
        return f":{self.hue}[{self.shape}] {escape(self.text.partition(' ')[2])}"


def escape(text: str) -> str:
    """Return a person's own words so that Markdown takes none of them for markup."""
    return "".join(f"\\{sign}" if sign in "\\`*_{}[]()#+-!|<>~$:" else sign for sign in text)


def badges() -> tuple[Badge, ...]:
    """Return the badges of the person's accounts; an account keeps its shape as long as it exists."""
    found = []
    for place, row in enumerate(sorted(rows(desk().accounts.table()), key=lambda row: row.id)):
        shape, hue = PAPER if row.simulated else SHAPES[place % len(SHAPES)]
        badge = Badge(row.id, row.name, shape, hue, row.state, row.trading_mode, row.enabled, row.is_default, row.broker)
        found.append(badge)
    return tuple(found)


def badge_of(name: str | None, all_badges: Sequence[Badge]) -> str:
    """Return an account's badge as plain text, for table cells; a dash for an order without one."""
    return next((badge.text for badge in all_badges if badge.name == name), str(name) if isinstance(name, str) and name else "—")


def choose_account(key: str, label: str = "Account") -> Badge | None:
    """Draw the tabs of the accounts (a list above five) and return the one looked at; None when there is no account.

    The choice is kept in the address (``?account=``) and is about looking only: it never changes where orders go.
    """
    found = badges()
    if not found:
        empty("No account yet.", "brokers", "Add an account")
        return None
    names = [badge.name for badge in found]
    texts = {badge.name: badge.coloured for badge in found}
    default = next((badge.name for badge in found if badge.is_default), names[0])
    asked = st.query_params.get("account")
    if key not in st.session_state:
        st.session_state[key] = asked if asked in names else st.session_state.get("looked-at", default)
    if st.session_state[key] not in names:
        st.session_state[key] = default
    if len(names) <= MOST_TABS:
        chosen: str | None = st.segmented_control(
            label, names, required=True, format_func=texts.__getitem__, key=key, label_visibility="collapsed"
        )
    else:
        chosen = st.selectbox(label, names, format_func=texts.__getitem__, key=key, label_visibility="collapsed")
    name = str(chosen)
    st.session_state["looked-at"] = st.query_params["account"] = name
    return next(badge for badge in found if badge.name == name)


def reconnect(badge: Badge) -> None:
    """Draw the way to an account's login."""
    link("brokers", "Reconnect", connect=badge.name)


def hint(words: str) -> str:
    """Return what to do in Markdown: what stands between backticks is a command, and nothing else is markup."""
    parts = words.split("`")
    return "".join(f"`{part}`" if place % 2 and part else escape(part) for place, part in enumerate(parts))
