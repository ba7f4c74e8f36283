"""One WebSocket to a broker, kept up: connected with patience, watched for silence, connected anew when it dies.

What is said on it (address, subscriptions, the meaning of frames) is the broker's and comes as a `Talk`. The library is
`websockets`; it verifies TLS. Nothing here is logged by it: its log would show the address and the headers, which hold tokens.
"""

from __future__ import annotations

import contextlib
import logging
import random
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException
from websockets.http11 import Response
from websockets.protocol import Event
from websockets.sync.client import ClientConnection, connect
from websockets.uri import parse_uri

from sigma.adapters.transport import SECOND_NS, Redactor, shut
from sigma.domain.errors import SessionExpired
from sigma.domain.instruments import Exchange
from sigma.domain.market import FeedState
from sigma.ports.broker import AdapterContext

logger = logging.getLogger(__name__)

SLICE_S = 0.1
"""How long it waits for a frame before it looks around: the longest delay of a subscription and of an end."""
POLITE_S = 0.3
_END_S = 0.5
PING_S = 10.0
BATCH = 256
"""Most frames handed on at once."""
_QUEUE = 4 * BATCH
_LARGEST_FRAME = 4 * 2**20
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_SAID_LIMIT = 120
_REFUSING = frozenset({401, 403})
_TOO_FAST = "exceeding access rate"  # SmartAPI says so with a 403 of its own [wire.md B2]
_SILENT = logging.Logger("stream.silent", level=logging.CRITICAL + 1)  # not registered: no configuration can wake it
_SILENT.disabled = True
_WELL = frozenset({FeedState.STARTING, FeedState.LIVE, FeedState.OFF})
_JITTER = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect, and with which headers. Both hold secrets."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Talk(Protocol):
    """What a broker says and understands on one socket. Called from the stream's thread."""

    name: str
    ping: str

    def address(self) -> Address:
        """Return where to connect; SessionExpired when the login lacks what that takes."""

    def opened(self, again: bool) -> None:
        """Learn of a new connection, on which nothing is subscribed; `again` when there was one before."""

    def requests(self) -> Sequence[str]:
        """Return the texts to send now, none mostly."""

    def frames(self, frames: Sequence[bytes]) -> int:
        """Take binary frames in the order they came; return how many ticks were handed on."""

    def text(self, text: str) -> None:
        """Take a text frame."""

    def awaited(self) -> frozenset[Exchange]:
        """Return the exchanges of the listings that ticks are awaited of."""


Tell = Callable[[FeedState, str], None]


class _Lost(Exception):
    """The connection could not be made or is over; the text says why."""


class _Refused(Exception):
    """The broker does not accept the session; the text says what it said."""


class Stream:
    """Keeps one socket of a broker up until it is closed or refused. Made for one `run`.

    Parameters
    ----------
    clean : Redactor
        Takes the secrets out of what the broker says.
    tell : callable
        Learns of each change of state, with why in words; called from the stream's thread.
    """

    def __init__(self, talk: Talk, context: AdapterContext, clean: Redactor, tell: Tell) -> None:
        self._talk, self._clean, self._tell = talk, clean, tell
        self._clock, self._rules, self._timeout_s = context.clock, context.feed_rules, context.timeout_s
        self._closed, self._over = threading.Event(), threading.Event()
        self._problem: Exception | None = None
        self._socket: socket.socket | None = None
        self._state: FeedState | None = None
        self._why = ""
        self._heard_ns = self._ticked_ns = self._pinged_ns = self._looked_ns = 0
        self._fruitful = False

    def run(self) -> None:
        """Connect and deliver until `close`, or until the session is refused. Raises what a sink raised."""
        # Names are resolved and TLS is agreed on without a way to interrupt either: that thread is left behind.
        worker = threading.Thread(target=self._work, name=f"stream {self._talk.name}", daemon=True)
        worker.start()
        self._over.wait()
        worker.join(_END_S)
        if worker.is_alive() and self._socket is not None:
            shut(self._socket)
            worker.join(SLICE_S)
        if self._problem is not None:
            raise self._problem

    def close(self) -> None:
        """End `run` within a second. May be called from any thread, before `run` too."""
        self._closed.set()
        self._over.set()

    def _work(self) -> None:
        try:
            self._keep_up()
        except Exception as error:  # raised by `run`, in the thread that can answer it
            self._problem = error
        finally:
            self._over.set()

    def _keep_up(self) -> None:
        failures, again = 0, False
        self._say(FeedState.STARTING, "")
        while not self._closed.is_set():
            self._fruitful, began_ns = False, self._clock.boot_ns()
            try:
                with self._connection() as connection:
                    if self._closed.is_set():
                        return
                    self._begin(again)
                    again = True
                    self._serve(connection)
            except (_Refused, SessionExpired) as error:
                self._say(FeedState.REFUSED, str(error))
                return
            except (_Lost, ConnectionClosed) as error:
                self._say(FeedState.LOST, self._closing(error) if isinstance(error, ConnectionClosed) else str(error))
            lasted = self._clock.boot_ns() - began_ns > _LONGEST_PAUSE_S * SECOND_NS
            failures = 0 if self._fruitful or lasted else failures + 1
            self._pause(failures)

    def _pause(self, failures: int) -> None:
        seconds = min(_FIRST_PAUSE_S * 2.0 ** min(failures, 10), _LONGEST_PAUSE_S) * _JITTER.uniform(0.5, 1.0)
        while seconds > 0 and not self._closed.is_set():
            self._clock.wait(min(SLICE_S, seconds))
            seconds -= SLICE_S

    @contextlib.contextmanager
    def _connection(self) -> Iterator[ClientConnection]:
        address = self._talk.address()
        with contextlib.ExitStack() as stack:
            try:
                connection = stack.enter_context(self._connecting(address))
            except InvalidStatus as error:
                raise self._answered(error.response) from None
            except InvalidURI:
                raise _Lost("its address is no ws:// or wss:// address") from None
            except (OSError, ValueError, WebSocketException) as error:
                raise _Lost(f"no connection: {self._clean(_reason(error))}") from None
            yield connection

    def _connecting(self, address: Address) -> ClientConnection:
        place = parse_uri(address.url)
        self._socket = socket.create_connection((place.host, place.port), self._timeout_s)
        self._socket.settimeout(None)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux: a write to a peer that is gone ends like a read does
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self._rules.dead_after_s * 1000))
        # Given a socket it follows no redirect, which would carry the tokens elsewhere.
        return connect(
            address.url,
            sock=self._socket,
            additional_headers=address.headers,
            compression=None,
            proxy=None,
            open_timeout=self._timeout_s,
            ping_interval=min(PING_S, self._rules.dead_after_s / 3),
            ping_timeout=None,  # whatever comes counts as life, an answer to a ping is only one of it
            close_timeout=POLITE_S,
            max_size=_LARGEST_FRAME,
            max_queue=_QUEUE,
            logger=_SILENT,
            create_connection=_listened(self._hear),
        )

    def _hear(self) -> None:
        self._heard_ns = self._clock.boot_ns()

    def _begin(self, again: bool) -> None:
        self._hear()
        self._ticked_ns = self._pinged_ns = self._heard_ns
        self._say(FeedState.STARTING, "")
        self._talk.opened(again)

    def _serve(self, connection: ClientConnection) -> None:
        while not self._closed.is_set():
            with contextlib.suppress(ConnectionClosed):  # told by the reading, once what came before it is read
                for text in self._talk.requests():
                    connection.send(text)
            frames, texts = _read(connection)
            for text in texts:
                self._talk.text(text)
            if frames and self._talk.frames(frames):
                self._fruitful = True
                self._ticked_ns = self._clock.boot_ns()
                self._say(FeedState.LIVE, "")
            self._look_around(connection, idle=not frames and not texts)

    def _look_around(self, connection: ClientConnection, *, idle: bool) -> None:
        """Judge silence and death, and ping; a few times a second."""
        now = self._clock.boot_ns()
        if now - self._looked_ns < SLICE_S * SECOND_NS:
            return
        self._looked_ns = now
        if idle and now - self._heard_ns > self._rules.dead_after_s * SECOND_NS:
            raise _Lost(f"nothing came for {self._rules.dead_after_s:g} s, not even a heartbeat")
        if self._talk.ping and now - self._pinged_ns > PING_S * SECOND_NS:
            self._pinged_ns = now
            connection.send(self._talk.ping)
        awaited = self._talk.awaited()
        trading = any(self._rules.is_open(exchange) for exchange in awaited)
        if not trading:
            self._ticked_ns = now
        if not awaited:
            self._say(FeedState.OFF, "no listing is wanted")
        elif now - self._ticked_ns > self._rules.silent_after_s * SECOND_NS:
            self._say(FeedState.SILENT, f"no tick came for {self._rules.silent_after_s:g} s while the market is open")
        elif self._state is FeedState.OFF or (self._state is FeedState.SILENT and not trading):
            self._say(FeedState.STARTING, "")

    def _answered(self, response: Response) -> _Lost | _Refused:
        """Return what a handshake means that was answered by anything but a switch of protocols."""
        said = self._clean(bytes(response.body or b"").decode("utf-8", "replace"), _SAID_LIMIT)
        told = f"HTTP {response.status_code}{': ' if said else ''}{said}"
        if response.status_code in _REFUSING and _TOO_FAST not in said.lower():
            return _Refused(f"the broker does not accept the login ({told})")
        return _Lost(f"the broker refused the connection ({told})")

    def _closing(self, error: ConnectionClosed) -> str:
        if error.rcvd is None:
            return "the connection broke off"
        reason = self._clean(error.rcvd.reason, _SAID_LIMIT)
        return f"the broker closed the connection (code {error.rcvd.code}{': ' if reason else ''}{reason})"

    def _say(self, state: FeedState, why: str) -> None:
        if (self._state, self._why) == (state, why) or self._closed.is_set():
            return
        self._state, self._why = state, why
        level = logging.INFO if state in _WELL else logging.WARNING
        logger.log(level, "%s: %s%s", self._talk.name, state.value, f", {why}" if why else "")
        self._tell(state, why)


def _read(connection: ClientConnection) -> tuple[list[bytes], list[str]]:
    """Return what came, after a moment's wait at most: binary frames and texts."""
    frames: list[bytes] = []
    texts: list[str] = []
    patience = SLICE_S
    while len(frames) + len(texts) < BATCH:
        try:
            message = connection.recv(patience)
        except TimeoutError:
            break
        except ConnectionClosed:
            if frames or texts:
                break  # told again by the next read
            raise
        if isinstance(message, str):
            texts.append(message)
        else:
            frames.append(message)
        patience = 0.0
    return frames, texts


def _listened(hear: Callable[[], None]) -> type[ClientConnection]:
    class Listened(ClientConnection):
        def process_event(self, event: Event) -> None:
            hear()
            super().process_event(event)

    return Listened


def _reason(error: Exception) -> str:
    """Return why no connection was made, without addresses."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the broker's certificate is not valid ({error.verify_message})"
    if isinstance(error, TimeoutError):
        return "it took too long"
    return (error.strerror if isinstance(error, OSError) else "") or type(error).__name__
