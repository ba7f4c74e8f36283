"""Instruments: published whole, found quickly, ISINs kept."""

from __future__ import annotations

import threading
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import event, insert, select, update

from sigma.domain.errors import ConfigError, Conflict
from sigma.domain.instruments import BrokerInstrument, Exchange, Kind, Listing, OptionType
from sigma.store import SqlMarketStore, database, pieces, publish
from sigma.store.market_rows import from_listing
from sigma.store.market_schema import FOREVER, broker_instruments, isins, listings
from tests.store.conftest import Place
from tests.store.values import LATER, NOW, instrument, listing, report

INFY, TCS = listing("INFY"), listing("TCS")
OPTION = Listing(
    exchange=Exchange.NFO,
    symbol="INFY26NOV1500CE",
    kind=Kind.OPTION,
    name="INFY",
    series="XX",
    lot_size=400,
    tick_size=Decimal("0.10"),
    freeze_quantity=40_000,
    isin="INE009A01021",
    expiry=date(2026, 11, 24),
    strike=Decimal("1500.00"),
    option_type=OptionType.CALL,
    underlying="NSE:INFY",
)


def publish_all(market: SqlMarketStore, *wanted: Listing, broker: str = "zerodha") -> int:
    names = [instrument(each, str(number), broker) for number, each in enumerate(wanted)]
    return market.replace_master(broker, wanted, names, report(broker), NOW)


def exactly(one: Listing | None) -> dict[str, object]:
    """All fields: listings compare by exchange and symbol alone."""
    assert one is not None
    return {each.name: getattr(one, each.name) for each in fields(one)}


def test_a_listing_comes_back_as_it_was_published_in_every_field(market: SqlMarketStore) -> None:
    assert publish_all(market, OPTION, INFY) == 1
    assert exactly(market.listing(OPTION.text)) == exactly(OPTION)
    assert exactly(market.listing("NSE:INFY")) == exactly(INFY)
    assert market.listing("NSE:NONE") is None
    assert market.listings(["NSE:INFY", OPTION.text, "NSE:NONE"]) == {"NSE:INFY": INFY, OPTION.text: OPTION}
    assert market.listings([]) == {}


def test_brokers_names_come_back_by_every_key(market: SqlMarketStore) -> None:
    name = BrokerInstrument("angelone", "NSE:INFY", "INFY-EQ", "1594", "nse_cm", "1594", date(2026, 1, 1), date(2026, 12, 31))
    other = BrokerInstrument("angelone", OPTION.text, "INFY24NOV261500CE", "77", "nse_fo")
    market.replace_master("angelone", [INFY, OPTION], [name, other], report("angelone"), NOW)
    publish_all(market, TCS)
    assert market.broker_instrument("angelone", "NSE:INFY") == name
    assert sorted(market.broker_instruments("angelone"), key=lambda each: each.token) == [name, other]
    assert market.listing_by_symbol("angelone", "nse_cm", "INFY-EQ") == "NSE:INFY"
    assert market.listing_by_token("angelone", "nse_fo", "77") == OPTION.text
    assert market.broker_instrument("zerodha", "NSE:INFY") is None
    assert market.listing_by_symbol("angelone", "nse_fo", "INFY-EQ") is None
    assert market.listing_by_token("zerodha", "nse_cm", "1594") is None


def test_a_new_version_replaces_a_brokers_names_and_merges_listings(market: SqlMarketStore) -> None:
    publish_all(market, INFY, TCS)
    publish_all(market, INFY, broker="angelone")
    changed = replace(INFY, lot_size=7)
    assert publish_all(market, changed) == 3
    assert exactly(market.listing("NSE:INFY")) == exactly(changed)
    assert exactly(market.listing("NSE:TCS")) == exactly(TCS)
    assert market.broker_instrument("zerodha", "NSE:TCS") is None
    assert market.broker_instrument("angelone", "NSE:INFY") is not None
    with market.database.read() as link:
        assert len(link.all(select(listings))) == 2  # nothing outdated stays behind
        assert len(link.all(select(broker_instruments))) == 2


def test_versions_and_reports_are_remembered(market: SqlMarketStore) -> None:
    assert market.master_version() is None
    assert market.last_report("zerodha") is None
    publish_all(market, INFY)
    market.replace_master("angelone", [INFY], [], report("angelone"), LATER)
    kept = report(version=1, kept_old="the download was cut short")
    market.note_refresh(kept, LATER)
    assert market.master_version() == market.master_version("angelone") == (2, LATER)
    assert market.master_version("zerodha") == (1, NOW)
    assert market.last_report("zerodha") == kept
    assert market.last_report("angelone") == report("angelone", version=2)


def test_an_isin_once_known_is_kept(market: SqlMarketStore) -> None:
    publish_all(market, INFY)
    assert market.learn_isin("NSE:INFY", "INE009A01021")
    assert not market.learn_isin("NSE:INFY", "INE009A01021")
    with pytest.raises(Conflict, match="INE009A01021"):
        market.learn_isin("NSE:INFY", "INE000000000")
    publish_all(market, replace(INFY, name="changed"))
    publish_all(market, replace(INFY, isin="INE000000000"))
    found = market.listing("NSE:INFY")
    assert found is not None
    assert (found.isin, found.name) == ("INE009A01021", INFY.name)


def test_searching_finds_exact_then_prefix_then_any_and_dead_ones_last(market: SqlMarketStore) -> None:
    bees, named, dead = listing("NIFTYINFY"), listing("XYZ", name="infy trust"), listing("INFYOLD")
    other = Listing(Exchange.BSE, "INFY", Kind.EQUITY, "INFOSYS")
    percent, wild = listing("M&M"), listing("A_B%C")
    publish_all(market, dead)
    publish_all(market, OPTION, bees, INFY, named, other, percent, wild)
    assert [each.text for each in market.find(" infy ")] == [
        "BSE:INFY",
        "NSE:INFY",
        "NFO:INFY26NOV1500CE",
        "NSE:XYZ",
        "NSE:NIFTYINFY",
        "NSE:INFYOLD",
    ]
    assert market.find("infy", exchange="NFO") == market.find("infy", kind=Kind.OPTION) == [OPTION]
    assert market.find("infy", limit=1) == [other]
    assert market.find("_b%") == [wild]
    assert market.find("m_m") == []
    assert market.find("infosys") == [other]


def test_what_an_interrupted_publication_left_is_never_seen_and_is_removed_by_the_next(market: SqlMarketStore) -> None:
    publish_all(market, INFY, TCS)
    with market.database.write() as link:
        unseen = from_listing(replace(INFY, lot_size=9)) | {"since": 2, "until": FOREVER}
        link.write(insert(listings), unseen)
        link.write(update(listings).where(listings.c.since == 1).values(until=2))
        link.write(insert(isins), {"listing": "NSE:TCS", "isin": "INE0UNSEEN", "since": 2})
        link.write(update(broker_instruments).values(until=2))
    assert exactly(market.listing("NSE:INFY")) == exactly(INFY)
    assert exactly(market.listing("NSE:TCS")) == exactly(TCS)
    assert publish_all(market, TCS, broker="angelone") == 2
    assert exactly(market.listing("NSE:INFY")) == exactly(INFY)
    assert exactly(market.listing("NSE:TCS")) == exactly(TCS)
    assert len(market.broker_instruments("zerodha")) == 2


def test_readers_see_one_whole_version_or_the_next(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "_MOST_PIECE", 50)
    versions = [[listing(f"S{number}", lot_size=lot) for number in range(300)] for lot in (1, 2, 3)]
    seen: set[tuple[int, ...]] = set()
    ended = threading.Event()
    with place.market() as market, place.market() as other:
        publish_all(market, *versions[0])

        def look() -> None:
            while not ended.is_set():
                found = other.listings([each.text for each in versions[0]])
                seen.add((len(found), *sorted({each.lot_size for each in found.values()})))
                seen.add((len(other.broker_instruments("zerodha")),))

        reader = threading.Thread(target=look)
        reader.start()
        for version in versions[1:]:
            publish_all(market, *version)
        ended.set()
        reader.join()
        assert market.listing("NSE:S7") is not None
    assert seen <= {(300, 1), (300, 2), (300, 3), (300,)}
    assert (300,) in seen


def test_a_master_is_published_in_many_small_commits(market: SqlMarketStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each as long as COMMIT_SECONDS at most, by what the last one took; others write in between."""
    monkeypatch.setattr(pieces, "COMMIT_SECONDS", 0.005)
    commits: list[object] = []
    event.listen(market.database.writer, "commit", commits.append)
    learned = []
    monkeypatch.setattr(pieces.time, "sleep", lambda _seconds: learned.append(market.learn_isin(f"NSE:X{len(learned)}", "INE1")))
    publish_all(market, *[listing(f"S{number}") for number in range(6000)])
    assert len(learned) >= 10
    assert all(learned)
    assert len(commits) > 2 * len(learned)


def test_publications_come_one_after_another(place: Place, market: SqlMarketStore) -> None:
    def publish_three(broker: str) -> None:
        with place.market() as own:  # what keeps them apart is the system's lock or the server's, not one of this process
            for number in range(3):
                publish_all(own, listing("INFY", lot_size=number + 1), broker=broker)

    threads = [threading.Thread(target=publish_three, args=(broker,)) for broker in ("zerodha", "angelone")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    newest = market.master_version()
    assert newest is not None
    assert newest[0] == 6


def test_a_publication_that_waits_too_long_for_another_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "_WAIT_SECONDS", 0.1)
    monkeypatch.setattr(database, "BUSY_SECONDS", 1)
    with (
        place.market() as market,
        place.market() as other,
        publish.Publisher(other.database)._alone(),
        pytest.raises(ConfigError) as told,
    ):
        publish_all(market, INFY)
    assert told.value.code == "DATABASE_BUSY"
    assert told.value.retryable
