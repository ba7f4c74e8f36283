"""Signals, limits, kill switch, events, settings, heartbeats, runs and snapshots."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from sigma.domain.errors import NotFound
from sigma.domain.events import Event, Heartbeat, JobRun, Level
from sigma.domain.orders import Side
from sigma.domain.portfolio import Snapshot
from sigma.domain.risk import KillState, RiskLimits, Scope
from sigma.domain.signals import Signal, SignalStatus
from sigma.store import SqlStore
from tests.store.values import LATER, NOW, OWNER, add_account, signal

Raw = Callable[[str], None]


def test_a_signal_comes_back_as_it_was_stored_in_every_field(store: SqlStore) -> None:
    with store.begin() as tx:
        first = tx.signals.add(signal())
        full = Signal(
            id=0,
            user_id=OWNER,
            received_at=LATER,
            status=SignalStatus.DEDUPED,
            raw='{"comment": "\\u0000"}',
            dedupe_key="key",
            listing="NSE:INFY",
            side=Side.SELL,
            quantity=10**10,
            strategy="breakout",
            platform="TradingView",
            bar_time=NOW,
            external_id="theirs",
            note="same as before",
            hints={"stop": "1400"},
            first_id=first.id,
            correlation_id="corr",
        )
        added = tx.signals.add(full)
    defaults = {each.name: each.default for each in dataclasses.fields(Signal)}
    assert [name for name, default in defaults.items() if getattr(full, name) == default] == []
    with store.read() as tx:
        assert tx.signals.get(added.id) == added == replace(full, id=added.id)
        assert tx.signals.list(OWNER) == [added, first]
        assert tx.signals.list(OWNER, limit=1) == tx.signals.list(OWNER, since=LATER) == [added]
        assert tx.signals.list(OWNER, until=LATER) == [first], "before, not at"
        assert tx.signals.list(7) == []
        with pytest.raises(NotFound):
            tx.signals.get(99)


def test_the_earliest_message_with_a_key_is_found_within_the_window(store: SqlStore) -> None:
    with store.begin() as tx:
        old, first, second = (tx.signals.add(signal(received_at=NOW + timedelta(minutes=minutes))) for minutes in (-9, 0, 1))
        assert tx.signals.first_with_key(OWNER, "key", NOW) == first
        assert tx.signals.first_with_key(OWNER, "key", NOW - timedelta(hours=1)) == old
        assert tx.signals.first_with_key(OWNER, "key", second.received_at + timedelta(microseconds=1)) is None
        assert tx.signals.first_with_key(OWNER, "other", NOW) is None
        assert tx.signals.first_with_key(7, "key", NOW) is None


def test_limits_are_one_row_per_scope(store: SqlStore) -> None:
    on = add_account(store)
    rows = [
        RiskLimits(Scope.GLOBAL, max_quantity_per_order=100, max_order_value=Decimal("100000.50")),
        RiskLimits(Scope.STRATEGY, "breakout", max_quantity_per_order=5),
        RiskLimits(Scope.STRATEGY, "breakout", on.id, max_quantity_per_order=4),
        RiskLimits(Scope.ACCOUNT, "", on.id, max_order_value=Decimal("5.00")),
    ]
    with store.begin() as tx:
        for row in rows:
            tx.risk.put_limits(OWNER, RiskLimits(row.scope, row.strategy, row.account_id, 1))
            tx.risk.put_limits(OWNER, row)
    with store.read() as tx:
        assert tx.risk.limits(OWNER) == rows
        assert tx.risk.limits(7) == []


@pytest.mark.parametrize(
    "values",
    [
        "1, 'GLOBAL', '', NULL, 0",  # a second row of the same scope, NULLs counted as equal
        "1, 'GLOBAL', '', NULL, 5",  # a stand-in that lies
        "1, 'GLOBAL', 'breakout', NULL, 0",
        "1, 'STRATEGY', '', NULL, 0",
        "1, 'ACCOUNT', '', NULL, 0",
        "1, 'PLANET', '', NULL, 0",
        "NULL, 'GLOBAL', '', NULL, 0",
    ],
)
def test_the_database_itself_refuses_impossible_limits(store: SqlStore, raw: Raw, values: str) -> None:
    insert = "INSERT INTO risk_limits (user_id, scope, strategy, account_id, account_key, clamp) VALUES "
    raw(insert + "(1, 'GLOBAL', '', NULL, 0, '[]')")
    with pytest.raises(IntegrityError):
        raw(f"{insert}({values}, '[]')")


def test_the_kill_switch_is_one_row_per_scope(store: SqlStore, raw: Raw) -> None:
    on = add_account(store)
    everywhere = KillState(True, "too much", NOW, "owner")
    here = KillState(False, account_id=on.id)
    with store.begin() as tx:
        tx.risk.put_kill(OWNER, replace(here, on=True))
        for kill in (KillState(False), everywhere, here):
            tx.risk.put_kill(OWNER, kill)
    with store.read() as tx:
        assert tx.risk.kills(OWNER) == [everywhere, here]
    with pytest.raises(IntegrityError):
        raw("INSERT INTO kills (user_id, account_key, \"on\", reason, by) VALUES (1, 0, false, '', '')")


def test_events_are_listed_newest_first_by_each_filter(store: SqlStore) -> None:
    on = add_account(store)
    with store.begin() as tx:
        system = tx.journal.add_event(Event(0, NOW, Level.INFO, "STARTED", "started"))
        theirs = tx.journal.add_event(
            Event(0, LATER, Level.ALARM, "TWINS", "two rows", OWNER, on.id, {"n": 1, "why": None}, "corr")
        )
    with store.read() as tx:
        assert tx.journal.events() == [theirs, system]
        assert theirs == Event(theirs.id, LATER, Level.ALARM, "TWINS", "two rows", OWNER, on.id, {"n": 1, "why": None}, "corr")
        for wanted in ({"user_id": OWNER}, {"account_id": on.id}, {"kind": "TWINS"}, {"since": LATER}, {"limit": 1}):
            assert tx.journal.events(**wanted) == [theirs], wanted
        assert tx.journal.events(until=LATER) == [system], "before, not at"


def test_events_can_neither_be_changed_nor_deleted(store: SqlStore, raw: Raw) -> None:
    with store.begin() as tx:
        tx.journal.add_event(Event(0, NOW, Level.INFO, "STARTED", "started"))
    for statement in ("UPDATE events SET text = 'x'", "DELETE FROM events"):
        with pytest.raises(DBAPIError, match="append-only"):
            raw(statement)


def test_settings_of_the_installation_and_of_a_user_are_kept_apart(store: SqlStore, raw: Raw) -> None:
    with store.begin() as tx:
        for user_id, value in ((None, "1"), (None, "2"), (OWNER, "3")):
            tx.journal.put_setting(user_id, "sync.active", value)
    with store.read() as tx:
        assert tx.journal.settings(None) == {"sync.active": "2"}
        assert tx.journal.settings(OWNER) == {"sync.active": "3"}
        assert tx.journal.settings(7) == {}
    with pytest.raises(IntegrityError):
        raw("INSERT INTO settings (user_key, name, value) VALUES (0, 'sync.active', '3')")


def test_a_heartbeat_replaces_the_last_of_its_process(store: SqlStore) -> None:
    with store.begin() as tx:
        tx.journal.beat(Heartbeat("worker", NOW, 1, {}))
        tx.journal.beat(Heartbeat("worker", LATER, 2, {"account": "main", "sent": 3}))
        tx.journal.beat(Heartbeat("gateway", NOW, 3))
        assert tx.journal.heartbeats() == [
            Heartbeat("gateway", NOW, 3),
            Heartbeat("worker", LATER, 2, {"account": "main", "sent": 3}),
        ]


def test_a_job_run_is_recorded_once(store: SqlStore) -> None:
    run = JobRun("sync", NOW, NOW)
    with store.begin() as tx:
        assert tx.journal.add_run(run)
        assert not tx.journal.add_run(run)
        assert tx.journal.add_run(replace(run, scheduled_at=LATER))
        tx.journal.end_run(replace(run, ended_at=LATER, outcome="ok"))
        with pytest.raises(NotFound):
            tx.journal.end_run(replace(run, job="other"))


def test_runs_are_listed_newest_first_and_the_last_of_each_job_is_found(store: SqlStore) -> None:
    with store.read() as tx:
        assert tx.journal.runs(10) == tx.journal.last_runs() == []
    later = JobRun("sessions", LATER, LATER, LATER, "failed")
    with store.begin() as tx:
        for run in (JobRun("sessions", NOW, NOW), JobRun("backup", NOW, NOW), later, JobRun("zzz", NOW, NOW)):
            assert tx.journal.add_run(run)
    with store.read() as tx:
        assert [run.job for run in tx.journal.runs(3)] == ["zzz", "sessions", "backup"]
        assert tx.journal.last_runs() == [JobRun("backup", NOW, NOW), later, JobRun("zzz", NOW, NOW)]


def test_notices_are_warnings_and_alarms_of_the_user_and_of_the_installation(store: SqlStore, raw: Raw) -> None:
    raw("INSERT INTO users (id, name, role, trading_mode, created_at) VALUES (2, 'other', 'trader', 'NORMAL', '2026-01-01')")
    rows = [
        (OWNER, Level.INFO, NOW),
        (OWNER, Level.WARNING, LATER),
        (None, Level.ALARM, NOW),
        (2, Level.ALARM, NOW),
        (OWNER, Level.ALARM, NOW - timedelta(days=8)),
    ]
    with store.begin() as tx:
        ids = [tx.journal.add_event(Event(0, at, level, "KIND", "text", user)).id for user, level, at in rows]
    since = NOW - timedelta(days=7)
    with store.read() as tx:
        assert [event.id for event in tx.journal.notices(OWNER, since=since, limit=9)] == [ids[2], ids[1]]
        assert [event.id for event in tx.journal.notices(OWNER, since=since, limit=1)] == [ids[2]]
        assert [tx.journal.count_notices(OWNER, since=since, after=seen) for seen in (0, ids[1], ids[2])] == [2, 1, 0]
        assert tx.journal.count_notices(2, since=since, after=0) == 2


def test_the_newest_snapshot_of_each_day_is_kept(store: SqlStore, raw: Raw) -> None:
    on = add_account(store)
    first = Snapshot(on.id, "holdings", NOW, ({"listing": "NSE:INFY", "average": "1500.0825", "quantity": 5},), ("bad row",))
    second = replace(first, taken_at=NOW + timedelta(minutes=1), rows=(), bad=())
    tomorrow = replace(first, taken_at=NOW + timedelta(days=1))
    with store.begin() as tx:
        for snapshot in (second, first):  # a slow answer that arrives late changes nothing
            tx.journal.put_snapshot(snapshot)
        assert tx.journal.snapshot(on.id, "holdings") == second
        assert tx.journal.snapshot(on.id, "positions") is None
        tx.journal.put_snapshot(tomorrow)
        with pytest.raises(NotFound):
            tx.journal.put_snapshot(replace(first, account_id=99))
    with store.read() as tx:
        assert tx.journal.snapshot(on.id, "holdings") == tomorrow
