"""Days of the calendar that people changed. A row that was removed stays as a mark, so that the revision only grows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Row, bindparam, func, select, update

from sigma.domain.days import SessionDay, SessionKind
from sigma.domain.instruments import Exchange
from sigma.store.database import Link
from sigma.store.desk_schema import calendar_days
from sigma.store.statements import putting

_REVISION = select(func.max(calendar_days.c.revision))
_LIST = (
    select(calendar_days)
    .where(calendar_days.c.removed.is_(False))
    .order_by(calendar_days.c.day, calendar_days.c.exchange, calendar_days.c.complete)
)
_ONE = _LIST.where(
    calendar_days.c.exchange == bindparam("of_exchange"),
    calendar_days.c.day == bindparam("of_day"),
    calendar_days.c.complete == bindparam("of_complete"),
)
_REMOVE = update(calendar_days).where(calendar_days.c.id == bindparam("row_id")).values(removed=True, revision=bindparam("now"))


class SqlOwnDays:
    """The table `calendar_days`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def revision(self) -> int:
        """Return a number that is another one after each change."""
        row = self._link.first(_REVISION)
        return 0 if row is None or row[0] is None else int(row[0])

    def list(self) -> Sequence[SessionDay]:
        """Return the rows, by day and exchange."""
        return [_day(row) for row in self._link.all(_LIST)]

    def put(self, days: Sequence[SessionDay]) -> None:
        """Store rows, each in the place of the one with its key."""
        revision = self.revision() + 1
        for day in days:
            row = {
                "exchange": day.exchange,
                "day": day.day,
                "complete": day.complete,
                "kind": day.kind,
                "opens": day.opens,
                "closes": day.closes,
                "notes": day.notes,
                "removed": False,
                "revision": revision,
            }
            self._link.write(putting(self._link.dialect, calendar_days, "exchange", "day", "complete"), row)

    def remove(self, exchange: Exchange, day: date, complete: bool) -> SessionDay | None:
        """Take one row away and return it; None when there is none."""
        found = self._link.first(_ONE, {"of_exchange": exchange, "of_day": day, "of_complete": complete})
        if found is None:
            return None
        self._link.write(_REMOVE, {"row_id": found.id, "now": self.revision() + 1})
        return _day(found)


def _day(row: Row[Any]) -> SessionDay:
    return SessionDay(row.day, Exchange(row.exchange), SessionKind(row.kind), row.opens, row.closes, row.notes)
