"""A process of its own that fills a latest table as fast as it can: every field of a tick carries the same number."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from sigma.domain.ticks import TICK, Ticks
from sigma.infra.latest import LatestWriter

LISTINGS = [f"NSE:S{number}" for number in range(200)]


def same(slots: np.ndarray, number: int) -> Ticks:
    """Return full ticks that say `number` in every field."""
    ticks = np.zeros(len(slots), TICK)
    for name in TICK.names or ():
        if name in ("bids", "asks"):
            for part in ("price", "quantity", "orders"):
                ticks[name][part] = number
        else:
            ticks[name] = number
    ticks["mode"] = 3
    ticks["slot"] = slots
    return ticks


def torn(ticks: Ticks) -> int:
    """Return how many ticks do not say the same number everywhere."""
    numbers = ticks["last"]
    wrong = np.zeros(len(ticks), bool)
    for name in TICK.names or ():
        if name in ("bids", "asks"):
            for part in ("price", "quantity", "orders"):
                wrong |= (ticks[name][part] != numbers[:, None]).any(axis=1)
        elif name not in ("slot", "mode"):
            wrong |= ticks[name] != numbers
    return int(wrong.sum())


def main(folder: str) -> None:
    """Write until killed; each round is a random part of the table."""
    table = LatestWriter(Path(folder), 1, "boot")
    table.allot(LISTINGS)
    random = np.random.default_rng(7)
    print("writing", flush=True)
    number = int(max((row["at"][0] for row in table.get(LISTINGS).values()), default=0))
    while True:
        number += 1
        slots = random.permutation(len(LISTINGS))[: random.integers(1, len(LISTINGS))]
        table.put(same(slots, number))


if __name__ == "__main__":
    main(sys.argv[1])
