"""Live ticks: what a broker's feed offers, who takes what it says, and where the latest of each listing is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sigma.domain.answers import BrokerOrder
from sigma.domain.instruments import Exchange
from sigma.domain.market import FeedState, Quote
from sigma.domain.ticks import Ticks


def never_open(_exchange: Exchange) -> bool:
    """Say that no exchange trades: for those who do not know, so that nothing counts as silent."""
    return False


@dataclass(frozen=True, slots=True)
class FeedRules:
    """When a feed counts as silent, and when as dead.

    Parameters
    ----------
    is_open : callable
        Says whether an exchange trades now; asked a few times a second, from the feed's thread.
    silent_after_s : float
        Seconds without a tick, while an exchange of the listings wanted is open, after which the feed is SILENT.
    dead_after_s : float
        Seconds without a single frame (heartbeats and answers to pings included) after which it connects anew.
    """

    is_open: Callable[[Exchange], bool] = never_open
    silent_after_s: float = 30.0
    dead_after_s: float = 20.0


class FeedSink(Protocol):
    """Takes what a feed says. Called from the feed's own thread; must return at once."""

    def ticks(self, ticks: Ticks) -> None:
        """Take the ticks of one or several frames in their order; those that nobody wants any more are left out already."""

    def orders_changed(self) -> None:
        """Learn that the broker pushed news of an order that could not be read; the book says what it is."""

    def order(self, row: BrokerOrder) -> None:
        """Learn what the broker pushed of an order: its row as the book would show it."""

    def state(self, state: FeedState, why: str) -> None:
        """Learn that the feed connected, fell silent, was refused or ended; `why` in words, empty when all is well."""


class Feed(Protocol):
    """One connection to a broker's live data, by one account. Reconnects and subscribes anew by itself."""

    def want(self, slots: Mapping[str, int]) -> None:
        """Say which listings to watch from now on (all of them), each with the slot that its ticks carry.

        May be called from any thread and before `run`; only the difference is subscribed and unsubscribed. A listing that the
        broker's master lacks is left out and named in the log.
        """

    def run(self) -> None:
        """Connect and deliver until `close`; returns only then, or when the session is refused (state REFUSED)."""

    def close(self) -> None:
        """End `run` within a second. May be called from any thread."""


class LatestTable(Protocol):
    """The newest tick of each listing of one source, shared by all processes of the machine. One writer, many readers."""

    def allot(self, listings: Sequence[str]) -> Mapping[str, int]:
        """Return a slot for each listing, the same one as long as the table lives. For the writer."""

    def put(self, ticks: Ticks) -> Ticks:
        """Keep ticks under their slots, and return those that are the newest now, as they stand there. For the writer.

        A field that a tick lacks keeps its value; a tick older than the one that is there changes nothing.
        """

    def get(self, listings: Sequence[str]) -> Mapping[str, Ticks]:
        """Return the newest tick (an array of one) of each listing that has one; never a torn row."""


class LatestTables(Protocol):
    """The latest tables of all sources of an installation, for reading, from any thread."""

    def get(self, source: int, listings: Sequence[str]) -> Mapping[str, Ticks]:
        """Return the newest tick (an array of one) of each listing that has one at this source (account id)."""

    def newest(self, listings: Sequence[str]) -> Mapping[str, Ticks]:
        """Return the newest tick of each listing, whichever source it came from."""

    def received(self, source: int) -> int | None:
        """Return when a source's newest tick came in, in microseconds since 1970 (UTC); None when none ever did."""


class LastPrices(Protocol):
    """What listings traded at last."""

    def last_quotes(self, texts: Sequence[str]) -> Mapping[str, Quote]:
        """Return price, yesterday's close and time by canonical text; those never heard of are absent."""


class WantedListings(Protocol):
    """What people look at just now: any process says so, the worker subscribes it. Each wish ends by itself."""

    def ask(self, source: int, listings: Iterable[str]) -> None:
        """Say that somebody looks at listings of a source (account id); to be repeated while they do."""

    def asked(self, source: int) -> frozenset[str]:
        """Return what anybody looks at."""


class TickBus(Protocol):
    """Carries ticks from the worker to the other processes; what nobody takes in time is dropped, never waited for."""

    def publish(self, source: int, ticks: Ticks) -> None:
        """Tell everybody of ticks of a source (account id). Never blocks."""
