"""Pushed news of orders: recorded like a row of the book, and never the only word."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from sigma.domain.answers import BrokerOrder
from sigma.domain.errors import Denied, InvalidInput, NotFound, Unsupported
from sigma.domain.orders import Order, OrderStatus, Source
from sigma.simulator.kite_feed import postback
from tests.orders.stage import BROKERS, CLIENTS, KITE, SMART, Stage


def posted(stage: Stage, order: Order, **changes: Any) -> dict[str, Any]:
    """Return the postback of an order as it is at the exchange now; an order time given is what the checksum covers."""
    exchange = stage.server.exchange
    account = exchange.account(BROKERS[KITE], CLIENTS[KITE])
    assert account is not None
    (look,) = [one for one in exchange.all_orders(CLIENTS[KITE]) if one.order_id == stage.get(order).broker_order_id]
    return dict(postback(look, account)) | changes


def row_of(stage: Stage, order: Order, **changes: Any) -> BrokerOrder:
    account = stage.account()
    body = json.dumps(posted(stage, order, **changes)).encode()
    connections = stage.house.connections
    return connections.kit(account).read_postback(connections.credentials(account.id), body, connections.context(account))


def proven(stage: Stage) -> None:
    """Let the book show once that tags are echoed."""
    stage.executed(quantity=1)
    assert stage.account().tag_verified


def test_a_pushed_row_moves_the_order_and_the_executions_come_from_the_broker_s_list(stage: Stage) -> None:
    proven(stage)
    order = stage.order(quantity=5)
    stage.send()
    stage.exchange.get("orders")
    assert stage.house.push.take(stage.account().id, row_of(stage, order))
    pushed = stage.get(order)
    assert (pushed.status, pushed.filled_quantity) == (OrderStatus.FILLED, 5)
    assert stage.history(order)[-1] == "PUSH"
    assert not [fill for fill in stage.desk.orders.why(order.id).fills]
    stage.sync()
    assert sum(fill.quantity for fill in stage.desk.orders.why(order.id).fills) == 5


def test_the_same_row_again_and_an_older_one_change_nothing(stage: Stage) -> None:
    proven(stage)
    order = stage.resting(quantity=5)
    old = row_of(stage, order)
    stage.desk.orders.cancel(order.id)
    stage.send()
    new = row_of(stage, order)
    account = stage.account().id
    assert stage.house.push.take(account, new)
    done = stage.get(order)
    assert done.status is OrderStatus.CANCELLED
    assert not stage.house.push.take(account, new)
    assert not stage.house.push.take(account, old)
    assert stage.get(order) == done


def test_a_row_of_nobody_s_order_and_another_account_s_are_left_to_the_book(stage: Stage) -> None:
    proven(stage)
    order = stage.resting(quantity=5)
    row = row_of(stage, order)
    assert not stage.house.push.take(stage.account(SMART).id, row)
    stage.placed_elsewhere()
    count = len(stage.orders(KITE))

    assert not stage.house.push.take(stage.account().id, replace(row, broker_order_id="999", tag=""))
    assert len(stage.orders(KITE)) == count


def test_nothing_is_taken_from_a_push_before_the_book_echoed_a_tag(stage: Stage) -> None:
    order = stage.order(quantity=5)
    stage.send()
    assert not stage.house.push.take(stage.account().id, row_of(stage, order))
    assert stage.get(order).status is OrderStatus.SENT


def test_a_lost_place_is_found_by_the_tag_of_a_push(stage: Stage) -> None:
    proven(stage)
    stage.fault("drop_after_commit", times=1)
    order = stage.order(quantity=5)
    stage.send()
    assert stage.get(order).status is OrderStatus.UNKNOWN
    (there,) = stage.at_exchange(order)
    account = stage.server.exchange.account(BROKERS[KITE], CLIENTS[KITE])
    assert account is not None
    (look,) = [one for one in stage.server.exchange.all_orders(CLIENTS[KITE]) if one.order_id == there["order_id"]]
    body = json.dumps(postback(look, account)).encode()
    assert stage.house.push.postback("zerodha", body)
    assert (stage.get(order).broker_order_id, stage.get(order).status) == (there["order_id"], OrderStatus.FILLED)


def test_a_postback_is_taken_only_with_the_right_checksum(stage: Stage) -> None:
    proven(stage)
    order = stage.order(quantity=5)
    stage.send()
    right = posted(stage, order)
    for wrong in ({"checksum": "0" * 64}, {"checksum": ""}, {"order_timestamp": "2026-11-20 10:00:00"}, {"checksum": "\ud800"}):
        with pytest.raises(Denied):
            stage.house.push.postback("zerodha", json.dumps(right | wrong).encode())
    assert stage.get(order).status is OrderStatus.SENT
    assert stage.house.push.postback("zerodha", json.dumps(right).encode())
    assert stage.get(order).status is OrderStatus.FILLED


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"nonsense", b'{"order_id": 1}', b"\xff"])
def test_what_is_no_postback_is_refused(stage: Stage, body: bytes) -> None:
    with pytest.raises(InvalidInput):
        stage.house.push.postback("zerodha", body)


def test_a_postback_that_is_proven_and_cannot_be_read_is_refused(stage: Stage) -> None:
    proof = hashlib.sha256(b"12026-11-20 10:00:00kitesecret").hexdigest()
    body = {"order_id": "1", "order_timestamp": "2026-11-20 10:00:00", "checksum": proof, "status": "COMPLETE"}
    with pytest.raises(InvalidInput, match="exchange is missing"):
        stage.house.push.postback("zerodha", json.dumps(body).encode())


def test_brokers_without_a_proof_of_who_posts_are_not_heard(stage: Stage) -> None:
    with pytest.raises(Unsupported):
        stage.house.push.postback("angelone", b"{}")
    with pytest.raises(NotFound):
        stage.house.push.postback("nobody", b"{}")


def test_a_wish_to_cancel_goes_out_once_a_push_brings_the_id(stage: Stage) -> None:
    proven(stage)
    stage.fault("drop_after_commit", times=1)
    order = stage.order(price=1450, quantity=5)
    stage.send()
    stage.desk.orders.cancel(order.id)
    (there,) = stage.at_exchange(order)
    account = stage.server.exchange.account(BROKERS[KITE], CLIENTS[KITE])
    assert account is not None
    (look,) = [one for one in stage.server.exchange.all_orders(CLIENTS[KITE]) if one.order_id == there["order_id"]]
    stage.house.push.postback("zerodha", json.dumps(postback(look, account)).encode())
    kinds = [command.kind for command in stage.desk.orders.why(order.id).commands]
    assert [str(kind) for kind in kinds] == ["PLACE", "CANCEL"]
    assert stage.get(order).source is Source.PERSON
