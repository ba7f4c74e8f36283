"""Triggers whose answer was lost, and those that a list shows no more: told by the difference, once, or by a person."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sigma.domain.gtt import GttStatus
from sigma.domain.orders import CommandKind, CommandState, OrderStatus
from sigma.simulator.triggers import TriggerState
from sigma.store.restored import calm
from tests.orders.stage import KITE, Stage, eventually
from tests.orders.triggers import elsewhere, requests, resting, there, wanted


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """A stage whose triggers are read at each sync, with short waits."""
    stage.waits(sync_triggers=0.5)
    return stage


@pytest.mark.parametrize("kind", ["drop_after_commit", "html_504_after_commit", "no_order_id", "garbage"])
def test_a_lost_answer_is_found_in_the_list_by_what_was_not_there_before(stage: Stage, kind: str) -> None:
    elsewhere(stage)  # exactly the same, but there before
    gtt, order = wanted(stage)
    stage.fault(kind, "gtt")
    stage.send()
    assert (stage.get(order).status, stage.desk.gtt.get(gtt.id).status) == (OrderStatus.UNKNOWN, GttStatus.UNKNOWN)
    stage.settles(order, CommandKind.GTT)
    found = stage.desk.gtt.get(gtt.id)
    assert (found.status, found.broker_gtt_id) == (GttStatus.ACTIVE, str(there(stage)[1].id))
    assert stage.get(order).status is OrderStatus.TRIGGER_PENDING
    assert requests(stage) == 1


def test_what_never_arrived_is_believed_after_two_lists(stage: Stage) -> None:
    gtt, order = wanted(stage)
    stage.fault("drop_before_commit", "gtt")
    stage.send()
    command = stage.settles(order, CommandKind.GTT)
    assert (command.state, len(command.absent_reads)) == (CommandState.REFUSED, 2)
    assert (stage.get(order).status, stage.desk.gtt.get(gtt.id).status) == (OrderStatus.FAILED, GttStatus.FAILED)
    assert (requests(stage), there(stage)) == (1, [])


def test_of_two_that_could_be_it_a_person_says_which(stage: Stage) -> None:
    gtt, order = wanted(stage)
    stage.fault("drop_after_commit", "gtt")
    stage.send()
    elsewhere(stage)
    stage.sync()
    stage.sync()
    assert stage.get(order).status is OrderStatus.UNKNOWN
    told = stage.desk.events(kind="GTT_UNSETTLED")
    assert len(told) == 1
    ours = str(there(stage)[0].id)
    assert stage.desk.gtt.resolve(gtt.id, broker_gtt_id=ours, reason="seen on their page").status is GttStatus.ACTIVE
    assert stage.get(order).status is OrderStatus.TRIGGER_PENDING
    stage.desk.gtt.sync(KITE)
    assert len(stage.desk.gtt.table(KITE)) == 2  # the other one is adopted now


def test_a_person_says_that_it_was_never_placed(stage: Stage) -> None:
    gtt, order = wanted(stage)
    stage.fault("drop_before_commit", "gtt")
    stage.send()
    assert stage.desk.gtt.resolve(gtt.id, reason="not on their page").status is GttStatus.FAILED
    assert stage.get(order).status is OrderStatus.FAILED


def test_a_person_says_which_order_the_trigger_had_placed(stage: Stage) -> None:
    gtt, order = wanted(stage)
    stage.fault("drop_before_commit", "gtt")
    stage.send()
    placed = stage.placed_elsewhere()
    stage.desk.orders.resolve(order.id, broker_order_id=placed.order_id, reason="seen on their page")
    assert stage.settled(order).status is OrderStatus.FILLED
    stage.desk.gtt.sync(KITE)
    assert stage.desk.gtt.get(gtt.id).status is GttStatus.TRIGGERED


@pytest.mark.parametrize(("kind", "legs"), [("drop_after_commit", 1390), ("drop_before_commit", 1400)])
def test_a_lost_change_is_told_by_the_values_that_are_listed(stage: Stage, kind: str, legs: int) -> None:
    gtt, order = resting(stage)
    stage.fault(kind, "gtt")
    stage.desk.orders.modify(order.id, price=1392, trigger_price=1390)
    stage.send()
    stage.settles(order, CommandKind.GTT)
    assert stage.desk.gtt.get(gtt.id).legs[0].trigger_price == Decimal(legs)
    assert stage.get(order).request.trigger_price == Decimal(legs)
    assert requests(stage) == 2


@pytest.mark.parametrize("kind", ["drop_after_commit", "drop_before_commit"])
def test_a_lost_removal_is_made_again_only_while_the_list_shows_the_trigger(stage: Stage, kind: str) -> None:
    _, order = resting(stage)
    stage.fault(kind, "gtt")
    stage.desk.orders.cancel(order.id)
    stage.send()

    def gone() -> bool:
        stage.sync()
        stage.send()
        return stage.get(order).status is OrderStatus.CANCELLED

    eventually(gone)
    assert requests(stage) == (2 if kind == "drop_after_commit" else 3)
    assert [one.state for one in there(stage)] == [TriggerState.DELETED]


@pytest.mark.parametrize("point", ["claimed", "gtt", "answered"])
def test_the_death_of_the_sender_places_one_trigger_at_most_and_the_list_tells(stage: Stage, point: str) -> None:
    gtt, order = wanted(stage)
    stage.die(point)
    assert stage.successor() == 1
    stage.settles(order, CommandKind.GTT)
    stage.send()
    placed = len(there(stage))
    assert placed == (1 if point == "answered" else 0)
    assert stage.get(order).status is (OrderStatus.TRIGGER_PENDING if placed else OrderStatus.FAILED)
    assert stage.desk.gtt.get(gtt.id).status is (GttStatus.ACTIVE if placed else GttStatus.FAILED)
    assert requests(stage) == placed


def test_a_lost_removal_of_a_trigger_from_elsewhere_is_settled_too(stage: Stage) -> None:
    elsewhere(stage)
    stage.desk.gtt.sync(KITE)
    number = int(stage.desk.gtt.table(KITE)["id"].iloc[0])
    stage.fault("drop_after_commit", "gtt")
    stage.desk.gtt.cancel(number)
    stage.send()
    assert stage.sync().unknown == 0
    assert stage.desk.gtt.get(number).status is GttStatus.DELETED


def test_a_trigger_that_the_broker_lists_no_more_leaves_its_order_to_a_person(stage: Stage) -> None:
    gtt, order = resting(stage)
    stage.fault("truncated_book", "gtts", times=None)

    def told() -> bool:
        stage.desk.gtt.sync(KITE)
        return stage.get(order).unsettled

    eventually(told)
    assert (stage.get(order).status, stage.desk.gtt.get(gtt.id).status) == (OrderStatus.UNKNOWN, GttStatus.DELETED)
    assert len(stage.desk.events(kind="UNSETTLED")) == 1


def test_one_list_without_a_trigger_changes_nothing(stage: Stage) -> None:
    gtt, order = resting(stage)
    stage.fault("empty_book", "gtts")
    stage.desk.gtt.sync(KITE)
    stage.desk.gtt.sync(KITE)
    assert (stage.get(order).status, stage.desk.gtt.get(gtt.id).status) == (OrderStatus.TRIGGER_PENDING, GttStatus.ACTIVE)


def test_a_restored_copy_finds_its_triggers_again(stage: Stage) -> None:
    gtt, order = resting(stage)
    calm(stage.home, stage.house.clock.now())
    assert stage.get(order).status is OrderStatus.UNKNOWN
    stage.desk.gtt.sync(KITE)
    assert (stage.get(order).status, stage.desk.gtt.get(gtt.id).status) == (OrderStatus.TRIGGER_PENDING, GttStatus.ACTIVE)
