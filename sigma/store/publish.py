"""Publishing a new version of a broker's master without holding up anyone.

Rows of the next publication are written in commits of at most about 50 ms with pauses between them, unseen; one small
commit then shows them all. What an interrupted publication left behind is removed by the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout
from sqlalchemy import ColumnElement, Executable, Table, bindparam, delete, func, insert, select, true, update

from sigma.domain.errors import ConfigError
from sigma.domain.instruments import BrokerInstrument, Listing, MasterReport
from sigma.store.database import Database, Link
from sigma.store.faults import BUSY, spoken
from sigma.store.market_rows import from_instrument, from_listing, from_report
from sigma.store.market_schema import FOREVER, broker_instruments, isins, listings, publication, refreshes
from sigma.store.statements import adding

COMMIT_SECONDS = 0.05
_PAUSE_SECONDS = 0.005
_WAIT_SECONDS = 60.0
_LEAST_PIECE, _FIRST_PIECE, _MOST_PIECE = 50, 250, 5000
_VERSIONED = (listings, broker_instruments)
_KEY = func.hashtext("sigma publish")
_Item = TypeVar("_Item")

PUBLISHED = select(publication.c.published)
_SHOW = update(publication).where(publication.c.published == bindparam("was")).values(published=bindparam("next"))


class Publisher:
    """Publishes masters, one at a time over all processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(
        self, broker: str, new: Sequence[Listing], names: Sequence[BrokerInstrument], report: MasterReport, at: datetime
    ) -> int:
        """Publish and return the number of the publication."""
        with self._alone():
            with self._database.read() as link:
                was: int = link.connection.execute(PUBLISHED).scalar_one()
            self._sweep(was)
            self._stage_listings(was, new)
            self._stage_names(was, broker, names)
            with self._database.write() as link:
                link.write(_SHOW, {"was": was, "next": was + 1})
                add_refresh(link, replace(report, version=was + 1), at, was + 1)
            self._sweep(was + 1)
            return was + 1

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the right to publish: a lock of the system or the server, which dies with its holder."""
        if self._database.path is None:
            with spoken(self._database.what), self._database.writer.connect() as connection:
                held = connection.execution_options(isolation_level="AUTOCOMMIT")
                held.execute(select(func.pg_advisory_lock(_KEY)))
                try:
                    yield
                finally:
                    held.execute(select(func.pg_advisory_unlock(_KEY)))
            return
        lock = FileLock(Path(f"{self._database.path}.publish"), mode=0o600)
        try:
            lock.acquire(timeout=_WAIT_SECONDS)
        except Timeout:
            raise ConfigError(
                "The instrument table is being refreshed by another process.", hint="Try again.", code=BUSY, retryable=True
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _stage_listings(self, was: int, new: Sequence[Listing]) -> None:
        rows = {listing.text: from_listing(listing) for listing in new}
        self._stage(was, listings, list(rows.values()), true(), lambda values: values["text"] in rows)
        learned = [{"listing": one.text, "isin": one.isin, "since": was + 1} for one in new if one.isin]
        in_pieces(
            self._database, learned, lambda link, piece: link.write(adding(link.dialect, isins, "listing", tell=False), piece)
        )

    def _stage_names(self, was: int, broker: str, names: Sequence[BrokerInstrument]) -> None:
        rows = [from_instrument(name) for name in names]
        self._stage(was, broker_instruments, rows, broker_instruments.c.broker == broker, lambda _values: True)

    def _stage(
        self,
        was: int,
        table: Table,
        rows: Sequence[Mapping[str, Any]],
        among: ColumnElement[bool],
        replaced: Callable[[Mapping[str, Any]], bool],
    ) -> None:
        """Add the rows that are new or changed, and end those visible now that differ and are `replaced`."""
        columns = [column for column in table.c if column.name not in ("id", "since", "until")]
        names = [column.name for column in columns]
        with self._database.read() as link:
            visible = link.all(select(table.c.id, *columns).where(among, table.c.since <= was, table.c.until > was))
        known: dict[tuple[Any, ...], int] = {tuple(row[1:]): row.id for row in visible}
        wanted = {tuple(row[name] for name in names): row for row in rows}
        added = [{**row, "since": was + 1, "until": FOREVER} for key, row in wanted.items() if key not in known]
        ended = [at for key, at in known.items() if key not in wanted and replaced(dict(zip(names, key, strict=True)))]
        in_pieces(self._database, added, lambda link, piece: link.write(insert(table), piece))
        self._apply(update(table).where(table.c.id.in_(bindparam("ids", expanding=True))).values(until=was + 1), ended)

    def _sweep(self, published: int) -> None:
        """Remove what nobody will see: rows of publications that never came about, and ended ones."""
        for table in _VERSIONED:
            some = table.c.id.in_(bindparam("ids", expanding=True))
            self._apply(delete(table).where(some), self._ids(table, (table.c.since > published) | (table.c.until <= published)))
            unended = (table.c.until > published) & (table.c.until < FOREVER)
            self._apply(update(table).where(some).values(until=FOREVER), self._ids(table, unended))
        with self._database.write() as link:
            link.write(delete(isins).where(isins.c.since > published))

    def _ids(self, table: Table, condition: ColumnElement[bool]) -> Sequence[int]:
        with self._database.read() as link:
            return link.connection.execute(select(table.c.id).where(condition)).scalars().all()

    def _apply(self, statement: Executable, ids: Sequence[int]) -> None:
        in_pieces(self._database, ids, lambda link, piece: link.write(statement, {"ids": piece}))


def in_pieces(database: Database, items: Sequence[_Item], write: Callable[[Link, Sequence[_Item]], object]) -> None:
    """Write `items` in commits of about `COMMIT_SECONDS` at most, and let others in between them."""
    start, size = 0, _FIRST_PIECE
    while start < len(items):
        began = time.monotonic()
        with database.write() as link:
            write(link, items[start : start + size])
        start += size
        took = time.monotonic() - began
        size = max(_LEAST_PIECE, min(_MOST_PIECE, int(size * COMMIT_SECONDS * 0.6 / took)))
        time.sleep(_PAUSE_SECONDS)


def add_refresh(link: Link, report: MasterReport, at: datetime, published: int | None) -> None:
    """Record a refresh; `published` is None when the old version was kept."""
    row = {"broker": report.broker, "at": at, "published": published, "report": from_report(report)}
    link.write(insert(refreshes), row)
