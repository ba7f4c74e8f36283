"""Decoding of Kite's frames: equal to the official parser's on the same bytes, and silent about nothing it cannot read."""

from __future__ import annotations

import math
import struct
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma.adapters.frames import Slots
from sigma.adapters.zerodha.decode import LAYOUTS, TOKEN, decode
from sigma.domain.ticks import MISSING, TICK, Ticks, quote_of
from tests.adapters.official import kite_ticks

RECEIVED = 1_795_000_000_123_456
SEGMENTS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12]  # nse nfo cds bse bfo bcd mcx mcxsx indices nco
NOBODY = Slots.of({}, TOKEN)
NUMBERS = {
    "last_quantity": "last_traded_quantity",
    "volume": "volume_traded",
    "buy_quantity": "total_buy_quantity",
    "sell_quantity": "total_sell_quantity",
    "open_interest": "oi",
    "open_interest_high": "oi_day_high",
    "open_interest_low": "oi_day_low",
}
TIMES = {"at": "exchange_timestamp", "last_fill_at": "last_trade_time"}


def framed(*packets: bytes) -> bytes:
    return struct.pack(">H", len(packets)) + b"".join(struct.pack(">H", len(packet)) + packet for packet in packets)


def packets(lengths: st.SearchStrategy[int]) -> st.SearchStrategy[bytes]:
    """Packets of any content, of tokens in any segment."""
    tokens = st.builds(lambda number, segment: number << 8 | segment, st.integers(1, 2**24 - 1), st.sampled_from(SEGMENTS))
    return lengths.flatmap(
        lambda length: st.builds(
            lambda token, rest: struct.pack(">I", token) + rest, tokens, st.binary(min_size=length - 4, max_size=length - 4)
        )
    )


def known(lengths: tuple[int, ...] = tuple(LAYOUTS)) -> st.SearchStrategy[bytes]:
    return packets(st.sampled_from(lengths))


def slots_of(frame: bytes) -> Slots:
    return Slots.of({tick["instrument_token"]: place for place, tick in enumerate(kite_ticks(frame))}, TOKEN)


def same(ours: Any, theirs: dict[str, Any]) -> None:
    """Compare one tick, field by field."""
    prices = {name: theirs.get("ohlc", {}).get(name) for name in ("open", "high", "low", "close")}
    prices |= {"last": theirs["last_price"], "average": theirs.get("average_traded_price")}
    for name, price in prices.items():
        assert math.isnan(ours[name]) if price is None else ours[name] == price, name
    for name, their_name in NUMBERS.items():
        assert ours[name] == theirs.get(their_name, MISSING), name
    for name, their_name in TIMES.items():
        moment: datetime | None = theirs.get(their_name)
        stamp = round(moment.timestamp()) if moment else 0
        assert ours[name] == (stamp * 1_000_000 if stamp else RECEIVED if name == "at" else MISSING), name
    for side, their_side in (("bids", "buy"), ("asks", "sell")):
        levels = theirs.get("depth", {}).get(their_side) or [{"price": math.nan, "quantity": 0, "orders": 0}] * 5
        for level, their_level in zip(ours[side], levels, strict=True):
            assert (level["quantity"], level["orders"]) == (their_level["quantity"], their_level["orders"])
            assert level["price"] == their_level["price"] or math.isnan(their_level["price"])
    assert ours["mode"] == {"ltp": 1, "quote": 2, "full": 3}[theirs["mode"]]
    assert ours["received"] == RECEIVED
    assert math.isnan(ours["lower_circuit"])


@given(st.lists(known(), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_a_frame_of_any_modes_and_segments_decodes_as_the_official_client_does(bodies: list[bytes]) -> None:
    frame = framed(*bodies)
    theirs = kite_ticks(frame)
    decoded = decode(frame, RECEIVED, slots_of(frame))
    assert decoded.complaints == ()
    assert len(decoded.ticks) == len(theirs) == len(bodies)
    for ours, other in zip(decoded.ticks, theirs, strict=True):
        same(ours, other)


@pytest.mark.parametrize("length", LAYOUTS)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_frame_of_one_mode_decodes_as_the_official_client_does(length: int, data: st.DataObject) -> None:
    frame = framed(*data.draw(st.lists(known((length,)), min_size=1, max_size=5)))
    decoded = decode(frame, RECEIVED, slots_of(frame))
    for ours, other in zip(decoded.ticks, kite_ticks(frame), strict=True):
        same(ours, other)


@pytest.mark.parametrize(("segment", "divisor"), [(1, 100), (3, 10_000_000), (6, 10_000), (12, 10_000), (9, 100)])
def test_each_segment_has_its_divisor(segment: int, divisor: int) -> None:
    ticks = decode(framed(struct.pack(">II", 7 << 8 | segment, 837_512_500)), RECEIVED, NOBODY).ticks
    assert ticks["last"][0] == 837_512_500 / divisor


def golden() -> bytes:
    """A full packet of INFY as an exchange would send it, written down by hand from the table of wire.md."""
    head = struct.pack(
        ">16I",
        *(408065, 149_870, 5, 149_512, 1_250_000, 4_100, 3_900, 148_000, 150_500, 147_500, 148_500),
        *(1_795_152_600, 0, 0, 0, 1_795_152_601),
    )
    bids = [struct.pack(">IIHH", 10 * (level + 1), 149_865 - 5 * level, level + 1, 0) for level in range(5)]
    asks = [struct.pack(">IIHH", 11 * (level + 1), 149_870 + 5 * level, level + 2, 0) for level in range(5)]
    return head + b"".join(bids + asks)


def test_a_full_packet_becomes_a_quote_with_depth_and_an_aware_time() -> None:
    ticks = decode(framed(golden()), RECEIVED, Slots.of({408065: 17}, TOKEN)).ticks
    quote = quote_of(ticks[0], "NSE:INFY")
    assert ticks["slot"][0] == 17
    assert (str(quote.last_price), quote.volume, str(quote.open), str(quote.close)) == (
        "1498.70",
        1_250_000,
        "1480.00",
        "1485.00",
    )
    assert quote.at.isoformat() == "2026-11-20T05:30:01+00:00"
    assert [(str(level.price), level.quantity, level.orders) for level in quote.bids[:2]] == [
        ("1498.65", 10, 1),
        ("1498.60", 20, 2),
    ]
    assert [(str(level.price), level.quantity, level.orders) for level in quote.asks[-1:]] == [("1498.90", 55, 6)]


def test_tokens_that_nobody_wants_have_no_slot() -> None:
    frame = framed(golden(), struct.pack(">II", 256265, 2_500_000), struct.pack(">II", 738561, 290_000))
    ticks = decode(frame, RECEIVED, Slots.of({738561: 3, 408065: 1}, TOKEN)).ticks
    assert ticks["slot"].tolist() == [1, -1, 3]


@given(st.binary(max_size=700))
@settings(max_examples=60, deadline=None)
def test_garbage_is_never_an_exception_and_never_half_decoded(frame: bytes) -> None:
    decoded = decode(frame, RECEIVED, NOBODY)
    assert decoded.ticks.dtype == TICK
    assert (decoded.ticks["mode"] > 0).all()
    assert len(decoded.ticks) or decoded.complaints or len(frame) < 2 or frame == b"\0\0"


@given(st.lists(known(), min_size=1, max_size=4), st.data())
@settings(max_examples=60, deadline=None)
def test_a_truncated_frame_gives_no_tick_and_one_complaint(bodies: list[bytes], data: st.DataObject) -> None:
    frame = framed(*bodies)
    decoded = decode(frame[: data.draw(st.integers(2, len(frame) - 1))], RECEIVED, NOBODY)
    assert len(decoded.ticks) == 0
    assert len(decoded.complaints) == 1


@given(st.lists(known(), min_size=1, max_size=4), st.binary(min_size=1, max_size=9))
@settings(max_examples=60, deadline=None)
def test_bytes_behind_the_last_packet_spoil_the_frame(bodies: list[bytes], rest: bytes) -> None:
    decoded = decode(framed(*bodies) + rest, RECEIVED, NOBODY)
    assert len(decoded.ticks) == 0
    assert "does not add up" in decoded.complaints[0]


@given(
    st.lists(known(), max_size=3), st.integers(0, 400).filter(lambda length: length not in LAYOUTS), st.lists(known(), max_size=3)
)
@settings(max_examples=60, deadline=None)
def test_a_packet_of_unknown_length_is_named_and_the_others_are_read(
    before: list[bytes], length: int, after: list[bytes]
) -> None:
    decoded = decode(framed(*before, bytes(length), *after), RECEIVED, NOBODY)
    assert decoded.complaints == (f"a packet of {length} bytes, a length that is not known",)
    assert len(decoded.ticks) == len(before) + len(after)


@pytest.mark.parametrize("frame", [b"", b"\0", b"\x01", b"\0\0"])
def test_a_heartbeat_is_neither_a_tick_nor_a_complaint(frame: bytes) -> None:
    decoded = decode(frame, RECEIVED, NOBODY)
    assert (len(decoded.ticks), decoded.complaints) == (0, ())


def test_a_large_frame_keeps_its_order_when_lengths_are_mixed() -> None:
    tokens = [number << 8 | 1 for number in range(1, 3001)]
    bodies = [struct.pack(">II", token, token) + bytes([0, 20, 36][token // 256 % 3]) for token in tokens]
    ticks: Ticks = decode(framed(*bodies), RECEIVED, Slots.of({token: token >> 8 for token in tokens}, TOKEN)).ticks
    assert np.array_equal(ticks["slot"], np.arange(1, 3001))
    assert np.array_equal(ticks["last"], np.array(tokens) / 100)
