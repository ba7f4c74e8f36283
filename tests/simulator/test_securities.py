from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from sigma.domain.instruments import Exchange, Kind
from sigma.simulator.securities import Universe, expiries, isin_check_digit, last_tuesday, tick_for, valid_isin

DAY = date(2026, 11, 20)


@pytest.fixture(scope="module")
def universe() -> Universe:
    return Universe(7, DAY)


def test_the_table_has_what_the_desk_needs(universe: Universe) -> None:
    kinds = Counter((security.exchange, security.kind) for security in universe)
    assert kinds[Exchange.NSE, Kind.EQUITY] >= 200
    assert kinds[Exchange.BSE, Kind.EQUITY] >= 200
    assert kinds[Exchange.NSE, Kind.ETF] >= 5
    assert sum(count for (_, kind), count in kinds.items() if kind is Kind.INDEX) == 5
    assert kinds[Exchange.NFO, Kind.FUTURE] == 6
    assert kinds[Exchange.NFO, Kind.OPTION] > 1000


def test_every_cash_listing_has_an_isin_with_a_right_check_digit(universe: Universe) -> None:
    shares = [security for security in universe if security.kind in (Kind.EQUITY, Kind.ETF)]
    assert all(security.isin is not None and valid_isin(security.isin) for security in shares)
    assert all(security.isin is None for security in universe if security.kind not in (Kind.EQUITY, Kind.ETF))


def test_the_check_digit_agrees_with_isins_of_the_real_world() -> None:
    assert isin_check_digit("INE009A0102") == "1"
    assert isin_check_digit("INE062A0102") == "0"
    assert isin_check_digit("US037833100") == "5"
    assert not valid_isin("INE009A01022")


def test_both_listings_of_a_share_carry_one_isin(universe: Universe) -> None:
    nse, bse = universe.get("NSE:SBIN"), universe.get("BSE:SBIN")
    assert nse is not None
    assert bse is not None
    assert nse.isin == bse.isin
    assert (nse.exchange_token, bse.exchange_token) == ("3045", "500112")


def test_exchange_tokens_are_unique_within_an_exchange(universe: Universe) -> None:
    tokens = Counter((one.exchange, one.exchange_token) for one in universe if one.kind is not Kind.INDEX)
    assert [key for key, count in tokens.items() if count > 1] == []


def test_every_price_is_on_its_tick_and_every_freeze_quantity_holds_a_lot(universe: Universe) -> None:
    for security in universe:
        assert security.base_price % security.tick == 0, security.listing
        assert security.kind is Kind.INDEX or security.freeze >= security.lot, security.listing


@pytest.mark.parametrize(("price", "tick"), [("249.99", "0.01"), ("250", "0.05"), ("1000", "0.10"), ("36000", "5.00")])
def test_ticks_follow_the_price(price: str, tick: str) -> None:
    assert tick_for(Decimal(price)) == Decimal(tick)


def test_the_same_seed_and_day_make_the_same_table(universe: Universe) -> None:
    assert list(universe) == list(Universe(7, DAY))
    assert list(universe) != list(Universe(8, DAY))


def test_series_other_than_eq_are_part_of_the_symbol(universe: Universe) -> None:
    trade_to_trade, small = universe.get("NSE:RCOM-BE"), universe.get("NSE:DIGIKORE-SM")
    assert trade_to_trade is not None
    assert small is not None
    assert (trade_to_trade.series, small.lot) == ("BE", 400)


def test_contracts_are_named_as_the_exchange_does(universe: Universe) -> None:
    assert universe.get("NFO:NIFTY26NOVFUT") is not None
    weekly = [one for one in universe if one.kind is Kind.OPTION and one.expiry == date(2026, 12, 1)]
    assert weekly
    assert all(one.symbol.startswith("NIFTY26D01") for one in weekly)
    monthly = [one for one in universe if one.kind is Kind.OPTION and one.expiry == date(2026, 11, 24)]
    assert {one.symbol[: len(one.name) + 5] for one in monthly} == {"NIFTY26NOV", "BANKNIFTY26NOV"}


def test_expiries_are_tuesdays_and_roll_with_the_day() -> None:
    assert last_tuesday(2026, 12) == date(2026, 12, 29)
    weekly, monthly = expiries(date(2026, 11, 25))
    assert monthly == (date(2026, 12, 29), date(2027, 1, 26), date(2027, 2, 23))
    assert weekly[0] == date(2026, 12, 1)
    assert expiries(date(2026, 11, 24))[1][0] == date(2026, 11, 24)


def test_refreshing_after_an_expiry_replaces_the_contracts() -> None:
    universe = Universe(7, DAY)
    assert not universe.refresh(date(2026, 11, 23))
    assert universe.refresh(date(2026, 11, 25))
    assert universe.get("NFO:NIFTY26NOVFUT") is None
    assert universe.get("NFO:NIFTY27FEBFUT") is not None
