"""The brokers' sockets: who is connected, and what makes each connection talk: ticks, heartbeats, order news, faults."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sigma.simulator.doors import GATEWAY_TIMEOUT
from sigma.simulator.exchange import Exchange
from sigma.simulator.faults import BEFORE, NEWS, STREAM, Fault
from sigma.simulator.http import DROPPED, Request, Response
from sigma.simulator.load import Load
from sigma.simulator.model import SimAccount, SimOrder
from sigma.simulator.sockets import Gone, Socket

TICKS, ORDERS = "feed", "order_feed"
CONNECTIONS = 3
HEARTBEAT_S = 1.0
_SHORTEST_S = 0.01
# How long a client may take to answer a closing handshake.
_FAREWELL_S = 3.0
_GARBAGE = b"\x00\x17\xff\xfe upstream not a packet \x80\x81{{"

Message = str | bytes


class Stream(Protocol):
    """One client's conversation with a door."""

    heartbeat: bytes | None
    """What is sent each second; None for nothing."""

    def hear(self, message: Message) -> list[Message]:
        """Take what the client says and return what it is answered at once."""

    def ticks(self, load: Load | None) -> list[bytes]:
        """Return the binary messages that are due: what has changed, or the load's."""

    def news(self, look: SimOrder) -> str | None:
        """Return the message that tells of an order; None when this socket says nothing of it."""

    def error(self, text: str) -> str:
        """Return an error as a text frame words it."""

    def watched(self) -> int:
        """Return how many subscriptions there are."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A handshake that is accepted: whose, on which socket, and for how long the session lasts."""

    account: SimAccount
    endpoint: str
    alive: Callable[[], bool]
    begin: Callable[[], Stream]
    greeting: tuple[Message, ...] = ()


class FeedDoor(Protocol):
    """A broker's sockets."""

    @property
    def broker(self) -> str:
        """The broker's name."""

    def serves(self, path: str) -> bool:
        """Say whether a path is one of this broker's sockets."""

    def enter(self, request: Request) -> Entry | Response:
        """Check a handshake; a response refuses it."""

    def refuse(self, kind: str, request: Request) -> Response:
        """Word a refusal: ``expired_session``, ``text_403``, or ``too_many`` (also for the other limits)."""


class Feeds:
    """All open streams."""

    def __init__(self, exchange: Exchange, doors: Sequence[FeedDoor]) -> None:
        self._exchange, self._doors = exchange, doors
        self._guard = threading.Lock()
        self._open: list[Connection] = []
        self.load: Load | None = None
        exchange.listen(self._heard)

    def enter(self, request: Request) -> Response | Callable[[Socket], None]:
        """Answer a handshake: a refusal, or what to do with the socket; that must be called, whatever becomes of it."""
        door = next((door for door in self._doors if door.serves(request.path)), None)
        if door is None:
            return Response(404, b"Not found", "text/plain")
        entry = door.enter(request)
        if isinstance(entry, Response):
            return entry
        refused = self._struck(door, entry, request)
        if refused is not None:
            return refused
        connection = Connection(self._exchange, door.broker, entry, lambda: self.load)
        with self._guard:
            same = [one for one in self._open if one.entry.account is entry.account and one.entry.endpoint == entry.endpoint]
            if len(same) >= CONNECTIONS:
                return door.refuse("too_many", request)
            self._open.append(connection)
        return lambda socket: self._converse(connection, socket)

    def _struck(self, door: FeedDoor, entry: Entry, request: Request) -> Response | None:
        exchange = self._exchange
        with exchange.lock:
            found = exchange.faults.strike_stream(door.broker, entry.endpoint, entry.account.client_id, BEFORE)
            fault = next(iter(found.values()), None)
            if fault is not None and fault.kind == "expired_session" and not fault.args.get("spurious"):
                exchange.sessions.expire(entry.account)
        if fault is None:
            return None
        if fault.kind == "drop_before_commit":
            return DROPPED
        return GATEWAY_TIMEOUT if fault.kind == "html_504" else door.refuse(fault.kind, request)

    def _converse(self, connection: Connection, socket: Socket) -> None:
        try:
            if socket.accept():
                connection.run(socket)
        finally:
            with self._guard:
                self._open.remove(connection)

    def _heard(self, look: SimOrder) -> None:
        """Pass an order's news on; called under the exchange's lock, so it only queues."""
        with self._guard:
            for connection in self._open:
                account = connection.entry.account
                if account.broker == look.broker and account.client_id == look.client_id:
                    connection.tell(look)

    def say(self, text: str, broker: str, client_id: str | None) -> int:
        """Send a text frame to every stream of a broker or client (``*`` and None for all); return to how many."""
        with self._guard:
            chosen = [
                one for one in self._open if broker in ("*", one.broker) and client_id in (None, one.entry.account.client_id)
            ]
            for connection in chosen:
                connection.tell(text)
        return len(chosen)

    def all(self) -> list[dict[str, object]]:
        """Return the open streams as the control API shows them."""
        with self._guard:
            return [connection.as_dict() for connection in self._open]


@dataclass(slots=True, eq=False)
class Connection:
    """One stream: a thread that listens (the HTTP server's) and one that talks.

    Parameters
    ----------
    load : callable
        What benches impose at the moment.
    """

    exchange: Exchange
    broker: str
    entry: Entry
    load: Callable[[], Load | None]
    _waiting: deque[SimOrder | str] = field(default_factory=deque)
    _kept_back: list[str] = field(default_factory=list)
    _wake: threading.Condition = field(default_factory=threading.Condition)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _eager: bool = False
    _stream: Stream | None = None
    _sent: int = 0

    def run(self, socket: Socket) -> None:
        """Talk and listen until the connection ends."""
        stream = self._stream = self.entry.begin()
        talker = threading.Thread(target=self._talk, args=(stream, socket), name="simulator-feed", daemon=True)
        talker.start()
        for message in socket.messages():
            with self._guard:
                answers = stream.hear(message)
            try:
                socket.send(answers)
            except Gone:
                break
            with self._wake:
                self._eager = True
                self._wake.notify()
        socket.over.set()
        with self._wake:
            self._wake.notify()
        talker.join(_FAREWELL_S)

    def tell(self, news: SimOrder | str) -> None:
        """Queue order news, or a text frame as it is. Never blocks."""
        with self._wake:
            self._waiting.append(news)
            self._wake.notify()

    def as_dict(self) -> dict[str, object]:
        """Return the stream as the control API shows it."""
        watched = self._stream.watched() if self._stream else 0
        account = self.entry.account
        return {
            "broker": self.broker, "client_id": account.client_id, "endpoint": self.entry.endpoint,
            "subscriptions": watched, "messages": self._sent,
        }  # fmt: skip

    # -- talking ---------------------------------------------------------------------------------------------------

    def _talk(self, stream: Stream, socket: Socket) -> None:
        try:
            self._send(socket, list(self.entry.greeting))
            heart, beat = time.monotonic() + HEARTBEAT_S, time.monotonic()
            while not socket.over.is_set():
                eager = self._wait(min(heart, beat))
                now = time.monotonic()
                self._tell_news(stream, socket)
                if now < min(heart, beat) and not eager:
                    continue
                due = now >= beat or (eager and self.load() is None)
                if not self._beat(stream, socket, ticks=due, heartbeat=now >= heart):
                    return
                heart = now + HEARTBEAT_S if now >= heart else heart
                beat = max(beat + self._interval(), now) if now >= beat else beat
        except Gone:
            return
        finally:
            socket.drop()

    def _interval(self) -> float:
        load = self.load()
        return max(_SHORTEST_S, 1 / load.per_second if load else self.exchange.config.tick_interval_s)

    def _wait(self, until: float) -> bool:
        """Wait for the next beat or for something to say; return whether the client has just said something."""
        with self._wake:
            self._wake.wait_for(lambda: self._eager or self._waiting, max(0.0, until - time.monotonic()))
            eager, self._eager = self._eager, False
        return eager

    def _beat(self, stream: Stream, socket: Socket, *, ticks: bool, heartbeat: bool) -> bool:
        """Say what is due, bent by whatever faults strike; return False when the conversation is over."""
        if not self.entry.alive():
            self._farewell(socket, 1008, "session expired")
            return False
        faults = self._faults(STREAM - {"feed_truncated"})
        if "feed_drop" in faults:
            socket.drop()
            return False
        if "feed_close" in faults:
            code, reason = faults["feed_close"].args.get("code", 1011), str(faults["feed_close"].args.get("reason", ""))
            self._farewell(socket, code if isinstance(code, int) else 1011, reason)
            return False
        silence = faults.get("feed_silence")
        said: list[Message] = []
        if heartbeat and stream.heartbeat is not None and (silence is None or silence.args.get("heartbeats", True)):
            said.append(stream.heartbeat)
        if "feed_error" in faults:
            said.append(stream.error(str(faults["feed_error"].args.get("text", "an error of a fault"))))
        if "feed_garbage" in faults:
            said.append(_GARBAGE)
        if ticks and silence is None:
            said += self._ticks(stream)
        self._send(socket, said)
        return True

    def _ticks(self, stream: Stream) -> list[bytes]:
        with self._guard:
            frames = stream.ticks(self.load())
        if frames and "feed_truncated" in self._faults(frozenset({"feed_truncated"})):
            return [frame[: max(1, len(frame) * 2 // 3)] for frame in frames]
        return frames

    def _faults(self, kinds: frozenset[str], endpoint: str | None = None) -> dict[str, Fault]:
        client_id = self.entry.account.client_id
        with self.exchange.lock:
            return self.exchange.faults.strike_stream(self.broker, endpoint or self.entry.endpoint, client_id, kinds)

    def _tell_news(self, stream: Stream, socket: Socket) -> None:
        while self._waiting:
            item = self._waiting.popleft()
            if isinstance(item, str):
                self._send(socket, [item])
                continue
            with self._guard:
                text = stream.news(item)
            if text is not None:
                self._send(socket, self._bent(text))

    def _bent(self, text: str) -> list[Message]:
        """Return what is sent for one piece of order news."""
        faults = self._faults(NEWS, ORDERS)
        if "news_lost" in faults:
            return []
        if "news_late" in faults:
            self._kept_back.append(text)
            return []
        late, self._kept_back = self._kept_back, []
        return [text, *([text] if "news_twice" in faults else []), *late]

    def _send(self, socket: Socket, messages: list[Message]) -> None:
        if messages:
            socket.send(messages)
            self._sent += len(messages)

    def _farewell(self, socket: Socket, code: int, reason: str) -> None:
        socket.close(code, reason)
        if not socket.over.wait(_FAREWELL_S):
            socket.drop()
