"""Plain WebSocket clients of the simulator, and what they hear."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kiteconnect import KiteConnect
from websockets.sync.client import ClientConnection, connect

from sigma.simulator.server import SimulatorServer

INFY, TCS, NIFTY = 1594 * 256 + 1, 11536 * 256 + 1, 1001 * 256 + 9


class Ear:
    """Keeps what a connection says."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[str | bytes] = []

    def say(self, message: object) -> None:
        self.socket.send(message if isinstance(message, str) else json.dumps(message))

    def until(self, wanted: Callable[[str | bytes], Any], seconds: float = 5) -> Any:
        """Return the first true answer of `wanted` to a message that comes from now on; fail when it does not come in time."""
        deadline = time.monotonic() + seconds
        while True:
            message = self.socket.recv(timeout=max(0.01, deadline - time.monotonic()))
            self.heard.append(message)
            if found := wanted(message):
                return found

    def drain(self, seconds: float) -> list[str | bytes]:
        """Return what comes within some time."""
        heard: list[str | bytes] = []
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                heard.append(self.socket.recv(timeout=left))
            except TimeoutError:
                break
        return heard


@contextmanager
def kite_ear(sim: SimulatorServer, kite: KiteConnect) -> Iterator[Ear]:
    with connect(f"{sim.ws_url}?api_key={kite.api_key}&access_token={kite.access_token}", proxy=None) as socket:
        yield Ear(socket)


def smart_headers(api: Any, client_id: str = "A100001") -> dict[str, str]:
    """Return the headers that the official client sends."""
    return {
        "Authorization": f"Bearer {api.access_token}",
        "x-api-key": api.api_key,
        "x-client-code": client_id,
        "x-feed-token": api.feed_token,
    }


@contextmanager
def smart_ear(sim: SimulatorServer, api: Any, path: str = "smart-stream", **headers: str) -> Iterator[Ear]:
    given = smart_headers(api) | headers
    with connect(f"{sim.ws_url}/{path}", additional_headers=given, proxy=None) as socket:
        yield Ear(socket)


def kite_packets(message: str | bytes) -> dict[int, bytes]:
    """Return the packets of a binary frame by token, the frame's own lengths trusted; nothing for other messages."""
    if isinstance(message, str) or len(message) < 4:
        return {}
    found, at = {}, 2
    for _ in range(struct.unpack(">H", message[:2])[0]):
        length = struct.unpack(">H", message[at : at + 2])[0]
        packet = message[at + 2 : at + 2 + length]
        found[struct.unpack(">I", packet[:4])[0]] = packet
        at += 2 + length
    assert at == len(message)
    return found


def kite_size(token: int) -> Callable[[str | bytes], int]:
    """Return what a message says of a token in bytes, 0 for nothing."""
    return lambda message: len(kite_packets(message).get(token, b""))


def parsed(message: str | bytes) -> Any:
    """Return a text frame's JSON, None for a binary one."""
    return json.loads(message) if isinstance(message, str) and message.startswith("{") else None
