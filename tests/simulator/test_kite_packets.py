"""Kite's packets against bytes laid out by hand from the table of wire.md F (big-endian, unsigned)."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from sigma.simulator.kite_ticks import FULL, INDEX_FULL, INDEX_QUOTE, LTP, QUOTE, frames, packets, shape
from sigma.simulator.tape import ROW, Rows

INFY = 1594 * 256 + 1
NIFTY = 1001 * 256 + 9
USDINR, BCD, NCO = 1100 * 256 + 3, 1200 * 256 + 6, 1300 * 256 + 12
AT = 1_795_150_800


def market(scale: int = 1) -> Rows:
    """Return one row: last 1498.70 rupees and so on, in 0.0001 rupees, divided by `scale`."""
    row = np.zeros(1, ROW)
    for name, price in (
        ("last", 14_987_000), ("open", 14_900_000), ("high", 15_010_500), ("low", 14_850_000), ("close", 14_950_000),
        ("average", 14_953_300),
    ):  # fmt: skip
        row[name] = price // scale
    row["lot"], row["volume"], row["buy"], row["sell"], row["interest"], row["at"] = 5, 1_234_567, 900, 800, 77, AT
    row["bids"]["price"][0] = [(14_986_000 - 1000 * place) // scale for place in range(5)]
    row["bids"]["quantity"][0], row["bids"]["orders"][0] = [10, 20, 30, 40, 50], [1, 2, 3, 4, 5]
    row["asks"]["price"][0] = [(14_987_000 + 1000 * place) // scale for place in range(5)]
    row["asks"]["quantity"][0], row["asks"]["orders"][0] = [11, 21, 31, 41, 51], [6, 7, 8, 9, 10]
    return row


def quoted(token: int) -> bytes:
    return struct.pack(">11I", token, 149870, 5, 149533, 1_234_567, 900, 800, 149000, 150105, 148500, 149500)


def depth() -> bytes:
    bids = [struct.pack(">IIHH", 10 * (place + 1), 149860 - 10 * place, place + 1, 0) for place in range(5)]
    asks = [struct.pack(">IIHH", 10 * (place + 1) + 1, 149870 + 10 * place, place + 6, 0) for place in range(5)]
    return b"".join(bids + asks)


GOLDEN = {
    LTP: (INFY, struct.pack(">II", INFY, 149870)),
    QUOTE: (INFY, quoted(INFY)),
    FULL: (INFY, quoted(INFY) + struct.pack(">5I", AT, 77, 77, 77, AT) + depth()),
    # An index has high, low, open and close in that order, then the change.
    INDEX_QUOTE: (NIFTY, struct.pack(">7I", NIFTY, 149870, 150105, 148500, 149000, 149500, 370)),
    INDEX_FULL: (NIFTY, struct.pack(">8I", NIFTY, 149870, 150105, 148500, 149000, 149500, 370, AT)),
}


@pytest.mark.parametrize("kind", GOLDEN)
def test_a_packet_has_the_bytes_of_the_table(kind: str) -> None:
    token, golden = GOLDEN[kind]
    assert len(golden) == {LTP: 8, QUOTE: 44, FULL: 184, INDEX_QUOTE: 28, INDEX_FULL: 32}[kind]
    assert frames(packets(kind, [token], market())) == [struct.pack(">HH", 1, len(golden)) + golden]


@pytest.mark.parametrize(("token", "wire"), [(INFY, 149), (USDINR, 14_987_000), (BCD, 14_987), (NCO, 14_987)])
def test_prices_are_scaled_by_the_segment_of_the_token(token: int, wire: int) -> None:
    at_1_4987_rupees = market(1000)
    (frame,) = frames(packets(LTP, [token], at_1_4987_rupees))
    assert struct.unpack(">II", frame[4:]) == (token, wire)


def test_a_fall_is_a_change_in_two_s_complement() -> None:
    rows = market()
    rows["close"] = 15_000_000
    (frame,) = frames(packets(INDEX_QUOTE, [NIFTY], rows))
    assert struct.unpack(">i", frame[4 + 24 : 4 + 28])[0] == -130


def test_many_packets_share_frames_behind_their_count() -> None:
    made = packets(LTP, [INFY] * 600, np.repeat(market(), 600))
    counts = [(struct.unpack(">H", frame[:2])[0], len(frame)) for frame in frames(made)]
    assert counts == [(250, 2502), (250, 2502), (100, 1002)]


def test_an_index_has_its_own_shape_in_quote_and_full_but_not_for_the_last_price() -> None:
    assert [shape(NIFTY, mode) for mode in (LTP, QUOTE, FULL)] == [LTP, INDEX_QUOTE, INDEX_FULL]
    assert [shape(INFY, mode) for mode in (LTP, QUOTE, FULL)] == [LTP, QUOTE, FULL]


def test_quantities_beyond_the_wire_s_width_are_the_most_it_can_say() -> None:
    rows = market()
    rows["volume"] = 2**33
    (frame,) = frames(packets(QUOTE, [INFY], rows))
    assert frame[4 + 16 : 4 + 20] == b"\xff\xff\xff\xff"
