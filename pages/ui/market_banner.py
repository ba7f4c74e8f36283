"""The banner that says why evaluation is paused: market data is unavailable."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from pages.ui.badges import badges, escape
from pages.ui.clocks import clocks
from sigma.desk import Desk
from sigma.domain import show


@dataclass(frozen=True, slots=True)
class Unfit:
    """Why market data cannot be relied on, since when (UTC, None where that is not known), and the cure."""

    reason: str
    since: datetime | None
    cure: str


def unfit(mine: Desk) -> Unfit | None:
    """Return why market data cannot be relied on now; None while it can, and for a person who has no account yet."""
    found = mine.market_health()
    return None if found.healthy or not badges() else Unfit(found.reason, found.since, found.cure)


def market_banner(found: Unfit, now: datetime) -> None:
    """Draw it in one line."""
    since = f" since {show.when(found.since, now)} IST" if found.since else ""
    words = (
        f"**Market data unavailable{since}** ({escape(found.reason)}). Alerts, conditional orders and strategies are paused. "
        f"Orders you place yourself still go out. {escape(found.cure)}"
    )
    st.warning(clocks(words), icon=":material/signal_disconnected:")
