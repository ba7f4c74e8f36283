"""Frames of SmartAPI's stream V2 as ticks (wire.md F): little-endian, one packet a frame, its mode in the first byte."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sigma.adapters.frames import LEVELS, NOTHING, Decoded, Slots, in_order
from sigma.domain.ticks import DEPTH, MISSING, Ticks, blank

TOKEN = np.dtype("S26")
"""The exchange type as a byte, then the token: numbers of different exchanges are not of one listing."""

EXCHANGE_TYPES = {"NSE": 1, "NFO": 2, "BSE": 3, "BFO": 4, "MCX": 5, "NCDEX": 7, "CDS": 13}
_LEVEL = np.dtype([("buys", "<u2"), ("quantity", "<i8"), ("price", "<i8"), ("orders", "<u2")])
_LTP = [("mode", "u1"), ("key", TOKEN), ("sequence", "<i8"), ("at", "<i8"), ("last", "<i8")]
_QUOTE = [
    *_LTP,
    *((name, "<i8") for name in ("last_quantity", "average", "volume")),
    *((name, "<f8") for name in ("buy_quantity", "sell_quantity")),
    *((name, "<i8") for name in ("open", "high", "low", "close")),
]
_SNAP = [
    *_QUOTE,
    *((name, "<i8") for name in ("last_fill_at", "open_interest", "open_interest_change")),
    ("levels", _LEVEL, (2 * DEPTH,)),
    *((name, "<i8") for name in ("upper_circuit", "lower_circuit", "year_high", "year_low")),
]
PACKETS = {mode: np.dtype(fields) for mode, fields in ((1, _LTP), (2, _QUOTE), (3, _SNAP))}
"""By mode: LTP (51 bytes), Quote (123), Snap (379)."""
_RETIRED = 4
_PRICES = ("last", "average", "open", "high", "low", "close", "lower_circuit", "upper_circuit")
_NUMBERS = ("last_quantity", "volume", "open_interest")
_SUMS = ("buy_quantity", "sell_quantity")
_LARGEST = 2.0**63
_SECOND_US, _MILLISECOND_US = 1_000_000, 1_000
_LAST_US = 2**32 * _SECOND_US  # in the year 2106
_DIVISORS = np.full(256, 100.0)
_DIVISORS[EXCHANGE_TYPES["CDS"]] = 1e7


def key(exchange_type: int, token: str) -> bytes:
    """Return what a token of an exchange is looked up by."""
    return bytes([exchange_type]) + token.encode("ascii")


def decode(frames: Sequence[bytes], received: int, slots: Slots) -> Decoded:
    """Return the ticks of some frames, those of tokens without a slot too (slot -1).

    A frame that is no packet of a known mode and its exact length is left out; a complaint says which.

    Parameters
    ----------
    received : int
        When they came, microseconds since 1970 in UTC: the time of a packet whose own is 0.
    slots : Slots
        Of tokens as `TOKEN`.
    """
    places: dict[int, list[int]] = {}
    complaints = []
    for place, frame in enumerate(frames):
        mode = frame[0] if frame else 0
        if mode in PACKETS and len(frame) == PACKETS[mode].itemsize:
            places.setdefault(mode, []).append(place)
        else:
            complaints.append(_strange(mode, len(frame)))
    groups = []
    for mode, mine in places.items():
        packets = np.frombuffer(b"".join([frames[place] for place in mine]), PACKETS[mode])
        groups.append((mine, _ticks(packets, mode, received, slots)))
    return Decoded(in_order(groups) if groups else NOTHING.ticks, tuple(complaints))


def _strange(mode: int, length: int) -> str:
    if mode == _RETIRED:
        return f"a frame of mode 4 ({length} bytes): depth of 20 levels, retired in April 2025 and not read here"
    return f"a frame of {length} bytes in mode {mode}, which is no packet that is known"


def _ticks(packets: NDArray[Any], mode: int, received: int, slots: Slots) -> Ticks:
    names = packets.dtype.names or ()
    divisors = _DIVISORS[packets.view(np.uint8).reshape(len(packets), -1)[:, 1]]  # the exchange type
    ticks = blank(len(packets))
    ticks["slot"] = slots.find(packets["key"])
    ticks["mode"] = mode
    ticks["at"] = _times(packets["at"], _MILLISECOND_US, received)
    ticks["received"] = received
    for name in _PRICES:
        if name in names:
            ticks[name] = packets[name] / divisors
    for name in _NUMBERS:
        if name in names:
            ticks[name] = packets[name]
    for name in _SUMS:
        if name in names:
            ticks[name] = _whole(packets[name])
    if "levels" in names:
        ticks["last_fill_at"] = _times(packets["last_fill_at"], _SECOND_US, MISSING)
        _put_depth(ticks, packets["levels"], divisors[:, None])
    return ticks


def _times(stamps: NDArray[np.int64], unit_us: int, missing: int) -> NDArray[np.int64]:
    """Return stamps since 1970 in microseconds; `missing` for 0 and for what is no time of an exchange."""
    sound = (stamps > 0) & (stamps <= _LAST_US // unit_us)
    return np.where(sound, stamps * unit_us, missing)  # a product that does not fit is not sound


def _whole(sums: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return quantities that the broker sends as doubles; `MISSING` for what is no number of units."""
    sound = (sums >= 0) & (sums < _LARGEST)
    return np.where(sound, np.where(sound, sums, 0).astype(np.int64), MISSING)


def _put_depth(ticks: Ticks, levels: NDArray[Any], divisors: NDArray[np.float64]) -> None:
    """Put ten levels, whose flags say which side they are of (0 is sell), into bids and asks in the order they came."""
    sells = levels["buys"] == 0
    bids = 2 * DEPTH - np.count_nonzero(sells, axis=1)[:, None]
    bids_first = np.argsort(sells, axis=1, kind="stable")
    place = np.arange(2 * DEPTH)
    source = np.where(place < DEPTH, place, bids + place - DEPTH)
    there = source < np.where(place < DEPTH, bids, 2 * DEPTH)
    chosen = np.take_along_axis(levels, np.take_along_axis(bids_first, np.minimum(source, 2 * DEPTH - 1), 1), 1)
    ours = ticks.view(LEVELS)["levels"]
    ours["price"] = np.where(there, chosen["price"] / divisors, np.nan)
    ours["quantity"] = np.where(there, chosen["quantity"], 0)
    ours["orders"] = np.where(there, chosen["orders"], 0)
