"""The simulated exchange's trading days: the shipped calendar, and every weekday of the years that it has no list of."""

from __future__ import annotations

from sigma.data import calendar_texts
from sigma.domain.calendar import Calendar
from sigma.domain.day_file import read_days
from sigma.domain.days import Beneath, DayTable, every_weekday, nothing_beneath


def exchange_days() -> Calendar:
    """Return the days of the exchange; it trades in any year."""
    return Calendar(_table(every_weekday))


def shipped_days() -> Calendar:
    """Return only the days of the shipped lists: those that an installation knows too."""
    return Calendar(_table(nothing_beneath))


def _table(beneath: Beneath) -> DayTable:
    rows = [line.row for text in calendar_texts() for line in read_days(text) if line.row is not None]
    return DayTable(rows, beneath=beneath)
