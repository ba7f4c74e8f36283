"""Kite's ticker as a socket: who gets in, what is subscribed, what is said."""

from __future__ import annotations

import json
import struct
from hashlib import sha256

import pytest
from kiteconnect import KiteConnect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from sigma.simulator.server import SimulatorServer
from tests.simulator.conftest import logged_in
from tests.simulator.control import Control, eventually
from tests.simulator.listening import INFY, NIFTY, TCS, kite_ear, kite_packets, kite_size, parsed


@pytest.fixture(autouse=True)
def quick(control: Control) -> None:
    control.post("config", {"tick_interval_s": 0.05})


def refusal(sim: SimulatorServer, query: str) -> InvalidStatus:
    with pytest.raises(InvalidStatus) as wrong, connect(f"{sim.ws_url}/?{query}", proxy=None):
        pass
    return wrong.value


def hold(control: Control, price: float, listing: str = "NSE:INFY") -> None:
    control.post("price", {"listing": listing, "price": price, "hold": True, "rebase": True})


def test_a_bad_token_key_or_path_is_refused_at_the_handshake(sim: SimulatorServer, kite: KiteConnect) -> None:
    for query in ("", "api_key=kitekey", "api_key=kitekey&access_token=x", f"api_key=kitekey2&access_token={kite.access_token}"):
        answer = refusal(sim, query).response
        assert answer.status_code == 403
        assert json.loads(answer.body or b"")["error_type"] == "TokenException"
    with pytest.raises(InvalidStatus, match="404"), connect(f"{sim.ws_url}/nowhere", proxy=None):
        pass


def test_a_subscription_is_told_at_once_in_quote_mode_and_again_in_each_mode_it_is_set_to(
    sim: SimulatorServer, kite: KiteConnect
) -> None:
    with kite_ear(sim, kite) as ear:
        ear.say({"a": "subscribe", "v": [INFY, NIFTY]})
        assert ear.until(kite_size(INFY)) == 44
        for mode, size, index in (("full", 184, 32), ("ltp", 8, 8), ("quote", 44, 28)):
            ear.say({"a": "mode", "v": [mode, [INFY, NIFTY]]})
            assert ear.until(lambda message, size=size: kite_size(INFY)(message) == size)
            assert ear.until(lambda message, index=index: kite_size(NIFTY)(message) == index)


def test_prices_on_the_socket_are_those_of_the_quote(sim: SimulatorServer, kite: KiteConnect, control: Control) -> None:
    hold(control, 1500)
    with kite_ear(sim, kite) as ear:
        ear.say({"a": "subscribe", "v": [INFY]})
        assert ear.until(lambda message: struct.unpack(">I", kite_packets(message).get(INFY, bytes(8))[4:8])[0]) == 150000
        hold(control, 1512.5)
        assert ear.until(lambda message: struct.unpack(">I", kite_packets(message).get(INFY, bytes(8))[4:8])[0] == 151250)


def test_what_stands_still_is_not_repeated(sim: SimulatorServer, kite: KiteConnect, control: Control) -> None:
    hold(control, 1500)
    with kite_ear(sim, kite) as ear:
        ear.say({"a": "subscribe", "v": [INFY]})
        ear.say({"a": "mode", "v": ["ltp", [INFY]]})
        ear.until(lambda message: kite_size(INFY)(message) == 8)
        assert all(len(message) == 1 for message in ear.drain(1.2))


def test_unsubscribed_listings_fall_silent_and_unknown_tokens_never_speak(sim: SimulatorServer, kite: KiteConnect) -> None:
    with kite_ear(sim, kite) as ear:
        ear.say({"a": "subscribe", "v": [INFY, TCS, 12345]})
        ear.until(kite_size(TCS))
        ear.say({"a": "unsubscribe", "v": [TCS]})
        ear.say("not json")
        assert ear.until(parsed) == {"type": "error", "data": "Invalid message"}
        heard = [kite_packets(message) for message in ear.drain(1.3)]
        assert any(INFY in packets for packets in heard)
        assert not any(TCS in packets or 12345 in packets for packets in heard)


def test_a_heartbeat_of_one_byte_comes_each_second(sim: SimulatorServer, kite: KiteConnect) -> None:
    with kite_ear(sim, kite) as ear:
        beats = ear.drain(2.5)
    assert [len(message) for message in beats] == [1, 1]


def test_beyond_three_thousand_the_rest_is_left_out_and_said(sim: SimulatorServer, kite: KiteConnect, control: Control) -> None:
    with kite_ear(sim, kite) as ear:
        ear.say({"a": "subscribe", "v": [token * 256 + 1 for token in range(1, 3102)]})
        assert "3000" in ear.until(parsed)["data"]
        assert control.get("feeds")[0]["subscriptions"] == 3000


def test_a_fourth_connection_of_a_key_is_refused_until_one_ends(
    sim: SimulatorServer, kite: KiteConnect, control: Control
) -> None:
    with kite_ear(sim, kite), kite_ear(sim, kite):
        with kite_ear(sim, kite), pytest.raises(InvalidStatus, match="429"), kite_ear(sim, kite):
            pass
        eventually(lambda: len(control.get("feeds")) == 2)
        with kite_ear(sim, kite):
            assert len(control.get("feeds")) == 3


def test_an_expired_session_ends_the_connection_and_lets_nobody_in(
    sim: SimulatorServer, kite: KiteConnect, control: Control
) -> None:
    with kite_ear(sim, kite) as ear:
        control.post("session/expire", {"client_id": "AB1234"})
        with pytest.raises(ConnectionClosed):
            ear.until(lambda message: False)
    with pytest.raises(InvalidStatus, match="403"), kite_ear(sim, kite):
        pass


def test_each_step_of_an_order_comes_as_a_postback_with_its_checksum_to_its_own_client_alone(
    sim: SimulatorServer, kite: KiteConnect, control: Control
) -> None:
    hold(control, 1500)
    other = logged_in(sim, control, "CD5678", "2")
    with kite_ear(sim, kite) as mine, kite_ear(sim, other) as theirs:
        order_id = kite.place_order("regular", "NSE", "INFY", "BUY", 3, "MIS", "LIMIT", price=1500, tag="mine")
        mine.until(lambda message: (parsed(message) or {}).get("data", {}).get("status") == "COMPLETE")
        news = [found["data"] for message in mine.heard if (found := parsed(message))]
        assert [row["status"] for row in news] == [
            "PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "OPEN PENDING", "OPEN", "COMPLETE",
        ]  # fmt: skip
        last = news[-1]
        proof = sha256(f"{order_id}{last['order_timestamp']}kitesecret".encode()).hexdigest()
        assert (last["order_id"], last["user_id"], last["unfilled_quantity"], last["tag"]) == (order_id, "AB1234", 0, "mine")
        assert last["checksum"] == proof
        book = next(row for row in kite.orders() if row["order_id"] == order_id)
        assert last.keys() - book.keys() == {"user_id", "app_id", "checksum", "unfilled_quantity"}
        assert not any(parsed(message) for message in theirs.drain(0.3))


def test_a_tester_can_make_it_say_anything(sim: SimulatorServer, kite: KiteConnect, control: Control) -> None:
    with kite_ear(sim, kite) as ear:
        text = json.dumps({"type": "message", "data": "Markets close early today"})
        assert control.post("feeds/say", {"broker": "zerodha", "client_id": "AB1234", "text": text}) == {"told": 1}
        assert ear.until(parsed) == {"type": "message", "data": "Markets close early today"}


def test_outside_the_session_there_is_a_first_tick_and_then_none(
    sim: SimulatorServer, kite: KiteConnect, control: Control
) -> None:
    control.post("clock", {"advance_s": 8 * 3600})
    with kite_ear(sim, kite) as ear:
        ear.say({"a": "subscribe", "v": [INFY]})
        ear.say({"a": "mode", "v": ["full", [INFY]]})
        packet = ear.until(lambda message: packet if len(packet := kite_packets(message).get(INFY, b"")) == 184 else None)
        assert struct.unpack(">I", packet[60:64])[0] == 1_795_168_800  # 15:30 IST of that Friday
        assert all(len(message) == 1 for message in ear.drain(1.3))
