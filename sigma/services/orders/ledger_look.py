"""What orders and the ledger say of one order's limits, within the transaction that decides it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Protocol, TypedDict

from sigma.domain.accounts import Account
from sigma.domain.errors import NotFound
from sigma.domain.ledger import DayResult
from sigma.domain.money import ZERO
from sigma.domain.orders import EXPOSED, Order, OrderRequest, Product, Source, counts_as_exposure
from sigma.domain.risk import RiskLimits, RiskSnapshot, Scope, ScopeFacts
from sigma.domain.times import ist_date
from sigma.engines import risk
from sigma.ports.storage import Unit
from sigma.services.orders.house import OrderHouse

DAY_LIMITS = ("max_daily_loss", "drawdown_caution", "drawdown_stop")
MINUTE = timedelta(seconds=60)
MOST_NAMED = 5
Key = tuple[str, Product]


class Ledger(Protocol):
    """Positions and results by openings and fills. Without an account those of all live ones are meant, or of all simulated."""

    def positions(self, tx: Unit, account_id: int) -> Mapping[Key, int]:
        """Return signed units held on an account, holdings of CNC included."""

    def strategy_positions(self, tx: Unit, user_id: int, strategy: str) -> Mapping[tuple[int, str, Product], int]:
        """Return signed units held by (account, listing, product) by a strategy's own fills."""

    def day(
        self,
        tx: Unit,
        *,
        user_id: int,
        account_id: int | None = None,
        strategy: str | None = None,
        prices: Mapping[str, Decimal],
        now: datetime,
        simulated: bool = False,
    ) -> DayResult:
        """Return the result of a scope since the session began, rupees."""

    def open_listings(
        self, tx: Unit, *, user_id: int, account_id: int | None = None, strategy: str | None = None, simulated: bool = False
    ) -> frozenset[str]:
        """Return the listings whose last price `day` needs for the same scope."""

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
        """Return when the last losing round trip in a listing was closed."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read before the transaction; None or empty where it was not needed or not to be had.

    Parameters
    ----------
    position, exits_filled : int or None, int
        Units by the broker, and what had been executed in the order's direction when they were read.
    prices : mapping of str to Decimal
        Rupees, of the listings that are held in scopes with a limit on results.
    days : mapping of Scope to DayResult, optional
        Results as a decision before saw them: they are taken as they are.
    """

    last_price: Decimal | None = None
    price_at: datetime | None = None
    position: int | None = None
    exits_filled: int = 0
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    days: Mapping[Scope, DayResult] | None = None


def having(limits: Sequence[RiskLimits], *names: str) -> list[RiskLimits]:
    """Return the scopes in which any of these limits is set."""
    return [row for row in limits if any(getattr(row, name) is not None for name in names)]


class LedgerLook:
    """One look at the store for one order; what several limits ask for is read once."""

    def __init__(
        self, house: OrderHouse, ledger: Ledger, tx: Unit, order: Order, account: Account, facts: Facts, *, wide: bool
    ) -> None:
        self._house, self._ledger, self._tx, self._wide = house, ledger, tx, wide
        self._order, self._account, self._facts = order, account, facts
        self._now = house.clock.now()
        self._today = ist_date(self._now)
        self._key: Key = (order.listing, order.request.product)
        self._positions: dict[int, Mapping[Key, int]] = {}

    def positioned(self, book: RiskSnapshot, *, exits_only: bool) -> RiskSnapshot:
        """Return the snapshot with the views of the position that there are.

        For an exit that the broker was asked about, the ledger counts only when this session's opening was adopted: what was
        never adopted is nothing that the ledger knows. For exits of a stop or a square-off the broker's list counts alone: a
        position that came about without an order (a conversion at the broker's) must not stay because of our books, and these
        exits wait until the list has followed what executed.
        """
        mine = [(one, units) for one, units in self.at_work if one.account_id == self._account.id and self._same(one)]
        if exits_only and self._facts.position is not None:
            since = executed(self._tx, self._order.request, self._account, self._now) - self._facts.exits_filled
            # Each once: what has executed in part and is not booked yet is at work twice.
            others = {one.id: one.unfilled for one, _ in mine if counts_as_exposure(one) and not self._own(one)}
            book = replace(book, exits_working=sum(others.values()) + max(0, since))
            if self._order.source is Source.KILL or self._tx.ledger.openings(self._account.id, self._today) is None:
                return book
        held = self.positions(self._account.id).get(self._key, 0)
        return replace(book, ledger=held, ledger_working=sum(units for _, units in mine))

    def scope(self, row: RiskLimits) -> ScopeFacts:
        """Return what the limits of one scope ask for."""
        mine = part_of(row, self._account, self._order.strategy)
        account_id, strategy = mine["account_id"], mine["strategy"]
        found = ScopeFacts(row.scope)
        if row.max_open_positions is not None:
            found = replace(found, positions=len(self._open(account_id, strategy) - {self._key}))
        if row.max_orders_per_minute is not None:
            found = replace(found, orders=self._admitted(mine))
        if having((row,), *DAY_LIMITS):
            found = replace(found, day=self._day(row.scope, mine))
        if row.cooldown_s is not None:
            listing, simulated = self._order.listing, self._account.simulated
            lost = self._ledger.last_loss(self._tx, **mine, listing=listing, now=self._now, simulated=simulated)
            found = replace(found, last_loss=lost)
        return found

    def _admitted(self, mine: Part) -> int:
        """Return how many orders but this one were admitted in a scope within the last minute; slices are one order."""
        since, strategy = self._now - MINUTE, mine["strategy"]
        numbers = [mine["account_id"]] if mine["account_id"] is not None else [one.id for one in self.accounts]
        tallies = [
            self._tx.orders.tally(user_id=mine["user_id"], account_id=number, strategy=strategy, approved_since=since, whole=True)
            for number in numbers
        ]
        own = self._order.id and self._order.approved_at is not None and self._order.approved_at >= since
        return sum(sum(tally.values()) for tally in tallies) - bool(own)

    def _day(self, scope: Scope, mine: Part) -> DayResult | None:
        if self._facts.days is not None:
            return self._facts.days.get(scope)
        prices, simulated = self._facts.prices, self._account.simulated
        day = self._ledger.day(self._tx, **mine, prices=prices, now=self._now, simulated=simulated)
        return replace(day, missing=day.missing[:MOST_NAMED])

    def _open(self, account_id: int | None, strategy: str | None) -> set[Key]:
        """Return what is open or being entered in a scope. Of CNC holdings only what changed today is a position."""
        if strategy is not None:
            mine = self._ledger.strategy_positions(self._tx, self._account.user_id, strategy)
            found = {(listing, product) for (number, listing, product), units in mine.items() if units and self._kin(number)}
        else:
            found = set()
            for account in [account_id] if account_id is not None else [one.id for one in self.accounts]:
                settled: dict[Key, int] = {
                    (one.listing, one.product): one.quantity
                    for one in self._tx.ledger.openings(account, self._today) or ()
                    if one.product is Product.CNC
                }
                found |= {key for key, units in self.positions(account).items() if units != settled.get(key, 0)}
        working = {
            (one.listing, one.request.product)
            for one, _ in self.at_work
            if account_id in (None, one.account_id) and strategy in (None, one.strategy)
        }
        return found | working

    def exposure(self, asked: OrderRequest) -> Decimal | None:
        """Return the rupees at work in the order's security without the order itself; None when there is no price.

        Of each position the larger of what working orders could make of it counts, valued at the last price or at the highest
        price of a working order.
        """
        price = risk.unit_price(asked, self._facts.last_price)
        if price is None:
            return None
        sums: dict[tuple[int, str, Product], _Sum] = {}
        for account in self.accounts:
            for (listing, product), units in self.positions(account.id).items():
                if units and self._same_security(listing):
                    sums[account.id, listing, product] = _Sum(price, units, units)
        for one, units in self.at_work:
            if one.account_id is not None and self._same_security(one.listing):
                place = (one.account_id, one.listing, one.request.product)
                sums[place] = sums.get(place, _Sum(price)).with_order(one, units)
        return sum((one.worst for one in sums.values()), ZERO)

    @cached_property
    def accounts(self) -> Sequence[Account]:
        """The user's accounts; for a live one the live ones, for a simulated one those that are."""
        return [one for one in self._tx.accounts.list(self._account.user_id) if one.simulated is self._account.simulated]

    def _kin(self, account_id: int | None) -> bool:
        return any(one.id == account_id for one in self.accounts)

    @cached_property
    def at_work(self) -> Sequence[tuple[Order, int]]:
        """Other orders that may still execute, and what executed without being in the ledger yet, with units.

        The user's, or where no limit looks further those of this account and listing.
        """
        if self._wide:
            exposed = self._tx.orders.list(user_id=self._account.user_id, statuses=tuple(EXPOSED))
        else:
            exposed = self._tx.orders.list(account_id=self._account.id, listing=self._order.listing, statuses=tuple(EXPOSED))
        found = [
            (one, one.unfilled) for one in exposed if self._kin(one.account_id) and counts_as_exposure(one) and not self._own(one)
        ]
        for account in self.accounts if self._wide else [self._account]:
            found += self._tx.orders.unbooked(account.id, self._today)
        return found

    def positions(self, account_id: int) -> Mapping[Key, int]:
        """Return what an account holds by the ledger."""
        if account_id not in self._positions:
            self._positions[account_id] = self._ledger.positions(self._tx, account_id)
        return self._positions[account_id]

    def _own(self, one: Order) -> bool:
        """Say whether an order is the one that is decided, or a slice of it."""
        return one.id == self._order.id or bool(one.slice_no and one.parent_id == self._order.id)

    def _same(self, one: Order) -> bool:
        return (one.listing, one.request.product) == self._key and one.request.side is self._order.request.side

    def _same_security(self, listing: str) -> bool:
        """Say whether two listings are one security: by name, else by ISIN where both have one."""
        mine = self._order.listing
        if listing == mine:
            return True
        try:
            isin = self._house.listings.get(mine).isin
            return isin is not None and isin == self._house.listings.get(listing).isin
        except NotFound:  # gone from the table: nothing but its name is known
            return False


class Part(TypedDict):
    """Which part of a user's orders and fills a scope is."""

    user_id: int
    account_id: int | None
    strategy: str | None


def part_of(row: RiskLimits, account: Account, strategy: str) -> Part:
    """Return which part a limit's scope is, for an order of this account and strategy."""
    return {
        "user_id": account.user_id,
        "account_id": account.id if row.scope is Scope.ACCOUNT else None,
        "strategy": strategy if row.scope is Scope.STRATEGY else None,
    }


@dataclass(frozen=True, slots=True)
class _Sum:
    """Units of one position at their highest and lowest once working orders are executed, and the price they count at."""

    price: Decimal
    high: int = 0
    low: int = 0

    def with_order(self, order: Order, units: int) -> _Sum:
        price = max(self.price, order.request.price or ZERO, order.request.trigger_price or ZERO)
        if order.request.side.sign > 0:
            return _Sum(price, self.high + units, self.low)
        return _Sum(price, self.high, self.low - units)

    @property
    def worst(self) -> Decimal:
        return max(abs(self.high), abs(self.low)) * self.price


def executed(tx: Unit, request: OrderRequest, account: Account, now: datetime) -> int:
    """Return the units that today's orders of this direction, listing and product have executed, as far as we know."""
    orders = tx.orders.list(account_id=account.id, listing=request.listing, session=ist_date(now))
    same = (request.side, request.product)
    return sum(
        other.filled_quantity for other in orders if not other.slices and (other.request.side, other.request.product) == same
    )


def last_moved(tx: Unit, account_id: int, now: datetime) -> Mapping[tuple[str | None, Product | None], datetime]:
    """Return by listing and product when an order of today that has executed changed last (UTC).

    A broker's list of positions may lag behind its book: what is closed by that list waits a moment after an execution.
    """
    moved: dict[tuple[str | None, Product | None], datetime] = {}
    for order in tx.orders.list(account_id=account_id, session=ist_date(now)):
        if order.filled_quantity:
            key = (order.listing, order.request.product)
            moved[key] = max(order.updated_at, moved.get(key, order.updated_at))
    return moved
