"""Masters of several brokers become one table: joins, canonical names, quarantine, differences."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma.domain.instruments import BrokerInstrument, Exchange, Kind, Listing, MasterRow, OptionType
from sigma.engines.instruments import compare, frames_of, merge, shrunken
from sigma.engines.master_frame import frame_of
from tests.engines.masters import MONTHLY, TODAY, WEEKLY, as_known, index, merged, only, option, share, texts


@pytest.mark.parametrize(
    ("exchange", "symbol", "series", "canonical"),
    [
        (Exchange.NSE, "INFY", "EQ", "INFY"),
        (Exchange.NSE, "INFY-EQ", "EQ", "INFY"),
        (Exchange.NSE, "ABCLTD-BE", "BE", "ABCLTD-BE"),
        (Exchange.NSE, "ABCLTD", "BE", "ABCLTD-BE"),
        (Exchange.NSE, "BAJAJ-AUTO", "EQ", "BAJAJ-AUTO"),
        (Exchange.NSE, "BAJAJ-AUTO-EQ", "EQ", "BAJAJ-AUTO"),
        (Exchange.NSE, "M&M", "", "M&M"),
        (Exchange.BSE, "ABCLTD", "A", "ABCLTD"),
        (Exchange.BSE, "ABCLTD-A", "A", "ABCLTD"),
        (Exchange.NSE, " infy ", "eq", "INFY"),
    ],
)
def test_a_share_is_named_as_its_exchange_does_with_the_series_unless_eq(
    exchange: Exchange, symbol: str, series: str, canonical: str
) -> None:
    assert texts(merged([share(symbol, "1", exchange=exchange, exchange_code=exchange, series=series)])) == [
        f"{exchange}:{canonical}"
    ]


def test_derivatives_are_named_by_contract_whatever_their_broker_calls_them() -> None:
    rows = [
        option("NIFTY24FEB2625000CE", "1"),
        option("NIFTY10FEB2625000CE", "2", WEEKLY),
        option("NIFTY24FEB2683.50PE", "3", strike="83.50", option_type=OptionType.PUT),
        option("NIFTY24FEB26FUT", "4", kind=Kind.FUTURE),
        option("NIFTY06OCT26x", "5", date(2026, 10, 6)),
        option("NIFTY27OCT26x", "6", date(2026, 10, 27)),
    ]
    assert texts(merged(rows)) == [
        "NFO:NIFTY26FEB25000CE",
        "NFO:NIFTY2621025000CE",
        "NFO:NIFTY26FEB83.5PE",
        "NFO:NIFTY26FEBFUT",
        "NFO:NIFTY26O0625000CE",
        "NFO:NIFTY26OCT25000CE",
    ]


def test_the_last_expiry_of_the_month_is_the_monthly_one_of_its_own_underlying() -> None:
    rows = [option("a", "1", WEEKLY), option("b", "2", MONTHLY), option("c", "3", WEEKLY, underlying="ABCLTD")]
    assert texts(merged(rows))[2] == "NFO:ABCLTD26FEB25000CE"


def test_a_derivative_knows_what_it_is_written_on_and_how_long_its_token_is_its_own() -> None:
    gold = option("z", "3", underlying="GOLD", exchange=Exchange.MCX, exchange_code="MCX")
    result = merged([option("x", "1"), option("y", "2", underlying="ABCLTD"), gold])
    assert result.listings["underlying"].to_list() == ["NSE:NIFTY 50", "NSE:ABCLTD", "GOLD"]
    assert result.instruments.select("valid_from", "valid_to").row(0) == (TODAY, MONTHLY)


def test_rows_of_two_brokers_are_one_listing_when_the_exchange_token_is_one() -> None:
    first = merged([share("ABC LTD", "22")])
    second = merged([share("ABCLTD", "22", "two")], as_known(first))
    assert texts(second) == texts(first) == ["NSE:ABC LTD"]
    assert second.instruments["symbol"].to_list() == ["ABCLTD"]


def test_rows_without_a_common_token_are_one_listing_by_isin_and_series() -> None:
    first = merged([share("ABCLTD", "22", isin="INE009A01021")])
    by_isin = share("ABC", "900", "two", exchange_token="", isin="INE009A01021")
    other_series = replace(by_isin, symbol="ABC-BE", series="BE", token="901")
    assert texts(merged([by_isin, other_series], as_known(first))) == ["NSE:ABCLTD", "NSE:ABC-BE"]


def test_rows_are_one_listing_by_symbol_and_series_when_nothing_else_says_so() -> None:
    first = merged([share("ABCLTD", "22")])
    second = merged([share("ABCLTD-EQ", "900", "two", exchange_token="")], as_known(first))
    assert texts(second) == texts(first)


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("NIFTY 50", "NSE:NIFTY 50"),
        ("Nifty 50", "NSE:NIFTY 50"),
        ("NIFTY", "NSE:NIFTY 50"),
        ("Nifty Bank", "NSE:NIFTY BANK"),
        ("BANKNIFTY", "NSE:NIFTY BANK"),
        ("Nifty Fin Service", "NSE:NIFTY FIN SERVICE"),
        ("India VIX", "NSE:INDIA VIX"),
    ],
)
def test_an_index_is_known_by_name_under_every_spelling(spelling: str, canonical: str) -> None:
    assert texts(merged([index(spelling, "99926000")])) == [canonical]
    assert texts(merged([index("SENSEX", "265", exchange=Exchange.BSE)])) == ["BSE:SENSEX"]


def test_an_index_never_joins_a_share_that_has_its_number_as_token() -> None:
    first = merged([index("NIFTY 50", "1001")])
    second = merged([share("ABCLTD", "1001", "two"), index("Nifty 50", "99926000", "two")], as_known(first))
    assert texts(second) == ["NSE:ABCLTD", "NSE:NIFTY 50"]


def test_a_token_that_was_given_to_another_contract_joins_nothing() -> None:
    first = merged([option("old", "500", date(2026, 1, 27), "24000")])
    second = merged([option("new", "500", broker="two")], as_known(first))
    assert texts(second) == ["NFO:NIFTY26FEB25000CE"]


def test_one_contract_is_one_listing_also_when_masters_know_different_expiries() -> None:
    first = merged([option("a", "1", WEEKLY), option("b", "2", MONTHLY)])
    second = merged([option("a", "1", WEEKLY, broker="two")], as_known(first))
    assert texts(second) == ["NFO:NIFTY2621025000CE"]


def test_a_token_and_a_symbol_that_contradict_each_other_are_quarantined_with_the_reason() -> None:
    first = merged([share("ABCLTD", "22"), share("XYZ", "23")])
    second = merged([share("XYZ", "22", "two"), share("INFY", "1594", "two")], as_known(first))
    assert texts(second) == ["NSE:INFY"]
    (complaint,) = second.ambiguous
    assert complaint == "NSE:XYZ (token 22) its token is NSE:ABCLTD elsewhere, its symbol says NSE:XYZ"


def test_a_token_and_an_isin_that_contradict_each_other_are_quarantined() -> None:
    first = merged([share("ABC", "22", isin="INE009A01021")])
    second = merged([share("ABD", "22", "two", isin="INE467B01029")], as_known(first))
    assert second.listings.is_empty()
    assert "INE467B01029" in second.ambiguous[0]


def test_rows_that_would_be_one_listing_are_all_quarantined() -> None:
    result = merged([share("ABC", "1"), share("ABC-EQ", "2"), share("INFY", "3")])
    assert texts(result) == ["NSE:INFY"]
    assert len(result.ambiguous) == 2


def test_rows_that_share_a_token_are_all_quarantined_and_the_same_row_twice_counts_once() -> None:
    result = merged([share("ABC", "1"), share("XYZ", "1"), share("INFY", "3"), share("INFY", "3")])
    assert texts(result) == ["NSE:INFY"]
    assert all("shares its token" in complaint for complaint in result.ambiguous)


@pytest.mark.parametrize(
    "row",
    [
        option("x", "1", underlying=" "),
        replace(option("x", "1"), expiry=None),
        replace(option("x", "1"), strike=None),
        replace(option("x", "1"), strike=Decimal(-1)),
        replace(option("x", "1"), option_type=None),
        share(" ", "1"),
        share("ABC", " "),
        share("ABC", "1", lot_size=0),
        share("ABC", "1", tick_size=Decimal(0)),
    ],
)
def test_a_row_that_lacks_what_names_it_is_quarantined_and_costs_no_other(row: MasterRow) -> None:
    result = merged([row, share("INFY", "3")])
    assert texts(result) == ["NSE:INFY"]
    assert len(result.ambiguous) == 1


def test_a_share_renamed_by_its_exchange_gets_its_new_name_although_others_still_have_the_old() -> None:
    yesterday = merged([share("ZOMATO", "5097")])
    others = as_known(merged([share("ZOMATO-EQ", "5097", "two")]), yesterday)
    assert texts(merged([share("ETERNAL", "5097")], others)) == ["NSE:ETERNAL"]


def test_what_another_master_said_better_is_kept() -> None:
    first = merged(
        [share("NIFTYBEES", "1", kind=Kind.ETF, name="NIPPON INDIA ETF NIFTY BEES", freeze_quantity=900, isin="INF204KB14I2")]
    )
    vague = share("NIFTYBEES-EQ", "1", "two", name="NIFTYBEES", tick_size=Decimal("0.01"))
    listing = only(merged([vague], as_known(first)).listings)
    assert (listing["kind"], listing["name"]) == ("ETF", "NIPPON INDIA ETF NIFTY BEES")
    assert (listing["freeze_quantity"], listing["isin"]) == (900, "INF204KB14I2")
    assert listing["tick_size"] == 1_000_000


def test_a_difference_counts_what_came_went_and_changed() -> None:
    old = merged([share("A", "1"), share("B", "2"), share("C", "3"), share("D", "4")])
    new = merged([share("A", "1"), share("B", "22"), share("C", "3", lot_size=2), share("E", "5")])
    difference = compare(as_known(old, old), new)
    assert (difference.added, difference.gone, difference.changed) == (1, 1, 2)


def test_a_name_keeps_the_day_from_which_it_is_valid() -> None:
    old = merged([share("A", "1"), share("B", "2")])
    new = merge(frame_of([share("A", "1"), share("B", "22")]), as_known(old, old), TODAY + timedelta(days=1))
    assert new.instruments["valid_from"].to_list() == [TODAY, TODAY + timedelta(days=1)]


def names(count: int, exchange: str = "NSE", valid_to: date | None = None) -> list[BrokerInstrument]:
    """So many names on one exchange."""
    return [
        BrokerInstrument("one", f"{exchange}:{number}", str(number), str(number), exchange, valid_to=valid_to)
        for number in range(count)
    ]


@pytest.mark.parametrize(
    ("before", "after", "suspicious"),
    [
        (names(100), names(80), False),
        (names(100), names(79), True),
        (names(100), [], True),
        ([], [], True),
        ([], names(1), False),
        (names(100) + names(100, "BSE"), names(100) + names(79, "BSE"), True),
        (names(1000) + names(100, "BSE"), names(1000), True),
        (names(1000) + names(19, "BSE"), names(1000), False),
        (names(100) + names(100, "NFO", TODAY - timedelta(days=1)), names(100), False),
        (names(100) + names(100, "NFO", TODAY), names(100), True),
    ],
)
def test_a_download_much_smaller_than_the_last_is_suspicious_but_expired_contracts_are_not_missed(
    before: list[BrokerInstrument], after: list[BrokerInstrument], suspicious: bool
) -> None:
    assert bool(shrunken(frames_of([], before)[1], frames_of([], after)[1], TODAY)) is suspicious


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            lambda symbol, token, series: share(symbol, token, series=series),
            st.text(alphabet="ABM&- ", max_size=4),
            st.sampled_from(["1", "2", "3", "4", ""]),
            st.sampled_from(["EQ", "BE", ""]),
        ),
        max_size=12,
    )
)
def test_no_row_is_lost_and_no_listing_has_two_names(rows: list[MasterRow]) -> None:
    result = merged(rows)
    assert len(result.listings) == len(result.instruments) == len(set(texts(result)))
    assert result.instruments["token"].is_unique().all()
    kept = set(result.instruments.select("symbol", "token").iter_rows())
    for row in rows:
        said = any(f"NSE:{row.symbol} (token {row.token}) " in complaint for complaint in result.ambiguous)
        assert said or (row.symbol, row.token) in kept


def test_listing_equality_ignores_what_brokers_say_differently() -> None:
    assert Listing(Exchange.NSE, "INFY", Kind.EQUITY, name="a") == Listing(Exchange.NSE, "INFY", Kind.EQUITY, name="b")
