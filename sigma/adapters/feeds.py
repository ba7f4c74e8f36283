"""What the feeds of all brokers share: which listings are wanted, what is still to be subscribed, and what could not be read."""

from __future__ import annotations

import itertools
import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from numpy.typing import DTypeLike

from sigma.adapters.frames import Decoded, Slots
from sigma.adapters.rows import Row
from sigma.adapters.transport import SECOND_NS, Redactor
from sigma.domain.accounts import Capabilities
from sigma.domain.answers import BrokerOrder
from sigma.domain.errors import NotFound
from sigma.domain.instruments import BrokerInstrument, Exchange, split_listing
from sigma.ports.broker import AdapterContext
from sigma.ports.clock import Clock
from sigma.ports.feed import FeedSink

logger = logging.getLogger(__name__)

_SAY_EVERY_NS = 60 * SECOND_NS
_NAME_EVERY_NS = 60 * SECOND_NS
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Wish:
    """The listings wanted, as a broker names them."""

    keys: Mapping[Any, str]
    """Canonical text by key; a key is what the broker's frames name a listing by."""
    slots: Slots
    exchanges: frozenset[Exchange]


class Wanted:
    """The newest wish of those who watch, and how much of it a connection has been told.

    Names are looked up again each minute, so that a master refreshed meanwhile is followed.

    Parameters
    ----------
    key : callable
        Returns what the broker's frames name a listing by; ValueError when its feed cannot carry it.
    kind : dtype
        Of a key.
    """

    def __init__(
        self, capabilities: Capabilities, context: AdapterContext, key: Callable[[BrokerInstrument], Any], kind: DTypeLike
    ) -> None:
        self._capabilities, self._lookup, self._clock = capabilities, context.instruments, context.clock
        self._key, self._kind = key, kind
        self._lock = threading.Lock()
        self._given: Mapping[str, int] = {}
        self._named_ns = 0
        self._told: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
        self._held: Mapping[Any, str] = {}
        self._asked: Wish | None = None
        self.wish = Wish({}, Slots.of({}, kind), frozenset())

    def want(self, slots: Mapping[str, int]) -> None:
        """Replace the wish. Listings that the master lacks, and those beyond the limit, are left out and named in the log."""
        with self._lock:
            self._given = dict(slots)
            self._resolve()

    def _resolve(self) -> None:
        keys: dict[Any, str] = {}
        missing, beyond = [], []
        for listing in self._given:
            key = self._named(listing)
            if key is None or key in keys:
                missing.append(listing)
            elif len(keys) == self._capabilities.feed_listings:
                beyond.append(listing)
            else:
                keys[key] = listing
        exchanges = frozenset(split_listing(listing)[0] for listing in keys.values())
        table = Slots.of({key: self._given[listing] for key, listing in keys.items()}, self._kind)
        self.wish = Wish(keys, table, exchanges)
        self._named_ns = self._clock.boot_ns()
        self._tell(tuple(missing), tuple(beyond))

    def _named(self, listing: str) -> Any | None:
        try:
            return self._key(self._lookup.broker_instrument(self._capabilities.broker, listing))
        except (NotFound, ValueError):
            return None

    def _tell(self, missing: tuple[str, ...], beyond: tuple[str, ...]) -> None:
        if (missing, beyond) == self._told:
            return
        self._told = missing, beyond
        title, most = self._capabilities.title, self._capabilities.feed_listings
        if missing:
            logger.warning("%s's feed cannot name %s: not watched", title, _some(missing))
        if beyond:
            logger.warning("%s's feed takes %d listings; left out: %s", title, most, _some(beyond))

    def forgotten(self) -> None:
        """Learn that a new connection has been told nothing yet."""
        self._held, self._asked = {}, None

    def changes(self) -> tuple[list[Any], list[Any]]:
        """Return the keys to subscribe and those to unsubscribe now, once. For the stream's thread only."""
        if self._clock.boot_ns() - self._named_ns > _NAME_EVERY_NS:
            with self._lock:
                self._resolve()
        wish = self.wish
        if wish is self._asked:
            return [], []
        new = [key for key in wish.keys if key not in self._held]
        gone = [key for key in self._held if key not in wish.keys]
        self._held, self._asked = wish.keys, wish
        return new, gone


class Complaints:
    """Counts what could not be read; the log is told at once, then once a minute at most."""

    def __init__(self, name: str, clock: Clock, clean: Redactor) -> None:
        self._name, self._clock, self._clean = name, clock, clean
        self._said_ns: int | None = None
        self.count = 0

    def add(self, texts: Sequence[str]) -> None:
        """Take complaints, often none."""
        if not texts:
            return
        self.count += len(texts)
        now = self._clock.boot_ns()
        if self._said_ns is None or now - self._said_ns > _SAY_EVERY_NS:
            self._said_ns = now
            logger.warning("%s: %s (%d unreadable so far)", self._name, self._clean(texts[0]), self.count)


def deliver(decoded: Decoded, sink: FeedSink, complaints: Complaints, *, least_mode: int = 1) -> int:
    """Hand on the ticks that somebody wants, complain of the rest, and return how many ticks that were.

    Parameters
    ----------
    least_mode : int
        Ticks of a lower mode are left out.
    """
    complaints.add(decoded.complaints)
    ticks = decoded.ticks
    wanted = (ticks["slot"] >= 0) & (ticks["mode"] >= least_mode)
    if not wanted.all():
        ticks = ticks[wanted]
    if ticks.size:
        sink.ticks(ticks)
    return int(ticks.size)


def tell_order(data: object, reader: Callable[[Row], BrokerOrder], sink: FeedSink, complaints: Complaints) -> None:
    """Hand on an order's row; of one that cannot be read, that there is news."""
    try:
        row = reader(Row(data))
    except (ValueError, ArithmeticError) as error:
        complaints.add([f"news of an order that cannot be read: {error}"])
        sink.orders_changed()
        return
    sink.order(row)


def json_object(text: str) -> Mapping[str, Any] | None:
    """Return the JSON object that a text frame is, its numbers exact; None when it is none."""
    try:
        found = json.loads(text, parse_float=Decimal)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def batches(keys: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yield `keys` in lists of at most `size`."""
    rest = iter(keys)
    while batch := list(itertools.islice(rest, size)):
        yield batch


def _some(listings: Sequence[str]) -> str:
    more = len(listings) - _NAMED
    return ", ".join(listings[:_NAMED]) + (f" and {more} more" if more > 0 else "")
