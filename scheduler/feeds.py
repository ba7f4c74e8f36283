"""Live feeds: one for each account that is somebody's canonical source; what it says goes to the latest table and on the bus."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from sigma.domain.accounts import Account, BrokerSession
from sigma.domain.answers import BrokerOrder
from sigma.domain.errors import SessionExpired, SigmaError, StaleData
from sigma.domain.events import Level
from sigma.domain.health import FEED_KEY
from sigma.domain.instruments import split_listing
from sigma.domain.market import FeedState
from sigma.domain.ticks import Ticks
from sigma.infra.bus import ZmqTickBus
from sigma.infra.latest import LatestWriter
from sigma.ports.feed import Feed

if TYPE_CHECKING:
    from sigma.bootstrap import House

log = structlog.get_logger(__name__)
LOGIN_S = 2.0
PAUSE_S = 0.2
AFTER_TROUBLE_S = 5.0
REFUSED_AGAIN_S = 120.0
"""A login that holds, but whose feed the broker refused, is shown to it again after this."""
GRACE_S = 3.0
"""Trouble that ends by itself sooner is no event."""
END_S = 2.0
BROKEN = frozenset({FeedState.LOST, FeedState.SILENT, FeedState.REFUSED})

TickTap = Callable[[int, Sequence[str], Ticks], None]
NewsTap = Callable[[int, BrokerOrder], None]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a feed stands, since when (UTC, and on the boot clock)."""

    state: FeedState
    why: str
    since: datetime
    since_ns: int


class AccountFeed(threading.Thread):
    """Runs the feed of one account across logins, refusals and errors; implements ports.feed.FeedSink.

    Parameters
    ----------
    nudge : callable
        Called when the broker pushed news of an order that could not be read.
    news : callable
        Given the account's id and what the broker pushed of an order; must return at once.
    tap : callable
        Given every tick as it came, with the account's id and the listings by slot (the recorder).
    """

    def __init__(
        self, house: House, account: Account, bus: ZmqTickBus, nudge: Callable[[], None], tap: TickTap, news: NewsTap
    ) -> None:
        super().__init__(name=f"feed-{account.id}", daemon=True)
        self._house = house
        self._account = account
        self._bus = bus
        self._nudge = nudge
        self._tap = tap
        self._news = news
        self._table = LatestWriter(house.feed_folder, account.id, house.clock.boot_id)
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._slots: Mapping[str, int] = {}
        self._feed: Feed | None = None
        self._session: BrokerSession | None = None
        self._refused: tuple[BrokerSession, int] | None = None
        self.left_out = 0
        self.standing = self._stand(FeedState.STARTING, "")

    # -- what the worker asks of it

    def want(self, listings: Sequence[str]) -> None:
        """Watch these listings from now on, the first ones when they are too many."""
        most = self._house.connections.kit(self._account).capabilities.feed_listings
        self.left_out = max(0, len(listings) - most)
        with self._lock:
            if set(listings[:most]) != self._slots.keys():
                self._slots = self._table.allot(listings[:most])
                if self._feed is not None:
                    self._feed.want(self._slots)

    def follow_login(self) -> None:
        """Connect anew when the login that the feed runs on is no longer the stored one."""
        stored = self._house.connections.session(self._account.id)
        with self._lock:
            feed = self._feed if self._session != stored else None
        if feed is not None:
            feed.close()

    def told(self) -> str:
        """Return how it stands, as the heartbeat carries it."""
        now = self.standing
        state = FeedState.OFF if not self._slots and now.state not in BROKEN else now.state
        told = {
            "state": state,
            "why": now.why,
            "since": now.since.isoformat(),
            "wanted": len(self._slots),
            "left_out": self.left_out,
        }
        return json.dumps(told)

    def watches_open_market(self) -> bool:
        """Say whether an exchange of a listing that it watches is open."""
        calendar, now = self._house.calendar, self._house.clock.now()
        return any(calendar.is_open(exchange, now) for exchange in {split_listing(listing)[0] for listing in self._slots})

    def end(self) -> None:
        """Ask it to go."""
        self._ending.set()
        with self._lock:
            feed = self._feed
        if feed is not None:
            feed.close()

    def release(self) -> None:
        """Let another process take over, once the thread has ended."""
        self.join(END_S)
        self._table.close()

    # -- the feed's own thread

    def run(self) -> None:
        """Run the feed until told to end."""
        self._bus.serve(self._account.id)
        while not self._ending.is_set():
            try:
                self._ending.wait(self._run_once())
            except SessionExpired as error:
                self.state(FeedState.REFUSED, error.message)
                self._ending.wait(LOGIN_S)
            except Exception as error:  # whatever it was, prices must come back, and everybody is told
                log.exception("feed_broke", account=self._account.name)
                self.state(FeedState.LOST, f"{type(error).__name__}: {error}")
                self._ending.wait(AFTER_TROUBLE_S)

    def _run_once(self) -> float:
        """Run the feed on the stored login; return seconds until the next look. SessionExpired: there is no login."""
        if self._waits_for_login():
            return LOGIN_S
        feed, session = self._house.connections.feed(self._account.id, self)
        with self._lock:
            self._feed, self._session = feed, session
            feed.want(self._slots)
        self.state(FeedState.STARTING, "")
        try:
            if not self._ending.is_set():
                feed.run()
        finally:
            with self._lock:
                self._feed, self._session = None, None
        if self.standing.state is not FeedState.REFUSED:
            return PAUSE_S
        self._refused = (session, self._house.clock.boot_ns())
        self._house.sessions.check(self._account, refresh=True)  # says so everywhere when the login itself has ended
        return LOGIN_S

    def _waits_for_login(self) -> bool:
        if self._refused is None:
            return False
        session, at_ns = self._refused
        again = self._house.clock.boot_ns() - at_ns > REFUSED_AGAIN_S * 1e9
        return not again and self._house.connections.session(self._account.id) == session

    # -- ports.feed.FeedSink

    def ticks(self, ticks: Ticks) -> None:
        """Keep, publish and hand on the ticks of one frame."""
        newest = self._table.put(ticks)
        if len(newest):
            self._bus.publish(self._account.id, newest)
        self._tap(self._account.id, self._table.listings(), ticks)

    def orders_changed(self) -> None:
        """Let the account's book be read."""
        self._nudge()

    def order(self, row: BrokerOrder) -> None:
        """Hand on what the broker pushed of an order."""
        self._news(self._account.id, row)

    def state(self, state: FeedState, why: str) -> None:
        """Learn how the feed stands."""
        if (state, why) != (self.standing.state, self.standing.why):
            self.standing = self._stand(state, why)
            log.info("feed", account=self._account.name, state=state.value, why=why)

    def _stand(self, state: FeedState, why: str) -> Standing:
        return Standing(state, why, self._house.clock.now(), self._house.clock.boot_ns())


@dataclass
class _Served:
    account: Account
    feed: AccountFeed
    told_lost: bool = False


@dataclass
class Feeds:
    """All feeds of the worker.

    Parameters
    ----------
    only : str or None
        Serve only the account of this name.
    nudge : callable
        Given an account's id when its broker pushed news of an order that could not be read.
    news : callable
        Given an account's id and what its broker pushed of an order.
    """

    house: House
    only: str | None
    nudge: Callable[[int], None]
    tap: TickTap
    news: NewsTap
    _served: dict[int, _Served] = field(default_factory=dict)
    _bus: ZmqTickBus | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self) -> None:
        """Start what is missing, replace what died, end what nobody calls a source any more; say what changed."""
        sources = dict(self._sources())
        with self._lock:
            for account_id in set(self._served) - {account.id for account in sources.values()}:
                self._release(self._served.pop(account_id))
            watched = self.house.quotes.watched() if sources else {}
            for user_id, account in sources.items():
                self._serve(account, watched.get(user_id, ()))
            served = list(self._served.values())
        for one in served:
            self._tell(one)

    def detail(self) -> dict[str, str]:
        """Return what the heartbeat tells of each feed."""
        with self._lock:
            return {f"{FEED_KEY}{account_id}": one.feed.told() for account_id, one in self._served.items()}

    def end(self) -> None:
        """End all feeds."""
        with self._lock:
            served, self._served = list(self._served.values()), {}
            for one in served:
                one.feed.end()
            for one in served:
                one.feed.release()
            if self._bus is not None:
                self._bus.close()
                self._bus = None

    def _sources(self) -> Iterator[tuple[int, Account]]:
        """Give each user's canonical source that can stream."""
        for user_id in dict.fromkeys(account.user_id for account in self.house.all_accounts()):
            try:
                source = self.house.market.source(user_id)
            except StaleData:
                continue  # Health and every page say so
            if self.only in (None, source.name) and self.house.connections.kit(source).capabilities.streaming:
                yield user_id, source

    def _serve(self, account: Account, watched: Sequence[str]) -> None:
        one = self._served.get(account.id)
        if one is not None and not one.feed.is_alive():
            log.error("thread_died", thread=one.feed.name)
            self._release(self._served.pop(account.id))
            one = None
        if one is None:
            one = self._started(account)
        if one is not None:
            asked = self.house.live.looked_at(account.id)
            one.feed.want([*watched, *sorted(asked.difference(watched))])
            one.feed.follow_login()

    def _started(self, account: Account) -> _Served | None:
        if self._bus is None:
            self._bus = ZmqTickBus(self.house.feed_folder)
        try:
            feed = AccountFeed(self.house, account, self._bus, lambda: self.nudge(account.id), self.tap, self.news)
        except (SigmaError, OSError) as error:
            log.debug("feed_not_taken", account=account.name, error=str(error))
            return None
        one = self._served[account.id] = _Served(account, feed)
        feed.start()
        return one

    def _release(self, one: _Served) -> None:
        one.feed.end()
        one.feed.release()

    def _tell(self, one: _Served) -> None:
        """Store that live prices were lost, or that they are back."""
        now, name = one.feed.standing, one.account.name
        if now.state in BROKEN and not one.told_lost:
            if self.house.clock.boot_ns() - now.since_ns >= GRACE_S * 1e9:
                one.told_lost = True
                level = Level.WARNING if one.feed.watches_open_market() else Level.INFO
                text = f"Live prices of {name} are {now.state.value.lower()}: {now.why}"
                self.house.events.record("FEED_LOST", text, level=level, account=one.account, state=now.state.value)
        elif now.state is FeedState.LIVE and one.told_lost:
            one.told_lost = False
            self.house.events.record("FEED_BACK", f"Live prices of {name} are back.", account=one.account)
