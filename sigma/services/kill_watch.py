"""What stops trading without a person: watches that trip the kill switch, and square-offs by the clock. Off until set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Protocol

from sigma.domain.calendar import Calendar
from sigma.domain.errors import SigmaError
from sigma.domain.events import Event, JobRun, Level
from sigma.domain.instruments import Exchange, split_listing
from sigma.domain.ledger import DayResult
from sigma.domain.market import MarketHealth
from sigma.domain.money import indian
from sigma.domain.orders import Product
from sigma.domain.risk import RiskLimits, Scope
from sigma.domain.times import ist, ist_date
from sigma.ports.clock import Clock
from sigma.ports.storage import Store, Unit
from sigma.services.kill import KillService, Stop
from sigma.services.ledger import LedgerService
from sigma.services.settings import SettingsService

NEVER = datetime.min.replace(tzinfo=UTC)
LOST_WITHIN = timedelta(minutes=5)
DELIVERY = (Product.CNC, Product.MTF)
WATCH = "a watch of ours"


class Results(Protocol):
    """What a day came to."""

    def day(self, user_id: int, *, account_id: int | None = None, strategy: str | None = None) -> DayResult:
        """Return what the session came to so far, rupees."""


class Health(Protocol):
    """Whether market data can be relied on."""

    def health(self, user_id: int) -> MarketHealth:
        """Return how the user's market data stands."""


class KillWatch:
    """Looks at every user's losses, prices and writes, and at the time; begins stops and square-offs."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        calendar: Calendar,
        settings: SettingsService,
        kill: KillService,
        ledger: LedgerService,
        results: Results,
        health: Health,
    ) -> None:
        self._store, self._clock, self._calendar, self._settings = store, clock, calendar, settings
        self._kill, self._ledger, self._results, self._health = kill, ledger, results, health

    def run(self) -> list[SigmaError]:
        """Look once; what keeps one user's watch from being judged is returned, and keeps no other's from it."""
        with self._store.read() as tx:
            users = sorted({account.user_id for account in tx.accounts.list()})
        problems: list[SigmaError] = []
        for user_id in users:
            for look in (self._losses, self._prices, self._writes, self._square_offs):
                try:
                    look(user_id)
                except SigmaError as error:
                    problems.append(error)
        return problems

    def _losses(self, user_id: int) -> None:
        """Stop scopes whose loss of the day has reached their limit; a result that is not known stops nothing here.

        The gate refuses entries then, and Health says which price is missing.
        """
        if not self._settings.get("kill.on_daily_loss", user_id):
            return
        session = ist(ist_date(self._clock.now()), time())
        for limits in self._limits(user_id):
            if limits.max_daily_loss is None or self._rearmed(user_id, _stop(limits)) >= session:
                continue
            strategy = limits.strategy if limits.scope is Scope.STRATEGY else None
            day = self._results.day(user_id, account_id=limits.account_id, strategy=strategy)
            if not day.missing and -day.total >= limits.max_daily_loss:
                lost, most = indian(-day.total), indian(limits.max_daily_loss)
                self._trip(user_id, _stop(limits), f"daily loss of ₹{lost} reached the limit of ₹{most}")

    def _prices(self, user_id: int) -> None:
        """Stop everything when live prices have been lost for too long while positions are open in an open market."""
        patience = self._settings.seconds("kill.on_feed_loss", user_id)
        found = self._health.health(user_id) if patience else None
        if found is None or found.healthy or found.since is None:
            return
        lost_s = (self._clock.now() - found.since).total_seconds()
        if lost_s >= patience and self._rearmed(user_id, Stop()) < found.since and self._exposed(user_id):
            self._trip(user_id, Stop(), f"live prices lost for {lost_s:.0f} s while positions are open: {found.reason}")

    def _exposed(self, user_id: int) -> bool:
        """Say whether a position of a live account is open at an exchange that trades now; shares in demat are none."""
        now = self._clock.now()
        with self._store.read() as tx:
            live = [account.id for account in tx.accounts.list(user_id) if not account.simulated]
            held = [key for account_id in live for key in self._ledger.positions(tx, account_id)]
        at_risk = {split_listing(listing)[0] for listing, product in held if product not in DELIVERY}
        return any(self._calendar.is_open(exchange, now) for exchange in at_risk)

    def _writes(self, user_id: int) -> None:
        """Stop accounts too many of whose writes got no clear answer."""
        most = int(self._settings.seconds("kill.on_lost_writes", user_id))
        if not most:
            return
        with self._store.read() as tx:
            accounts = [account.id for account in tx.accounts.list(user_id)]
        for account_id in accounts:
            since = max(self._clock.now() - LOST_WITHIN, self._rearmed(user_id, Stop(account_id)))
            with self._store.read() as tx:
                count = tx.commands.count_lost(account_id, since=since)
            if count >= most:
                self._trip(user_id, Stop(account_id), f"{count} writes without a clear answer in five minutes")

    def _rearmed(self, user_id: int, stop: Stop) -> datetime:
        """Return when the owner last let a scope trade again: what was known then stops it no second time."""
        wanted = (stop.account_id, stop.strategy)
        with self._store.read() as tx:
            rows = [kill for kill in tx.risk.kills(user_id) if (kill.account_id, kill.strategy) == wanted]
        return next((kill.at for kill in rows if not kill.on and kill.at is not None), NEVER)

    def _trip(self, user_id: int, stop: Stop, reason: str) -> None:
        does = self._settings.get("kill.trip_does", user_id)
        flatten = does == "flatten"
        self._kill.start(user_id, stop, reason=reason, by=WATCH, cancel=flatten or does == "cancel", flatten=flatten, trip=True)

    def _square_offs(self, user_id: int) -> None:
        """Close what is held intraday once a day, from the scope's time on, while an exchange trades."""
        now = self._clock.now()
        if not any(self._calendar.is_open(exchange, now) for exchange in Exchange):
            return
        for limits in self._limits(user_id):
            due = None if limits.square_off_at is None else ist(ist_date(now), limits.square_off_at)
            if due is not None and due <= now:
                self._square_off(user_id, limits, due)

    def _square_off(self, user_id: int, limits: RiskLimits, due: datetime) -> None:
        """Begin a square-off unless this one was begun already."""
        where = limits.strategy or limits.account_id or "all"
        job = JobRun(f"square-off {user_id} {limits.scope} {where}", due, self._clock.now())
        with self._store.begin() as tx:
            if not tx.journal.add_run(job):
                return
            text = f"square-off of {Product.MIS} positions, set for {limits.square_off_at:%H:%M} IST ({limits.scope} {where})"
            begun = [
                self._kill.square_off(tx, user_id, account_id, strategy=limits.strategy, reason=text)
                for account_id in self._accounts(tx, user_id, limits)
            ]
            tx.journal.end_run(JobRun(job.job, due, job.started_at, self._clock.now(), f"begun on {len(begun)} accounts"))
            event = Event(0, self._clock.now(), Level.INFO, "SQUARE_OFF", text, user_id, limits.account_id)
            tx.journal.add_event(event)

    def _accounts(self, tx: Unit, user_id: int, limits: RiskLimits) -> Iterator[int]:
        known = [account.id for account in tx.accounts.list(user_id)]
        strategy = tx.strategies.by_name(user_id, limits.strategy) if limits.scope is Scope.STRATEGY else None
        shares = {share.account_id for share in strategy.shares} if strategy else set(known)
        return (one for one in known if limits.account_id in (None, one) and one in shares)

    def _limits(self, user_id: int) -> Sequence[RiskLimits]:
        with self._store.read() as tx:
            return tx.risk.limits(user_id)


def _stop(limits: RiskLimits) -> Stop:
    return Stop(limits.account_id if limits.scope is Scope.ACCOUNT else None, limits.strategy)
