"""Time: aware UTC inside, IST at the edges, session dates as plain dates."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

IST = ZoneInfo("Asia/Kolkata")


def require_utc(moment: datetime) -> datetime:
    """Return `moment` in UTC; a naive datetime is a programming error and raises ValueError."""
    if moment.tzinfo is None:
        raise ValueError(f"naive datetime {moment!r}: every moment carries its zone")
    return moment.astimezone(UTC)


def to_ist(moment: datetime) -> datetime:
    """Return the same moment on the Indian clock."""
    return require_utc(moment).astimezone(IST)


def ist(day: date, at: time) -> datetime:
    """Return the UTC moment of `at` o'clock IST on `day`."""
    return datetime.combine(day, at, tzinfo=IST).astimezone(UTC)


def ist_date(moment: datetime) -> date:
    """Return the calendar date in India at `moment`."""
    return to_ist(moment).date()


def next_ist(moment: datetime, at: time) -> datetime:
    """Return the first UTC moment strictly after `moment` at which the Indian clock shows `at`."""
    candidate = ist(ist_date(moment), at)
    return candidate if candidate > require_utc(moment) else ist(ist_date(moment) + timedelta(days=1), at)
