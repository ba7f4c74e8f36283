from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma.domain.calendar import weekdays
from sigma.simulator.config import SimConfig
from sigma.simulator.depth import Depth, Liquidity
from sigma.simulator.prices import PriceProcess
from sigma.simulator.securities import Security, Universe

OPEN = datetime(2026, 11, 20, 3, 45, tzinfo=UTC)
UNIVERSE = Universe(7, date(2026, 11, 20))


def process() -> PriceProcess:
    return PriceProcess(UNIVERSE, weekdays(), 7, date(2026, 11, 20))


def security(listing: str) -> Security:
    found = UNIVERSE.get(listing)
    assert found is not None
    return found


def test_a_price_depends_on_the_moment_and_not_on_who_asked_before() -> None:
    asked_often, asked_once = process(), process()
    share, noon = security("NSE:INFY"), OPEN + timedelta(hours=3)
    for minutes in range(0, 180, 7):
        asked_often.last(share, OPEN + timedelta(minutes=minutes))
    assert asked_often.last(share, noon) == asked_once.last(share, noon)


def test_prices_move_within_a_session_and_stand_still_outside() -> None:
    prices, share = process(), security("NSE:RELIANCE")
    seen = {prices.last(share, OPEN + timedelta(minutes=minutes)) for minutes in range(0, 375, 5)}
    assert len(seen) > 20
    close = prices.last(share, OPEN + timedelta(hours=6, minutes=15))
    assert prices.last(share, OPEN + timedelta(hours=9)) == close
    assert prices.last(share, OPEN + timedelta(days=2)) == close
    assert prices.day(share, OPEN + timedelta(days=3)).close == close


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(one.listing for one in UNIVERSE)), st.integers(0, 5 * 86_400))
def test_every_price_is_on_its_tick_and_inside_its_circuit(listing: str, seconds: int) -> None:
    one = security(listing)
    day = process().day(one, OPEN + timedelta(seconds=seconds))
    assert day.last > 0
    assert day.last % one.tick == 0
    assert day.low <= min(day.last, day.open)
    assert day.high >= max(day.last, day.open)
    assert day.lower is None or day.lower <= day.low
    assert day.upper is None or day.high <= day.upper


def test_both_listings_of_a_share_move_together() -> None:
    prices = process()
    later = OPEN + timedelta(hours=4)
    nse, bse = (prices.last(security(f"{where}:TCS"), later) for where in ("NSE", "BSE"))
    assert abs(nse - bse) / nse < Decimal("0.002")


def test_options_keep_parity_with_their_future() -> None:
    prices, later = process(), OPEN + timedelta(hours=2)
    call, put, future = (prices.last(security(f"NFO:NIFTY26DEC{what}"), later) for what in ("25050CE", "25050PE", "FUT"))
    assert abs((call - put) - (future - 25050)) < 5


def test_a_held_price_stays_also_overnight_and_walks_on_from_there_when_released() -> None:
    prices, share = process(), security("NSE:INFY")
    prices.impose(share, Decimal("1500.00"), OPEN, hold=True)
    assert prices.last(share, OPEN + timedelta(hours=5)) == Decimal("1500.00")
    monday = OPEN + timedelta(days=3, hours=1)
    assert prices.day(share, monday).close == Decimal("1500.00")
    prices.release(share, monday)
    assert prices.last(share, monday) == Decimal("1500.00")
    assert prices.last(share, monday + timedelta(hours=2)) != Decimal("1500.00")


def test_a_price_outside_circuit_or_tick_is_refused() -> None:
    prices, share = process(), security("NSE:INFY")
    with pytest.raises(ValueError, match="rebase"):
        prices.impose(share, Decimal("5000.00"), OPEN, hold=True)
    with pytest.raises(ValueError, match="tick"):
        prices.impose(share, Decimal("1500.03"), OPEN, hold=True)
    prices.impose(share, Decimal("5000.00"), OPEN, hold=True, rebase=True)
    assert prices.day(share, OPEN).close == Decimal("5000.00")


def test_depth_has_five_levels_a_tick_apart_around_the_last_price() -> None:
    prices, share = process(), security("NSE:INFY")
    view = Depth(prices, SimConfig()).view(share, OPEN + timedelta(hours=1))
    assert [level.price for level in view.asks] == [view.last_price + share.tick * n for n in range(5)]
    assert [level.price for level in view.bids] == [view.last_price - share.tick * (n + 1) for n in range(5)]
    assert all(level.quantity > 0 for level in (*view.bids, *view.asks))


def test_nobody_sells_at_the_upper_circuit_and_nobody_buys_below_the_lower_one() -> None:
    prices, share = process(), security("NSE:INFY")
    depth = Depth(prices, SimConfig())
    lower, upper = prices.limits(share, OPEN)
    assert lower is not None
    assert upper is not None
    prices.impose(share, upper, OPEN, hold=True)
    assert depth.view(share, OPEN).asks == ()
    prices.impose(share, lower, OPEN, hold=True)
    assert depth.view(share, OPEN).bids == ()


def test_imposed_liquidity_is_used_up_until_it_is_imposed_again() -> None:
    prices, share = process(), security("NSE:INFY")
    depth = Depth(prices, SimConfig())
    depth.impose(share, Liquidity(bid=1, ask=2))
    full = depth.view(share, OPEN)
    assert [level.quantity for level in full.asks] == [2] * 5
    depth.take(share, OPEN, full, replace(full, asks=full.asks[1:]))
    assert len(depth.view(share, OPEN + timedelta(hours=1)).asks) == 4
    depth.impose(share, Liquidity(bid=1, ask=2))
    assert len(depth.view(share, OPEN + timedelta(hours=1)).asks) == 5
