"""An order above the exchange's freeze quantity goes out in slices, and is followed and taken back as one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from sigma.domain.errors import Conflict, InvalidOrder
from sigma.domain.orders import CommandKind, Order, OrderStatus
from tests.orders.stage import KITE, SMART, Stage

BOTH = pytest.mark.parametrize("account", [KITE, SMART])
FUTURE, LOT, FREEZE = "NFO:BANKNIFTY26NOVFUT", 30, 600
PRICE = 50_000.0
WHOLE = FREEZE * 2 + LOT


@pytest.fixture(autouse=True)
def _market(stage: Stage) -> None:
    for account in stage.server.exchange.accounts():
        account.cash = Decimal(10_000_000_000)
    stage.hold(PRICE, FUTURE)


def cut(stage: Stage, account: str = KITE, quantity: int = WHOLE, **more: Any) -> Order:
    """Submit an order above the freeze quantity: at the market, unless a price is given."""
    kind = {"order_type": "LIMIT"} if "price" in more else {}
    return stage.desk.orders.submit(
        account=account, listing=FUTURE, side="BUY", quantity=quantity, product="NRML", **{**kind, **more}
    )


def pieces(stage: Stage, whole: Order) -> list[Order]:
    """Return the slices as they are stored, the first one first."""
    with stage.house.store.read() as tx:
        return sorted(tx.orders.list(parent_id=whole.id), key=lambda one: one.slice_no)


@BOTH
def test_an_order_above_the_freeze_quantity_goes_out_in_slices_that_sum_to_it(stage: Stage, account: str) -> None:
    whole = cut(stage, account)
    assert (whole.status, whole.slices, stage.desk.orders.why(whole.id).commands) == (OrderStatus.APPROVED, 3, ())
    assert stage.send(account) == 3
    done = stage.settled(whole, account)
    assert (done.status, done.filled_quantity) == (OrderStatus.FILLED, WHOLE)
    slices = pieces(stage, whole)
    assert [one.request.quantity for one in slices] == [FREEZE, FREEZE, LOT]
    assert {one.status for one in slices} == {OrderStatus.FILLED}
    assert [row["quantity"] for one in slices for row in stage.at_exchange(one)] == [FREEZE, FREEZE, LOT]
    assert stage.at_exchange(whole) == []
    assert done.average_price == sum((one.average_price or 0) * one.filled_quantity for one in slices) / Decimal(WHOLE)


def test_an_order_within_the_freeze_quantity_is_not_cut(stage: Stage) -> None:
    order = cut(stage, quantity=FREEZE)
    assert order.slices == 0
    assert stage.send() == 1


def test_what_would_take_too_many_slices_is_refused_and_nothing_is_stored(stage: Stage) -> None:
    with pytest.raises(InvalidOrder, match="more than 20 orders"):
        cut(stage, quantity=FREEZE * 20 + LOT)
    assert stage.orders(KITE) == []


@BOTH
def test_an_unknown_slice_pauses_the_rest_until_it_is_settled(stage: Stage, account: str) -> None:
    stage.waits()
    stage.fault("drop_after_commit")
    whole = cut(stage, account)
    stage.send(account)
    assert [one.status for one in pieces(stage, whole)] == [OrderStatus.UNKNOWN, OrderStatus.APPROVED, OrderStatus.APPROVED]
    assert stage.get(whole).status is OrderStatus.UNKNOWN
    assert stage.send(account) == 0
    first = pieces(stage, whole)[0]
    stage.settles(first, CommandKind.PLACE, account)
    assert stage.send(account) == 2
    assert stage.settled(whole, account).filled_quantity == WHOLE
    assert len(stage.requests("place")) == 3


@BOTH
def test_cancelling_the_whole_cancels_each_slice_that_has_not_ended(stage: Stage, account: str) -> None:
    whole = cut(stage, account, price=PRICE - 2000)
    stage.send(account)
    stage.settled(whole, account, lambda now: now.status is OrderStatus.OPEN)
    assert stage.desk.orders.cancel(whole.id).cancel_wanted
    assert stage.send(account) == 3
    assert stage.settled(whole, account).status is OrderStatus.CANCELLED
    assert {one.status for one in pieces(stage, whole)} == {OrderStatus.CANCELLED}


def test_cancelling_before_anything_is_sent_sends_nothing(stage: Stage) -> None:
    whole = cut(stage)
    assert stage.desk.orders.cancel(whole.id).status is OrderStatus.CANCELLED
    assert stage.send() == 0
    assert stage.requests("place") == []


def test_cancel_all_takes_back_each_slice_once_and_tells_of_no_whole(stage: Stage) -> None:
    whole = cut(stage)
    rows = stage.desk.orders.cancel_all(KITE)
    assert list(rows["done"]) == [True, True, True]
    assert whole.id not in set(rows["order_id"])
    assert stage.get(whole).status is OrderStatus.CANCELLED


def test_a_slice_is_modified_by_itself_and_the_whole_is_not(stage: Stage) -> None:
    whole = cut(stage, price=PRICE - 2000)
    stage.send()
    stage.settled(whole, until=lambda now: now.status is OrderStatus.OPEN)
    with pytest.raises(Conflict, match="cut into 3 slices"):
        stage.desk.orders.modify(whole.id, price=PRICE - 1500)
    last = pieces(stage, whole)[-1]
    stage.desk.orders.modify(last.id, price=PRICE - 1500)
    stage.send()
    assert stage.settled(last, until=lambda now: now.request.price == Decimal(PRICE - 1500)).status is OrderStatus.OPEN


def test_what_a_cut_order_lacks_is_repeated_as_one_and_never_slice_by_slice(stage: Stage) -> None:
    whole = cut(stage)
    last = pieces(stage, whole)[-1]
    stage.desk.orders.cancel(last.id)
    with pytest.raises(Conflict, match=f"slice 3 of order {whole.id}"):
        stage.desk.orders.requeue(last.id)
    stage.send()
    ended = stage.settled(whole)
    assert (ended.status, ended.filled_quantity) == (OrderStatus.CANCELLED, FREEZE * 2)
    again = stage.desk.orders.requeue(whole.id)
    assert (again.request.quantity, again.slices, again.slice_no) == (LOT, 0, 0)


def test_a_slice_that_was_not_sent_in_time_waits_for_a_person_by_itself(stage: Stage) -> None:
    whole = cut(stage)
    stage.waits(orders_approval_max_age=1)
    stage.advance(120)
    assert stage.send() == 0
    assert {one.status for one in pieces(stage, whole)} == {OrderStatus.WAITING}
    assert stage.get(whole).status is OrderStatus.APPROVED
    first = pieces(stage, whole)[0]
    stage.hold(PRICE, FUTURE)
    stage.desk.orders.approve(first.id, account=KITE)
    assert stage.send() == 1
    assert stage.settled(first).status is OrderStatus.FILLED
    now = stage.get(whole)
    assert (now.status, now.filled_quantity) == (OrderStatus.PARTIALLY_FILLED, FREEZE)


def test_exits_in_slices_close_what_is_held_and_no_more(stage: Stage) -> None:
    bought = cut(stage)
    stage.send()
    stage.settled(bought)
    stage.desk.accounts.update(KITE, trading_mode="EXIT_ONLY")
    sale = stage.desk.orders.submit(account=KITE, listing=FUTURE, side="SELL", quantity=WHOLE, product="NRML")
    assert sale.status is OrderStatus.APPROVED
    again = stage.desk.orders.submit(account=KITE, listing=FUTURE, side="SELL", quantity=LOT, product="NRML")
    assert again.status is OrderStatus.REJECTED_RISK
    assert stage.send() == 3
    assert stage.settled(sale).filled_quantity == WHOLE
