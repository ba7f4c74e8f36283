"""The contract, second half: writing orders, finding them again, and what is known when that went wrong."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from sigma.domain.errors import SigmaError, Unsupported
from sigma.domain.orders import OrderStatus, OrderType, Outcome, Product, Side, Validity
from sigma.simulator.faults import KINDS, NEWS, STREAM
from tests.contract.stage import Stage, buy, new_tag, tracked
from tests.simulator.control import eventually

# What one place request comes to under each fault: the outcome, and how many orders then exist.
PLACES = {
    "drop_after_commit": (Outcome.UNKNOWN, 1),
    "drop_before_commit": (Outcome.UNKNOWN, 0),
    "late_acceptance": (Outcome.UNKNOWN, 1),
    "html_504": (Outcome.UNKNOWN, 0),
    "html_504_after_commit": (Outcome.UNKNOWN, 1),
    "http_400_timeout": (Outcome.UNKNOWN, 1),
    "text_429": (Outcome.UNKNOWN, 0),
    "no_order_id": (Outcome.UNKNOWN, 1),
    "garbage": (Outcome.UNKNOWN, 1),
    "slow": (Outcome.UNKNOWN, 1),
    "expired_session": (Outcome.REFUSED, 0),
    "delayed_visibility": (Outcome.ACCEPTED, 1),
    "lost_tag": (Outcome.ACCEPTED, 1),
    "twin_rows": (Outcome.ACCEPTED, 2),
    "reject_in_book": (Outcome.ACCEPTED, 1),
}
# Faults of reads, feeds, or of a cancel: a place goes through them unharmed.
ELSEWHERE = frozenset({"truncated_book", "empty_book", "cancel_loses_to_fill"}) | STREAM | NEWS
# Answers in a form that only one broker sends: the subclass says what they prove to it.
BY_BROKER = frozenset({"json_429", "text_403"})
HASTY = {"late_acceptance", "slow"}


class OrderContract:
    """Writing orders, and finding them again."""

    @pytest.mark.parametrize("side", list(Side))
    def test_a_market_order_executes(self, stage: Stage, side: Side) -> None:
        protection = Decimal(-1) if stage.kit.capabilities.market_protection else None
        order, answer = stage.placed(buy(side=side, order_type=OrderType.MARKET, price=None, market_protection=protection))
        row = stage.row(order, lambda row: row.status is OrderStatus.FILLED)
        assert (row.side, row.quantity, row.filled_quantity) == (side, 5, 5)
        assert row.average_price is not None
        assert answer.server_time is not None
        assert answer.http_status == (None if stage.kit.capabilities.simulated else 200)

    def test_a_limit_order_rests_in_the_book_as_it_was_wanted(self, stage: Stage) -> None:
        order, _ = stage.placed(buy(disclosed_quantity=2, product=Product.CNC))
        row = stage.row(order, lambda row: row.status is OrderStatus.OPEN)
        assert (row.tag, row.listing) == (order.client_order_id, "NSE:INFY")
        assert (row.order_type, row.product, row.validity) == (OrderType.LIMIT, Product.CNC, Validity.DAY)
        assert (row.price, row.trigger_price, row.average_price) == (Decimal(1200), None, None)
        assert row.placed_at is not None
        assert abs(row.placed_at - stage.context.clock.now()) < timedelta(minutes=1)

    @pytest.mark.parametrize("kind", [OrderType.SL, OrderType.SL_M])
    def test_a_stop_waits_for_its_trigger(self, stage: Stage, kind: OrderType) -> None:
        protection = Decimal(-1) if kind is OrderType.SL_M and stage.kit.capabilities.market_protection else None
        price = Decimal("1502.5") if kind is OrderType.SL else None
        order, _ = stage.placed(buy(order_type=kind, price=price, trigger_price=Decimal(1500), market_protection=protection))
        row = stage.row(order, lambda row: row.status is OrderStatus.TRIGGER_PENDING)
        assert (row.trigger_price, row.order_type) == (Decimal(1500), kind)
        assert stage.broker.cancel(order).outcome is Outcome.ACCEPTED

    def test_an_ioc_order_that_finds_nobody_is_cancelled(self, stage: Stage) -> None:
        order, _ = stage.placed(buy(validity=Validity.IOC))
        row = stage.row(order, lambda row: row.status is OrderStatus.CANCELLED)
        assert row.filled_quantity == 0
        assert row.validity is Validity.IOC

    def test_a_derivative_is_carried(self, stage: Stage) -> None:
        future = min(
            (each for each in stage.server.exchange.universe if each.kind == "FUTURE" and each.underlying == "NSE:NIFTY 50"),
            key=lambda each: each.expiry,
        )
        price = stage.broker.quotes([future.listing])[future.listing].last_price - 100
        price -= price % future.tick
        order, _ = stage.placed(buy(future.lot, future.listing, product=Product.NRML, price=price))
        row = stage.row(order, lambda row: row.status is not OrderStatus.SENT)
        assert (row.listing, row.product) == (future.listing, Product.NRML)

    def test_a_product_that_the_broker_refuses_is_refused(self, stage: Stage) -> None:
        answer = stage.broker.place(buy(product=Product.MTF), new_tag())
        assert (answer.outcome, answer.broker_order_id) == (Outcome.REFUSED, None)
        assert "product" in answer.text.lower()

    def test_a_partial_fill_is_told_from_an_open_order(self, stage: Stage) -> None:
        stage.control.post("liquidity", {"listing": "NSE:INFY", "bid_quantity": 2, "ask_quantity": 2})
        order, _ = stage.placed(buy(30, price=Decimal(1460)))
        row = stage.row(order, lambda row: row.filled_quantity > 0)
        assert row.status is OrderStatus.PARTIALLY_FILLED
        assert 0 < row.filled_quantity < 30
        assert stage.broker.cancel(order).outcome is Outcome.ACCEPTED
        row = stage.row(order, lambda row: row.status is OrderStatus.CANCELLED)
        assert 0 < row.filled_quantity < 30

    def test_a_modification_changes_the_order(self, stage: Stage) -> None:
        order, _ = stage.placed(buy())
        stage.row(order, lambda row: row.status is OrderStatus.OPEN)
        answer = stage.broker.modify(order, buy(7, price=Decimal("1201.5")))
        assert answer.outcome is Outcome.ACCEPTED
        row = stage.row(order, lambda row: row.quantity == 7)
        assert row.price == Decimal("1201.5")
        assert stage.broker.cancel(order).outcome is Outcome.ACCEPTED

    def test_a_stop_keeps_its_trigger_when_its_price_is_modified(self, stage: Stage) -> None:
        wanted = buy(order_type=OrderType.SL, price=Decimal(1505), trigger_price=Decimal(1500))
        order, _ = stage.placed(wanted)
        stage.row(order, lambda row: row.status is OrderStatus.TRIGGER_PENDING)
        changed = buy(order_type=OrderType.SL, price=Decimal(1510), trigger_price=Decimal(1500))
        assert stage.broker.modify(order, changed).outcome is Outcome.ACCEPTED
        row = stage.row(order, lambda row: row.price == Decimal(1510))
        assert row.trigger_price == Decimal(1500)
        assert stage.broker.cancel(order).outcome is Outcome.ACCEPTED

    def test_a_cancellation_ends_the_order(self, stage: Stage) -> None:
        order, _ = stage.placed(buy())
        answer = stage.broker.cancel(order)
        assert (answer.outcome, answer.broker_order_id) == (Outcome.ACCEPTED, order.broker_order_id)
        row = stage.row(order, lambda row: row.status is OrderStatus.CANCELLED)
        assert row.filled_quantity == 0

    def test_cancelling_what_is_over_is_no_acceptance(self, stage: Stage) -> None:
        order, _ = stage.placed(buy())
        assert stage.broker.cancel(order).outcome is Outcome.ACCEPTED
        stage.row(order, lambda row: row.status is OrderStatus.CANCELLED)
        assert stage.broker.cancel(order).outcome in (Outcome.REFUSED, Outcome.UNKNOWN)

    def test_fills_carry_the_ids_of_order_and_execution(self, stage: Stage) -> None:
        protection = Decimal(-1) if stage.kit.capabilities.market_protection else None
        order, _ = stage.placed(buy(4, order_type=OrderType.MARKET, price=None, market_protection=protection))
        stage.row(order, lambda row: row.status is OrderStatus.FILLED)
        found = stage.broker.fills()
        assert found.bad == ()
        mine = [fill for fill in found.rows if fill.broker_order_id == order.broker_order_id]
        assert sum(fill.quantity for fill in mine) == 4
        assert len({fill.fill_id for fill in mine}) == len(mine)
        for fill in mine:
            assert (fill.listing, fill.side, fill.product) == ("NSE:INFY", Side.BUY, Product.MIS)
            assert abs(fill.filled_at - stage.context.clock.now()) < timedelta(minutes=1)

    def test_the_history_is_there_if_the_capabilities_say_so(self, stage: Stage) -> None:
        order, answer = stage.placed(buy())
        assert answer.broker_order_id is not None
        stage.row(order, lambda row: row.status is OrderStatus.OPEN)
        if not stage.kit.capabilities.order_history:
            with pytest.raises(Unsupported):
                stage.broker.order_history(answer.broker_order_id)
            return
        states = stage.broker.order_history(answer.broker_order_id)
        assert [state.broker_order_id for state in states] == [answer.broker_order_id] * len(states)
        assert (states[0].status, states[-1].status) == (OrderStatus.SENT, OrderStatus.OPEN)

    def test_a_read_of_the_book_says_when_it_was_asked_for_and_answered(self, stage: Stage) -> None:
        book = stage.broker.order_book()
        assert book.bad == ()
        assert book.asked_at <= book.answered_at
        assert book.server_time is not None
        assert abs(book.server_time - book.answered_at) < timedelta(seconds=5)


class SafetyContract:
    """What is known after a write that did not go well."""

    def test_what_has_no_name_at_the_broker_is_not_sent(self, stage: Stage) -> None:
        answer = stage.broker.place(buy(listing="NSE:NOSUCH"), new_tag())
        assert (answer.outcome, answer.code) == (Outcome.NOT_SENT, "NOT_FOUND")
        assert "NOSUCH" in answer.text

    def test_an_exchange_or_a_wish_that_is_not_offered_is_not_sent(self, stage: Stage) -> None:
        assert stage.broker.place(buy(listing="MCX:GOLD26DECFUT"), new_tag()).outcome is Outcome.NOT_SENT
        assert stage.broker.place(buy(gtt=True), new_tag()).outcome is Outcome.NOT_SENT

    def test_an_order_without_an_id_cannot_be_changed_and_says_so(self, stage: Stage) -> None:
        order = tracked(buy(), None)
        for answer in (stage.broker.cancel(order), stage.broker.modify(order, buy(6))):
            assert (answer.outcome, answer.code) == (Outcome.NOT_SENT, "NO_BROKER_ID")

    def test_a_write_after_its_last_moment_does_not_leave(self, stage: Stage) -> None:
        tag = new_tag()
        answer = stage.broker.place(buy(), tag, send_by_ns=stage.context.clock.boot_ns() - 1)
        assert answer.outcome is Outcome.NOT_SENT
        assert stage.executed(tag) == []
        assert stage.probe.points == []

    def test_the_probe_is_told_of_the_bytes_and_then_of_the_answer(self, stage: Stage) -> None:
        stage.placed(buy())
        assert stage.probe.points == ["bytes_left", "answer_arrived"]
        stage.broker.order_book()
        assert len(stage.probe.points) == 2


class FaultContract:
    """What is known after calls that went wrong on the wire."""

    def test_a_rejection_that_only_the_book_shows_keeps_its_reason(self, stage: Stage) -> None:
        stage.control.fault("reject_in_book", broker=stage.name, message="RMS:Margin Exceeds")
        order, _ = stage.placed(buy())
        row = stage.row(order, lambda row: row.status is OrderStatus.REJECTED)
        assert "RMS:Margin Exceeds" in row.reason

    def test_a_cancellation_may_lose_to_a_fill(self, stage: Stage) -> None:
        stage.control.fault("cancel_loses_to_fill", "cancel", broker=stage.name)
        order, _ = stage.placed(buy())
        stage.row(order, lambda row: row.status is OrderStatus.OPEN)
        assert stage.broker.cancel(order).outcome is Outcome.ACCEPTED
        assert stage.row(order, lambda row: row.status is OrderStatus.FILLED).filled_quantity == 5

    def test_every_fault_of_the_simulator_is_thought_of(self, stage: Stage) -> None:
        assert PLACES.keys() | ELSEWHERE | BY_BROKER == KINDS

    @pytest.mark.parametrize("kind", sorted(PLACES))
    def test_a_place_under_a_fault_claims_no_more_than_was_proven(self, stage: Stage, kind: str) -> None:
        outcome, orders = PLACES[kind]
        seconds = {"seconds": 2} if kind in HASTY else {}
        broker = stage.broker_of(stage.connect(), timeout_s=0.4 if kind in HASTY else 5.0)
        stage.control.fault(kind, broker=stage.name, **seconds)
        tag = new_tag()
        answer = broker.place(buy(), tag)
        assert answer.outcome is outcome, answer
        assert (answer.broker_order_id is not None) == (outcome is Outcome.ACCEPTED)
        assert answer.session_expired == (kind == "expired_session")
        if kind in HASTY:
            stage.control.post("clock", {"advance_s": 3})
        eventually(lambda: len(stage.executed(tag)) == orders)
        writes = [entry for entry in stage.control.get(f"writes?client_id={stage.client_id}") if entry["tag"] == tag]
        assert len(writes) == 1

    def test_the_order_of_a_lost_answer_is_found_by_its_tag(self, stage: Stage) -> None:
        stage.control.fault("drop_after_commit", broker=stage.name)
        tag = new_tag()
        assert stage.broker.place(buy(), tag).outcome is Outcome.UNKNOWN
        row = eventually(lambda: next((row for row in stage.broker.order_book().rows if row.tag == tag), None))
        assert row.listing == "NSE:INFY"

    @pytest.mark.parametrize("kind", ["drop_after_commit", "html_504_after_commit", "http_400_timeout", "garbage"])
    def test_a_cancel_or_modify_whose_answer_is_lost_is_unknown(self, stage: Stage, kind: str) -> None:
        order, _ = stage.placed(buy())
        stage.row(order, lambda row: row.status is OrderStatus.OPEN)
        stage.control.fault(kind, "modify", broker=stage.name)
        assert stage.broker.modify(order, buy(6)).outcome is Outcome.UNKNOWN
        assert stage.row(order, lambda row: row.quantity == 6)
        stage.control.fault(kind, "cancel", broker=stage.name)
        assert stage.broker.cancel(order).outcome is Outcome.UNKNOWN
        assert stage.row(order, lambda row: row.status is OrderStatus.CANCELLED)

    def test_a_lost_answer_never_arrives_for_the_probe(self, stage: Stage) -> None:
        stage.control.fault("drop_before_commit", broker=stage.name)
        assert stage.broker.place(buy(), new_tag()).outcome is Outcome.UNKNOWN
        assert stage.probe.points == ["bytes_left"]

    def test_reads_that_go_wrong_raise_only_errors_of_ours(self, stage: Stage) -> None:
        for kind in ("drop_before_commit", "html_504", "garbage", "json_429", "text_429", "text_403", "http_400_timeout"):
            stage.control.fault(kind, "book", broker=stage.name)
            with pytest.raises(SigmaError) as caught:
                stage.broker.order_book()
            assert caught.value.__context__ is None
        assert stage.broker.order_book().bad == ()
