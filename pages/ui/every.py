"""Fragments that draw themselves again: at the page's cadence while a market is open, ten times slower when all are closed."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import streamlit as st

from pages.ui.session import desk
from pages.ui.states import broken
from sigma.domain.errors import SigmaError

CLOSED_FACTOR = 10


def live(draw: Callable[..., None], seconds: float, *given: Any) -> None:
    """Draw a part of the page now, and again every so many seconds.

    Parameters
    ----------
    draw : callable
        A function of a module (its name is the fragment's identity). It asks for the desk anew each time it runs. An error it
        raises is drawn in its place, until the next run goes well.
    seconds : float
        Cadence while a market is open.
    """

    @wraps(draw)
    def drawn(*given: Any) -> None:
        try:
            draw(*given)
        except SigmaError as error:
            broken(error)

    st.fragment(drawn, run_every=seconds * (1 if market_open() else CLOSED_FACTOR))(*given)


def market_open() -> bool:
    """Say whether an exchange that a broker here trades on is in its session; the evening of the others hurries nothing."""
    mine = desk()
    traded = {exchange for broker in mine.brokers() for exchange in broker.exchanges}
    return any(hours.open and hours.exchange in traded for hours in mine.hours())
