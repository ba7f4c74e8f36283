"""Chains: strikes at the money and around it, weekly and monthly expiries."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.chain import Cycle, Expiry, OptionChain, Strike, by_strike, monthly
from sigma.domain.errors import InvalidInput
from sigma.domain.instruments import Exchange, Kind, Listing, OptionType

DAY = date(2026, 11, 24)
PRICES = st.decimals(min_value="0.05", max_value="100000", places=2)
STRIKES = st.lists(PRICES, min_size=1, max_size=30, unique=True)


def chain_of(strikes: list[Decimal]) -> OptionChain:
    expiry = Expiry(DAY, Exchange.NFO, Cycle.MONTHLY, futures=True, options=True)
    return OptionChain("NSE:NIFTY 50", expiry, tuple(Strike(strike, None, None) for strike in sorted(strikes)))


@given(STRIKES, PRICES)
def test_no_strike_is_nearer_than_the_one_at_the_money(strikes: list[Decimal], spot: Decimal) -> None:
    found = chain_of(strikes).atm(spot).strike
    assert abs(found - spot) == min(abs(strike - spot) for strike in strikes)
    assert not any(strike < found and abs(strike - spot) == abs(found - spot) for strike in strikes)


@given(STRIKES, PRICES, st.integers(0, 12))
def test_strikes_around_are_neighbours_of_the_one_at_the_money(strikes: list[Decimal], spot: Decimal, count: int) -> None:
    chain = chain_of(strikes)
    near = chain.around(spot, count).strikes
    middle = chain.strikes.index(chain.atm(spot))
    assert near == tuple(row for place, row in enumerate(chain.strikes) if abs(place - middle) <= count)


@pytest.mark.parametrize(("spot", "strikes"), [("0", 1), ("-1", 1), ("NaN", 1), ("100", -1)])
def test_what_is_no_price_or_no_number_of_strikes_is_refused(spot: str, strikes: int) -> None:
    with pytest.raises(InvalidInput):
        chain_of([Decimal(100)]).around(Decimal(spot), strikes)


@given(st.lists(st.dates(date(2026, 1, 1), date(2027, 12, 31)), unique=True))
def test_each_month_with_expiries_has_one_monthly_one_its_last(days: list[date]) -> None:
    found = monthly(days)
    assert {(day.year, day.month) for day in found} == {(day.year, day.month) for day in days}
    assert all(other <= day for day in found for other in days if (other.year, other.month) == (day.year, day.month))
    assert len(found) == len({(day.year, day.month) for day in found})


def test_calls_and_puts_stand_side_by_side() -> None:
    def option(strike: int, kind: OptionType) -> Listing:
        symbol = f"NIFTY26NOV{strike}{kind.value}"
        return Listing(Exchange.NFO, symbol, Kind.OPTION, expiry=DAY, strike=Decimal(strike), option_type=kind)

    call, put, other = option(25000, OptionType.CALL), option(25000, OptionType.PUT), option(24900, OptionType.PUT)
    assert by_strike([call, put, other]) == (Strike(Decimal(24900), None, other), Strike(Decimal(25000), call, put))
