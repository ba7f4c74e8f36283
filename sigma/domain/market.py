"""Quotes: what a listing trades at, and when that was so; the lengths of bars; how the market's data stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Level:
    """One price level of the market depth: rupees, units, number of orders."""

    price: Decimal
    quantity: int
    orders: int = 0


@dataclass(frozen=True, slots=True)
class Quote:
    """A listing's last price and surroundings. Prices in rupees, quantities in units, `at` in UTC."""

    listing: str
    last_price: Decimal
    at: datetime
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    close: Decimal | None = None
    volume: int | None = None
    lower_circuit: Decimal | None = None
    upper_circuit: Decimal | None = None
    open_interest: int | None = None
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()


class Timeframe(StrEnum):
    """Length of a bar. Bars within a session begin at its opening; a day's bar is one session."""

    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    D1 = "1d"
    W1 = "1w"
    MO1 = "1mo"

    @property
    def minutes(self) -> int | None:
        """Minutes of a bar within a session; None for a day and longer."""
        return _MINUTES.get(self)


_MINUTES = {Timeframe.M1: 1, Timeframe.M3: 3, Timeframe.M5: 5, Timeframe.M15: 15, Timeframe.M30: 30, Timeframe.H1: 60}


class FeedState(StrEnum):
    """How a live feed stands."""

    STARTING = "STARTING"
    LIVE = "LIVE"
    SILENT = "SILENT"
    """Connected, but nothing came for longer than the setting while the market is open."""
    LOST = "LOST"
    """Not connected; it tries again."""
    REFUSED = "REFUSED"
    """The broker does not accept the session; a person must log in."""
    OFF = "OFF"
    """Nobody wants ticks, or the source cannot stream."""


@dataclass(frozen=True, slots=True)
class MarketHealth:
    """Whether evaluation (alerts, conditional orders, strategies) may rely on market data now.

    Parameters
    ----------
    healthy : bool
        False pauses evaluation; orders that a person places still go out.
    source : str
        Name of the canonical account, empty when none is set.
    reason, cure : str
        Why not, and what to do; empty when healthy.
    since : datetime or None
        Since when it is not healthy, UTC.
    feed : FeedState
    tick_age_s : float or None
        Seconds since the last tick; None when none came in this session.
    """

    healthy: bool
    source: str
    reason: str = ""
    cure: str = ""
    since: datetime | None = None
    feed: FeedState = FeedState.OFF
    tick_age_s: float | None = None
