"""Publishing a new version of a source's master without holding up anyone.

Rows of the next publication are written in commits of at most about 50 ms with pauses between them, unseen; one small
commit then shows them all. What an interrupted publication left behind is removed by the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast

import polars as pl
from filelock import FileLock, Timeout
from sqlalchemy import ColumnElement, Table, bindparam, delete, func, select, update

from sigma.domain.errors import ConfigError
from sigma.domain.instruments import MasterReport
from sigma.domain.times import ist_date
from sigma.engines.instruments import LISTING
from sigma.ports.masters import MasterSnapshot, MasterVersion
from sigma.store import master_frames as frames
from sigma.store.database import Database
from sigma.store.faults import BUSY, spoken
from sigma.store.market_schema import (
    FOREVER,
    broker_instruments,
    former_isins,
    former_names,
    isins,
    listings,
    master_states,
    publication,
    quarantine,
)
from sigma.store.pieces import PUBLISHED, add_refresh, ids_in_pieces, in_pieces
from sigma.store.statements import adding, putting

_WAIT_SECONDS = 60.0
_VERSIONED = (listings, broker_instruments)
_KEY = func.hashtext("sigma publish")
_CACHE_KB, _USUAL_CACHE_KB = 96 * 1024, 2000  # of SQLite's pages: enough for the indices while a master goes in
_LOG_PAGES, _USUAL_LOG_PAGES = 4000, 1000
_KEPT_DAYS = 400
"""How long names that a broker gave up are remembered."""
_LONG_AGO = date(1, 1, 1)

_SHOW = update(publication).where(publication.c.published == bindparam("was")).values(published=bindparam("next"))
_SWAP_ISIN = update(isins).where(isins.c.listing == bindparam("of_listing")).values(isin=bindparam("new_isin"), since=0)
_GONE = update(quarantine).where(quarantine.c.id.in_(bindparam("ids", expanding=True))).values(present=False)
_NAME_PARTS = ("symbol", "token", "exchange_code", "exchange_token", "exchange", "valid_from", "valid_to")


class Publisher:
    """Publishes masters, one at a time over all processes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dialect = database.writer.dialect.name

    def publish(self, version: MasterVersion, report: MasterReport, at: datetime) -> int:
        """Publish and return the number of the publication."""
        with self._alone(), self._roomy():
            with self._database.read() as link:
                was: int = link.connection.execute(PUBLISHED).scalar_one()
            self._sweep(was)
            known = self._known(version, was)
            ended = [
                self._stage_listings(was, version.listings, known.listings),
                self._stage_names(was, version, known.names, ist_date(at)),
            ]
            del known
            with self._database.write() as link:
                link.write(_SHOW, {"was": was, "next": was + 1})
                add_refresh(link, replace(report, version=was + 1), at, was + 1)
                for text, isin, old in version.isins.select("text", "isin", "was").iter_rows():
                    link.write(former_isins.insert(), {"listing": text, "isin": old, "valid_to": ist_date(at)})
                    link.write(_SWAP_ISIN, {"of_listing": text, "new_isin": isin})
            for table, ids in zip(_VERSIONED, ended, strict=True):
                self._delete(table, ids)
            self._set_aside(version, at)
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

    @contextmanager
    def _roomy(self) -> Iterator[None]:
        """Give SQLite's one writing connection room for the indices' pages meanwhile, and let its log grow longer."""
        self._tune(_CACHE_KB, _LOG_PAGES)
        try:
            yield
        finally:
            self._tune(_USUAL_CACHE_KB, _USUAL_LOG_PAGES)

    def _tune(self, cache_kb: int, log_pages: int) -> None:
        if self._database.path:
            with self._database.write() as link:
                link.connection.exec_driver_sql(f"PRAGMA cache_size=-{cache_kb}")
                link.connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint={log_pages}")

    def _known(self, version: MasterVersion, was: int) -> MasterSnapshot:
        """Return what is published now: as it was merged with, unless another source published meanwhile."""
        if version.known is not None and version.known.published == was:
            return version.known
        earliest = cast("date | None", version.listings["expiry"].min())
        with self._database.read() as link:
            return frames.read_snapshot(link, version.source, earliest)

    def _stage_listings(self, was: int, new: pl.DataFrame, known: pl.DataFrame) -> list[int]:
        """Add the listings that are new or changed; return the ids of those whose place they take."""
        parts = [name for name in LISTING if name not in ("text", "isin")]
        rows = new.unique("text", keep="last").join(known, on="text", how="left", suffix="_was")
        differs = pl.any_horizontal(pl.col(part).ne_missing(pl.col(f"{part}_was")) for part in parts)
        changed = rows.filter(pl.col("id").is_null() | differs).sort("text")
        learned = rows.filter(pl.col("isin").is_not_null() & pl.col("isin_was").is_null()).select("text", "isin")
        ended = changed["id"].drop_nulls().to_list()
        self._insert(listings, frames.listing_cells(changed.select(list(LISTING)), self._dialect), was)
        items = [{"listing": text, "isin": isin, "since": was + 1} for text, isin in learned.iter_rows()]
        in_pieces(
            self._database, items, lambda link, piece: link.write(adding(link.dialect, isins, "listing", tell=False), piece)
        )
        self._end(listings, ended, was)
        return ended

    def _stage_names(self, was: int, version: MasterVersion, known: pl.DataFrame, today: date) -> list[int]:
        """Add the names that are new or changed; remember and return the ids of those given up."""
        new = version.instruments
        rows = new.join(known, on="listing", how="left", suffix="_was")
        differs = pl.any_horizontal(pl.col(part).ne_missing(pl.col(f"{part}_was")) for part in _NAME_PARTS)
        changed = rows.filter(pl.col("id").is_null() | differs)
        gone = known.join(new, on=["listing", *_NAME_PARTS], how="anti", nulls_equal=True)
        lost = gone.join(new, on=["listing", "token", "exchange_code"], how="anti")
        cells = frames.name_cells(changed.select(new.columns).sort("listing"), version.source, self._dialect)
        self._insert(broker_instruments, cells, was)
        self._remember(version.source, lost, today)
        ended = gone["id"].to_list()
        self._end(broker_instruments, ended, was)
        return ended

    def _remember(self, source: str, lost: pl.DataFrame, today: date) -> None:
        """Keep what tokens stood for, up to the contract's expiry or today, whichever comes first; drop what is long over."""
        items = [
            {
                **row,
                "broker": source,
                "valid_from": row["valid_from"] or _LONG_AGO,
                "valid_to": min(row["valid_to"] or today, today),
            }
            for row in lost.select("exchange_code", "token", "symbol", "listing", "valid_from", "valid_to").iter_rows(named=True)
        ]
        key = ("broker", "exchange_code", "token", "listing", "valid_from")
        in_pieces(
            self._database, items, lambda link, piece: link.write(adding(link.dialect, former_names, *key, tell=False), piece)
        )
        over = former_names.c.valid_to < date.fromordinal(today.toordinal() - _KEPT_DAYS)
        self._delete(former_names, self._ids(former_names, over))

    def _insert(self, table: Table, rows: pl.DataFrame, was: int) -> None:
        in_pieces(self._database, rows, lambda link, piece: frames.insert_rows(link, table, piece, was + 1))

    def _end(self, table: Table, ids: Sequence[int], was: int) -> None:
        some = table.c.id.in_(bindparam("ids", expanding=True))
        ids_in_pieces(self._database, update(table).where(some).values(until=was + 1), ids)

    def _delete(self, table: Table, ids: Sequence[int]) -> None:
        ids_in_pieces(self._database, delete(table).where(table.c.id.in_(bindparam("ids", expanding=True))), ids)

    def _set_aside(self, version: MasterVersion, at: datetime) -> None:
        """Store which rows are quarantined now, and last of all that all of this version is stored."""
        source = version.source
        rows = version.quarantined.unique(["exchange_code", "symbol", "token"], keep="last", maintain_order=True)
        moment = {"source": source, "first_seen": at, "last_seen": at, "present": True}
        items = [row | moment for row in rows.iter_rows(named=True)]
        key = ("source", "exchange_code", "symbol", "token")
        statement = putting(self._dialect, quarantine, *key, keep=("first_seen",))
        in_pieces(self._database, items, lambda link, piece: link.write(statement, piece))
        with self._database.read() as link:
            before = link.all(select(quarantine).where(quarantine.c.source == source, quarantine.c.present))
        here = set(rows.select("exchange_code", "symbol", "token").iter_rows())
        ids_in_pieces(self._database, _GONE, [row.id for row in before if (row.exchange_code, row.symbol, row.token) not in here])
        state = {"source": source, "content": version.state.content, "basis": version.state.basis}
        with self._database.write() as link:
            link.write(putting(self._dialect, master_states, "source"), state)

    def _sweep(self, published: int) -> None:
        """Remove what nobody will see: rows of publications that never came about, and ended ones."""
        for table in _VERSIONED:
            self._delete(table, self._ids(table, (table.c.since > published) | (table.c.until <= published)))
            unended = self._ids(table, (table.c.until > published) & (table.c.until < FOREVER))
            self._end(table, unended, FOREVER - 1)
        with self._database.write() as link:
            link.write(delete(isins).where(isins.c.since > published))

    def _ids(self, table: Table, condition: ColumnElement[bool]) -> Sequence[Any]:
        with self._database.read() as link:
            return link.connection.execute(select(table.c.id).where(condition)).scalars().all()
