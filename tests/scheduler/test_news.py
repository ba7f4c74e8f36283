"""Pushed news of orders: from a broker's socket to the order, off the feed's thread; the account's book is read after it."""

from __future__ import annotations

import queue

import pytest

from scheduler.feeds import Feeds
from scheduler.news import OrderNews
from sigma.domain.orders import OrderStatus
from tests.orders.stage import KITE, Stage, eventually


@pytest.mark.parametrize("kind", ["", "news_twice", "news_late"])
def test_an_order_moves_by_what_the_socket_says_of_it(stage: Stage, kind: str) -> None:
    stage.executed(quantity=1)  # the book has shown that tags are echoed
    nudged: queue.SimpleQueue[int] = queue.SimpleQueue()
    news = OrderNews(stage.house, nudged.put)
    feeds = Feeds(stage.house, None, nudged.put, lambda *_: None, news.add)
    news.start()
    try:
        feeds.keep()
        eventually(lambda: stage.exchange.get("feeds"))
        if kind:
            stage.fault(kind, endpoint="order_feed", times=2)
        order = stage.order(quantity=5)
        stage.send()
        moved = eventually(lambda: now if (now := stage.get(order)).status is OrderStatus.FILLED else None)
    finally:
        feeds.end()
        news.end()
        news.join(5)
    assert not news.is_alive()
    assert moved.filled_quantity == 5
    assert "BOOK" not in stage.history(order)
    assert nudged.get(timeout=5) == stage.account(KITE).id
