"""What strategies hold and made by their own fills, what goes by itself is nobody's to approve, and the way out."""

from __future__ import annotations

import math

import pytest

from sigma.domain.errors import Conflict, Denied, NotFound
from sigma.domain.orders import Order, OrderMode, OrderStatus
from tests.orders.stage import KITE, PRICE, SMART, Stage


def signal(stage: Stage, side: str = "BUY", quantity: int = 10, product: str = "MIS") -> list[Order]:
    """Send a test message to ORB and return its orders."""
    receipt = stage.desk.strategies.test("ORB", listing="NSE:INFY", action=side, quantity=quantity, product=product, confirm=True)
    return [stage.desk.orders.get(number) for number in receipt.order_ids]


def filled(stage: Stage, **wanted: object) -> Order:
    """Let ORB's order on the first account be approved and executed."""
    order = signal(stage, **wanted)[0]  # type: ignore[arg-type]
    stage.desk.orders.approve(order.id, account=KITE)
    stage.send(KITE)
    return stage.settled(order, KITE)


def orb(stage: Stage) -> None:
    stage.desk.strategies.add("ORB", accounts={KITE: 1, SMART: 0.5})


def test_what_a_strategy_holds_and_made_is_told_by_account_and_at_stored_prices(stage: Stage) -> None:
    orb(stage)
    stage.desk.strategies.add("Idle")
    stage.executed(KITE)
    assert filled(stage).status is OrderStatus.FILLED
    (row,) = stage.desk.strategies.positions().itertuples()
    assert (row.strategy, row.account, row.listing, row.product, row.quantity) == ("ORB", KITE, "NSE:INFY", "MIS", 10)
    assert math.isnan(row.value)
    stage.desk.positions(KITE, refresh=True)
    stage.house.quotes.poll()
    (row,) = stage.desk.strategies.positions("orb").itertuples()
    assert row.value == 10 * PRICE
    assert stage.desk.strategies.positions("idle").empty
    with pytest.raises(NotFound):
        stage.desk.strategies.positions("none")
    places = stage.desk.strategies.places()
    assert [tuple(one) for one in places.itertuples(index=False)] == [("ORB", KITE, 1.0), ("ORB", SMART, 0.5)]


def test_a_result_without_a_price_is_not_known_and_paper_is_apart(stage: Stage) -> None:
    orb(stage)
    days = stage.desk.strategies.days()
    assert list(zip(days["strategy"], days["simulated"], days["total"], strict=True)) == [
        ("ORB", False, 0.0),
        ("ORB", True, 0.0),
    ]
    filled(stage)
    live = stage.desk.strategies.days().iloc[0]
    assert live["missing"] == "NSE:INFY"
    assert math.isnan(live["total"])
    stage.desk.positions(KITE, refresh=True)
    stage.house.quotes.poll()
    live = stage.desk.strategies.days().iloc[0]
    assert (live["missing"], live["total"] < 0) == ("", True), "at the price paid, charges remain"


def test_what_goes_by_itself_is_not_in_the_queue_and_not_counted_there(stage: Stage) -> None:
    orb(stage)
    stage.desk.strategies.update("ORB", mode="AUTO")
    made = signal(stage)
    assert [order.mode for order in made] == [OrderMode.AUTO, OrderMode.AUTO]
    assert stage.desk.orders.queue().empty
    assert stage.desk.overview().waiting == 0
    assert stage.desk.orders.count(status="WAITING", mode="MANUAL") == 0
    assert len(stage.desk.orders.table(status="WAITING", mode="AUTO")) == 2
    assert len(stage.desk.orders.table(mode="AUTO")) == 2


def test_an_exit_closes_what_the_strategy_bought_and_leaves_the_persons(stage: Stage) -> None:
    orb(stage)
    stage.desk.settings.set("kill.retry_after", 0.1)
    stage.executed(KITE, quantity=7)
    filled(stage)
    (run,) = stage.desk.strategies.exit("orb").itertuples()
    assert (run.account, run.strategy, run.product) == (KITE, "ORB", "MIS")
    number = stage.account(KITE).id
    for _ in range(60):
        if stage.house.kill.step(number) is None:
            break
        stage.send(KITE)
        stage.glance(KITE)
    held = stage.desk.positions(KITE, refresh=True)
    assert list(held["quantity"]) == [7]
    assert stage.desk.strategies.positions("ORB").empty
    assert not stage.desk.risk.kills()
    assert "STRATEGY_EXIT" in set(stage.desk.events()["kind"])


def test_there_is_nothing_to_exit_where_nothing_is_held(stage: Stage) -> None:
    orb(stage)
    stage.executed(KITE)
    with pytest.raises(Conflict, match="holds nothing"):
        stage.desk.strategies.exit("ORB")
    with pytest.raises(NotFound):
        stage.desk.strategies.exit("none")
    assert stage.desk.kill_runs().empty


def test_who_may_only_look_on_exits_nothing(stage: Stage) -> None:
    orb(stage)
    filled(stage)
    with stage.house.store.database.write() as link:
        link.connection.exec_driver_sql("update users set role = 'viewer'")
    with pytest.raises(Denied):
        stage.desk.strategies.exit("ORB")
    assert stage.desk.kill_runs().empty
