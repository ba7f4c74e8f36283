"""One simulator for the whole suite, one stage for each broker's class."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sigma.ports.broker import AdapterContext
from sigma.simulator.server import SimulatorServer
from tests.contract.lookup import MasterLookup
from tests.contract.stage import FRIDAY, KITS, SimulatedClock, Stage, config


@pytest.fixture(scope="module")
def server() -> Iterator[SimulatorServer]:
    with SimulatorServer(start=FRIDAY, config=config()) as running:
        yield running


@pytest.fixture(scope="module")
def lookup(server: SimulatorServer) -> MasterLookup:
    found = MasterLookup()
    context = AdapterContext(SimulatedClock(server.exchange), found, url=server.url)
    for name, kit in KITS.items():
        assert found.learn(name, kit.master({"api_key": "any"}, None, context)) == []
    return found


@pytest.fixture(scope="module")
def the_stage(request: pytest.FixtureRequest, server: SimulatorServer, lookup: MasterLookup) -> Stage:
    return Stage(request.module.BROKER, server, lookup)


@pytest.fixture
def stage(the_stage: Stage) -> Stage:
    the_stage.reset()
    return the_stage
