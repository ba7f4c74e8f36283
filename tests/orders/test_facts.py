"""Rule 7: what the broker's book shows is recorded, whoever placed it and whatever we thought of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from sigma.domain.answers import BookRead
from sigma.domain.errors import Conflict
from sigma.domain.orders import OrderStatus, Source, Variety
from sigma.services.orders.settle import BookSync, SyncReport
from tests.orders.stage import KITE, SMART, Stage, eventually

BOTH = pytest.mark.parametrize("account", [KITE, SMART])


def verified(stage: Stage, account: str = KITE) -> None:
    """Let the account's first order show that tags are echoed."""
    stage.executed(account, quantity=1)
    assert stage.account(account).tag_verified


@BOTH
@pytest.mark.parametrize("lost", [False, True], ids=["answered", "answer lost"])
def test_two_rows_with_one_tag_are_both_adopted_and_freeze_the_account(stage: Stage, account: str, lost: bool) -> None:
    verified(stage, account)
    stage.waits()
    stage.fault("twin_rows")
    if lost:
        stage.fault("drop_after_commit")
    order = stage.order(account)
    stage.send(account)
    assert stage.settled(order, account).status is OrderStatus.FILLED
    ours = {one.broker_order_id: one for one in stage.orders(account)}
    twins = stage.at_exchange(order)
    assert len(twins) == 2
    assert all(ours[twin["order_id"]].filled_quantity == 5 for twin in twins)
    assert "exists twice" in (stage.account(account).frozen_reason or "")
    assert "ACCOUNT_FROZEN" in set(stage.desk.events()["kind"])
    stage.sync(account)
    assert len(stage.orders(account)) == 3


def test_a_frozen_account_sends_nothing_until_a_person_releases_it(stage: Stage) -> None:
    stage.fault("lost_tag")
    first = stage.order()
    stage.send()
    assert stage.settled(first).status is OrderStatus.FILLED
    assert "does not echo our tag" in (stage.account().frozen_reason or "")
    order = stage.order()
    assert stage.send() == 0
    assert stage.get(order).status is OrderStatus.WAITING
    assert "frozen" in stage.get(order).stale_reason
    stage.desk.risk.release(KITE, reason="the broker mended it")
    stage.desk.orders.approve(order.id, account=KITE)
    stage.send()
    assert stage.settled(order).status is OrderStatus.FILLED
    assert stage.account().tag_verified


@BOTH
def test_orders_placed_elsewhere_are_adopted_with_their_executions(stage: Stage, account: str) -> None:
    stage.placed_elsewhere(account, quantity=4)
    report = stage.sync(account)
    assert (report.adopted, report.new_fills) == (1, 1)
    (adopted,) = stage.orders(account)
    assert (adopted.source, adopted.status, adopted.filled_quantity) == (Source.BROKER, OrderStatus.FILLED, 4)
    assert stage.sync(account).changed == 0
    assert len(stage.desk.orders.fills(account)) == 1
    assert stage.account(account).frozen_reason is None


def test_a_fill_after_the_cancel_counts(stage: Stage) -> None:
    verified(stage)
    stage.exchange.post("liquidity", listing="NSE:INFY", bid_quantity=0, ask_quantity=2)
    stage.exchange.post("config", liquidity_replenish_s=None)
    order = stage.order(quantity=60, price=1500.0)
    stage.send()
    assert stage.settled(order, until=lambda now: now.filled_quantity == 2).status is OrderStatus.PARTIALLY_FILLED
    stage.fault("cancel_loses_to_fill", "cancel")
    stage.desk.orders.cancel(order.id)
    stage.send()
    filled = stage.settled(order)
    assert (filled.status, filled.filled_quantity) == (OrderStatus.FILLED, 60)


def test_old_news_changes_nothing(stage: Stage) -> None:
    order = stage.order()
    stage.send()
    filled = stage.settled(order)
    again = stage.sync()
    assert (again.changed, again.new_fills, again.adopted) == (0, 0, 0)
    assert stage.get(order).version == filled.version


def test_an_order_rejected_in_the_book_keeps_the_broker_s_words(stage: Stage) -> None:
    stage.fault("reject_in_book", message="RMS:Rule: not today")
    order = stage.order()
    stage.send()
    assert stage.get(order).status is OrderStatus.SENT
    rejected = stage.settled(order)
    assert (rejected.status, rejected.broker_reason) == (OrderStatus.REJECTED, "RMS:Rule: not today")


@BOTH
def test_our_executions_are_the_exchange_s(stage: Stage, account: str) -> None:
    stage.exchange.post("liquidity", listing="NSE:INFY", bid_quantity=7, ask_quantity=7)
    for side in ("BUY", "SELL", "BUY"):
        order = stage.order(account, side=side, quantity=12)
        stage.send(account)
        stage.settled(order, account)
    fills = stage.house.orders.views.fills(user_id=stage.user_id, account=account)
    ours = sorted((fill.broker_order_id, fill.quantity, float(fill.price)) for fill in fills)
    theirs = sorted((fill["order_id"], fill["quantity"], fill["price"]) for fill in stage.exchange.get("fills"))
    assert ours == theirs
    assert len(theirs) > 3


def test_an_execution_that_is_listed_only_after_the_cancel_counts(stage: Stage) -> None:
    verified(stage)
    stage.exchange.post("liquidity", listing="NSE:INFY", bid_quantity=0, ask_quantity=2)
    stage.exchange.post("config", liquidity_replenish_s=None)
    stage.fault("empty_book", "fills", times=2)
    order = stage.order(quantity=60, price=1500.0)
    stage.send()
    stage.desk.orders.cancel(order.id)
    stage.sync()
    stage.send()
    cancelled = stage.settled(order)
    assert (cancelled.status, cancelled.filled_quantity) == (OrderStatus.CANCELLED, 2)
    eventually(lambda: stage.sync().active is False)
    assert [fill.quantity for fill in stage.desk.orders.why(order.id).fills] == [2]


def read_with(stage: Stage, change: Callable[[BookRead], BookRead]) -> SyncReport:
    """Read the account's own book, changed, and apply it."""

    class Broker:
        def __init__(self) -> None:
            self.real = stage.house.connections.broker(stage.account().id)

        def order_book(self) -> BookRead:
            return change(self.real.order_book())

        def fills(self) -> object:
            return self.real.fills()

        def gtts(self) -> object:
            return self.real.gtts()

    class Connected:
        kit = stage.house.connections.kit

        def read(self, account_id: int, what: str, ask: Callable[[Broker], object], **_: object) -> object:
            return ask(Broker())

    house = replace(stage.house.orders.house, connected=Connected())  # type: ignore[arg-type]
    return BookSync(house).sync(stage.account().id)


def test_an_order_from_elsewhere_that_makes_no_sense_to_us_is_marked_and_keeps_no_other_from_being_read(stage: Stage) -> None:
    order = stage.order()
    stage.send()

    def with_cheese(book: BookRead) -> BookRead:
        strange = replace(book.rows[0], broker_order_id="42", exchange="MOON", symbol="CHEESE", listing=None, tag="")
        return replace(book, rows=(strange, *book.rows))

    report = read_with(stage, with_cheese)
    assert ["42" in text and "MOON" in text for text in report.bad] == [True]
    assert stage.get(order).status is OrderStatus.FILLED


def test_an_order_from_elsewhere_with_words_that_we_do_not_know_is_shown_and_never_repeated(stage: Stage) -> None:
    stage.placed_elsewhere()
    read_with(stage, lambda book: replace(book, rows=tuple(replace(row, product=None) for row in book.rows)))
    (adopted,) = stage.orders(KITE)
    assert adopted.status is OrderStatus.FILLED
    with pytest.raises(Conflict, match="product at the broker has no word here"):
        stage.desk.orders.requeue(adopted.id)


def test_an_after_market_order_from_elsewhere_belongs_to_the_next_session(stage: Stage) -> None:
    stage.placed_elsewhere()
    evening = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
    read_with(
        stage, lambda book: replace(book, rows=tuple(replace(row, variety=Variety.AMO, placed_at=evening) for row in book.rows))
    )
    assert [order.session_date for order in stage.orders(KITE)] == [date(2026, 11, 23)]


def test_the_executions_of_a_removed_account_stay_in_the_list(stage: Stage) -> None:
    order = stage.order()
    stage.send()
    stage.settled(order)
    eventually(lambda: stage.sync().active is False)
    before = len(stage.desk.orders.fills())
    stage.desk.accounts.remove(KITE, force=True)
    assert before > 0
    assert len(stage.desk.orders.fills()) == before
