"""The calendar in force: layers, imports, and that other processes follow."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest

from sigma.domain.day_file import COLUMNS
from sigma.domain.days import SessionDay, SessionKind
from sigma.domain.errors import Denied, InvalidInput, NotFound
from sigma.domain.instruments import Exchange
from sigma.domain.times import ist
from sigma.infra.exchange_days import past_of, shipped_days
from sigma.services.calendar import CHECK_NS, CalendarService
from tests.services.rooms import Rooms

HEAD = ",".join(COLUMNS)
NSE = Exchange.NSE
MONDAY = date(2026, 11, 23)
ELEVEN = ist(MONDAY, time(11))


def closed(day: date = MONDAY) -> SessionDay:
    return SessionDay(day, NSE, SessionKind.CLOSED, notes="a strike")


def other_process(rooms: Rooms) -> CalendarService:
    rows = shipped_days()
    return CalendarService(rooms.store, rooms.clock, rooms.events, rows, past_of(rows))


def told(rooms: Rooms) -> list[str]:
    return [event.text for event in rooms.audit("CALENDAR_CHANGED")]


def test_a_day_that_is_set_counts_at_once_and_elsewhere_within_a_second(rooms: Rooms) -> None:
    elsewhere = other_process(rooms)
    assert elsewhere.calendar.is_open(NSE, ELEVEN)
    rooms.days.set(rooms.user, closed())
    assert not rooms.days.calendar.is_open(NSE, ELEVEN)
    assert elsewhere.calendar.is_open(NSE, ELEVEN), "looked up less than a second ago"
    rooms.clock.ns += CHECK_NS
    assert not elsewhere.calendar.is_open(NSE, ELEVEN)
    rooms.days.remove(rooms.user, NSE, MONDAY)
    rooms.clock.ns += CHECK_NS
    assert elsewhere.calendar.is_open(NSE, ELEVEN)
    assert told(rooms) == ["calendar: NSE 23 Nov 2026 CLOSED taken away", "calendar: NSE 23 Nov 2026 CLOSED (a strike)"]


def test_days_are_not_read_anew_while_nothing_changed(rooms: Rooms) -> None:
    before = rooms.days.table()
    rooms.clock.ns += 10 * CHECK_NS
    assert rooms.days.table() is before


def test_only_what_a_person_stored_can_be_taken_away(rooms: Rooms) -> None:
    with pytest.raises(NotFound, match="Nobody has set") as error:
        rooms.days.remove(rooms.user, NSE, date(2026, 11, 24))
    assert "REGULAR" in error.value.hint


def test_whoever_does_not_own_the_installation_changes_nothing(rooms: Rooms) -> None:
    with rooms.store.begin() as tx:
        tx.calendar.put([closed(date(2026, 12, 1))])
    with rooms.store.database.write() as link:
        link.connection.exec_driver_sql("update users set role = 'trader'")
    for act in (
        lambda: rooms.days.set(rooms.user, closed()),
        lambda: rooms.days.remove(rooms.user, NSE, date(2026, 12, 1)),
        lambda: rooms.days.import_csv(rooms.user, f"{HEAD}\n2026-11-23,NSE,CLOSED,,,\n"),
        lambda: rooms.days.import_csv(rooms.user, f"{HEAD}\n"),
    ):
        with pytest.raises(Denied):
            act()
    assert rooms.days.calendar.is_open(NSE, ELEVEN)
    assert not told(rooms)


def test_a_file_with_a_bad_line_stores_nothing_until_the_person_says_so(rooms: Rooms) -> None:
    text = f"{HEAD}\n2026-11-23,NSE,CLOSED,,,a strike\n2026-11-31,NSE,CLOSED,,,no such day\n"
    seen = rooms.days.import_csv(rooms.user, text)
    assert (seen.stored, len(seen.new), [line.number for line in seen.bad]) == (0, 1, [3])
    assert rooms.days.calendar.is_open(NSE, ELEVEN)
    assert not told(rooms)
    done = rooms.days.import_csv(rooms.user, text, good_only=True)
    assert (done.stored, len(done.bad)) == (1, 1)
    assert not rooms.days.calendar.is_open(NSE, ELEVEN)
    assert told(rooms) == ["calendar: 1 days imported, 1 bad lines were left out"]


def test_checking_a_file_stores_nothing(rooms: Rooms) -> None:
    assert len(rooms.days.check_csv(f"{HEAD}\n2026-11-23,NSE,CLOSED,,,\n").new) == 1
    assert rooms.days.calendar.is_open(NSE, ELEVEN)


def test_an_export_can_be_imported_and_changes_nothing(rooms: Rooms) -> None:
    rooms.days.set(rooms.user, closed())
    exported = rooms.days.export_csv()
    again = rooms.days.import_csv(rooms.user, exported)
    assert (again.new, again.bad, again.stored) == ((), (), 0)
    assert rooms.days.export_csv() == exported
    assert [one.row for one in rooms.days.days() if one.own] == [closed()]


def test_a_year_that_a_file_leaves_unknown_is_named(rooms: Rooms) -> None:
    holiday = f"{HEAD}\n2027-01-26,NSE,CLOSED,,,Republic Day\n"
    assert rooms.days.check_csv(holiday).unknown == ((NSE, 2027),)
    whole = rooms.days.import_csv(rooms.user, f"{holiday}2027-12-31,NSE,COMPLETE,,,\n")
    assert (whole.unknown, whole.stored) == ((), 2)
    assert rooms.days.calendar.session_date(NSE, ist(date(2026, 12, 31), time(16))) == date(2027, 1, 1)
    assert rooms.days.calendar.session_date(NSE, ist(date(2027, 1, 25), time(16))) == date(2027, 1, 27)


def test_days_are_listed_by_time_and_exchange(rooms: Rooms) -> None:
    found = rooms.days.days(date(2026, 11, 1), date(2026, 11, 30), NSE)
    assert [one.row.day.day for one in found] == [8, 10, 24]
    assert not any(one.own for one in found)
    first, second = rooms.days.sessions(NSE, date(2026, 12, 31), date(2027, 1, 1))
    assert (first[1], second) == (True, (date(2027, 1, 1), False, None))
    for start, end in ((MONDAY, MONDAY - timedelta(days=1)), (MONDAY, MONDAY + timedelta(days=900))):
        with pytest.raises(InvalidInput):
            rooms.days.sessions(NSE, start, end)


def test_health_warns_a_month_before_a_list_ends_and_after_it_has(rooms: Rooms) -> None:
    def check() -> tuple[str, str]:
        found = next(one for one in rooms.health.checks(rooms.user) if one.what == "calendar")
        return str(found.mark), found.words

    assert check() == ("good", "known until 31 Dec 2026")
    rooms.clock.pass_by(11 * 86_400)
    mark, words = check()
    assert mark == "warning"
    assert "NSE, BSE, NFO, BFO, CDS, BCD, MCX, NCO ends on 31 Dec 2026" in words
    rooms.clock.pass_by(40 * 86_400)
    mark, words = check()
    assert mark == "bad"
    assert "take no order" in words
