"""From a person's yes to the request on the wire: `desk.orders.approve` to arrival at the simulated exchange.

Peer: the official Kite Connect client calling the same exchange directly, without a store, a risk gate or a second process
(what a script would do). Both clocks are this machine's monotonic clock.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SAMPLES = 200
P50_GOAL_MS, P99_GOAL_MS = 25.0, 150.0
PAUSE_S = 0.13
"""Between two approvals: below the brokers' ten writes a second, so that the budget itself is not measured."""


def run() -> list[dict[str, Any]]:
    """Measure both ways and return the rows of bench/results.json."""
    with tempfile.TemporaryDirectory() as home, _world(Path(home)) as (url, desk):
        ours = _ours(url, desk)
        peer = _peer(url)
    rows = []
    for name, quantile, goal in (("p50", 0.50, P50_GOAL_MS), ("p99", 0.99, P99_GOAL_MS)):
        mine, theirs = _quantile(ours, quantile), _quantile(peer, quantile)
        rows.append(
            {
                "name": f"approve_to_wire_{name}",
                "ours": mine,
                "unit": "ms",
                "peer": "kiteconnect called directly",
                "peer_value": theirs,
                "ratio": mine / theirs,
                "goal": f"< {goal:g} ms",
                "held": mine < goal,
            }
        )
    return rows


def _ours(url: str, desk: Any) -> list[float]:
    started: dict[str, int] = {}
    for number in range(SAMPLES):
        account = ("zerodha-main", "angel")[number % 2]
        order = desk.orders.submit(
            account=None, listing="NSE:INFY", side="BUY", quantity=1, product="CNC", order_type="LIMIT", price=1000, queue=True
        )
        begin = time.monotonic_ns()
        approved = desk.orders.approve(order.id, account=account)
        started[approved.client_order_id] = begin
        time.sleep(PAUSE_S)
    arrived = {write["tag"]: write["at_ns"] for write in _get(url, "/_sim/writes") if write["endpoint"] == "place"}
    missing = started.keys() - arrived.keys()
    if missing:
        raise RuntimeError(f"{len(missing)} approved orders never arrived")
    return [(arrived[tag] - begin) / 1e6 for tag, begin in started.items()]


def _peer(url: str) -> list[float]:
    from kiteconnect import KiteConnect

    token = _post(url, "/_sim/approve-login", {"client_id": "CD5678"})["request_token"]
    kite = KiteConnect("kitekey2", root=url)
    kite.set_access_token(kite.generate_session(token, "kitesecret2")["access_token"])
    started: dict[str, int] = {}
    for number in range(SAMPLES):
        tag = f"PEER{number:012d}"
        started[tag] = time.monotonic_ns()
        kite.place_order("regular", "NSE", "INFY", "BUY", 1, "CNC", "LIMIT", price=1000, tag=tag)
        time.sleep(PAUSE_S)
    arrived = {write["tag"]: write["at_ns"] for write in _get(url, "/_sim/writes") if write["endpoint"] == "place"}
    return [(arrived[tag] - begin) / 1e6 for tag, begin in started.items()]


@contextmanager
def _world(home: Path) -> Iterator[tuple[str, Any]]:
    """A simulator, a prepared home with two connected accounts, and a worker; all ended afterwards."""
    announce = home / "simulator"
    simulator = subprocess.Popen(
        [sys.executable, "-m", "sigma.simulator", "--port", "0", "--announce", str(announce), "--start", "2026-11-20T10:00:00+05:30"],
        stdout=subprocess.DEVNULL,
    )
    try:
        url = _announced(announce)
        os.environ.update(
            SIGMA_HOME=str(home / "sigma"),
            SIGMA_ZERODHA_URL=url,
            SIGMA_ANGELONE_URL=url,
            SIGMA_ANGELONE_MASTER_URL=f"{url}/OpenAPI_File/files/OpenAPIScripMaster.json",
            SIGMA_CLOCK_URL=url,
        )
        desk = _connected(url)
        worker = subprocess.Popen([sys.executable, "-m", "scheduler"], stdout=subprocess.PIPE, text=True)
        try:
            assert worker.stdout is not None  # noqa: S101 - asked for with PIPE
            worker.stdout.readline()
            yield url, desk
        finally:
            worker.terminate()
            worker.wait(20)
            desk.close()
    finally:
        simulator.terminate()
        simulator.wait(20)


def _connected(url: str) -> Any:
    import pyotp

    import sigma
    from sigma.bootstrap import prepare

    prepare()
    desk = sigma.open()
    desk.accounts.add("zerodha", name="zerodha-main", api_key="kitekey", api_secret="kitesecret")  # noqa: S106 - the simulator's
    desk.accounts.connect("zerodha-main", request_token=_post(url, "/_sim/approve-login", {"client_id": "AB1234"})["request_token"])
    angel = next(row for row in _get(url, "/_sim/accounts") if row["client_id"] == "A100001")
    desk.accounts.add("angelone", name="angel", api_key=angel["api_key"], client_code="A100001")
    desk.accounts.connect("angel", pin=angel["pin"], otp=pyotp.TOTP(angel["totp_secret"]).at(desk.now()))
    desk.instruments.refresh()
    return desk


def _announced(path: Path, seconds: float = 20.0) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if path.exists() and path.read_text().strip():
            return path.read_text().split()[-1]
        time.sleep(0.02)
    raise TimeoutError("the simulator did not start")


def _get(url: str, path: str) -> Any:
    with urllib.request.urlopen(url + path, timeout=10) as answer:  # noqa: S310 - a loopback address of ours
        return json.load(answer)


def _post(url: str, path: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def _quantile(values: list[float], quantile: float) -> float:
    return statistics.quantiles(values, n=1000, method="inclusive")[round(quantile * 1000) - 1]
