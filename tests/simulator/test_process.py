"""The simulator as its own process, and what it costs."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from sigma.domain.orders import OrderType, Product, Side
from sigma.simulator.exchange import Exchange
from sigma.simulator.model import PlaceRequest, SimAccount
from sigma.simulator.server import SimulatorServer
from tests.simulator.conftest import FRIDAY, prompt
from tests.simulator.control import Control, eventually


@pytest.fixture
def process(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    file = tmp_path / "address"
    command = [sys.executable, "-m", "sigma.simulator", "--seed", "7", "--start", "2026-11-20T10:00:00+05:30"]
    root = str(Path(__file__).parents[2])
    child = subprocess.Popen([*command, "--announce", str(file)], stdout=subprocess.PIPE, text=True, cwd=root)
    yield child, file
    child.kill()
    child.wait(5)


def test_it_announces_its_address_serves_and_stops_when_told(process: tuple[subprocess.Popen[str], Path]) -> None:
    child, file = process
    assert child.stdout is not None
    line = child.stdout.readline()
    assert line.startswith("simulator http://127.0.0.1:")
    url = line.split()[1]
    eventually(file.exists)
    assert file.read_text().strip() == url
    assert Control(url).get("clock")["now"].startswith("2026-11-20T04:30:")
    child.send_signal(signal.SIGTERM)
    assert child.wait(5) == 0


def test_it_is_nearly_free_when_nobody_asks(process: tuple[subprocess.Popen[str], Path]) -> None:
    child, file = process
    eventually(file.exists)
    watched = psutil.Process(child.pid)
    used, since = sum(watched.cpu_times()[:2]), time.monotonic()
    eventually(lambda: time.monotonic() - since > 1.5)
    assert (sum(watched.cpu_times()[:2]) - used) / (time.monotonic() - since) < 0.02


def test_a_wrong_start_or_a_taken_port_is_said_plainly() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for arguments in (["--start", "2026-11-20T10:00:00"], ["--port", str(taken.getsockname()[1])]):
            command = [sys.executable, "-m", "sigma.simulator", *arguments]
            done = subprocess.run(command, capture_output=True, text=True, timeout=20)
            assert done.returncode != 0
            assert "Traceback" not in done.stderr


def test_a_place_and_a_book_call_take_less_than_two_milliseconds(exchange: Exchange, account: SimAccount) -> None:
    request = PlaceRequest("NSE:INFY", Side.BUY, 1, OrderType.MARKET, Product.MIS)
    began = time.process_time()
    for _ in range(200):
        exchange.place(account, request)
        exchange.book(account)
    assert (time.process_time() - began) / 400 < 0.002


def test_stopping_ends_requests_that_hang_and_frees_the_port() -> None:
    server = SimulatorServer(start=FRIDAY, config=prompt())
    Control(server.url).fault("slow", "login", seconds=300)
    endings: list[str] = []

    def ask() -> None:
        try:
            requests.get(f"{server.url}/connect/login?api_key=kitekey", timeout=10)
        except requests.ConnectionError:
            endings.append("dropped")
        else:
            endings.append("answered")

    waiting = threading.Thread(target=ask)
    waiting.start()
    eventually(lambda: Control(server.url).get("faults")[0]["struck"])
    server.stop()
    waiting.join(5)
    assert len(endings) == 1
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{server.url}/_sim/health", timeout=2)


def test_many_clients_at_once_lose_nothing() -> None:
    with SimulatorServer(start=FRIDAY, config=prompt()) as server:
        account = server.exchange.account("zerodha", "AB1234")
        assert account is not None
        request = PlaceRequest("NSE:SBIN", Side.BUY, 1, OrderType.MARKET, Product.MIS)
        threads = [
            threading.Thread(target=lambda: [server.exchange.place(account, request) for _ in range(25)]) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        book = server.exchange.book(account)
        assert len({order.order_id for order in book}) == 200
        assert sum(position.net for position in server.exchange.positions(account)) == sum(order.filled for order in book)
