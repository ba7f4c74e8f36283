"""SmartAPI's stream V2 for live ticks, and its second socket for news of orders (wire.md F)."""

from __future__ import annotations

import itertools
import json
import logging
import threading
from collections.abc import Mapping, Sequence

from sigma.adapters.angelone import mapping
from sigma.adapters.angelone.capabilities import CAPABILITIES
from sigma.adapters.angelone.client import needed
from sigma.adapters.angelone.decode import EXCHANGE_TYPES, TOKEN, decode, key
from sigma.adapters.feeds import Complaints, Wanted, batches, deliver, json_object, tell_order
from sigma.adapters.stream import Address, Stream
from sigma.adapters.transport import Redactor, secrets_of
from sigma.domain.accounts import BrokerSession
from sigma.domain.errors import SessionExpired
from sigma.domain.instruments import BrokerInstrument, Exchange
from sigma.domain.market import FeedState
from sigma.domain.ticks import microseconds
from sigma.ports.broker import AdapterContext
from sigma.ports.feed import FeedSink

logger = logging.getLogger(__name__)

TICKS_ROOT, TICKS_PATH = "wss://smartapisocket.angelone.in", "/smart-stream"
ORDERS_ROOT, ORDERS_PATH = "wss://tns.angelone.in", "/smart-order-update"
_PING, _PONG = "ping", "pong"
_SNAP = 3
_SUBSCRIBE, _UNSUBSCRIBE = 1, 0
_BATCH = 250
_LONGEST_TOKEN = 25
_GREETING, _FINE = "AB00", "200"


class AngelOneFeed:
    """A Feed (sigma/ports/feed.py) of two sockets: every listing in Snap mode, with depth; and order news."""

    def __init__(self, credentials: Mapping[str, str], session: BrokerSession, context: AdapterContext, sink: FeedSink) -> None:
        needed(credentials, "api_key", "client_code")
        clean = Redactor(secrets_of(credentials, session.tokens))
        login = _Login(credentials, session)
        self._talk = _Ticker(login, context, clean, sink)
        self._ticks = Stream(self._talk, context, clean, sink.state)
        self._orders = Stream(_OrderNews(login, context, clean, sink), context, clean, _only_logged)
        self._problem: Exception | None = None

    @property
    def complaints(self) -> int:
        """How many frames could not be read."""
        return self._talk.complaints.count

    def want(self, slots: Mapping[str, int]) -> None:
        """Say which listings to watch from now on, each with its slot; at most 1000 are, the first ones."""
        self._talk.wanted.want(slots)

    def run(self) -> None:
        """Connect and deliver until `close` or until the session is refused for ticks; order news are heard meanwhile."""
        orders = threading.Thread(target=self._hear_orders, name="feed of order news", daemon=True)
        orders.start()
        try:
            self._ticks.run()
        finally:
            self._orders.close()
            orders.join()
        if self._problem is not None:
            raise self._problem

    def close(self) -> None:
        """End `run` within a second."""
        self._orders.close()
        self._ticks.close()

    def _hear_orders(self) -> None:
        try:
            self._orders.run()
        except Exception as error:  # raised by `run`
            self._problem = error
            self._ticks.close()


def _only_logged(_state: FeedState, _why: str) -> None:
    """Take the state of the socket for orders, which the stream has logged: the book is read without it too."""


class _Login:
    """The headers of both sockets."""

    def __init__(self, credentials: Mapping[str, str], session: BrokerSession) -> None:
        self._credentials, self._tokens = credentials, session.tokens

    def address(self, root: str, path: str) -> Address:
        """Return where to connect and as whom; SessionExpired when the login holds no feed token."""
        if not self._tokens.get("feed"):
            hint = "Log in with PIN and one-time code: a login by a ready access token has none."
            raise SessionExpired("The login of AngelOne holds no feed token.", hint=hint)
        headers = {
            "Authorization": f"Bearer {self._tokens.get('jwt', '')}",
            "x-api-key": self._credentials["api_key"],
            "x-client-code": self._credentials["client_code"].strip(),
            "x-feed-token": self._tokens["feed"],
        }
        return Address(root.rstrip("/") + path, headers)


class _Ticker:
    """A Talk (sigma/adapters/stream.py)."""

    name = f"{CAPABILITIES.title} ticks"
    ping = _PING

    def __init__(self, login: _Login, context: AdapterContext, clean: Redactor, sink: FeedSink) -> None:
        self._login, self._root = login, context.stream_url or TICKS_ROOT
        self._clock, self._clean, self._sink = context.clock, clean, sink
        self._numbers = itertools.count(1)
        self.wanted = Wanted(CAPABILITIES, context, _key, TOKEN)
        self.complaints = Complaints(self.name, context.clock, clean)

    def address(self) -> Address:
        """Return where to connect."""
        return self._login.address(self._root, TICKS_PATH)

    def opened(self, again: bool) -> None:
        """Begin a connection."""
        self.wanted.forgotten()

    def requests(self) -> Sequence[str]:
        """Return what to subscribe and unsubscribe now."""
        new, gone = self.wanted.changes()
        texts = [self._said(_UNSUBSCRIBE, keys) for keys in batches(gone, _BATCH)]
        return texts + [self._said(_SUBSCRIBE, keys) for keys in batches(new, _BATCH)]

    def _said(self, action: int, keys: Sequence[bytes]) -> str:
        tokens: dict[int, list[str]] = {}
        for each in keys:
            tokens.setdefault(each[0], []).append(each[1:].decode("ascii"))
        lists = [{"exchangeType": kind, "tokens": of_kind} for kind, of_kind in tokens.items()]
        number = f"sigma{next(self._numbers):05d}"  # ten characters come back with an error
        return json.dumps({"correlationID": number, "action": action, "params": {"mode": _SNAP, "tokenList": lists}})

    def frames(self, frames: Sequence[bytes]) -> int:
        """Decode frames and hand their ticks on."""
        received = microseconds(self._clock.now())
        return deliver(decode(frames, received, self.wanted.wish.slots), self._sink, self.complaints)

    def text(self, text: str) -> None:
        """Take an answer to a ping, or an error."""
        if text == _PONG:
            return
        said = json_object(text)
        if said is None or not said.get("errorCode"):
            self.complaints.add([f"a text that is no message: {text}"])
            return
        told = f"{said.get('errorCode')} {said.get('errorMessage')} (request {said.get('correlationID')})"
        logger.warning("%s: the broker says: %s", self.name, self._clean(told))

    def awaited(self) -> frozenset[Exchange]:
        """Return the exchanges of the listings wanted."""
        return self.wanted.wish.exchanges


class _OrderNews:
    """A Talk (sigma/adapters/stream.py) on which only orders are spoken of."""

    name = f"{CAPABILITIES.title} order news"
    ping = _PING

    def __init__(self, login: _Login, context: AdapterContext, clean: Redactor, sink: FeedSink) -> None:
        self._login, self._root, self._clean, self._sink = login, context.stream_url or ORDERS_ROOT, clean, sink
        self._lookup = context.instruments
        self._complaints = Complaints(self.name, context.clock, clean)

    def address(self) -> Address:
        """Return where to connect."""
        return self._login.address(self._root, ORDERS_PATH)

    def opened(self, again: bool) -> None:
        """Begin a connection; what orders did meanwhile was not heard."""
        if again:
            self._sink.orders_changed()

    def requests(self) -> Sequence[str]:
        """Return nothing: news come unasked."""
        return ()

    def frames(self, frames: Sequence[bytes]) -> int:
        """Take binary frames for the texts that they may hold."""
        for frame in frames:
            self.text(frame.decode("utf-8", "replace"))
        return 0

    def text(self, text: str) -> None:
        """Take news of an order; the first frame only greets."""
        if text == _PONG:
            return
        said = json_object(text)
        if said is None or "order-status" not in said:
            self._complaints.add([f"a text that is no news of an order: {text}"])
        elif str(said.get("status-code")) != _FINE:
            told = f"{said.get('status-code')} {said.get('error-message')}"
            logger.warning("%s: the broker says: %s", self.name, self._clean(told))
        elif said["order-status"] != _GREETING:
            tell_order(said.get("orderData"), lambda row: mapping.order(row, self._lookup), self._sink, self._complaints)

    def awaited(self) -> frozenset[Exchange]:
        """Return nothing: no ticks come here."""
        return frozenset()


def _key(instrument: BrokerInstrument) -> bytes:
    if instrument.exchange_code not in EXCHANGE_TYPES or not 0 < len(instrument.token) <= _LONGEST_TOKEN:
        raise ValueError(f"{instrument.exchange_code} {instrument.token} cannot be watched")
    return key(EXCHANGE_TYPES[instrument.exchange_code], instrument.token)
