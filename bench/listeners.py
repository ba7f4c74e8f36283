"""A thousand clients of live ticks in one process: raw sockets, every message parsed, every tick's age taken."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import orjson

CLIENTS, EACH = 1000, 20
HELLO = """GET {path} HTTP/1.1
Host: bench
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Version: 13
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Authorization: Bearer {token}

"""
KEPT = 200_000
"""Ages kept: of more ticks than this, every so-manyth."""


@dataclass
class Heard:
    """What the clients heard: ages of ticks in ms (a sample), ticks by client, over so many seconds."""

    latencies_ms: list[float]
    ticks: list[int]
    seconds: float

    def smallest_share(self) -> float:
        """Return what part of its ticks the client with the fewest got."""
        return min(self.ticks) / (EACH * self.seconds)


@dataclass
class Clients:
    """What all clients share."""

    measuring: bool = False
    every: int = 1
    seen: int = 0
    ages: list[float] = field(default_factory=list)
    subscribed: int = 0


class Listener(asyncio.Protocol):
    """One client."""

    def __init__(self, shared: Clients, path: str, token: str, listings: list[str]) -> None:
        self._shared, self._listings, self._open = shared, listings, False
        self._hello = HELLO.format(path=path, token=token).replace("\n", "\r\n")
        self._rest = b""
        self.ticks = 0

    def connection_made(self, transport: Any) -> None:
        """Say hello."""
        self._transport = transport
        transport.write(self._hello.encode())

    def data_received(self, data: bytes) -> None:
        """Take whole frames apart."""
        rest = self._rest + data
        if not self._open:
            head, found, rest = rest.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            if b" 101 " not in head:
                raise RuntimeError(head.decode())
            self._open = True
            body = orjson.dumps({"subscribe": self._listings})
            size = bytes((0x80 | len(body),)) if len(body) < 126 else b"\xfe" + len(body).to_bytes(2)
            self._transport.write(b"\x81" + size + bytes(4) + body)
        now = time.time_ns() / 1e6
        place = 0
        while len(rest) - place >= 4:
            size, start = rest[place + 1] & 127, place + 2
            if size == 126:
                size, start = int.from_bytes(rest[place + 2 : place + 4]), place + 4
            if len(rest) < start + size:
                break
            if rest[place] == 0x81:
                self._message(rest[start : start + size], now)
            elif rest[place] == 0x89:  # a ping: its pong carries the same bytes
                self._transport.write(bytes((0x8A, 0x80 | size)) + bytes(4) + rest[start : start + size])
            place = start + size
        self._rest = rest[place:]

    def _message(self, text: bytes, now: float) -> None:
        message, shared = orjson.loads(text), self._shared
        if message["type"] == "subscribed":
            shared.subscribed += 1
        elif message["type"] == "ticks" and shared.measuring:
            self.ticks += len(message["ticks"])
            for tick in message["ticks"]:
                shared.seen += 1
                if shared.seen % shared.every == 0:
                    shared.ages.append(now - tick["at"])


def _same(made: Listener) -> Listener:
    return made


async def main(url: str, token: str, seconds: float, listings: list[str]) -> None:
    """Connect, say "listening", measure, and print what was heard."""
    address, random_ = urlsplit(url), random.Random(7)
    shared = Clients(every=max(1, int(CLIENTS * EACH * seconds) // KEPT))
    loop, clients = asyncio.get_running_loop(), []
    for _ in range(CLIENTS):
        made = Listener(shared, "/ws/ticks", token, random_.sample(listings, EACH))
        await loop.create_connection(partial(_same, made), address.hostname, address.port)
        clients.append(made)
    deadline = time.monotonic() + 60
    while shared.subscribed < CLIENTS:
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {shared.subscribed} clients are subscribed")
        await asyncio.sleep(0.05)
    print("listening", flush=True)
    await asyncio.sleep(min(5.0, seconds / 3))
    shared.measuring = True
    await asyncio.sleep(seconds)
    shared.measuring = False
    print(json.dumps({"latencies_ms": shared.ages, "ticks": [client.ticks for client in clients], "seconds": seconds}))


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), json.loads(sys.argv[4])))
