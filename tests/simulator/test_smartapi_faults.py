"""Faults at the SmartAPI door as the unmodified client meets them, against what the exchange then knows."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import requests

from tests.simulator.control import eventually
from tests.simulator.smartapi_client import DataException, SmartBench, infy, placed, row

LOST = requests.exceptions.ConnectionError
RATE = "Access denied because of exceeding access rate"


@pytest.fixture(autouse=True)
def price(bench: SmartBench) -> None:
    """INFY stands at 1,500 rupees, so that orders at 1,400 rest."""
    bench.price("NSE:INFY", "1500")


def resting(tag: str = "TAG1") -> dict[str, object]:
    """Return the body of an order that rests."""
    return infy(price="1400", ordertag=tag)


def tags(bench: SmartBench) -> list[str]:
    """Return the tag of every order that the exchange has accepted from A100001."""
    return [order["tag"] for order in bench.get("orders?client_id=A100001")]


@pytest.mark.parametrize(
    ("kind", "error", "text", "committed"),
    [
        ("drop_after_commit", LOST, "closed connection|reset", True),
        ("drop_before_commit", LOST, "closed connection|reset", False),
        ("html_504", DataException, "504 Gateway Time-out", False),
        ("html_504_after_commit", DataException, "504 Gateway Time-out", True),
        ("garbage", DataException, "parse the JSON", True),
        ("text_429", DataException, "Too many requests", False),
        ("text_403", DataException, RATE, False),
    ],
)
def test_a_place_that_raises_has_or_has_not_reached_the_exchange(
    bench: SmartBench, api: Any, kind: str, error: type[Exception], text: str, committed: bool
) -> None:
    bench.strike(kind)
    with pytest.raises(error, match=text):
        api.placeOrderFullResponse(resting())
    assert tags(bench) == (["TAG1"] if committed else [])
    writes = bench.get("writes?client_id=A100001")
    assert [(write["tag"], write["outcome"]) for write in writes] == [
        ("TAG1", f"{kind}: accepted" if committed else f"{kind}: not committed")
    ]
    assert [order["ordertag"] for order in api.orderBook()["data"] or []] == tags(bench)


@pytest.mark.parametrize("commit", [True, False])
def test_a_timed_out_request_answers_400_whether_or_not_it_was_committed(bench: SmartBench, api: Any, commit: bool) -> None:
    bench.strike("http_400_timeout", times=2, commit=commit)
    answer = api.placeOrderFullResponse(resting())
    assert (answer["status"], answer["errorcode"]) == (False, "AB2001")
    reply = bench.call(api, "POST", "order/v1/placeOrder", json=resting("TAG2"))
    assert (reply.status_code, reply.json()["status"]) == (400, False)
    assert tags(bench) == (["TAG1", "TAG2"] if commit else [])


def test_a_json_429_is_an_envelope_with_status_429(bench: SmartBench, api: Any) -> None:
    bench.strike("json_429", times=2)
    assert api.placeOrderFullResponse(resting())["status"] is False
    assert bench.call(api, "POST", "order/v1/placeOrder", json=resting()).status_code == 429
    assert tags(bench) == []


def test_the_real_rate_reply_is_403_in_plain_text(bench: SmartBench, api: Any) -> None:
    bench.strike("text_403", "book")
    reply = bench.call(api, "GET", "order/v1/getOrderBook")
    assert (reply.status_code, reply.headers["Content-Type"], reply.text) == (403, "text/plain", RATE)


def test_success_without_an_order_id_has_placed_the_order(bench: SmartBench, api: Any) -> None:
    bench.strike("no_order_id")
    answer = api.placeOrderFullResponse(resting())
    assert (answer["status"], answer["data"]) == (True, {"script": "INFY-EQ"})
    assert tags(bench) == ["TAG1"]
    bench.strike("no_order_id")
    assert api.placeOrderFullResponse(infy(producttype="CNC"))["errorcode"] == "AB1012"


def test_an_order_is_accepted_late_after_the_client_has_given_up(bench: SmartBench) -> None:
    api = bench.client(timeout=0.3)
    bench.strike("late_acceptance", seconds=20)
    with pytest.raises(requests.exceptions.ReadTimeout):
        api.placeOrderFullResponse(resting())
    assert tags(bench) == []
    bench.advance(20)
    assert eventually(lambda: tags(bench)) == ["TAG1"]
    assert eventually(lambda: bench.get("writes")[0]["outcome"] == "late_acceptance: accepted")


def test_a_slow_answer_comes_when_its_time_has_come(bench: SmartBench, api: Any) -> None:
    bench.strike("slow", "book", seconds=60)
    answers: list[Any] = []
    reader = threading.Thread(target=lambda: answers.append(api.orderBook()))
    reader.start()
    eventually(lambda: bench.get("faults")[0]["struck"])
    assert answers == []
    eventually(lambda: bench.advance(61) or answers)
    reader.join(timeout=5)
    assert [answer["status"] for answer in answers] == [True]


def test_an_order_becomes_visible_later(bench: SmartBench, api: Any) -> None:
    bench.strike("delayed_visibility", seconds=30)
    order_id = placed(api, **resting())
    assert api.orderBook()["data"] is None
    bench.advance(31)
    assert row(api, order_id)["ordertag"] == "TAG1"


def test_a_truncated_book_lacks_its_newest_rows_and_an_empty_one_is_null(bench: SmartBench, api: Any) -> None:
    ids = [placed(api, **resting(f"TAG{number}")) for number in range(3)]
    bench.strike("truncated_book", "book", drop=2)
    assert [order["orderid"] for order in api.orderBook()["data"]] == ids[:1]
    bench.strike("empty_book", "book")
    assert api.orderBook() == {"status": True, "message": "SUCCESS", "errorcode": "", "data": None}
    assert [order["orderid"] for order in api.orderBook()["data"]] == ids


def test_a_lost_tag_is_empty_on_the_wire_and_known_to_the_exchange(bench: SmartBench, api: Any) -> None:
    bench.strike("lost_tag")
    order_id = placed(api, **resting())
    assert row(api, order_id)["ordertag"] == ""
    assert api.individual_order_details(row(api, order_id)["uniqueorderid"])["data"]["ordertag"] == ""
    assert tags(bench) == ["TAG1"]


def test_twin_rows_carry_one_tag_and_two_ids(bench: SmartBench, api: Any) -> None:
    bench.strike("twin_rows")
    order_id = placed(api, **resting())
    rows = api.orderBook()["data"]
    assert [order["ordertag"] for order in rows] == ["TAG1", "TAG1"]
    assert len({order["uniqueorderid"] for order in rows}) == 2
    assert order_id in {order["orderid"] for order in rows}


def test_a_cancel_that_loses_to_a_fill_is_accepted_and_the_order_completes(bench: SmartBench, api: Any) -> None:
    order_id = placed(api, **resting())
    bench.strike("cancel_loses_to_fill", "cancel")
    assert api.cancelOrder(order_id, "NORMAL")["status"] is True
    found = row(api, order_id)
    assert (found["status"], found["filledshares"], found["averageprice"]) == ("complete", "5", 1400.0)


def test_a_rejection_in_the_book_carries_the_given_words(bench: SmartBench, api: Any) -> None:
    bench.strike("reject_in_book", message="RMS:Rule: blocked for test")
    found = row(api, placed(api, **resting()))
    assert (found["status"], found["orderstatus"], found["text"]) == ("rejected", "", "RMS:Rule: blocked for test")


def test_an_expired_session_is_expired_for_every_call_until_the_next_login(bench: SmartBench, api: Any) -> None:
    bench.strike("expired_session", "book")
    expired = {"success": False, "message": "Token Expired", "errorCode": "AG8002", "data": ""}
    assert api.orderBook() == expired
    assert api.rmsLimit() == expired
    assert bench.client().orderBook()["status"] is True


@pytest.mark.parametrize("kind", ["drop_after_commit", "html_504_after_commit"])
def test_a_lost_answer_to_a_cancel_or_a_change_has_changed_the_order(bench: SmartBench, api: Any, kind: str) -> None:
    order_id = placed(api, **resting())
    bench.strike(kind, "modify")
    with pytest.raises((LOST, DataException)):
        api.modifyOrder(infy(orderid=order_id, price="1410"))
    assert row(api, order_id)["price"] == 1410.0
    bench.strike(kind, "cancel")
    with pytest.raises((LOST, DataException)):
        api.cancelOrder(order_id, "NORMAL")
    assert row(api, order_id)["status"] == "cancelled"
    assert [write["order_id"] for write in bench.get("writes")] == [order_id] * 3


@pytest.mark.parametrize(
    ("endpoint", "call"),
    [
        ("book", "orderBook"),
        ("fills", "tradeBook"),
        ("holdings", "holding"),
        ("positions", "position"),
        ("funds", "rmsLimit"),
    ],
)
def test_every_read_has_a_name_that_faults_know(bench: SmartBench, api: Any, endpoint: str, call: str) -> None:
    bench.strike("html_504", endpoint)
    with pytest.raises(DataException):
        getattr(api, call)()
    assert getattr(api, call)()["status"] is True


def test_login_profile_and_quotes_have_names_that_faults_know_too(bench: SmartBench, api: Any) -> None:
    for endpoint, call in (
        ("login", lambda: api._postRequest("api.login", {})),
        ("profile", lambda: api.getProfile("")),
        ("quote", lambda: api.ltpData("NSE", "INFY-EQ", "1594")),
    ):
        bench.strike("html_504", endpoint)
        with pytest.raises(DataException):
            call()
    bench.strike("html_504", "instruments")
    assert bench.http.get(f"{bench.url}/OpenAPI_File/files/OpenAPIScripMaster.json", timeout=5).status_code == 504
