"""From a broker's socket to the latest table: 3,000 instruments with full packets, one tick a second each.

The worker as it runs in production, on the simulated exchange's load switch (packets computed once, so that the exchange costs
little). What counts is what arrives on the bus, behind the table. Peer: kiteconnect's own KiteTicker on the same load, which
parses and throws away.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from bench.tools import free_port
from sigma import bootstrap
from sigma.cli import exchange as control
from sigma.domain.instruments import BrokerInstrument, Exchange, Kind, Listing, MasterReport
from sigma.infra.bus import TickSubscriber
from sigma.infra.clock import SimulatedClock
from sigma.infra.wanted import FileWanted
from sigma.ports.probe import NoProbe

COUNT = 3000
SECONDS = 20.0
WARM_UP_S = 5.0
NSE_SEGMENT = 1
SYMBOLS = [f"S{number}" for number in range(COUNT)]
TOKENS = [(100_000 + number) * 256 + NSE_SEGMENT for number in range(COUNT)]
PEER = "KiteTicker (kiteconnect): parses, keeps nothing"


def run() -> list[dict[str, Any]]:
    """Measure ours and the peer, and return the rows of bench/results.json."""
    with tempfile.TemporaryDirectory() as folder, simulator() as (url, environment):
        home = Path(folder) / "home"
        source, tokens = installation(home, url, environment)
        rate, core = ours(home, source, environment)
        peer_rate, peer_core = peer(url, tokens)
    goal = 0.99 * COUNT
    shared = {"peer": PEER}
    return [
        {"name": "ticks_to_table", "ours": rate, "unit": "ticks/s", "peer_value": peer_rate, "ratio": rate / peer_rate}
        | {"goal": f"> {goal:.0f}/s", "held": rate > goal}
        | shared,
        {"name": "ticks_to_table_core", "ours": core * 100, "unit": "% of a core", "peer_value": peer_core * 100}
        | {"ratio": core / peer_core, "goal": "< 100 %", "held": core < 1}
        | shared,
    ]


@contextmanager
def simulator() -> Iterator[tuple[str, dict[str, str]]]:
    """Run the exchange under load in a process of its own; give its address and the variables that lead to it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen([sys.executable, "-m", "sigma.simulator", "--port", str(port)], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                with control.Exchange(url) as exchange:
                    exchange.post("feeds/load", per_second=1, listings=COUNT)
                break
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        plain = {name: value for name, value in os.environ.items() if not name.startswith("SIGMA_")}
        yield url, plain | control.environment(url)
    finally:
        server.terminate()
        server.wait(30)


def installation(home: Path, url: str, environment: dict[str, str]) -> tuple[int, dict[str, str]]:
    """Make an installation with an account that is logged in and a master of all listings; return its id and tokens."""
    environment["SIGMA_HOME"] = str(home)
    bootstrap.prepare(home)
    house = bootstrap.House(home, SimulatedClock(url), NoProbe(), environment)
    try:
        listings = [Listing(Exchange.NSE, symbol, Kind.EQUITY) for symbol in SYMBOLS]
        names = [
            BrokerInstrument("zerodha", f"NSE:{symbol}", symbol, str(token), "NSE", str(token // 256))
            for symbol, token in zip(SYMBOLS, TOKENS, strict=True)
        ]
        report = MasterReport("zerodha", 0, COUNT, COUNT, 0, 0, (), (), 0.1)
        house.market_store.replace_master("zerodha", listings, names, report, house.clock.now())
        with house.store.read() as tx:
            owner = tx.users.owner().id
        account = house.accounts.add(owner, "zerodha", "main", {"api_key": "kitekey", "api_secret": "kitesecret"})
        with control.Exchange(url) as exchange:
            house.sessions.connect(owner, "main", exchange.login("AB1234"))
        session = house.connections.session(account.id)
        assert session is not None  # noqa: S101 - it was stored a line ago
        return account.id, dict(session.tokens)
    finally:
        house.close()


def ours(home: Path, source: int, environment: dict[str, str]) -> tuple[float, float]:
    """Return how many ticks a second come out of the worker, and its share of a core."""
    house = bootstrap.House(home, SimulatedClock(environment["SIGMA_CLOCK_URL"]), NoProbe(), environment)
    wanted, ended = FileWanted(home / "feed" / "wanted", house.clock), threading.Event()

    def ask() -> None:
        while True:
            wanted.ask(source, [f"NSE:{symbol}" for symbol in SYMBOLS])
            if ended.wait(5):
                return

    asking = threading.Thread(target=ask)
    asking.start()
    heard, measuring = [0], threading.Event()
    subscriber = TickSubscriber(home / "feed")
    subscriber.hand_to(lambda _source, ticks: heard.append(len(ticks)) if measuring.is_set() else None)
    subscriber.start()
    worker = subprocess.Popen([sys.executable, "-m", "scheduler"], env=environment, stdout=subprocess.DEVNULL)
    try:
        seen = psutil.Process(worker.pid)
        deadline = time.monotonic() + 60
        while len(house.live.of(source, [f"NSE:{symbol}" for symbol in SYMBOLS])) < COUNT:
            if time.monotonic() > deadline:
                raise RuntimeError("the feed did not come to life")
            time.sleep(0.2)
        time.sleep(WARM_UP_S)
        begun, used = time.monotonic(), sum(seen.cpu_times()[:2])
        measuring.set()
        time.sleep(SECONDS)
        measuring.clear()
        took = time.monotonic() - begun
        return sum(heard) / took, (sum(seen.cpu_times()[:2]) - used) / took
    finally:
        worker.terminate()
        worker.wait(30)
        subscriber.close()
        ended.set()
        asking.join()
        house.close()


def peer(url: str, tokens: dict[str, str]) -> tuple[float, float]:
    """Return the same of the official client, in a process of its own (its reactor runs once a process)."""
    command = [sys.executable, "-m", "bench.feed_to_table", url.replace("http", "ws", 1), tokens["access_token"]]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=SECONDS * 6).stdout
    told = json.loads(out.splitlines()[-1])
    return told["rate"], told["core"]


def _listen(root: str, token: str) -> None:
    from kiteconnect import KiteTicker
    from twisted.internet import reactor

    ticker, heard, marks = KiteTicker("kitekey", token, root=root), [0], list[tuple[float, float]]()

    def connected(socket: Any, _response: Any) -> None:
        socket.subscribe(TOKENS)
        socket.set_mode(socket.MODE_FULL, TOKENS)
        reactor.callLater(WARM_UP_S, begin)
        reactor.callLater(WARM_UP_S + SECONDS, end)

    def took(_socket: Any, ticks: list[Any]) -> None:
        if marks:
            heard[0] += len(ticks)

    def begin() -> None:
        marks.append((time.monotonic(), time.process_time()))

    def end() -> None:
        (begun, used), now = marks[0], time.monotonic()
        print(json.dumps({"rate": heard[0] / (now - begun), "core": (time.process_time() - used) / (now - begun)}), flush=True)
        reactor.stop()

    ticker.on_connect, ticker.on_ticks = connected, took
    ticker.connect()


if __name__ == "__main__":
    _listen(*sys.argv[1:3])
