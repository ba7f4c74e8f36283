"""What each broker's feed says and understands: subscriptions, limits, order news, errors; over real sockets."""

from __future__ import annotations

import json
import struct
import threading
from decimal import Decimal
from typing import Any

import pytest

from sigma.adapters.angelone import KIT as ANGELONE
from sigma.adapters.zerodha import KIT as ZERODHA
from sigma.domain.market import FeedState
from sigma.domain.orders import OrderStatus
from tests.adapters.house import CREDENTIALS, session
from tests.adapters.socket_server import Line, SocketServer
from tests.adapters.test_decode_zerodha import framed
from tests.adapters.test_stream import tick
from tests.adapters.watcher import HastyClock, Instruments, Watcher, context, running

MINUTE_NS = 60_000_000_000


def said(server: SocketServer, count: int) -> list[dict[str, Any]]:
    return [json.loads(text) for text in server.wait_for(count)]


def names(first: int, last: int) -> list[str]:
    return [f"NSE:S{number}" for number in range(first, last + 1)]


def kite_token(number: int) -> int:
    return number << 8 | 1


def test_kite_is_told_key_and_token_in_the_address_and_everything_in_full_mode() -> None:
    with SocketServer() as server, running("zerodha", context(server.url), *names(1, 3)):
        texts = said(server, 2)
    tokens = [kite_token(number) for number in (1, 2, 3)]
    assert texts == [{"a": "subscribe", "v": tokens}, {"a": "mode", "v": ["full", tokens]}]
    assert server.requests[0].path == "/?api_key=plantedapikey1&access_token=plantedaccess3"


def test_kite_s_subscriptions_go_out_in_parts() -> None:
    with SocketServer() as server, running("zerodha", context(server.url), *names(1, 1200)):
        texts = said(server, 6)
    assert [len(text["v"]) for text in texts if text["a"] == "subscribe"] == [500, 500, 200]
    assert [len(text["v"][1]) for text in texts if text["a"] == "mode"] == [500, 500, 200]


def test_kite_is_told_only_what_changed() -> None:
    with SocketServer() as server, running("zerodha", context(server.url), *names(1, 3)) as feed:
        said(server, 2)
        feed.feed.want({"NSE:S2": 0, "NSE:S3": 1, "NSE:S9": 2})
        assert said(server, 5)[2:] == [
            {"a": "unsubscribe", "v": [kite_token(1)]},
            {"a": "subscribe", "v": [kite_token(9)]},
            {"a": "mode", "v": ["full", [kite_token(9)]]},
        ]


def test_smartapi_is_told_who_it_is_in_headers_and_gets_a_list_for_each_exchange() -> None:
    listings = ["NSE:S1", "NFO:S2", "BSE:S3", "BFO:S4", "MCX:S5", "CDS:S6", "NSE:S7"]
    with SocketServer() as server, running("angelone", context(server.url + "/"), *listings):
        (text,) = said(server, 1)
    assert len(text["correlationID"]) == 10
    assert (text["action"], text["params"]["mode"]) == (1, 3)
    tokens = {part["exchangeType"]: part["tokens"] for part in text["params"]["tokenList"]}
    assert tokens == {1: ["1", "7"], 2: ["2"], 3: ["3"], 4: ["4"], 5: ["5"], 13: ["6"]}
    assert {request.path for request in server.requests} == {"/smart-stream", "/smart-order-update"}
    for request in server.requests:
        assert request.headers["Authorization"] == "Bearer plantedjwt4"
        assert (request.headers["x-api-key"], request.headers["x-client-code"]) == ("plantedapikey1", "A100001")
        assert request.headers["x-feed-token"] == "plantedfeed6"


def test_smartapi_is_told_only_what_changed() -> None:
    with SocketServer() as server, running("angelone", context(server.url), *names(1, 600)) as feed:
        assert [len(text["params"]["tokenList"][0]["tokens"]) for text in said(server, 3)] == [250, 250, 100]
        feed.feed.want({listing: slot for slot, listing in enumerate(names(2, 601))})
        gone, new = said(server, 5)[3:]
    assert (gone["action"], gone["params"]["tokenList"]) == (0, [{"exchangeType": 1, "tokens": ["1"]}])
    assert (new["action"], new["params"]["tokenList"]) == (1, [{"exchangeType": 1, "tokens": ["601"]}])


@pytest.mark.parametrize(("broker", "limit"), [("zerodha", 3000), ("angelone", 1000)])
def test_listings_beyond_the_limit_are_left_out_and_named(broker: str, limit: int, caplog: pytest.LogCaptureFixture) -> None:
    with SocketServer() as server, running(broker, context(server.url), *names(1, limit + 7)):
        count = 2 * limit // 500 if broker == "zerodha" else limit // 250
        texts = said(server, count)
    parts = [text["v"] for text in texts if text.get("a") == "subscribe"] or [
        text["params"]["tokenList"][0]["tokens"] for text in texts
    ]
    assert sum(len(part) for part in parts) == limit
    first = f"NSE:S{limit + 1}, NSE:S{limit + 2}, "
    assert f"takes {limit} listings; left out: {first}" in caplog.text
    assert "and 2 more" in caplog.text


@pytest.mark.parametrize("broker", ["zerodha", "angelone"])
def test_listings_that_the_master_lacks_are_left_out_named_and_taken_in_once_it_has_them(
    broker: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock, master = HastyClock(), Instruments({"NSE:S2"})
    with SocketServer() as server:
        place = context(server.url, clock, master, dead_after_s=900.0)
        with running(broker, place, "NSE:S1", "NSE:S2", "NSE:S3") as feed:
            server.wait_for(2 if broker == "zerodha" else 1)
            assert "cannot name NSE:S2: not watched" in caplog.text
            master.missing.clear()
            clock.asleep_ns += MINUTE_NS + 1
            subscribed = f'"v": [{kite_token(2)}]' if broker == "zerodha" else '"tokens": ["2"]'
            feed.watcher.until(lambda: any(subscribed in text for text in server.texts))


def test_a_listing_that_smartapi_s_feed_cannot_carry_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    with SocketServer() as server, running("angelone", context(server.url), "NCO:S1", "NSE:S2"):
        (text,) = said(server, 1)
    assert text["params"]["tokenList"] == [{"exchangeType": 1, "tokens": ["2"]}]
    assert "cannot name NCO:S1" in caplog.text


@pytest.mark.parametrize("broker", ["zerodha", "angelone"])
def test_ticks_of_what_nobody_wants_any_more_are_not_handed_on(broker: str) -> None:
    def play(line: Line) -> None:
        line.hear(4 if broker == "zerodha" else 2)
        line.say(tick(broker, 1, 100), tick(broker, 2, 200))
        line.stay()

    with SocketServer([play]) as server, running(broker, context(server.url), "NSE:S1") as feed:
        server.wait_for(2 if broker == "zerodha" else 1)
        feed.feed.want({"NSE:S2": 8})
        feed.watcher.until_state(FeedState.STARTING, FeedState.LIVE)
        assert feed.watcher.all[["slot", "last"]].tolist() == [(8, 2.0)]


def test_kite_s_news_of_an_order_come_on_the_same_socket(caplog: pytest.LogCaptureFixture) -> None:
    def play(line: Line) -> None:
        line.say('{"type": "message", "data": "maintenance at 6"}', '{"type": "order", "data": {"order_id": "1"}}')
        line.say('{"type": "error", "data": "too many"}', '{"type": "order", "data": {"order_id": "1"}}')
        line.stay()

    caplog.set_level("INFO")
    with SocketServer([play]) as server, running("zerodha", context(server.url)) as feed:
        feed.watcher.until(lambda: feed.watcher.orders == 2)
        assert feed.feed.complaints == 2, "such news cannot be read"  # type: ignore[attr-defined]
    assert "the broker says: too many" in caplog.text
    assert "message from the broker: maintenance at 6" in caplog.text


KITE_ROW = {
    "order_id": "1", "exchange": "NSE", "tradingsymbol": "S1", "status": "UPDATE", "transaction_type": "BUY", "quantity": 10,
    "filled_quantity": 4, "order_type": "LIMIT", "product": "MIS", "price": 1500.05, "average_price": 1499.9,
    "variety": "regular", "validity": "DAY", "tag": "ABC", "order_timestamp": "2026-11-20 10:30:00",
}  # fmt: skip
SMART_ROW = {
    "orderid": "1", "exchange": "NSE", "tradingsymbol": "S1", "symboltoken": "1", "status": "open", "transactiontype": "BUY",
    "quantity": "10", "filledshares": "4", "ordertype": "LIMIT", "producttype": "INTRADAY", "price": 1500.05,
    "averageprice": 1499.9, "variety": "NORMAL", "duration": "DAY", "ordertag": "ABC", "updatetime": "20-Nov-2026 10:30:00",
}  # fmt: skip


@pytest.mark.parametrize(("broker", "frame"), [
    ("zerodha", {"type": "order", "data": KITE_ROW}),
    ("angelone", {"user-id": "A1", "status-code": "200", "order-status": "AB05", "error-message": "", "orderData": SMART_ROW}),
])  # fmt: skip
def test_news_of_an_order_is_its_row_as_the_book_has_it(broker: str, frame: dict[str, Any]) -> None:
    def play(line: Line) -> None:
        line.say(json.dumps(frame))
        line.stay()

    with (
        SocketServer([play] if broker == "zerodha" else None, orders=None if broker == "zerodha" else play) as server,
        running(broker, context(server.url)) as feed,
    ):
        feed.watcher.until(lambda: len(feed.watcher.rows) == 1)
    (row,) = feed.watcher.rows
    assert (row.broker_order_id, row.tag, row.listing, row.status) == ("1", "ABC", "NSE:S1", OrderStatus.PARTIALLY_FILLED)
    assert (row.quantity, row.filled_quantity, row.price) == (10, 4, Decimal("1500.05"))


def news(status: str, code: str = "200") -> str:
    return json.dumps({"user-id": "A1", "status-code": code, "order-status": status, "error-message": "no", "orderData": {}})


def says_news(line: Line) -> None:
    line.say(news("AB05"))
    line.stay()


def test_smartapi_s_news_of_orders_come_on_a_second_socket_and_the_greeting_is_none(caplog: pytest.LogCaptureFixture) -> None:
    release = threading.Event()

    def orders(line: Line) -> None:
        line.say(news("AB00"), "pong", news("AB05", code="401"), "nonsense", news("AB01"), news("AB05").encode())
        release.wait(5)
        line.end(1011)

    with SocketServer(orders=orders) as server, running("angelone", context(server.url)) as feed:
        feed.watcher.until(lambda: feed.watcher.orders == 2)
        release.set()
        feed.watcher.until(lambda: feed.watcher.orders > 2)
        assert FeedState.LOST not in feed.watcher.seen, "the socket for orders says nothing of ticks"
    assert "AngelOne order news: the broker says: 401 no" in caplog.text
    assert "AngelOne order news: LOST" in caplog.text


def test_a_broken_reader_of_order_news_breaks_the_feed_and_says_so() -> None:
    class Broken(Watcher):
        def orders_changed(self) -> None:
            raise RuntimeError("nobody reads the book")

    breaking = Broken()
    with SocketServer(orders=says_news) as server, running("angelone", context(server.url), watcher=breaking) as feed:
        assert feed.ended_within(3)
        assert [str(problem) for problem in feed.problems] == ["nobody reads the book"]


def test_smartapi_s_refusal_of_a_subscription_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def play(line: Line) -> None:
        line.hear()
        line.say(
            '{"correlationID": "sigma00001", "errorCode": "E1002", "errorMessage": "Invalid token"}', tick("angelone", 1, 100)
        )
        line.stay()

    with SocketServer([play]) as server, running("angelone", context(server.url), "NSE:S1") as feed:
        feed.watcher.until_state(FeedState.STARTING, FeedState.LIVE)
        assert feed.feed.complaints == 0  # type: ignore[attr-defined]
    assert "the broker says: E1002 Invalid token (request sigma00001)" in caplog.text


def test_a_login_without_a_feed_token_says_which_login_has_one() -> None:
    with SocketServer() as server, running("angelone", context(server.url), "NSE:S1", without="feed") as feed:
        assert "Log in with PIN and one-time code" in feed.watcher.until_state(FeedState.STARTING, FeedState.REFUSED)
        assert feed.ended_within(2)
        assert server.requests == []


def test_a_burst_of_smartapi_s_frames_arrives_whole_and_in_order() -> None:
    count = 400

    def play(line: Line) -> None:
        line.hear()
        line.say(*(tick("angelone", 1 + number % 3, number) for number in range(count)))
        line.stay()

    with SocketServer([play]) as server, running("angelone", context(server.url), *names(1, 3)) as feed:
        feed.watcher.until(lambda: len(feed.watcher.all) == count)
        for slot in range(3):
            mine = feed.watcher.all[feed.watcher.all["slot"] == slot]
            assert mine["last"].tolist() == [number / 100 for number in range(slot, count, 3)]


def test_kite_s_ticks_before_full_mode_took_effect_are_left_out_because_they_have_no_time() -> None:
    def play(line: Line) -> None:
        line.hear(2)
        early = struct.pack(">11I", kite_token(1), 777, *range(9))
        line.say(framed(early), framed(struct.pack(">II", kite_token(1), 778)), tick("zerodha", 1, 779))
        line.stay()

    with SocketServer([play]) as server, running("zerodha", context(server.url), "NSE:S1") as feed:
        feed.watcher.until_state(FeedState.STARTING, FeedState.LIVE)
        assert feed.watcher.all[["last", "at"]].tolist() == [(7.79, 1_795_152_601_000_000)]
        assert feed.feed.complaints == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("kit", [ZERODHA, ANGELONE])
def test_making_a_feed_makes_no_connection(kit: Any) -> None:
    with SocketServer() as server:
        broker = kit.capabilities.broker
        kit.feed(CREDENTIALS[broker], session(broker), context(server.url), Watcher()).want({"NSE:S1": 0})
        assert kit.capabilities.streaming
        assert server.requests == []
