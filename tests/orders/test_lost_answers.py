"""Rules 3 to 5: whatever happens to a place's answer, one order at most, and none forgotten."""

from __future__ import annotations

import pytest

from sigma.domain.orders import CommandState, OrderStatus
from tests.orders.stage import KITE, SMART, SURELY_NS, Stage, eventually

BOTH = pytest.mark.parametrize("account", [KITE, SMART])
LOST_BUT_PLACED = [
    ("drop_after_commit", {}),
    ("html_504_after_commit", {}),
    ("http_400_timeout", {"commit": True}),
    ("no_order_id", {}),
    ("garbage", {}),
    ("late_acceptance", {"seconds": 2.0}),
    ("slow", {"seconds": 2.0}),
]


@BOTH
@pytest.mark.parametrize(("kind", "args"), LOST_BUT_PLACED, ids=[kind for kind, _ in LOST_BUT_PLACED])
def test_an_order_whose_answer_is_lost_is_found_by_its_tag(
    stage: Stage, account: str, kind: str, args: dict[str, object]
) -> None:
    stage.waits()
    stage.fault(kind, **args)
    order = stage.order(account)
    stage.send(account)
    assert stage.get(order).status is OrderStatus.UNKNOWN
    found = stage.settled(order, account)
    assert found.status is OrderStatus.FILLED
    assert found.filled_quantity == 5
    assert [one["order_id"] for one in stage.at_exchange(order)] == [found.broker_order_id]
    assert len(stage.requests("place")) == 1


@BOTH
@pytest.mark.parametrize("point", ["claimed", "checked", "bytes_left", "answer_arrived", "answered", "answer_stored"])
def test_a_dead_sender_s_order_is_settled_by_its_successor_and_never_called_again(stage: Stage, account: str, point: str) -> None:
    stage.waits()
    order = stage.order(account)
    stage.die(point, account)
    stage.successor(account)
    assert stage.send(account) == 0
    ended = stage.settled(order, account)
    placed = len(stage.at_exchange(order))
    assert ended.status is (OrderStatus.FILLED if placed else OrderStatus.FAILED)
    assert placed == len(stage.requests("place")) == (0 if point in ("claimed", "checked") else 1)
    assert stage.command(order).state in (CommandState.ANSWERED, CommandState.REFUSED)


NEVER_PLACED = [("drop_before_commit", {}), ("html_504", {}), ("http_400_timeout", {"commit": False})]


@BOTH
@pytest.mark.parametrize(("kind", "args"), NEVER_PLACED, ids=[kind for kind, _ in NEVER_PLACED])
def test_an_order_that_never_arrived_fails_after_two_complete_reads(
    stage: Stage, account: str, kind: str, args: dict[str, object]
) -> None:
    stage.waits()
    stage.fault(kind, **args)
    order = stage.order(account)
    stage.send(account)
    failed = stage.settled(order, account)
    assert failed.status is OrderStatus.FAILED
    assert stage.at_exchange(order) == []
    first, second = stage.command(order).absent_reads
    lost = stage.command(order).unknown_ns
    assert lost is not None
    assert first - lost >= 0.5e9
    assert second - first >= 0.1e9


def test_a_refusal_is_the_broker_s_word_and_ends_the_order_at_once(stage: Stage) -> None:
    stage.fault("json_429")
    order = stage.order()
    stage.send()
    assert stage.get(order).status is OrderStatus.REJECTED
    assert stage.get(order).broker_reason == "Too many requests"


def test_an_order_failed_by_absence_reopens_when_its_row_comes_after_all(stage: Stage) -> None:
    stage.waits()
    stage.fault("delayed_visibility", seconds=8)
    stage.fault("drop_after_commit")
    order = stage.order()
    stage.send()
    assert stage.settled(order).status is OrderStatus.FAILED
    assert stage.settled(order, until=lambda now: now.status is OrderStatus.FILLED).filled_quantity == 5
    assert len(stage.at_exchange(order)) == 1


def test_absence_from_a_truncated_book_proves_nothing(stage: Stage) -> None:
    known = stage.order()
    stage.send()
    stage.settled(known)
    stage.waits()
    stage.fault("truncated_book", "book", times=None, drop=1)
    stage.fault("drop_before_commit")
    order = stage.order()
    stage.send()
    lost = stage.command(order).unknown_ns or 0
    eventually(lambda: stage.glance() and stage.house.clock.boot_ns() - lost > SURELY_NS)
    assert stage.get(order).status is OrderStatus.UNKNOWN
    stage.exchange.clear_faults()
    assert stage.settled(order).status is OrderStatus.FAILED


def test_an_untagged_look_alike_waits_for_a_person_who_says_which_it_is(stage: Stage) -> None:
    first = stage.order()
    stage.send()
    stage.settled(first)
    stage.waits()
    stage.fault("lost_tag")
    stage.fault("drop_after_commit")
    order = stage.order(quantity=3)
    stage.send()
    alike = eventually(lambda: stage.glance() and stage.command(order).look_alikes)
    eventually(lambda: stage.glance() and stage.house.clock.boot_ns() - (stage.command(order).unknown_ns or 0) > SURELY_NS)
    assert stage.get(order).status is OrderStatus.UNKNOWN
    assert "LOOK_ALIKE" in stage.history(order)
    stage.desk.orders.resolve(order.id, broker_order_id=alike[0], reason="it is the one on the broker's page")
    found = stage.settled(order)
    assert (found.status, found.filled_quantity) == (OrderStatus.FILLED, 3)
    assert found.broker_order_id == alike[0] == stage.at_exchange(order)[0]["order_id"]
    assert len(stage.desk.orders.table()) == 2


def test_a_look_alike_that_is_another_order_is_adopted_once_a_person_said_so(stage: Stage) -> None:
    first = stage.order()
    stage.send()
    stage.settled(first)
    stage.waits()
    stage.fault("drop_before_commit")
    order = stage.order(quantity=3)
    stage.send()
    elsewhere = stage.order(quantity=3, client_order_id="ELSEWHERE0000000", queue=True)
    assert elsewhere.status is OrderStatus.WAITING
    stage.placed_elsewhere(quantity=3)
    eventually(lambda: stage.glance() and stage.command(order).look_alikes)
    assert stage.sync().adopted == 0
    stage.desk.orders.resolve(order.id, reason="that one was placed by hand")
    assert stage.get(order).status is OrderStatus.FAILED
    assert stage.sync().adopted == 1
