"""The market as arrays says what the exchange says one by one."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma.domain.orders import OrderType, Product, Side
from sigma.simulator.depth import LEVELS, Liquidity
from sigma.simulator.exchange import Exchange, SimQuote
from sigma.simulator.model import PlaceRequest
from sigma.simulator.prices import year_range
from sigma.simulator.securities import Security
from sigma.simulator.tape import SCALE, Rows
from sigma.simulator.walk import mix, mix_many, walk, walk_many
from tests.simulator.conftest import FRIDAY, prompt

SOME = ("NSE:INFY", "BSE:TCS", "NSE:NIFTY 50", "NSE:INDIA VIX", "NSE:GTLINFRA-BE", "NFO:NIFTY26NOVFUT", "NFO:NIFTY26DEC25050CE")


def still(moment: datetime = FRIDAY) -> Exchange:
    """Return an exchange whose clock stands at a moment, so that two ways of asking ask for the same one."""
    exchange = Exchange(7, moment, prompt())
    exchange.clock.now = lambda: moment  # type: ignore[method-assign]
    return exchange


def moved(exchange: Exchange, moment: datetime) -> None:
    exchange.clock.now = lambda: moment  # type: ignore[method-assign]


def rows_of(exchange: Exchange, securities: list[Security]) -> Rows:
    tape = exchange.tape()
    return exchange.market(tape, exchange.places(tape, securities))


def whole(price: Decimal | None) -> int:
    return int((price or 0) * SCALE)


def as_row(quote: SimQuote) -> dict[str, object]:
    """Return a quote as the tape writes it."""
    day, security = quote.prices, quote.security
    low, high = year_range(security, day.close)
    row: dict[str, object] = {
        name: whole(getattr(day, name)) for name in ("last", "open", "high", "low", "close", "lower", "upper")
    }
    row |= {"average": whole(quote.average_price), "volume": quote.volume, "interest": quote.open_interest, "lot": security.lot}
    row |= {"year_low": whole(min(low, day.low)), "year_high": whole(max(high, day.high))}
    for side, total, levels in (("bids", "buy", quote.bids), ("asks", "sell", quote.asks)):
        flat = [(whole(level.price), level.quantity, level.orders) for level in levels]
        row |= {side: flat + [(0, 0, 0)] * (LEVELS - len(flat)), total: sum(level.quantity for level in levels)}
    return row


def told(row: np.void) -> dict[str, object]:
    names = [name for name in row.dtype.names or () if name != "at"]
    return {name: row[name].tolist() for name in names}


def assert_same(arrays: Exchange, singles: Exchange, securities: list[Security]) -> None:
    """Compare two exchanges that live through the same: one is asked by array, the other one by one."""
    found = rows_of(arrays, securities)
    for security, row in zip(securities, found, strict=True):
        assert told(row) == as_row(singles.quote(security)), security.listing


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(0, 22_500), st.integers(-(2**41), 2**41))
def test_noise_and_paths_of_many_are_those_of_one(key: int, second: int, salt: int) -> None:
    keys = np.array([key, key ^ 1], np.uint64)
    assert mix_many(keys, salt).tolist() == [mix(key ^ salt), mix((key ^ 1) ^ salt)]
    assert walk_many(keys, second).tolist() == [walk(key, second), walk(key ^ 1, second)]


@pytest.mark.parametrize(("hours", "every"), [(-2, 23), (-1.15, 1), (0.3, 7), (5.6, 23), (40, 23), (70.25, 23)])
def test_the_tape_of_the_table_equals_the_quotes_one_by_one(hours: float, every: int) -> None:
    moment = FRIDAY + timedelta(hours=hours)
    arrays, singles = still(moment), still(moment)
    assert_same(arrays, singles, list(arrays.universe)[::every])


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_imposed_prices_taken_depth_and_jumps_of_the_clock_show_on_the_tape_as_in_quotes(data: st.DataObject) -> None:
    arrays, singles = still(), still()
    securities = [found for name in SOME if (found := arrays.universe.get(name)) is not None]
    moment = FRIDAY
    for _ in range(data.draw(st.integers(1, 6))):
        moment += timedelta(seconds=data.draw(st.integers(0, 4 * 3600)))
        security = data.draw(st.sampled_from(securities))
        act = data.draw(st.sampled_from(["wait", "move", "hold", "release", "liquidity", "buy"]))
        ticks = data.draw(st.integers(-20, 20))
        for exchange in (arrays, singles):
            moved(exchange, moment)
            _act(exchange, security, act, ticks)
        assert_same(arrays, singles, securities)


def _act(exchange: Exchange, security: Security, act: str, ticks: int) -> None:
    match act:
        case "move" | "hold":
            price = max(exchange.last_price(security) + ticks * security.tick, security.tick)
            exchange.set_price(security, price, hold=act == "hold", rebase=True)
        case "release":
            exchange.release_price(security)
        case "liquidity":
            exchange.set_liquidity(security, Liquidity(abs(ticks), 3) if ticks else None)
        case "buy":
            account = exchange.account("zerodha", "AB1234")
            share = exchange.security("NSE:INFY")
            assert account is not None
            assert share is not None
            if exchange.is_open(share):
                exchange.place(account, PlaceRequest("NSE:INFY", Side.BUY, 10, OrderType.MARKET, Product.MIS))


def test_volume_only_grows_within_a_session() -> None:
    exchange = still(FRIDAY.replace(hour=3, minute=45))
    security = exchange.security("NSE:INFY")
    assert security is not None
    seen = []
    for minutes in range(0, 375, 5):
        moved(exchange, FRIDAY.replace(hour=3, minute=45) + timedelta(minutes=minutes))
        seen.append(exchange.quote(security).volume)
    assert seen == sorted(seen)
    assert seen[-1] > seen[0]


def test_a_tape_of_the_whole_table_costs_a_small_part_of_a_second() -> None:
    exchange = still()
    securities = list(exchange.universe)
    rows_of(exchange, securities)
    tape = exchange.tape()
    places = exchange.places(tape, securities)
    began = time.process_time()
    for second in range(1, 11):
        moved(exchange, FRIDAY + timedelta(seconds=second))
        exchange.market(tape, places)
    assert (time.process_time() - began) / 10 < 0.05
