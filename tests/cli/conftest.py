"""An installation with two connected accounts on a simulator of the tests' own, and ways to run `sigma` on it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

import sigma
from sigma.bootstrap import prepare
from sigma.cli.app import app
from sigma.cli.exchange import Exchange, environment
from sigma.cli.processes import worker_program
from sigma.cli.supervise import Program, Supervisor
from sigma.simulator.server import SimulatorServer

FOREIGN = ("SIGMA_", "KITE_", "SMARTAPI_", "COLUMNS", "NO_COLOR", "FORCE_COLOR")
FAST = {
    "orders.settle_every": 0.1,
    "sync.active": 0.1,
    "sync.idle": 1.0,
    "sync.after_send": 0.1,
    "worker.scan": 0.1,
    "worker.heartbeat": 0.2,
}


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str


Run = Callable[..., Answer]


@dataclass(frozen=True)
class World:
    """A prepared home, its webhook secret, and the exchange it trades on."""

    home: Path
    secret: str
    exchange: Exchange

    def variables(self) -> dict[str, str]:
        return {"SIGMA_HOME": str(self.home), **environment(self.exchange.url)}


def clean(patch: pytest.MonkeyPatch) -> None:
    """Take away what the machine's own environment says."""
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        patch.delenv(name)


def until(condition: Callable[[], object], seconds: float = 40.0) -> object:
    """Return the first true answer of `condition`, or fail."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def invoke(*arguments: str, typed: str | None = None) -> Answer:
    """Run `sigma` in this process, without a terminal."""
    result = CliRunner().invoke(app, list(arguments), input=typed)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Answer(result.exit_code, result.stdout, result.stderr)


def popen(*arguments: str, **variables: str) -> subprocess.Popen[str]:
    """Start `sigma` as a process of its own, on the environment as it is."""
    command = [sys.executable, "-m", "sigma.cli", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
    return subprocess.Popen(command, text=True, env={**os.environ, **variables}, **pipes)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that does not exist yet; returns its path."""
    clean(monkeypatch)
    home = tmp_path / "home"
    monkeypatch.setenv("SIGMA_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two accounts, connected, instruments downloaded, and a worker that runs."""
    home = tmp_path_factory.mktemp("cli") / "home"
    with pytest.MonkeyPatch.context() as patch, SimulatorServer() as server, Exchange(server.url) as exchange:
        clean(patch)
        for name, value in {"SIGMA_HOME": str(home), **environment(server.url)}.items():
            patch.setenv(name, value)
        made = World(home, str(prepare(home).webhook_secret), exchange)
        with sigma.open(source="CLI") as desk:
            for setting, seconds in FAST.items():
                desk.settings.set(setting, seconds)
            desk.accounts.add("zerodha", name="zerodha-main", api_key="kitekey", api_secret="kitesecret")
            desk.accounts.add("angelone", name="angel", api_key="smartkey", client_code="A100001")
            for name, client in (("zerodha-main", "AB1234"), ("angel", "A100001")):
                desk.accounts.connect(name, **exchange.login(client))
            desk.instruments.refresh()
        plain = worker_program()
        worker = Program(plain.name, plain.module, plain.arguments, made.variables())
        with Supervisor([worker], lambda name, line: None):
            yield made


@pytest.fixture
def cli(world: World, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `sigma` on the world."""
    clean(monkeypatch)
    for name, value in world.variables().items():
        monkeypatch.setenv(name, value)
    return invoke
