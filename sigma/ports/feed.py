"""Live ticks: what a broker's feed offers, who takes what it says, and where the latest of each listing is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from sigma.domain.market import FeedState
from sigma.domain.ticks import Ticks


class FeedSink(Protocol):
    """Takes what a feed says. Called from the feed's own thread; must return at once."""

    def ticks(self, ticks: Ticks) -> None:
        """Take the ticks of one frame; those of listings nobody wants any more are left out already."""

    def orders_changed(self) -> None:
        """Learn that the broker pushed news of an order; the book says what it is."""

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

    def put(self, ticks: Ticks) -> None:
        """Keep ticks under their slots; a field that the tick lacks keeps its value. For the writer."""

    def get(self, listings: Sequence[str]) -> Mapping[str, Ticks]:
        """Return the newest tick (an array of one) of each listing that has one; never a torn row."""


class TickBus(Protocol):
    """Carries ticks from the worker to the other processes; what nobody takes in time is dropped, never waited for."""

    def publish(self, source: int, ticks: Ticks) -> None:
        """Tell everybody of ticks of a source (account id). Never blocks."""
