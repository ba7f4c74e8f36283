"""When exchanges trade, and to which session a moment belongs: the one place that knows market hours.

Sessions are plain dates; moments are aware. What the table does not know is no session: nothing counts as open there, and
who asks for the session of an order is told where the table ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sigma.domain.days import DayTable, SessionHours, every_weekday, regular_hours
from sigma.domain.errors import ConfigError
from sigma.domain.instruments import Exchange
from sigma.domain.times import ist, ist_date, to_ist

CALENDAR_ENDS = "CALENDAR_ENDS"
"""Code of the error that says that a session is not known."""

IMPORT_HINT = "Import the exchange's list: Settings, Calendar, or `sigma calendar import FILE`."
_LONGEST_GAP = 30


@dataclass(frozen=True, slots=True)
class Hours:
    """How an exchange stands at a moment; moments are UTC.

    Parameters
    ----------
    opens_at, closes_at : datetime or None
        Today's session; None on a day without one.
    next_open : datetime or None
        When it opens next: the present moment while it is open; None where that is not known.
    holiday : str
        The next weekday without a session ("Wed 25 Nov"), empty when none is known.
    known : bool
        Whether the calendar knows this day; where it does not, the exchange does not count as open.
    ends : date or None
        Last day of the list that this day is in; None where it is in none.
    """

    exchange: Exchange
    open: bool
    opens_at: datetime | None
    closes_at: datetime | None
    next_open: datetime | None
    holiday: str
    known: bool
    ends: date | None = None


class Calendar:
    """Trading days and hours by exchange.

    Parameters
    ----------
    table : DayTable or callable
        The days, or what gives those in force now.
    """

    def __init__(self, table: DayTable | Callable[[], DayTable]) -> None:
        self._table: Callable[[], DayTable] = (lambda: table) if isinstance(table, DayTable) else table

    def table(self) -> DayTable:
        """Return the days in force."""
        return self._table()

    def knows(self, exchange: Exchange, day: date) -> bool:
        """Say whether it is known if `exchange` trades on `day`."""
        return self._table().knows(exchange, day)

    def known_until(self, exchange: Exchange, day: date) -> date | None:
        """Return the last day of the list that `day` is in (at most two years ahead); None when it is in none."""
        return self._table().known_until(exchange, day)

    def hours(self, exchange: Exchange, day: date) -> SessionHours:
        """Return the hours of the session on `day`, the regular ones on a day without a session."""
        return self.session(exchange, day) or regular_hours(exchange, day)

    def session(self, exchange: Exchange, day: date) -> SessionHours | None:
        """Return the hours of the session on `day`; None without one, and where it is not known."""
        return self._table().session(exchange, day)

    def is_session(self, exchange: Exchange, day: date) -> bool:
        """Say whether `exchange` trades on `day`; False where it is not known."""
        return self.session(exchange, day) is not None

    def is_open(self, exchange: Exchange, now: datetime) -> bool:
        """Say whether `exchange` is in its continuous session at `now`; False where it is not known."""
        at = to_ist(now)
        hours = self.session(exchange, at.date())
        return hours is not None and hours.opens <= at.time() < hours.closes

    def session_date(self, exchange: Exchange, now: datetime) -> date:
        """Return the session in which an order placed at `now` would trade: today until the close, then the next.

        Raises
        ------
        ConfigError
            The calendar does not know it (code CALENDAR_ENDS).
        """
        at = to_ist(now)
        table = self._table()
        hours = table.session(exchange, at.date())
        if hours is not None and at.time() < hours.closes:
            return at.date()
        if not table.knows(exchange, at.date()):
            raise _unknown(exchange, at.date(), table)
        return _next(table, exchange, at.date())

    def next_session(self, exchange: Exchange, day: date) -> date:
        """Return the first session after `day`.

        Raises
        ------
        ConfigError
            The calendar does not know it (code CALENDAR_ENDS).
        """
        return _next(self._table(), exchange, day)

    def next_open(self, exchange: Exchange, now: datetime) -> datetime | None:
        """Return `now` when open, else the moment (UTC) at which `exchange` opens next; None where that is not known."""
        if self.is_open(exchange, now):
            return now
        table, day = self._table(), ist_date(now)
        hours = table.session(exchange, day)
        if hours is not None and now < ist(day, hours.opens):
            return ist(day, hours.opens)
        if not table.knows(exchange, day):
            return None
        try:
            day = _next(table, exchange, day)
        except ConfigError:
            return None
        hours = table.session(exchange, day)
        return None if hours is None else ist(day, hours.opens)

    def last_open(self, exchange: Exchange, now: datetime) -> datetime | None:
        """Return the moment (UTC) at which the session that runs, or ran last, opened; None where that is not known."""
        table, day = self._table(), ist_date(now)
        for _ in range(_LONGEST_GAP):
            hours = table.session(exchange, day)
            if hours is not None and ist(day, hours.opens) <= now:
                return ist(day, hours.opens)
            if not table.knows(exchange, day):
                return None
            day -= timedelta(days=1)
        return None

    def at(self, exchange: Exchange, now: datetime) -> Hours:
        """Return how `exchange` stands at `now`."""
        table, day = self._table(), ist_date(now)
        if not table.knows(exchange, day):
            return Hours(exchange, False, None, None, None, "", False)
        hours = table.session(exchange, day)
        opens, closes = (ist(day, hours.opens), ist(day, hours.closes)) if hours else (None, None)
        coming = table.next_holiday(exchange, day)
        return Hours(
            exchange=exchange,
            open=self.is_open(exchange, now),
            opens_at=opens,
            closes_at=closes,
            next_open=self.next_open(exchange, now),
            holiday=f"{coming:%a %d %b}" if coming else "",
            known=True,
            ends=table.known_until(exchange, day),
        )


def weekdays() -> Calendar:
    """Return a calendar in which every weekday of any year is a regular session."""
    return Calendar(DayTable(beneath=every_weekday))


def _next(table: DayTable, exchange: Exchange, day: date) -> date:
    for _ in range(_LONGEST_GAP):
        day += timedelta(days=1)
        if table.session(exchange, day) is not None:
            return day
        if not table.knows(exchange, day):
            raise _unknown(exchange, day, table)
    words = f"The calendar has no session of {exchange} in the {_LONGEST_GAP} days before {day:%d %b %Y}."
    raise ConfigError(words, hint="Its rows are wrong: look at Settings, Calendar.", code=CALENDAR_ENDS)


def _unknown(exchange: Exchange, day: date, table: DayTable) -> ConfigError:
    for days in range(1, 366):
        last = day - timedelta(days=days)
        if table.knows(exchange, last):
            words = f"The calendar of {exchange} ends on {last:%d %b %Y}: when it trades after that is not known."
            return ConfigError(words, hint=IMPORT_HINT, code=CALENDAR_ENDS)
    words = f"The calendar does not know when {exchange} trades on {day:%d %b %Y}."
    return ConfigError(words, hint=IMPORT_HINT, code=CALENDAR_ENDS)
