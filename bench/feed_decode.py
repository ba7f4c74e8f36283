"""Decoding of Kite's frames: ticks a second from frames of 200 full packets, with scaled prices, times and depth.

Peer: the parser of the official client on the same frames, turn by turn in one process. Its times are naive ones of this
host, ours are microseconds in UTC. A figure is the median of the turns, so that a busy neighbour disturbs both alike.
"""

from __future__ import annotations

import random
import statistics
import struct
import time
from collections.abc import Callable
from typing import Any

from kiteconnect import KiteTicker

from sigma.adapters.frames import Slots
from sigma.adapters.zerodha.decode import TOKEN, decode

PACKETS, FRAMES, TURNS, LEVELS = 200, 8, 25, 10
RECEIVED = 1_795_000_000_000_000
TIMES_FASTER = 50


def run() -> list[dict[str, Any]]:
    """Measure ours and the peer and return the row of bench/results.json."""
    dice = random.Random(5)
    tokens = [number << 8 | 1 for number in dice.sample(range(1, 1 << 20), PACKETS)]
    frames = [_frame(dice, tokens) for _ in range(FRAMES)]
    slots = Slots.of({token: slot for slot, token in enumerate(tokens)}, TOKEN)
    parse = KiteTicker("key", "token")._parse_binary
    _same(frames[0], slots, parse)
    ours, theirs = [], []
    for _ in range(TURNS):
        theirs.append(_ticks_per_second(frames, parse, 1))
        ours.append(_ticks_per_second(frames, lambda frame: decode(frame, RECEIVED, slots), 20))
    mine, other = statistics.median(ours), statistics.median(theirs)
    row = {"name": "feed_decode", "ours": mine, "unit": "ticks/s", "peer": "kiteconnect's parser", "peer_value": other}
    return [row | {"ratio": mine / other, "goal": f"{TIMES_FASTER} times the peer", "held": mine >= TIMES_FASTER * other}]


def _frame(dice: random.Random, tokens: list[int]) -> bytes:
    packets = []
    for token in tokens:
        numbers = [dice.randrange(1, 1 << 31) for _ in range(15)]
        levels = [
            struct.pack(">IIHH", dice.randrange(1, 10**6), dice.randrange(1, 10**7), dice.randrange(1, 500), 0)
            for _ in range(LEVELS)
        ]
        body = struct.pack(">16I", token, *numbers) + b"".join(levels)
        packets.append(struct.pack(">H", len(body)) + body)
    return struct.pack(">H", len(tokens)) + b"".join(packets)


def _ticks_per_second(frames: list[bytes], parse: Callable[[bytes], object], rounds: int) -> float:
    began = time.perf_counter()
    for _ in range(rounds):
        for frame in frames:
            parse(frame)
    return rounds * len(frames) * PACKETS / (time.perf_counter() - began)


def _same(frame: bytes, slots: Slots, parse: Callable[[bytes], list[dict[str, Any]]]) -> None:
    """Refuse to compare what is not equal."""
    ours, theirs = decode(frame, RECEIVED, slots).ticks, parse(frame)
    if ours["last"].tolist() != [tick["last_price"] for tick in theirs]:
        raise RuntimeError("the two do not read the same prices")
    if ours["asks"]["price"].tolist() != [[level["price"] for level in tick["depth"]["sell"]] for tick in theirs]:
        raise RuntimeError("the two do not read the same depth")
