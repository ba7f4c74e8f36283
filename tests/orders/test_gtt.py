"""Triggers that rest at a broker: wanted, changed, taken away, fired, and made elsewhere."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest

from sigma.domain.errors import Conflict, InvalidOrder, Unsupported
from sigma.domain.gtt import GttKind, GttStatus
from sigma.domain.orders import Order, OrderStatus, OrderType, Side, Source
from sigma.simulator.model import PlaceRequest
from sigma.simulator.triggers import SimLeg, TriggerState, TriggerWish
from tests.orders.stage import KITE, SMART, Stage, eventually
from tests.orders.triggers import BOTH, DIP, elsewhere, requests, resting, synced, there, wanted


@pytest.fixture
def stage(stage: Stage) -> Stage:
    """A stage whose triggers are read at each sync, with short waits."""
    stage.waits(sync_triggers=0.5)
    return stage


def test_a_wish_becomes_a_trigger_that_rests_and_no_order_goes_out(stage: Stage) -> None:
    gtt, order = resting(stage)
    assert (gtt.status, gtt.kind, gtt.last_price) == (GttStatus.ACTIVE, GttKind.SINGLE, Decimal(1500))
    assert (order.status, order.broker_order_id, order.session_date) == (OrderStatus.TRIGGER_PENDING, None, None)
    assert (order.request.gtt, order.request.order_type, order.request.trigger_price) == (True, OrderType.SL, Decimal(1400))
    assert [(str(one.id), one.state) for one in there(stage)] == [(gtt.broker_gtt_id, TriggerState.ACTIVE)]
    assert (requests(stage), len(stage.requests("place"))) == (1, 0)
    assert stage.history(order) == ["SUBMITTED", "APPROVED", "CLAIMED", "RESTS"]


def test_an_order_with_the_wish_waits_in_the_queue_and_is_approved_as_a_trigger(stage: Stage) -> None:
    order = stage.order(None, price=1400.0)
    stage.desk.orders.edit(order.id, gtt=True)
    stage.desk.orders.approve(order.id, account=KITE)
    stage.send()
    assert stage.get(order).status is OrderStatus.TRIGGER_PENDING
    (one,) = there(stage)
    assert one.wish.legs == (SimLeg(Decimal(1400), Decimal(1400), 5),)


def test_where_no_triggers_are_kept_the_wish_stays_in_the_queue_and_the_reason_is_said(stage: Stage) -> None:
    order = stage.order(None, price=1400.0)
    stage.desk.orders.edit(order.id, gtt=True)
    with pytest.raises(Unsupported, match="AngelOne keeps no resting triggers"):
        stage.desk.orders.approve(order.id, account=SMART)
    assert stage.get(order).status is OrderStatus.WAITING


def test_a_market_order_cannot_rest(stage: Stage) -> None:
    order = stage.order(None)
    stage.desk.orders.edit(order.id, gtt=True)
    with pytest.raises(InvalidOrder, match="limit order"):
        stage.desk.orders.approve(order.id, account=KITE)


def test_what_fires_gets_the_brokers_order_and_the_book_carries_on(stage: Stage) -> None:
    gtt, order = resting(stage)
    stage.hold(1399)
    filled = stage.settled(order)
    assert (filled.status, filled.filled_quantity, filled.request.order_type) == (OrderStatus.FILLED, 5, OrderType.LIMIT)
    assert filled.broker_order_id is not None
    assert stage.desk.gtt.get(gtt.id).status is GttStatus.TRIGGERED
    assert [one.id for one in stage.orders(KITE)] == [order.id]  # nothing was adopted beside it
    assert stage.account().frozen_reason is None  # what a trigger places carries no tag, and that proves nothing
    assert sum(fill.quantity for fill in stage.desk.orders.why(order.id).fills) == 5


def test_of_two_legs_the_one_that_fires_says_what_the_order_is(stage: Stage) -> None:
    stage.executed(quantity=5)
    gtt, order = resting(stage, BOTH, side="SELL")
    assert (gtt.kind, order.request.quantity) == (GttKind.OCO, 5)
    stage.hold(1601)
    filled = stage.settled(order)
    assert (filled.status, filled.filled_quantity, filled.request.quantity) == (OrderStatus.FILLED, 3, 3)
    assert filled.request.price == Decimal(1598)


def test_a_trigger_that_rests_outlives_the_night_and_fires_another_day(stage: Stage) -> None:
    gtt, order = resting(stage)
    stage.overnight()
    stage.advance(3600 * 2)
    stage.hold(1500)
    stage.sync()
    kept = stage.get(order)
    assert (kept.status, kept.unsettled) == (OrderStatus.TRIGGER_PENDING, False)
    stage.hold(1399)
    assert stage.settled(order).status is OrderStatus.FILLED
    assert stage.desk.gtt.get(gtt.id).status is GttStatus.TRIGGERED


def test_what_fired_in_a_session_that_nobody_saw_is_unsettled_with_its_id(stage: Stage) -> None:
    _, order = resting(stage)
    stage.hold(1399)
    stage.advance(60)
    stage.overnight()
    synced(stage, lambda: stage.get(order).unsettled)
    lost = stage.get(order)
    assert (lost.status, lost.unsettled) == (OrderStatus.UNKNOWN, True)
    assert lost.broker_order_id is not None


def test_a_cancel_removes_the_trigger(stage: Stage) -> None:
    gtt, order = resting(stage)
    stage.desk.orders.cancel(order.id)
    assert stage.send() == 1
    assert (stage.get(order).status, stage.desk.gtt.get(gtt.id).status) == (OrderStatus.CANCELLED, GttStatus.DELETED)
    assert [one.state for one in there(stage)] == [TriggerState.DELETED]


def test_cancel_all_takes_triggers_back_too(stage: Stage) -> None:
    resting(stage)
    (row,) = stage.desk.orders.cancel_all(KITE).to_dict("records")
    assert row["done"]
    stage.send()
    assert [one.state for one in there(stage)] == [TriggerState.DELETED]


def test_a_change_of_the_order_changes_the_trigger(stage: Stage) -> None:
    gtt, order = resting(stage)
    stage.desk.orders.modify(order.id, price=1392, trigger_price=1390, quantity=7)
    assert stage.send() == 1
    (one,) = there(stage)
    assert one.wish.legs == (SimLeg(Decimal(1390), Decimal(1392), 7),)
    now = stage.get(order)
    assert (now.request.price, now.request.trigger_price, now.request.quantity) == (Decimal(1392), Decimal(1390), 7)
    assert stage.desk.gtt.get(gtt.id).legs[0].trigger_price == Decimal(1390)


def test_two_legs_are_changed_together(stage: Stage) -> None:
    stage.executed(quantity=5)
    gtt, order = resting(stage, BOTH, side="SELL")
    with pytest.raises(Conflict, match="two legs"):
        stage.desk.orders.modify(order.id, price=1390)
    stage.desk.gtt.modify(gtt.id, [{**BOTH[0], "trigger": 1410}, BOTH[1]])
    stage.send()
    assert [leg.trigger_price for leg in there(stage)[0].wish.legs] == [Decimal(1410), Decimal(1600)]


def test_two_legs_that_do_not_lie_on_both_sides_of_the_price_are_refused_before_anything_is_stored(stage: Stage) -> None:
    with pytest.raises(InvalidOrder, match="both sides"):
        wanted(stage, [BOTH[0], {**BOTH[1], "trigger": 1450}], side="SELL")
    assert stage.desk.gtt.table(KITE).empty
    assert stage.orders(KITE) == []


def test_what_the_broker_refuses_is_rejected_in_its_words(stage: Stage) -> None:
    gtt, order = wanted(stage, [{"trigger": 1499, "price": 1499, "quantity": 5}])
    stage.send()
    refused = stage.get(order)
    assert (refused.status, "too near" in refused.broker_reason) == (OrderStatus.REJECTED, True)
    assert stage.desk.gtt.get(gtt.id).status is GttStatus.REJECTED


def test_a_trigger_from_elsewhere_is_shown_and_can_be_taken_away_but_not_changed(stage: Stage) -> None:
    elsewhere(stage)
    assert stage.desk.gtt.sync(KITE).adopted == 1
    (row,) = stage.desk.gtt.table(KITE, resting=True).to_dict("records")
    assert (row["label"], row["status"], row["legs"]) == ("Broker GTT (Zerodha)", "ACTIVE", "5 at 1,402.00 when 1,400.00")
    assert pd.isna(row["order_id"])
    with pytest.raises(Conflict, match="elsewhere"):
        stage.desk.gtt.modify(row["id"], DIP)
    stage.desk.gtt.cancel(row["id"])
    stage.send()
    assert stage.desk.gtt.get(row["id"]).status is GttStatus.DELETED
    assert [one.state for one in there(stage)] == [TriggerState.DELETED]


def test_what_was_changed_at_the_broker_is_taken_over(stage: Stage) -> None:
    gtt, order = resting(stage)
    account = stage.server.exchange.account("zerodha", "AB1234")
    (one,) = there(stage)
    assert account is not None
    moved = TriggerWish("NSE:INFY", Side.BUY, one.wish.product, (SimLeg(Decimal(1380), Decimal(1381), 9),), Decimal(1500))
    stage.server.exchange.triggers.modify(account, one.id, moved)
    stage.desk.gtt.sync(KITE)
    now = stage.get(order)
    assert (now.request.quantity, now.request.price, now.request.trigger_price) == (9, Decimal(1381), Decimal(1380))
    assert stage.desk.gtt.get(gtt.id).legs[0].quantity == 9
    assert "GTT_CHANGED" in stage.history(order)


@pytest.mark.parametrize(
    ("ended", "status", "order_status"),
    [
        (TriggerState.DELETED, GttStatus.DELETED, OrderStatus.CANCELLED),
        (TriggerState.CANCELLED, GttStatus.CANCELLED, OrderStatus.CANCELLED),
        (TriggerState.EXPIRED, GttStatus.EXPIRED, OrderStatus.EXPIRED),
        (TriggerState.REJECTED, GttStatus.REJECTED, OrderStatus.REJECTED),
        (TriggerState.DISABLED, GttStatus.DISABLED, OrderStatus.REJECTED),
    ],
)
def test_what_ended_at_the_broker_ends_its_order(
    stage: Stage, ended: TriggerState, status: GttStatus, order_status: OrderStatus
) -> None:
    gtt, order = resting(stage)
    assert stage.server.exchange.triggers.end(int(gtt.broker_gtt_id or 0), ended) is not None
    stage.desk.gtt.sync(KITE)
    assert (stage.desk.gtt.get(gtt.id).status, stage.get(order).status) == (status, order_status)


def test_a_trigger_expires_after_a_year(stage: Stage) -> None:
    gtt, order = resting(stage)
    stage.advance(3600 * 24 * 365)
    stage.connect(KITE)
    stage.desk.gtt.sync(KITE)
    assert (stage.desk.gtt.get(gtt.id).status, stage.get(order).status) == (GttStatus.EXPIRED, OrderStatus.EXPIRED)


def test_an_untagged_row_that_looks_like_what_a_trigger_places_is_adopted_only_once_the_triggers_do_not_claim_it(
    stage: Stage,
) -> None:
    _, order = resting(stage)
    account = stage.server.exchange.account("zerodha", "AB1234")
    assert account is not None
    outside = PlaceRequest("NSE:INFY", Side.BUY, 5, OrderType.LIMIT, order.request.product, price=Decimal(1450))
    stage.server.exchange.place(account, outside)
    stage.fault("html_504", "gtts")
    assert any("triggers" in text for text in stage.sync().bad)
    assert [one.id for one in stage.orders(KITE)] == [order.id]

    def adopted() -> list[Order]:
        stage.sync()
        return [one for one in stage.orders(KITE) if one.source is Source.BROKER]

    (other,) = eventually(adopted)
    assert (other.broker_order_id, stage.get(order).status) != (None, OrderStatus.OPEN)
    assert stage.get(order).broker_order_id is None


def test_no_more_triggers_are_sent_than_the_broker_takes(stage: Stage) -> None:
    for number in range(250):
        elsewhere(stage, 1200 + number // 2, 1300)
    _, order = wanted(stage)
    assert stage.send() == 0
    back = stage.get(order)
    assert (back.status, "takes 250 and no more" in back.stale_reason) == (OrderStatus.WAITING, True)
    assert requests(stage) == 0


def test_a_trigger_counts_as_an_exit_that_is_under_way(stage: Stage) -> None:
    stage.executed(quantity=5)
    resting(stage, BOTH, side="SELL")
    stage.desk.accounts.update(KITE, trading_mode="EXIT_ONLY")
    second = stage.order(side="SELL", quantity=1)
    assert second.status is OrderStatus.REJECTED_RISK


def test_the_list_that_could_not_be_read_keeps_a_new_trigger_back(stage: Stage) -> None:
    _, order = wanted(stage)
    stage.fault("html_504", "gtts")
    assert stage.send() == 0
    assert stage.get(order).status is OrderStatus.APPROVED
    assert stage.send() == 1


def test_a_paused_account_sends_no_trigger_and_still_takes_them_back(stage: Stage) -> None:
    _, first = resting(stage)
    _, second = wanted(stage)
    stage.desk.accounts.update(KITE, trading_mode="PAUSED")
    assert stage.send() == 0
    assert stage.get(second).status is OrderStatus.WAITING
    stage.desk.orders.cancel(first.id)
    assert stage.send() == 1
    assert stage.get(first).status is OrderStatus.CANCELLED


def test_what_fires_and_is_refused_says_why(stage: Stage) -> None:
    _, order = resting(stage, [{"trigger": 1400, "price": 1100, "quantity": 5}])
    stage.hold(1399)
    synced(stage, lambda: stage.get(order).status.final)
    rejected = stage.get(order)
    assert (rejected.status, "circuit" in rejected.broker_reason) == (OrderStatus.REJECTED, True)
