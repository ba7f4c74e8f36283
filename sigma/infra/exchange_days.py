"""Where the calendar's days come from: the files that are shipped, and pandas_market_calendars for the years before them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any

from sigma.data import calendar_texts
from sigma.domain.calendar import Calendar
from sigma.domain.day_file import read_days
from sigma.domain.days import DayTable, SessionDay, SessionKind, regular_hours
from sigma.domain.errors import ConfigError
from sigma.domain.instruments import Exchange
from sigma.domain.times import to_ist

FIRST_PAST_YEAR = 2000
_LIBRARY = {Exchange.NSE: "NSE", Exchange.BSE: "BSE"}


def shipped_days() -> tuple[SessionDay, ...]:
    """Return the rows that are shipped.

    Raises
    ------
    ConfigError
        A file of the installation is damaged.
    """
    lines = [line for text in calendar_texts() for line in read_days(text)]
    wrong = [line for line in lines if line.row is None]
    if wrong or not lines:
        words = f"line {wrong[0].number}: {wrong[0].problem}" if wrong else "it is missing"
        raise ConfigError(f"The calendar that is shipped cannot be read: {words}", hint="Install SigmaTrader anew.")
    return tuple(line.row for line in lines if line.row is not None)


class PastDays:
    """Days of NSE and BSE in years before `first_year`; a `Beneath` of the calendar.

    The library is imported when it is first asked (half a second). It knows no other exchange and no session at a week-end,
    and it takes every weekday of a future year for a session: so it is never asked about one.
    """

    def __init__(self, first_year: int) -> None:
        self._first_year = first_year
        self._lock = threading.Lock()
        self._calendars: dict[Exchange, Any] = {}

    def __call__(self, exchange: Exchange, year: int) -> Iterable[SessionDay] | None:
        """Return the days of `year` that are not like others; None when they are not known."""
        if exchange not in _LIBRARY or not FIRST_PAST_YEAR <= year < self._first_year:
            return None
        with self._lock:
            return tuple(self._days(exchange, year))

    def _days(self, exchange: Exchange, year: int) -> Iterator[SessionDay]:
        if exchange not in self._calendars:
            import pandas_market_calendars

            self._calendars[exchange] = pandas_market_calendars.get_calendar(_LIBRARY[exchange])
        schedule = self._calendars[exchange].schedule(f"{year}-01-01", f"{year}-12-31")
        sessions = {
            opens.date(): (opens.time(), closes.time())
            for opens, closes in (
                (to_ist(row.market_open.to_pydatetime()), to_ist(row.market_close.to_pydatetime()))
                for row in schedule.itertuples()
            )
        }
        day = date(year, 1, 1)
        while day.year == year:
            usual = regular_hours(exchange, day)
            hours = sessions.get(day)
            if hours is None and day.weekday() < 5:
                yield SessionDay(day, exchange, SessionKind.CLOSED)
            elif hours is not None and (day.weekday() >= 5 or hours != (usual.opens, usual.closes)):
                yield SessionDay(day, exchange, SessionKind.SPECIAL, *hours)
            day += timedelta(days=1)


def past_of(rows: Iterable[SessionDay]) -> PastDays:
    """Return what lies beneath a table that begins with the first year of `rows`."""
    return PastDays(min(row.day.year for row in rows))


def shipped_calendar() -> Calendar:
    """Return the calendar as it is shipped, without what people changed: for demos and tools that have no database."""
    rows = shipped_days()
    return Calendar(DayTable(rows, beneath=past_of(rows)))
