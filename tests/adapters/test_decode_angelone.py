"""Decoding of SmartAPI's frames: equal to the official parser's on the same bytes, and silent about nothing it cannot read."""

from __future__ import annotations

import math
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma.adapters.angelone.decode import EXCHANGE_TYPES, PACKETS, TOKEN, decode, key
from sigma.adapters.frames import Slots
from sigma.domain.ticks import MISSING, TICK, quote_of
from tests.adapters.official import smart_tick

RECEIVED = 1_795_000_000_123_456
NOBODY = Slots.of({}, TOKEN)
PRICES = {
    "last": "last_traded_price",
    "average": "average_traded_price",
    "open": "open_price_of_the_day",
    "high": "high_price_of_the_day",
    "low": "low_price_of_the_day",
    "close": "closed_price",
    "upper_circuit": "upper_circuit_limit",
    "lower_circuit": "lower_circuit_limit",
}
NUMBERS = {
    "last_quantity": "last_traded_quantity",
    "volume": "volume_trade_for_the_day",
    "open_interest": "open_interest",
    "buy_quantity": "total_buy_quantity",
    "sell_quantity": "total_sell_quantity",
}
# A double holds every integer up to here; no price in paise and no quantity comes near.
EXACT = st.integers(-(2**53), 2**53)
MILLISECONDS = st.integers(0, 2**32 * 1000)
SUMS = st.one_of(st.integers(0, 2**53).map(float), st.sampled_from([-1.0, math.nan, math.inf, 1e30]))
LEVEL = st.builds(lambda *parts: struct.pack("<HqqH", *parts), st.integers(0, 2), EXACT, EXACT, st.integers(0, 2**16 - 1))


@st.composite
def bodies(draw: st.DrawFn, mode: int | None = None) -> bytes:
    """Packets of any content."""
    mode = mode or draw(st.sampled_from(list(PACKETS)))
    kind = draw(st.sampled_from(list(EXCHANGE_TYPES.values())))
    token = str(draw(st.integers(1, 10**24))).encode()
    packet = struct.pack("<BB25sqqq", mode, kind, token, draw(EXACT), draw(MILLISECONDS), draw(EXACT))
    if mode > 1:
        packet += struct.pack(
            "<3q2d4q", *(draw(EXACT) for _ in range(3)), draw(SUMS), draw(SUMS), *(draw(EXACT) for _ in range(4))
        )
    if mode > 2:
        packet += struct.pack("<3q", draw(st.integers(0, 2**32)), draw(EXACT), draw(EXACT))
        packet += b"".join(draw(st.lists(LEVEL, min_size=10, max_size=10)))
        packet += struct.pack("<4q", *(draw(EXACT) for _ in range(4)))
    return packet


def slots_of(frames: list[bytes]) -> Slots:
    keys = {frame[1:2] + frame[2:27].rstrip(b"\0") for frame in frames}
    return Slots.of({each: place for place, each in enumerate(sorted(keys))}, TOKEN)


def same(ours: Any, theirs: dict[str, Any]) -> None:
    """Compare one tick, field by field."""
    divisor = 1e7 if theirs["exchange_type"] == EXCHANGE_TYPES["CDS"] else 100
    for name, their_name in PRICES.items():
        price = theirs.get(their_name)
        assert math.isnan(ours[name]) if price is None else ours[name] == price / divisor, name
    for name, their_name in NUMBERS.items():
        number = theirs.get(their_name, MISSING)
        assert ours[name] == (number if -(2**53) <= number <= 2**53 else MISSING), name
    stamp, fill = theirs["exchange_timestamp"], theirs.get("last_traded_timestamp", 0)
    assert ours["at"] == (stamp * 1000 if stamp else RECEIVED)
    assert ours["last_fill_at"] == (fill * 1_000_000 if fill else MISSING)
    for side, their_side in (("bids", "best_5_buy_data"), ("asks", "best_5_sell_data")):
        levels = [(level["price"] / divisor, level["quantity"], level["no of orders"]) for level in theirs.get(their_side, ())][
            :5
        ]
        found = [(level["price"], level["quantity"], level["orders"]) for level in ours[side]]
        assert found[: len(levels)] == levels
        assert all(math.isnan(price) and (quantity, orders) == (0, 0) for price, quantity, orders in found[len(levels) :])
    assert ours["mode"] == theirs["subscription_mode"]
    assert (ours["open_interest_high"], ours["received"]) == (MISSING, RECEIVED)


@pytest.mark.parametrize("mode", PACKETS)
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_a_frame_decodes_as_the_official_client_does(mode: int, data: st.DataObject) -> None:
    frame = data.draw(bodies(mode))
    decoded = decode([frame], RECEIVED, slots_of([frame]))
    assert decoded.complaints == ()
    assert decoded.ticks["slot"].tolist() == [0]
    same(decoded.ticks[0], smart_tick(frame))


@given(st.lists(bodies(), min_size=1, max_size=6))
@settings(max_examples=50, deadline=None)
def test_frames_of_mixed_modes_are_decoded_at_once_in_their_order(frames: list[bytes]) -> None:
    decoded = decode(frames, RECEIVED, slots_of(frames))
    assert len(decoded.ticks) == len(frames)
    for ours, frame in zip(decoded.ticks, frames, strict=True):
        same(ours, smart_tick(frame))


def test_the_lengths_are_those_of_the_broker_s_table() -> None:
    assert {mode: packet.itemsize for mode, packet in PACKETS.items()} == {1: 51, 2: 123, 3: 379}


def golden() -> bytes:
    """A Snap packet of INFY on NSE, written down by hand from the table of wire.md."""
    packet = bytearray(379)
    struct.pack_into("<BB25sqqq", packet, 0, 3, 1, b"1594", 77, 1_795_152_601_250, 149_870)
    struct.pack_into("<qqq", packet, 51, 5, 149_512, 1_250_000)
    struct.pack_into("<dd", packet, 75, 4_100.0, 3_900.0)
    struct.pack_into("<qqqq", packet, 91, 148_000, 150_500, 147_500, 148_500)
    struct.pack_into("<qqq", packet, 123, 1_795_152_600, 0, 0)
    for level in range(5):
        struct.pack_into("<HqqH", packet, 147 + 20 * level, 1, 10 * (level + 1), 149_865 - 5 * level, level + 1)
        struct.pack_into("<HqqH", packet, 247 + 20 * level, 0, 11 * (level + 1), 149_870 + 5 * level, level + 2)
    struct.pack_into("<qqqq", packet, 347, 163_350, 133_650, 195_000, 121_800)
    return bytes(packet)


def test_a_snap_packet_becomes_a_quote_with_depth_circuits_and_an_aware_time() -> None:
    ticks = decode([golden()], RECEIVED, Slots.of({key(1, "1594"): 9}, TOKEN)).ticks
    quote = quote_of(ticks[0], "NSE:INFY")
    assert ticks["slot"][0] == 9
    assert (str(quote.last_price), quote.volume, str(quote.low)) == ("1498.70", 1_250_000, "1475.00")
    assert (str(quote.lower_circuit), str(quote.upper_circuit)) == ("1336.50", "1633.50")
    assert quote.at.isoformat() == "2026-11-20T05:30:01.250000+00:00"
    assert (ticks["buy_quantity"][0], ticks["sell_quantity"][0]) == (4_100, 3_900)
    assert [(str(level.price), level.quantity, level.orders) for level in quote.bids[:1]] == [("1498.65", 10, 1)]
    assert [(str(level.price), level.quantity, level.orders) for level in quote.asks[-1:]] == [("1498.90", 55, 6)]


def test_the_same_number_on_another_exchange_is_another_listing() -> None:
    on_bse = bytearray(golden())
    on_bse[1] = EXCHANGE_TYPES["BSE"]
    table = Slots.of({key(3, "1594"): 4, key(3, "15940"): 5}, TOKEN)
    assert decode([golden(), bytes(on_bse)], RECEIVED, table).ticks["slot"].tolist() == [-1, 4]


def test_currency_is_in_ten_millionths_of_a_rupee() -> None:
    packet = struct.pack("<BB25sqqq", 1, 13, b"1151", 1, 1_795_152_601_250, 887_525_000)
    assert decode([packet], RECEIVED, NOBODY).ticks["last"][0] == 88.7525


@given(st.lists(st.binary(max_size=500), max_size=5), st.lists(bodies(), max_size=3))
@settings(max_examples=50, deadline=None)
def test_garbage_is_counted_and_the_rest_is_read(garbage: list[bytes], sound: list[bytes]) -> None:
    garbage = [frame for frame in garbage if len(frame) not in (51, 123, 379)]
    decoded = decode([*garbage, *sound], RECEIVED, NOBODY)
    assert decoded.ticks.dtype == TICK
    assert len(decoded.complaints) == len(garbage)
    assert len(decoded.ticks) == len(sound)


@given(bodies(), st.data())
@settings(max_examples=60, deadline=None)
def test_a_truncated_frame_gives_no_tick_and_one_complaint(frame: bytes, data: st.DataObject) -> None:
    decoded = decode([frame[: data.draw(st.integers(0, len(frame) - 1))]], RECEIVED, NOBODY)
    assert (len(decoded.ticks), len(decoded.complaints)) == (0, 1)


@given(st.binary(min_size=26, max_size=26), st.sampled_from([51, 123, 379]), st.data())
@settings(max_examples=60, deadline=None)
def test_any_content_of_the_right_length_is_read_without_an_exception(head: bytes, length: int, data: st.DataObject) -> None:
    mode = {51: 1, 123: 2, 379: 3}[length]
    frame = bytes([mode]) + head + data.draw(st.binary(min_size=length - 27, max_size=length - 27))
    assert len(decode([frame], RECEIVED, NOBODY).ticks) == 1


def test_the_retired_mode_of_twenty_levels_is_refused_by_name() -> None:
    decoded = decode([b"\x04\x01" + bytes(441)], RECEIVED, NOBODY)
    assert len(decoded.ticks) == 0
    assert "retired in April 2025" in decoded.complaints[0]
