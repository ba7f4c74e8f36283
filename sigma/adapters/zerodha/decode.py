"""Frames of Kite's ticker as ticks (wire.md F): big-endian, a count, then for each packet its length and its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sigma.adapters.frames import LEVELS, NOTHING, Decoded, Slots, in_order
from sigma.domain.ticks import MISSING, Ticks, blank

TOKEN = np.dtype(np.int64)
_SECOND_US = 1_000_000
_HEADER = 2
_SHORTEST = 2
_BYTE, _HALF, _WORD = np.dtype(np.uint8), np.dtype(">u2"), np.dtype(">u4")
_LEVEL = np.dtype([("quantity", ">u4"), ("price", ">u4"), ("orders", ">u2"), ("unused", "V2")])
_FULL = np.dtype([("words", _WORD, (16,)), ("levels", _LEVEL, (10,))])

# The last byte of a token names the segment: 3 is CDS, 6 BCD, 12 NCO.
_DIVISORS = np.full(256, 100.0)
_DIVISORS[3] = 1e7
_DIVISORS[[6, 12]] = 1e4


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where a packet has what, in words of 32 bits: after the token and the last price, which come first in all."""

    mode: int
    prices: Mapping[str, int] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    at: int | None = None
    last_fill_at: int | None = None


_INDEX = {"high": 2, "low": 3, "open": 4, "close": 5}
_PRICES = {"average": 3, "open": 7, "high": 8, "low": 9, "close": 10}
_NUMBERS = {"last_quantity": 2, "volume": 4, "buy_quantity": 5, "sell_quantity": 6}
_INTEREST = {"open_interest": 12, "open_interest_high": 13, "open_interest_low": 14}
LAYOUTS = {
    8: _Layout(1),
    28: _Layout(2, _INDEX),
    32: _Layout(3, _INDEX, at=7),
    44: _Layout(2, _PRICES, _NUMBERS),
    184: _Layout(3, _PRICES, _NUMBERS | _INTEREST, at=15, last_fill_at=11),
}
"""By length of a packet in bytes."""


def decode(frame: bytes, received: int, slots: Slots) -> Decoded:
    """Return the ticks of a frame, those of tokens without a slot too (slot -1); a heartbeat has none.

    A frame whose lengths do not add up is left out as a whole, a packet of unknown length alone; a complaint says so.

    Parameters
    ----------
    received : int
        When it came, microseconds since 1970 in UTC: the time of a packet that has none.
    slots : Slots
        Of tokens as `TOKEN`.
    """
    if len(frame) < _SHORTEST:
        return NOTHING
    count = int.from_bytes(frame[:_HEADER], "big")
    if not count and len(frame) == _HEADER:
        return NOTHING
    raw = np.frombuffer(frame, _BYTE, offset=_HEADER)
    length = int.from_bytes(frame[_HEADER : 2 * _HEADER], "big")
    step = _HEADER + length
    # Lengths that are known are even: then each packet's is every so many halves of a word.
    if length in LAYOUTS and raw.size == count * step and (raw.view(_HALF)[:: step // _HEADER] == length).all():
        return Decoded(_ticks(raw.reshape(count, step)[:, _HEADER:], received, slots))
    return _mixed(frame, raw, count, received, slots)


def _mixed(frame: bytes, raw: NDArray[np.uint8], count: int, received: int, slots: Slots) -> Decoded:
    """Decode a frame with packets of several lengths, each length at once."""
    starts: dict[int, list[int]] = {}
    at = _HEADER
    for _ in range(count):
        length = int.from_bytes(frame[at : at + _HEADER], "big")
        starts.setdefault(length, []).append(at)  # counted from the frame's header, which `raw` lacks: the packet itself
        at += _HEADER + length
        if at > len(frame):
            break
    if at != len(frame):
        told = f"a frame of {len(frame)} bytes says that it holds {count} packets, which does not add up"
        return Decoded(NOTHING.ticks, (told,))
    known = [
        (places, _ticks(_cut(raw, places, length), received, slots)) for length, places in starts.items() if length in LAYOUTS
    ]
    strange = tuple(_strange(length) for length in starts if length not in LAYOUTS)
    return Decoded(in_order(known) if known else NOTHING.ticks, strange)


def _cut(raw: NDArray[np.uint8], places: list[int], length: int) -> NDArray[np.uint8]:
    return raw[np.array(places)[:, None] + np.arange(length)]


def _strange(length: int) -> str:
    return f"a packet of {length} bytes, a length that is not known"


def _ticks(packets: NDArray[np.uint8], received: int, slots: Slots) -> Ticks:
    """Return the ticks of packets of one length, a row of bytes each."""
    length = packets.shape[1]
    layout, full = LAYOUTS[length], length == _FULL.itemsize
    seen = packets.view(_FULL)[:, 0] if full else None
    words = (packets.view(_WORD) if seen is None else seen["words"]).astype(np.int64)
    tokens = words[:, 0]
    divisors = _DIVISORS[tokens & 0xFF][:, None]
    prices = words / divisors
    ticks = blank(len(packets))
    ticks["slot"] = slots.find(tokens)
    ticks["mode"] = layout.mode
    ticks["at"] = received if layout.at is None else _times(words[:, layout.at], received)
    ticks["received"] = received
    ticks["last"] = prices[:, 1]
    for name, word in layout.prices.items():
        ticks[name] = prices[:, word]
    for name, word in layout.numbers.items():
        ticks[name] = words[:, word]
    if layout.last_fill_at is not None:
        ticks["last_fill_at"] = _times(words[:, layout.last_fill_at], MISSING)
    if seen is not None:
        levels, ours = seen["levels"], ticks.view(LEVELS)["levels"]
        ours["price"] = levels["price"] / divisors
        ours["quantity"] = levels["quantity"]
        ours["orders"] = levels["orders"]
    return ticks


def _times(stamps: NDArray[np.int64], missing: int) -> NDArray[np.int64]:
    """Return seconds since 1970 in microseconds; `missing` for 0."""
    moments = stamps * _SECOND_US
    if not moments.all():
        moments[moments == 0] = missing
    return moments
