"""The overview: several accounts side by side and together, from what is stored; no broker is ever asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TypeVar

from sigma.domain.accounts import Account, SessionState
from sigma.domain.calendar import Calendar
from sigma.domain.errors import StaleData
from sigma.domain.instruments import Exchange
from sigma.domain.orders import GROUPS, OrderMode, OrderStatus
from sigma.domain.overview import AccountSum, Share, Sums
from sigma.domain.portfolio import Funds, Holding, Position
from sigma.domain.times import ist, ist_date
from sigma.engines import overview as add
from sigma.engines.overview import Lists, TradingDay
from sigma.ports.clock import Clock
from sigma.ports.storage import Store
from sigma.services.accounts import find_account
from sigma.services.portfolio import PortfolioService, Taken
from sigma.services.sessions import SessionsService
from sigma.services.settings import SettingsService

CACHE_NS = 1_000_000_000
"""Many pages ask at the same time, and thousands of stored rows take long to read: once a second is enough."""
EQUITY = (Exchange.NSE, Exchange.BSE, Exchange.NFO, Exchange.BFO)
"""Whose hours make a trading day of the sums."""

Row = TypeVar("Row", bound=Holding | Position | Funds)


@dataclass(frozen=True, slots=True)
class _Known:
    """One account's rupees; login and orders are put in by whoever asks. `read_ns`: on the boot clock."""

    read_ns: int
    sum: AccountSum
    shares: tuple[Share, ...]


class OverviewService:
    """Adds up a user's accounts; those with imaginary money stand beside the sums, never in them."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        calendar: Calendar,
        settings: SettingsService,
        sessions: SessionsService,
        portfolio: PortfolioService,
    ) -> None:
        self._store = store
        self._clock = clock
        self._calendar = calendar
        self._settings = settings
        self._sessions = sessions
        self._portfolio = portfolio
        self._cache: dict[tuple[int, bool], _Known] = {}

    def overview(self, user_id: int, names: Sequence[str | int] | None = None, *, holdings: bool = True) -> Sums:
        """Return the accounts named (all when None), in that order, and their sums, with or without what they hold.

        Raises
        ------
        NotFound
            The user has no such account.
        """
        now = self._clock.now()
        day, midnight = self._trading_day(now), ist(ist_date(now), time())
        with self._store.read() as tx:
            accounts = tx.accounts.list(user_id) if names is None else [find_account(tx, name, user_id) for name in names]
            logins = {account.id: tx.accounts.session(account.id) for account in accounts}
            at_work = {
                account.id: sum(tx.orders.tally(account_id=account.id, statuses=tuple(GROUPS["working"])).values())
                for account in accounts
            }
            live = [account.id for account in accounts if not account.simulated]
            fills = tx.orders.count_fills(live, since=midnight)
            waiting = tx.orders.tally(user_id=user_id, statuses=[OrderStatus.WAITING], mode=OrderMode.MANUAL)
            unknown = tx.orders.tally(user_id=user_id, statuses=[OrderStatus.UNKNOWN])
        known = [self._known(account, day, holdings) for account in accounts]
        states = [self._sessions.known(account, logins[account.id]).state for account in accounts]
        sums = tuple(
            replace(each.sum, state=state, working=at_work[account.id])
            for account, each, state in zip(accounts, known, states, strict=True)
        )
        return Sums(
            accounts=sums,
            totals=add.totals(sums),
            fills_today=fills,
            working=sum(at_work[number] for number in live),
            waiting=sum(waiting.values()),
            unknown=sum(unknown.values()),
            largest=add.largest(share for each in known if not each.sum.simulated for share in each.shares),
        )

    def _trading_day(self, now: datetime) -> TradingDay:
        opened = [self._calendar.last_open(exchange, now) for exchange in EQUITY]
        begun = max((moment for moment in opened if moment is not None), default=now)
        running = any(self._calendar.is_open(exchange, now) for exchange in EQUITY)
        oldest = now - timedelta(seconds=self._settings.seconds("portfolio.max_age"))
        return TradingDay(ist_date(begun), oldest if running else None)

    def _known(self, account: Account, day: TradingDay, holdings: bool) -> _Known:
        """Return an account's rupees by what is stored, with or without what it holds; at most a second old."""
        key, now_ns = (account.id, holdings), self._clock.boot_ns()
        known = self._cache.get(key)
        if known is None or now_ns - known.read_ns >= CACHE_NS:
            lists = self._lists(account.id)
            held = lists.holdings.rows if holdings and lists.holdings is not None else ()
            summed = add.account_sum(account, SessionState.NEVER, lists, 0, day, holdings=holdings)
            known = self._cache[key] = _Known(now_ns, summed, add.shares(account.name, held))
        return known

    def _lists(self, account_id: int) -> Lists:
        """Return what is stored of an account; None for what was never read."""
        portfolio = self._portfolio
        return Lists(
            _stored(lambda: portfolio.holdings(account_id, refresh=False)),
            _stored(lambda: portfolio.positions(account_id, refresh=False)),
            _stored(lambda: portfolio.funds(account_id, refresh=False)),
        )


def _stored(read: Callable[[], Taken[Row]]) -> Taken[Row] | None:
    try:
        return read()
    except StaleData:
        return None
