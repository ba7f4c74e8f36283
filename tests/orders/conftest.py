"""Stages for the tests of the order services: real store, real adapters, the simulator over sockets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sigma import bootstrap
from sigma.cli import exchange as control
from sigma.desk import Desk
from sigma.domain.orders import Source
from sigma.infra.clock import SimulatedClock
from sigma.ports.probe import NoProbe
from sigma.simulator.config import SimConfig
from sigma.simulator.server import SimulatorServer
from tests.orders.stage import DeathAt, Stage, copy_home

# Friday, 20 November 2026, 10:30 IST.
FRIDAY = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)


def prompt() -> SimConfig:
    """An exchange without delays of its own, whose liquidity never runs out."""
    return SimConfig(accept_delay_s=0, step_delay_s=0, liquidity_replenish_s=0.01)


def environment(server: SimulatorServer, home: Path) -> dict[str, str]:
    """Return the variables of a process that trades on this simulator."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("SIGMA_", "KITE_", "SMARTAPI_"))}
    return {**plain, **control.environment(server.url), "SIGMA_CALL_LIMITS": "off", "SIGMA_HOME": str(home)}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with two accounts and the instrument table, not connected."""
    home = tmp_path_factory.mktemp("template") / "home"
    with pytest.MonkeyPatch.context() as patch, SimulatorServer(start=FRIDAY, config=prompt()) as server:
        for name in [name for name in os.environ if name.startswith("SIGMA_")]:
            patch.delenv(name)
        given = environment(server, home)
        bootstrap.prepare(home)
        house = bootstrap.House(home, SimulatedClock(server.url), NoProbe(), given)
        with house.store.read() as tx:
            owner = tx.users.owner()
        with Desk(house, owner, Source.PERSON) as desk, control.Exchange(server.url) as exchange:
            desk.accounts.add("zerodha", name="kite", api_key="kitekey", api_secret="kitesecret")
            desk.accounts.add("angelone", name="smart", api_key="smartkey", client_code="A100001")
            desk.accounts.connect("kite", **exchange.login("AB1234"))
            desk.instruments.refresh()
    return home


@pytest.fixture
def server() -> Iterator[SimulatorServer]:
    """A simulated exchange in its session."""
    with SimulatorServer(start=FRIDAY, config=prompt()) as running:
        yield running


@pytest.fixture
def stage(template: Path, tmp_path: Path, server: SimulatorServer) -> Iterator[Stage]:
    """An installation of its own with two connected accounts."""
    home = copy_home(template, tmp_path / "home")
    with Stage(home, server, environment(server, home), DeathAt()) as made:
        yield made
