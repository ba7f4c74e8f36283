"""How much of a security is traded in a session: a pure function of day and second, so that volume only ever grows."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from sigma.simulator.prices import SESSION_SECONDS
from sigma.simulator.securities import Security

WEIGHT_SALT = 99
_DAILY_VALUE, _MOST, _SPREAD = 2_000_000_000, 1_000_000_000, 1000

Whole = NDArray[np.int64]


def turnover(security: Security, close: Decimal, second: int, bits: int) -> tuple[int, int]:
    """Return volume and open interest in units.

    Parameters
    ----------
    close : Decimal
        Rupees, of the session before.
    bits : int
        `PriceProcess.trait` of the security with `WEIGHT_SALT`.
    """
    daily = min(_MOST, max(security.lot, int(_DAILY_VALUE / float(close))))
    volume = (daily * second // SESSION_SECONDS + bits % _SPREAD) // security.lot * security.lot
    return volume, daily // 4 // security.lot * security.lot if security.derivative else 0


def turnover_many(
    close: NDArray[np.float64], lot: Whole, derivative: NDArray[np.bool_], second: int, bits: NDArray[np.uint64]
) -> tuple[Whole, Whole]:
    """Return `turnover` of many securities."""
    daily = np.minimum(_MOST, np.maximum(lot, (_DAILY_VALUE / close).astype(np.int64)))
    weight = (bits % np.uint64(_SPREAD)).astype(np.int64)
    volume = (daily * second // SESSION_SECONDS + weight) // lot * lot
    return volume, np.where(derivative, daily // 4 // lot * lot, 0)
