"""The webhook's answer: open loop at 200 messages per second over 50 connections, while the worker sends orders.

Each message is different and becomes a signal and an order on disk before it is answered. A message counts from the moment
at which it was due, not from when a busy connection let it go. Peer: a bare FastAPI endpoint under the same server and the same
load, which reads the JSON and stores nothing.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request

from bench.approve import LIMIT, PAUSE_S
from bench.tools import bare_stage, latencies
from sigma.cli.demo.stage import ACCOUNTS, Stage

RATE, CONNECTIONS, SECONDS, WARM_UP_S = 200, 50, 10, 2
GOALS_MS = {"p50": (0.50, 100.0), "p99": (0.99, 100.0)}
PATH = "/webhook/tradingview"


def run() -> list[dict[str, Any]]:
    """Measure ours and the peer under the same conditions and return the rows of bench/results.json."""
    with bare_stage() as stage, _busy(stage):
        ours = _loaded(stage.url, stage.secret)
        with _peer() as url:
            peer = _loaded(url, stage.secret)
        stored = len(stage.desk.signals.table(limit=None))
    expected = RATE * (SECONDS + WARM_UP_S)
    if stored != expected:
        raise RuntimeError(f"{expected} messages were answered, {stored} are stored")
    return latencies("webhook_answer", ours, "bare FastAPI, stores nothing", peer, GOALS_MS)


@contextmanager
def _busy(stage: Stage) -> Iterator[None]:
    """Keep the worker sending: one order after another, about as fast as a broker takes them."""
    ended = threading.Event()
    account = next(iter(ACCOUNTS))

    def send() -> None:
        while not ended.wait(PAUSE_S):
            stage.desk.orders.submit(account=account, **LIMIT)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def _peer() -> Iterator[str]:
    """Run the peer in a process of its own and return its address."""
    server = subprocess.Popen([sys.executable, "-m", "bench.webhook", "peer"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None  # noqa: S101 - asked for with PIPE
        yield server.stdout.readline().split()[-1]
    finally:
        server.terminate()
        server.wait(20)


def _loaded(url: str, secret: str) -> list[float]:
    """Return milliseconds from due to answered, measured by a process of its own."""
    command = [sys.executable, "-m", "bench.webhook", "load", url, secret]
    measured = subprocess.run(command, capture_output=True, text=True, check=True, timeout=SECONDS * 6)
    return [float(value) for value in json.loads(measured.stdout)]


async def _load(url: str, secret: str) -> list[float]:
    address = urlsplit(url)
    opened = [await asyncio.open_connection(address.hostname, address.port) for _ in range(CONNECTIONS)]
    begin = time.monotonic() + 0.2
    lanes = [_lane(number, begin, secret, *pair) for number, pair in enumerate(opened)]
    measured = [sample for lane in await asyncio.gather(*lanes) for sample in lane]
    return [taken for due, taken in measured if due >= begin + WARM_UP_S]


async def _lane(
    number: int, begin: float, secret: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> list[tuple[float, float]]:
    samples = []
    for message in range(number, RATE * (SECONDS + WARM_UP_S), CONNECTIONS):
        due = begin + message / RATE
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        writer.write(_request(message, secret))
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        body = await reader.readexactly(int(length.partition(b":")[2]))
        samples.append((due, (time.monotonic() - due) * 1000))
        if not head.startswith(b"HTTP/1.1 201"):
            raise RuntimeError(f"{head.splitlines()[0]!r}: {body!r}")
    writer.close()
    return samples


def _request(number: int, secret: str) -> bytes:
    details = {
        "order_action": "BUY",
        "quantity": 5,
        "price": 1500,
        "order_type": "LIMIT",
        "product": "CNC",
        "comment": f"m{number}",
    }
    message = {
        "secret": secret,
        "platform": "TRADINGVIEW",
        "strategy_name": "bench",
        "symbol": "NSE:INFY",
        "trade_details": details,
    }
    body = json.dumps(message).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _serve_peer() -> None:
    """Serve the endpoint that a tutorial would: read JSON, answer JSON."""
    from sigma.infra.serving import listen, serve

    app = FastAPI()

    @app.post(PATH, status_code=201)
    async def receive(request: Request) -> dict[str, object]:
        message = await request.json()
        return {"id": 1, "status": "accepted", "symbol": message["symbol"]}

    serve("gateway", app, listen("127.0.0.1", 0))


if __name__ == "__main__":
    if sys.argv[1] == "peer":
        _serve_peer()
    else:
        print(json.dumps(asyncio.run(_load(*sys.argv[2:4]))))
