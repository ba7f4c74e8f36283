"""Load for benches: made-up packets of any token, computed once, so that only sending them costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sigma.simulator.tape import ROW, Rows

_MOST = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """So many listings of every stream tick so often, whatever the market does.

    Parameters
    ----------
    per_second : float
        Ticks of each listing in a second.
    listings : int
        At most so many of each shape of packet on a stream; known to the exchange or not.
    turns : int
        How many different packets a listing goes through.
    """

    per_second: float
    listings: int = 3000
    turns: int = 8

    @classmethod
    def read(cls, body: Mapping[str, object]) -> Load | None:
        """Return the load that a control request describes, None for ``{"per_second": 0}``.

        Raises
        ------
        ValueError
            A number that is none, or out of range.
        """
        per_second, listings = body.get("per_second"), body.get("listings", 3000)
        if isinstance(per_second, bool) or not isinstance(per_second, int | float) or not 0 <= per_second <= 50:
            raise ValueError(f"per_second must be a number from 0 to 50, was {per_second!r}")
        if isinstance(listings, bool) or not isinstance(listings, int) or not 1 <= listings <= _MOST:
            raise ValueError(f"listings must be a whole number from 1 to {_MOST}, was {listings!r}")
        return cls(float(per_second), listings) if per_second else None

    def rows(self, count: int, turn: int) -> Rows:
        """Return the made-up market of `count` listings at a turn; their prices differ between turns."""
        rows = np.zeros(count, ROW)
        rupee = 10_000
        base = (100 + np.arange(count) % 2000) * rupee
        moved = base + (turn - self.turns // 2) * rupee // 20
        for name in ("last", "average"):
            rows[name] = moved
        for name, away in (("open", 0), ("high", 20), ("low", -20), ("close", -1), ("lower", -50), ("upper", 50)):
            rows[name] = base + away * rupee
        rows["year_low"], rows["year_high"] = base // 2, base * 2
        rows["volume"], rows["interest"], rows["lot"] = 1_000_000 + turn, 5_000, 1
        places = np.arange(5)
        for side, total, direction in (("bids", "buy", -1), ("asks", "sell", 1)):
            rows[side]["price"] = moved[:, None] + direction * (places + 1) * rupee // 20
            rows[side]["quantity"], rows[side]["orders"] = 100 + places, 1 + places
            rows[total] = rows[side]["quantity"].sum(axis=1)
        return rows
