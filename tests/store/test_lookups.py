"""Instruments by every key: contracts of an underlying, brokers' names, and searches that answer as the index does."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from sigma.domain.instruments import BrokerInstrument, Exchange, Kind, Listing, OptionType
from sigma.engines.search import ListingIndex
from sigma.store import SqlMarketStore
from tests.store.values import NOW, instrument, listing, report

NEAR, FAR = date(2026, 11, 24), date(2026, 12, 1)
NIFTY = Listing(Exchange.NSE, "NIFTY 50", Kind.INDEX, name="NIFTY")


def contract(symbol: str, expiry: date, strike: str | None = None, exchange: Exchange = Exchange.NFO) -> Listing:
    """A contract on NIFTY, or on the plain name where no listing is written on."""
    kind = Kind.FUTURE if strike is None else Kind.OPTION
    side = None if strike is None else OptionType(symbol[-2:])
    under = "NSE:NIFTY 50" if exchange is Exchange.NFO else "USDINR"
    price = None if strike is None else Decimal(strike)
    name = under.partition(":")[2] or under
    return Listing(
        exchange, symbol, kind, name=name, lot_size=75, expiry=expiry, strike=price, option_type=side, underlying=under
    )


CONTRACTS = [
    contract("NIFTY26NOVFUT", NEAR),
    contract("NIFTY26NOV25000PE", NEAR, "25000"),
    contract("NIFTY26NOV25000CE", NEAR, "25000"),
    contract("NIFTY26NOV900CE", NEAR, "900"),
    contract("NIFTY26D0125000CE", FAR, "25000"),
    contract("USDINR26NOVFUT", NEAR, exchange=Exchange.CDS),
    contract("USDINR26NOVFUT", NEAR, exchange=Exchange.BCD),
]
CASH = [NIFTY, listing("INFY"), listing("INFIBEAM"), listing("NIFTYBEES"), listing("A_B"), listing("A-B"), listing("X%Y")]


@pytest.fixture
def filled(market: SqlMarketStore) -> SqlMarketStore:
    """A market with contracts; one share and one contract are listed by nobody any more."""
    old = [listing("INFOLD"), contract("NIFTY26NOV26000CE", NEAR, "26000")]
    everything = [*CASH, *CONTRACTS, *old]
    for wanted in (everything, everything[:-2]):
        names = [instrument(each, str(number), "zerodha") for number, each in enumerate(wanted)]
        market.replace_master("zerodha", wanted, names, report("zerodha"), NOW)
    return market


def test_a_chain_is_the_listed_options_of_one_expiry_by_strike(filled: SqlMarketStore) -> None:
    found = filled.chain("NSE:NIFTY 50", Exchange.NFO, NEAR)
    assert [row.symbol for row in found] == ["NIFTY26NOV900CE", "NIFTY26NOV25000CE", "NIFTY26NOV25000PE"]
    assert (found[0].strike, found[0].lot_size, found[0].expiry) == (Decimal(900), 75, NEAR)
    assert not filled.chain("NSE:NIFTY 50", Exchange.BFO, NEAR)


def test_futures_and_expiries_are_told_by_exchange(filled: SqlMarketStore) -> None:
    assert [row.text for row in filled.futures("NSE:NIFTY 50", Exchange.NFO)] == ["NFO:NIFTY26NOVFUT"]
    assert [row.text for row in filled.futures("USDINR", Exchange.BCD)] == ["BCD:USDINR26NOVFUT"]
    assert set(filled.expiries("NSE:NIFTY 50")) == {
        (Exchange.NFO, Kind.FUTURE, NEAR),
        (Exchange.NFO, Kind.OPTION, NEAR),
        (Exchange.NFO, Kind.OPTION, FAR),
    }
    assert {row[0] for row in filled.expiries("USDINR")} == {Exchange.CDS, Exchange.BCD}
    assert not filled.expiries("NSE:INFY")


def test_brokers_names_are_told_by_listing_symbol_token_and_code(market: SqlMarketStore) -> None:
    cash = BrokerInstrument("angelone", "NSE:INFY", "INFY-EQ", "7", "nse_cm", "7", date(2026, 1, 1), None)
    other = BrokerInstrument("angelone", CONTRACTS[0].text, "NIFTY24NOV26FUT", "7", "nse_fo", "8", date(2026, 9, 1), NEAR)
    listed = [listing("INFY"), CONTRACTS[0]]
    market.replace_master("angelone", listed, [cash, other], report("angelone"), NOW)
    market.replace_master("zerodha", listed[:1], [instrument(listed[0], "1", "zerodha")], report("zerodha"), NOW)
    assert [row.broker for row in market.names_of("NSE:INFY")] == ["angelone", "zerodha"]
    assert market.exchange_codes("angelone") == ["nse_cm", "nse_fo"]
    assert market.exchange_codes("nobody") == []
    assert list(market.names_by_token("angelone", "nse_fo", "7")) == [other]
    assert list(market.names_by_symbol("angelone", "nse_cm", "INFY-EQ")) == [cash]
    assert not market.names_by_symbol("angelone", "nse_fo", "INFY-EQ")


@pytest.mark.parametrize("text", ["\ud800", "a\0b", "'; DROP TABLE listings", "%", "é"])
def test_odd_texts_are_no_listing_and_no_fault(filled: SqlMarketStore, text: str) -> None:
    assert filled.listing(f"NSE:{text}") is None
    assert filled.listing_by_symbol("zerodha", "NSE", text) is None


QUERIES = (
    *("", "n", "inf", "INFY", "nifty", "nifty 50", "nifty nov", "nov25000", "25000 ce", "26nov fut", "a_b", "a-b", "%", "x%y"),
    *("b", "50", "NIFTY26NOV25000CE", "26d01", "infold", "nothing", "26000", "usdinr"),
)


@pytest.mark.parametrize("text", QUERIES)
def test_the_database_finds_what_the_index_finds_in_the_same_order(filled: SqlMarketStore, text: str) -> None:
    index = ListingIndex(filled.search_rows())
    assert [row.text for row in filled.find(text)] == index.find(text)
    assert [row.text for row in filled.find(text, exchange=Exchange.NFO, kind=Kind.OPTION, limit=2)] == index.find(
        text, exchange=Exchange.NFO, kind=Kind.OPTION, limit=2
    )


def test_what_nobody_lists_any_more_comes_last(filled: SqlMarketStore) -> None:
    assert [row.text for row in filled.find("inf")] == ["NSE:INFY", "NSE:INFIBEAM", "NSE:INFOLD"]
    assert filled.find("nifty26nov")[-1].text == "NFO:NIFTY26NOV26000CE"
