"""`/ws/ticks`: who gets in, what they hear, and that a slow client holds up nobody."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from sigma.gateway.fanout import frame
from tests.gateway.tick_house import TickStage, heard, open_tick_stage, subscribe, ticks_until
from tests.orders.stage import eventually


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TickStage]:
    monkeypatch.setattr("sigma.gateway.ticks.LOOK_S", 0.1)
    monkeypatch.setattr("sigma.gateway.ticks.BEAT_S", 0.3)
    with open_tick_stage(tmp_path / "home") as opened:
        yield opened


def refused(stage: TickStage, **headers: str) -> int:
    """Return the status with which a handshake is refused."""
    with (
        pytest.raises(InvalidStatus) as caught,
        connect(stage.url, additional_headers={name.replace("_", "-"): value for name, value in headers.items()}, proxy=None),
    ):
        pass
    return caught.value.response.status_code


def test_a_subscriber_hears_what_is_known_and_each_price_that_comes(stage: TickStage) -> None:
    stage.tick("NSE:INFY", 1500, volume=7)
    with stage.client() as client:
        assert subscribe(client, ["NSE:INFY", "nse:m&m"]) == ["NSE:INFY", "NSE:M&M"]
        (first,) = heard(client, "ticks")["ticks"]  # type: ignore[misc]
        assert (first["listing"], first["last"], first["volume"], first["open"]) == ("NSE:INFY", 1500.0, 7, None)
        assert first["at"] == stage.at // 1000
        stage.tick("NSE:M&M", 3000)
        stage.tick("NSE:INFY", 1501)
        assert ticks_until(client, "NSE:INFY", 1501) == [1501]


def test_what_is_unknown_is_named_and_what_is_left_is_heard_no_more(stage: TickStage) -> None:
    with stage.client() as client:
        client.send(orjson.dumps({"subscribe": ["NSE:INFY", "NSE:NOSUCH", "x"]}).decode())
        assert heard(client, "subscribed")["listings"] == ["NSE:INFY"]
        assert heard(client, "unknown")["listings"].keys() == {"NSE:NOSUCH", "x"}  # type: ignore[attr-defined]
        subscribe(client, ["BSE:INFY"])
        client.send(orjson.dumps({"unsubscribe": ["NSE:INFY"]}).decode())
        assert heard(client, "unsubscribed")["listings"] == ["NSE:INFY"]
        stage.tick("NSE:INFY", 1)
        stage.tick("BSE:INFY", 2)
        assert [row["listing"] for row in heard(client, "ticks")["ticks"]] == ["BSE:INFY"]  # type: ignore[attr-defined]
        for nonsense in ("{", "[]", "{}", '{"subscribe": "NSE:INFY"}', '{"subscribe": [1]}', '{"buy": []}'):
            client.send(nonsense)
            assert heard(client, "refused")["message"]


def test_nobody_listens_who_is_not_signed_in(stage: TickStage) -> None:
    cookie, page = stage.cookie(stage.token), "http://127.0.0.1:8501"
    assert refused(stage) == 401
    assert refused(stage, Authorization="Bearer wrong") == 401
    assert refused(stage, Authorization=f"Basic {stage.token}") == 401
    assert refused(stage, Cookie=stage.cookie("wrong"), Origin=page) == 401
    assert refused(stage, Cookie=cookie) == 401, "a cookie counts only with the page that sent it"
    for foreign in ("http://evil.example", "http://localhost:8501", "null", "https://127.0.0.1.evil.example"):
        assert refused(stage, Cookie=cookie, Origin=foreign) == 401
    with connect(stage.url, additional_headers={"Cookie": cookie, "Origin": page}, proxy=None) as client:
        assert subscribe(client, ["NSE:INFY"]) == ["NSE:INFY"]


def test_guessing_is_shut_out(stage: TickStage) -> None:
    codes = {refused(stage, Authorization=f"Bearer {number}", X_Forwarded_For="203.0.113.9") for number in range(120)}
    assert codes == {401, 429}
    with stage.client() as client:
        assert subscribe(client, ["NSE:INFY"]) == ["NSE:INFY"]


def test_who_signs_out_hears_nothing_more(stage: TickStage) -> None:
    with stage.client() as client:
        subscribe(client, ["NSE:INFY"])
        stage.house.people.sign_out(stage.token)
        with pytest.raises(ConnectionClosed) as caught:
            heard(client, "never", seconds=30)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 4401


def test_a_worker_that_comes_back_is_heard_again(stage: TickStage) -> None:
    with stage.client() as client:
        subscribe(client, ["NSE:INFY"])
        stage.tick("NSE:INFY", 1)
        ticks_until(client, "NSE:INFY", 1)
        stage.bus.close()
        stage.bus = type(stage.bus)(stage.house.feed_folder)
        stage.bus.serve(stage.source)

        def again() -> bool:
            stage.tick("NSE:INFY", 2)
            try:
                return ticks_heard(client)
            except TimeoutError:
                return False

        def ticks_heard(client: object) -> bool:
            return bool(heard(client, "ticks", seconds=0.3))  # type: ignore[arg-type]

        assert eventually(again)


def test_limits_on_clients_and_listings_are_kept_and_said(stage: TickStage) -> None:
    owner = stage.house.accounts.list(stage.house.connections.account(stage.source).user_id)[0].user_id
    stage.house.settings.set("gateway.tick_listings", 2, user_id=owner)
    stage.house.settings.set("gateway.tick_clients", 1, user_id=owner)
    with stage.client() as client:
        client.send(orjson.dumps({"subscribe": ["NSE:INFY", "BSE:INFY", "NSE:M&M"]}).decode())
        assert heard(client, "subscribed")["listings"] == ["NSE:INFY", "BSE:INFY"]
        assert list(heard(client, "unknown")["listings"]) == ["NSE:M&M"]  # type: ignore[call-overload]
        assert refused(stage, Authorization=f"Bearer {stage.token}") == 503


def test_a_client_that_takes_nothing_holds_up_nobody_and_then_gets_the_latest_only(stage: TickStage) -> None:
    with stage.client() as quick, stage.client() as slow:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for client in (quick, slow):
            subscribe(client, ["NSE:INFY", "BSE:INFY"])
        last = 3000
        for price in range(1, last + 1):
            stage.tick("NSE:INFY", price)
        assert len(ticks_until(quick, "NSE:INFY", last)) < last
        assert ticks_until(slow, "NSE:INFY", last)[-1] == last


def test_a_client_hears_that_the_gateway_lives_and_that_there_is_no_source_and_then_that_there_is_one(stage: TickStage) -> None:
    with stage.client() as client:
        assert heard(client, "heartbeat")["at"]
        subscribe(client, ["NSE:INFY"])
        user = stage.house.connections.account(stage.source).user_id
        spare = stage.house.accounts.add(user, "angelone", "spare", {"api_key": "smartkey", "client_code": "A100001"})
        stage.house.settings.set("market.source_account", "spare", user_id=user)
        stage.house.accounts.remove(user, "spare")
        assert "'spare' is gone" in str(heard(client, "unavailable")["message"])
        stage.tick("NSE:INFY", 5)
        stage.house.settings.set("market.source_account", "main", user_id=user)
        assert ticks_until(client, "NSE:INFY", 5) == [5], f"account {spare.id} is the source no more"


def test_whoever_listens_makes_the_feed_watch_it(stage: TickStage) -> None:
    with stage.client() as client:
        subscribe(client, ["NSE:INFY"])
        assert eventually(lambda: stage.house.live.looked_at(stage.source)) == {"NSE:INFY"}


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_a_frame_says_its_length(size: int) -> None:
    from websockets.client import ClientProtocol
    from websockets.frames import Opcode
    from websockets.protocol import CLIENT, State
    from websockets.uri import parse_uri

    reader = ClientProtocol(parse_uri("ws://127.0.0.1/"), state=State.OPEN, max_size=None)
    reader.receive_data(frame(b"x" * size))
    (event,) = reader.events_received()
    assert (event.opcode, len(event.data), reader.side) == (Opcode.TEXT, size, CLIENT)
