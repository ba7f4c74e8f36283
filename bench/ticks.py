"""Live ticks to a thousand clients: the gateway's fan-out, and the way from a broker's socket to the latest table.

Fan-out: 1,000 clients of `/ws/ticks`, each on 20 of 500 listings that tick once a second, spread over the second. A tick counts
from the moment that the feed's side stored and published it until a client has read it; the clients are one process, which parses
every message. No client may get less than 98 of 100 ticks, and the gateway's memory must not grow. MINUTES=5 is the whole run
(default: half a minute). Peer: FastAPI as a tutorial has it, one `send_json` for each tick and client, under the same server.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from bench import feed_to_table
from bench.listeners import CLIENTS, EACH, Heard
from bench.tools import latencies
from sigma import bootstrap
from sigma.domain.instruments import Exchange, Kind, Listing, MasterReport
from sigma.domain.ticks import blank
from sigma.infra.bus import TickSubscriber, ZmqTickBus
from sigma.infra.latest import LatestTables, LatestWriter
from sigma.infra.serving import listen, serve

LISTINGS = [f"NSE:S{number}" for number in range(500)]
FRAMES = 20
"""Frames a second that the feed brings, each with its share of the listings."""
SECONDS = float(os.environ.get("MINUTES", "0.5")) * 60
PEER_SECONDS = 15.0
WARM_UP_S = 5.0
GOALS_MS = {"p50": (0.50, 100.0), "p99": (0.99, 100.0)}
MOST_GROWTH_MB = 5.0
PEER = "FastAPI, one send_json per tick and client"


def run() -> list[dict[str, Any]]:
    """Measure ours and the peer, and return the rows of bench/results.json."""
    with tempfile.TemporaryDirectory() as folder:
        home, token, source = installation(Path(folder) / "home")
        with feeding(home, source), process("sigma.gateway", "--home", str(home), "--port", "0", home=home) as (gateway, url):
            ours, growth_mb, cpu = loaded(gateway, url, token, SECONDS)
        with feeding(home, source), process("bench.ticks", "peer", str(home), str(source), home=home) as (peer, url):
            theirs, _, peer_cpu = loaded(peer, url, token, PEER_SECONDS)
    share, peer_share = ours.smallest_share() * 100, theirs.smallest_share() * 100
    rows = latencies("ticks_fanout", ours.latencies_ms, PEER, theirs.latencies_ms, GOALS_MS)
    rows += [
        row("ticks_fanout_least_served", share, "%", PEER, peer_share, "> 98 %", share > 98),
        row("ticks_fanout_growth", growth_mb, "MB", "", 0.0, f"< {MOST_GROWTH_MB:g} MB", growth_mb < MOST_GROWTH_MB),
        row("ticks_fanout_core", cpu * 100, "% of a core", PEER, peer_cpu * 100, "< 100 %", cpu < 1),
    ]
    return rows + feed_to_table.run()


def row(name: str, ours: float, unit: str, peer: str, peer_value: float, goal: str, held: bool) -> dict[str, Any]:
    """Return a row of bench/results.json."""
    values = {"name": name, "ours": ours, "unit": unit, "peer": peer, "peer_value": peer_value}
    return values | {"ratio": ours / peer_value if peer_value else 0.0, "goal": goal, "held": held}


def installation(home: Path) -> tuple[Path, str, int]:
    """Make an installation with the listings and an account; return it, a sign-in's token, and the account's id."""
    with scoped({"SIGMA_HOME": str(home)}):
        bootstrap.prepare(home)
        house = bootstrap.open_house(home)
        try:
            made = [Listing(Exchange.NSE, text.removeprefix("NSE:"), Kind.EQUITY) for text in LISTINGS]
            count = len(made)
            report = MasterReport("zerodha", 0, count, count, 0, 0, (), (), 0.1)
            house.market_store.replace_master("zerodha", made, (), report, house.clock.now())
            with house.store.read() as tx:
                owner = tx.users.owner().id
            account = house.accounts.add(owner, "zerodha", "main", {"api_key": "kitekey", "api_secret": "kitesecret"})
            return home, house.people.claim("a password for a bench"), account.id
        finally:
            house.close()


@contextmanager
def scoped(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value


@contextmanager
def feeding(home: Path, source: int) -> Iterator[None]:
    """Be the worker: each listing ticks once a second, a share of them in each frame."""
    ended = threading.Event()
    table, bus = LatestWriter(home / "feed", source, "bench"), ZmqTickBus(home / "feed")
    bus.serve(source)
    slots = np.array(list(table.allot(LISTINGS).values()), np.int32)

    def feed() -> None:
        turn, begin = 0, time.monotonic()
        while not ended.wait(max(0.0, begin + turn / FRAMES - time.monotonic())):
            ours = slots[turn % FRAMES :: FRAMES]
            ticks = blank(len(ours))
            ticks["slot"], ticks["mode"], ticks["last"], ticks["volume"] = ours, 3, 100 + turn % 50, turn
            ticks["close"], ticks["open"], ticks["high"], ticks["low"] = 100, 101, 155, 95
            ticks["bids"]["price"], ticks["asks"]["price"] = 99.95, 100.05
            ticks["at"] = ticks["received"] = time.time_ns() // 1000
            bus.publish(source, table.put(ticks))
            turn += 1

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        bus.close()
        table.close()


@contextmanager
def process(module: str, *arguments: str, home: Path) -> Iterator[tuple[psutil.Process, str]]:
    """Run a server in a process of its own; give it and its address."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIGMA_")} | {"SIGMA_HOME": str(home)}
    command = [sys.executable, "-m", module, *arguments]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert server.stdout is not None  # noqa: S101 - asked for with PIPE
        yield psutil.Process(server.pid), server.stdout.readline().split()[-1]
    finally:
        server.terminate()
        server.wait(30)


def loaded(server: psutil.Process, url: str, token: str, seconds: float) -> tuple[Heard, float, float]:
    """Return what the clients heard, how much the server's memory grew meanwhile (MB), and its share of a core."""
    command = [sys.executable, "-m", "bench.listeners", url, token, str(seconds), json.dumps(LISTINGS)]
    listeners = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert listeners.stdout is not None  # noqa: S101 - asked for with PIPE
        if listeners.stdout.readline() != "listening\n":
            raise RuntimeError(f"{CLIENTS} clients on {EACH} listings could not connect")
        time.sleep(min(WARM_UP_S, seconds / 3))
        before, begun, used = server.memory_info().rss, time.monotonic(), sum(server.cpu_times()[:2])
        out = listeners.stdout.read()
        after, cpu = server.memory_info().rss, (sum(server.cpu_times()[:2]) - used) / (time.monotonic() - begun)
    finally:
        listeners.kill()
        listeners.wait()
    told = json.loads(out)
    return Heard(told["latencies_ms"], told["ticks"], told["seconds"]), (after - before) / 1e6, cpu


def _serve_peer(home: str, source: str) -> None:
    """Serve what a tutorial would: a dictionary of clients, and one send for each of them and each tick."""
    app, wanted = FastAPI(), dict[str, set[WebSocket]]()
    table = LatestTables(Path(home) / "feed").table(int(source))
    queue: asyncio.Queue[Any] = asyncio.Queue()

    @app.websocket("/ws/ticks")
    async def listen_to(socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                for listing in (await socket.receive_json())["subscribe"]:
                    wanted.setdefault(listing, set()).add(socket)
                await socket.send_json({"type": "subscribed"})
        except WebSocketDisconnect:
            for clients in wanted.values():
                clients.discard(socket)

    async def broadcast() -> None:
        while True:
            ticks = await queue.get()
            listings = table.listings()
            for tick in ticks:
                message = {"listing": listings[tick["slot"]], "at": int(tick["at"]) // 1000, "last": float(tick["last"])}
                for client in list(wanted.get(message["listing"], ())):
                    await client.send_json({"type": "ticks", "ticks": [message]})

    async def begin() -> None:
        loop = asyncio.get_running_loop()
        subscriber = TickSubscriber(Path(home) / "feed")
        subscriber.hand_to(lambda _source, ticks: loop.call_soon_threadsafe(queue.put_nowait, ticks))
        subscriber.start()
        app.state.task = asyncio.create_task(broadcast())

    app.router.on_startup.append(begin)
    serve("peer", app, listen("127.0.0.1", 0), websockets=True)


if __name__ == "__main__":
    _serve_peer(*sys.argv[2:4])
