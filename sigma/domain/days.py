"""Days of exchanges as a table: holidays, half days, special sessions, and how far each exchange's list is known.

A day that no row names is a regular session when it is a weekday and the exchange's list of that year is complete up to
it. Everything else is not known, and what is not known is no session.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from sigma.domain.errors import InvalidInput
from sigma.domain.instruments import Exchange

MOST_NOTES = 200
_NEW_YORK = ZoneInfo("America/New_York")


class SessionKind(StrEnum):
    """What a row says of its day."""

    REGULAR = "REGULAR"
    CLOSED = "CLOSED"
    HALF_DAY = "HALF_DAY"
    SPECIAL = "SPECIAL"
    SETTLEMENT_ONLY = "SETTLEMENT_ONLY"
    COMPLETE = "COMPLETE"

    @property
    def has_hours(self) -> bool:
        """Whether a row of this kind gives its own opening and closing time."""
        return self in (SessionKind.HALF_DAY, SessionKind.SPECIAL)


@dataclass(frozen=True, slots=True)
class SessionHours:
    """Opening and closing time of a session, on the Indian clock."""

    opens: time = time(9, 15)
    closes: time = time(15, 30)


_EQUITY, _CURRENCY = SessionHours(), SessionHours(time(9), time(17))
_SUMMER, _WINTER = SessionHours(time(9), time(23, 30)), SessionHours(time(9), time(23, 55))
_COMMODITY = (Exchange.MCX, Exchange.NCO)

FOLLOWS: Mapping[Exchange, Exchange] = {
    Exchange.NFO: Exchange.NSE,
    Exchange.BFO: Exchange.BSE,
    Exchange.BCD: Exchange.CDS,
}
"""Whose rows count for an exchange on days for which it has none of its own."""


@lru_cache(maxsize=4096)
def regular_hours(exchange: Exchange, day: date) -> SessionHours:
    """Return the hours of a regular session, on the Indian clock.

    Commodities trade until 23:30 while New York is on summer time, else until 23:55, as MCX and NSE say in their yearly
    circulars (internationally referenced commodities; some agricultural ones end at 17:00 or 21:00).
    """
    if exchange in _COMMODITY:
        summer = datetime.combine(day, time(12), tzinfo=_NEW_YORK).dst()
        return _SUMMER if summer else _WINTER
    return _CURRENCY if exchange in (Exchange.CDS, Exchange.BCD) else _EQUITY


@dataclass(frozen=True, slots=True)
class SessionDay:
    """One row of the table.

    Parameters
    ----------
    kind : SessionKind
        REGULAR: the usual hours, also at a week-end. CLOSED: no session. HALF_DAY and SPECIAL: these hours and no others.
        SETTLEMENT_ONLY: banks or clearing rest, trading is as on any such day. COMPLETE: no day at all, it says that the
        exchange's list of that year is complete up to this date.
    opens, closes : time or None
        On the Indian clock; given for HALF_DAY and SPECIAL only.
    notes : str
        Occasion and source, one line.

    Raises
    ------
    InvalidInput
        Hours are missing, given where there are none, or end before they begin; notes are no single line or too long.
    """

    day: date
    exchange: Exchange
    kind: SessionKind
    opens: time | None = None
    closes: time | None = None
    notes: str = ""

    def __post_init__(self) -> None:
        if self.kind.has_hours:
            if self.opens is None or self.closes is None:
                raise InvalidInput(f"A {self.kind} day needs its opening and closing time.")
            if self.opens >= self.closes:
                raise InvalidInput(f"A session must open before it closes, was {self.opens:%H:%M} to {self.closes:%H:%M}.")
            if any(at.second or at.microsecond or at.tzinfo for at in (self.opens, self.closes)):
                raise InvalidInput("Opening and closing times are whole minutes on the Indian clock.")
        elif self.opens is not None or self.closes is not None:
            raise InvalidInput(f"A {self.kind} day has no hours of its own.", hint="Use SPECIAL or HALF_DAY to give them.")
        if len(self.notes) > MOST_NOTES or not self.notes.isprintable() or self.notes != self.notes.strip():
            raise InvalidInput(f"Notes are one line of at most {MOST_NOTES} characters.")

    @property
    def complete(self) -> bool:
        """Whether it says how far the list goes, instead of what a day is."""
        return self.kind is SessionKind.COMPLETE

    @property
    def key(self) -> tuple[Exchange, date, bool]:
        """What it is about: another row with this key takes its place."""
        return (self.exchange, self.day, self.complete)


Beneath = Callable[[Exchange, int], Iterable[SessionDay] | None]
"""Asked for a year that the table has no list of: its rows, when its list is complete; None when it is not known."""


def nothing_beneath(_exchange: Exchange, _year: int) -> None:
    """Know no other year."""


def every_weekday(_exchange: Exchange, _year: int) -> Iterable[SessionDay]:
    """Take every weekday of every other year for a regular session."""
    return ()


class DayTable:
    """What is known of all days; a value, safe to share between threads.

    Parameters
    ----------
    layers : iterable of iterable of SessionDay
        The lowest first: a row takes the place of one with the same key below it.
    beneath : callable
        What is known of years that no layer has a list of; asked once a year and exchange.
    """

    def __init__(self, *layers: Iterable[SessionDay], beneath: Beneath = nothing_beneath) -> None:
        self._rows: dict[tuple[Exchange, date], SessionDay] = {}
        self._complete: dict[tuple[Exchange, int], SessionDay] = {}
        for row in {row.key: row for layer in layers for row in layer}.values():
            if not row.complete:
                self._rows[row.exchange, row.day] = row
                continue
            known = self._complete.get((row.exchange, row.day.year))
            if known is None or known.day < row.day:
                self._complete[row.exchange, row.day.year] = row
        self._beneath = beneath
        self._years: dict[tuple[Exchange, int], Mapping[date, SessionDay] | None] = {}
        self._sessions: dict[tuple[Exchange, date], SessionHours | None] = {}
        self._holidays: dict[Exchange, Sequence[date]] = {}

    def session(self, exchange: Exchange, day: date) -> SessionHours | None:
        """Return the hours of the session on `day`; None without one, and where it is not known."""
        key = (exchange, day)
        if key not in self._sessions:
            self._sessions[key] = self._look_up(exchange, day)
        return self._sessions[key]

    def knows(self, exchange: Exchange, day: date) -> bool:
        """Say whether it is known if `exchange` trades on `day`."""
        return self.row(exchange, day) is not None or self._covers(exchange, day)

    def known_until(self, exchange: Exchange, day: date) -> date | None:
        """Return the last day of the complete list that `day` is in, looking two years ahead; None when it is in none."""
        if not self._covers(exchange, day):
            return None
        last = day
        for year in range(day.year, day.year + 3):
            end = date(year, 12, 31)
            if self._covers(exchange, end):
                last = end
                continue
            row = self._list_of(exchange, year)
            return last if row is None else max(last, row.day)
        return last

    def row(self, exchange: Exchange, day: date) -> SessionDay | None:
        """Return the row that decides on `day`; None when no row names it."""
        for lead in (exchange, FOLLOWS.get(exchange, exchange)):
            found = self._rows.get((lead, day))
            if found is not None:
                return found
        if self._list_of(exchange, day.year) is None:
            return (self._year(exchange, day.year) or {}).get(day)
        return None

    def rows(self) -> list[SessionDay]:
        """Return the rows in force, by day and exchange; years beneath are left out."""
        order = list(Exchange)
        found = (*self._rows.values(), *self._complete.values())
        return sorted(found, key=lambda row: (row.day, order.index(row.exchange), row.complete))

    def next_holiday(self, exchange: Exchange, day: date) -> date | None:
        """Return the first weekday from `day` on that a row closes; None when none is known."""
        if exchange not in self._holidays:
            leads = (exchange, FOLLOWS.get(exchange, exchange))
            named = {one for lead, one in self._rows if lead in leads and one.weekday() < 5}
            self._holidays[exchange] = sorted(one for one in named if self.session(exchange, one) is None)
        days = self._holidays[exchange]
        place = bisect_left(days, day)
        return days[place] if place < len(days) else None

    def _look_up(self, exchange: Exchange, day: date) -> SessionHours | None:
        row = self.row(exchange, day)
        if row is not None and row.opens is not None and row.closes is not None:
            return SessionHours(row.opens, row.closes)
        if row is not None and row.kind is SessionKind.REGULAR:
            return regular_hours(exchange, day)
        if day.weekday() >= 5 or (row is not None and row.kind is SessionKind.CLOSED):
            return None
        known = row is not None or self._covers(exchange, day)
        return regular_hours(exchange, day) if known else None

    def _covers(self, exchange: Exchange, day: date) -> bool:
        row = self._list_of(exchange, day.year)
        return day <= row.day if row is not None else self._year(exchange, day.year) is not None

    def _list_of(self, exchange: Exchange, year: int) -> SessionDay | None:
        own = self._complete.get((exchange, year))
        return own or self._complete.get((FOLLOWS.get(exchange, exchange), year))

    def _year(self, exchange: Exchange, year: int) -> Mapping[date, SessionDay] | None:
        lead = FOLLOWS.get(exchange, exchange)
        if (lead, year) not in self._years:
            found = self._beneath(lead, year)
            self._years[lead, year] = None if found is None else {row.day: row for row in found}
        return self._years[lead, year]
