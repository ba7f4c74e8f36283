"""Ticks as arrays: one row is what a feed said of one listing at one moment, whichever broker it came from.

A frame of a feed becomes one array, never one object a tick. Prices are rupees (float64: a tick never becomes an order price by
itself), times microseconds since 1970 in UTC, quantities units. What a packet does not carry is NaN in a price and -1 in a
number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigma.domain.market import Level, Quote
from sigma.domain.money import from_float

DEPTH = 5
MISSING = -1
"""An integer that the packet did not carry."""

LEVEL = np.dtype([("price", "<f8"), ("quantity", "<i8"), ("orders", "<i4")])
TICK = np.dtype(
    [
        ("slot", "<i4"),  # row of the latest-quote table that the listing has; -1 for a token nobody asked for
        ("mode", "u1"),  # 1 last price only, 2 quote, 3 full with depth
        ("at", "<i8"),  # the exchange's time; of a packet without one, the time it was received
        ("received", "<i8"),
        ("last", "<f8"),
        ("last_quantity", "<i8"),
        ("average", "<f8"),
        ("volume", "<i8"),
        ("buy_quantity", "<i8"),
        ("sell_quantity", "<i8"),
        ("open", "<f8"),
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),  # of the session before
        ("last_fill_at", "<i8"),  # when it traded last, by the exchange's clock
        ("open_interest", "<i8"),
        ("open_interest_high", "<i8"),
        ("open_interest_low", "<i8"),
        ("lower_circuit", "<f8"),
        ("upper_circuit", "<f8"),
        ("bids", LEVEL, (DEPTH,)),
        ("asks", LEVEL, (DEPTH,)),
    ]
)
Ticks = NDArray[np.void]
"""A one-dimensional array of `TICK`."""

_PRICES = ("last", "average", "open", "high", "low", "close", "lower_circuit", "upper_circuit")


@dataclass(frozen=True, slots=True)
class TickDay:
    """What is recorded of one source on one day.

    Parameters
    ----------
    day : date
        In India.
    source : int
        Id of the account whose feed it was.
    ticks, parts, size : int
        Ticks, files, bytes.
    """

    day: date
    source: int
    ticks: int
    parts: int
    size: int


def blank(rows: int) -> Ticks:
    """Return `rows` ticks that carry nothing yet: prices NaN, numbers `MISSING`, depth empty (price NaN, quantity 0)."""
    return np.repeat(_BLANK, rows)


def _made_blank() -> Ticks:
    tick = np.zeros(1, TICK)
    for name in TICK.names or ():
        if name in _PRICES:
            tick[name] = np.nan
        elif name not in ("bids", "asks", "mode"):
            tick[name] = MISSING
    for side in ("bids", "asks"):
        tick[side]["price"] = np.nan
    return tick


_BLANK = _made_blank()


def quote_of(tick: np.void, listing: str, *, decimals: int = 2) -> Quote:
    """Return one tick as a Quote: prices as Decimal with so many decimals (currency has 4), the time aware UTC."""

    def price(value: Any) -> Decimal | None:
        return None if np.isnan(value) or value == 0 else from_float(value, decimals)

    def levels(side: str) -> tuple[Level, ...]:
        rows = tick[side]
        return tuple(
            Level(from_float(row["price"], decimals), int(row["quantity"]), int(row["orders"]))
            for row in rows
            if row["quantity"] > 0 and not np.isnan(row["price"])
        )

    return Quote(
        listing=listing,
        last_price=from_float(tick["last"], decimals),
        at=moment(int(tick["at"])),
        open=price(tick["open"]),
        high=price(tick["high"]),
        low=price(tick["low"]),
        close=price(tick["close"]),
        volume=None if tick["volume"] < 0 else int(tick["volume"]),
        lower_circuit=price(tick["lower_circuit"]),
        upper_circuit=price(tick["upper_circuit"]),
        open_interest=None if tick["open_interest"] < 0 else int(tick["open_interest"]),
        bids=levels("bids"),
        asks=levels("asks"),
    )


def moment(microseconds: int) -> datetime:
    """Return a time of a tick as an aware UTC datetime."""
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


def microseconds(moment: datetime) -> int:
    """Return an aware datetime as a time of a tick."""
    return int(moment.timestamp() * 1e6)
