"""What counts as held when something is closed: the broker's list for a stop, the lower of both views for a person, and no
list at all while it may lag behind an execution.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from sigma.domain.kill import KillVerdict
from sigma.domain.orders import OrderRequest, OrderStatus, Product, Side, Source
from sigma.services.kill import Stop
from sigma.services.orders.submit import Origin
from sigma.simulator.conversion import convert
from tests.orders.stage import BROKERS, CLIENTS, KITE, Stage
from tests.orders.test_close_all import positions, worker
from tests.orders.test_kill import QUICK, ended, start

FUTURE = "NFO:BANKNIFTY26NOVFUT"
UNITS = 30


@pytest.fixture
def moved(stage: Stage) -> Stage:
    """A stage whose account bought futures for the day and made them last on the broker's own page: no order says so."""
    stage.waits(**QUICK)
    stage.desk.holdings(KITE, refresh=True)
    stage.desk.positions(KITE, refresh=True)
    assert stage.house.openings.adopt(stage.account().id)
    account = stage.server.exchange.account(BROKERS[KITE], CLIENTS[KITE])
    assert account is not None
    account.cash = Decimal(100_000_000)
    stage.hold(50_000.0, FUTURE)
    bought = stage.desk.orders.submit(account=KITE, listing=FUTURE, side="BUY", quantity=UNITS, product="MIS")
    stage.send()
    stage.settled(bought)
    convert(stage.server.exchange, account, FUTURE, Side.BUY, UNITS, Product.MIS, Product.NRML, overnight=False)
    assert positions(stage, KITE) == {(FUTURE, "NRML"): UNITS}
    return stage


def test_a_stop_closes_what_the_broker_lists_though_our_books_know_nothing_of_it(moved: Stage) -> None:
    start(moved, Stop(moved.account().id))
    (run,) = ended(moved)
    assert (run.verdict, run.notes, positions(moved, KITE)) == (KillVerdict.FLAT, (), {})


def test_a_square_off_closes_what_the_broker_lists_too(moved: Stage) -> None:
    with moved.house.store.begin() as tx:
        moved.house.kill.square_off(tx, moved.user_id, moved.account().id, product=Product.NRML, reason="15:10")
    (run,) = ended(moved)
    assert (run.verdict, positions(moved, KITE)) == (KillVerdict.FLAT, {})


def test_a_person_s_exit_of_what_our_books_do_not_know_is_refused_with_both_numbers_and_a_way_out(moved: Stage) -> None:
    wanted = OrderRequest(FUTURE, Side.SELL, UNITS, product=Product.NRML)
    origin = Origin(Source.PERSON, reduce_only=True)
    order = moved.house.orders.submission.submit(wanted, user_id=moved.user_id, account=KITE, origin=origin)
    assert order.status is OrderStatus.REJECTED_RISK
    assert "the broker lists 30, and our books hold 0" in order.risk_note
    assert "kill switch" in order.risk_note


def test_what_has_just_executed_is_closed_only_when_the_broker_s_list_has_had_its_moment(stage: Stage) -> None:
    stage.desk.settings.set("kill.retry_after", 1)
    bought = stage.executed(quantity=5)
    with worker(stage, KITE):
        row = stage.desk.orders.close_all(KITE, seconds=30).iloc[0]
    assert bool(row["done"])
    exit_ = stage.desk.orders.get(int(row["order_id"]))
    assert exit_.created_at - stage.get(bought).updated_at >= timedelta(seconds=1)


def test_what_has_just_executed_is_not_closed_when_there_is_no_time_to_wait(stage: Stage) -> None:
    stage.desk.settings.set("kill.retry_after", 60)
    stage.executed(quantity=5)
    row = stage.desk.orders.close_all(KITE, seconds=0).iloc[0]
    assert (bool(row["done"]), row["left"]) == (False, 5)
    assert "executed just now" in row["words"]
    assert [order.request.side for order in stage.orders(KITE)] == [Side.BUY]
