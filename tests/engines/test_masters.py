"""What people settle, what exchanges' lists and funds' units are, and laws of merging and of frames."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma.domain.instruments import Exchange, Kind, MasterRow
from sigma.engines.instruments import Known, compare, isin_changes
from sigma.engines.master_frame import digest, frame_of, rows_of
from tests.engines.masters import as_known, merged, only, option, share, texts


def test_a_contradiction_that_a_person_settled_is_a_listing_and_no_other_row_can_take_its_name() -> None:
    first = merged([share("ABCLTD", "22"), share("XYZ", "23")])
    rows = [share("XYZ", "22", "two"), share("XYZ-EQ", "99", "two")]
    assert texts(merged(rows, as_known(first))) == ["NSE:XYZ"]
    settled = as_known(first, settled=[("NSE", "XYZ", "22", "NSE:XYZ")])
    result = merged(rows, settled)
    assert result.instruments.select("listing", "token").rows() == [("NSE:XYZ", "22")]
    assert result.ambiguous == ("NSE:XYZ-EQ (token 99) would be NSE:XYZ, which a person gave to another row",)


def test_a_row_that_a_person_left_out_is_neither_listed_nor_quarantined_and_frees_the_other() -> None:
    rows = [share("ABC", "1"), share("ABC-EQ", "2")]
    result = merged(rows, as_known(merged([share("INFY", "3")]), settled=[("NSE", "ABC", "1", None)]))
    assert result.instruments["symbol"].to_list() == ["ABC-EQ"]
    assert result.ambiguous == ()


def test_what_was_settled_for_one_token_is_not_applied_to_the_next_that_gets_it() -> None:
    known = as_known(merged([share("INFY", "3")]), settled=[("NSE", "OLD", "1", "NSE:INFY")])
    assert texts(merged([share("NEW", "1")], known)) == ["NSE:NEW"]


def test_a_person_cannot_make_a_listing_of_a_row_that_lacks_what_names_it() -> None:
    known = as_known(merged([share("INFY", "3")]), settled=[("NSE", "ABC", "1", "NSE:INFY")])
    result = merged([share("ABC", "1", lot_size=0)], known)
    assert result.listings.is_empty()
    assert "has lot size 0" in result.ambiguous[0]


def test_a_quarantined_row_says_what_it_would_be_and_what_it_is_elsewhere() -> None:
    first = merged([share("ABCLTD", "22"), share("XYZ", "23")])
    row = only(merged([share("XYZ", "22", "two")], as_known(first)).quarantined)
    assert (row["says"], row["elsewhere"]) == ("NSE:XYZ", "NSE:ABCLTD")


@pytest.mark.parametrize(
    ("isin", "series", "kind"),
    [("INF204KB14I2", "EQ", "ETF"), ("INE009A01021", "EQ", "EQUITY"), ("INF204KB14I2", "MF", "EQUITY")],
)
def test_units_of_a_fund_that_trade_as_a_share_does_are_an_etf(isin: str, series: str, kind: str) -> None:
    assert only(merged([share("NIFTYBEES", "1", isin=isin, series=series)]).listings)["kind"] == kind


def test_a_lot_of_one_unit_does_not_hide_the_units_of_a_currency_s_lot() -> None:
    currency = {"exchange": Exchange.CDS, "exchange_code": "CDS", "underlying": "USDINR"}
    first = merged([option("x", "1", lot_size=1000, **currency)])
    in_lots = merged([option("y", "1", broker="two", lot_size=1, **currency)], as_known(first))
    assert only(in_lots.listings)["lot_size"] == 1000
    assert (
        only(merged([option("x", "1", lot_size=75)], as_known(merged([option("x", "1", lot_size=50)]))).listings)["lot_size"]
        == 75
    )


def test_an_exchange_s_list_says_more_of_known_listings_and_adds_none() -> None:
    known = as_known(merged([share("ABC", "1", tick_size=Decimal("0.01"), lot_size=1), share("XYZ-BE", "2", series="BE")]))
    row = MasterRow("nse", Exchange.NSE, "ABC", "ABC", "NSE", "", Kind.EQUITY, "Abc Industries Ltd", "EQ", isin="INE009A01021")
    rows = [
        row,
        replace(row, symbol="NEW", token="NEW", isin="INE467B01029"),
        replace(row, symbol="XYZ", token="XYZ", series="BE"),
    ]
    result = merged(rows, known, names=False)
    assert texts(result) == ["NSE:ABC", "NSE:XYZ-BE"]
    assert result.instruments.is_empty()
    listing = result.listings.row(0, named=True)
    assert (listing["isin"], listing["name"], listing["tick_size"]) == ("INE009A01021", "Abc Industries Ltd", 5_000_000)


def test_an_isin_that_takes_another_s_place_is_told() -> None:
    known = as_known(merged([share("ABC", "1", isin="INE009A01021")]))
    split = merged([share("ABC", "1", isin="INE009A01039")], known)
    assert isin_changes(known, split).rows() == [("NSE:ABC", "INE009A01039", "INE009A01021")]
    assert only(split.listings)["isin"] == "INE009A01039"


ROWS = st.lists(
    st.builds(
        lambda symbol, token, strike: option(symbol, token, strike=strike),
        st.sampled_from(["A", "B", "C"]),
        st.sampled_from(["1", "2", "3", "4", "5"]),
        st.integers(min_value=1, max_value=10**9).map(lambda paise: str(Decimal(paise) / 100)),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(ROWS)
def test_a_frame_gives_its_rows_back_and_its_digest_does_not_depend_on_their_order(rows: list[MasterRow]) -> None:
    frame = frame_of(rows)
    assert rows_of("one", frame) == rows
    assert digest(frame) == digest(frame_of(rows[::-1]))
    assert digest(frame) != digest(frame_of([*rows, option("more", "9")]))


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=10**9))
def test_a_strike_is_in_the_name_as_people_write_it(paise: int) -> None:
    strike = Decimal(paise) / 100
    assert texts(merged([option("x", "1", strike=str(strike))])) == [f"NFO:NIFTY26FEB{strike.normalize():f}CE"]


@settings(deadline=None)
@given(ROWS, ROWS)
def test_merging_what_is_published_already_changes_nothing(mine: list[MasterRow], theirs: list[MasterRow]) -> None:
    other = merged([replace(row, broker="two") for row in theirs])
    first = merged(mine, as_known(other))
    known = Known(as_known(other).tokens, first.listings, first.instruments)
    again = merged(mine, known)
    assert again.listings.equals(first.listings)
    assert again.instruments.equals(first.instruments)
    assert (compare(known, again).added, compare(known, again).gone, compare(known, again).changed) == (0, 0, 0)
