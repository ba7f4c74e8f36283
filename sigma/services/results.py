"""What a day came to, and what was entered and left, for people who look: by the ledger, at prices that brokers give now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sigma.domain.ledger import DayResult, RoundTrip
from sigma.domain.market import Quote
from sigma.ports.clock import Clock
from sigma.ports.storage import Store
from sigma.services.ledger import LedgerService


class LastQuotes(Protocol):
    """Where prices come from."""

    def last_quotes(self, listings: Sequence[str], account_id: int) -> Mapping[str, Quote]:
        """Return the newest quotes from this account or the canonical source; listings without one are absent."""


class ResultsService:
    """Results by account and strategy."""

    def __init__(self, store: Store, clock: Clock, ledger: LedgerService, quotes: LastQuotes) -> None:
        self._store = store
        self._clock = clock
        self._ledger = ledger
        self._quotes = quotes

    def day(self, user_id: int, *, account_id: int | None = None, strategy: str | None = None) -> DayResult:
        """Return what the session came to so far, rupees; of all live accounts when none is named.

        Listings without a quote are in `missing`: then the result is not known.
        """
        with self._store.read() as tx:
            live = [account.id for account in tx.accounts.list(user_id) if not account.simulated]
            open_listings = self._ledger.open_listings
            wanted = {
                one: open_listings(tx, user_id=user_id, account_id=one, strategy=strategy)
                for one in (live if account_id is None else [account_id])
            }
        quotes = {
            text: quote.last_price
            for one, listings in wanted.items()
            if listings
            for text, quote in self._quotes.last_quotes(sorted(listings), one).items()
        }
        now = self._clock.now()
        with self._store.read() as tx:
            return self._ledger.day(tx, user_id=user_id, account_id=account_id, strategy=strategy, prices=quotes, now=now)

    def round_trips(
        self, user_id: int, *, account_id: int | None = None, strategy: str | None = None, since: datetime | None = None
    ) -> Sequence[RoundTrip]:
        """Return what was entered and left, newest first, by the time at which it was left."""
        with self._store.read() as tx:
            return self._ledger.round_trips(tx, user_id=user_id, account_id=account_id, strategy=strategy, since=since)
