"""Quotes: what a listing trades at, and when that was so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


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
