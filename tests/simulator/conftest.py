"""A simulator at a fixed moment without delays, and ways to reach it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from kiteconnect import KiteConnect

from sigma.simulator.config import SimConfig
from sigma.simulator.exchange import Exchange
from sigma.simulator.model import SimAccount
from sigma.simulator.server import SimulatorServer
from tests.simulator.control import Control
from tests.simulator.smartapi_client import SmartBench

# Friday, 20 November 2026, 10:30 IST.
FRIDAY = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)


def prompt() -> SimConfig:
    """Settings without delays."""
    return SimConfig(accept_delay_s=0, step_delay_s=0)


@pytest.fixture
def exchange() -> Exchange:
    """An exchange without HTTP."""
    return Exchange(7, FRIDAY, prompt())


@pytest.fixture
def account(exchange: Exchange) -> SimAccount:
    """The first Kite account of `exchange`."""
    found = exchange.account("zerodha", "AB1234")
    assert found is not None
    return found


@pytest.fixture
def sim() -> Iterator[SimulatorServer]:
    """A running simulator."""
    with SimulatorServer(start=FRIDAY, config=prompt()) as server:
        yield server


@pytest.fixture
def control(sim: SimulatorServer) -> Control:
    """The control API of `sim`."""
    return Control(sim.url)


@pytest.fixture
def kite(sim: SimulatorServer, control: Control) -> KiteConnect:
    """The official client, logged in as AB1234."""
    return logged_in(sim, control)


def logged_in(sim: SimulatorServer, control: Control, client_id: str = "AB1234", suffix: str = "") -> KiteConnect:
    """Return the official client after the login of a person."""
    client = KiteConnect(f"kitekey{suffix}", root=sim.url)
    client.reqsession.trust_env = False
    token = control.post("approve-login", {"client_id": client_id})["request_token"]
    client.generate_session(token, f"kitesecret{suffix}")
    return client


@pytest.fixture
def bench(sim: SimulatorServer, monkeypatch: pytest.MonkeyPatch) -> SmartBench:
    """The SmartAPI side of `sim`."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    return SmartBench(sim)


@pytest.fixture
def api(bench: SmartBench) -> Any:
    """The official SmartAPI client, logged in as A100001."""
    return bench.client()


def raw(kite: KiteConnect, method: str, path: str, **more: Any) -> requests.Response:
    """Send a request with the client's session and headers."""
    headers = {"X-Kite-Version": "3", "Authorization": f"token {kite.api_key}:{kite.access_token}"}
    return kite.reqsession.request(method, kite.root + path, headers=headers, timeout=5, **more)
