"""What one stream watches, and which of it has changed since it was told last."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from sigma.simulator.exchange import Exchange
from sigma.simulator.load import Load
from sigma.simulator.securities import Security
from sigma.simulator.tape import Tape

Token = TypeVar("Token", bound=Hashable)
Shape = TypeVar("Shape", bound=Hashable)
Packets = NDArray[np.void]


class Group(Generic[Token]):
    """Listings whose packets have one shape.

    Parameters
    ----------
    encode : callable
        Makes the packets of tokens from their rows of the tape.
    times : tuple of str
        Fields that alone make no change.
    """

    def __init__(self, encode: Callable[[Sequence[Token], NDArray[np.void]], Packets], times: tuple[str, ...]) -> None:
        self.tokens: dict[Token, Security | None] = {}
        self._encode, self._times = encode, times
        self._listed: tuple[Token, ...] = ()
        self._tape: Tape | None = None
        self._places = np.zeros(0, np.int64)
        self._told: NDArray[np.uint8] | None = None
        self._fresh = np.zeros(0, bool)
        self._canned: tuple[Load, list[Packets]] | None = None
        self._turn = 0

    def due(self, exchange: Exchange) -> Packets | None:
        """Return the packets that differ from those told last, and take them as told; None when there are none."""
        tape = exchange.tape()
        self._settle(exchange, tape)
        if not self._listed:
            return None
        packets = self._encode(self._listed, exchange.market(tape, self._places))
        bare = packets.copy()
        for name in self._times:
            if name in (packets.dtype.names or ()):
                bare[name] = 0
        told = bare.view(np.uint8).reshape(len(bare), -1)
        changed = self._fresh if self._told is None else self._fresh | (told != self._told).any(axis=1)
        self._told, self._fresh = told, np.zeros(len(bare), bool)
        return packets[changed] if changed.any() else None

    def loaded(self, load: Load, now: int) -> Packets | None:
        """Return made-up packets of every token, known or not, computed once and stamped with `now` (epoch seconds)."""
        if self._canned is None or self._canned[0] is not load:
            tokens = tuple(self.tokens)[: load.listings]
            self._canned = load, [self._encode(tokens, load.rows(len(tokens), turn)) for turn in range(load.turns)]
        self._turn += 1
        packets = self._canned[1][self._turn % load.turns]
        for name in ("at", "traded_at"):
            if name in (packets.dtype.names or ()):
                packets[name] = now * (1000 if packets.dtype[name].itemsize == 8 and name == "at" else 1)
        return packets if len(packets) else None

    def forget_order(self) -> None:
        """Look at `tokens` anew: some came or went."""
        self._tape, self._canned = None, None

    def _settle(self, exchange: Exchange, tape: Tape) -> None:
        """Line the arrays up with `tokens`; what was told of those that stay stays told."""
        if self._tape is tape:
            return
        known = {token: one for token, one in self.tokens.items() if one is not None and exchange.security(one.listing)}
        before = {token: place for place, token in enumerate(self._listed)}
        listed = tuple(known)
        fresh = np.array([token not in before for token in listed], bool)
        if self._told is not None:
            told = np.zeros((len(listed), self._told.shape[1]), np.uint8)
            told[~fresh] = self._told[[before[token] for token in listed if token in before]]
            fresh[~fresh] = self._fresh[[before[token] for token in listed if token in before]]
            self._told = told
        self._listed, self._fresh = listed, fresh
        self._places, self._tape = exchange.places(tape, list(known.values())), tape


class Watch(Generic[Token, Shape]):
    """All that one stream watches: each token in one or several shapes. Not thread-safe.

    Parameters
    ----------
    encode : callable
        Makes packets of a shape.
    """

    def __init__(self, encode: Callable[[Shape, Sequence[Token], NDArray[np.void]], Packets], times: tuple[str, ...]) -> None:
        self._encode, self._times = encode, times
        self.groups: dict[Shape, Group[Token]] = {}

    def __len__(self) -> int:
        return sum(len(group.tokens) for group in self.groups.values())

    def add(self, shape: Shape, tokens: Iterable[tuple[Token, Security | None]]) -> None:
        """Watch tokens in a shape, told anew also when they were watched in it already."""
        group = self.groups.get(shape)
        if group is None:
            group = self.groups[shape] = Group(lambda listed, rows: self._encode(shape, listed, rows), self._times)
        for token, security in tokens:
            group.tokens[token] = security
        group.forget_order()

    def drop(self, shape: Shape, tokens: Iterable[Token]) -> None:
        """Watch tokens in a shape no longer."""
        group = self.groups.get(shape)
        if group is not None:
            for token in tokens:
                group.tokens.pop(token, None)
            group.forget_order()

    def due(self, exchange: Exchange) -> list[Packets]:
        """Return what has changed, one array for each shape."""
        found = (group.due(exchange) for group in self.groups.values())
        return [packets for packets in found if packets is not None]

    def loaded(self, load: Load, now: int) -> list[Packets]:
        """Return made-up packets of everything, see `Group.loaded`."""
        found = (group.loaded(load, now) for group in self.groups.values())
        return [packets for packets in found if packets is not None]
