"""Kite's ticker: live ticks, and news of orders as text on the same socket (wire.md F)."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from sigma.adapters.feeds import Complaints, Wanted, batches, deliver, json_object, tell_order
from sigma.adapters.stream import Address, Stream
from sigma.adapters.transport import Redactor, secrets_of
from sigma.adapters.zerodha import mapping
from sigma.adapters.zerodha.capabilities import CAPABILITIES
from sigma.adapters.zerodha.client import needed
from sigma.adapters.zerodha.decode import TOKEN, decode
from sigma.domain.accounts import BrokerSession
from sigma.domain.instruments import BrokerInstrument, Exchange
from sigma.domain.ticks import microseconds
from sigma.ports.broker import AdapterContext
from sigma.ports.feed import FeedSink

logger = logging.getLogger(__name__)

ROOT = "wss://ws.kite.trade"
_FULL = 3
_BATCH = 500
_LARGEST_TOKEN = 2**32


class ZerodhaFeed:
    """A Feed (sigma/ports/feed.py): every listing in full mode, with depth."""

    def __init__(self, credentials: Mapping[str, str], session: BrokerSession, context: AdapterContext, sink: FeedSink) -> None:
        needed(credentials, "api_key")
        clean = Redactor(secrets_of(credentials, session.tokens))
        self._talk = _Ticker(credentials["api_key"], session.tokens.get("access_token", ""), context, clean, sink)
        self._stream = Stream(self._talk, context, clean, sink.state)

    @property
    def complaints(self) -> int:
        """How many frames and packets could not be read."""
        return self._talk.complaints.count

    def want(self, slots: Mapping[str, int]) -> None:
        """Say which listings to watch from now on, each with its slot; at most 3000 are, the first ones."""
        self._talk.wanted.want(slots)

    def run(self) -> None:
        """Connect and deliver until `close` or until the session is refused."""
        self._stream.run()

    def close(self) -> None:
        """End `run` within a second."""
        self._stream.close()


class _Ticker:
    """A Talk (sigma/adapters/stream.py)."""

    name = f"{CAPABILITIES.title} ticks"
    ping = ""  # the ticker sends a heartbeat each second

    def __init__(self, api_key: str, token: str, context: AdapterContext, clean: Redactor, sink: FeedSink) -> None:
        self._query = urlencode({"api_key": api_key, "access_token": token})
        self._root, self._clock, self._clean, self._sink = context.stream_url or ROOT, context.clock, clean, sink
        self._lookup = context.instruments
        self.wanted = Wanted(CAPABILITIES, context, _token, TOKEN)
        self.complaints = Complaints(self.name, context.clock, clean)

    def address(self) -> Address:
        """Return where to connect: key and token are in the address."""
        return Address(f"{self._root}?{self._query}", {"X-Kite-Version": "3"})

    def opened(self, again: bool) -> None:
        """Begin a connection; what orders did meanwhile was not heard."""
        self.wanted.forgotten()
        if again:
            self._sink.orders_changed()

    def requests(self) -> Sequence[str]:
        """Return what to subscribe and unsubscribe now."""
        new, gone = self.wanted.changes()
        texts = [_said("unsubscribe", tokens) for tokens in batches(gone, _BATCH)]
        for tokens in batches(new, _BATCH):
            texts += [_said("subscribe", tokens), _said("mode", ["full", tokens])]
        return texts

    def frames(self, frames: Sequence[bytes]) -> int:
        """Decode frames and hand their full ticks on.

        Between a subscription and its mode come ticks in quote mode, which have no time of the exchange: the time of their
        arrival would make them newer than the full ticks that follow, of a closed market for days.
        """
        received, slots = microseconds(self._clock.now()), self.wanted.wish.slots
        decoded = (decode(frame, received, slots) for frame in frames)
        return sum(deliver(each, self._sink, self.complaints, least_mode=_FULL) for each in decoded)

    def text(self, text: str) -> None:
        """Take news of an order, an error, or a message of the broker's."""
        said = json_object(text)
        kind = said.get("type") if said else None
        if said is None or kind is None:
            self.complaints.add([f"a text that is no message: {text}"])
        elif kind == "order":
            tell_order(said.get("data"), lambda row: mapping.order(row, self._lookup), self._sink, self.complaints)
        elif kind == "error":
            logger.warning("%s: the broker says: %s", self.name, self._clean(str(said.get("data"))))
        else:
            logger.info("%s: %s from the broker: %s", self.name, self._clean(str(kind)), self._clean(str(said.get("data"))))

    def awaited(self) -> frozenset[Exchange]:
        """Return the exchanges of the listings wanted."""
        return self.wanted.wish.exchanges


def _said(action: str, value: object) -> str:
    return json.dumps({"a": action, "v": value})


def _token(instrument: BrokerInstrument) -> int:
    token = int(instrument.token)
    if not 0 < token < _LARGEST_TOKEN:
        raise ValueError(f"{token} is no instrument token")
    return token
