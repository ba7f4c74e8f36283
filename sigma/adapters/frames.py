"""What the decoders of all brokers share: which slot a token has, and what came out of some frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sigma.domain.ticks import DEPTH, LEVEL, TICK, Ticks, blank

LEVELS = np.dtype([("before", f"V{TICK.itemsize - 2 * DEPTH * LEVEL.itemsize}"), ("levels", LEVEL, (2 * DEPTH,))])
"""A tick seen as its ten levels of depth, bids before asks."""


@dataclass(frozen=True, slots=True)
class Slots:
    """The slot that the ticks of each token carry; a broker's tokens in ascending order."""

    tokens: NDArray[Any]
    slots: NDArray[np.int32]

    @classmethod
    def of(cls, slots: Mapping[Any, int], kind: DTypeLike) -> Self:
        """Return the table of a mapping from token to slot; `kind` is the type of a token."""
        tokens = np.array(sorted(slots), dtype=kind)
        return cls(tokens, np.array([slots[token] for token in sorted(slots)], dtype=np.int32))

    def find(self, tokens: NDArray[Any]) -> NDArray[np.int32]:
        """Return the slot of each token, -1 for one that nobody wants."""
        if not self.tokens.size:
            return np.full(tokens.shape, -1, np.int32)
        at = self.tokens.searchsorted(tokens)
        return np.where(self.tokens.take(at, mode="clip") == tokens, self.slots.take(at, mode="clip"), np.int32(-1))


@dataclass(frozen=True, slots=True)
class Decoded:
    """What came out of some frames: ticks in the order in which they came, and what could not be read."""

    ticks: Ticks
    complaints: tuple[str, ...] = ()


NOTHING = Decoded(blank(0))


def in_order(groups: list[tuple[list[int], Ticks]]) -> Ticks:
    """Return the ticks of several groups as one array, each at the place it had among all."""
    if len(groups) == 1:
        return groups[0][1]
    ticks = blank(sum(len(places) for places, _ in groups))
    rank = {place: index for index, place in enumerate(sorted(place for places, _ in groups for place in places))}
    for places, group in groups:
        ticks[[rank[place] for place in places]] = group
    return ticks
