"""The intake's use cases on a real database: who sends, what is stored, what counts as the same message."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sigma.domain.errors import Denied, InvalidInput, InvalidOrder
from sigma.domain.orders import OrderMode, OrderStatus, OrderType, Product, Side, Source
from sigma.domain.signals import SignalStatus
from tests.gateway.intake_house import NIFTY_LOT, IntakeHouse, open_intake_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[IntakeHouse]:
    with open_intake_house(tmp_path / "home") as opened:
        yield opened


def nested(house: IntakeHouse) -> dict[str, Any]:
    details = {"order_action": "SELL", "quantity": 5, "price": 1500.02, "order_type": "LIMIT", "product": "CNC", "order_id": "L"}
    return {
        "secret": house.secret,
        "platform": "TRADINGVIEW",
        "strategy_name": "TV-01",
        "symbol": "NSE:INFY",
        "bar_time": (house.clock.now() - timedelta(minutes=1)).isoformat(),
        "trade_details": details,
    }


def test_a_message_becomes_a_signal_and_a_waiting_order(house: IntakeHouse) -> None:
    receipt = house.signals.receive(nested(house), correlation_id="c1")
    (signal,), (order,) = house.stored(), house.orders()
    assert (receipt.id, receipt.status, receipt.order_ids) == (signal.id, "accepted", (order.id,))
    assert (signal.status, signal.strategy, signal.platform) == (SignalStatus.ACCEPTED, "TV-01", "TRADINGVIEW")
    assert (signal.listing, signal.side, signal.quantity, signal.correlation_id) == ("NSE:INFY", Side.SELL, 5, "c1")
    assert (order.status, order.mode, order.source) == (OrderStatus.WAITING, OrderMode.MANUAL, Source.WEBHOOK)
    assert (order.request.order_type, order.request.product, order.request.quantity) == (OrderType.LIMIT, Product.CNC, 5)
    assert order.request.price == Decimal("1500.00"), "a SELL limit goes down to its tick"
    assert (order.signal_id, order.strategy, order.external_id) == (signal.id, "TV-01", signal.external_id)
    assert (order.account_id, order.stale_reason, order.correlation_id) == (None, "", "c1")


def test_text_is_received_as_the_webhook_would(house: IntakeHouse) -> None:
    assert house.signals.receive('{"symbol": "INFY", "order_action": "BUY", "quantity": 1}', house.secret).status == "accepted"
    assert house.orders()[0].listing == "NSE:INFY"


def test_a_symbol_without_exchange_follows_the_users_setting(house: IntakeHouse) -> None:
    house.settings.set("instruments.default_exchange", "BSE", user_id=house.owner_id)
    house.signals.receive(house.message(symbol="INFY"))
    assert house.orders()[0].listing == "BSE:INFY"


def test_tradingviews_spelling_of_a_symbol_is_understood(house: IntakeHouse) -> None:
    house.signals.receive(house.message(symbol="NSE:M_M"))
    assert house.orders()[0].listing == house.stored()[0].listing == "NSE:M&M"


def test_the_same_message_within_the_window_gets_the_first_ids_and_makes_no_order(house: IntakeHouse) -> None:
    first = house.signals.receive(house.message())
    house.clock.move(seconds=30)
    again = house.signals.receive(house.message())
    assert (again.id, again.order_ids, again.status) == (first.id, first.order_ids, "deduped")
    assert len(house.orders()) == 1
    assert [(row.status, row.first_id) for row in house.stored()] == [
        (SignalStatus.ACCEPTED, None),
        (SignalStatus.DEDUPED, first.id),
    ]


def test_repeats_do_not_prolong_the_window(house: IntakeHouse) -> None:
    statuses = []
    for _ in range(4):
        statuses.append(house.signals.receive(house.message()).status)
        house.clock.move(seconds=40)
    assert statuses == ["accepted", "deduped", "accepted", "deduped"]


def test_a_window_of_zero_lets_every_message_through(house: IntakeHouse) -> None:
    house.settings.set("signals.dedupe_window", 0, user_id=house.owner_id)
    assert [house.signals.receive(house.message()).status for _ in range(2)] == ["accepted", "accepted"]


@pytest.mark.parametrize("by", ["client_order_id", "order_id"])
def test_an_explicit_id_is_a_duplicate_for_ever_but_only_of_its_strategy_listing_and_action(house: IntakeHouse, by: str) -> None:
    message = house.message(bar_time=house.clock.now().isoformat(), comment="first") | {by: "abc"}
    first = house.signals.receive(message)
    house.clock.move(days=3)
    again = house.signals.receive(message | {"comment": "other", "quantity": 9})
    assert (again.status, again.id) == ("deduped", first.id)
    for other in ({"strategy": "B"}, {"order_action": "SELL"}, {"symbol": "BSE:INFY"}, {by: "abd"}):
        assert house.signals.receive(message | other).status == "accepted"


def test_equal_messages_in_one_batch_make_one_order(house: IntakeHouse) -> None:
    batch = [house.signals.prepare(house.message(comment=text), house.owner_id) for text in ("a", "b", "a", "a")]
    with house.store.begin() as tx:
        receipts = house.signals.commit(tx, batch)
    assert [receipt.status for receipt in receipts] == ["accepted", "accepted", "deduped", "deduped"]
    assert {receipts[0].order_ids, receipts[2].order_ids, receipts[3].order_ids} == {receipts[0].order_ids}
    assert len(house.orders()) == 2


def test_signal_and_order_stand_or_fall_together(house: IntakeHouse) -> None:
    house.execute("CREATE TRIGGER no_orders BEFORE INSERT ON orders BEGIN SELECT RAISE(ABORT, 'no orders today'); END")
    with pytest.raises(Exception, match="no orders today"):
        house.signals.receive(house.message())
    assert not house.stored()
    assert not house.orders()


def test_a_late_signals_order_asks_again_at_approval(house: IntakeHouse) -> None:
    late = house.signals.receive(house.message(bar_time=(house.clock.now() - timedelta(minutes=16)).isoformat()))
    early = house.signals.receive(house.message(bar_time=(house.clock.now() - timedelta(minutes=14)).isoformat()))
    assert late.message.startswith("late: ")
    reasons = {order.id: order.stale_reason for order in house.orders()}
    assert reasons == {late.order_ids[0]: late.message, early.order_ids[0]: ""}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"symbol": "NFO:NIFTY26DECFUT", "quantity": NIFTY_LOT + 1}, "multiple"),
        ({"symbol": "NFO:NIFTY26DECFUT", "quantity": NIFTY_LOT * 1000}, "freeze quantity"),
        ({"symbol": "NSE:NIFTY 50"}, "index"),
        ({"order_action": "SELL", "order_type": "LIMIT", "price": "0.01"}, "below one tick"),
    ],
)
def test_what_can_never_be_an_order_of_this_listing_is_marked(house: IntakeHouse, changes: dict[str, Any], why: str) -> None:
    receipt = house.signals.receive(house.message(**changes))
    (signal,) = house.stored()
    assert (receipt.status, receipt.id, receipt.order_ids, signal.status) == ("marked", signal.id, (), SignalStatus.MARKED)
    assert why in receipt.message
    assert signal.note == receipt.message
    assert not house.orders()


def test_a_whole_lot_is_no_reason_to_mark(house: IntakeHouse) -> None:
    assert (
        house.signals.receive(house.message(symbol="NFO:NIFTY26DECFUT", quantity=NIFTY_LOT, product="NRML")).status == "accepted"
    )
    assert house.orders()[0].lot_size == NIFTY_LOT


def test_an_unknown_symbol_is_refused_with_the_nearest_and_stores_nothing(house: IntakeHouse) -> None:
    with pytest.raises(InvalidInput, match="NSE:INFI") as refused:
        house.signals.receive(house.message(symbol="NSE:INFI"))
    assert refused.value.code == "UNKNOWN_SYMBOL"
    assert "NSE:INFY" in refused.value.hint
    assert not house.stored()


@pytest.mark.parametrize(
    "changes", [{"quantity": 0}, {"quantity": -5}, {"price": "1e12"}, {"quantitee": 5}, {"order_type": "LIMIT"}]
)
def test_a_refused_message_stores_nothing(house: IntakeHouse, changes: dict[str, Any]) -> None:
    with pytest.raises((InvalidInput, InvalidOrder)):
        house.signals.receive(house.message(**changes))
    assert not house.stored()
    assert not house.orders()


def test_a_test_message_is_answered_and_stores_nothing(house: IntakeHouse) -> None:
    assert house.signals.receive({"test": "tradingview", "secret": house.secret}).status == "ok"
    assert not house.stored()
    with pytest.raises(Denied):
        house.signals.receive({"test": "tradingview", "secret": "wrong"})


def test_the_secret_is_looked_for_in_the_header_then_the_field_then_meta(house: IntakeHouse) -> None:
    message = house.message(secret=None)
    assert house.signals.receive(message, house.secret).status == "accepted"
    assert house.signals.receive(message | {"secret": "wrong"}, house.secret).status == "deduped"
    assert house.signals.receive(message | {"meta": {"secret": house.secret}}).status == "accepted"
    for wrong in (
        message,
        message | {"secret": "wrong", "meta": {"secret": house.secret}},
        message | {"secret": 12345},
        message | {"meta": [1]},
    ):
        with pytest.raises(Denied):
            house.signals.receive(wrong)
    with pytest.raises(Denied):
        house.signals.receive(house.message(), "wrong")


def test_a_new_secret_replaces_the_old_one_at_once(house: IntakeHouse) -> None:
    new = house.signals.rotate_secret(house.owner_id)
    assert house.signals.identify(new) == house.owner_id
    with pytest.raises(Denied, match="wrong"):
        house.signals.identify(house.secret)
    with pytest.raises(Denied, match="missing"):
        house.signals.identify("")


def test_a_secret_given_by_the_person_is_taken_and_changing_it_is_recorded(house: IntakeHouse) -> None:
    house.signals.set_secret(house.owner_id, "given by the person")
    house.signals.set_secret(house.owner_id, "given by the person")
    assert house.signals.identify("given by the person") == house.owner_id
    with house.store.read() as tx:
        assert len(tx.journal.events(kind="WEBHOOK_SECRET")) == 2, "made once, changed once, and a repeat is no change"
    for unusable in ("", " x", "x\n"):
        with pytest.raises(InvalidInput):
            house.signals.set_secret(house.owner_id, unusable)


def test_the_secret_is_nowhere_in_the_database(house: IntakeHouse) -> None:
    hidden = house.message(comment=f"it is {house.secret}!", strategy=house.secret, meta={"secret": house.secret})
    house.signals.receive(hidden)
    house.signals.receive(hidden)
    (signal, _) = house.stored()
    assert signal.strategy == "[removed]"
    assert '"secret"' not in signal.raw
    files = [path for path in house.home.rglob("*") if path.is_file()]
    assert len(files) > 2
    for path in files:
        assert house.secret.encode() not in path.read_bytes(), path.name


def test_whether_there_is_a_secret_can_be_asked(house: IntakeHouse) -> None:
    assert house.signals.has_secret(house.owner_id)
    house.execute("UPDATE users SET webhook_hash = NULL")
    assert not house.signals.has_secret(house.owner_id)
