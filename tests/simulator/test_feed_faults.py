"""What the control API does to the sockets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from kiteconnect import KiteConnect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidMessage, InvalidStatus

from sigma.simulator.server import SimulatorServer
from tests.simulator.control import Control
from tests.simulator.listening import INFY, Ear, kite_ear, kite_packets, kite_size, parsed, smart_ear
from tests.simulator.smartapi_client import SmartBench, placed


@pytest.fixture(autouse=True)
def quick(control: Control) -> None:
    control.post("config", {"tick_interval_s": 0.05})


@pytest.fixture
def ear(sim: SimulatorServer, kite: KiteConnect) -> Iterator[Ear]:
    """A connection that hears ticks of INFY."""
    with kite_ear(sim, kite) as found:
        found.say({"a": "subscribe", "v": [INFY]})
        found.until(kite_size(INFY))
        yield found


def statuses(ear: Ear, until: str) -> list[str]:
    ear.until(lambda message: (parsed(message) or {}).get("data", {}).get("status") == until)
    return [found["data"]["status"] for message in ear.heard if (found := parsed(message))]


def test_silence_lets_heartbeats_through_or_not_and_ends_when_withdrawn(ear: Ear, control: Control) -> None:
    fault = control.fault("feed_silence", "feed", times=None)
    ear.drain(0.2)
    assert {len(message) for message in ear.drain(1.5)} == {1}
    control.delete(f"faults/{fault}")
    assert ear.until(kite_size(INFY)) == 44
    control.fault("feed_silence", "feed", times=None, heartbeats=False)
    ear.drain(0.2)
    assert ear.drain(1.5) == []


def test_a_close_has_its_code_and_strikes_once(ear: Ear, sim: SimulatorServer, kite: KiteConnect, control: Control) -> None:
    control.fault("feed_close", "feed")
    with pytest.raises(ConnectionClosedError) as ended:
        ear.until(lambda message: False)
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == 1011
    with kite_ear(sim, kite) as again:
        again.say({"a": "subscribe", "v": [INFY]})
        assert again.until(kite_size(INFY)) == 44


def test_a_drop_ends_the_connection_without_a_word(ear: Ear, control: Control) -> None:
    control.fault("feed_drop", "feed", broker="zerodha")
    with pytest.raises(ConnectionClosed) as ended:
        ear.until(lambda message: False)
    assert ended.value.rcvd is None


def test_error_garbage_and_truncated_frames_come_between_good_ones(ear: Ear, control: Control) -> None:
    control.fault("feed_error", "feed", text="Something broke")
    assert ear.until(parsed) == {"type": "error", "data": "Something broke"}
    control.fault("feed_garbage", "feed")
    assert ear.until(lambda message: isinstance(message, bytes) and b"not a packet" in message)
    control.fault("feed_truncated", "feed")
    whole = 2 + 2 + 44
    assert ear.until(lambda message: 1 < len(message) < whole)
    assert ear.until(lambda message: len(message) == whole)


def test_a_fault_strikes_its_broker_and_client_alone(ear: Ear, sim: SimulatorServer, api: Any, control: Control) -> None:
    control.post("faults", {"kind": "feed_close", "endpoint": "feed", "broker": "angelone", "times": 1})
    control.post("faults", {"kind": "feed_silence", "endpoint": "feed", "client_id": "CD5678"})
    with smart_ear(sim, api) as theirs, pytest.raises(ConnectionClosedError):
        theirs.until(lambda message: False)
    assert ear.until(kite_size(INFY)) == 44


def test_order_news_is_lost_doubled_or_late(ear: Ear, kite: KiteConnect, control: Control) -> None:
    control.post("price", {"listing": "NSE:INFY", "price": 1500, "hold": True, "rebase": True})
    control.fault("news_lost", "order_feed")
    control.fault("news_twice", "order_feed", times=1)
    kite.place_order("regular", "NSE", "INFY", "BUY", 1, "MIS", "LIMIT", price=1500)
    # The first piece is lost (and would have been doubled), the rest comes.
    assert statuses(ear, "COMPLETE") == ["VALIDATION PENDING", "OPEN PENDING", "OPEN", "COMPLETE"]
    ear.heard.clear()
    control.fault("news_twice", "order_feed")
    kite.place_order("regular", "NSE", "INFY", "BUY", 1, "MIS", "LIMIT", price=1500)
    assert statuses(ear, "COMPLETE")[:2] == ["PUT ORDER REQ RECEIVED"] * 2
    ear.heard.clear()
    control.fault("news_late", "order_feed")
    kite.place_order("regular", "NSE", "INFY", "BUY", 1, "MIS", "LIMIT", price=1500)
    assert statuses(ear, "COMPLETE")[:2] == ["VALIDATION PENDING", "PUT ORDER REQ RECEIVED"]


def test_faults_of_requests_strike_the_handshake_of_a_feed(sim: SimulatorServer, kite: KiteConnect, control: Control) -> None:
    for kind, status in (("text_403", 403), ("html_504", 504), ("json_429", 429)):
        control.fault(kind, "feed", broker="zerodha")
        with pytest.raises(InvalidStatus, match=str(status)), kite_ear(sim, kite):
            pass
    control.fault("drop_before_commit", "feed")
    with pytest.raises((InvalidMessage, ConnectionError)), kite_ear(sim, kite):
        pass
    control.fault("expired_session", "feed")
    for _ in range(2):
        with pytest.raises(InvalidStatus, match="403"), kite_ear(sim, kite):
            pass


def test_faults_of_feeds_leave_requests_alone(kite: KiteConnect, control: Control) -> None:
    control.fault("feed_close", "*")
    control.fault("news_lost", "*")
    assert kite.profile()["user_id"] == "AB1234"
    assert [fault["struck"] for fault in control.get("faults")] == [0, 0]


def test_a_fault_of_sockets_at_another_endpoint_is_refused(sim: SimulatorServer, control: Control) -> None:
    body = {"kind": "feed_close", "endpoint": "place"}
    answer: requests.Response = control.http.post(f"{sim.url}/_sim/faults", json=body, timeout=5)
    assert answer.status_code == 400


def test_the_order_socket_of_smartapi_can_be_closed_while_prices_go_on(sim: SimulatorServer, api: Any, bench: SmartBench) -> None:
    with smart_ear(sim, api) as prices, smart_ear(sim, api, "smart-order-update") as orders:
        prices.say(
            {"correlationID": "a", "action": 1, "params": {"mode": 1, "tokenList": [{"exchangeType": 1, "tokens": ["1594"]}]}}
        )
        bench.strike("feed_close", "order_feed", code=1001, reason="maintenance")
        with pytest.raises(ConnectionClosed) as ended:
            orders.until(lambda message: False)
        assert ended.value.rcvd is not None
        assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (1001, "maintenance")
        assert prices.until(lambda message: len(message) == 51)
        assert placed(api)


@pytest.mark.parametrize(
    "body",
    [
        {"text": 3},
        {"text": "x", "broker": "nobody"},
        {"text": "x", "client_id": 7},
    ],
)
def test_what_cannot_be_said_is_refused(sim: SimulatorServer, control: Control, body: dict[str, object]) -> None:
    answer: requests.Response = control.http.post(f"{sim.url}/_sim/feeds/say", json=body, timeout=5)
    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "body", [{}, {"per_second": -1}, {"per_second": True}, {"per_second": 1, "listings": 0}, {"per_second": "2"}]
)
def test_a_load_that_makes_no_sense_is_refused(sim: SimulatorServer, control: Control, body: dict[str, object]) -> None:
    answer: requests.Response = control.http.post(f"{sim.url}/_sim/feeds/load", json=body, timeout=5)
    assert answer.status_code == 400


def test_a_load_ticks_every_token_known_or_not_at_its_rate_until_it_is_taken_away(ear: Ear, control: Control) -> None:
    ear.say({"a": "unsubscribe", "v": [INFY]})
    tokens = [number * 256 + 1 for number in range(1, 501)]
    ear.say({"a": "subscribe", "v": tokens})
    ear.say({"a": "mode", "v": ["full", tokens]})
    assert control.post("feeds/load", {"per_second": 10, "listings": 400}) == {"per_second": 10, "listings": 400}
    ear.until(lambda message: len(kite_packets(message)) == 150)
    frames = [packets for message in ear.drain(2) if (packets := kite_packets(message))]
    seen = [token for packets in frames for token in packets]
    assert len(set(seen)) == 400
    assert 12 <= len(seen) / 400 <= 25
    assert {len(packet) for packets in frames for packet in packets.values()} == {184}
    assert len({packets[tokens[0]] for packets in frames if tokens[0] in packets}) >= 5
    control.post("feeds/load", {"per_second": 0})
    ear.drain(0.3)
    assert not any(tokens[-1] in kite_packets(message) for message in ear.drain(0.5))
