"""A live feed's connection, over real sockets: kept up, watched, connected anew, and never a secret in what it says."""

from __future__ import annotations

import json
import logging
import socket
import struct
import threading
from pathlib import Path

import pytest

from sigma.adapters.stream import PING_S
from sigma.domain.market import FeedState
from tests.adapters.certificates import server_context
from tests.adapters.house import CREDENTIALS, KITS, TOKENS, session
from tests.adapters.socket_server import Line, Play, SocketServer
from tests.adapters.test_decode_zerodha import framed
from tests.adapters.watcher import HastyClock, Watcher, always_open, context, running

BROKERS = sorted(KITS)
STARTING, LIVE, SILENT, LOST, REFUSED, OFF = (
    FeedState[name] for name in ("STARTING", "LIVE", "SILENT", "LOST", "REFUSED", "OFF")
)
SECOND_NS = 1_000_000_000
HEARTBEAT = {"zerodha": b"\0", "angelone": "pong"}


def tick(broker: str, number: int, paise: int) -> bytes:
    """A frame that carries the last price of NSE:S<number>, and a time."""
    if broker == "zerodha":
        return framed(struct.pack(">8I", number << 8 | 1, paise, 0, 0, 0, 0, 0, 1_795_152_601))
    return struct.pack("<BB25sqqq", 1, 1, str(number).encode(), 1, 1_795_152_601_000, paise)


def priced(broker: str, paise: int = 100) -> Play:
    """Take the subscription, give one tick, and stay."""

    def play(line: Line) -> None:
        line.hear(2 if broker == "zerodha" else 1)
        line.say(tick(broker, 1, paise))
        line.stay()

    return play


def ended(broker: str, code: int, reason: str = "") -> Play:
    def play(line: Line) -> None:
        line.hear(2 if broker == "zerodha" else 1)
        line.say(tick(broker, 1, 100))
        line.end(code, reason)

    return play


@pytest.mark.parametrize("broker", BROKERS)
def test_it_is_live_only_when_the_first_tick_came(broker: str) -> None:
    release = threading.Event()

    def play(line: Line) -> None:
        line.hear(2 if broker == "zerodha" else 1)
        line.say(HEARTBEAT[broker])
        release.wait(5)
        line.say(tick(broker, 1, 123_45))
        line.stay()

    with SocketServer([play]) as server, running(broker, context(server.url), "NSE:S7", "NSE:S1") as feed:
        server.wait_for(2 if broker == "zerodha" else 1)
        assert feed.watcher.seen == [STARTING]
        release.set()
        feed.watcher.until_state(STARTING, LIVE)
        assert feed.watcher.all[["slot", "last"]].tolist() == [(1, 123.45)]
        assert feed.watcher.states[-1] == (LIVE, "")


@pytest.mark.parametrize("broker", BROKERS)
def test_a_connection_that_ends_is_made_anew_and_told_everything_again(broker: str) -> None:
    with SocketServer([ended(broker, 1011, "internal error"), priced(broker, 200)]) as server:
        with running(broker, context(server.url), "NSE:S1", "NSE:S2") as feed:
            feed.watcher.until_state(STARTING, LIVE, LOST, STARTING, LIVE)
            why = dict(feed.watcher.states)[LOST]
            assert why == "the broker closed the connection (code 1011: internal error)"
            assert feed.watcher.all["last"].tolist() == [1.0, 2.0]
            feed.watcher.until(lambda: feed.watcher.orders > 0 or broker == "angelone")
        first, second = server.texts[: len(server.texts) // 2], server.texts[len(server.texts) // 2 :]
        strip = {"correlationID": ""}
        assert [json.loads(text) | strip for text in first] == [json.loads(text) | strip for text in second]


@pytest.mark.parametrize("broker", BROKERS)
def test_a_connection_that_is_cut_without_a_word_is_made_anew(broker: str) -> None:
    def cut(line: Line) -> None:
        line.hear(2 if broker == "zerodha" else 1)
        line._connection.socket.shutdown(socket.SHUT_RDWR)

    with SocketServer([cut, priced(broker)]) as server, running(broker, context(server.url), "NSE:S1") as feed:
        feed.watcher.until_state(STARTING, LOST, STARTING, LIVE)
        assert dict(feed.watcher.states)[LOST] == "the connection broke off"


@pytest.mark.parametrize("broker", BROKERS)
@pytest.mark.parametrize("status", [401, 403])
def test_a_login_that_the_broker_does_not_take_ends_the_feed(broker: str, status: int) -> None:
    with SocketServer(answers=[(status, "Invalid token")] * 9) as server, running(broker, context(server.url), "NSE:S1") as feed:
        assert (
            feed.watcher.until_state(STARTING, REFUSED) == f"the broker does not accept the login (HTTP {status}: Invalid token)"
        )
        assert feed.ended_within(2)


@pytest.mark.parametrize("broker", BROKERS)
@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((403, "Access denied because of exceeding access rate"), "HTTP 403: Access denied because of exceeding access rate"),
        ((429, "Too many"), "HTTP 429: Too many"),
        ((503, ""), "HTTP 503"),
        ((200, "<html>"), "HTTP 200: <html>"),
    ],
)
def test_any_other_answer_to_the_handshake_is_tried_again(broker: str, answer: tuple[int, str], why: str) -> None:
    with SocketServer([priced(broker)], [answer] * 2) as server, running(broker, context(server.url), "NSE:S1") as feed:
        feed.watcher.until_state(STARTING, LIVE)
        assert (LOST, f"the broker refused the connection ({why})") in feed.watcher.states


@pytest.mark.parametrize("broker", BROKERS)
def test_no_redirect_is_followed_because_it_would_carry_the_tokens_elsewhere(broker: str) -> None:
    with SocketServer() as elsewhere, SocketServer([priced(broker)], [(302, elsewhere.url)] * 2) as server:
        with running(broker, context(server.url), "NSE:S1") as feed:
            feed.watcher.until_state(STARTING, LIVE)
        assert len(server.requests) > 2, "both redirects were given, and it asked here again"
        assert elsewhere.requests == []


@pytest.mark.parametrize("broker", BROKERS)
def test_where_nobody_listens_it_tries_again_and_again_ever_more_patiently(broker: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"ws://127.0.0.1:{closed.getsockname()[1]}"
    clock = HastyClock()
    with running(broker, context(url, clock), "NSE:S1") as feed:
        assert feed.watcher.until_state(STARTING, LOST) == "no connection: Connection refused"
        feed.watcher.until(lambda: len(clock.waited) > 100)
        assert feed.watcher.seen == [STARTING, LOST], "the same state is told once"
    assert max(clock.waited) <= 0.1, "it looks up often enough to end"


@pytest.mark.parametrize("broker", BROKERS)
def test_a_feed_without_even_a_heartbeat_is_dead_and_connected_anew(broker: str) -> None:
    rules = {"dead_after_s": 0.5}
    with SocketServer([Line.go_deaf, priced(broker)]) as server, running(broker, context(server.url, **rules), "NSE:S1") as feed:
        feed.watcher.until_state(STARTING, LOST, STARTING, LIVE)
        assert dict(feed.watcher.states)[LOST] == "nothing came for 0.5 s, not even a heartbeat"


@pytest.mark.parametrize("broker", BROKERS)
def test_answers_to_pings_keep_a_quiet_connection(broker: str) -> None:
    rules = {"dead_after_s": 0.4, "silent_after_s": 1.5, "is_open": always_open}
    with SocketServer() as server, running(broker, context(server.url, **rules), "NSE:S1") as feed:
        feed.watcher.until_state(STARTING, SILENT)
        assert feed.watcher.seen == [STARTING, SILENT]


@pytest.mark.parametrize("broker", BROKERS)
def test_heartbeats_without_a_tick_are_silence_while_the_market_is_open(broker: str) -> None:
    after_silence = threading.Event()

    def play(line: Line) -> None:
        line.hear(2 if broker == "zerodha" else 1)
        line.say(HEARTBEAT[broker])
        after_silence.wait(5)
        line.say(tick(broker, 1, 100))
        line.stay()

    trading = threading.Event()
    clock = HastyClock()
    with SocketServer([play]) as server:
        place = context(server.url, clock, silent_after_s=30.0, dead_after_s=900.0, is_open=lambda _: trading.is_set())
        with running(broker, place, "NSE:S1") as feed:
            server.wait_for(1)
            clock.asleep_ns += 40 * SECOND_NS
            feed.watcher.until_state(STARTING)
            trading.set()
            feed.watcher.until(lambda: bool(_advanced(clock, 1)) and SILENT in feed.watcher.seen)
            assert feed.watcher.states[-1] == (SILENT, "no tick came for 30 s while the market is open")
            after_silence.set()
            feed.watcher.until_state(SILENT, LIVE)


def _advanced(clock: HastyClock, seconds: int) -> int:
    clock.asleep_ns += seconds * SECOND_NS
    return clock.asleep_ns


@pytest.mark.parametrize("broker", BROKERS)
def test_silence_ends_with_the_market(broker: str) -> None:
    trading = threading.Event()
    trading.set()
    with SocketServer() as server:
        place = context(server.url, silent_after_s=0.3, is_open=lambda _: trading.is_set())
        with running(broker, place, "NSE:S1") as feed:
            feed.watcher.until_state(STARTING, SILENT)
            trading.clear()
            feed.watcher.until_state(SILENT, STARTING)


@pytest.mark.parametrize("broker", BROKERS)
def test_with_nothing_to_watch_it_is_off_and_starts_when_there_is(broker: str) -> None:
    with SocketServer([priced(broker)]) as server, running(broker, context(server.url, is_open=always_open)) as feed:
        assert feed.watcher.until_state(STARTING, OFF) == "no listing is wanted"
        feed.feed.want({"NSE:S1": 5})
        feed.watcher.until(lambda: LIVE in feed.watcher.seen)
        assert feed.watcher.all["slot"].tolist() == [5]


@pytest.mark.parametrize("broker", BROKERS)
def test_garbage_is_counted_and_complained_of_and_never_ends_the_feed(broker: str, caplog: pytest.LogCaptureFixture) -> None:
    garbage = [b"\xff" * 60, tick(broker, 1, 100)[:-3], bytes(range(256)), "{not json", '{"no": "type"}', '["list"]']

    def play(line: Line) -> None:
        line.hear(2 if broker == "zerodha" else 1)
        line.say(*garbage, tick(broker, 1, 555))
        line.stay()

    with SocketServer([play]) as server, running(broker, context(server.url), "NSE:S1") as feed:
        feed.watcher.until_state(STARTING, LIVE)
        feed.watcher.until(lambda: feed.feed.complaints == len(garbage))  # type: ignore[attr-defined]
        assert feed.watcher.all["last"].tolist() == [5.55]
    told = [record.message for record in caplog.records if "unreadable" in record.message]
    assert len(told) == 1, "the log is told at once, and then once a minute"


@pytest.mark.parametrize("broker", BROKERS)
def test_a_sink_that_breaks_breaks_the_feed_and_says_so(broker: str) -> None:
    broken = Watcher(trouble=RuntimeError("the table is full"))
    with SocketServer([priced(broker)]) as server, running(broker, context(server.url), "NSE:S1", watcher=broken) as feed:
        assert feed.ended_within(3)
        assert [str(problem) for problem in feed.problems] == ["the table is full"]


@pytest.mark.parametrize("broker", BROKERS)
def test_it_ends_within_a_second_though_the_broker_answers_nothing(broker: str) -> None:
    with SocketServer([Line.go_deaf]) as server, running(broker, context(server.url), "NSE:S1") as feed:
        feed.watcher.until_state(STARTING)
        server.ended.wait(0.3)
    assert not feed.thread.is_alive()


@pytest.mark.parametrize("broker", BROKERS)
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_it_ends_within_a_second_in_the_middle_of_a_handshake(broker: str, scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        with running(broker, context(f"{scheme}://127.0.0.1:{mute.getsockname()[1]}"), "NSE:S1") as feed:
            connection, _ = mute.accept()
            assert connection.recv(1)
        assert not feed.thread.is_alive()
        connection.close()


@pytest.mark.parametrize("broker", BROKERS)
def test_one_closed_before_it_runs_ends_at_once(broker: str) -> None:
    with SocketServer() as server:
        watcher = Watcher()
        feed = KITS[broker].feed(CREDENTIALS[broker], session(broker), context(server.url), watcher)
        feed.close()
        feed.run()
        assert (server.requests, watcher.states) == ([], [])


@pytest.mark.parametrize("broker", BROKERS)
def test_a_certificate_that_nobody_vouches_for_is_not_accepted(broker: str, tmp_path: Path) -> None:
    tls, _ = server_context(tmp_path)
    with SocketServer(tls=tls) as server, running(broker, context(server.url), "NSE:S1") as feed:
        why = feed.watcher.until_state(STARTING, LOST)
        assert why == "no connection: the broker's certificate is not valid (self-signed certificate)"
        assert server.requests == []


@pytest.mark.parametrize("broker", BROKERS)
def test_a_certificate_that_is_vouched_for_is_accepted(broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls, shown = server_context(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(shown))
    with SocketServer([priced(broker)], tls=tls) as server, running(broker, context(server.url), "NSE:S1") as feed:
        feed.watcher.until_state(STARTING, LIVE)


@pytest.mark.parametrize("broker", BROKERS)
def test_an_address_that_is_none_is_told_without_the_secrets_in_it(broker: str) -> None:
    with running(broker, context("http://127.0.0.1:1"), "NSE:S1") as feed:
        assert feed.watcher.until_state(STARTING, LOST) == "its address is no ws:// or wss:// address"


@pytest.mark.parametrize("broker", BROKERS)
def test_nobody_sees_a_secret_whatever_the_broker_says(broker: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="websockets")
    secrets = [*CREDENTIALS[broker].values(), *TOKENS[broker].values()]
    secrets.remove("A100001") if broker == "angelone" else None
    everything = " ".join(secrets)

    def echo(line: Line) -> None:
        line.say(json.dumps({"type": "error", "data": everything}), json.dumps({"type": everything}), everything)
        line.say(json.dumps({"errorCode": "E1", "errorMessage": everything, "correlationID": everything}))
        line.hear(1)
        line.end(1011, everything[:100])

    with SocketServer([echo, priced(broker)], [(500, everything), (500, everything)]) as server:
        with running(broker, context(server.url), "NSE:S1") as feed:
            feed.watcher.until(lambda: LIVE in feed.watcher.seen)
            seen = [repr(feed.watcher.states), repr(feed.feed)]
        carried = " ".join(f"{request.path} {request.headers}" for request in server.requests)
    seen += [caplog.text, *(repr((record.msg, record.args)) for record in caplog.records)]
    assert sum(secret in carried for secret in secrets) >= 2, "the test plants nothing"
    assert [secret for secret in secrets if secret in " ".join(seen)] == []
    assert "the broker says" in caplog.text


def test_smartapi_is_pinged_by_text_each_ten_seconds() -> None:
    clock = HastyClock()
    with SocketServer() as server, running("angelone", context(server.url, clock, dead_after_s=900.0), "NSE:S1") as feed:
        server.wait_for(1)
        feed.watcher.until(lambda: bool(_advanced(clock, int(PING_S) + 1)))
        assert "ping" in server.wait_for(2)
