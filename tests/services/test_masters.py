"""Masters as a service: what is unchanged, files given by a person, exchanges' lists, settling, the morning's refresh."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from sigma.domain.errors import BrokerUnavailable, ConfigError, InvalidInput, NotFound
from sigma.domain.health import Mark
from sigma.domain.instruments import Exchange, Kind, MasterReport, MasterRow
from sigma.domain.masters import RowKey
from sigma.engines.health import masters as judge_masters
from sigma.ports.broker import AdapterContext
from sigma.ports.masters import MasterFile
from sigma.services.instruments import InstrumentsService
from sigma.services.quarantine import QuarantineService
from tests.services.fake_kit import master_file
from tests.services.rooms import Rooms

ISIN, OTHER = "INE009A01021", "INE009A01039"


def share(broker: str, symbol: str, token: str, **changes: object) -> MasterRow:
    row = MasterRow(broker, Exchange.NSE, symbol, token, "NSE", token, Kind.EQUITY, symbol, "EQ")
    return replace(row, **changes)  # type: ignore[arg-type]


LISTED = share("list", "ABCLTD", "x", exchange_token="", isin=ISIN)


@dataclass
class FakeSource:
    """A source without an account: a list that only says more, or (names) a master."""

    title: str = "The list"
    names: bool = False
    urls: tuple[str, ...] = ("https://example.org/list.csv",)
    rows: list[MasterRow] = field(default_factory=list)
    covers: frozenset[str] = frozenset()
    failure: BrokerUnavailable | None = None
    calls: int = 0

    def download(self, context: AdapterContext) -> MasterFile:
        self.calls += 1
        if self.failure is not None:
            raise self.failure
        return replace(master_file(self.rows), covers=self.covers)

    def read(self, data: bytes) -> MasterFile:
        return master_file([share("list", line, line) for line in data.decode().split()])


@dataclass
class Desk:
    """Services with a list and a third master besides the brokers."""

    rooms: Rooms
    list: FakeSource
    third: FakeSource
    service: InstrumentsService
    quarantine: QuarantineService

    def refresh_due(self) -> tuple[MasterReport, ...]:
        """Do what the worker does each minute."""
        return self.service.refresh_unattended(self.service.due())

    def refresh(self, *names: str) -> None:
        for name in names:
            self.service.refresh(self.rooms.user, name)


@pytest.fixture
def desk(rooms: Rooms) -> Desk:
    rooms.account("ann")
    rooms.account("ben", "beta")
    rooms.alpha.rows = [share("alpha", "ABCLTD", "22"), share("alpha", "XYZ", "23")]
    rooms.alpha.rows += [share("alpha", f"S{number}", f"9{number}") for number in range(5)]
    rooms.beta.rows = [share("beta", "ABCLTD", "22")]
    listed, third = FakeSource(rows=[LISTED]), FakeSource("The third", names=True)
    rooms.settings.set("instruments.lists", "list", user_id=rooms.user)
    service = InstrumentsService(
        rooms.store,
        rooms.market_store,
        rooms.clock,
        rooms.connections,
        rooms.settings,
        rooms.events,
        rooms.lookup,
        {"list": listed, "third": third},
        ["list"],
    )
    return Desk(rooms, listed, third, service, QuarantineService(rooms.store, rooms.market_store, rooms.clock, rooms.events))


def test_the_same_rows_in_another_order_publish_nothing_and_count_as_a_refresh(desk: Desk) -> None:
    desk.refresh("alpha", "beta")
    desk.rooms.clock.pass_by(3600)
    desk.rooms.alpha.rows.reverse()
    report = desk.service.refresh(desk.rooms.user, "alpha")
    assert (report.unchanged, report.version, report.rows, report.added, report.changed) == (True, 2, 7, 0, 0)
    assert desk.rooms.market_store.master_version("alpha") == (2, desk.rooms.clock.now())
    assert desk.service.age() == timedelta(0)
    assert desk.rooms.lookup.broker_instrument("alpha", "NSE:XYZ").token == "23"


def test_an_unchanged_file_is_merged_anew_when_it_is_forced_or_a_person_said_something(desk: Desk) -> None:
    desk.refresh("alpha")
    assert desk.service.refresh(desk.rooms.user, "alpha", force=True).version == 2
    desk.quarantine.settle(desk.rooms.user, RowKey("alpha", "NSE", "XYZ", "23"), None)
    report = desk.service.refresh(desk.rooms.user, "alpha")
    assert (report.version, report.rows, report.gone) == (3, 6, 1)


def test_a_file_that_a_person_gives_is_taken_like_a_download(desk: Desk) -> None:
    report = desk.service.load(desk.rooms.user, "alpha", b"ABCLTD\nNEWCO\n")
    assert (report.version, report.rows) == (1, 2)
    assert desk.service.get("NSE:NEWCO").symbol == "NEWCO"
    assert "XYZ" not in {row.symbol for row in desk.service.find("xyz")}
    kept = desk.service.load(desk.rooms.user, "alpha", b" ")
    assert (kept.kept_old, kept.version) == ("the download failed: This is no master.", 1)
    with pytest.raises(NotFound, match="no source 'gamma'") as told:
        desk.service.load(desk.rooms.user, "gamma", b"X")
    assert "alpha, beta, list, third" in told.value.hint


def test_a_list_teaches_isins_of_known_listings_and_names_none(desk: Desk) -> None:
    desk.refresh("alpha")
    desk.list.rows = [LISTED, share("list", "NEW", "y", isin=OTHER)]
    report = desk.service.refresh(desk.rooms.user, "list")
    assert (report.rows, report.added, report.changed) == (1, 1, 0)
    assert desk.service.get("NSE:ABCLTD").isin == ISIN
    with pytest.raises(NotFound):
        desk.rooms.lookup.broker_instrument("list", "NSE:ABCLTD")
    with pytest.raises(NotFound):
        desk.service.get("NSE:NEW")


def test_a_new_isin_of_a_listing_takes_the_old_one_s_place_and_is_told(desk: Desk) -> None:
    desk.refresh("alpha")
    desk.refresh("list")
    desk.list.rows = [replace(LISTED, isin=OTHER)]
    assert desk.service.refresh(desk.rooms.user, "list").changed == 1
    assert desk.service.get("NSE:ABCLTD").isin == OTHER
    assert f"NSE:ABCLTD {ISIN} -> {OTHER}" in desk.rooms.audit("ISIN_CHANGED")[0].text


def test_a_list_makes_an_old_table_no_younger(desk: Desk) -> None:
    desk.refresh("alpha")
    desk.rooms.clock.pass_by(37 * 3600)
    desk.refresh("list")
    assert desk.service.age() == timedelta(hours=37)
    assert "37 hours old" in desk.service.warning()


def test_a_list_that_is_much_shorter_than_before_keeps_what_it_taught(desk: Desk) -> None:
    desk.rooms.alpha.rows = [share("alpha", f"S{number}", str(number)) for number in range(10)]
    desk.refresh("alpha")
    desk.list.rows = [share("list", f"S{number}", "x", exchange_token="", isin=ISIN) for number in range(10)]
    desk.list.rows = [replace(row, token=row.symbol) for row in desk.list.rows]
    desk.refresh("list")
    desk.list.rows = desk.list.rows[:7]
    assert "7 listings, the last one was about 10" in desk.service.refresh(desk.rooms.user, "list").kept_old


def test_a_file_of_one_exchange_leaves_the_names_on_others_alone(desk: Desk) -> None:
    bse = share("third", "XYZ", "500023", exchange=Exchange.BSE, exchange_code="BSE")
    desk.third.rows = [share("third", "XYZ", "23"), bse]
    desk.refresh("third")
    desk.third.rows, desk.third.covers = [share("third", "XYZ", "24")], frozenset({"NSE"})
    report = desk.service.refresh(desk.rooms.user, "third")
    assert (report.rows, report.gone, report.changed, report.kept_old) == (2, 0, 1, "")
    assert desk.rooms.lookup.broker_instrument("third", "NSE:XYZ").token == "24"
    assert desk.rooms.lookup.broker_instrument("third", "BSE:XYZ").token == "500023"


def test_a_source_without_an_address_says_how_to_give_its_file(desk: Desk) -> None:
    desk.list.urls = ()
    with pytest.raises(ConfigError, match="no public address") as told:
        desk.refresh("list")
    assert "sigma instruments load list FILE" in told.value.hint


def contradiction(desk: Desk) -> RowKey:
    """Let beta give XYZ the token of ABCLTD; return the row."""
    desk.refresh("alpha")
    desk.rooms.beta.rows = [share("beta", "XYZ", "22"), *(share("beta", f"S{number}", f"9{number}") for number in range(5))]
    desk.refresh("beta")
    return RowKey("beta", "NSE", "XYZ", "22")


def test_a_contradiction_waits_in_the_quarantine_until_a_person_settles_it(desk: Desk) -> None:
    key = contradiction(desk)
    (row,) = desk.quarantine.table()
    assert (row.key, row.says, row.elsewhere) == (key, "NSE:XYZ", "NSE:ABCLTD")
    assert desk.rooms.lookup.listing_by_token("beta", "NSE", "22") is None
    said = desk.quarantine.settle(desk.rooms.user, key, "nse:xyz", " the exchange says so ")
    assert (said.listing, said.note, said.by) == ("NSE:XYZ", "the exchange says so", "owner")
    desk.refresh("beta")
    assert desk.rooms.lookup.listing_by_token("beta", "NSE", "22") == "NSE:XYZ"
    assert desk.quarantine.table() == []
    assert [row.present for row in desk.quarantine.table(present=False)] == [False]
    desk.quarantine.unsettle(desk.rooms.user, key)
    desk.refresh("beta")
    assert [row.key for row in desk.quarantine.table("beta")] == [key]
    assert [event.kind for event in desk.rooms.events.table(desk.rooms.user)].count("INSTRUMENT_SETTLED") == 1


def test_what_cannot_be_settled_is_refused_with_the_reason(desk: Desk) -> None:
    key = contradiction(desk)
    with pytest.raises(NotFound, match="no row"):
        desk.quarantine.settle(desk.rooms.user, replace(key, token="77"), "NSE:XYZ")
    with pytest.raises(NotFound, match="NSE:NOSUCH"):
        desk.quarantine.settle(desk.rooms.user, key, "NSE:NOSUCH")
    with pytest.raises(InvalidInput, match="BSE:XYZ is not"):
        desk.quarantine.settle(desk.rooms.user, key, "BSE:XYZ")
    with pytest.raises(NotFound, match="Nobody said"):
        desk.quarantine.unsettle(desk.rooms.user, key)
    assert desk.quarantine.overrides() == []


def test_what_is_due_is_downloaded_once_after_the_hour_and_when_it_was_missed(desk: Desk) -> None:
    """It is 10:30 on Friday: the tables of 08:30 are missing, as after a start that was late."""
    assert [report.broker for report in desk.refresh_due()] == ["alpha", "beta", "list"]
    desk.rooms.clock.pass_by(21 * 3600)  # 07:30 on Saturday
    assert desk.refresh_due() == ()
    desk.rooms.clock.pass_by(3600)
    assert [report.broker for report in desk.refresh_due()] == ["alpha", "beta", "list"]
    assert desk.refresh_due() == ()
    desk.rooms.settings.set("instruments.refresh_at", "08:31", user_id=desk.rooms.user)
    assert desk.refresh_due() == ()
    desk.rooms.clock.pass_by(90)
    assert len(desk.refresh_due()) == 3


def test_a_failed_download_is_tried_again_after_a_while_and_stops_no_other(desk: Desk) -> None:
    desk.rooms.alpha.failures = [BrokerUnavailable("HTTP 503"), BrokerUnavailable("HTTP 503")]
    first, *rest = desk.refresh_due()
    assert "HTTP 503" in first.kept_old
    assert [report.kept_old for report in rest][:1] == [""]
    assert desk.refresh_due() == ()
    desk.rooms.clock.pass_by(901)
    assert [(report.broker, bool(report.kept_old)) for report in desk.refresh_due()] == [("alpha", True)]
    desk.rooms.clock.pass_by(901)
    assert [(report.broker, bool(report.kept_old)) for report in desk.refresh_due()] == [("alpha", False)]
    assert desk.list.calls == 1


def test_a_setting_that_is_no_time_of_day_is_refused(desk: Desk) -> None:
    with pytest.raises(InvalidInput, match="such as 08:30"):
        desk.rooms.settings.set("instruments.refresh_at", "8:30am", user_id=desk.rooms.user)


def test_health_tells_of_tables_not_replaced_and_of_rows_set_aside(desk: Desk) -> None:
    contradiction(desk)
    desk.rooms.alpha.failures = [BrokerUnavailable("HTTP 503")]
    desk.refresh("alpha")
    checks = list(judge_masters(desk.service.reports(), desk.service.set_aside()))
    assert [(check.mark, check.what) for check in checks] == [(Mark.WARNING, "instruments"), (Mark.NOTE, "instruments")]
    assert "alpha: the last refresh was not taken: the download failed: HTTP 503" in checks[0].words
    assert checks[1].words.startswith("1 rows")
