"""A copy of the installation in one file, made while it is in use, and its way back."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sigma.domain.errors import ConfigError, InvalidInput
from sigma.domain.times import require_utc
from sigma.store import migrate
from sigma.store.database import make_private_file, make_private_home
from sigma.store.faults import FULL, spoken
from sigma.store.restored import Calmed, calm
from sigma.store.secrets import sync_folder

_FORMAT = 1
_MANIFEST = "manifest.json"
_DATABASES = ("sigma.db", "market.db")
_KEY = "key"
_PG_HINT = "Use the server's own tools: `pg_dump --schema=sigma --schema=market` and `pg_restore`."


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What a restore did.

    Parameters
    ----------
    made_at : datetime
        When the backup was made, UTC.
    calmed : Calmed
        Orders and commands whose state can no longer be trusted, and what became of them.
    kept : Path or None
        Folder with the files that were replaced; None when there were none.
    key_restored : bool
        Whether the backup held the key and it was put in place.
    """

    made_at: datetime
    calmed: Calmed
    kept: Path | None
    key_restored: bool


def backup(home: Path, target: Path, *, url: str | None = None, at: datetime, with_key: bool = False) -> Path:
    """Write both databases into the ZIP file `target` (mode 0600), each as it is at one moment, and return its path.

    The key is left out unless `with_key` asks for it: whoever has both can read the credentials.

    Raises
    ------
    ConfigError
        The data is in PostgreSQL, there is none, a database is damaged, or the disk is full.
    """
    if url:
        raise ConfigError("A backup of a PostgreSQL database is not made here.", hint=_PG_HINT)
    missing = [name for name in _DATABASES if not (home / name).exists()]
    if missing:
        raise ConfigError(f"There is no {missing[0]} in {home} to back up.", hint="Run `sigma db upgrade` first.")
    if with_key and not (home / _KEY).exists():
        raise ConfigError(f"There is no key file in {home}: the key comes from SIGMA_KEY.", hint="Keep that one safe yourself.")
    with _room_for(target), tempfile.TemporaryDirectory(dir=target.parent, prefix=".sigma-backup-") as folder:
        copies = [_copy(home / name, Path(folder) / name) for name in _DATABASES]
        part = Path(folder) / target.name
        _pack(part, copies + ([home / _KEY] if with_key else []), at)
        os.replace(part, target)
        sync_folder(target.parent)
    return target


def restore(source: Path, home: Path, *, url: str | None = None, at: datetime, replace: bool = False) -> RestoreReport:
    """Put a backup in place, with what was going on at its time made safe (see `restored.calm`).

    Parameters
    ----------
    at : datetime
        Now, by the Clock port.
    replace : bool
        Whether an installation that is there may be moved aside. It must be stopped.

    Raises
    ------
    InvalidInput
        The file is no backup, or is damaged.
    ConfigError
        The data is in PostgreSQL, there is an installation that may not be replaced or is running, the backup is of a
        newer program, or the disk is full.
    """
    if url:
        raise ConfigError("A PostgreSQL database is not restored here.", hint=_PG_HINT)
    make_private_home(home)
    present = [home / name for name in _DATABASES if (home / name).exists()]
    if present and not replace:
        raise ConfigError(
            f"There is an installation in {home} already.", hint="Say --replace to move it aside, or name another home."
        )
    for path in present:
        _require_idle(path)
    with _room_for(home / _MANIFEST), tempfile.TemporaryDirectory(dir=home, prefix=".restore-") as folder:
        staged = Path(folder)
        manifest = _unpack(source, staged)
        for name in _DATABASES:
            _verify(staged / name)
        migrate.upgrade(staged, at=at)
        calmed = calm(staged, at)
        for name in _DATABASES:
            _settle_file(staged / name)
        kept = _put_in_place(staged, home, at)
    made_at = require_utc(datetime.fromisoformat(manifest["made_at"]))
    return RestoreReport(made_at, calmed, kept, _KEY in manifest["files"])


@contextmanager
def _room_for(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ConfigError(
                f"The disk of {path.parent} is full.", hint="Free some space; nothing was changed.", code=FULL
            ) from error
        raise ConfigError(f"{path.parent} cannot be written: {error.strerror}.", hint="Choose another folder.") from error


def _copy(path: Path, target: Path) -> Path:
    """Copy a database as it is at one moment while others write it, and check the copy."""
    make_private_file(target)
    with spoken(str(path)), closing(sqlite3.connect(path)) as connection, closing(sqlite3.connect(target)) as copy:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
    _verify(target)
    return target


def _verify(path: Path) -> None:
    with spoken(path.name), closing(sqlite3.connect(path)) as connection:
        told = [row[0] for row in connection.execute("PRAGMA integrity_check")]
        broken = connection.execute("PRAGMA foreign_key_check").fetchone()
    if told != ["ok"] or broken:
        what = told[0] if told != ["ok"] else f"a row of {broken[0]} refers to nothing"
        raise InvalidInput(f"The database {path.name} is damaged: {what}.", hint="Take an older backup.")


def _pack(part: Path, files: list[Path], at: datetime) -> None:
    entries: dict[str, dict[str, Any]] = {}
    make_private_file(part)
    with part.open("r+b") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
            for path in files:
                entries[path.name] = {"sha256": _digest(path), "bytes": path.stat().st_size}
                packed.write(path, path.name)
            manifest = {"format": _FORMAT, "made_at": require_utc(at).isoformat(), "files": entries}
            packed.writestr(_MANIFEST, json.dumps(manifest, indent=1))
        file.flush()
        os.fsync(file.fileno())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(source: Path, staged: Path) -> dict[str, Any]:
    """Unpack the files that the manifest names, and only those we know, and compare their digests."""
    hint = "Take another backup."
    try:
        with zipfile.ZipFile(source) as packed:
            manifest: dict[str, Any] = json.loads(packed.read(_MANIFEST))
            if manifest["format"] != _FORMAT:
                raise ConfigError(
                    f"{source} was made by a newer program (format {manifest['format']}).", hint="Update SigmaTrader."
                )
            for name in (*_DATABASES, *([_KEY] if _KEY in manifest["files"] else [])):
                make_private_file(staged / name)
                with packed.open(name) as stream, (staged / name).open("wb") as file:
                    shutil.copyfileobj(stream, file)
                if _digest(staged / name) != manifest["files"][name]["sha256"]:
                    raise InvalidInput(f"{name} in {source} is not what was backed up.", hint=hint)
    except FileNotFoundError:
        raise InvalidInput(f"There is no file {source}.") from None
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        raise InvalidInput(f"{source} is no backup of SigmaTrader, or is damaged: {error}.", hint=hint) from error
    return manifest


def _require_idle(path: Path) -> None:
    """Make sure that nobody has the database open: leaving WAL mode needs it alone."""
    with spoken(str(path)), closing(sqlite3.connect(path, timeout=0)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            raise ConfigError(
                f"{path} is in use.", hint="Stop SigmaTrader (`sigma up`, worker, gateway, notebooks) first."
            ) from error


def _settle_file(path: Path) -> None:
    """Bring everything into the one file."""
    with spoken(path.name), closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _put_in_place(staged: Path, home: Path, at: datetime) -> Path | None:
    """Move the old files aside and the new ones in, the orders last; nothing is deleted."""
    names = [name for name in (_KEY, "market.db", "sigma.db") if (staged / name).exists()]
    old = [name for name in names if (home / name).exists()]
    kept = Path(tempfile.mkdtemp(dir=home, prefix=f"replaced-{require_utc(at):%Y%m%d-%H%M%S}-")) if old else home
    for name in old:
        os.replace(home / name, kept / name)
    for name in names:
        os.replace(staged / name, home / name)
    sync_folder(home)
    return kept if old else None
