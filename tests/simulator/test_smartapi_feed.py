"""SmartAPI's two sockets: who gets in, what is subscribed, what is said."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from sigma.simulator.server import SimulatorServer
from tests.simulator.listening import Ear, parsed, smart_ear
from tests.simulator.smartapi_client import SmartBench, infy, placed

NIFTY = "99926000"


@pytest.fixture(autouse=True)
def quick(bench: SmartBench) -> None:
    bench.config(tick_interval_s=0.05)


def subscribe(ear: Ear, mode: int, *tokens: str, action: int = 1, exchange: int = 1, correlation: str = "abcde12345") -> None:
    lists = [{"exchangeType": exchange, "tokens": list(tokens)}]
    ear.say({"correlationID": correlation, "action": action, "params": {"mode": mode, "tokenList": lists}})


def tick(message: str | bytes) -> tuple[int, str, int, int] | None:
    """Return mode, token, sequence and last price of a packet."""
    if isinstance(message, str):
        return None
    return message[0], message[2:27].rstrip(b"\x00").decode(), *struct.unpack("<q8xq", message[27:51])


@pytest.mark.parametrize("path", ["smart-stream", "smart-order-update"])
def test_every_header_is_checked_and_bearer_may_be_left_out(sim: SimulatorServer, api: Any, path: str) -> None:
    for name in ("Authorization", "x-api-key", "x-client-code", "x-feed-token"):
        with pytest.raises(InvalidStatus) as wrong, smart_ear(sim, api, path, **{name: "other"}):
            pass
        assert wrong.value.response.status_code == 401
        assert wrong.value.response.headers["x-error-message"]
    with smart_ear(sim, api, path, Authorization=api.access_token) as ear:
        ear.say("ping")
        assert ear.until(lambda message: message == "pong")


@pytest.mark.parametrize(("mode", "size"), [(1, 51), (2, 123), (3, 379)])
def test_a_subscription_is_told_at_once_in_its_mode(
    sim: SimulatorServer, api: Any, bench: SmartBench, mode: int, size: int
) -> None:
    bench.price("NSE:INFY", "1500")
    with smart_ear(sim, api) as ear:
        subscribe(ear, mode, "1594", NIFTY)
        found = ear.until(lambda message: tick(message) if (tick(message) or ("", ""))[1] == "1594" else None)
        assert len(ear.heard[-1]) == size
        assert found[0] == mode
        assert found[3] == 150000


def test_sequence_numbers_only_grow_on_a_connection(sim: SimulatorServer, api: Any) -> None:
    with smart_ear(sim, api) as ear:
        subscribe(ear, 1, "1594", NIFTY, "11536")
        numbers = [found[2] for message in ear.drain(1.5) if (found := tick(message))]
        assert len(numbers) >= 4
        assert numbers == list(range(1, len(numbers) + 1))


def test_protocol_pings_are_answered(sim: SimulatorServer, api: Any) -> None:
    with smart_ear(sim, api) as ear:
        assert ear.socket.ping("ping").wait(3)


def test_the_same_token_in_two_modes_is_two_and_one_can_be_left(sim: SimulatorServer, api: Any, bench: SmartBench) -> None:
    with smart_ear(sim, api) as ear:
        subscribe(ear, 1, "1594")
        subscribe(ear, 3, "1594")
        ear.until(lambda message: len(message) == 379)
        assert bench.get("feeds")[0]["subscriptions"] == 2
        subscribe(ear, 1, "1594", action=0)
        ear.until(lambda message: len(message) == 379)
        assert {len(message) for message in ear.drain(1.2)} == {379}


@pytest.mark.parametrize("wrong", [{"mode": 4}, {"mode": 0}, {"exchange": 99}, {"action": 7}])
def test_a_wrong_subscription_is_answered_in_json_with_its_correlation_id(
    sim: SimulatorServer, api: Any, wrong: dict[str, Any]
) -> None:
    with smart_ear(sim, api) as ear:
        subscribe(ear, **({"mode": 1} | wrong), correlation="mine123456")
        answer = ear.until(parsed)
        assert answer["correlationID"] == "mine123456"
        assert answer["errorCode"] == "E1001"
        assert answer["errorMessage"]


def test_more_than_a_thousand_tokens_are_refused_whole(sim: SimulatorServer, api: Any, bench: SmartBench) -> None:
    with smart_ear(sim, api) as ear:
        subscribe(ear, 1, *(str(number) for number in range(1, 1002)))
        assert ear.until(parsed)["errorCode"] == "E1002"
        assert bench.get("feeds")[0]["subscriptions"] == 0


def test_order_news_begins_with_ab00_and_follows_the_book(sim: SimulatorServer, api: Any, bench: SmartBench) -> None:
    bench.price("NSE:INFY", "1500")
    with smart_ear(sim, api, "smart-order-update") as ear:
        first = ear.until(parsed)
        assert (first["order-status"], first["orderData"], first["user-id"]) == ("AB00", {}, "A100001")
        order_id = placed(api, price="1500.00", ordertag="mine")
        ear.until(lambda message: (parsed(message) or {}).get("order-status") == "AB05")
        news = [found for message in ear.heard if (found := parsed(message)) and found["orderData"]]
        assert [one["order-status"] for one in news] == ["AB09", "AB01", "AB05"]
        assert news[-1]["status-code"] == "200"
        assert news[-1]["orderData"] == next(row for row in api.orderBook()["data"] if row["orderid"] == order_id)


def test_a_rejected_and_a_cancelled_order_have_their_codes(sim: SimulatorServer, api: Any, bench: SmartBench) -> None:
    bench.price("NSE:INFY", "1500")
    with smart_ear(sim, api, "smart-order-update") as ear:
        resting = placed(api, price="1450.00")
        ear.until(lambda message: (parsed(message) or {}).get("order-status") == "AB01")
        api.cancelOrder(resting, "NORMAL")
        ear.until(lambda message: (parsed(message) or {}).get("order-status") == "AB02")
        placed(api, **infy(quantity="90000", producttype="DELIVERY"))
        ear.until(lambda message: (parsed(message) or {}).get("order-status") == "AB03")
        assert (parsed(ear.heard[-1]) or {})["orderData"]["text"]


def test_an_expired_session_ends_both_sockets(sim: SimulatorServer, api: Any, bench: SmartBench) -> None:
    with smart_ear(sim, api) as prices, smart_ear(sim, api, "smart-order-update") as orders:
        bench.post("session/expire", {"client_id": "A100001"})
        for ear in (prices, orders):
            with pytest.raises(ConnectionClosed):
                ear.until(lambda message: False)
    with pytest.raises(InvalidStatus, match="401"), smart_ear(sim, api):
        pass
