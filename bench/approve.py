"""From a person's yes to the request on the wire: `desk.orders.approve` to arrival at the simulated exchange.

Peer: the official Kite Connect client calling the same exchange directly, without a store, a risk gate or a second process
(what a script would do). Both clocks are this machine's monotonic clock.
"""

from __future__ import annotations

import time
from typing import Any

from bench.tools import bare_stage, latencies
from sigma.cli.demo.stage import ACCOUNTS, Stage

SAMPLES = 200
GOALS_MS = {"p50": (0.50, 25.0), "p99": (0.99, 150.0)}
PAUSE_S = 0.13
"""Between two approvals: below the brokers' ten writes a second, so that the budget itself is not measured."""
PEER_CLIENT = "CD5678"
LIMIT = {"listing": "NSE:INFY", "side": "BUY", "quantity": 1, "product": "CNC", "order_type": "LIMIT", "price": 1000}


def run() -> list[dict[str, Any]]:
    """Measure both ways and return the rows of bench/results.json."""
    with bare_stage() as stage:
        ours = _ours(stage)
        peer = _peer(stage)
    return latencies("approve_to_wire", ours, "kiteconnect called directly", peer, GOALS_MS)


def _ours(stage: Stage) -> list[float]:
    started: dict[str, int] = {}
    accounts = list(ACCOUNTS)
    for number in range(SAMPLES):
        order = stage.desk.orders.submit(account=None, queue=True, **LIMIT)
        begin = time.monotonic_ns()
        approved = stage.desk.orders.approve(order.id, account=accounts[number % len(accounts)])
        started[approved.client_order_id] = begin
        time.sleep(PAUSE_S)
    return arrivals(stage, started)


def _peer(stage: Stage) -> list[float]:
    from kiteconnect import KiteConnect

    account = stage.exchange.account(PEER_CLIENT)
    kite = KiteConnect(account["api_key"], root=stage.exchange.url)
    session = kite.generate_session(stage.exchange.login(PEER_CLIENT)["request_token"], account["api_secret"])
    kite.set_access_token(session["access_token"])
    started: dict[str, int] = {}
    for number in range(SAMPLES):
        tag = f"PEER{number:012d}"
        started[tag] = time.monotonic_ns()
        kite.place_order("regular", "NSE", "INFY", "BUY", 1, "CNC", "LIMIT", price=1000, tag=tag)
        time.sleep(PAUSE_S)
    return arrivals(stage, started)


def arrivals(stage: Stage, started: dict[str, int]) -> list[float]:
    """Return milliseconds from start to arrival at the exchange; every order must have arrived."""
    arrived = {write["tag"]: write["at_ns"] for write in stage.exchange.get("writes") if write["endpoint"] == "place"}
    missing = started.keys() - arrived.keys()
    if missing:
        raise RuntimeError(f"{len(missing)} orders never arrived at the exchange")
    return [(arrived[tag] - begin) / 1e6 for tag, begin in started.items()]
