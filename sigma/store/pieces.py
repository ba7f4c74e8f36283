"""Writing much without holding up anyone, and which rows of a master are published."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import ColumnElement, Table, insert, select

from sigma.domain.instruments import MasterReport
from sigma.store.database import Database, Link
from sigma.store.market_rows import from_report
from sigma.store.market_schema import publication, refreshes

COMMIT_SECONDS = 0.05
_PAUSE_SECONDS = 0.002
_LEAST_PIECE, _FIRST_PIECE, _MOST_PIECE = 50, 250, 5000
Items = TypeVar("Items", bound="_Sliced")

PUBLISHED = select(publication.c.published)
NOW = PUBLISHED.scalar_subquery()


class _Sliced(Protocol):
    """A sequence, or a frame."""

    def __len__(self) -> int: ...

    def __getitem__(self, key: slice, /) -> Any: ...


def visible(table: Table) -> ColumnElement[bool]:
    """Return the condition that rows of a master are those published now."""
    return (table.c.since <= NOW) & (table.c.until > NOW)


def in_pieces(database: Database, items: Items, write: Callable[[Link, Items], object]) -> None:
    """Write `items` in commits of about `COMMIT_SECONDS` at most, and let others in between them."""
    start, size = 0, _FIRST_PIECE
    while start < len(items):
        began = time.monotonic()
        with database.write() as link:
            write(link, items[start : start + size])
        took = time.monotonic() - began
        start += size
        size = max(_LEAST_PIECE, min(_MOST_PIECE, 4 * size, int(size * COMMIT_SECONDS * 0.7 / took)))
        time.sleep(_PAUSE_SECONDS)


def ids_in_pieces(database: Database, statement: Any, ids: Sequence[int]) -> None:
    """Execute a statement with the parameter ``ids`` for all of them."""
    in_pieces(database, ids, lambda link, piece: link.write(statement, {"ids": piece}))


def add_refresh(link: Link, report: MasterReport, at: datetime, published: int | None) -> None:
    """Record a refresh; `published` is None when the old version was kept."""
    row = {"broker": report.broker, "at": at, "published": published, "report": from_report(report)}
    link.write(insert(refreshes), row)
