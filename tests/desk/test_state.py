"""How things stand, as pages and notebooks ask for it."""

from __future__ import annotations

import math
from datetime import date

import pytest

from sigma.desk import Desk, frames
from sigma.domain.errors import NotFound
from sigma.domain.events import Level
from sigma.domain.health import Mark
from sigma.domain.instruments import Exchange
from tests.desk.test_namespaces import has_columns
from tests.orders.stage import KITE, SMART, Stage


@pytest.fixture
def desk(stage: Stage) -> Desk:
    return stage.desk


def test_the_overview_adds_two_brokers_from_what_is_stored(stage: Stage, desk: Desk) -> None:
    for account in (KITE, SMART):
        stage.hold(1500.0)
        for read in (desk.holdings, desk.positions, desk.funds):
            read(account, refresh=True)
    stage.fault("drop_before_commit", "holdings", times=None)
    stage.fault("drop_before_commit", "positions", times=None)
    overview = desk.overview()
    for row in overview.accounts:
        holdings, positions = desk.holdings(row.name, refresh=False), desk.positions(row.name, refresh=False)
        day = (holdings["day_change"] * holdings["total"]).sum() + positions["pnl"].sum()
        assert row.day_pnl is not None
        assert row.holdings_value is not None
        assert math.isclose(float(row.day_pnl), day, abs_tol=0.01)
        assert math.isclose(float(row.holdings_value), holdings["value"].sum(), abs_tol=0.01)
        assert math.isclose(float(row.cash or 0), desk.funds(row.name, refresh=False)["cash"][0], abs_tol=0.01)
    assert overview.totals.holdings_value == sum(row.holdings_value or 0 for row in overview.accounts)
    assert (overview.totals.missing, overview.working) == ((), 0)
    assert has_columns(overview.allocation, frames.ALLOCATION)
    assert set(overview.allocation["account"]) <= {KITE, SMART}
    assert [row.name for row in desk.overview([SMART]).accounts] == [SMART]
    with pytest.raises(NotFound):
        desk.overview(["nobody"])


def test_an_account_whose_lists_were_never_read_is_missing_and_not_worth_nothing(desk: Desk) -> None:
    overview = desk.overview()
    assert {row.holdings_value for row in overview.accounts} == {None}
    assert f"{KITE}: holdings" in overview.totals.missing
    assert has_columns(overview.allocation, frames.ALLOCATION)


def test_working_and_waiting_orders_are_counted(stage: Stage, desk: Desk) -> None:
    stage.resting()
    stage.order(None, queue=True)
    overview = desk.overview()
    assert (overview.working, overview.waiting, overview.unknown) == (1, 1, 0)
    assert {row.name: row.working for row in overview.accounts} == {KITE: 1, SMART: 0}


def test_checks_come_worst_first_and_ask_no_broker(stage: Stage, desk: Desk) -> None:
    stage.fault("drop_before_commit", "profile", times=None)
    checks = desk.checks()
    assert checks[0].mark is Mark.BAD
    sessions = {check.account: check.mark for check in checks if check.what == "session"}
    assert sessions == {KITE: Mark.GOOD, SMART: Mark.GOOD}
    stage.exchange.clear_faults()


@pytest.mark.parametrize("account", [KITE, SMART])
def test_asking_a_broker_tells_login_book_and_clock(desk: Desk, account: str) -> None:
    assert {check.what: check.mark for check in desk.ask(account)} == {
        "session": Mark.GOOD,
        "order book": Mark.GOOD,
        "clock": Mark.GOOD,
        "static IP": Mark.NOTE,
    }


def test_hours_are_told_for_every_exchange(desk: Desk) -> None:
    hours = {row.exchange: row for row in desk.hours()}
    assert set(hours) == set(Exchange)
    assert all(row.known and row.open for row in hours.values())
    assert hours[Exchange.NSE].closes_at < hours[Exchange.CDS].closes_at < hours[Exchange.MCX].closes_at
    assert {row.ends for row in hours.values()} == {date(2026, 12, 31)}


def test_the_bell_rings_for_a_frozen_account_until_it_was_seen(stage: Stage, desk: Desk) -> None:
    desk.bell_seen()
    stage.house.events.record("ACCOUNT_FROZEN", "It sends nothing more.", user_id=desk.user.id, level=Level.ALARM)
    assert (desk.bell().unseen, desk.bell().items[0].kind) == (1, "ACCOUNT_FROZEN")
    desk.bell_seen(desk.bell().items[0].id)
    assert desk.bell().unseen == 0


def test_runs_of_jobs_are_a_table(desk: Desk) -> None:
    assert has_columns(desk.runs(), frames.RUNS)
