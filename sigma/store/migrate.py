"""Making databases and moving them between versions of their schema."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, func, insert, select, text

from sigma.domain.accounts import TradingMode
from sigma.domain.errors import ConfigError
from sigma.domain.people import Role
from sigma.store import desk_schema, market_schema, schema
from sigma.store.database import Database, Link, make_private_file, make_private_home
from sigma.store.faults import spoken

_FOLDER = Path(__file__).parent / "migrations"
_OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Branch:
    """One of the two databases: its name, its newest schema, and the tables of that schema."""

    name: str
    head: str
    metadata: MetaData


BRANCHES = (
    Branch("sigma", schema.HEAD, desk_schema.strategies.metadata),
    Branch("market", market_schema.HEAD, market_schema.metadata),
)


def is_current(home: Path, url: str | None = None) -> bool:
    """Say whether both databases exist and have the schema that this program needs."""
    return all(_revision(branch, home, url) == branch.head for branch in BRANCHES)


def upgrade(home: Path, url: str | None = None, *, at: datetime) -> None:
    """Make both databases, or bring them to the newest schema; a second call changes nothing.

    The first upgrade makes one user, the owner, created at `at` (by the Clock port).

    Raises
    ------
    ConfigError
        The database cannot be reached or written, or is newer than this program.
    """
    if url is None:
        make_private_home(home)
    for branch in BRANCHES:
        if url is None:
            _make_file(home, branch)
        _migrate(branch, home, url, lambda config: command.upgrade(config, "head"))
    database = Database("sigma", home, url, durable=True)
    try:
        with database.write() as link:
            if url:
                _one_at_a_time(link, "owner")
            _make_owner(link, at)
    finally:
        database.close()


def downgrade(home: Path, url: str | None = None, *, database: str, revision: str) -> None:
    """Bring one database (`sigma` or `market`) back to `revision`, or to nothing (`base`); what only newer ones keep is lost."""
    branch = next(branch for branch in BRANCHES if branch.name == database)
    _migrate(branch, home, url, lambda config: command.downgrade(config, revision))


def configuration(branch: Branch, connection: Connection) -> Config:
    """Return Alembic's configuration for one database over an open connection."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("version_locations", str(_FOLDER / f"{branch.name}_db"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["metadata"] = branch.metadata
    return config


def _revision(branch: Branch, home: Path, url: str | None) -> str | None:
    database = Database(branch.name, home, url, durable=True)
    try:
        return database.revision()
    finally:
        database.close()


def _make_file(home: Path, branch: Branch) -> None:
    path = home / f"{branch.name}.db"
    with spoken(str(path)):
        make_private_file(path)
        connection = sqlite3.connect(path)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()


def _migrate(branch: Branch, home: Path, url: str | None, act: Callable[[Config], None]) -> None:
    database = Database(branch.name, home, url, durable=True, linked=False)
    try:
        with database.write() as link:
            if url:
                _one_at_a_time(link, branch.name)
                link.connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {branch.name}"))
            act(configuration(branch, link.connection))
            if not url:
                _whole(link, database.what)
    except CommandError as error:
        raise ConfigError(
            f"The database ({database.what}) cannot be migrated: {error}.",
            hint="If it is newer than this program, update SigmaTrader.",
        ) from error
    finally:
        database.close()


def _whole(link: Link, what: str) -> None:
    """Undo a migration that left a row whose other end is gone."""
    torn = link.connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if torn is not None:
        text = f"a row of {torn[0]} refers to a row of {torn[2]} that is not there"
        raise ConfigError(f"The database ({what}) cannot be migrated: {text}.")


def _one_at_a_time(link: Link, what: str) -> None:
    """Let two processes that upgrade a server do so one after another; on SQLite the write unit sees to that."""
    link.connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"sigma migrate {what}"))))


def _make_owner(link: Link, at: datetime) -> None:
    if link.first(select(schema.users.c.id).limit(1)) is None:
        row = {"name": _OWNER, "role": Role.OWNER, "trading_mode": TradingMode.NORMAL, "created_at": at}
        link.write(insert(schema.users), row)
