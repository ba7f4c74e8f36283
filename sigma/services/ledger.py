"""What is held and what a day came to, by openings and fills alone: no broker is asked, and all of it can be rebuilt.

The session began at midnight IST of the present day. What was carried into it counts from the reference price of the
session's list (yesterday's close), where there is none from the price at which it was entered; before any exchange opened
that day, nothing carried has moved. Units of an intraday product (MIS) end with their session, because the broker closes
them. A conversion moves units to the other product, those of strategies too; what nobody's strategy executed leaves what
strategies hold (see `sigma.engines.lots`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from sigma.domain.accounts import Account
from sigma.domain.calendar import Calendar
from sigma.domain.charges import Charges
from sigma.domain.errors import InvalidInput, NotFound
from sigma.domain.instruments import CASH, Exchange, Kind, split_listing
from sigma.domain.ledger import DayResult, Execution, LedgerPosition, RoundTrip
from sigma.domain.money import ZERO
from sigma.domain.orders import Product
from sigma.domain.rates import Rates, no_rates, segment_of
from sigma.domain.times import ist, ist_date
from sigma.engines.costs import Executed, of_orders
from sigma.engines.fifo import high_water, units
from sigma.engines.lots import Key
from sigma.ports.clock import Clock
from sigma.ports.storage import Unit
from sigma.services.ledger_books import MIDNIGHT, AccountBooks, Fees, LedgerCache
from sigma.services.listings import ListingLookup

Prices = Mapping[str, Decimal]
Held = Mapping[Key, LedgerPosition]


class LedgerService:
    """Answers within the transaction it is given, so that a decision sees the fills that its own transaction sees."""

    def __init__(self, clock: Clock, calendar: Calendar, lookup: ListingLookup, rates: Mapping[str, Rates]) -> None:
        self._clock = clock
        self._calendar = calendar
        self._lookup = lookup
        self._rates = rates
        self._cache = LedgerCache()

    def positions(self, tx: Unit, account_id: int) -> Mapping[tuple[str, Product], int]:
        """Return signed units by listing and product, holdings included as CNC; what is flat is left out.

        By the session's opening list and the fills since; while there is none yet, by the last list there is and the fills
        since that one; by all fills where there never was one.
        """
        session = ist_date(self._clock.now())
        return units(self._cache.books(tx, account_id, session).whole.positions(session))

    def strategy_positions(self, tx: Unit, user_id: int, strategy: str) -> Mapping[tuple[int, str, Product], int]:
        """Return signed units by account, listing and product of what a strategy entered and nobody left since."""
        session, held = ist_date(self._clock.now()), defaultdict[tuple[int, str, Product], int](int)
        for account in tx.accounts.list(user_id):
            for key, position in self._cache.books(tx, account.id, session).own.positions(session).items():
                if key.strategy == strategy:
                    held[account.id, key.listing, key.product] += position.quantity
        return {key: quantity for key, quantity in held.items() if quantity}

    def day(
        self,
        tx: Unit,
        *,
        user_id: int,
        account_id: int | None = None,
        strategy: str | None = None,
        prices: Prices,
        now: datetime,
        simulated: bool = False,
    ) -> DayResult:
        """Return what the session came to so far, rupees.

        Parameters
        ----------
        account_id : int, optional
            All of the user's accounts when left out: the live ones, or with `simulated` those that are not.
        strategy : str, optional
            Only the strategy's own fills (empty: what no strategy did), also those of earlier sessions that are still
            open; all of the account, holdings included, when left out.
        prices : mapping
            The last price of each listing in `open_listings`, rupees.
        """
        accounts = self._accounts(tx, user_id, account_id, simulated)
        books = [(account, self._cache.books(tx, account.id, ist_date(now))) for account in accounts]
        missing, realised, gain, ever, charges = set[str](), ZERO, ZERO, ZERO, ZERO
        for account, found in books:
            today = found.today(strategy)
            chosen = _chosen(today.positions(found.session), strategy)
            moved = self._moved(found.session, now)
            missing |= {key.listing for key in chosen if key.listing not in prices}
            realised += sum((c.position.realised for k, c in today.chains.items() if strategy in (None, k.strategy)), ZERO)
            gain += _open(chosen, prices) if moved else _open(_entered_today(chosen, found.session), prices)
            ever += _open(_chosen(found.of(strategy).positions(found.session), strategy), prices)
            fees = self._fees(account, found, strategy)
            missing |= set(fees.unknown)
            charges += fees.charges.total
        total, high = self._curve([found for _, found in books], strategy)
        low_by = None if missing else max(ZERO, high - total - ever)
        return DayResult(realised, gain, charges, tuple(sorted(missing)), low_by)

    def open_listings(
        self, tx: Unit, *, user_id: int, account_id: int | None = None, strategy: str | None = None, simulated: bool = False
    ) -> frozenset[str]:
        """Return the listings whose last price `day` needs for the same scope."""
        session = ist_date(self._clock.now())
        accounts = self._accounts(tx, user_id, account_id, simulated)
        books = [self._cache.books(tx, account.id, session) for account in accounts]
        return frozenset(
            key.listing
            for found in books
            for book in (found.of(strategy), found.today(strategy))
            for key in _chosen(book.positions(session), strategy)
        )

    def last_loss(
        self,
        tx: Unit,
        *,
        user_id: int,
        account_id: int | None,
        strategy: str | None,
        listing: str,
        now: datetime,
        simulated: bool = False,
    ) -> datetime | None:
        """Return when the last round trip in `listing` that lost (before charges) ended, UTC; None without one."""
        session, found = ist_date(now), list[datetime]()
        for one in [account.id for account in self._accounts(tx, user_id, account_id, simulated)]:
            chains = self._cache.books(tx, one, session).of(strategy).chains
            for key, chain in chains.items():
                if key.listing == listing and strategy in (None, key.strategy):
                    lost = (trip.closed_at for trip in reversed(chain.trips) if trip.gross < ZERO)
                    found += [at for at in (next(lost, None),) if at is not None and at <= now]
        return max(found, default=None)

    def round_trips(
        self,
        tx: Unit,
        *,
        user_id: int,
        account_id: int | None = None,
        strategy: str | None = None,
        since: datetime | None = None,
    ) -> Sequence[RoundTrip]:
        """Return what was entered and left, newest first; each strategy's own fills apart, and what no strategy did.

        Parameters
        ----------
        since : datetime, optional
            Only those that ended at or after it.
        """
        session = ist_date(self._clock.now())
        accounts = [account_id] if account_id is not None else [account.id for account in tx.accounts.list(user_id)]
        trips = [
            trip
            for one in accounts
            for trip in self._cache.books(tx, one, session).own.trips()
            if strategy in (None, trip.strategy) and (since is None or trip.closed_at >= since)
        ]
        return sorted(trips, key=lambda trip: trip.closed_at, reverse=True)

    def _accounts(self, tx: Unit, user_id: int, account_id: int | None, simulated: bool) -> list[Account]:
        if account_id is not None:
            return [tx.accounts.get(account_id)]
        return [account for account in tx.accounts.list(user_id) if account.simulated is simulated]

    def _moved(self, session: date, now: datetime) -> bool:
        """Say whether any exchange has opened since the session's midnight, so that prices are of this session."""
        opened = (self._calendar.last_open(exchange, now) for exchange in Exchange)
        return any(at is not None and ist_date(at) == session for at in opened)

    def _curve(self, books: Sequence[AccountBooks], strategy: str | None) -> tuple[Decimal, Decimal]:
        """Return the rupees of all round trips there were, and the most they ever came to."""
        if len(books) == 1:
            kept = books[0].counted.curve
            if strategy not in kept:
                kept[strategy] = high_water(_trips(books, strategy))
            return kept[strategy]
        return high_water(_trips(books, strategy))

    def _fees(self, account: Account, books: AccountBooks, strategy: str | None) -> Fees:
        """Return the estimated charges of the session's orders."""
        kept = books.counted.fees
        if strategy not in kept:
            kept[strategy] = self._estimate(account, books.todays(strategy))
        return kept[strategy]

    def _estimate(self, account: Account, executions: Iterable[Execution]) -> Fees:
        by_listing = defaultdict[str, defaultdict[int, list[Execution]]](lambda: defaultdict(list))
        for one in executions:
            by_listing[one.listing][one.order_id].append(one)
        total, unknown = Charges(), list[str]()
        for listing, orders in by_listing.items():
            try:
                rates, exchange = self._rates_of(account.broker), split_listing(listing)[0]
                kind = self._kind(listing, exchange)
                total += of_orders([_executed(fills, exchange, kind) for fills in orders.values()], rates)
            except (InvalidInput, NotFound):
                unknown.append(listing)
        return Fees(total, tuple(unknown))

    def _rates_of(self, broker: str) -> Rates:
        if broker not in self._rates:
            raise no_rates(broker, "an order")
        return self._rates[broker]

    def _kind(self, text: str, exchange: Exchange) -> Kind:
        listing = self._lookup.listing(text)
        if listing is not None:
            return listing.kind
        if exchange in CASH:
            return Kind.EQUITY
        raise NotFound(f"{text} is not in the instrument table, so that what it costs is not known.")


def _executed(fills: Sequence[Execution], exchange: Exchange, kind: Kind) -> Executed:
    """Return what an order executed, at its average price."""
    first, quantity = fills[0], sum(fill.quantity for fill in fills)
    price = sum((fill.price * fill.quantity for fill in fills), ZERO) / quantity
    segment = segment_of(exchange, kind, first.product)
    return Executed(first.listing, first.side, first.product, segment, quantity, price, first.session_date)


def _chosen(held: Held, strategy: str | None) -> Held:
    return held if strategy is None else {key: one for key, one in held.items() if key.strategy == strategy}


def _entered_today(held: Held, session: date) -> Held:
    """Return of positions the lots entered since the session's midnight."""
    begun = ist(session, MIDNIGHT)
    return {
        key: LedgerPosition(
            one.account_id,
            one.strategy,
            one.listing,
            one.product,
            tuple(lot for lot in one.lots if lot.order_id is not None and lot.opened_at >= begun),
        )
        for key, one in held.items()
    }


def _open(held: Held, prices: Prices) -> Decimal:
    """Return the rupees by which open lots have gained; a listing without a price counts nothing."""
    return sum(
        (
            (prices[key.listing] - lot.price) * lot.quantity
            for key, one in held.items()
            if key.listing in prices
            for lot in one.lots
        ),
        ZERO,
    )


def _trips(books: Sequence[AccountBooks], strategy: str | None) -> Sequence[RoundTrip]:
    trips = (trip for found in books for trip in found.of(strategy).trips() if strategy in (None, trip.strategy))
    return sorted(trips, key=lambda trip: trip.closed_at)
