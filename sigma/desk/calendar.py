"""`desk.calendar`: when exchanges trade, and the days that make the calendar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import TYPE_CHECKING

import pandas as pd

from sigma.desk.cells import FLAG, MOMENT, TEXT, THING, WHOLE
from sigma.desk.cells import frame as _frame
from sigma.desk.words import word
from sigma.domain.day_file import DayLine, session_day
from sigma.domain.days import SessionKind
from sigma.domain.instruments import Exchange
from sigma.domain.times import ist, ist_date
from sigma.services.calendar import DayRow, ImportReport

if TYPE_CHECKING:
    from sigma.bootstrap import House

__all__ = ["DAYS", "LINES", "SESSIONS", "CalendarDesk", "ImportReport"]

SESSIONS = {
    "date": THING,
    "weekday": TEXT,
    "exchange": TEXT,
    "known": FLAG,
    "open": FLAG,
    "session_type": TEXT,
    "opens_at": MOMENT,
    "closes_at": MOMENT,
    "notes": TEXT,
}
DAYS = {
    "date": THING,
    "weekday": TEXT,
    "exchange": TEXT,
    "session_type": TEXT,
    "open_time": TEXT,
    "close_time": TEXT,
    "notes": TEXT,
    "own": FLAG,
}
LINES = {"line": WHOLE, "good": FLAG, "new": FLAG, "date": THING, "exchange": TEXT, "session_type": TEXT, "words": TEXT}
Day = date | str


class CalendarDesk:
    """The exchange calendar. Changes are the owner's."""

    def __init__(self, house: House, user_id: int) -> None:
        self._house = house
        self._user_id = user_id

    def sessions(self, exchange: str, start: Day | None = None, end: Day | None = None) -> pd.DataFrame:
        """Return every day from `start` (default today) to `end` (default two weeks on); columns: SESSIONS.

        `known` says whether the calendar knows the day, `open` whether there is a session; its hours are UTC moments.
        """
        one = word(Exchange, exchange, "exchange")
        first = _day(start) or self._today()
        last = _day(end) or date.fromordinal(first.toordinal() + 13)
        calendar = self._house.calendar
        rows = []
        for day, known, row in self._house.days.sessions(one, first, last):
            hours = calendar.session(one, day)
            kind = row.kind if row is not None else SessionKind.REGULAR if hours else SessionKind.CLOSED if known else ""
            rows.append(
                {
                    "date": day,
                    "weekday": f"{day:%a}",
                    "exchange": one.value,
                    "known": known,
                    "open": hours is not None,
                    "session_type": str(kind),
                    "opens_at": ist(day, hours.opens) if hours else None,
                    "closes_at": ist(day, hours.closes) if hours else None,
                    "notes": row.notes if row is not None else "",
                }
            )
        return _frame(SESSIONS, rows)

    def days(self, exchange: str | None = None, start: Day | None = None, end: Day | None = None) -> pd.DataFrame:
        """Return the rows that make the calendar, by day; columns: DAYS. `own`: stored here, above the shipped ones."""
        one = None if exchange is None else word(Exchange, exchange, "exchange")
        return _frame(DAYS, [_row(row) for row in self._house.days.days(_day(start), _day(end), one)])

    def ends(self) -> dict[str, date | None]:
        """Return for each exchange the last day that its list knows; None when today is not known."""
        today = self._today()
        return {exchange.value: self._house.calendar.known_until(exchange, today) for exchange in Exchange}

    def check_csv(self, text: str) -> ImportReport:
        """Return what an import of a file would do, line by line; nothing is stored."""
        return self._house.days.check_csv(text)

    def import_csv(self, text: str, *, good_only: bool = False) -> ImportReport:
        """Store the new rows of a file and return what became of each line.

        The file has the columns ``date,exchange,session_type,open_time,close_time,notes``. With a bad line in it nothing is
        stored, unless `good_only` leaves such lines out.
        """
        return self._house.days.import_csv(self._user_id, text, good_only=good_only)

    def report(self, report: ImportReport) -> pd.DataFrame:
        """Return a report as a table, one row a line; columns: LINES."""
        return _frame(LINES, list(_lines(report.lines, report)))

    def set(
        self, day: Day, exchange: str, session_type: str, opens: str | time = "", closes: str | time = "", notes: str = ""
    ) -> None:
        """Say what a day is: CLOSED, HALF_DAY, SPECIAL (with hours), REGULAR, SETTLEMENT_ONLY, or COMPLETE (the list of that
        year goes to this date). Hours are HH:MM on the Indian clock.
        """
        row = session_day(str(_day(day) or ""), exchange, session_type, _clock(opens), _clock(closes), notes)
        self._house.days.set(self._user_id, row)

    def remove(self, day: Day, exchange: str, session_type: str = "") -> None:
        """Take away a row that was stored here; `session_type` is needed for COMPLETE only."""
        complete = session_type.strip().upper() == SessionKind.COMPLETE
        row = session_day(str(_day(day) or ""), exchange, SessionKind.CLOSED)
        self._house.days.remove(self._user_id, row.exchange, row.day, complete=complete)

    def export(self) -> str:
        """Return the rows in force as a CSV file that can be imported."""
        return self._house.days.export_csv()

    def _today(self) -> date:
        return ist_date(self._house.clock.now())


def _day(value: Day | None) -> date | None:
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else session_day(value, Exchange.NSE, SessionKind.CLOSED).day


def _clock(value: str | time) -> str:
    return f"{value:%H:%M}" if isinstance(value, time) else value


def _row(found: DayRow) -> dict[str, object]:
    row = found.row
    return {
        "date": row.day,
        "weekday": f"{row.day:%a}",
        "exchange": row.exchange.value,
        "session_type": row.kind.value,
        "open_time": "" if row.opens is None else f"{row.opens:%H:%M}",
        "close_time": "" if row.closes is None else f"{row.closes:%H:%M}",
        "notes": row.notes,
        "own": found.own,
    }


def _lines(lines: Sequence[DayLine], report: ImportReport) -> Iterable[dict[str, object]]:
    new = {row.key for row in report.new}
    for line in lines:
        row = line.row
        fresh = row is not None and row.key in new
        yield {
            "line": line.number,
            "good": row is not None,
            "new": fresh,
            "date": None if row is None else row.day,
            "exchange": "" if row is None else row.exchange.value,
            "session_type": "" if row is None else row.kind.value,
            "words": line.problem or (("stored" if report.stored else "new") if fresh else "the calendar says so already"),
        }
