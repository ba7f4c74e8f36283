"""The calendar in force: shipped days, with what people changed on top. Days are changed by the installation's owner."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sigma.domain.calendar import Calendar
from sigma.domain.day_file import DayLine, read_days, write_days
from sigma.domain.days import Beneath, DayTable, SessionDay, SessionKind
from sigma.domain.errors import InvalidInput, NotFound
from sigma.domain.instruments import Exchange
from sigma.ports.clock import Clock
from sigma.ports.storage import Store, Unit
from sigma.services.events import EventsService
from sigma.services.owner import require_owner

CHECK_NS = 1_000_000_000
LONGEST_LIST = timedelta(days=800)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What a file says, line by line, and what became of it.

    Parameters
    ----------
    lines : tuple of DayLine
        Every line that holds or should hold a row.
    new : tuple of SessionDay
        Rows that differ from the calendar; only these are stored.
    unknown : tuple of (Exchange, int)
        Years that the file has rows of, and whose list is not complete even with it: their plain weekdays stay unknown.
    stored : int
        How many rows were stored.
    """

    lines: tuple[DayLine, ...]
    new: tuple[SessionDay, ...]
    unknown: tuple[tuple[Exchange, int], ...]
    stored: int = 0

    @property
    def bad(self) -> tuple[DayLine, ...]:
        """The lines that cannot be read."""
        return tuple(line for line in self.lines if line.row is None)


@dataclass(frozen=True, slots=True)
class DayRow:
    """A row of the calendar; `own` says that a person stored it, and that it can be taken away again."""

    row: SessionDay
    own: bool


class CalendarService:
    """Reads and changes the days.

    `calendar` always answers by the days in force: another process's change is seen within a second of real time.

    Parameters
    ----------
    shipped : sequence of SessionDay
        What people's rows lie on.
    beneath : callable
        What is known of years without a list.
    """

    def __init__(
        self, store: Store, clock: Clock, events: EventsService, shipped: Sequence[SessionDay], beneath: Beneath
    ) -> None:
        self._store = store
        self._clock = clock
        self._events = events
        self._shipped = tuple(shipped)
        self._beneath = beneath
        self._lock = threading.Lock()
        self._known: tuple[int, DayTable] | None = None
        self._checked_ns: int | None = None
        self.calendar = Calendar(self.table)

    def table(self) -> DayTable:
        """Return the days in force."""
        known, checked = self._known, self._checked_ns
        now = self._clock.boot_ns()
        if known is not None and checked is not None and now - checked < CHECK_NS:
            return known[1]
        with self._lock, self._store.read() as tx:
            revision = tx.calendar.revision()
            if self._known is None or self._known[0] != revision:
                self._known = (revision, self._made(tx.calendar.list()))
            self._checked_ns = now
            return self._known[1]

    def days(self, start: date | None = None, end: date | None = None, exchange: Exchange | None = None) -> Sequence[DayRow]:
        """Return the rows in force from `start` to `end`, by day and exchange."""
        with self._store.read() as tx:
            own = {row.key for row in tx.calendar.list()}
        return [
            DayRow(row, row.key in own)
            for row in self.table().rows()
            if (start is None or row.day >= start)
            and (end is None or row.day <= end)
            and (exchange is None or row.exchange is exchange)
        ]

    def sessions(self, exchange: Exchange, start: date, end: date) -> Sequence[tuple[date, bool, SessionDay | None]]:
        """Return each day from `start` to `end`: whether it is known, and the row that names it.

        Raises
        ------
        InvalidInput
            The days are in the wrong order, or more than 800.
        """
        if not timedelta(0) <= end - start <= LONGEST_LIST:
            raise InvalidInput(f"From {start} to {end} is no list of days.", hint=f"At most {LONGEST_LIST.days} days, in order.")
        table = self.table()
        days = [start + timedelta(days=count) for count in range((end - start).days + 1)]
        return [(day, table.knows(exchange, day), table.row(exchange, day)) for day in days]

    def check_csv(self, text: str) -> ImportReport:
        """Return what an import of this file would do; nothing is stored.

        Raises
        ------
        InvalidInput
            It is no such file at all.
        """
        lines = tuple(read_days(text))
        there = {row.key: row for row in self.table().rows()}
        new = tuple(line.row for line in lines if line.row is not None and there.get(line.row.key) != line.row)
        after = DayTable(there.values(), new, beneath=self._beneath)
        touched = dict.fromkeys((row.exchange, row.day.year) for row in new)
        unknown = tuple((one, year) for one, year in touched if not after.knows(one, date(year, 12, 31)))
        return ImportReport(lines, new, unknown)

    def import_csv(self, user_id: int, text: str, *, good_only: bool = False) -> ImportReport:
        """Store the rows of a file that differ from the calendar, all in one step.

        A file with a bad line stores nothing, unless `good_only` says that its bad lines are to be left out: a person says
        so after they saw the report.

        Raises
        ------
        InvalidInput
            It is no such file at all.
        Denied
            The user does not own the installation.
        """
        report = self.check_csv(text)
        if report.new and (good_only or not report.bad):
            left_out = f", {len(report.bad)} bad lines were left out" if report.bad else ""
            self._put(user_id, report.new, f"{len(report.new)} days imported{left_out}")
            return ImportReport(report.lines, report.new, report.unknown, len(report.new))
        self._allow(user_id)
        return report

    def set(self, user_id: int, row: SessionDay) -> None:
        """Store one row in the place of what the calendar says of that day.

        Raises
        ------
        Denied
            The user does not own the installation.
        """
        self._put(user_id, [row], f"{_words(row)}{f' ({row.notes})' if row.notes else ''}")

    def remove(self, user_id: int, exchange: Exchange, day: date, *, complete: bool = False) -> SessionDay:
        """Take away a row that a person stored, so that what lies beneath counts again, and return it.

        Raises
        ------
        Denied
            The user does not own the installation.
        NotFound
            There is no such row; a shipped one cannot be taken away.
        """
        with self._store.begin() as tx:
            require_owner(tx, user_id, "The calendar")
            row = tx.calendar.remove(exchange, day, complete)
            if row is None:
                what = SessionKind.COMPLETE if complete else "day"
                hint = "A shipped day cannot be taken away: set it to REGULAR, or to what it is."
                raise NotFound(f"Nobody has set a {what} of {exchange} on {day:%d %b %Y}.", hint=hint)
            self._record(tx, user_id, f"{_words(row)} taken away")
        self._checked_ns = None
        return row

    def export_csv(self) -> str:
        """Return the rows in force as a file that can be imported."""
        return write_days(self.table().rows())

    def _put(self, user_id: int, rows: Sequence[SessionDay], told: str) -> None:
        with self._store.begin() as tx:
            require_owner(tx, user_id, "The calendar")
            tx.calendar.put(rows)
            self._record(tx, user_id, told)
        self._checked_ns = None

    def _record(self, tx: Unit, user_id: int, told: str) -> None:
        self._events.record("CALENDAR_CHANGED", f"calendar: {told}", user_id=user_id, tx=tx)

    def _allow(self, user_id: int) -> None:
        with self._store.read() as tx:
            require_owner(tx, user_id, "The calendar")

    def _made(self, own: Iterable[SessionDay]) -> DayTable:
        return DayTable(self._shipped, own, beneath=self._beneath)


def _words(row: SessionDay) -> str:
    hours = f" {row.opens:%H:%M} to {row.closes:%H:%M}" if row.opens is not None else ""
    return f"{row.exchange} {row.day:%d %b %Y} {row.kind}{hours}"
