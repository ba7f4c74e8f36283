from __future__ import annotations

import subprocess
import sys
from datetime import date, time, timedelta

import pandas_market_calendars
import pytest

from sigma.domain.calendar import Calendar
from sigma.domain.days import DayTable, SessionKind
from sigma.domain.instruments import Exchange
from sigma.domain.times import ist
from sigma.infra.exchange_days import past_of, shipped_calendar, shipped_days

YEAR = [date(2026, 1, 1) + timedelta(days=count) for count in range(365)]
WEEKDAYS = [day for day in YEAR if day.weekday() < 5]


@pytest.mark.parametrize("exchange", [Exchange.NSE, Exchange.BSE])
def test_the_shipped_holidays_are_those_of_pandas_market_calendars(exchange: Exchange) -> None:
    theirs = {
        day.date() for day in pandas_market_calendars.get_calendar(exchange.value).schedule("2026-01-01", "2026-12-31").index
    }
    ours = shipped_calendar()
    assert {day for day in WEEKDAYS if ours.is_session(exchange, day)} == theirs


def test_every_exchange_knows_the_whole_year() -> None:
    ours = shipped_calendar()
    for exchange in Exchange:
        assert all(ours.knows(exchange, day) for day in YEAR)
        assert ours.known_until(exchange, YEAR[0]) == YEAR[-1]
        assert not ours.knows(exchange, date(2027, 1, 1))


def test_a_week_end_has_a_session_only_when_a_row_says_so() -> None:
    ours = shipped_calendar()
    found = {day for day in YEAR if day.weekday() >= 5 and any(ours.is_session(exchange, day) for exchange in Exchange)}
    assert found == {date(2026, 2, 1), date(2026, 11, 8)}


def test_what_nobody_could_verify_says_so() -> None:
    unsure = {row.day for row in shipped_days() if row.notes.startswith("unverified")}
    assert date(2026, 11, 8) in unsure
    assert date(2026, 1, 26) in {row.day for row in shipped_days() if row.exchange is Exchange.NSE} - {date(2026, 11, 8)}
    assert not [row for row in shipped_days() if not row.notes]


def test_earlier_years_of_the_share_markets_are_known_and_no_other_ones() -> None:
    ours = shipped_calendar()
    assert not ours.is_session(Exchange.NSE, date(2024, 1, 22)), "a holiday declared days before"
    assert ours.is_open(Exchange.NSE, ist(date(2024, 1, 23), time(11)))
    assert ours.is_open(Exchange.NFO, ist(date(2024, 1, 23), time(11)))
    muhurat = ours.table().row(Exchange.NSE, date(2025, 10, 21))
    assert muhurat is not None
    assert (muhurat.kind, muhurat.opens, muhurat.closes) == (SessionKind.SPECIAL, time(13, 45), time(14, 45))
    assert ours.known_until(Exchange.NSE, date(2025, 3, 1)) == date(2026, 12, 31)
    assert not ours.knows(Exchange.MCX, date(2025, 3, 3))
    assert not ours.knows(Exchange.NSE, date(1999, 3, 3))


def test_a_coming_year_is_never_asked_of_the_library_which_knows_no_holiday_of_it() -> None:
    rows = shipped_days()
    assert past_of(rows)(Exchange.NSE, 2027) is None
    assert not Calendar(DayTable(rows, beneath=past_of(rows))).is_session(Exchange.NSE, date(2027, 1, 4))


def test_the_library_is_not_imported_before_an_earlier_year_is_asked_for() -> None:
    code = (
        "import sys; from datetime import date; from sigma.infra.exchange_days import shipped_calendar as made;"
        "from sigma.domain.instruments import Exchange as E; ours = made();"
        "print(ours.is_session(E.NSE, date(2026, 11, 20)), 'pandas_market_calendars' in sys.modules);"
        "print(ours.is_session(E.NSE, date(2025, 11, 20)), 'pandas_market_calendars' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert said.split() == ["True", "False", "True", "True"]
