"""The store of people and orders: units of work over sigma.db or the schema `sigma`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sigma.ports.infra import Watch
from sigma.store.calendar import SqlOwnDays
from sigma.store.commands import SqlCommands
from sigma.store.database import Database, Link
from sigma.store.groups import SqlGroups
from sigma.store.gtts import SqlGtts, SqlKillRuns
from sigma.store.inbox import SqlSignals
from sigma.store.journal import SqlJournal
from sigma.store.ledger import SqlLedgerRows
from sigma.store.limits import SqlRisk
from sigma.store.orders import SqlOrders
from sigma.store.people import SqlAccounts, SqlUsers
from sigma.store.schema import HEAD
from sigma.store.secrets import SecretCipher, check_key, recrypt, write_key_file
from sigma.store.sign_ins import SqlSignIns
from sigma.store.strategies import SqlShares, SqlStrategies
from sigma.store.watch import PostgresWatch, SqliteWatch


class SqlUnit:
    """One transaction, by repository."""

    def __init__(self, link: Link, cipher: SecretCipher) -> None:
        self.users = SqlUsers(link)
        self.sign_ins = SqlSignIns(link)
        self.accounts = SqlAccounts(link, cipher)
        self.orders = SqlOrders(link)
        self.commands = SqlCommands(link)
        self.signals = SqlSignals(link)
        self.risk = SqlRisk(link)
        self.journal = SqlJournal(link)
        self.calendar = SqlOwnDays(link)
        self.groups = SqlGroups(link)
        self.strategies = SqlStrategies(link)
        self.shares = SqlShares(link)
        self.ledger = SqlLedgerRows(link)
        self.gtts = SqlGtts(link)
        self.kill_runs = SqlKillRuns(link)


class SqlStore:
    """People and orders in one database; safe to use from several threads and processes."""

    def __init__(self, database: Database, cipher: SecretCipher) -> None:
        self.database = database
        self.cipher = cipher

    def __enter__(self) -> SqlStore:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @contextmanager
    def begin(self) -> Iterator[SqlUnit]:
        """Open a write unit: commits at the end, rolls back on an exception. Writers wait for one another."""
        with self.database.write() as link:
            yield SqlUnit(link, self.cipher)

    @contextmanager
    def read(self) -> Iterator[SqlUnit]:
        """Open a read-only unit on one snapshot."""
        with self.database.read() as link:
            yield SqlUnit(link, self.cipher)

    def watch(self) -> Watch:
        """Return a watch over commits, for one thread."""
        return SqliteWatch(self.database.path) if self.database.path else PostgresWatch(self.database.writer.url)

    def close(self) -> None:
        """Let go of all connections."""
        self.database.close()


def open_store(home: Path, *, url: str | None = None, cipher: SecretCipher) -> SqlStore:
    """Return the store of the installation in `home`, or of the PostgreSQL database `url`.

    Raises
    ------
    ConfigError
        The database was never made or is of another version (`sigma db upgrade`), cannot be reached, or was encrypted
        with another key.
    """
    database = Database("sigma", home, url, durable=True)
    try:
        database.require(HEAD)
        check_key(database, cipher)
    except BaseException:
        database.close()
        raise
    return SqlStore(database, cipher)


def rotate(store: SqlStore, new_key: str) -> int:
    """Encrypt every credential and session anew under `new_key`, in one transaction; return how many there were.

    Other processes must be stopped and started with the new key. A key file is rewritten, and holds both keys while the
    transaction runs, so that a crash at any instruction leaves a readable database. A key from SIGMA_KEY must be changed
    there by the person afterwards.
    """
    old, path = store.cipher, store.cipher.source
    new = SecretCipher([new_key], source=path)
    if path:
        write_key_file(path, [new_key, *old.keys])
    with store.database.write() as link:
        count = recrypt(link, old, new)
    store.cipher = new
    if path:
        write_key_file(path, new.keys)
    return count
