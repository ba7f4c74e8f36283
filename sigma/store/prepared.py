"""Queries asked very often, past SQLAlchemy's work for each call: compiled once, given to the driver as text."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Select

from sigma.store.database import Database
from sigma.store.faults import spoken

_Processor = Callable[[Any], Any] | None


class Prepared:
    """One query of one database. Each call is a snapshot of its own; safe to share between threads."""

    def __init__(self, database: Database, query: Select[Any]) -> None:
        self._database = database
        self._engine = database.reader
        self._dialect = self._engine.dialect
        self._columns = list(query.selected_columns)
        compiled = query.compile(dialect=self._dialect)
        self._text = str(compiled)
        self._order: Sequence[str] | None = compiled.positiontup
        self._bind: dict[str, _Processor] = {}
        for name, bound in compiled.binds.items():
            self._bind[name] = bound.type.dialect_impl(self._dialect).bind_processor(self._dialect)
        given = {name: value for name, value in compiled.params.items() if value is not None}
        self._given = {name: self._bound(name, value) for name, value in given.items()}
        self._row: Any = namedtuple("_row", [column.name for column in self._columns])  # type: ignore[misc]
        self._processors: list[_Processor] | None = None

    def all(self, **values: str | date) -> list[Any]:
        """Return the rows, each with the query's columns as attributes."""
        known = self._given | {name: self._bound(name, value) for name, value in values.items()}
        parameters: Any = known if self._order is None else [known[name] for name in self._order]
        with spoken(self._database.what, reading=True):
            link = self._engine.raw_connection()
            try:
                cursor = link.cursor()
                cursor.execute(self._text, parameters)
                rows = cursor.fetchall()
                if not rows:
                    return []
                processors = self._processors or self._prepare(cursor.description)
                cursor.close()
            finally:
                link.close()
        return [self._made(row, processors) for row in rows]

    def first(self, **values: str | date) -> Any | None:
        """Return the first row, or None."""
        rows = self.all(**values)
        return rows[0] if rows else None

    def _made(self, row: Sequence[Any], processors: Sequence[_Processor]) -> Any:
        return self._row._make([cell if turn is None else turn(cell) for cell, turn in zip(row, processors, strict=True)])

    def _bound(self, name: str, value: Any) -> Any:
        turn = self._bind[name]
        return value if turn is None else turn(value)

    def _prepare(self, described: Any) -> list[_Processor]:
        found: list[_Processor] = []
        for column, about in zip(self._columns, described, strict=True):
            kind = column.type.dialect_impl(self._dialect)
            found.append(kind.result_processor(self._dialect, about[1]))
        self._processors = found
        return found
