"""The instrument table as a service: refreshing, keeping the old, finding what people mean."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import count

import pytest

from sigma.domain.errors import BrokerUnavailable, ConfigError, InvalidInput, NotFound, StaleData
from sigma.domain.events import Level
from sigma.domain.instruments import Exchange, Kind, MasterRow
from sigma.domain.portfolio import Holding
from sigma.services.listings import ListingLookup
from tests.services.rooms import Rooms

SHARES = ("INFY", "INFIBEAM", "M&M", "BAJAJ-AUTO", "RELIANCE", "A_B", "A-B", "X&Y", "X-Y")


def shares(broker: str, *symbols: str, exchange: Exchange = Exchange.NSE) -> list[MasterRow | str]:
    """Rows of a master; the exchange's tokens are the same at every broker."""
    suffix = "-EQ" if broker == "beta" else ""
    tokens = {symbol: str(number) for symbol, number in zip(dict.fromkeys((*SHARES, *symbols)), count(100), strict=False)}
    return [
        MasterRow(
            broker,
            exchange,
            f"{symbol}{suffix}",
            f"{broker}{tokens[symbol]}",
            exchange,
            tokens[symbol],
            Kind.EQUITY,
            symbol,
            "EQ",
        )
        for symbol in symbols
    ]


def many(broker: str, number: int) -> list[MasterRow | str]:
    """A master of so many rows."""
    return shares(broker, *(f"S{index:03}" for index in range(number)))


@pytest.fixture
def table(rooms: Rooms) -> Rooms:
    """Services whose alpha master is downloaded: shares on NSE, and INFY on BSE."""
    rooms.account()
    rooms.alpha.rows = [*shares("alpha", *SHARES), *shares("alpha", "INFY", exchange=Exchange.BSE)]
    rooms.instruments.refresh(rooms.user, "alpha")
    return rooms


def test_a_refresh_reports_and_is_an_event(table: Rooms) -> None:
    report = table.instruments.refresh(table.user, "alpha", force=True)
    assert (report.broker, report.rows, report.added, report.gone, report.changed) == ("alpha", 10, 0, 0, 0)
    assert (report.version, report.unchanged) == (2, False)
    assert not report.kept_old
    assert "10 listings, 10 added" in table.audit("INSTRUMENTS_REFRESHED")[-1].text


def test_a_refresh_counts_what_came_went_and_changed(table: Rooms) -> None:
    table.alpha.rows = [*table.alpha.rows[1:], *shares("alpha", "NEWCO")]
    report = table.instruments.refresh(table.user, "ann")
    assert (report.added, report.gone, report.changed) == (1, 1, 0)
    with pytest.raises(NotFound):
        table.lookup.broker_instrument("alpha", "NSE:INFY")


def test_two_brokers_masters_are_one_table_with_both_brokers_names(table: Rooms) -> None:
    table.beta.rows = shares("beta", "INFY", "M&M")
    table.instruments.refresh(table.user, "beta")
    assert table.lookup.broker_instrument("beta", "NSE:INFY").symbol == "INFY-EQ"
    assert table.lookup.broker_instrument("alpha", "NSE:INFY").symbol == "INFY"
    assert table.lookup.listing_by_symbol("beta", "NSE", "M&M-EQ") == "NSE:M&M"
    assert table.lookup.listing_by_token("alpha", "NSE", "alpha100") == "NSE:INFY"
    assert table.lookup.listing_by_token("beta", "NSE", "alpha100") is None


def test_unreadable_and_ambiguous_rows_are_reported_and_cost_no_other(table: Rooms) -> None:
    table.alpha.rows = [*table.alpha.rows, "line 12: no lot size", *shares("alpha", "TWICE")]
    table.alpha.rows.append(MasterRow("alpha", Exchange.NSE, "TWICE", "9999", "NSE", "9999", Kind.EQUITY, series="EQ"))
    report = table.instruments.refresh(table.user, "alpha")
    assert report.bad == ("line 12: no lot size",)
    assert len(report.ambiguous) == 2
    assert report.rows == 10


def test_a_failed_download_keeps_the_old_table_and_says_so(table: Rooms) -> None:
    table.alpha.failures = [BrokerUnavailable("HTTP 503 from the dump.")]
    report = table.instruments.refresh(table.user, "alpha")
    assert report.kept_old == "the download failed: HTTP 503 from the dump."
    assert (report.version, report.rows) == (1, 10)
    assert table.instruments.get("NSE:INFY").symbol == "INFY"
    (event,) = table.audit("INSTRUMENTS_KEPT_OLD")
    assert event.level is Level.WARNING
    assert table.market_store.last_report("alpha") == report


@pytest.mark.parametrize("left", [0, 7])
def test_an_empty_or_shrunken_download_keeps_the_old_table_unless_forced(table: Rooms, left: int) -> None:
    table.alpha.rows = table.alpha.rows[:left]
    report = table.instruments.refresh(table.user, "alpha")
    assert report.kept_old
    assert table.instruments.get("BSE:INFY").exchange is Exchange.BSE
    forced = table.instruments.refresh(table.user, "alpha", force=True)
    assert bool(forced.kept_old) is (left == 0)


def test_a_download_that_breaks_off_in_the_middle_keeps_the_old_table(table: Rooms) -> None:
    whole = table.alpha.rows

    def broken_off() -> list[MasterRow | str]:
        raise BrokerUnavailable("The connection broke.")

    class Broken(list[MasterRow | str]):
        def __iter__(self):  # type: ignore[no-untyped-def]
            yield from whole[:9]
            broken_off()

    table.alpha.rows = Broken()
    assert table.instruments.refresh(table.user, "alpha").kept_old
    assert table.instruments.get("BSE:INFY")


def test_a_first_download_that_fails_raises(rooms: Rooms) -> None:
    rooms.account()
    rooms.alpha.failures = [BrokerUnavailable("HTTP 503")]
    with pytest.raises(BrokerUnavailable):
        rooms.instruments.refresh(rooms.user, "alpha")


def test_refreshing_all_goes_over_the_brokers_of_the_accounts_and_one_failure_stops_no_other(rooms: Rooms) -> None:
    with pytest.raises(ConfigError, match="no account"):
        rooms.instruments.refresh_all(rooms.user)
    rooms.account("ann")
    rooms.account("ben", "beta")
    rooms.beta.rows = shares("beta", "INFY")
    rooms.alpha.failures = [BrokerUnavailable("HTTP 503")]
    first, second = rooms.instruments.refresh_all(rooms.user)
    assert (first.broker, bool(first.kept_old)) == ("alpha", True)
    assert (second.broker, second.rows) == ("beta", 1)


def test_refreshing_a_stranger_is_not_found(rooms: Rooms) -> None:
    with pytest.raises(NotFound):
        rooms.instruments.refresh(rooms.user, "gamma")


def test_without_a_download_the_error_says_how_to_get_one(rooms: Rooms) -> None:
    for ask in (
        lambda: rooms.instruments.get("NSE:INFY"),
        lambda: rooms.instruments.resolve("INFY"),
        lambda: rooms.instruments.find("inf"),
    ):
        with pytest.raises(ConfigError, match="never downloaded") as told:
            ask()
        assert "sigma instruments refresh" in told.value.hint


def test_an_old_table_warns_or_fails_by_the_setting(table: Rooms) -> None:
    table.clock.pass_by(37 * 3600)
    assert "37 hours old" in table.instruments.warning()
    assert table.instruments.get("NSE:INFY")
    table.settings.set("instruments.stale_policy", "fail", user_id=table.user)
    with pytest.raises(StaleData, match="37 hours old"):
        table.instruments.get("NSE:INFY")
    table.instruments.refresh(table.user, "alpha")
    assert table.instruments.get("NSE:INFY")
    assert not table.instruments.warning()


@pytest.mark.parametrize(
    ("text", "listing"),
    [
        ("NSE:INFY", "NSE:INFY"),
        ("nse:infy", "NSE:INFY"),
        (" INFY ", "NSE:INFY"),
        ("BSE:INFY", "BSE:INFY"),
        ("NSE:M_M", "NSE:M&M"),
        ("M_M", "NSE:M&M"),
        ("NSE:BAJAJ_AUTO", "NSE:BAJAJ-AUTO"),
        ("NSE:A_B", "NSE:A_B"),
    ],
)
def test_what_people_and_tradingview_write_is_understood(table: Rooms, text: str, listing: str) -> None:
    assert table.instruments.resolve(text).text == listing


def test_a_text_that_could_be_two_is_not_guessed(table: Rooms) -> None:
    with pytest.raises(InvalidInput, match="NSE:X&Y or NSE:X-Y"):
        table.instruments.resolve("NSE:X_Y")


def test_the_default_exchange_is_the_user_s(table: Rooms) -> None:
    table.settings.set("instruments.default_exchange", "BSE", user_id=table.user)
    assert table.instruments.resolve("INFY", table.user).text == "BSE:INFY"
    assert table.instruments.resolve("INFY").text == "NSE:INFY"


@pytest.mark.parametrize(
    ("text", "guess"), [("NSE:INFFY", "NSE:INFY"), ("NSE:RELIENCE", "NSE:RELIANCE"), ("BSE:RELIANCE", "NSE:RELIANCE")]
)
def test_an_unknown_listing_is_not_found_with_a_guess(table: Rooms, text: str, guess: str) -> None:
    with pytest.raises(NotFound) as told:
        table.instruments.get(text)
    assert guess in told.value.hint


@pytest.mark.parametrize("text", ["", ":", "NSE:", "MARS:INFY", "NSE: "])
def test_what_is_no_listing_is_said_to_be_none(table: Rooms, text: str) -> None:
    with pytest.raises(InvalidInput):
        table.instruments.resolve(text)


def test_finding_takes_part_of_a_symbol(table: Rooms) -> None:
    assert [row.text for row in table.instruments.find("inf")][:2] == ["BSE:INFY", "NSE:INFY"]
    assert [row.text for row in table.instruments.find("inf", exchange=Exchange.BSE)] == ["BSE:INFY"]
    assert not table.instruments.find("inf", kind=Kind.OPTION)


def test_a_lookup_is_answered_from_memory_until_a_new_version_is_seen(table: Rooms) -> None:
    assert table.lookup.broker_instrument("alpha", "NSE:INFY").token == "alpha100"
    moved = MasterRow("alpha", Exchange.NSE, "INFY", "moved", "NSE", "100", Kind.EQUITY, series="EQ")
    table.alpha.rows = [moved, *shares("alpha", *SHARES[1:]), *shares("alpha", "INFY", exchange=Exchange.BSE)]
    seen = ListingLookup(table.market_store, table.clock)
    assert seen.broker_instrument("alpha", "NSE:INFY").token == "alpha100"
    table.instruments.refresh(table.user, "alpha")
    assert table.lookup.broker_instrument("alpha", "NSE:INFY").token == "moved"
    assert seen.broker_instrument("alpha", "NSE:INFY").token == "alpha100"
    table.clock.pass_by(1.1)
    assert seen.broker_instrument("alpha", "NSE:INFY").token == "moved"


def held(listing: str | None, isin: str | None) -> Holding:
    return Holding(listing, "INFY", "NSE", isin, 5, 0, 0, Decimal(1), Decimal(2), None)


def test_holdings_teach_isins_once(table: Rooms) -> None:
    rows = [held("NSE:INFY", "INE009A01021"), held("NSE:M&M", None), held(None, "INE009A01021")]
    assert table.instruments.learn_isins(rows) == 1
    assert table.instruments.get("NSE:INFY").isin == "INE009A01021"
    assert table.instruments.learn_isins(rows) == 0


def test_a_holding_that_contradicts_a_known_isin_is_told_once_and_changes_nothing(table: Rooms) -> None:
    table.instruments.learn_isins([held("NSE:INFY", "INE009A01021")])
    for _ in range(3):
        assert table.instruments.learn_isins([held("NSE:INFY", "INE467B01029")], table.user) == 0
    assert table.instruments.get("NSE:INFY").isin == "INE009A01021"
    assert len(table.audit("ISIN_CONFLICT")) == 1


def test_a_large_master_goes_in_whole(rooms: Rooms) -> None:
    rooms.account()
    rooms.alpha.rows = many("alpha", 600)
    assert rooms.instruments.refresh(rooms.user, "alpha").rows == 600
    rooms.alpha.rows = rooms.alpha.rows[:470]
    assert "470 rows" in rooms.instruments.refresh(rooms.user, "alpha").kept_old
    assert rooms.lookup.broker_instrument("alpha", "NSE:S599").valid_from == date(2026, 11, 20)
