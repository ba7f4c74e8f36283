"""What concerns PostgreSQL alone."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from sigma.domain.errors import ConfigError, Conflict, SigmaError
from sigma.store import SqlStore, load_cipher, migrate, open_store
from sigma.store.backup import backup, restore
from sigma.store.database import postgres_url
from tests.store.conftest import Place
from tests.store.values import NOW, add_order

STATES = {
    "53100": "DATABASE_FULL",
    "55P03": "DATABASE_BUSY",
    "57014": "DATABASE_BUSY",
    "25P03": "DATABASE_BUSY",
    "25006": "DATABASE_READ_ONLY",
    "53300": "DATABASE_DOWN",
    "57P03": "DATABASE_DOWN",
    "58030": "DATABASE_DOWN",
    "XX001": "DATABASE_DAMAGED",
    "40P01": "CONFLICT",
}


def kill_others(place: Place) -> None:
    assert place.url
    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )


def test_commits_wait_for_the_disk_and_readers_are_read_only(postgres: Place) -> None:
    wanted = {"synchronous_commit": "on", "search_path": "sigma", "TimeZone": "UTC", "transaction_isolation": "read committed"}
    with postgres.open() as store:
        with store.database.write() as link:
            assert {name: link.connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in wanted} == wanted
        with store.database.read() as link:
            assert link.connection.exec_driver_sql("SHOW transaction_read_only").scalar_one() == "on"
            assert link.connection.exec_driver_sql("SHOW transaction_isolation").scalar_one() == "repeatable read"


def test_a_watch_that_lost_its_connection_says_changed_and_goes_on(postgres: Place) -> None:
    with postgres.open() as store:
        watch = store.watch()
        kill_others(postgres)
        assert watch.wait(5)
        add_order(store)
        assert watch.wait(5)
        watch.close()


def test_the_store_goes_on_after_the_server_dropped_its_connections(postgres: Place) -> None:
    with postgres.open() as store:
        made = add_order(store)
        kill_others(postgres)
        with store.read() as tx:
            assert tx.orders.get(made.id) == made


def test_a_connection_lost_in_a_unit_is_told_and_stores_nothing(postgres: Place) -> None:
    with postgres.open() as store:

        def lose() -> None:
            with store.begin() as tx:
                tx.journal.put_setting(None, "sync.active", "1")
                kill_others(postgres)
                tx.journal.put_setting(None, "sync.active", "2")

        with pytest.raises(ConfigError, match=r"does not answer|shutting down") as told:
            lose()
        assert told.value.retryable
        with store.read() as tx:
            assert tx.journal.settings(None) == {}


def test_a_commit_without_an_answer_says_that_it_must_be_read_back(postgres: Place) -> None:
    with postgres.open() as store:

        def commit() -> None:
            with store.begin() as tx:
                tx.users.lock(1)
                kill_others(postgres)

        with pytest.raises(ConfigError) as told:
            commit()
        assert told.value.code == "COMMIT_UNKNOWN"


def test_two_units_that_wait_for_each_other_end_in_a_conflict(postgres: Place) -> None:
    with postgres.open() as store, postgres.open() as other:
        orders = [add_order(store), add_order(store)]
        both = threading.Barrier(2)
        told: list[Conflict] = []

        def take(of: SqlStore, first: int, second: int) -> None:
            try:
                with of.begin() as tx:
                    tx.orders.get(orders[first].id)
                    both.wait()
                    tx.orders.save(replace(tx.orders.get(orders[second].id), generation=1))
            except Conflict as error:
                told.append(error)

        threads = [threading.Thread(target=take, args=arguments) for arguments in ((store, 0, 1), (other, 1, 0))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [error.retryable for error in told] == [True]


def test_a_locked_order_does_not_hold_up_lines_about_it(postgres: Place) -> None:
    with postgres.open() as store, postgres.open() as other:
        made = add_order(store)
        with store.begin() as tx, other.begin() as second:
            tx.users.lock(1)
            tx.orders.get(made.id)
            second.orders.add(replace(made, id=0, client_order_id="OTHER", parent_id=made.id))


@pytest.mark.parametrize("url", ["postgresql://u:pw@h/d", "postgres://u:pw@h/d", "postgresql+psycopg://u:pw@h/d"])
def test_each_spelling_of_a_url_reaches_our_driver(url: str) -> None:
    assert postgres_url(url).render_as_string(hide_password=False) == "postgresql+psycopg://u:pw@h/d"


@pytest.mark.parametrize(("url", "words"), [("mysql://u:planted@h/d", "mysql"), ("planted nonsense", "no URL")])
def test_a_url_of_something_else_is_refused_without_its_password(tmp_path: Path, url: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as told:
        migrate.is_current(tmp_path, url)
    assert "planted" not in str(told.value)


def test_a_server_that_does_not_answer_is_told_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://someone:planted@/nowhere?host={tmp_path}"
    with pytest.raises(ConfigError, match="does not answer") as told:
        load_cipher(tmp_path, url=url, environ={})
    assert told.value.code == "DATABASE_DOWN"
    assert "planted" not in str(told.value)


def test_a_database_that_does_not_exist_is_told(postgres: Place) -> None:
    assert postgres.url
    with pytest.raises(ConfigError, match="does not"):
        open_store(postgres.home, url=postgres.url.replace("/sigma_", "/none_"), cipher=postgres.cipher)


@pytest.mark.parametrize(("state", "code"), STATES.items())
def test_the_servers_words_are_translated_by_their_state(postgres: Place, state: str, code: str) -> None:
    def fail(store: SqlStore) -> None:
        with store.database.write() as link:
            link.connection.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'planted' USING ERRCODE = '{state}'; END $$")

    with postgres.open() as store, pytest.raises(SigmaError) as told:
        fail(store)
    assert told.value.code == code


def test_backups_are_left_to_the_servers_tools(postgres: Place) -> None:
    with pytest.raises(ConfigError, match="PostgreSQL") as told:
        backup(postgres.home, postgres.home / "b.zip", url=postgres.url, at=NOW)
    assert "pg_dump" in told.value.hint
    with pytest.raises(ConfigError, match="PostgreSQL"):
        restore(postgres.home / "b.zip", postgres.home, url=postgres.url, at=NOW)
