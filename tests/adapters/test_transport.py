"""What is known after a write when the network fails, and what the session never does (docs/adr/0003)."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from sigma.adapters.transport import WatchedSession, http_date
from sigma.domain.errors import BrokerError, BrokerUnavailable
from sigma.domain.orders import Outcome
from tests.adapters import raw_server
from tests.adapters.certificates import server_context
from tests.adapters.house import KITS, FixedClock, RecordingProbe, account, context, wanted
from tests.adapters.raw_server import RawServer, http, js
from tests.adapters.test_answers import WRITES
from tests.simulator.control import eventually

pytestmark = pytest.mark.filterwarnings("ignore:ssl.OP_NO:DeprecationWarning")

BROKERS = sorted(KITS)
GOOD = {
    "zerodha": js(200, {"status": "success", "data": {"order_id": "1"}}),
    "angelone": js(200, {"status": True, "message": "", "errorcode": "", "data": {"orderid": "1"}}),
}
AFTER_THE_BYTES = {
    "reset": raw_server.reset,
    "close": raw_server.close,
    "silence": raw_server.silence,
    "not HTTP": b"hello\r\n\r\n",
    "a body cut short": http(200, '{"status":"succ', length=400),
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
}


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.mark.parametrize("broker", BROKERS)
def test_a_read_that_got_no_answer_says_why_in_words(broker: str) -> None:
    refused = account(broker, f"http://127.0.0.1:{_closed_port()}")
    with pytest.raises(BrokerUnavailable, match=r"could not be reached for .*funds: no connection could be made"):
        refused.funds()
    with pytest.raises(BrokerUnavailable, match=r"could not be reached for .*funds: its name was not found"):
        account(broker, "http://nowhere.invalid").funds()
    cut = r"gave no answer to .* the connection was cut"
    with RawServer([raw_server.close]) as server, pytest.raises(BrokerUnavailable, match=cut):
        account(broker, server.url).funds()


@pytest.mark.parametrize("broker", BROKERS)
class TestNotSent:
    def test_a_refused_connection_proves_that_nothing_was_sent(self, broker: str) -> None:
        for write in WRITES.values():
            answer = write(account(broker, f"http://127.0.0.1:{_closed_port()}"))
            assert answer.outcome is Outcome.NOT_SENT
            assert answer.code == "ConnectionError > MaxRetryError > NewConnectionError"

    def test_a_name_that_does_not_exist_proves_it(self, broker: str) -> None:
        answer = WRITES["place"](account(broker, "http://nowhere.invalid"))
        assert answer.outcome is Outcome.NOT_SENT
        assert answer.code == "ConnectionError > MaxRetryError > NameResolutionError"

    def test_a_certificate_that_nobody_vouches_for_proves_it(self, broker: str, tmp_path: Path) -> None:
        tls, _ = server_context(tmp_path)
        with RawServer([GOOD[broker]], tls=tls) as server:
            answer = WRITES["place"](account(broker, server.url))
            assert answer.outcome is Outcome.NOT_SENT
            assert answer.code == "SSLError > MaxRetryError > SSLError > SSLCertVerificationError"
            assert server.requests == []

    @pytest.mark.parametrize("end", [raw_server.reset, raw_server.close, None])
    def test_a_handshake_that_fails_or_never_ends_proves_it(self, broker: str, end: object) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def serve() -> None:
                sock, _ = listener.accept()
                sock.recv(65536)
                if callable(end):
                    end(sock)
                else:
                    raw_server.silence(sock)

            threading.Thread(target=serve, daemon=True).start()
            adapter = account(broker, f"https://127.0.0.1:{listener.getsockname()[1]}", timeout_s=0.3)
            assert WRITES["place"](adapter).outcome is Outcome.NOT_SENT

    def test_a_last_moment_that_passed_while_connecting_proves_it(self, broker: str) -> None:
        """The wall does not matter, nor how long a look-up took: the boot clock is asked between connect and first byte."""
        clock = FixedClock()
        with RawServer([GOOD[broker]]) as server:
            adapter = account(broker, server.url, clock=clock)
            answer = adapter.place(wanted(), "TAG0000000000001", send_by_ns=clock.boot_ns() - 1)
            assert answer.outcome is Outcome.NOT_SENT
            assert "too late" in answer.text
            eventually(lambda: server.connections == 1)
            assert server.requests == []
            assert adapter.place(wanted(), "T", send_by_ns=clock.boot_ns() + 10**10).outcome is Outcome.ACCEPTED

    def test_a_process_that_slept_while_connecting_sends_nothing_afterwards(self, broker: str) -> None:
        """Without a last moment of the caller's, the call's own time-out is one."""
        clock = FixedClock()

        def slow_look_up(*args: object, **kwargs: object) -> object:
            clock.asleep_ns += 60 * 10**9
            return real(*args, **kwargs)  # type: ignore[arg-type]

        with RawServer([GOOD[broker]]) as server, pytest.MonkeyPatch.context() as patch:
            real = socket.getaddrinfo
            patch.setattr(socket, "getaddrinfo", slow_look_up)
            assert WRITES["place"](account(broker, server.url, clock=clock)).outcome is Outcome.NOT_SENT
            assert server.requests == []


@pytest.mark.parametrize("broker", BROKERS)
class TestUnknown:
    @pytest.mark.parametrize("name", AFTER_THE_BYTES)
    def test_whatever_happens_after_the_bytes_leaves_the_outcome_unknown(self, broker: str, name: str) -> None:
        with RawServer([AFTER_THE_BYTES[name]]) as server:
            adapter = account(broker, server.url, timeout_s=0.3)
            for count, write in enumerate(WRITES.values(), start=1):
                assert write(adapter).outcome is Outcome.UNKNOWN
                assert len(server.requests) == count

    def test_an_answer_that_drips_is_cut_off_in_time(self, broker: str) -> None:
        raw_server.stop_dripping.clear()
        with RawServer([raw_server.drip]) as server:
            clock = FixedClock()
            began = clock.boot_ns()
            assert WRITES["place"](account(broker, server.url, timeout_s=0.4, clock=clock)).outcome is Outcome.UNKNOWN
            assert clock.boot_ns() - began < 3 * 10**9
        raw_server.stop_dripping.set()

    def test_a_damaged_tls_record_after_the_bytes_is_no_failed_handshake(
        self, broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tls, shown = server_context(tmp_path)
        monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(shown))
        with RawServer([raw_server.broken_record], tls=tls) as server:
            answer = WRITES["place"](account(broker, server.url))
            assert answer.outcome is Outcome.UNKNOWN
            assert "SSLError" in answer.code
            assert len(server.requests) == 1

    def test_tls_itself_works(self, broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        tls, shown = server_context(tmp_path)
        monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(shown))
        probe = RecordingProbe()
        with RawServer([GOOD[broker]], tls=tls) as server:
            assert WRITES["place"](account(broker, server.url, probe=probe)).outcome is Outcome.ACCEPTED
        assert probe.points == ["bytes_left", "answer_arrived"]

    def test_a_redirect_after_the_order_exists_is_not_followed(self, broker: str) -> None:
        with RawServer([GOOD[broker]]) as other:
            for target in (f"{other.url}/orders/regular", f"http://127.0.0.1:{_closed_port()}/"):
                with RawServer([http(307, "", "text/html", f"Location: {target}")]) as server:
                    assert WRITES["place"](account(broker, server.url)).outcome is Outcome.UNKNOWN
                    assert len(server.requests) == 1
            assert other.requests == []


@pytest.mark.parametrize("broker", BROKERS)
class TestSession:
    def test_writes_of_one_account_share_a_connection(self, broker: str) -> None:
        with RawServer([GOOD[broker]]) as server:
            adapter = account(broker, server.url)
            for write in WRITES.values():
                assert write(adapter).outcome is Outcome.ACCEPTED
            assert (server.connections, len(server.requests)) == (1, 3)

    def test_a_connection_that_lay_idle_is_not_trusted_with_an_order(self, broker: str) -> None:
        clock = FixedClock()
        with RawServer([GOOD[broker]]) as server:
            adapter = account(broker, server.url, clock=clock)
            WRITES["place"](adapter)
            clock.asleep_ns += 30 * 10**9
            assert WRITES["place"](adapter).outcome is Outcome.ACCEPTED
            assert server.connections == 2

    def test_a_kept_connection_that_the_broker_closed_costs_no_order(self, broker: str) -> None:
        with RawServer([GOOD[broker] + b"", raw_server.close, GOOD[broker]]) as server:
            adapter = account(broker, server.url)
            assert WRITES["place"](adapter).outcome is Outcome.ACCEPTED
            assert WRITES["place"](adapter).outcome is Outcome.UNKNOWN
            assert WRITES["place"](adapter).outcome is Outcome.ACCEPTED
            assert len(server.requests) == 3

    def test_proxies_netrc_and_cookies_of_the_machine_do_not_reach_the_broker(
        self, broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login somebody password else\n")
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{_closed_port()}")
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("NETRC", str(netrc))
        answer = GOOD[broker].replace(b"\r\n", b"\r\nSet-Cookie: tracked=yes\r\n", 1)
        with RawServer([answer]) as server:
            adapter = account(broker, server.url)
            for _ in range(2):
                assert WRITES["place"](adapter).outcome is Outcome.ACCEPTED
            for request in server.requests:
                expected = {"zerodha": "token plantedapikey1:plantedaccess3", "angelone": "Bearer plantedjwt4"}
                assert request.headers["authorization"] == expected[broker]
                assert "cookie" not in request.headers

    def test_a_slow_read_does_not_hold_a_write(self, broker: str) -> None:
        with RawServer([raw_server.silence, GOOD[broker]]) as server:
            adapter = account(broker, server.url, timeout_s=0.3)
            with pytest.raises(BrokerUnavailable):
                adapter.order_book()
            assert WRITES["cancel"](adapter).outcome is Outcome.ACCEPTED

    @pytest.mark.parametrize("name", AFTER_THE_BYTES)
    def test_a_read_that_fails_raises_an_error_of_ours_and_nothing_else(self, broker: str, name: str) -> None:
        with RawServer([AFTER_THE_BYTES[name]]) as server:
            adapter = account(broker, server.url, timeout_s=0.3)
            for read in (adapter.order_book, lambda: adapter.quotes(["NSE:INFY"])):
                with pytest.raises(BrokerError) as caught:
                    read()
                assert caught.value.__context__ is None
                assert caught.value.retryable


def test_a_client_that_wants_to_send_an_order_twice_cannot() -> None:
    with RawServer([js(200, {})]) as server:
        session = WatchedSession(context(server.url), writes=True)

        def twice() -> None:
            session.post(server.url)
            session.post(server.url)

        flight = session.fly(twice)
        assert flight.problem == "RuntimeError"
        assert len(server.requests) == 1


@pytest.mark.parametrize("text", ["", "yesterday", "Fri, 99 Nov 2026 05:00:07 GMT"])
def test_an_unreadable_date_is_none(text: str) -> None:
    assert http_date(text) is None
