"""A whole worker on the simulated exchange: what people see moves by itself, and nothing waits for a price."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pandas as pd
import pytest

from scheduler.jobs import JOBS
from scheduler.worker import Worker
from sigma.domain.errors import StaleData
from sigma.domain.orders import OrderStatus
from tests.orders.stage import KITE, PRICE, SMART, Stage, eventually


@contextmanager
def working(stage: Stage, only: str | None = None) -> Iterator[Worker]:
    """Run a worker in this process, on services of its own."""
    house = stage.another_house()
    worker = Worker(house, only)
    worker.start()
    try:
        yield worker
    finally:
        worker.end()
        house.close()


@pytest.fixture
def quick(stage: Stage) -> Stage:
    stage.waits(sync_active=0.1, sync_after_send=0.05, market_poll_every=1, worker_scan=0.05)
    return stage


def positions(stage: Stage, account: str, since: datetime) -> pd.DataFrame | None:
    """Return the account's positions as a page reads them, never from the broker; None while those stored are older."""
    try:
        frame = stage.desk.positions(account, refresh=False)
    except StaleData:
        return None
    return frame if frame.attrs["taken_at"] >= since else None


@pytest.mark.parametrize("account", [KITE, SMART])
def test_a_position_appears_after_its_fill_and_moves_with_the_market_without_asking_its_broker(
    quick: Stage, account: str
) -> None:
    with working(quick):
        order = quick.order(account, quantity=5)
        eventually(lambda: quick.get(order).status is OrderStatus.FILLED)
        done = quick.get(order)
        assert done.final_at is not None
        assert done.average_price is not None
        since = done.final_at
        eventually(lambda: positions(quick, account, since) is not None)
        quick.fault("drop_before_commit", "positions", times=None)
        quick.hold(PRICE + 20)

        def moved() -> dict[str, Any] | None:
            frame = positions(quick, account, since)
            assert frame is not None
            row: dict[str, Any] = frame.to_dict("records")[0]
            return row | frame.attrs if row["last_price"] == PRICE + 20 else None

        now = eventually(moved)
        assert (now["listing"], now["quantity"]) == ("NSE:INFY", 5)
        assert now["pnl"] == pytest.approx((PRICE + 20 - float(done.average_price)) * 5)
        assert now["priced_at"] > now["taken_at"]
        assert quick.exchange.get("faults")[0]["struck"] == 0


def test_holdings_and_last_prices_of_one_account_move_by_the_quotes_of_the_source(quick: Stage) -> None:
    with working(quick):
        eventually(lambda: len(quick.desk.last_quotes(["NSE:INFY"])))
        quick.hold(PRICE + 5)

        def infy() -> float | None:
            frame = quick.desk.holdings(SMART, refresh=False).set_index("listing")
            return float(frame.loc["NSE:INFY", "last_price"])

        eventually(lambda: infy() == PRICE + 5)
    row = quick.desk.last_quotes(["NSE:NOSUCH", "NSE:INFY"]).to_dict("records")
    assert [(each["listing"], each["last_price"], each["close"]) for each in row] == [("NSE:INFY", PRICE + 5, PRICE + 5)]
    assert row[0]["change_percent"] == 0


def test_a_login_brings_fresh_lists_without_anybody_asking(quick: Stage) -> None:
    quick.desk.accounts.disconnect(SMART)
    with working(quick):
        quick.connect(SMART)
        taken = eventually(lambda: lists_of(quick, SMART))
    with quick.house.store.read() as tx:
        session = tx.accounts.session(quick.account(SMART).id)
    assert session is not None
    assert all(moment >= session.obtained_at for moment in taken)


def lists_of(stage: Stage, account: str) -> list[Any]:
    """Return when each of the account's lists was taken, once all three were."""
    number = stage.account(account).id
    with stage.house.store.read() as tx:
        found = [tx.journal.snapshot(number, kind) for kind in ("holdings", "positions", "funds")]
    return [each.taken_at for each in found if each is not None] if all(found) else []


def test_orders_go_out_and_settle_while_prices_and_lists_hang(quick: Stage) -> None:
    quick.desk.holdings(KITE)
    for endpoint in ("quote", "positions", "holdings"):
        quick.fault("slow", endpoint, times=None, seconds=300)
    with working(quick):
        eventually(lambda: all(fault["struck"] for fault in quick.exchange.get("faults")[:2]))
        for quantity in (1, 2, 3):
            order = quick.order(quantity=quantity, price=PRICE + 5)
            eventually(lambda order=order: quick.get(order).status is OrderStatus.FILLED)
    assert len(quick.requests("place")) == 3


def test_every_job_runs_at_the_pace_of_its_setting(quick: Stage) -> None:
    with working(quick, only=KITE) as worker:
        running = {job.id: job.trigger.interval.total_seconds() for job in worker._scheduler.get_jobs()}
        assert running == {spec.name: quick.house.settings.seconds(spec.cadence) for spec in JOBS}
        eventually(
            lambda: {row["process"]: row["pid"] for row in quick.desk.health().to_dict("records")} == {"worker": os.getpid()}
        )
