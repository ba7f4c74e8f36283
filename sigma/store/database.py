"""Connections and transactions: two SQLite files, or two schemas of one PostgreSQL database.

A write unit on SQLite is BEGIN IMMEDIATE, so that no two processes read the same row and then both write it; on
PostgreSQL it is READ COMMITTED and whoever reads to write takes the row's lock. Readers see one snapshot and may not write.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, CursorResult, Engine, Executable, Row, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, ProgrammingError

from sigma.domain.errors import ConfigError
from sigma.store.faults import BUSY, COMMIT_UNKNOWN, DOWN, spoken

CHANNEL = "sigma_commit"
BUSY_SECONDS = 10.0
_TURN_SECONDS = 0.001
_WAL_LIMIT = 64 * 1024 * 1024
_OLDEST_SQLITE = (3, 35, 0)  # the first with RETURNING
_UPGRADE_HINT = "Run `sigma db upgrade`."


@dataclass(slots=True)
class Link:
    """One transaction, as repositories see it.

    Parameters
    ----------
    locking : bool
        Whether reads of values that may be saved take the row's lock.
    dirty : bool
        Whether anything was written.
    """

    connection: Connection
    dialect: str
    locking: bool
    dirty: bool = False

    def all(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        """Return the rows of a query."""
        return self.connection.execute(statement, values).all()

    def first(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Row[Any] | None:
        """Return the first row of a query, or None."""
        return self.connection.execute(statement, values).first()

    def write(
        self, statement: Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    ) -> CursorResult[Any]:
        """Execute a change."""
        self.dirty = True
        return self.connection.execute(statement, values)


def postgres_url(text_url: str) -> URL:
    """Return the URL of a PostgreSQL database for our driver.

    Raises
    ------
    ConfigError
        It names another kind of database, or cannot be read.
    """
    try:
        url = make_url(text_url)
    except ArgumentError:
        raise ConfigError("SIGMA_DATABASE_URL is no URL.", hint="Write postgresql://user:password@host/database.") from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigError(
            f"SIGMA_DATABASE_URL names a {url.get_backend_name()} database; only PostgreSQL is known.",
            hint="Leave it empty to keep the data in SQLite files.",
        )
    return url.set(drivername="postgresql+psycopg")


def sqlite_file(home: Path, name: str) -> Path:
    """Return the file of a database."""
    return home / f"{name}.db"


def _sqlite_engine(path: Path, *, write: bool, durable: bool, linked: bool) -> Engine:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise ConfigError(
            f"SQLite {sqlite3.sqlite_version} is too old, 3.35 is needed.", hint="Use a Python built with a newer one."
        )
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        hide_parameters=True,
        pool_size=1 if write else 5,
        max_overflow=0 if write else 15,
        pool_timeout=BUSY_SECONDS,
        query_cache_size=1000,
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None, "cached_statements": 512},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA foreign_keys={'ON' if linked else 'OFF'}")
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        connection.execute(f"PRAGMA journal_size_limit={_WAL_LIMIT}")
        connection.execute("PRAGMA trusted_schema=OFF")
        # SQLite's own waiting backs off to 100 ms between tries; `_begin_immediate` asks every millisecond instead.
        connection.execute("PRAGMA busy_timeout=0" if write else "PRAGMA query_only=ON")

    return engine


def _postgres_engine(url: URL, schema: str, *, write: bool) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=5,
        max_overflow=15,
        pool_timeout=BUSY_SECONDS,
        pool_pre_ping=True,
        query_cache_size=1000,
        isolation_level="READ COMMITTED" if write else "REPEATABLE READ",
    )

    @event.listens_for(engine, "connect", insert=True)
    def _prepare(connection: psycopg.Connection[Any], _record: object) -> None:
        connection.autocommit = True
        connection.execute(f"SET search_path TO {schema}")
        connection.execute("SET synchronous_commit TO on")
        connection.execute("SET timezone TO 'UTC'")
        connection.execute(f"SET lock_timeout TO '{int(BUSY_SECONDS)}s'")
        # A process stopped in the middle of a unit must not hold its rows for ever.
        connection.execute("SET idle_in_transaction_session_timeout TO '60s'")
        connection.autocommit = False
        connection.read_only = not write

    return engine


def _begin_immediate(connection: sqlite3.Connection) -> None:
    """Take SQLite's write lock, asking again each millisecond while another process has it."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_TURN_SECONDS)
        else:
            return


class Database:
    """One database (`sigma` or `market`), with a pool for writing and one for reading.

    Parameters
    ----------
    durable : bool
        Whether a commit waits for the disk (orders) or may lose its last moments with the machine's power (instruments).
    linked : bool
        Whether SQLite keeps foreign keys; only a migration that makes tables anew does without.
    """

    def __init__(self, name: str, home: Path, url: str | None, *, durable: bool, linked: bool = True) -> None:
        self.name = name
        self.path = None if url else sqlite_file(home, name)
        self.what = f"the PostgreSQL schema {name}" if self.path is None else str(self.path)
        if self.path is None:
            address = postgres_url(url or "")
            self.writer = _postgres_engine(address, name, write=True)
            self.reader = _postgres_engine(address, name, write=False)
        else:
            self.writer = _sqlite_engine(self.path, write=True, durable=durable, linked=linked)
            self.reader = _sqlite_engine(self.path, write=False, durable=durable, linked=linked)
        self._turn = threading.Lock() if self.path else None
        self._here = threading.local()

    @contextmanager
    def write(self) -> Iterator[Link]:
        """Open a write unit: commits at the end of the block, rolls back on an exception.

        Raises
        ------
        RuntimeError
            This thread has a write unit open already: it would wait for itself.
        ConfigError
            The database is locked, full, read-only or unreachable.
        """
        if getattr(self._here, "writing", False):
            raise RuntimeError(f"a write unit of {self.what} is open in this thread already")
        with self._in_turn(), spoken(self.what):
            self._here.writing = True
            try:
                with self.writer.connect() as connection:
                    yield from self._unit(connection)
            finally:
                self._here.writing = False

    def _unit(self, connection: Connection) -> Iterator[Link]:
        with connection.begin() as transaction:
            if self.path:
                _begin_immediate(_driver(connection))
            link = Link(connection, connection.dialect.name, locking=True)
            yield link
            if link.dirty and self.path is None:
                connection.execute(_NOTIFY)
            self._commit(transaction.commit)

    def _commit(self, commit: Any) -> None:
        try:
            commit()
        except OperationalError as error:
            if self.path or error.orig is None or not error.connection_invalidated:
                raise
            raise ConfigError(
                f"The database ({self.what}) did not answer whether the last change was stored.",
                hint="Read it back before acting on it.",
                code=COMMIT_UNKNOWN,
            ) from error

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Let the threads of this process write one after another: a queue of ours is fairer than SQLite's lock."""
        if self._turn is None:
            yield
            return
        if not self._turn.acquire(timeout=BUSY_SECONDS):
            raise ConfigError(
                f"The database ({self.what}) was being written by another thread for too long.",
                hint="Try again.",
                code=BUSY,
                retryable=True,
            )
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def read(self) -> Iterator[Link]:
        """Open a read-only unit on one snapshot."""
        with spoken(self.what, reading=True), self.reader.connect() as connection, connection.begin():
            if self.path:
                _driver(connection).execute("BEGIN")
            yield Link(connection, connection.dialect.name, locking=False)

    def revision(self) -> str | None:
        """Return the schema's revision, None for a database that was never made."""
        if self.path and not self.path.exists():
            return None
        with spoken(self.what), self.reader.connect() as connection:
            try:
                found = connection.scalar(text("SELECT version_num FROM alembic_version"))
                return None if found is None else str(found)
            except (OperationalError, ProgrammingError) as error:
                if _no_such_table(error):
                    return None
                raise

    def require(self, head: str) -> None:
        """Raise ConfigError unless the schema is at `head`."""
        found = self.revision()
        if found == head:
            return
        if found is None:
            raise ConfigError(f"There is no database yet ({self.what}).", hint=_UPGRADE_HINT)
        raise ConfigError(
            f"The database ({self.what}) has schema {found}, this program needs {head}.",
            hint=f"{_UPGRADE_HINT} If that does not know {found}, the database is newer than the program: update SigmaTrader.",
        )

    def close(self) -> None:
        """Let go of all connections."""
        self.writer.dispose()
        self.reader.dispose()


_NOTIFY = text(f"SELECT pg_notify('{CHANNEL}', '')")


def _driver(connection: Connection) -> sqlite3.Connection:
    raw = connection.connection.dbapi_connection
    if not isinstance(raw, sqlite3.Connection):
        raise TypeError(f"expected a connection of sqlite3, was {raw!r}")
    return raw


def _no_such_table(error: DBAPIError) -> bool:
    return isinstance(error.orig, psycopg.errors.UndefinedTable) or "no such table" in str(error.orig)


def make_private_home(home: Path) -> None:
    """Make the folder of the installation, for its owner alone."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.chmod(0o700)
    except OSError as error:
        raise ConfigError(
            f"The folder {home} cannot be made private: {error.strerror}.", hint="Set SIGMA_HOME to a folder of yours.", code=DOWN
        ) from error


def make_private_file(path: Path) -> None:
    """Make an empty file that only its owner may read, unless it exists (SQLite gives -wal and -shm the same mode)."""
    with nullcontext() if path.exists() else os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb"):
        path.chmod(0o600)
