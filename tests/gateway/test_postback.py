"""Postbacks over real sockets: the simulated broker posts, the gateway verifies, the order moves."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from sigma.domain.events import Event
from sigma.domain.orders import Order, OrderStatus
from sigma.gateway.__main__ import make_app
from sigma.infra.serving import listen, make_server, url_of
from tests.orders.conftest import server, template
from tests.orders.conftest import stage as _stage
from tests.orders.stage import CLIENTS, KITE, Stage, eventually

__all__ = ["server", "template"]
stage = _stage


@contextmanager
def serving(stage: Stage) -> Iterator[str]:
    """Serve the stage's gateway, wired as its process wires it."""
    listener = listen("127.0.0.1", 0)
    url = url_of(listener)
    running = make_server(make_app(stage.house, url))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield url
    finally:
        running.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def address(stage: Stage) -> Iterator[str]:
    stage.executed(quantity=1)  # the book has shown that tags are echoed
    with serving(stage) as url:
        yield f"{url}/postback/zerodha"


@pytest.fixture
def posting(stage: Stage, address: str) -> str:
    stage.exchange.post("postback-url", client_id=CLIENTS[KITE], url=address)
    return address


def answers(stage: Stage, count: int) -> list[int]:
    """Return the statuses of the first postbacks, once there are so many."""

    def look() -> list[int] | None:
        found: list[int] = stage.exchange.get("postbacks")["answers"]
        return found if len(found) >= count else None

    return eventually(look)


def moved(stage: Stage, order: Order, status: OrderStatus) -> Order:
    return eventually(lambda: now if (now := stage.get(order)).status is status else None)


def test_an_order_moves_by_postbacks_alone_and_each_is_answered_well(stage: Stage, posting: str) -> None:
    order = stage.order(quantity=5)
    stage.send()
    assert moved(stage, order, OrderStatus.FILLED).filled_quantity == 5
    assert set(answers(stage, 1)) == {200}
    assert "BOOK" not in stage.history(order)


def denied(stage: Stage) -> list[Event]:
    return [event for event in stage.desk.bell().items if event.kind == "POSTBACK_DENIED"]


@pytest.mark.parametrize("kind", ["news_twice", "news_late", "news_lost", "news_shuffled"])
def test_postbacks_that_come_twice_late_or_not_at_all_leave_what_the_book_says(stage: Stage, posting: str, kind: str) -> None:
    if kind == "news_shuffled":
        stage.fault("news_twice", endpoint="postback", times=3)
    stage.fault(kind, endpoint="postback", times=3)
    order = stage.resting(quantity=5)
    stage.desk.orders.cancel(order.id)
    stage.send()
    done = stage.settled(order)
    told = stage.resting(quantity=1)  # whatever was kept back comes with the next news
    answers(stage, 1)
    assert stage.get(order).status is done.status is OrderStatus.CANCELLED
    assert stage.get(told).status is OrderStatus.OPEN


def test_a_wrong_checksum_is_refused_told_and_soon_not_even_heard(stage: Stage, posting: str) -> None:
    stage.fault("news_forged", endpoint="postback", times=1)
    order = stage.order(quantity=5)
    stage.send()
    assert answers(stage, 1)[0] == 403
    (warned,) = denied(stage)
    assert "wrong checksum" in warned.text
    moved(stage, order, OrderStatus.FILLED)
    body = json.dumps({"order_id": "1", "order_timestamp": "2026-11-20 10:00:00", "checksum": "0"})
    with httpx.Client(trust_env=False) as session:
        statuses = [session.post(posting, content=body).status_code for _ in range(12)]
    assert (statuses[0], statuses[-1]) == (403, 429)
    assert len(denied(stage)) <= 10


@pytest.mark.parametrize(("path", "body", "status"), [
    ("zerodha", b"nonsense", 422),
    ("zerodha", b"x" * 70_000, 413),
    ("angelone", b"{}", 404),
    ("nobody", b"{}", 404),
])  # fmt: skip
def test_what_is_no_postback_is_answered_clearly(stage: Stage, address: str, path: str, body: bytes, status: int) -> None:
    with httpx.Client(trust_env=False) as session:
        answer = session.post(address.replace("zerodha", path), content=body)
    assert answer.status_code == status
    assert answer.json().keys() == {"code", "message", "hint", "correlation_id"}
