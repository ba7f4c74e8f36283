"""The machine's clock, and the one that follows the simulated exchange."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sigma.domain.errors import ConfigError
from sigma.infra import clock as module
from sigma.infra.clock import SimulatedClock, SystemClock, boot_id


class ClockServer(ThreadingHTTPServer):
    """What the simulator's control API says of its clock."""

    offset_s = 86_400.0
    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ClockPage)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self.thread.join()


class ClockPage(BaseHTTPRequestHandler):
    server: ClockServer

    def do_GET(self) -> None:
        assert self.path == "/_sim/clock"
        now = datetime.now(UTC) + timedelta(seconds=self.server.offset_s)
        body = json.dumps({"now": now.isoformat(), "offset_s": self.server.offset_s}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[ClockServer]:
    made = ClockServer()
    yield made
    made.stop()


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def ahead_s(clock: SimulatedClock) -> float:
    return (clock.now() - datetime.now(UTC)).total_seconds()


def test_the_machine_s_clock_is_aware_and_its_durations_only_grow() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    first = clock.boot_ns()
    clock.wait(0.002)
    assert clock.boot_ns() - first >= 2_000_000
    clock.wait(-1)


def test_the_boot_id_is_the_same_for_every_process_of_a_boot(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    assert boot_id() == boot_id() == SystemClock().boot_id
    monkeypatch.setattr(module, "BOOT_ID_FILE", module.Path("/nowhere/at/all"))
    assert boot_id() == boot_id() != ""


def test_wall_time_follows_the_exchange_and_durations_do_not(server: ClockServer) -> None:
    before = SystemClock().boot_ns()
    clock = SimulatedClock(server.url, poll_s=0.02)
    assert ahead_s(clock) == pytest.approx(86_400, abs=1)
    assert clock.boot_ns() - before < 60 * 10**9
    clock.close()


def test_a_jump_of_the_exchange_is_seen_soon_by_itself_and_at_once_by_refresh(server: ClockServer) -> None:
    clock = SimulatedClock(server.url, poll_s=0.02)
    server.offset_s = -3600.0
    until(lambda: ahead_s(clock) < -3599)
    clock.close()
    server.offset_s = 7200.0
    clock.refresh()
    assert ahead_s(clock) == pytest.approx(7200, abs=1)


def test_when_the_exchange_stops_answering_its_last_time_runs_on(server: ClockServer) -> None:
    clock = SimulatedClock(server.url, poll_s=0.01)
    server.status = 500
    until(lambda: not clock._answering)
    assert ahead_s(clock) == pytest.approx(86_400, abs=1)
    server.status = 200
    until(lambda: clock._answering)
    clock.close()


def test_without_a_simulator_the_clock_is_not_made() -> None:
    gone = ClockServer()
    gone.stop()
    with pytest.raises(ConfigError, match="cannot be read"):
        SimulatedClock(gone.url)
