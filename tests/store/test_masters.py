"""Masters in bulk: quarantine, overrides, names of the past, ISINs that change."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import polars as pl

from sigma.domain.instruments import BrokerInstrument, Kind, Listing
from sigma.domain.masters import Override, RowKey
from sigma.engines.instruments import QUARANTINE, SWAP, frames_of
from sigma.ports.masters import MasterState, MasterVersion
from sigma.store import SqlMarketStore
from tests.store.values import LATER, NOW, instrument, listing, report

TODAY = date(2026, 11, 20)
EXPIRY = date(2026, 11, 24)
INFY, TCS = listing("INFY"), listing("TCS")
KEY = RowKey("zerodha", "NSE", "ODD", "9")


def version(
    names: list[BrokerInstrument],
    *listings: Listing,
    aside: list[tuple[str, str]] | None = None,
    isins: list[tuple[str, str, str]] | None = None,
    content: str = "one",
) -> MasterVersion:
    """A merged master of zerodha; `aside` holds symbol and reason of quarantined rows."""
    rows = [("NSE", "NSE", symbol, "9", "Name", reason, f"NSE:{symbol}", None) for symbol, reason in aside or ()]
    quarantined = pl.DataFrame(rows, schema=QUARANTINE, orient="row")
    swapped = pl.DataFrame(isins or [], schema=SWAP, orient="row")
    return MasterVersion("zerodha", *frames_of(listings, names), swapped, quarantined, MasterState(content, "basis"))


def contract(symbol: str, token: str, expiry: date | None = EXPIRY, since: date = TODAY) -> BrokerInstrument:
    return BrokerInstrument("zerodha", f"NFO:{symbol}", symbol, token, "NFO", token, since, expiry)


def test_what_was_published_last_is_remembered_with_its_digests(market: SqlMarketStore) -> None:
    assert market.master_state("zerodha") is None
    market.publish_master(version([instrument(INFY, "1")], INFY), report(), NOW)
    market.publish_master(version([instrument(INFY, "1")], INFY, content="two"), report(), NOW)
    assert market.master_state("zerodha") == MasterState("two", "basis")
    assert market.master_state("angelone") is None


def test_a_refresh_without_news_counts_as_one_of_the_same_version(market: SqlMarketStore) -> None:
    number = market.publish_master(version([instrument(INFY, "1")], INFY), report(), NOW)
    assert market.note_unchanged(report(unchanged=True), LATER) == number
    assert market.master_version("zerodha") == (number, LATER)
    last = market.last_report("zerodha")
    assert last is not None
    assert last.unchanged


def test_quarantined_rows_keep_the_day_they_were_first_seen_and_say_whether_they_are_still_there(market: SqlMarketStore) -> None:
    market.publish_master(version([], INFY, aside=[("ODD", "is odd"), ("GONE", "is odd too")]), report(), NOW)
    assert market.count_quarantined() == 2
    market.publish_master(version([], INFY, aside=[("ODD", "is odder")]), report(), LATER)
    (row,) = market.quarantine("zerodha")
    assert (row.key, row.reason, row.says, row.elsewhere) == (KEY, "is odder", "NSE:ODD", None)
    assert (row.first_seen, row.last_seen, row.present) == (NOW, LATER, True)
    assert [(each.key.symbol, each.present) for each in market.quarantine(present=False)] == [("ODD", True), ("GONE", False)]
    assert market.quarantine("angelone") == []
    assert market.count_quarantined() == 1


def test_what_a_person_said_of_a_row_is_replaced_by_what_they_say_next(market: SqlMarketStore) -> None:
    first = Override(KEY, "NSE:INFY", "as the exchange says", "owner", NOW)
    market.put_override(first)
    assert market.overrides() == [first]
    second = replace(first, listing=None, at=LATER)
    market.put_override(second)
    market.put_override(replace(first, key=replace(KEY, source="angelone")))
    assert market.overrides("zerodha") == [second]
    assert market.override_frame("zerodha").rows() == [("NSE", "ODD", "9", None)]
    assert market.drop_override(KEY)
    assert not market.drop_override(KEY)
    assert [each.key.source for each in market.overrides()] == ["angelone"]


def test_a_token_that_is_used_anew_stands_for_what_it_was_on_each_day(market: SqlMarketStore) -> None:
    market.publish_master(version([contract("OLD", "500"), instrument(INFY, "7")], INFY), report(), NOW)
    later = NOW + timedelta(days=10)
    new = contract("NEW", "500", date(2026, 12, 29), date(2026, 11, 30))
    market.publish_master(version([new, instrument(INFY, "7")], INFY), report(), later)

    def then(day: date, token: str = "500") -> str | None:
        return market.listing_by_token_on("zerodha", "NFO", token, day)

    assert market.listing_by_token("zerodha", "NFO", "500") == "NFO:NEW"
    assert [then(day) for day in (TODAY, EXPIRY)] == ["NFO:OLD", "NFO:OLD"]
    assert [then(day) for day in (date(2026, 11, 30), date(2026, 12, 29))] == ["NFO:NEW", "NFO:NEW"]
    assert [then(day) for day in (TODAY - timedelta(1), date(2026, 11, 27), date(2026, 12, 30))] == [None, None, None]
    name = instrument(INFY, "7")
    assert market.listing_by_token_on("zerodha", name.exchange_code, name.token, date(2020, 1, 1)) == "NSE:INFY"


def test_names_that_were_given_up_long_ago_are_forgotten(market: SqlMarketStore) -> None:
    market.publish_master(version([contract("OLD", "500")], INFY), report(), NOW)
    market.publish_master(version([], INFY), report(), NOW + timedelta(days=10))
    assert market.listing_by_token_on("zerodha", "NFO", "500", EXPIRY) == "NFO:OLD"
    market.publish_master(version([], INFY), report(), NOW + timedelta(days=500))
    assert market.listing_by_token_on("zerodha", "NFO", "500", EXPIRY) is None


def test_an_isin_that_takes_another_s_place_is_shown_with_the_version_and_the_old_one_kept(market: SqlMarketStore) -> None:
    market.publish_master(version([], replace(INFY, isin="INE009A01021")), report(), NOW)
    split = replace(INFY, isin="INE009A01039")
    market.publish_master(version([], split, isins=[("NSE:INFY", "INE009A01039", "INE009A01021")]), report(), LATER)
    found = market.listing("NSE:INFY")
    assert found is not None
    assert found.isin == "INE009A01039"
    assert market.former_isins("NSE:INFY") == [("INE009A01021", TODAY)]
    assert market.former_isins("NSE:TCS") == []


def test_a_snapshot_holds_what_a_merge_needs_and_no_contract_that_is_over(market: SqlMarketStore) -> None:
    old = replace(listing("OLD"), kind=Kind.FUTURE, expiry=EXPIRY, underlying="NSE:INFY")
    index = replace(listing("NIFTY 50"), kind=Kind.INDEX)
    names = [instrument(each, str(number)) for number, each in enumerate((INFY, old, index))]
    market.publish_master(version(names, INFY, old, index), report(), NOW)
    market.replace_master("angelone", [TCS], [instrument(TCS, "9", "angelone")], report("angelone"), NOW)
    seen = market.master_snapshot("zerodha", EXPIRY + timedelta(1))
    assert seen.published == 2
    assert sorted(seen.names["listing"]) == ["NSE:INFY", "NSE:NIFTY 50", "NSE:OLD"]
    assert sorted(seen.listings["text"]) == ["NSE:INFY", "NSE:NIFTY 50", "NSE:TCS"]
    whole = market.master_snapshot("angelone", None)
    assert whole.listings.drop("id").sort("text").equals(frames_of(sorted((INFY, TCS, old, index), key=str), [])[0])
    assert seen.tokens["listing"].to_list() == ["NSE:TCS"]
    assert "NSE:NIFTY 50" not in whole.tokens["listing"].to_list()


def test_a_version_merged_with_what_is_no_longer_published_is_compared_with_what_is(market: SqlMarketStore) -> None:
    market.publish_master(version([instrument(INFY, "1")], INFY), report(), NOW)
    stale = market.master_snapshot("zerodha", None)
    market.replace_master("angelone", [replace(INFY, lot_size=7), TCS], [], report("angelone"), NOW)
    late = replace(version([instrument(TCS, "2")], INFY, TCS), known=stale)
    market.publish_master(late, report(), LATER)
    rows = market.master_snapshot("zerodha", None)
    assert sorted(rows.listings.select("text", "lot_size").rows()) == [("NSE:INFY", 1), ("NSE:TCS", 1)]
    assert rows.names["listing"].to_list() == ["NSE:TCS"]


def test_odd_texts_come_back_as_they_went_in(market: SqlMarketStore) -> None:
    odd = "₹ and 'quotes', \t tabs \n and \\N"
    market.publish_master(version([], replace(INFY, name=odd)), report(), NOW)
    found = market.listing("NSE:INFY")
    assert found is not None
    assert found.name == odd
