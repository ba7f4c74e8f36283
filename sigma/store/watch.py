"""Noticing commits of other processes within milliseconds."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import psycopg
from sqlalchemy import URL

from sigma.store.database import CHANNEL
from sigma.store.faults import spoken

POLL_SECONDS = 0.002


class SqliteWatch:
    """Asks SQLite's `data_version` every two milliseconds, on a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._what = str(path)
        with spoken(self._what):
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._seen = self._version()

    def wait(self, seconds: float) -> bool:
        """Return True as soon as the database changed since the last call, False after `seconds`."""
        deadline = time.monotonic() + seconds
        while True:
            version = self._version()
            if version != self._seen:
                self._seen = version
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(POLL_SECONDS, left))

    def close(self) -> None:
        """Let go of its connection."""
        self._connection.close()

    def _version(self) -> int:
        with spoken(self._what):
            found: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        return found


class PostgresWatch:
    """Listens to the notice that each write unit gives with its commit, on a connection of its own."""

    def __init__(self, url: URL) -> None:
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._what = "the PostgreSQL schema sigma"
        self._connection = self._listen()

    def wait(self, seconds: float) -> bool:
        """Return True as soon as a unit was committed since the last call, False after `seconds`.

        A broken connection is made anew and counts as a change: notices may have been missed.
        """
        try:
            return self._heard(seconds)
        except psycopg.OperationalError:
            self._connection.close()
            self._connection = self._listen()
            return True

    def close(self) -> None:
        """Let go of its connection."""
        self._connection.close()

    def _heard(self, seconds: float) -> bool:
        heard = any(True for _ in self._connection.notifies(timeout=seconds, stop_after=1))
        if heard:
            for _ in self._connection.notifies(timeout=0):  # those that came together are one change
                continue
        return heard

    def _listen(self) -> psycopg.Connection[tuple[object, ...]]:
        with spoken(self._what):
            connection = psycopg.connect(self._address, autocommit=True)
            connection.execute(f"LISTEN {CHANNEL}")
        return connection
