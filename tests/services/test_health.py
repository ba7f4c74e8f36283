"""Health: what is stored and what the machine says, worst first; never a broker, and never an exception for a broken thing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from sigma.domain.accounts import TradingMode
from sigma.domain.errors import NotFound
from sigma.domain.events import JobRun, Level
from sigma.domain.health import CLOCK_KEY, SYNCED_KEY, Check, Mark
from sigma.domain.orders import OrderStatus
from sigma.domain.risk import KillState
from tests.services.rooms import Rooms
from tests.store.values import add_order


def look(rooms: Rooms, user_id: int | None = None) -> dict[tuple[str, str | None], Check]:
    return {(check.what, check.account): check for check in rooms.health.checks(user_id or rooms.user)}


def test_a_new_installation_lacks_its_worker_its_secret_and_its_instruments(rooms: Rooms) -> None:
    checks = rooms.health.checks(rooms.user)
    assert [check.what for check in checks if check.mark in (Mark.BAD, Mark.WARNING)] == [
        "worker",
        "webhook secret",
        "market data",
        "instruments",
    ]
    assert {check.what for check in checks if check.mark is Mark.GOOD} >= {"database", "key", "disk"}
    order = list(Mark)
    assert [order.index(check.mark) for check in checks] == sorted(order.index(check.mark) for check in checks)


def test_processes_are_alive_until_they_miss_their_signs(rooms: Rooms) -> None:
    for process in ("worker", "gateway", "web"):
        rooms.events.beat(process)
    begun = rooms.clock.now()
    assert {look(rooms)[name, None].mark for name in ("worker", "gateway", "web")} == {Mark.GOOD}
    rooms.clock.pass_by(11)
    assert look(rooms)["worker", None].mark is Mark.BAD
    assert look(rooms)["worker", None].since == begun
    assert look(rooms)["gateway", None].mark is Mark.GOOD
    rooms.clock.pass_by(60)
    assert look(rooms)["gateway", None].mark is Mark.WARNING
    assert look(rooms)["web", None].mark is Mark.NOTE


def test_an_accounts_login_is_judged_as_stored_and_no_broker_is_asked(rooms: Rooms) -> None:
    account = rooms.connected()
    before = list(rooms.alpha.calls)
    connected = look(rooms)["session", "ann"]
    assert (connected.mark, connected.since) == (Mark.GOOD, rooms.clock.now())
    rooms.clock.pass_by(24 * 3600)
    expired = look(rooms)["session", "ann"]
    assert expired.mark is Mark.BAD
    assert expired.since is not None
    assert expired.since < rooms.clock.now()
    assert rooms.alpha.calls == before
    assert look(rooms, rooms.another_user()).keys().isdisjoint({("session", account.name)})


def test_a_frozen_account_says_since_when_and_the_user_wide_switches_are_named(rooms: Rooms) -> None:
    account = rooms.account()
    at = rooms.clock.now()
    with rooms.store.begin() as tx:
        tx.accounts.save(replace(account, frozen_reason="twins", trading_mode=TradingMode.EXIT_ONLY))
        rooms.events.record("ACCOUNT_FROZEN", "ann sends nothing more.", level=Level.ALARM, account=account, tx=tx)
        tx.users.set_trading_mode(rooms.user, TradingMode.PAUSED)
        tx.risk.put_kill(rooms.user, KillState(True, "odd", at, "ann", account.id))
    rooms.clock.pass_by(60)
    found = look(rooms)
    assert (found["frozen", "ann"].mark, found["frozen", "ann"].since) == (Mark.BAD, at)
    assert found["trading mode", "ann"].mark is found["trading mode", None].mark is Mark.WARNING
    assert found["kill switch", "ann"].since == at


def test_orders_of_unknown_outcome_and_failed_jobs_are_named(rooms: Rooms) -> None:
    account = rooms.account()
    order = add_order(rooms.store, account.id, status=OrderStatus.UNKNOWN, unsettled=True)
    now = rooms.clock.now()
    with rooms.store.begin() as tx:
        tx.journal.add_run(JobRun("sessions", now, now, now, "failed"))
    found = look(rooms)
    assert found[f"order {order.id}", "ann"].mark is Mark.BAD
    assert found["job sessions", None].mark is Mark.WARNING


def test_the_clock_is_judged_by_what_a_living_worker_measured(rooms: Rooms) -> None:
    account = rooms.account()
    rooms.events.beat("worker", {f"{CLOCK_KEY}{account.id}": 45_000})
    assert look(rooms)["clock", "ann"].mark is Mark.BAD
    rooms.clock.pass_by(60)
    assert ("clock", "ann") not in look(rooms), "what a silent worker measured is old"


def test_when_a_book_was_read_last_is_what_the_worker_told(rooms: Rooms) -> None:
    account = rooms.account()
    assert rooms.health.synced_at(account.user_id, "ann") is None
    read_at = rooms.clock.now()
    rooms.events.beat("worker", {f"{SYNCED_KEY}{account.id}": read_at.isoformat(), f"{SYNCED_KEY}77": "another account's"})
    rooms.clock.pass_by(60)
    assert rooms.health.synced_at(account.user_id, "ann") == read_at


def test_a_broken_database_is_a_check_and_not_an_exception(rooms: Rooms) -> None:
    with closing(sqlite3.connect(rooms.home / "sigma.db", timeout=10)) as connection:
        connection.execute("ALTER TABLE heartbeats RENAME TO gone")
    found = look(rooms)
    assert found["database", None].mark is Mark.BAD
    assert found["disk", None].mark is Mark.GOOD
    assert ("instruments", None) in found


def test_asking_an_account_calls_its_broker_and_says_what_failed(rooms: Rooms) -> None:
    rooms.connected()
    before = rooms.alpha.calls.count("profile")
    found = {check.what: check for check in rooms.health.ask(rooms.user, "ann")}
    assert rooms.alpha.calls.count("profile") == before + 1
    assert (found["session"].mark, found["order book"].mark) == (Mark.GOOD, Mark.BAD)
    assert "no book" in found["order book"].words
    with pytest.raises(NotFound):
        rooms.health.ask(rooms.user, "nobody")


def test_one_trouble_is_told_once(rooms: Rooms) -> None:
    account = rooms.connected()
    rooms.settings.set("market.source_account", account.name, user_id=rooms.user)
    found = look(rooms)
    assert found["worker", None].mark is Mark.BAD
    assert ("market data", None) not in found
    rooms.events.beat("worker")
    assert look(rooms)["market data", None].mark is Mark.GOOD
    rooms.sessions.disconnect(rooms.user, account.name)
    found = look(rooms)
    assert found["session", account.name].mark is Mark.WARNING
    assert ("market data", None) not in found
