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
