"""Transactions: nothing half, nothing lost, nobody waits for ever."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from sigma.domain.errors import ConfigError, SigmaError
from sigma.domain.orders import OrderStatus
from sigma.ports.market_store import MarketStore
from sigma.ports.storage import Store, Unit
from sigma.store import SqlMarketStore, SqlStore, database
from tests.store.conftest import Place
from tests.store.values import OWNER, add_account, add_order, order, order_event

# Reads a row, changes it and saves it, many times; printed is how many of its changes met another version.
COUNTER = """
import sys
from dataclasses import replace
from pathlib import Path
from sigma.domain.errors import Conflict
from sigma.store import load_cipher, open_store

home, url, order_id, rounds = Path(sys.argv[1]), sys.argv[2] or None, int(sys.argv[3]), int(sys.argv[4])
store = open_store(home, url=url, cipher=load_cipher(home, url=url, environ={}))
print("ready", flush=True)
sys.stdin.readline()
conflicts = 0
for _ in range(rounds):
    try:
        with store.begin() as tx:
            order = tx.orders.get(order_id)
            tx.orders.save(replace(order, generation=order.generation + 1))
    except Conflict:
        conflicts += 1
print(conflicts, flush=True)
"""


def test_the_stores_are_what_the_ports_ask_for(store: SqlStore, market: SqlMarketStore) -> None:
    as_port: Store = store
    as_market: MarketStore = market
    with as_port.read() as tx:
        unit: Unit = tx
        assert unit.users.owner().id == OWNER
    assert as_market.master_version() is None


def test_a_unit_that_raises_leaves_nothing_behind(store: SqlStore) -> None:
    made = order()

    def fail() -> None:
        with store.begin() as tx:
            stored = tx.orders.add(made)
            tx.orders.add_event(order_event(stored.id))
            raise KeyError("stop")

    with pytest.raises(KeyError, match="stop"):
        fail()
    with store.read() as tx:
        assert tx.orders.list() == []


def test_a_reader_sees_one_snapshot_and_may_not_write(store: SqlStore) -> None:
    with store.read() as tx:
        assert tx.orders.list() == []
        add_order(store)
        assert tx.orders.list() == []
    with store.read() as tx:
        assert len(tx.orders.list()) == 1

    def write() -> None:
        with store.read() as tx:
            tx.orders.add(order())

    with pytest.raises(DBAPIError, match=r"readonly|read-only"):  # an error of ours, so it stays as the driver says it
        write()
    with store.read() as tx:
        assert len(tx.orders.list()) == 1


def test_a_unit_inside_a_unit_of_the_same_thread_is_refused_at_once(store: SqlStore) -> None:
    with store.begin(), pytest.raises(RuntimeError, match="open in this thread"), store.begin():
        pass
    with store.begin() as tx:
        tx.orders.add(order())


def test_two_processes_lose_no_update(place: Place, store: SqlStore) -> None:
    made, rounds = add_order(store), 150
    arguments = [sys.executable, "-c", COUNTER, str(place.home), place.url or "", str(made.id), str(rounds)]
    workers = [subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    answers = [worker.communicate("go\n")[0] for worker in workers]
    with store.read() as tx:
        assert answers == ["0\n", "0\n"]
        assert tx.orders.get(made.id).generation == 2 * rounds


def test_many_threads_write_and_read_at_once(store: SqlStore) -> None:
    on, made = add_account(store), add_order(store)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(20):
                with store.begin() as tx:
                    tx.users.lock(OWNER)
                    current = tx.orders.get(made.id)
                    tx.orders.save(replace(current, generation=current.generation + 1))
                    tx.orders.add(order(on.id))
                with store.read() as tx:
                    tx.orders.list(user_id=OWNER)
        except SigmaError as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as tx:
        assert failures == []
        assert tx.orders.get(made.id).generation == 8 * 20
        assert len(tx.orders.list(account_id=on.id)) == 8 * 20


def test_a_lock_held_for_too_long_is_told_and_can_be_tried_again(
    place: Place, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.3 if place.url is None else 1)
    made = add_order(store)

    def approve() -> None:
        with place.open() as other, other.begin() as tx:
            tx.orders.save(replace(tx.orders.get(made.id), status=OrderStatus.APPROVED))

    with store.begin() as tx:
        tx.orders.get(made.id)
        with pytest.raises(ConfigError, match="locked") as told:
            approve()
    assert told.value.retryable
    assert told.value.code == "DATABASE_BUSY"
    approve()


def test_another_thread_that_writes_for_too_long_is_told(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    told: list[SigmaError] = []
    with here.open() as store:

        def write() -> None:
            try:
                with store.begin():
                    pass
            except SigmaError as error:
                told.append(error)

        with store.begin():
            thread = threading.Thread(target=write)
            thread.start()
            thread.join()
    assert [error.code for error in told] == ["DATABASE_BUSY"]


def test_the_files_are_private_and_survive_a_power_cut(here: Place) -> None:
    with here.open() as store, here.market() as market:
        add_order(store)
        modes = {path.name: path.stat().st_mode & 0o777 for path in here.home.iterdir()}
        assert {"sigma.db", "sigma.db-wal", "sigma.db-shm", "market.db", "key"} <= set(modes)
        assert set(modes.values()) == {0o600}
        assert here.home.stat().st_mode & 0o777 == 0o700
        for opened, durable in ((store.database, 2), (market.database, 1)):
            assert pragma(opened.writer, "synchronous") == durable
            for engine in (opened.writer, opened.reader):
                assert pragma(engine, "journal_mode") == "wal"
                assert pragma(engine, "foreign_keys") == 1


def pragma(engine: Any, name: str) -> Any:
    with engine.connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()


def test_a_statement_and_its_values_never_show_in_an_error(store: SqlStore, raw: Callable[[str], None]) -> None:
    made = replace(order(), user_id=99, broker_reason="planted-secret")
    with pytest.raises(DBAPIError) as told, store.begin() as tx:
        tx.orders.add(made)
    assert "planted-secret" not in str(told.value)
