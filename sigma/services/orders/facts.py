"""What the risk gate is given: read from the broker outside of the transaction, and from the store inside.

Only what the limits that concern an order ask for is read, so that an account without limits stays fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Protocol, TypedDict

from sigma.domain.accounts import Account, TradingMode, stricter
from sigma.domain.errors import NotFound
from sigma.domain.ledger import DayResult
from sigma.domain.limits import CallKind
from sigma.domain.money import ZERO
from sigma.domain.orders import EXPOSED, Order, OrderMode, OrderRequest, OrderStatus, Product, Source, counts_as_exposure
from sigma.domain.risk import RiskLimits, RiskSnapshot, Scope, ScopeFacts
from sigma.domain.times import ist_date
from sigma.engines import risk
from sigma.ports.storage import Unit
from sigma.services.orders.house import OrderHouse

DAY_LIMITS = ("max_daily_loss", "drawdown_caution", "drawdown_stop")
VALUED = ("max_order_value", "max_exposure")
LEDGER_WIDE = (*DAY_LIMITS, "max_open_positions", "max_exposure")
"""Limits that an order of unknown outcome anywhere in their scope makes impossible to judge."""
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
        self, tx: Unit, *, user_id: int, account_id: int | None, strategy: str | None, listing: str, now: datetime
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


def facts_of(seen: RiskSnapshot) -> Facts:
    """Return the facts that a stored decision saw."""
    days = {facts.scope: facts.day for facts in seen.scopes if facts.day is not None}
    return Facts(seen.last_price, seen.price_at, seen.position, seen.exits_filled, days=days)


def having(limits: Sequence[RiskLimits], *names: str) -> list[RiskLimits]:
    """Return the scopes in which any of these limits is set."""
    return [row for row in limits if any(getattr(row, name) is not None for name in names)]


class FactFinder:
    """Reads what the gate needs."""

    def __init__(self, house: OrderHouse, ledger: Ledger) -> None:
        self._house = house
        self._ledger = ledger

    def gather(self, request: OrderRequest, account: Account, strategy: str, *, reduce_only: bool = False) -> Facts:
        """Read quotes, and where only exits may pass the broker's position.

        Raises
        ------
        SessionExpired
            The account is not logged in.
        """
        house = self._house
        house.connected.broker(account.id)
        with house.store.read() as tx:
            limits = risk.applicable(tx.risk.limits(account.user_id), account.id, strategy)
            exits_only = reduce_only or mode_of(tx, account) is TradingMode.EXIT_ONLY
            held = self._held(tx, limits, account, strategy)
            filled = executed(tx, request, account, house.clock.now()) if exits_only else 0  # before the position is read
        price, at = self._price(request, account) if having(limits, *VALUED) else (None, None)
        prices = house.prices.last_quotes(held, account.id) if held else {}
        facts = Facts(price, at, prices={text: quote.last_price for text, quote in prices.items()})
        return replace(facts, position=self._position(request, account), exits_filled=filled) if exits_only else facts

    def _held(self, tx: Unit, limits: Sequence[RiskLimits], account: Account, strategy: str) -> Sequence[str]:
        """Return the listings whose prices make the results that limits ask for."""
        return sorted(
            {
                listing
                for row in having(limits, *DAY_LIMITS)
                for listing in self._ledger.open_listings(tx, **_scope_of(row, account, strategy), simulated=account.simulated)
            }
        )

    def _price(self, request: OrderRequest, account: Account) -> tuple[Decimal | None, datetime | None]:
        quote = self._house.prices.last_quote(request.listing, account.id)
        oldest = self._house.seconds("orders.quote_max_age")
        if quote is None or (self._house.clock.now() - quote.at).total_seconds() > oldest:
            return None, None
        return quote.last_price, quote.at

    def _position(self, request: OrderRequest, account: Account) -> int:
        read = self._house.connected.read
        positions = read(account.id, CallKind.POSITIONS, lambda broker: broker.positions(), attempts=1)
        held = sum(row.quantity for row in positions.rows if (row.listing, row.product) == (request.listing, request.product))
        if request.product is Product.CNC:
            holdings = read(account.id, CallKind.HOLDINGS, lambda broker: broker.holdings(), attempts=1)
            held += sum(row.quantity + row.t1_quantity for row in holdings.rows if row.listing == request.listing)
        return held

    def snapshot(
        self, tx: Unit, order: Order, account: Account, facts: Facts, limits: Sequence[RiskLimits], *, amending: bool
    ) -> RiskSnapshot:
        """Return what the gate looks at, as the transaction sees it. `limits` are those that concern the order."""
        mode = mode_of(tx, account)
        kills = tuple(
            kill
            for kill in tx.risk.kills(account.user_id)
            if kill.on and kill.account_id in (None, account.id) and kill.strategy.casefold() in ("", order.strategy.casefold())
        )
        book = RiskSnapshot(
            mode,
            facts.position,
            0,
            facts.last_price,
            facts.price_at,
            kills,
            facts.exits_filled,
            lot_size=order.lot_size,
            filled=order.filled_quantity,
            reduce_only=order.reduce_only,
            killing=bool(kills) and order.reduce_only and order.source is Source.KILL,
            automatic=order.mode is OrderMode.AUTO and order.source is not Source.KILL,
            enabled=account.enabled,
            amending=amending,
            raises=not amending or raises(tx.orders.get(order.id).request, order.request),
            unsettled=_unsettled(tx, account, limits),
        )
        exits_only = mode is TradingMode.EXIT_ONLY or order.reduce_only
        set_here = [row for row in limits if row != RiskLimits(row.scope, row.strategy, row.account_id, clamp=row.clamp)]
        if not (exits_only or set_here or book.unsettled):
            return book
        look = _Look(self._house, self._ledger, tx, order, account, facts)
        book = look.positioned(book, exits_only=exits_only)
        exposure = look.exposure(order.request) if having(limits, "max_exposure") else None
        return replace(book, exposure=exposure, scopes=tuple(look.scope(row) for row in set_here))


class _Look:
    """One look at the store for one order; what several limits ask for is read once."""

    def __init__(self, house: OrderHouse, ledger: Ledger, tx: Unit, order: Order, account: Account, facts: Facts) -> None:
        self._house, self._ledger, self._tx = house, ledger, tx
        self._order, self._account, self._facts = order, account, facts
        self._now = house.clock.now()
        self._today = ist_date(self._now)
        self._key: Key = (order.listing, order.request.product)
        self._positions: dict[int, Mapping[Key, int]] = {}

    def positioned(self, book: RiskSnapshot, *, exits_only: bool) -> RiskSnapshot:
        """Return the snapshot with the views of the position that there are.

        For an exit that the broker was asked about, the ledger counts only when this session's opening was adopted: what was
        never adopted is nothing that the ledger knows.
        """
        mine = [(one, units) for one, units in self.at_work if one.account_id == self._account.id and self._same(one)]
        if exits_only and self._facts.position is not None:
            since = executed(self._tx, self._order.request, self._account, self._now) - self._facts.exits_filled
            unfilled = sum(one.unfilled for one, _ in mine if counts_as_exposure(one) and not self._own(one))
            book = replace(book, exits_working=unfilled + max(0, since))
            if self._tx.ledger.openings(self._account.id, self._today) is None:
                return book
        held = self.positions(self._account.id).get(self._key, 0)
        return replace(book, ledger=held, ledger_working=sum(units for _, units in mine))

    def scope(self, row: RiskLimits) -> ScopeFacts:
        """Return what the limits of one scope ask for."""
        mine = _scope_of(row, self._account, self._order.strategy)
        account_id, strategy = mine["account_id"], mine["strategy"]
        found = ScopeFacts(row.scope)
        if row.max_open_positions is not None:
            found = replace(found, positions=len(self._open(account_id, strategy) - {self._key}))
        if row.max_orders_per_minute is not None:
            recent = self._tx.orders.list(**mine, approved_since=self._now - MINUTE)
            count = sum(self._kin(one.account_id) and not one.slice_no and not self._own(one) for one in recent)
            found = replace(found, orders=count)
        if having((row,), *DAY_LIMITS):
            found = replace(found, day=self._day(row.scope, mine))
        if row.cooldown_s is not None:
            lost = self._ledger.last_loss(self._tx, **mine, listing=self._order.listing, now=self._now)
            found = replace(found, last_loss=lost)
        return found

    def _day(self, scope: Scope, mine: _Mine) -> DayResult | None:
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
        """The user's other orders that may still execute, and what executed without being in the ledger yet, with units."""
        exposed = self._tx.orders.list(user_id=self._account.user_id, statuses=tuple(EXPOSED))
        found = [
            (one, one.unfilled) for one in exposed if self._kin(one.account_id) and counts_as_exposure(one) and not self._own(one)
        ]
        for account in self.accounts:
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


class _Mine(TypedDict):
    """Which part of a user's orders and fills a scope is."""

    user_id: int
    account_id: int | None
    strategy: str | None


def _scope_of(row: RiskLimits, account: Account, strategy: str) -> _Mine:
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


def mode_of(tx: Unit, account: Account) -> TradingMode:
    """Return the stricter of the account's trading mode and its user's."""
    return stricter(account.trading_mode, TradingMode(tx.users.get(account.user_id).trading_mode))


def raises(now: OrderRequest, wanted: OrderRequest) -> bool:
    """Say whether a modify raises exposure: more units, a higher price, or another order type."""
    dearer = any(
        (new or ZERO) > (old or ZERO) for old, new in ((now.price, wanted.price), (now.trigger_price, wanted.trigger_price))
    )
    return wanted.quantity > now.quantity or dearer or wanted.order_type is not now.order_type


def executed(tx: Unit, request: OrderRequest, account: Account, now: datetime) -> int:
    """Return the units that today's orders of this direction, listing and product have executed, as far as we know."""
    orders = tx.orders.list(account_id=account.id, listing=request.listing, session=ist_date(now))
    same = (request.side, request.product)
    return sum(
        other.filled_quantity for other in orders if not other.slices and (other.request.side, other.request.product) == same
    )


def _unsettled(tx: Unit, account: Account, limits: Sequence[RiskLimits]) -> int:
    """Return how many orders only a person can close: the account's, and all of the user's where a wider limit needs them."""
    wide = any(row.scope is not Scope.ACCOUNT for row in having(limits, *LEDGER_WIDE))
    unknown = tx.orders.list(user_id=account.user_id, statuses=(OrderStatus.UNKNOWN,))
    return sum(one.unsettled and not one.slices and (wide or one.account_id == account.id) for one in unknown)
