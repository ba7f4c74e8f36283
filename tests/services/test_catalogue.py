"""What people, charts and brokers write leads to one listing; contracts by their underlying."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import masters
from sigma.adapters.angelone import instruments as angelone
from sigma.adapters.zerodha import instruments as zerodha
from sigma.domain.chain import Cycle
from sigma.domain.errors import InvalidInput, NotFound
from sigma.domain.instruments import Exchange, Kind
from sigma.engines.master_frame import rows_of
from tests.services.rooms import Rooms

ROWS = masters.table(rows=3000)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rooms]:
    """Services with masters of both brokers as their adapters read them, on Friday 20 November 2026."""
    made = Rooms(tmp_path_factory.mktemp("catalogue") / "home")
    made.account("ann")
    made.account("ben", "beta")
    made.alpha.rows = list(rows_of("alpha", zerodha.read(masters.kite(ROWS)).rows))
    made.beta.rows = list(rows_of("beta", angelone.read(masters.smart(ROWS, len(ROWS) + 30)).rows))
    for broker in ("alpha", "beta"):
        assert not made.instruments.refresh(made.user, broker).kept_old
    yield made
    made.close()


@pytest.fixture(scope="module")
def names(market: Rooms) -> list[str]:
    """All canonical texts that alpha has a name for."""
    return sorted(name.listing for name in market.market_store.broker_instruments("alpha"))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_name_leads_to_one_listing_from_wherever_it_is_reached(market: Rooms, names: list[str], data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(names))
    listing = market.instruments.resolve(text)
    assert listing.text == text
    assert market.instruments.resolve(listing.text.lower()) == listing
    for name in market.instruments.at_brokers(text):
        assert name.listing == text
        assert market.instruments.of_broker(name.broker, name.symbol, exchange=name.exchange_code) == listing
        assert market.instruments.of_broker(name.broker, token=name.token, exchange=name.exchange_code) == listing
        assert market.instruments.of_broker(name.broker, name.symbol, name.token, listing.exchange) == listing


@pytest.mark.parametrize(
    ("text", "listing"),
    [
        ("NIFTY", "NSE:NIFTY 50"),
        ("NSE:NIFTY", "NSE:NIFTY 50"),
        ("nifty 50", "NSE:NIFTY 50"),
        ("BANKNIFTY", "NSE:NIFTY BANK"),
        ("SENSEX", "BSE:SENSEX"),
        ("NSE:NIFTY1!", "NFO:NIFTY26NOVFUT"),
        ("NSE:NIFTY2!", "NFO:NIFTY26DECFUT"),
        ("NFO:BANKNIFTY1!", "NFO:BANKNIFTY26NOVFUT"),
        ("BSE:SENSEX1!", "BFO:SENSEX26NOVFUT"),
        ("MCX:GOLD1!", "MCX:GOLD26NOVFUT"),
        ("NSE:USDINR1!", "CDS:USDINR26NOVFUT"),
        ("NSE:NIFTYZ2026", "NFO:NIFTY26DECFUT"),
        ("NSE:NIFTY261124C25050", "NFO:NIFTY26NOV25050CE"),
        ("NIFTY26NOVFUT", "NFO:NIFTY26NOVFUT"),
        ("GOLD26NOVFUT", "MCX:GOLD26NOVFUT"),
    ],
)
def test_indices_and_charts_contracts_are_understood(market: Rooms, text: str, listing: str) -> None:
    assert market.instruments.resolve(text).text == listing


@pytest.mark.parametrize("text", ["NSE:NIFTY9!", "NSE:INFYQQQ1!", "NSE:NIFTY261125C25050", "NSE:NIFTYF2031", "NSE:SENSEX"])
def test_what_is_not_listed_is_not_guessed(market: Rooms, text: str) -> None:
    with pytest.raises(NotFound):
        market.instruments.resolve(text)


def test_a_continuous_future_is_the_next_one_from_the_day_after_expiry(market: Rooms) -> None:
    expiry = market.instruments.resolve("NSE:NIFTY1!").expiry
    assert expiry == date(2026, 11, 24)
    before = market.clock.moment
    try:
        market.clock.pass_by((datetime(2026, 11, 24, 18, 0, tzinfo=UTC) - before).total_seconds())  # 23:30 in India
        assert market.instruments.resolve("NSE:NIFTY1!").expiry == expiry
        market.clock.pass_by(3600)
        assert market.instruments.resolve("NSE:NIFTY1!").text == "NFO:NIFTY26DECFUT"
        assert market.instruments.contracts.expiries("NSE:NIFTY 50", Exchange.NFO)[0].day > expiry
    finally:
        market.clock.pass_by((before - market.clock.moment).total_seconds())
        market.lookup.cache.clear()


def test_expiries_are_weekly_but_for_each_month_s_last(market: Rooms) -> None:
    found = market.instruments.contracts.expiries("NSE:NIFTY 50", Exchange.NFO)
    assert [each.day for each in found] == sorted(each.day for each in found)
    for each in found:
        week_later = each.day + timedelta(7)
        assert (each.cycle is Cycle.MONTHLY) is (week_later.month != each.day.month)
    weekly = market.instruments.contracts.expiries("NSE:NIFTY 50", Exchange.NFO, Cycle.WEEKLY)
    assert weekly
    assert {each.cycle for each in weekly} == {Cycle.WEEKLY}


def test_a_chain_pairs_calls_and_puts_of_the_nearest_expiry(market: Rooms) -> None:
    chain = market.instruments.contracts.chain(*market.instruments.underlying("NIFTY"))
    assert chain.expiry.day == date(2026, 11, 24)
    assert [row.strike for row in chain.strikes] == sorted(row.strike for row in chain.strikes)
    for row in chain.strikes:
        for option, word in ((row.call, "CE"), (row.put, "PE")):
            assert option is None or (option.option_type, option.strike, option.expiry) == (word, row.strike, chain.expiry.day)
    with pytest.raises(NotFound, match="2026-11-25") as told:
        market.instruments.contracts.chain("NSE:NIFTY 50", Exchange.NFO, date(2026, 11, 25))
    assert "2026-12-01" in told.value.hint


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("NSE:NIFTY 50", ("NSE:NIFTY 50", Exchange.NFO)),
        ("NIFTY", ("NSE:NIFTY 50", Exchange.NFO)),
        ("NFO:NIFTY", ("NSE:NIFTY 50", Exchange.NFO)),
        ("NFO:NIFTY26NOVFUT", ("NSE:NIFTY 50", Exchange.NFO)),
        ("SENSEX", ("BSE:SENSEX", Exchange.BFO)),
        ("MCX:GOLD", ("GOLD", Exchange.MCX)),
        ("GOLD", ("GOLD", Exchange.MCX)),
        ("USDINR", ("USDINR", Exchange.CDS)),
    ],
)
def test_an_underlying_is_understood_in_its_many_spellings(market: Rooms, text: str, meant: tuple[str, Exchange]) -> None:
    assert market.instruments.underlying(text) == meant


def test_what_has_no_contracts_has_no_chain(market: Rooms) -> None:
    with pytest.raises(NotFound, match="No futures or options"):
        market.instruments.underlying("NSE:INDIA VIX")


def test_a_broker_s_unknown_or_contradicting_words_are_refused(market: Rooms) -> None:
    nifty, gold = (market.instruments.at_brokers(text)[0] for text in ("NFO:NIFTY26NOVFUT", "MCX:GOLD26NOVFUT"))
    with pytest.raises(InvalidInput, match="two different listings"):
        market.instruments.of_broker(nifty.broker, nifty.symbol, gold.token)
    with pytest.raises(NotFound):
        market.instruments.of_broker("alpha", "NOSUCH")
    with pytest.raises(NotFound):
        market.instruments.of_broker(nifty.broker, nifty.symbol, exchange="MCX")
    with pytest.raises(InvalidInput, match="needed"):
        market.instruments.of_broker("alpha")


def test_a_token_means_what_it_meant_on_a_trading_date(market: Rooms) -> None:
    name = market.instruments.at_brokers("NFO:NIFTY26NOVFUT")[0]
    found = market.instruments.of_broker(name.broker, token=name.token, exchange="NFO", on=date(2026, 11, 23))
    assert found.text == "NFO:NIFTY26NOVFUT"
    with pytest.raises(NotFound):
        market.instruments.of_broker(name.broker, token=name.token, exchange="NFO", on=date(2026, 11, 25))


def test_a_search_is_the_same_from_the_database_and_from_memory(market: Rooms) -> None:
    texts = ("nifty 26nov ce", "ban", "ltd", "gold fut", "nifty 50")
    market.lookup.cache.clear()
    from_database = [list(market.market_store.find(text)) for text in texts]
    market.instruments.find("once")
    market.instruments.find("twice")
    market.instruments.search.wait()
    assert [list(market.instruments.find(text)) for text in texts] == from_database
    assert all(row.kind is Kind.OPTION for row in market.instruments.find("nifty 26nov", kind=Kind.OPTION))


def test_a_new_version_is_searched_at_once(rooms: Rooms) -> None:
    rooms.account()
    rooms.alpha.rows = list(rows_of("alpha", zerodha.read(masters.kite(ROWS[:500])).rows))
    rooms.instruments.refresh(rooms.user, "alpha")
    rooms.instruments.search.warm()
    assert not rooms.instruments.find("NIFTY26NOVFUT")
    rooms.alpha.rows = list(rows_of("alpha", zerodha.read(masters.kite(ROWS)).rows))
    rooms.instruments.refresh(rooms.user, "alpha")
    assert [row.text for row in rooms.instruments.find("NIFTY26NOVFUT")][:1] == ["NFO:NIFTY26NOVFUT"]
