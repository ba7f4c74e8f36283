"""What the pages show of orders: groups with their numbers, filters, pages, and everything taken back at once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from sigma.desk import frames
from sigma.domain.errors import InvalidInput, InvalidOrder, NotFound
from sigma.domain.orders import FINAL, GROUPS, CommandKind, Order, OrderStatus
from sigma.ports.infra import Watch
from sigma.ports.storage import Store, Unit
from sigma.services.orders.amend import Amendment
from tests.orders.stage import KITE, PRICE, SMART, Stage

BOTH = pytest.mark.parametrize("account", [KITE, SMART])


def lost(stage: Stage, account: str = KITE) -> Order:
    """Return an order whose answer was lost and which never arrived."""
    stage.fault("drop_before_commit")
    order = stage.order(account)
    stage.send(account)
    assert stage.get(order).status is OrderStatus.UNKNOWN
    return order


def ids(stage: Stage, **wanted: Any) -> list[int]:
    return [int(number) for number in stage.desk.orders.table(**wanted)["id"]]


def test_every_status_but_waiting_is_in_a_group() -> None:
    assert {status for group in GROUPS.values() for status in group} == set(OrderStatus) - {OrderStatus.WAITING}
    assert GROUPS["filled"] | GROUPS["ended"] == FINAL
    assert not GROUPS["working"] & (FINAL | GROUPS["attention"])


@BOTH
def test_orders_are_counted_by_group(stage: Stage, account: str) -> None:
    stage.waits()
    stage.order(account, queue=True)
    stage.executed(account)
    stage.desk.orders.cancel(stage.order(account).id)
    stage.resting(account)
    approved = stage.order(account)
    stage.desk.risk.set(max_quantity_per_order=10)
    refused = stage.order(account, quantity=11)
    counts = stage.desk.orders.counts(account)
    assert counts == {"working": 2, "attention": 1, "filled": 1, "ended": 2}
    assert refused.id in ids(stage, account=account, group="attention")
    stage.desk.orders.cancel(approved.id)
    lost(stage, account)
    assert stage.desk.orders.counts(account) == {"working": 1, "attention": 2, "filled": 1, "ended": 3}
    other = {KITE: SMART, SMART: KITE}[account]
    assert set(stage.desk.orders.counts(other).values()) == {0}
    assert stage.desk.orders.counts() == stage.desk.orders.counts(account)


def test_a_group_lists_what_its_number_counts(stage: Stage) -> None:
    stage.executed()
    stage.resting()
    stage.resting(SMART)
    stage.desk.orders.cancel(stage.order().id)
    for account in (KITE, SMART, None):
        for group, number in stage.desk.orders.counts(account).items():
            table = stage.desk.orders.table(account, group=group)
            assert len(table) == stage.desk.orders.count(account, group=group) == number
            assert set(table["status"]) <= {status.value for status in GROUPS[group]}
    assert ids(stage, group="working", status="FILLED") == []


def test_what_ended_yesterday_is_counted_no_more_and_what_is_still_unknown_is(stage: Stage) -> None:
    stage.executed(quantity=1)
    stage.waits()
    unknown = lost(stage)
    ended = stage.order()
    stage.desk.orders.cancel(ended.id)
    assert stage.desk.orders.counts(KITE) == {"working": 0, "attention": 1, "filled": 1, "ended": 1}
    stage.overnight()
    assert stage.desk.orders.counts(KITE) == {"working": 0, "attention": 1, "filled": 0, "ended": 0}
    stage.desk.orders.resolve(unknown.id, reason="not in the contract note")
    assert stage.desk.orders.counts(KITE) == {"working": 0, "attention": 1, "filled": 0, "ended": 1}
    assert len(stage.desk.orders.table(KITE)) == 3


def test_the_table_is_narrowed_and_paged(stage: Stage) -> None:
    orders = [stage.order(None, queue=True, tags=(f"tag-{number % 2}",)) for number in range(5)]
    newest = [order.id for order in reversed(orders)]
    assert ids(stage) == newest
    assert ids(stage, limit=2) + ids(stage, limit=2, offset=2) + ids(stage, limit=2, offset=4) == newest
    assert ids(stage, offset=5) == []
    assert ids(stage, text=" TAG-1 ") == [orders[3].id, orders[1].id]
    assert stage.desk.orders.count(text="tag-0", status="WAITING") == 3
    assert ids(stage, text=orders[2].client_order_id.lower()) == [orders[2].id]
    assert ids(stage, text="nothing") == []
    assert ids(stage, strategy="none of mine") == []
    middle = orders[2].created_at
    assert ids(stage, until=middle, since=middle - timedelta(days=1)) == [orders[1].id, orders[0].id]
    assert ids(stage, since=middle) == newest[:3]


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"group": "active"}, InvalidInput),
        ({"limit": -1}, InvalidInput),
        ({"offset": -1}, InvalidInput),
        ({"status": "ACTIVE"}, InvalidOrder),
        ({"account": "nobody"}, NotFound),
    ],
)
def test_a_word_that_means_nothing_is_refused(stage: Stage, wanted: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        stage.desk.orders.table(**wanted)


@BOTH
def test_cancel_all_takes_back_whatever_may_still_execute_and_nothing_else(stage: Stage, account: str) -> None:
    stage.executed(account)
    waiting = stage.order(account, queue=True)
    elsewhere = stage.resting({KITE: SMART, SMART: KITE}[account])
    resting = stage.resting(account)
    approved = stage.order(account, side="SELL", quantity=2, price=PRICE + 50)
    done = stage.desk.orders.cancel_all(account)
    assert {name: str(kind) for name, kind in done.dtypes.items()} == frames.CANCELS
    assert [tuple(row) for row in done.itertuples(index=False)] == [
        (resting.id, "NSE:INFY", "BUY", 5, True, "the broker is asked"),
        (approved.id, "NSE:INFY", "SELL", 2, True, "taken back before it was sent"),
    ]
    stage.send(account)
    assert stage.settled(resting, account).status is OrderStatus.CANCELLED
    assert stage.get(waiting).status is OrderStatus.WAITING
    assert stage.get(elsewhere).status is OrderStatus.OPEN
    assert len(stage.desk.orders.cancel_all(account)) == 0


def test_cancel_all_again_asks_no_broker_twice(stage: Stage) -> None:
    order = stage.resting()
    for _ in range(3):
        assert list(stage.desk.orders.cancel_all(KITE)["done"]) == [True]
    cancels = [command for command in stage.desk.orders.why(order.id).commands if command.kind is CommandKind.CANCEL]
    assert len(cancels) == 1


def test_an_order_of_unknown_outcome_is_taken_back_once_it_turns_up(stage: Stage) -> None:
    order = lost(stage)
    (row,) = stage.desk.orders.cancel_all(KITE).itertuples(index=False)
    assert (row.order_id, row.done, row.words) == (order.id, True, "goes out once the broker's id is known")
    assert stage.get(order).cancel_wanted


def test_what_a_person_alone_can_close_is_left_out_of_cancel_all(stage: Stage) -> None:
    order = lost(stage)
    stage.overnight()
    stage.sync()
    assert stage.get(order).unsettled
    assert len(stage.desk.orders.cancel_all(KITE)) == 0


@dataclass
class Meanwhile:
    """A store in which something happens right before the second write unit."""

    store: Store
    event: Callable[[], object]
    units: int = 0

    def begin(self) -> AbstractContextManager[Unit]:
        self.units += 1
        if self.units == 2:
            self.event()
        return self.store.begin()

    def read(self) -> AbstractContextManager[Unit]:
        return self.store.read()

    def watch(self) -> Watch:
        return self.store.watch()


def test_an_order_that_ends_meanwhile_is_told_in_its_row_and_holds_up_no_other(stage: Stage) -> None:
    first, second, third = (stage.order(quantity=quantity) for quantity in (1, 2, 3))
    services = stage.house.orders
    meanwhile = Meanwhile(stage.house.store, lambda: stage.desk.orders.cancel(second.id))
    amendment = Amendment(replace(services.house, store=meanwhile), services.approval)
    done = amendment.cancel_all(KITE, user_id=stage.user_id)
    assert [(row.order.id, row.done) for row in done] == [(first.id, True), (second.id, False), (third.id, True)]
    assert done[1].words == f"Order {second.id} is CANCELLED already."
    assert stage.send() == 0
