"""What the tests of live feeds share: a sink that remembers, a clock that does not dawdle, a feed that runs in a thread."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from sigma.domain.answers import BrokerOrder
from sigma.domain.errors import NotFound
from sigma.domain.instruments import BrokerInstrument, Exchange
from sigma.domain.market import FeedState
from sigma.domain.ticks import Ticks, blank
from sigma.ports.broker import AdapterContext
from sigma.ports.feed import Feed, FeedRules
from tests.adapters.house import CREDENTIALS, KITS, FixedClock, session

LIMIT_S = 5.0


@dataclass
class HastyClock(FixedClock):
    """Waits a hundredth of what it is asked to, and keeps what that was; the boot clock can be pushed ahead."""

    waited: list[float] = field(default_factory=list)

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        threading.Event().wait(seconds / 100)


@dataclass
class Instruments:
    """An InstrumentLookup that makes names up: NSE:S1 has number 1 and so on; what is `missing` is in no master."""

    missing: set[str] = field(default_factory=set)

    def broker_instrument(self, broker: str, listing: str) -> BrokerInstrument:
        exchange, _, symbol = listing.partition(":")
        if listing in self.missing:
            raise NotFound(f"{listing} is not in the master of {broker}.")
        number = int(symbol[1:])
        token = str(number << 8 | 1) if broker == "zerodha" else str(number)
        return BrokerInstrument(broker, listing, symbol, token, exchange)

    def listing_by_symbol(self, broker: str, exchange_code: str, symbol: str) -> str | None:
        return f"{exchange_code}:{symbol}"

    def listing_by_token(self, broker: str, exchange_code: str, token: str) -> str | None:
        return None


@dataclass
class Watcher:
    """A FeedSink that keeps everything, in order."""

    states: list[tuple[FeedState, str]] = field(default_factory=list)
    arrays: list[Ticks] = field(default_factory=list)
    orders: int = 0
    rows: list[BrokerOrder] = field(default_factory=list)
    trouble: Exception | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)

    def ticks(self, ticks: Ticks) -> None:
        if self.trouble is not None:
            raise self.trouble
        with self.changed:
            self.arrays.append(ticks.copy())
            self.changed.notify_all()

    def orders_changed(self) -> None:
        with self.changed:
            self.orders += 1
            self.changed.notify_all()

    def order(self, row: BrokerOrder) -> None:
        with self.changed:
            self.rows.append(row)
            self.changed.notify_all()

    def state(self, state: FeedState, why: str) -> None:
        with self.changed:
            self.states.append((state, why))
            self.changed.notify_all()

    @property
    def seen(self) -> list[FeedState]:
        return [state for state, _ in self.states]

    @property
    def all(self) -> Ticks:
        return np.concatenate(self.arrays) if self.arrays else blank(0)

    def forget(self) -> None:
        """Begin anew with what comes from now on."""
        with self.changed:
            self.states.clear()
            self.arrays.clear()

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds, of what came or of anything else."""
        end = time.monotonic() + LIMIT_S
        with self.changed:
            while not holds():
                assert time.monotonic() < end, (self.states, len(self.arrays), self.orders)
                self.changed.wait(0.02)

    def until_state(self, *states: FeedState) -> str:
        """Wait until the states so far end in these, and return why the last one came."""
        self.until(lambda: tuple(self.seen[-len(states) :]) == states)
        return self.states[-1][1]


def always_open(_exchange: Exchange) -> bool:
    return True


@dataclass
class Running:
    """A feed and the thread that it runs in."""

    feed: Feed
    watcher: Watcher
    thread: threading.Thread
    problems: list[BaseException]

    def ended_within(self, seconds: float) -> bool:
        self.thread.join(seconds)
        return not self.thread.is_alive()


def context(url: str, clock: FixedClock | None = None, instruments: Instruments | None = None, **rules: object) -> AdapterContext:
    """Return a context for sockets at `url`; `rules` are those of the feed."""
    given = {"silent_after_s": 60.0, "dead_after_s": 60.0} | rules
    return AdapterContext(
        clock=clock or HastyClock(),
        instruments=instruments or Instruments(),
        stream_url=url,
        timeout_s=2.0,
        feed_rules=FeedRules(**given),  # type: ignore[arg-type]
    )


@contextlib.contextmanager
def running(
    broker: str, place: AdapterContext, *listings: str, watcher: Watcher | None = None, without: str = ""
) -> Iterator[Running]:
    """Run a feed of a broker that watches listings, the n-th in slot n; end it afterwards, within a second.

    Parameters
    ----------
    without : str
        A token that the login lacks.
    """
    sink = watcher or Watcher()
    login = session(broker)
    tokens = {name: value for name, value in login.tokens.items() if name != without}
    feed = KITS[broker].feed(
        CREDENTIALS[broker], type(login)(login.client_id, tokens, login.obtained_at, login.expires_at), place, sink
    )
    feed.want({listing: slot for slot, listing in enumerate(listings)})
    with run_feed(feed, sink) as live:
        yield live


@contextlib.contextmanager
def run_feed(feed: Feed, watcher: Watcher) -> Iterator[Running]:
    """Run a feed; end it afterwards, within a second."""
    problems: list[BaseException] = []

    def run() -> None:
        try:
            feed.run()
        except RuntimeError as error:
            problems.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield Running(feed, watcher, thread, problems)
    finally:
        began = time.monotonic()
        feed.close()
        thread.join(LIMIT_S)
        assert time.monotonic() - began < 1.0, "a feed ends within a second"
        assert not thread.is_alive()
