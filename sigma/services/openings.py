"""Adopting from the broker what an account held when a session began: once a session, after the market opened."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

import structlog

from sigma.domain.calendar import Calendar
from sigma.domain.instruments import CASH
from sigma.domain.orders import Product
from sigma.domain.portfolio import Position
from sigma.domain.times import ist_date
from sigma.engines.openings import openings
from sigma.ports.clock import Clock
from sigma.ports.storage import Store
from sigma.services.listings import ListingLookup
from sigma.services.portfolio import POSITIONS, PortfolioService

log = structlog.get_logger(__name__)


class OpeningsService:
    """Stores an account's opening list. Before the market opens a broker may still show yesterday's positions."""

    def __init__(
        self, store: Store, clock: Clock, calendar: Calendar, portfolio: PortfolioService, lookup: ListingLookup
    ) -> None:
        self._store = store
        self._clock = clock
        self._calendar = calendar
        self._portfolio = portfolio
        self._lookup = lookup
        self._adopted: dict[int, date] = {}

    def due(self, account_id: int) -> date | None:
        """Return the session that runs, or ran today, when its list was not adopted yet; else None."""
        now = self._clock.now()
        today = ist_date(now)
        if self._adopted.get(account_id) == today or self._opened(now) is None:
            return None
        with self._store.read() as tx:
            known = tx.ledger.openings(account_id, today)
        if known is None:
            return today
        self._adopted[account_id] = today
        return None

    def adopt(self, account_id: int) -> bool:
        """Store the session's openings by the lists that were read last; call it right after both were read.

        Returns
        -------
        bool
            False when nothing was stored: it is not due, a list is older than the session, or delivery sales went on while the
            two lists were read (positions are read once more to see that), so that they do not fit one another.

        Raises
        ------
        BrokerError
            The broker gave no positions.
        """
        session, opened_at = self.due(account_id), self._opened(self._clock.now())
        if session is None or opened_at is None:
            return False
        before = self._portfolio.positions(account_id, refresh=False)
        holdings = self._portfolio.holdings(account_id, refresh=False)
        self._portfolio.renew(POSITIONS, account_id, attempts=1)
        after = self._portfolio.positions(account_id, refresh=False)
        old = min(before.taken_at, holdings.taken_at) < opened_at
        if old or _delivered(before.rows) != _delivered(after.rows):
            return False
        found = openings(
            holdings.rows,
            after.rows,
            account_id=account_id,
            session=session,
            taken_at=after.taken_at,
            isin_of=self._isin,
        )
        with self._store.begin() as tx:
            stored = tx.ledger.put_openings(account_id, session, found, taken_at=after.taken_at)
        log.info("openings_adopted", account_id=account_id, session=session.isoformat(), lines=len(found), stored=stored)
        return stored

    def _opened(self, now: datetime) -> datetime | None:
        """Return when today's session opened (UTC); None before that, and on a day without one."""
        found = [self._calendar.last_open(exchange, now) for exchange in CASH]
        todays = [at for at in found if at is not None and ist_date(at) == ist_date(now)]
        return min(todays, default=None)

    def _isin(self, text: str) -> str | None:
        listing = self._lookup.listing(text)
        return None if listing is None else listing.isin


def _delivered(rows: Iterable[Position]) -> dict[str | None, int]:
    """Return what today's delivery orders came to, by listing."""
    return {row.listing: row.quantity for row in rows if row.product is Product.CNC}
