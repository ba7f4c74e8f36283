"""Kite's binary packets (wire.md F): big-endian, one numpy array of packets for all listings of a mode."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sigma.simulator.tape import SCALE, Rows

LTP, QUOTE, FULL, INDEX_QUOTE, INDEX_FULL = "ltp", "quote", "full", "index quote", "index full"
INDICES = 9
HEARTBEAT = b"\x00"
# Exchange timestamps alone make no tick.
TIMES = ("traded_at", "at")
PACKETS_PER_FRAME = 250
_CDS, _BCD, _NCO = 3, 6, 12
_MOST = 0xFFFF_FFFF

_U32 = ">u4"
_LEVEL = np.dtype([("quantity", _U32), ("price", _U32), ("orders", ">u2"), ("pad", ">u2")])
_HEAD = [("length", ">u2"), ("token", _U32), ("last", _U32)]
_QUOTED = [(name, _U32) for name in ("lot", "average", "volume", "buy", "sell", "open", "high", "low", "close")]
_INDEX = [(name, _U32) for name in ("high", "low", "open", "close", "change")]
_MORE = [(name, _U32) for name in ("traded_at", "interest", "interest_high", "interest_low", "at")]
SHAPES = {
    LTP: np.dtype(_HEAD),
    QUOTE: np.dtype(_HEAD + _QUOTED),
    FULL: np.dtype([*_HEAD, *_QUOTED, *_MORE, ("bids", _LEVEL, (5,)), ("asks", _LEVEL, (5,))]),
    INDEX_QUOTE: np.dtype(_HEAD + _INDEX),
    INDEX_FULL: np.dtype([*_HEAD, *_INDEX, ("at", _U32)]),
}
"""What follows a frame's count, by shape: the packet's length, then the packet of 8, 44, 184, 28 or 32 bytes."""
_PRICES = frozenset({"last", "average", "open", "high", "low", "close"})
_SAME = {"traded_at": "at", "interest_high": "interest", "interest_low": "interest"}


def shape(token: int, mode: str) -> str:
    """Return the shape of a listing's packet in a mode: indices have their own, except for the last price alone."""
    index = token & 0xFF == INDICES
    return {QUOTE: INDEX_QUOTE, FULL: INDEX_FULL}.get(mode, mode) if index else mode


def packets(kind: str, tokens: Sequence[int], rows: Rows) -> NDArray[np.void]:
    """Return one packet for each token, `rows` being its market; prices scaled by the token's segment."""
    made = np.zeros(len(rows), SHAPES[kind])
    made["length"] = SHAPES[kind].itemsize - 2
    numbers = np.array(tokens, np.int64)
    made["token"] = numbers
    times, over = _scale(numbers & 0xFF)
    for name in made.dtype.names or ():
        if name in _PRICES:
            made[name] = rows[name] * times // over
        elif name == "change":
            made[name] = (rows["last"] - rows["close"]) * times // over & _MOST
        elif name in ("bids", "asks"):
            levels = rows[name]
            made[name]["price"] = levels["price"] * times[:, None] // over[:, None]
            made[name]["quantity"] = np.minimum(levels["quantity"], _MOST)
            made[name]["orders"] = np.minimum(levels["orders"], 0xFFFF)
        elif name not in ("length", "token"):
            made[name] = np.minimum(rows[_SAME.get(name, name)], _MOST)
    return made


def frames(made: NDArray[np.void]) -> list[bytes]:
    """Return the binary messages that carry packets: a count, then each packet behind its length."""
    chunks = (made[start : start + PACKETS_PER_FRAME] for start in range(0, len(made), PACKETS_PER_FRAME))
    return [len(chunk).to_bytes(2, "big") + chunk.tobytes() for chunk in chunks]


def _scale(segments: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return what turns 0.0001 rupees into wire units: paise, but 10^-7 rupees on CDS and 10^-4 on BCD and NCO."""
    currency, fine = segments == _CDS, (segments == _BCD) | (segments == _NCO)
    return np.where(currency, 10_000_000 // SCALE, 1), np.where(currency | fine, 1, SCALE // 100)
