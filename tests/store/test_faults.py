"""A full disk, a read-only or damaged file: told in words, nothing half stored, and it goes on when it is mended."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sigma.domain.errors import ConfigError
from sigma.store import SqlStore
from sigma.store.faults import translated
from tests.store.conftest import Place
from tests.store.values import add_order, order


def limit(store: SqlStore, statement: str) -> None:
    """Have each connection for writing say this first."""
    store.database.writer.dispose()
    event.listen(store.database.writer, "connect", lambda connection, _record: connection.execute(statement))


def test_a_full_disk_is_told_and_nothing_of_the_unit_is_stored(here: Place) -> None:
    with here.open() as store:
        kept = add_order(store)

        def fill_up() -> None:
            with store.begin() as tx:
                for _ in range(5000):
                    tx.orders.add(order(risk_note="x" * 500))

        pages = sqlite3.connect(here.home / "sigma.db").execute("PRAGMA page_count").fetchone()[0]
        limit(store, f"PRAGMA max_page_count={pages + 20}")
        with pytest.raises(ConfigError, match="disk is full") as told:
            fill_up()
        assert told.value.code == "DATABASE_FULL"
        assert told.value.retryable
        with store.read() as tx:
            assert tx.orders.list() == [kept]
    with here.open() as store:
        fill_up()


def test_a_database_that_may_not_be_written_is_told(here: Place) -> None:
    with here.open() as store:
        limit(store, "PRAGMA query_only=ON")
        with pytest.raises(ConfigError, match="may not be written") as told:
            add_order(store)
        assert str(here.home / "sigma.db") in str(told.value)


def test_a_damaged_file_is_told_at_the_start(here: Place) -> None:
    cipher_made = here.cipher
    (here.home / "sigma.db").write_bytes(b"this is no database" * 300)
    with pytest.raises(ConfigError, match="is no database") as told:
        here.open()
    assert "restore" in told.value.hint
    assert cipher_made.keys == here_key(here)


def here_key(here: Place) -> tuple[str, ...]:
    return tuple((here.home / "key").read_text().split())


def test_a_broken_constraint_stays_an_error_of_ours(store: SqlStore) -> None:
    def break_it() -> None:
        with store.begin() as tx:
            tx.orders.add(order(signal_id=99))

    with pytest.raises(IntegrityError):
        break_it()


def test_a_reader_that_could_not_begin_is_told_to_try_again() -> None:
    error = sqlite3.OperationalError("locking protocol")
    error.sqlite_errorcode = sqlite3.SQLITE_PROTOCOL
    told = translated(error, "sigma.db")
    assert told is not None
    assert (told.code, told.retryable) == ("DATABASE_BUSY", True)
    assert "try again" in told.hint


def test_connections_that_are_all_in_use_are_told() -> None:
    told = translated(PoolTimeout("QueuePool limit reached"), "sigma.db")
    assert told is not None
    assert (told.code, told.retryable) == ("DATABASE_BUSY", True)
    assert translated(ValueError("ours"), "sigma.db") is None
