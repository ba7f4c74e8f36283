"""SmartAPI V2's packets against bytes laid out by hand from the table of wire.md F (little-endian)."""

from __future__ import annotations

import struct

import pytest

from sigma.simulator.smartapi_ticks import LTP, QUOTE, SNAP, frames, packets
from sigma.simulator.tape import Rows
from tests.simulator.test_kite_packets import AT, market

NSE, CDS = 1, 13


def row() -> Rows:
    rows = market()
    rows["lower"], rows["upper"], rows["year_low"], rows["year_high"] = 11_960_000, 17_940_000, 10_764_000, 19_584_500
    return rows


def head(mode: int) -> bytes:
    return bytes([mode, NSE]) + b"1594".ljust(25, b"\x00") + struct.pack("<3q", 0, AT * 1000, 149870)


QUOTED = (
    struct.pack("<3q", 5, 149533, 1_234_567) + struct.pack("<2d", 900, 800) + struct.pack("<4q", 149000, 150105, 148500, 149500)
)
BIDS = b"".join(struct.pack("<HqqH", 1, 10 * (place + 1), 149860 - 10 * place, place + 1) for place in range(5))
ASKS = b"".join(struct.pack("<HqqH", 0, 10 * (place + 1) + 1, 149870 + 10 * place, place + 6) for place in range(5))
SNAPPED = struct.pack("<3q", AT, 77, 0) + BIDS + ASKS + struct.pack("<4q", 179400, 119600, 195845, 107640)

GOLDEN = {LTP: head(LTP), QUOTE: head(QUOTE) + QUOTED, SNAP: head(SNAP) + QUOTED + SNAPPED}


@pytest.mark.parametrize("mode", GOLDEN)
def test_a_packet_has_the_bytes_of_the_table(mode: int) -> None:
    golden = GOLDEN[mode]
    assert len(golden) == {LTP: 51, QUOTE: 123, SNAP: 379}[mode]
    assert frames(packets(mode, [(NSE, "1594")], row())) == [golden]


def test_currency_counts_in_ten_millionths_of_a_rupee() -> None:
    (message,) = frames(packets(LTP, [(CDS, "1100")], market(1000)))
    assert struct.unpack("<q", message[43:51])[0] == 14_987_000


def test_an_index_has_prices_but_neither_volume_nor_depth() -> None:
    (message,) = frames(packets(SNAP, [(NSE, "99926000")], row()))
    assert struct.unpack("<q", message[43:51])[0] == 149870
    assert struct.unpack("<3q2d", message[51:91]) == (0, 0, 0, 0.0, 0.0)
    assert message[147 + 2 : 147 + 20] == bytes(18)


def test_each_packet_is_a_message_of_its_own() -> None:
    made = packets(QUOTE, [(NSE, "1594"), (NSE, "3045")], market().repeat(2))
    assert [(len(message), message[2:6]) for message in frames(made)] == [(123, b"1594"), (123, b"3045")]
