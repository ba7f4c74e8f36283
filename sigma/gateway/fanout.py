"""Ticks to many clients: each listing is encoded once, each client gets one write a window, and a slow one the latest only.

Everything here happens on the event loop, in plain calls. A client's pending listings are kept by name, not by value: however
long it takes nothing, it holds one reference a listing, and gets the value of the moment when it takes something again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import orjson

from sigma.domain.ticks import MISSING, Ticks

GATHER_S = 0.002
"""How long the first tick after a pause waits for those that come with it."""
SHORTEST_S, LONGEST_S = 0.02, 0.05
"""How long ticks are gathered before they go out: longer, within these bounds, when going out takes much computing."""
LOAD = 2.0
"""A window is so many times as long as the last flush took: a third of a core is the most that fan-out takes by itself."""
STUCK_S = 30.0
"""A client that takes nothing for this long is let go."""
AGAIN_S = 0.1
TEXT = 0x81  # a final text frame, RFC 6455 5.2
PRICES = ("last", "open", "high", "low", "close", "average")
NUMBERS = ("volume", "open_interest")
NAMES = ("listing", "at", *PRICES, *NUMBERS, "bid", "bid_quantity", "ask", "ask_quantity")
HEAD, TAIL = b'{"type":"ticks","ticks":[', b"]}"


class Transport(Protocol):
    """What a client's connection offers: asyncio's transport, as far as it is used."""

    def write(self, data: bytes) -> None:
        """Send, or keep until it can be sent."""

    def get_write_buffer_size(self) -> int:
        """Return how many bytes wait because the client takes no more."""

    def is_closing(self) -> bool:
        """Say whether it has ended."""

    def abort(self) -> None:
        """End it now."""


class Topic:
    """One listing of one source: who wants it, and its newest tick as JSON."""

    __slots__ = ("clients", "fragment", "listing", "received", "source")

    def __init__(self, source: int, listing: str) -> None:
        self.source = source
        self.listing = listing
        self.clients: set[Client] = set()
        self.fragment = b""
        self.received = 0


class Client:
    """One connection and what it wants."""

    __slots__ = ("pending", "stuck_since", "topics", "transport")

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.topics: dict[str, Topic] = {}
        self.pending: set[Topic] = set()
        self.stuck_since: float | None = None

    def say(self, message: Mapping[str, Any]) -> None:
        """Send one message that is no tick."""
        if not self.transport.is_closing():
            self.transport.write(frame(orjson.dumps(message)))


class Fanout:
    """Who wants which listing, and what is to be told to whom."""

    def __init__(self) -> None:
        self.clients: set[Client] = set()
        self._topics: dict[int, dict[str, Topic]] = {}
        self._slots: dict[int, tuple[Mapping[str, int], dict[int, Topic]]] = {}
        self._values: dict[Topic, tuple[Any, ...]] = {}
        self._behind: set[Client] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._flushed_at = 0.0
        self.window_s = SHORTEST_S

    # -- clients

    def add(self, client: Client) -> None:
        """Let a client in."""
        self.clients.add(client)

    def drop(self, client: Client) -> None:
        """Forget a client."""
        self.clients.discard(client)
        self._behind.discard(client)
        self.unsubscribe(client, list(client.topics))

    def subscribe(self, client: Client, source: int, listings: Iterable[str], known: Mapping[str, Ticks]) -> None:
        """Send a client ticks of listings of a source (account id) from now on; at once those that are `known`."""
        topics = self._topics.setdefault(source, {})
        for listing in listings:
            topic = topics.get(listing)
            if topic is None:
                topic = topics[listing] = Topic(source, listing)
                self._slots.pop(source, None)
            topic.clients.add(client)
            client.topics[listing] = topic
            if topic.fragment:
                client.pending.add(topic)
        if client.pending:
            self._behind.add(client)
            self._wake()
        self.refresh(source, known)

    def unsubscribe(self, client: Client, listings: Iterable[str]) -> None:
        """Send a client no more ticks of these."""
        for listing in listings:
            topic = client.topics.pop(listing, None)
            if topic is not None:
                client.pending.discard(topic)
                topic.clients.discard(client)
                if not topic.clients:
                    self._topics[topic.source].pop(listing, None)
                    self._values.pop(topic, None)
                    self._slots.pop(topic.source, None)

    def wanted(self) -> dict[int, list[str]]:
        """Return what anybody wants, by source."""
        return {source: list(topics) for source, topics in self._topics.items() if topics}

    # -- ticks

    def take(self, source: int, slots: Mapping[str, int], ticks: Ticks) -> None:
        """Take ticks of a source; `slots` is what its table says now."""
        topics = self._by_slot(source, slots)
        found = [topics.get(slot) for slot in ticks["slot"].tolist()]
        if any(found):
            for topic, values in zip(found, _values(ticks), strict=True):
                if topic is not None:
                    self._news(topic, values)
            self._wake()

    def refresh(self, source: int, known: Mapping[str, Ticks]) -> None:
        """Take what the table holds where it is newer: whatever the bus did not carry is made good."""
        topics = self._topics.get(source, {})
        for listing, tick in known.items():
            topic = topics.get(listing)
            if topic is not None and tick["received"][0] > topic.received:
                self._news(topic, next(_values(tick)))
        if self._values:
            self._wake()

    def _news(self, topic: Topic, values: tuple[Any, ...]) -> None:
        topic.received = values[0]
        self._values[topic] = values[1:]

    def _by_slot(self, source: int, slots: Mapping[str, int]) -> Mapping[int, Topic]:
        held = self._slots.get(source)
        if held is None or held[0] is not slots:
            topics = {slots[name]: topic for name, topic in self._topics.get(source, {}).items() if name in slots}
            held = self._slots[source] = (slots, topics)
        return held[1]

    def _wake(self, delay_s: float = GATHER_S) -> None:
        """Flush after `delay_s`, but not sooner than a window after the last flush; an earlier one that is due already stands."""
        loop = asyncio.get_running_loop()
        due = max(loop.time() + delay_s, self._flushed_at + self.window_s)
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = loop.call_at(due, self._flush)

    def _flush(self) -> None:
        """Write to each client what it has not got yet, unless it takes nothing now."""
        began, now = time.thread_time(), time.monotonic()
        self._timer = None
        for topic, values in self._values.items():
            topic.fragment = _encoded(topic.listing, values)
            for client in topic.clients:
                client.pending.add(topic)
            self._behind |= topic.clients
        self._values.clear()
        self._behind = {client for client in self._behind if not self._written(client, now)}
        if self._behind:
            self._wake(AGAIN_S)
        self._flushed_at = asyncio.get_running_loop().time()
        self.window_s = min(LONGEST_S, max(SHORTEST_S, LOAD * (time.thread_time() - began)))

    def _written(self, client: Client, now: float) -> bool:
        """Write what is pending for a client; False when it must wait."""
        transport = client.transport
        if transport.is_closing():
            return True
        if transport.get_write_buffer_size():
            if client.stuck_since is None:
                client.stuck_since = now
            elif now - client.stuck_since > STUCK_S:
                transport.abort()
            return False
        client.stuck_since = None
        transport.write(frame(b"".join((HEAD, b",".join([topic.fragment for topic in client.pending]), TAIL))))
        client.pending.clear()
        return True


def frame(payload: bytes) -> bytes:
    """Return one text message as a server's frame (unmasked)."""
    size = len(payload)
    if size < 126:
        return bytes((TEXT, size)) + payload
    if size < 65536:
        return bytes((TEXT, 126)) + size.to_bytes(2) + payload
    return bytes((TEXT, 127)) + size.to_bytes(8) + payload


def _values(ticks: Ticks) -> Iterator[tuple[Any, ...]]:
    """Give for each tick when it was received, and the values of `NAMES` behind the listing."""
    columns = [
        ticks["received"].tolist(),
        (ticks["at"] // 1000).tolist(),
        *(ticks[name].tolist() for name in (*PRICES, *NUMBERS)),
    ]
    for side in ("bids", "asks"):
        best = ticks[side][:, 0]
        columns += [best["price"].tolist(), best["quantity"].tolist()]
    return zip(*columns, strict=True)


def _encoded(listing: str, values: tuple[Any, ...]) -> bytes:
    """Return a tick as JSON; what is not known (NaN, -1) is null."""
    return orjson.dumps(dict(zip(NAMES, (listing, *(None if value == MISSING else value for value in values)), strict=True)))
