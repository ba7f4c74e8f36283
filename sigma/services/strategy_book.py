"""What a strategy holds and made today, by what is stored; and the way out of what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from sigma.domain.errors import Conflict, Denied
from sigma.domain.kill import KillRun
from sigma.domain.market import Quote
from sigma.domain.strategies import StrategyDay, StrategyPosition
from sigma.ports.clock import Clock
from sigma.ports.storage import Store
from sigma.services.events import EventsService
from sigma.services.kill import KillService
from sigma.services.ledger import LedgerService
from sigma.services.strategies import find_strategy


class StoredPrices(Protocol):
    """Last prices, live or as the worker stored them; no broker is asked."""

    def stored(self, listings: Sequence[str]) -> Mapping[str, Quote]:
        """Return quotes by canonical text; listings without one are absent."""

    def look_at(self, user_id: int, listings: Sequence[str]) -> None:
        """Say that somebody looks at listings, so that they are fed."""


class StrategyBook:
    """Reads the ledger for one strategy at a time; its exits are runs that the worker advances."""

    def __init__(
        self, store: Store, clock: Clock, ledger: LedgerService, prices: StoredPrices, kill: KillService, events: EventsService
    ) -> None:
        self._store = store
        self._clock = clock
        self._ledger = ledger
        self._prices = prices
        self._kill = kill
        self._events = events

    def positions(self, user_id: int, name: str | None = None) -> Sequence[StrategyPosition]:
        """Return what one strategy, or each of the user's, holds by its own fills, with the last prices.

        Raises
        ------
        NotFound
            There is no strategy of that name.
        """
        with self._store.read() as tx:
            named = tx.strategies.list(user_id) if name is None else [find_strategy(tx, user_id, name)]
            found = [
                (one.name, *place, units)
                for one in named
                for place, units in self._ledger.strategy_positions(tx, user_id, one.name).items()
            ]
        listings = sorted({listing for _, _, listing, _, _ in found})
        if listings:
            self._prices.look_at(user_id, listings)
        quotes = self._prices.stored(listings)
        return [
            StrategyPosition(strategy, account_id, listing, product, units, *_priced(quotes.get(listing)))
            for strategy, account_id, listing, product, units in sorted(found)
        ]

    def days(self, user_id: int) -> Sequence[StrategyDay]:
        """Return what the session came to for each of the user's strategies: live accounts apart from simulated ones."""
        now = self._clock.now()
        with self._store.read() as tx:
            names = [one.name for one in tx.strategies.list(user_id)]
            wanted = {
                listing
                for name in names
                for simulated in (False, True)
                for listing in self._ledger.open_listings(tx, user_id=user_id, strategy=name, simulated=simulated)
            }
        prices = {text: quote.last_price for text, quote in self._prices.stored(sorted(wanted)).items()}
        with self._store.read() as tx:
            return [
                StrategyDay(
                    name,
                    *(
                        self._ledger.day(tx, user_id=user_id, strategy=name, prices=prices, now=now, simulated=simulated)
                        for simulated in (False, True)
                    ),
                )
                for name in names
            ]

    def exit(self, user_id: int, name: str) -> Sequence[KillRun]:
        """Begin to close what a strategy holds, on each account and in each product; nothing is blocked by it.

        The worker takes the strategy's own orders there back, sends reduce-only orders at the market, never for more than the
        account holds, and verifies it. Shares in demat stay.

        Raises
        ------
        Conflict
            It holds nothing.
        Denied
            The user may only look on.
        NotFound
            There is no such strategy.
        """
        with self._store.begin() as tx:
            user = tx.users.get(user_id)
            if user.role == "viewer":
                raise Denied("Closing positions is for those who may trade.", hint="Ask the owner.")
            strategy = find_strategy(tx, user_id, name)
            places = sorted({(key[0], key[2]) for key in self._ledger.strategy_positions(tx, user_id, strategy.name)})
            if not places:
                raise Conflict(f"Strategy {strategy.name} holds nothing.", hint="What a person bought is on Positions.")
            reason = f"exit of strategy {strategy.name}, asked for by {user.name}"
            square_off = self._kill.square_off
            runs = [
                square_off(tx, user_id, account_id, strategy=strategy.name, product=product, reason=reason)
                for account_id, product in places
            ]
            where = ", ".join(f"{tx.accounts.get(account_id).name} {product}" for account_id, product in places)
            told = f"Strategy {strategy.name}: what it holds is being closed ({where}), asked for by {user.name}."
            self._events.record("STRATEGY_EXIT", told, user_id=user_id, tx=tx)
        return runs


def _priced(quote: Quote | None) -> tuple[Decimal | None, datetime | None]:
    return (None, None) if quote is None else (quote.last_price, quote.at)
