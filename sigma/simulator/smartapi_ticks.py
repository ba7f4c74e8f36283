"""SmartAPI V2's binary packets (wire.md F): little-endian, one numpy array of packets for all listings of a mode."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sigma.simulator.tape import SCALE, Rows

LTP, QUOTE, SNAP = 1, 2, 3
EXCHANGE_TYPES = {1: "NSE", 2: "NFO", 3: "BSE", 4: "BFO", 5: "MCX", 7: "NCDEX", 13: "CDS"}
CURRENCY = 13
# Sequence numbers and times alone make no tick.
TIMES = ("sequence", "at", "traded_at")
_PAISE, _FINE = 100, 10_000_000
_BUY, _SELL = 1, 0

Token = tuple[int, str]
"""Exchange type and token."""

_I64 = "<i8"
_LEVEL = np.dtype([("flag", "<u2"), ("quantity", _I64), ("price", _I64), ("orders", "<u2")])
_LTP = [("mode", "u1"), ("exchange", "u1"), ("token", "S25"), ("sequence", _I64), ("at", _I64), ("last", _I64)]
_QUOTE = [
    *((name, _I64) for name in ("lot", "average", "volume")),
    *((name, "<f8") for name in ("buy", "sell")),
    *((name, _I64) for name in ("open", "high", "low", "close")),
]
_SNAP = [
    *((name, _I64) for name in ("traded_at", "interest", "interest_change")),
    ("bids", _LEVEL, (5,)),
    ("asks", _LEVEL, (5,)),
    *((name, _I64) for name in ("upper", "lower", "year_high", "year_low")),
]
SHAPES = {LTP: np.dtype(_LTP), QUOTE: np.dtype(_LTP + _QUOTE), SNAP: np.dtype(_LTP + _QUOTE + _SNAP)}
"""Packets of 51, 123 and 379 bytes, by mode."""
_PRICES = frozenset({"last", "average", "open", "high", "low", "close", "upper", "lower", "year_high", "year_low"})


def packets(mode: int, tokens: Sequence[Token], rows: Rows) -> NDArray[np.void]:
    """Return one packet for each token, `rows` being its market; prices in paise, on CDS in 10^-7 rupees.

    Sequence numbers are left 0. An index has no volume, average or depth.
    """
    made = np.zeros(len(rows), SHAPES[mode])
    made["mode"] = mode
    made["exchange"] = [exchange for exchange, _ in tokens]
    made["token"] = [token.encode("ascii", "replace") for _, token in tokens]
    index = np.char.startswith(made["token"], b"999")
    currency = made["exchange"] == CURRENCY
    times, over = np.where(currency, _FINE // SCALE, 1), np.where(currency, 1, SCALE // _PAISE)
    for name in made.dtype.names or ():
        if name in _PRICES:
            made[name] = rows[name] * times // over
        elif name in ("bids", "asks"):
            levels = made[name]
            levels["flag"] = _BUY if name == "bids" else _SELL
            levels["price"] = rows[name]["price"] * times[:, None] // over[:, None]
            levels["quantity"], levels["orders"] = rows[name]["quantity"], rows[name]["orders"]
        elif name in ("lot", "volume", "buy", "sell", "interest", "traded_at"):
            made[name] = rows["at" if name == "traded_at" else name]
    made["at"] = rows["at"] * 1000
    if mode != LTP and index.any():
        _blank_indices(made, index)
    return made


def _blank_indices(made: NDArray[np.void], index: NDArray[np.bool_]) -> None:
    for name in ("lot", "average", "volume", "buy", "sell", "interest"):
        if name in (made.dtype.names or ()):
            made[name][index] = 0
    for side in ("bids", "asks"):
        if side in (made.dtype.names or ()):
            for field in ("quantity", "price", "orders"):
                made[side][field][index] = 0


def frames(made: NDArray[np.void]) -> list[bytes]:
    """Return the binary messages that carry packets: one each."""
    raw, size = made.tobytes(), made.dtype.itemsize
    return [raw[start : start + size] for start in range(0, len(raw), size)]
