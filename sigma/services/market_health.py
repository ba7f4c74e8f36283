"""Whether evaluation may rely on market data now, by what is stored; no broker is asked, and nothing stands in silently."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sigma.domain.accounts import Account
from sigma.domain.events import Heartbeat
from sigma.domain.health import FEED_KEY
from sigma.domain.market import FeedState, MarketHealth
from sigma.domain.times import ist_date
from sigma.engines import health as judge
from sigma.ports.clock import Clock
from sigma.ports.storage import Store
from sigma.services.connections import Connections
from sigma.services.live import LiveQuotes
from sigma.services.market import MarketService
from sigma.services.settings import SettingsService

LOGIN = "Log in again on the page Brokers."
FAILING = {
    FeedState.LOST: "the live feed of {name} is down",
    FeedState.SILENT: "the live feed of {name} says nothing",
    FeedState.REFUSED: "{name} refuses the live feed",
}
CURES = {
    FeedState.LOST: "It is connected anew by itself; look at your network if it lasts.",
    FeedState.SILENT: "It is connected anew by itself; see the broker's status page if it lasts.",
    FeedState.REFUSED: LOGIN,
}


@dataclass(frozen=True, slots=True)
class _Told:
    """What the worker's heartbeat says of a feed."""

    state: FeedState
    why: str = ""
    since: datetime | None = None


class MarketHealthService:
    """Judges each user's canonical source: set, connected, its worker alive, its feed live."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: SettingsService,
        connections: Connections,
        market: MarketService,
        live: LiveQuotes,
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._connections = connections
        self._market = market
        self._live = live

    def health(self, user_id: int) -> MarketHealth:
        """Return how the user's market data stands."""
        source, reason, cure = self._market.chosen(user_id)
        if source is None:
            return MarketHealth(False, "", reason, cure)
        now = self._clock.now()
        session = self._connections.session(source.id)
        if session is None or session.expired(now):
            since = None if session is None else session.expires_at
            return MarketHealth(False, source.name, f"{source.name} is not connected", LOGIN, since)
        with self._store.read() as tx:
            worker = next((beat for beat in tx.journal.heartbeats() if beat.process == "worker"), None)
        if worker is None or judge.silent(worker, self._settings.seconds("worker.heartbeat"), now):
            since = None if worker is None else worker.at
            return MarketHealth(
                False, source.name, "the worker does not run", judge.START, since, tick_age_s=self._age(source, now)
            )
        return self._by_feed(source, worker, now)

    def _by_feed(self, source: Account, worker: Heartbeat, now: datetime) -> MarketHealth:
        age = self._age(source, now)
        if not self._connections.kit(source).capabilities.streaming:
            return MarketHealth(True, source.name, feed=FeedState.OFF, tick_age_s=age)
        told = _told(worker, source.id)
        if told.state not in FAILING:
            return MarketHealth(True, source.name, feed=told.state, tick_age_s=age)
        why = f": {told.why.rstrip('.')}" if told.why else ""
        reason = FAILING[told.state].format(name=source.name) + why
        return MarketHealth(False, source.name, reason, CURES[told.state], told.since, told.state, age)

    def _age(self, source: Account, now: datetime) -> float | None:
        """Return seconds since the newest tick of today."""
        last = self._live.last_tick(source.id)
        return None if last is None or ist_date(last) != ist_date(now) else max(0.0, (now - last).total_seconds())


def _told(worker: Heartbeat, account_id: int) -> _Told:
    text = worker.detail.get(f"{FEED_KEY}{account_id}")
    if not text:
        return _Told(FeedState.STARTING)
    told = json.loads(str(text))
    return _Told(FeedState(told["state"]), told["why"], datetime.fromisoformat(told["since"]))
