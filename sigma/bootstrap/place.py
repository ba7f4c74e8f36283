"""An installation as a place: made, brought up to date, backed up, restored."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sigma.bootstrap.house import House, home_folder, make_clock
from sigma.domain.errors import ConfigError
from sigma.domain.events import Event, Level
from sigma.infra.probe import probe_from
from sigma.store import backup as backups
from sigma.store import migrate
from sigma.store.backup import RestoreReport
from sigma.store.database import Database
from sigma.store.journal import SqlJournal
from sigma.store.people import SqlUsers
from sigma.store.schema import HEAD
from sigma.store.secrets import erase_unreadable, load_cipher


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `prepare` made. `webhook_secret` is shown once, when it was made now."""

    home: Path
    webhook_secret: str | None


def prepare(home: str | Path | None = None) -> Prepared:
    """Make an installation, or bring it up to date: folder, key, databases, the owner, their webhook secret."""
    folder = home_folder(home)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    url = os.environ.get("SIGMA_DATABASE_URL") or None
    clock = make_clock(os.environ)
    migrate.upgrade(folder, url, at=clock.now())
    house = House(folder, clock, probe_from({}), dict(os.environ))
    try:
        with house.store.read() as tx:
            owner = tx.users.owner()
            known = tx.users.webhook_hash(owner.id)
        given = os.environ.get("SIGMA_WEBHOOK_SECRET")
        if known is not None and not given:
            return Prepared(folder, None)
        if given:
            house.signals.set_secret(owner.id, given)
            return Prepared(folder, None)
        return Prepared(folder, house.signals.rotate_secret(owner.id))
    finally:
        house.close()


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """Where the databases stand: for each its name, its schema's revision (None: never made) and the newest one."""

    home: Path
    revisions: tuple[tuple[str, str | None, str], ...]

    @property
    def current(self) -> bool:
        """Whether this program can work with them."""
        return all(revision == newest for _, revision, newest in self.revisions)


def database_status(home: str | Path | None = None) -> DatabaseStatus:
    """Return which schemas the databases have; nothing is changed."""
    folder, url = home_folder(home), os.environ.get("SIGMA_DATABASE_URL") or None
    found = []
    for branch in migrate.BRANCHES:
        database = Database(branch.name, folder, url, durable=True)
        try:
            found.append((branch.name, database.revision(), branch.head))
        finally:
            database.close()
    return DatabaseStatus(folder, tuple(found))


def downgrade(home: str | Path | None = None, *, database: str, revision: str) -> None:
    """Bring one database back to an older schema; see `sigma.store.migrate.downgrade`."""
    migrate.downgrade(home_folder(home), os.environ.get("SIGMA_DATABASE_URL") or None, database=database, revision=revision)


def erase_unreadable_credentials(home: str | Path | None = None) -> int:
    """Erase credentials and logins whose key is lost; see `sigma.store.secrets.erase_unreadable`. Stop everything first.

    Raises
    ------
    Conflict
        The key opens them.
    """
    folder, url = home_folder(home), os.environ.get("SIGMA_DATABASE_URL") or None
    try:
        cipher = load_cipher(folder, url=url)
    except ConfigError as error:
        if error.code != "LOST_KEY":
            raise
        cipher = None
    database = Database("sigma", folder, url, durable=True)
    try:
        database.require(HEAD)
        with database.write() as link:
            erased = erase_unreadable(link, cipher)
            text = f"{erased} credentials and logins whose key is lost were erased; accounts, orders and fills stay."
            at = make_clock(os.environ).now()
            owner = SqlUsers(link).owner().id
            SqlJournal(link).add_event(Event(0, at, Level.WARNING, "CREDENTIALS_ERASED", text, owner))
    finally:
        database.close()
    return erased


def backup(target: Path, home: str | Path | None = None, *, with_key: bool = False) -> Path:
    """Copy the databases into one file; see `sigma.store.backup.backup`."""
    url = os.environ.get("SIGMA_DATABASE_URL") or None
    return backups.backup(home_folder(home), target, url=url, at=make_clock(os.environ).now(), with_key=with_key)


def restore(source: Path, home: str | Path | None = None, *, replace: bool = False) -> RestoreReport:
    """Put a backup in place, made safe; see `sigma.store.backup.restore`."""
    url = os.environ.get("SIGMA_DATABASE_URL") or None
    return backups.restore(source, home_folder(home), url=url, at=make_clock(os.environ).now(), replace=replace)
