"""A real installation with live ticks: the test is the worker (latest table and bus), the gateway is real, over real sockets."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from websockets.sync.client import ClientConnection, connect

from sigma import bootstrap
from sigma.domain.instruments import MasterReport
from sigma.domain.people import sign_in_cookie
from sigma.domain.ticks import Ticks, blank, microseconds
from sigma.gateway.__main__ import make_app
from sigma.infra.bus import ZmqTickBus
from sigma.infra.clock import SystemClock
from sigma.infra.latest import LatestWriter
from sigma.infra.serving import listen, make_server
from sigma.ports.probe import NoProbe
from tests.gateway.intake_house import LISTINGS

PASSWORD = "correct horse battery"
Heard = dict[str, object]


@dataclass
class TickStage:
    """One installation, its owner signed in, and the worker's side of the ticks."""

    home: Path
    house: bootstrap.House
    url: str
    token: str
    source: int
    table: LatestWriter
    bus: ZmqTickBus
    at: int = field(default=0)

    def tick(self, listing: str, last: float, **fields: float) -> Ticks:
        """Let the feed say that a listing trades at a price."""
        made = blank(1)
        self.at = max(self.at + 1000, microseconds(self.house.clock.now()))
        made["slot"], made["at"], made["received"] = self.table.allot([listing])[listing], self.at, self.at
        made["last"], made["mode"] = last, 3
        for name, value in fields.items():
            made[name] = value
        newest = self.table.put(made)
        self.bus.publish(self.source, newest)
        return newest

    @contextmanager
    def client(self, token: str | None = None) -> Iterator[ClientConnection]:
        """Listen as a program does, with the owner's token unless another one is given."""
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        with connect(self.url, additional_headers=headers, proxy=None, close_timeout=1) as opened:
            yield opened

    def cookie(self, token: str) -> str:
        """Return the header of a browser that is signed in by `token`."""
        return f"{sign_in_cookie(str(self.home))}={token}"


def heard(client: ClientConnection, kind: str, *, seconds: float = 10) -> Heard:
    """Return the next message of a kind; others before it are dropped."""
    while True:
        message: Heard = orjson.loads(client.recv(timeout=seconds))
        if message["type"] == kind:
            return message


def ticks_until(client: ClientConnection, listing: str, last: float) -> list[float]:
    """Return the prices heard of a listing up to `last`."""
    prices: list[float] = []
    while not prices or prices[-1] != last:
        for tick in heard(client, "ticks")["ticks"]:  # type: ignore[attr-defined]
            if tick["listing"] == listing:
                prices.append(tick["last"])
    return prices


def subscribe(client: ClientConnection, listings: Sequence[str]) -> list[str]:
    """Subscribe and return what was understood."""
    client.send(orjson.dumps({"subscribe": list(listings)}).decode())
    return heard(client, "subscribed")["listings"]  # type: ignore[return-value]


@contextmanager
def open_tick_stage(home: Path) -> Iterator[TickStage]:
    """Bring up an installation with one account that is the canonical source, and serve its gateway from a thread."""
    environment = {"SIGMA_HOME": str(home)}
    bootstrap.prepare(home)
    house = bootstrap.House(home, SystemClock(), NoProbe(), environment)
    report = MasterReport("zerodha", 0, 5, 5, 0, 0, (), (), 0.1)
    house.market_store.replace_master("zerodha", LISTINGS, (), report, house.clock.now())
    with house.store.read() as tx:
        owner = tx.users.owner()
    account = house.accounts.add(owner.id, "zerodha", "main", {"api_key": "kitekey", "api_secret": "kitesecret"})
    listener = listen("127.0.0.1", 0)
    server = make_server(make_app(house, "http://127.0.0.1"), websockets=True)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    table, bus = LatestWriter(house.feed_folder, account.id, house.clock.boot_id), ZmqTickBus(house.feed_folder)
    bus.serve(account.id)
    url = f"ws://127.0.0.1:{listener.getsockname()[1]}/ws/ticks"
    try:
        yield TickStage(home, house, url, house.people.claim(PASSWORD), account.id, table, bus)
    finally:
        server.should_exit = True
        thread.join(20)
        bus.close()
        table.close()
        house.close()
        assert not thread.is_alive()
