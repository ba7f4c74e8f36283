"""What a database says when the installation is at fault (disk full, locked, unreachable), in words a person can act on.

Programming errors (a wrong column, a broken constraint) have no translation and stay raw.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sigma.domain.errors import ConfigError, Conflict, SigmaError

BUSY = "DATABASE_BUSY"
FULL = "DATABASE_FULL"
READ_ONLY = "DATABASE_READ_ONLY"
DAMAGED = "DATABASE_DAMAGED"
DOWN = "DATABASE_DOWN"
COMMIT_UNKNOWN = "COMMIT_UNKNOWN"

_Case = tuple[str, str, str, bool]  # code, message, hint, retryable
_BUSY_CASE = (BUSY, "was locked by another process for too long", "Nothing of this step was stored: try again.", True)
_FULL_CASE = (FULL, "could not be written: its disk is full", "Free some space; nothing of this step was stored.", True)
_DAMAGED_HINT = "Stop SigmaTrader and restore a backup (`sigma restore`)."
_DOWN_HINT = "Check that the server runs and that SIGMA_DATABASE_URL is right."
_SQLITE: dict[int, _Case] = {
    sqlite3.SQLITE_BUSY: _BUSY_CASE,
    sqlite3.SQLITE_LOCKED: _BUSY_CASE,
    sqlite3.SQLITE_PROTOCOL: _BUSY_CASE,  # of a reader that could not begin
    sqlite3.SQLITE_FULL: _FULL_CASE,
    sqlite3.SQLITE_READONLY: (READ_ONLY, "may not be written", "Check the owner and mode of the file and of its folder.", False),
    sqlite3.SQLITE_PERM: (READ_ONLY, "may not be opened", "Check the owner and mode of the file and of its folder.", False),
    sqlite3.SQLITE_CANTOPEN: (DOWN, "cannot be opened", "Check that SIGMA_HOME exists and may be written.", False),
    sqlite3.SQLITE_IOERR: (
        DOWN,
        "cannot be read or written: the disk gave an error",
        "Check the disk, and whether it is full.",
        True,
    ),
    sqlite3.SQLITE_CORRUPT: (DAMAGED, "is damaged", _DAMAGED_HINT, False),
    sqlite3.SQLITE_NOTADB: (DAMAGED, "is no database", _DAMAGED_HINT, False),
}
_POSTGRES: dict[str, _Case] = {  # by SQLSTATE, the longest prefix first
    "53100": _FULL_CASE,
    "55P03": _BUSY_CASE,
    "57014": _BUSY_CASE,
    "25P03": (BUSY, "gave up a step that stood still for too long", "Try again; nothing of this step was stored.", True),
    "25006": (READ_ONLY, "is read-only", "SIGMA_DATABASE_URL must name the primary server.", False),
    "28": (DOWN, "refused the login", _DOWN_HINT, False),
    "3D": (DOWN, "does not exist", _DOWN_HINT, False),
    "53": (DOWN, "has no room for another connection", "Raise max_connections or run fewer processes.", True),
    "57": (DOWN, "is shutting down or starting", "Try again in a moment.", True),
    "58": (DOWN, "cannot be read or written: the disk gave an error", "Check the server's disk.", True),
    "XX": (DAMAGED, "reports damage", "Check the server's log and restore a dump.", False),
    "08": (DOWN, "does not answer", _DOWN_HINT, True),
}
_POSTGRES_RACES = frozenset({"40001", "40P01"})


def _postgres_case(state: str | None) -> _Case | None:
    if state is None:  # the driver's own word: the connection failed or broke
        return DOWN, "does not answer", _DOWN_HINT, True
    return next((case for prefix, case in _POSTGRES.items() if state.startswith(prefix)), None)


def translated(error: BaseException, what: str) -> SigmaError | None:
    """Return the error to raise in place of `error`, None where it is no fault of the installation.

    Parameters
    ----------
    error : BaseException
        From SQLAlchemy or straight from a driver.
    what : str
        The database meant, without secrets (a file, or "the PostgreSQL schema sigma").
    """
    if isinstance(error, PoolTimeout):
        return ConfigError(f"All connections to {what} are in use.", hint="Try again.", code=BUSY, retryable=True)
    cause = error.orig if isinstance(error, DBAPIError) else error
    case: _Case | None = None
    if isinstance(cause, sqlite3.OperationalError | sqlite3.DatabaseError) and not isinstance(cause, sqlite3.ProgrammingError):
        case = _SQLITE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
    elif isinstance(cause, psycopg.OperationalError | psycopg.InternalError):
        if cause.sqlstate in _POSTGRES_RACES:
            return Conflict(
                f"Two changes to {what} met and this one gave way: {cause.diag.message_primary}.",
                hint="Try again.",
                retryable=True,
            )
        case = _postgres_case(cause.sqlstate)
    if case is None:
        return None
    code, message, hint, retryable = case
    return ConfigError(f"The database ({what}) {message}.", hint=hint, code=code, retryable=retryable)


@contextmanager
def spoken(what: str, *, reading: bool = False) -> Iterator[None]:
    """Raise the installation's faults of the block as SigmaErrors, everything else as it is.

    A write inside a unit for reading is no fault of the installation's.
    """
    try:
        yield
    except (DBAPIError, PoolTimeout, sqlite3.Error, psycopg.Error) as error:
        told = translated(error, what)
        if told is None or (reading and told.code == READ_ONLY):
            raise
        raise told from error
