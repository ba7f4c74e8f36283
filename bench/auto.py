"""From a message to the request on the wire without anybody asked: POST to the webhook, to arrival at the simulated exchange.

Five messages a second come for two accounts, so that each account gets five orders a second (brokers allow nine or ten), on
two exchanges in turn (ten a second on one is the guard's limit): first at moments spread over each second, then all five in
the same instant, where the later ones wait for the earlier. Then 200 orders at once: they wait for their turn, settle, and no
rate of a broker is exceeded.

Peer: a bare FastAPI endpoint that calls the official Kite Connect client as soon as it has read the JSON, without a store, a
risk gate or a budget (what a tutorial shows). Both clocks are this machine's monotonic clock.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
from fastapi import FastAPI

from bench.approve import PEER_CLIENT, arrivals
from bench.tools import bare_stage, latencies
from sigma.cli.demo.stage import ACCOUNTS, Stage
from sigma.domain.orders import OrderStatus

BURST, SECONDS, WARM_UP = 5, 30, 3
ORDERS_AT_ONCE = 200
GOALS_MS = {"p50": (0.50, 30.0), "p99": (0.99, 150.0)}
GOALS_AT_ONCE_MS = {"p50": (0.50, 30.0), "p99": (0.99, 150.0)}
PATH = "/webhook/tradingview"
NAME = "bench"
PEER = "FastAPI and kiteconnect, no store"
PRICE = 1200
"""Within the day's band, and far enough below the market to rest."""
DONE_WITHIN_S = 120


def run() -> list[dict[str, Any]]:
    """Measure both ways and return the rows of bench/results.json."""
    with bare_stage() as stage:
        stage.desk.strategies.add(NAME, accounts=list(ACCOUNTS))
        stage.desk.strategies.update(NAME, mode="AUTO")
        time.sleep(1.1)  # the gateway looks at strategies once a second
        ours, burst = _ours(stage, 0, spread=True), _ours(stage, 5_000, spread=False)
        took, breaches = _at_once(stage)
        with _peer(stage) as url:
            peer, theirs_burst = _at_peer(stage, url, 0, spread=True), _at_peer(stage, url, 5_000, spread=False)
            theirs = _breaches_of_peer(stage, url)
    rows = latencies("auto_to_wire", ours, PEER, peer, GOALS_MS)
    rows += latencies("auto_to_wire_five_at_once", burst, PEER, theirs_burst, GOALS_AT_ONCE_MS)
    least = ORDERS_AT_ONCE / len(ACCOUNTS) / 10
    settled = {"name": "auto_200_at_once", "ours": took, "unit": "s", "peer": "at 10 a second and account", "goal": "< 30 s"}
    rows.append(settled | {"peer_value": least, "ratio": took / least, "held": took < 30})
    legal = {"name": "auto_200_breaches", "ours": breaches, "unit": "breaches", "peer": "FastAPI and kiteconnect, no budget"}
    ratio = breaches / theirs if theirs else 0.0
    return [*rows, legal | {"peer_value": theirs, "ratio": ratio, "goal": "0", "held": breaches == 0}]


def _message(number: int) -> dict[str, object]:
    return {
        "strategy_name": NAME,
        "symbol": ("NSE:INFY", "BSE:INFY")[number % 2],
        "order_action": "BUY",
        "quantity": 1,
        "price": PRICE,
        "order_type": "LIMIT",
        "product": "CNC",
        "client_order_id": f"m{number}",
    }


def _post(client: httpx.Client, message: Mapping[str, object]) -> tuple[int, dict[str, Any]]:
    begin = time.monotonic_ns()
    answer = client.post(PATH, json=message)
    answer.raise_for_status()
    return begin, answer.json()


def _sent(
    client: httpx.Client, message: Callable[[int], Mapping[str, object]], first: int, spread: bool
) -> list[tuple[int, dict[str, Any]]]:
    """Send five messages a second, spread over it or on its beat; return when each began, with its answer."""
    chance = random.Random(5)
    begin = time.monotonic() + 0.1

    def one(number: int) -> tuple[int, dict[str, Any]]:
        second, place = divmod(number, BURST)
        due = begin + second + ((place + chance.random()) / BURST if spread else 0.0)
        time.sleep(max(0.0, due - time.monotonic()))
        return _post(client, message(first + number))

    with ThreadPoolExecutor(BURST) as pool:
        answers = list(pool.map(one, range((SECONDS + WARM_UP) * BURST)))
    return answers[WARM_UP * BURST :]


def _client(url: str, secret: str = "") -> httpx.Client:
    alone = httpx.Limits(max_keepalive_connections=0)  # each message comes on a connection of its own, as from TradingView
    return httpx.Client(base_url=url, headers={"X-SIGMATRADER-SECRET": secret}, timeout=30, trust_env=False, limits=alone)


def _ours(stage: Stage, first: int, *, spread: bool) -> list[float]:
    with _client(stage.url, stage.secret) as client:
        answers = _sent(client, _message, first, spread)
    started = {}
    for begin, answer in answers:
        for order_id in answer["order_ids"]:
            started[stage.desk.orders.wait(order_id, seconds=0).client_order_id] = begin
    ended = time.monotonic() + DONE_WITHIN_S
    while stage.desk.orders.count(strategy=NAME, status=[OrderStatus.WAITING, OrderStatus.APPROVED, OrderStatus.SENDING]):
        if time.monotonic() > ended:
            raise RuntimeError(f"orders still wait after {DONE_WITHIN_S} s")
        time.sleep(0.1)
    return arrivals(stage, started)


def _at_once(stage: Stage) -> tuple[float, int]:
    """Send messages for 200 orders as fast as they are taken; return the seconds until all work, and breaches of any rate."""
    known, begin = len(stage.exchange.get("breaches")), time.monotonic()
    with _client(stage.url, stage.secret) as client, ThreadPoolExecutor(BURST) as pool:
        numbers = range(10_000, 10_000 + ORDERS_AT_ONCE // len(ACCOUNTS))
        answers = list(pool.map(lambda number: _post(client, _message(number))[1], numbers))
    wanted = {number for answer in answers for number in answer["order_ids"]}
    while True:
        orders = stage.desk.orders.table(strategy=NAME)
        ready = orders[orders["status"].isin([OrderStatus.OPEN.value]) & orders["id"].isin(wanted)]
        if len(ready) == ORDERS_AT_ONCE == len(wanted):
            return time.monotonic() - begin, len(stage.exchange.get("breaches")) - known
        if time.monotonic() > begin + DONE_WITHIN_S:
            rest = orders[orders["id"].isin(wanted)]["status"].value_counts().to_dict()
            raise RuntimeError(f"not all of {ORDERS_AT_ONCE} orders work after {DONE_WITHIN_S} s: {rest}")
        time.sleep(0.25)


@contextmanager
def _peer(stage: Stage) -> Iterator[str]:
    """Run the peer in a process of its own, logged in as another client, and return its address."""
    account = stage.exchange.account(PEER_CLIENT)
    login = {"root": stage.exchange.url, "api_key": account["api_key"], "api_secret": account["api_secret"]}
    login["request_token"] = stage.exchange.login(PEER_CLIENT)["request_token"]
    command = [sys.executable, "-m", "bench.auto", json.dumps(login)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None  # noqa: S101 - asked for with PIPE
        yield server.stdout.readline().split()[-1]
    finally:
        server.terminate()
        server.wait(20)


def _tagged(number: int) -> dict[str, object]:
    return _message(number) | {"client_order_id": f"PEER{number:012d}"}


def _at_peer(stage: Stage, url: str, first: int, *, spread: bool) -> list[float]:
    with _client(url) as client:
        answers = _sent(client, _tagged, first, spread)
    return arrivals(stage, {answer["tag"]: begin for begin, answer in answers})


def _breaches_of_peer(stage: Stage, url: str) -> int:
    known = len(stage.exchange.get("breaches"))
    with _client(url) as client, ThreadPoolExecutor(BURST) as pool:
        list(pool.map(lambda number: client.post(PATH, json=_tagged(number)), range(20_000, 20_000 + ORDERS_AT_ONCE)))
    return len(stage.exchange.get("breaches")) - known


def _serve_peer(login: Mapping[str, str]) -> None:
    """Serve the endpoint that a tutorial would: read JSON, place the order, answer JSON."""
    from kiteconnect import KiteConnect

    from sigma.infra.serving import listen, serve

    kite = KiteConnect(login["api_key"], root=login["root"])
    kite.set_access_token(kite.generate_session(login["request_token"], login["api_secret"])["access_token"])
    app = FastAPI()

    @app.post(PATH)
    def receive(message: dict[str, Any]) -> dict[str, object]:
        exchange, symbol = message["symbol"].split(":")
        tag = message["client_order_id"]
        kite.place_order("regular", exchange, symbol, "BUY", 1, "CNC", "LIMIT", price=message["price"], tag=tag)
        return {"status": "accepted", "tag": tag}

    serve("gateway", app, listen("127.0.0.1", 0))


if __name__ == "__main__":
    _serve_peer(json.loads(sys.argv[1]))
