"""One installation with real processes: the simulated exchange, workers that live and die, and the desk of the person."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import psutil

from sigma import bootstrap
from sigma.cli.exchange import Exchange, environment
from sigma.desk import Desk
from sigma.domain.accounts import Account
from sigma.domain.orders import Source
from sigma.infra.locks import FileLeases
from sigma.ports.storage import Store
from tests.faults.judge import Record, Truth
from tests.faults.plan import PRICES, THIN, THIN_PRICE
from tests.faults.waits import Waits

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
CLIENTS = {"kite": "AB1234", "smart": "A100001"}
CREDENTIALS = {
    "kite": ("zerodha", {"api_key": "kitekey", "api_secret": "kitesecret"}),
    "smart": ("angelone", {"api_key": "smartkey", "client_code": "A100001"}),
}
START = "2026-11-20T10:00+05:30"
STEP_S = 0.01


class Missing(Exception):
    """Something that had to happen did not, in time."""


def until(look: Callable[[], T | None], seconds: float, what: str, meanwhile: Callable[[], None] | None = None) -> T:
    """Return the first true answer of `look`; Missing after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise Missing(f"{what}: not within {seconds:g} s")
        if meanwhile is not None:
            meanwhile()
        time.sleep(STEP_S)
    return found


def pass_time(seconds: float, meanwhile: Callable[[], None] | None = None) -> None:
    """Let real time pass, for what is meant to happen in it."""
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() >= end, seconds + 10, "time passes", meanwhile)


@dataclass
class Worker:
    """One worker process. Its errors go into a file, where the probe also leaves its last word."""

    process: subprocess.Popen[bytes]
    errors: Path

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def stopped(self) -> bool:
        """Whether it stands still by a signal."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED
        return False

    @property
    def last_word(self) -> str:
        """What the probe said: ``SIGKILL at claimed``, empty when it never spoke."""
        lines = self.errors.read_text(encoding="utf-8", errors="replace").splitlines()
        words = [line.removeprefix("probe: ") for line in lines if line.startswith("probe: ")]
        return words[-1] if words else ""

    def signal(self, number: signal.Signals) -> None:
        if self.alive:
            self.process.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.process.wait(10)


class Control(Exchange):
    """The control API, as far as only a campaign needs it."""

    def withdraw(self, fault_id: int) -> None:
        """Take back one fault."""
        self._answer("DELETE", f"faults/{fault_id}")


class World:
    """Everything that a campaign acts on.

    Parameters
    ----------
    home : Path
        A new folder for the installation.
    database : str
        The URL of an empty PostgreSQL database; empty for SQLite in `home`.
    """

    def __init__(self, home: Path, seed: int, waits: Waits, database: str = "") -> None:
        self.home, self.seed, self.waits, self.database = home, seed, waits, database
        self._workers = 0
        self._ends = ExitStack()
        home.mkdir(parents=True)
        try:
            self._open()
        except BaseException:
            self._ends.close()
            raise

    def _open(self) -> None:
        self.url = self._simulator()
        foreign = [name for name in os.environ if name.startswith(("SIGMA_", "KITE_", "SMARTAPI_"))]
        own = {name: value for name, value in os.environ.items() if name not in foreign}
        self.environment = {**own, **environment(self.url), "SIGMA_CALL_LIMITS": "off", "SIGMA_HOME": str(self.home / "sigma")}
        if self.database:
            self.environment["SIGMA_DATABASE_URL"] = self.database
        before = dict(os.environ)
        self._ends.callback(_set_environment, before)
        _set_environment(self.environment)
        self.exchange = self._ends.enter_context(Control(self.url))
        secret = bootstrap.prepare(self.home / "sigma").webhook_secret
        if secret is None:
            raise Missing("a new installation makes a webhook secret")
        self.secret = secret
        self.house = bootstrap.open_house(self.home / "sigma")
        with self.house.store.read() as tx:
            owner = tx.users.owner()
        self.desk = self._ends.enter_context(Desk(self.house, owner, Source.PERSON))
        self.leases = FileLeases(self.home / "sigma" / "locks")
        self._furnish()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ends.close()

    def _simulator(self) -> str:
        announce = self.home / "simulator.url"
        self.start(
            ["sigma.simulator", "--port", "0", "--seed", str(self.seed), "--start", START, "--announce", str(announce)],
            "simulator",
        )
        return until(lambda: announce.exists() and announce.read_text(encoding="utf-8").strip(), 15, "the simulator's address")

    def start(self, module: list[str], name: str, variables: dict[str, str] | None = None) -> Worker:
        errors = self.home / f"{name}.err"
        with errors.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=ROOT,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stream,
            )
        self._ends.callback(_end, process)
        return Worker(process, errors)

    def _furnish(self) -> None:
        """Make accounts that are connected, an instrument table, short waits, and prices that stay where they are."""
        for name, value in self.waits.settings.items():
            self.desk.settings.set(name, value)
        for name, (broker, credentials) in CREDENTIALS.items():
            self.desk.accounts.add(broker, name=name, **credentials)
            self.login(name)
        self.desk.instruments.refresh()
        self.exchange.post("config", accept_delay_s=0.02, step_delay_s=0.02, liquidity_replenish_s=0.5)
        for listing, price in {**PRICES, THIN: THIN_PRICE}.items():
            self.hold(listing, price)

    def hold(self, listing: str, price: float) -> None:
        """Keep a listing at a price, with as many units as anybody wants (two of the thin one)."""
        each = 2 if listing == THIN else 100_000
        self.exchange.post("price", listing=listing, price=price, hold=True, rebase=True)
        self.exchange.post("liquidity", listing=listing, bid_quantity=each, ask_quantity=each)

    def login(self, account: str) -> None:
        """Log in as the person does."""
        self.desk.accounts.connect(account, **self.exchange.login(CLIENTS[account]))

    def worker(self, deaths: dict[str, str] | None = None, account: str | None = None) -> Worker:
        """Start a worker process that dies as told, or never."""
        self._workers += 1
        only = ["--account", account] if account else []
        return self.start(["scheduler", *only], f"worker-{self._workers}", {**self.environment, **(deaths or {})})

    def holds(self, worker: Worker, account: str | None = None) -> bool:
        """Say whether a worker holds the lease of an account, or of all."""
        wanted = [one.id for one in self.accounts() if account in (None, one.name)]
        holders = [self.leases.holder(number) for number in wanted]
        return worker.alive and all(holder is not None and holder.pid == worker.process.pid for holder in holders)

    def accounts(self) -> list[Account]:
        """Return the accounts as they are stored now."""
        return list(self.house.all_accounts())

    def fault(self, account: str, endpoint: str, kind: str, times: int = 1, **args: object) -> None:
        """Inject a fault on an account's requests."""
        given = {name: self.waits.of(value) for name, value in args.items()}
        self.exchange.post("faults", endpoint=endpoint, kind=kind, times=times, client_id=CLIENTS[account], args=given)

    def truth(self) -> Truth:
        """Return what happened at the exchange on our accounts."""
        return truth_of(self.exchange, CLIENTS.values())

    def record(self) -> Record:
        """Return what is in our database."""
        return record_of(self.house.store)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that may have died already, or stand still."""
    if process.poll() is None:
        process.kill()
    process.wait(10)


def _set_environment(variables: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)


def truth_of(exchange: Exchange, clients: Collection[str]) -> Truth:
    """Return what happened at the exchange on the accounts of these clients."""
    orders, fills, writes = (exchange.get(name) for name in ("orders", "fills", "writes"))
    return Truth(*([row for row in rows if row["client_id"] in clients] for rows in (orders, fills, writes)))


def record_of(store: Store) -> Record:
    """Return what an installation says happened."""
    with store.read() as tx:
        accounts = tx.accounts.list()
        orders = {one.name: tx.orders.list(account_id=one.id) for one in accounts}
        fills = {one.name: tx.orders.fills(account_id=one.id) for one in accounts}
        writes = [command for one in accounts for command in tx.commands.open(one.id)]
    return Record(orders, fills, writes)
