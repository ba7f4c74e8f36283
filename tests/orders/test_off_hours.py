"""What becomes of an order that the broker refuses because the market is closed: by policy, once, and only after a refusal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from sigma.domain.errors import Conflict
from sigma.domain.orders import Order, OrderMode, OrderStatus, Product, Variety
from sigma.domain.strategies import OffHours, Strategy
from sigma.services.orders.auto import AutoAdmission
from tests.orders.stage import KITE, PRICE, SMART, Stage

BOTH = pytest.mark.parametrize("account", [KITE, SMART])
# Friday: while the market is closed and after-market orders are taken, and shortly after the close, when they are not.
EVENING, AT_THE_CLOSE = "2026-11-20T18:00:00+05:30", "2026-11-20T15:35:00+05:30"
MONDAY = datetime(2026, 11, 23, 3, 45, tzinfo=UTC)


def at(stage: Stage, moment: str) -> None:
    """Let the exchange's clock show a moment."""
    stage.exchange.post("clock", set=moment)
    stage.advance(0)


def refused(stage: Stage, account: str = KITE, **more: Any) -> Order:
    """Send an order that the broker refuses, and return it as it ended."""
    order = stage.order(account, **more)
    stage.send(account)
    ended = stage.settled(order, account)
    assert ended.status is OrderStatus.REJECTED
    return ended


def stand_ins(stage: Stage, order: Order) -> list[Order]:
    """Return the orders that stand in for a refused one."""
    with stage.house.store.read() as tx:
        return [one for one in tx.orders.list(parent_id=order.id) if one.generation == order.generation + 1]


def admit(stage: Stage, account: str = KITE) -> int:
    """Decide what waits for no person, as the account's writer does."""
    services = stage.house.orders
    return AutoAdmission(services.house, services.approval, stage.house.ledger, stage.account(account).id).run()


def test_without_a_policy_the_refusal_stands(stage: Stage) -> None:
    at(stage, EVENING)
    order = refused(stage)
    assert "Try placing an AMO order" in order.broker_reason
    assert stand_ins(stage, order) == []


def test_an_after_market_order_stands_in_for_a_refused_one_with_its_product_and_is_taken(stage: Stage) -> None:
    stage.desk.settings.set("orders.off_hours", "AMO")
    at(stage, EVENING)
    order = refused(stage, price=PRICE)
    (made,) = stand_ins(stage, order)
    assert (made.request.variety, made.request.product, made.request.price) == (Variety.AMO, Product.MIS, Decimal(PRICE))
    assert (made.status, made.mode, made.generation, made.parent_id) == (OrderStatus.WAITING, OrderMode.AUTO, 1, order.id)
    assert made.client_order_id != order.client_order_id
    assert admit(stage) == 1
    assert stage.send() == 1
    taken = stage.settled(made, until=lambda now: now.broker_status != "")
    assert (taken.status, taken.session_date) == (OrderStatus.SENT, MONDAY.date())
    assert len(stage.at_exchange(made)) == 1


def test_an_after_market_order_works_on_the_next_session_s_morning(stage: Stage) -> None:
    stage.desk.settings.set("orders.off_hours", "AMO")
    at(stage, EVENING)
    (made,) = stand_ins(stage, refused(stage, product="CNC"))
    admit(stage)
    stage.send()
    stage.overnight()
    at(stage, "2026-11-23T09:16:00+05:30")
    assert stage.settled(made).status is OrderStatus.FILLED


@BOTH
def test_a_rejection_in_the_book_counts_like_a_refusal_at_the_door(stage: Stage, account: str) -> None:
    stage.desk.settings.set("orders.off_hours", "WAIT")
    at(stage, AT_THE_CLOSE)
    order = refused(stage, account)
    (made,) = stand_ins(stage, order)
    assert made.not_before == MONDAY
    assert made.request.variety is Variety.REGULAR
    assert admit(stage, account) == 0
    stage.overnight()
    at(stage, "2026-11-23T09:15:05+05:30")
    assert admit(stage, account) == 1
    stage.send(account)
    assert stage.settled(made, account).status is OrderStatus.FILLED


@BOTH
def test_an_attempt_that_is_refused_too_is_the_last_one(stage: Stage, account: str) -> None:
    stage.desk.settings.set("orders.off_hours", "AMO")
    at(stage, AT_THE_CLOSE)
    (made,) = stand_ins(stage, refused(stage, account))
    admit(stage, account)
    stage.send(account)
    again = stage.settled(made, account)
    assert again.status is OrderStatus.REJECTED
    assert stand_ins(stage, again) == []
    assert "nothing more is tried" in stage.desk.orders.why(made.id).events[-1].text


@BOTH
def test_an_order_of_unknown_outcome_is_never_followed_by_another(stage: Stage, account: str) -> None:
    stage.desk.settings.set("orders.off_hours", "AMO")
    stage.waits()
    at(stage, AT_THE_CLOSE)
    stage.fault("drop_before_commit")
    order = stage.order(account)
    stage.send(account)
    assert stage.get(order).status is OrderStatus.UNKNOWN
    assert stage.settled(order, account).status is OrderStatus.FAILED
    assert stand_ins(stage, order) == []


def test_another_refusal_has_nothing_to_do_with_the_market_s_hours(stage: Stage) -> None:
    stage.desk.settings.set("orders.off_hours", "AMO")
    order = stage.order(quantity=1_000_000)
    stage.send()
    assert stage.settled(order).status is OrderStatus.REJECTED
    assert stand_ins(stage, order) == []


def test_a_strategy_s_policy_goes_before_its_user_s(stage: Stage) -> None:
    stage.desk.settings.set("orders.off_hours", "AMO")
    with stage.house.store.begin() as tx:
        tx.strategies.add(Strategy(0, stage.user_id, "Swing", stage.house.clock.now(), off_hours=OffHours.FAIL))
    at(stage, EVENING)
    order = stage.order(None, queue=True)
    with stage.house.store.begin() as tx:
        tx.orders.save(replace(tx.orders.get(order.id), strategy="swing"))
    stage.desk.orders.approve(order.id, account=KITE)
    stage.send()
    assert stage.settled(order).status is OrderStatus.REJECTED
    assert stand_ins(stage, order) == []


def test_what_stands_in_for_an_order_is_not_repeated_by_a_person_as_well(stage: Stage) -> None:
    stage.desk.settings.set("orders.off_hours", "AMO")
    at(stage, EVENING)
    order = refused(stage)
    (made,) = stand_ins(stage, order)
    with pytest.raises(Conflict, match=f"Order {made.id}"):
        stage.desk.orders.requeue(order.id)
    stage.desk.orders.cancel(made.id)
    assert stage.desk.orders.requeue(order.id).status is OrderStatus.WAITING


def test_a_resting_trigger_needs_a_broker_that_has_them_and_a_price(stage: Stage) -> None:
    stage.desk.settings.set("orders.off_hours", "GTT")
    at(stage, AT_THE_CLOSE)
    unpriced = refused(stage)
    assert "needs a limit price" in stage.desk.orders.why(unpriced.id).events[-1].text
    elsewhere = refused(stage, SMART, price=PRICE)
    assert "AngelOne has no resting triggers" in stage.desk.orders.why(elsewhere.id).events[-1].text
    (made,) = stand_ins(stage, refused(stage, price=PRICE, product="CNC"))
    assert made.request.gtt
    assert stand_ins(stage, unpriced) + stand_ins(stage, elsewhere) == []
