"""When exchanges trade, and to which session a moment belongs.

This first calendar knows the regular hours of NSE and BSE and their derivative segments, week-ends, and the holidays
it is given. Sessions are plain dates; moments are aware.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from sigma.domain.instruments import Exchange
from sigma.domain.times import ist, ist_date, to_ist


@dataclass(frozen=True, slots=True)
class SessionHours:
    """Opening and closing time of a regular session, on the Indian clock."""

    opens: time = time(9, 15)
    closes: time = time(15, 30)


REGULAR_HOURS = {
    Exchange.NSE: SessionHours(),
    Exchange.BSE: SessionHours(),
    Exchange.NFO: SessionHours(),
    Exchange.BFO: SessionHours(),
}


@dataclass(frozen=True, slots=True)
class Hours:
    """How an exchange stands at a moment; moments are UTC.

    Parameters
    ----------
    opens_at, closes_at : datetime or None
        Today's session; None on a day without one.
    next_open : datetime or None
        When it opens next: the present moment while it is open; None where its hours are not known.
    holiday : str
        The next weekday without a session ("Wed 25 Nov"), empty when none is known.
    known : bool
        Whether its hours are in the calendar; where they are not, it does not count as open.
    """

    exchange: Exchange
    open: bool
    opens_at: datetime | None
    closes_at: datetime | None
    next_open: datetime | None
    holiday: str
    known: bool


@dataclass(frozen=True, slots=True)
class Calendar:
    """Trading days and hours by exchange.

    Parameters
    ----------
    holidays : frozenset of date
        Days without a session on any exchange of this calendar.
    """

    holidays: frozenset[date] = field(default_factory=frozenset)

    def hours(self, exchange: Exchange) -> SessionHours:
        """Return the regular hours of `exchange`; an exchange without hours here raises KeyError."""
        return REGULAR_HOURS[exchange]

    def knows(self, exchange: Exchange) -> bool:
        """Say whether the hours of `exchange` are in this calendar."""
        return exchange in REGULAR_HOURS

    def is_session(self, exchange: Exchange, day: date) -> bool:
        """Say whether `exchange` trades on `day`."""
        return self.knows(exchange) and day.weekday() < 5 and day not in self.holidays

    def is_open(self, exchange: Exchange, now: datetime) -> bool:
        """Say whether `exchange` is in its continuous session at `now`."""
        day, hours = ist_date(now), self.hours(exchange)
        return self.is_session(exchange, day) and hours.opens <= to_ist(now).time() < hours.closes

    def session_date(self, exchange: Exchange, now: datetime) -> date:
        """Return the session in which an order placed at `now` would trade: today until the close, then the next."""
        day = ist_date(now)
        if self.is_session(exchange, day) and to_ist(now).time() < self.hours(exchange).closes:
            return day
        return self.next_session(exchange, day)

    def next_session(self, exchange: Exchange, day: date) -> date:
        """Return the first session after `day`."""
        for _ in range(30):
            day += timedelta(days=1)
            if self.is_session(exchange, day):
                return day
        raise ValueError(f"no session of {exchange} within 30 days before {day}: the holiday table is wrong")

    def next_open(self, exchange: Exchange, now: datetime) -> datetime:
        """Return `now` when open, else the moment (UTC) at which `exchange` opens next."""
        if self.is_open(exchange, now):
            return now
        day = ist_date(now)
        opening = ist(day, self.hours(exchange).opens)
        if self.is_session(exchange, day) and now < opening:
            return opening
        return ist(self.next_session(exchange, day), self.hours(exchange).opens)

    def last_open(self, exchange: Exchange, now: datetime) -> datetime:
        """Return the moment (UTC) at which the session that runs, or ran last, opened."""
        day = ist_date(now)
        for _ in range(30):
            opening = ist(day, self.hours(exchange).opens)
            if self.is_session(exchange, day) and opening <= now:
                return opening
            day -= timedelta(days=1)
        raise ValueError(f"no session of {exchange} within 30 days before {now}: the holiday table is wrong")

    def at(self, exchange: Exchange, now: datetime) -> Hours:
        """Return how `exchange` stands at `now`."""
        if not self.knows(exchange):
            return Hours(exchange, False, None, None, None, "", False)
        day, hours = ist_date(now), self.hours(exchange)
        session = self.is_session(exchange, day)
        opens, closes = (ist(day, hours.opens), ist(day, hours.closes)) if session else (None, None)
        coming = min((holiday for holiday in self.holidays if holiday >= day and holiday.weekday() < 5), default=None)
        holiday = f"{coming:%a %d %b}" if coming else ""
        return Hours(exchange, self.is_open(exchange, now), opens, closes, self.next_open(exchange, now), holiday, True)
