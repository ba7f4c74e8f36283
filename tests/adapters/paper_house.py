"""A paper account for tests: a real book in a real database, quotes and a clock that the test sets."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sigma.adapters.paper import KIT, advance
from sigma.bootstrap import prepare
from sigma.domain.accounts import Account, AuthMode, TradingMode
from sigma.domain.answers import BrokerOrder, WriteAnswer
from sigma.domain.calendar import Calendar, weekdays
from sigma.domain.errors import StaleData
from sigma.domain.instruments import Exchange, Kind, Listing
from sigma.domain.market import Level, Quote
from sigma.domain.orders import (
    Order,
    OrderMode,
    OrderRequest,
    OrderStatus,
    OrderType,
    Outcome,
    Product,
    Side,
    Source,
)
from sigma.domain.paper import PaperRules, PaperState
from sigma.domain.times import ist_date
from sigma.infra.charge_rates import shipped_rates
from sigma.ports.broker import AdapterContext, Broker
from sigma.ports.paper import PaperPlace
from sigma.ports.probe import NoProbe, Probe
from sigma.store.paper import SqlPaperBooks
from sigma.store.secrets import load_cipher
from sigma.store.store import SqlStore, open_store
from tests.contract.lookup import MasterLookup

# Friday, 20 November 2026, 10:30 IST.
FRIDAY = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
INFY, TCS, FUTURE, CALL = "NSE:INFY", "NSE:TCS", "NFO:NIFTY26NOVFUT", "NFO:NIFTY26NOV25000CE"
EXPIRY = date(2026, 11, 24)
_RUPEE = Decimal(1)
LISTINGS = {
    one.text: one
    for one in (
        Listing(Exchange.NSE, "INFY", Kind.EQUITY, tick_size=Decimal("0.05"), isin="INE009A01021"),
        Listing(Exchange.NSE, "TCS", Kind.EQUITY, tick_size=Decimal("0.05")),
        Listing(Exchange.NSE, "NIFTY 50", Kind.INDEX, tick_size=Decimal("0.05")),
        Listing(Exchange.NFO, "NIFTY26NOVFUT", Kind.FUTURE, lot_size=75, tick_size=Decimal("0.1"), expiry=EXPIRY),
        Listing(
            Exchange.NFO,
            "NIFTY26NOV25000CE",
            Kind.OPTION,
            lot_size=75,
            tick_size=Decimal("0.05"),
            expiry=EXPIRY,
            strike=Decimal(25000),
        ),
    )
}
PRICES = {INFY: Decimal(1500), TCS: Decimal(3000), FUTURE: Decimal(25000), CALL: Decimal(200)}


@dataclass
class StillClock:
    """Stands still until a test moves it."""

    at: datetime = FRIDAY
    boot_id: str = "test"
    ns: int = 1_000_000_000

    def now(self) -> datetime:
        return self.at

    def boot_ns(self) -> int:
        return self.ns

    def wait(self, seconds: float) -> None:
        raise AssertionError(f"nobody waits here, and somebody wanted {seconds} s")

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


def depth(price: Decimal, quantity: int, tick: Decimal = Decimal("0.05")) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """Return five levels of so many units on each side of a price."""
    bids = tuple(Level(price - tick * step, quantity, 1) for step in range(1, 6))
    return bids, tuple(Level(price + tick * step, quantity, 1) for step in range(1, 6))


@dataclass
class PaperStage:
    """What a test acts on: the account as its broker, the market, and the clock."""

    store: SqlStore
    account: Account
    clock: StillClock = field(default_factory=StillClock)
    calendar: Calendar = field(default_factory=weekdays)
    rules: PaperRules = field(default_factory=PaperRules)
    probe: Probe = field(default_factory=NoProbe)
    quotes: dict[str, Quote] = field(default_factory=dict)
    why: str = ""
    _tags: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        for listing, price in PRICES.items():
            self.quote(listing, price)
        KIT.authenticator({}, self.context).connect({})

    @property
    def books(self) -> SqlPaperBooks:
        """The books, as a process that has just started has them."""
        return SqlPaperBooks(self.store.database)

    @property
    def place(self) -> PaperPlace:
        """What the adapter stands on."""
        return PaperPlace(
            account_id=self.account.id,
            books=self.books,
            quotes=self._quotes,
            listing=LISTINGS.get,
            calendar=self.calendar,
            rates=shipped_rates()["paper"],
            rules=self.rules,
            owner="Asha",
        )

    @property
    def context(self) -> AdapterContext:
        return AdapterContext(self.clock, MasterLookup(), probe=self.probe, paper=self.place)

    @property
    def broker(self) -> Broker:
        """The account, logged in."""
        session, _ = KIT.authenticator({}, self.context).connect({})
        return KIT.broker({}, session, self.context)

    @property
    def state(self) -> PaperState:
        """The book with today's orders and executions."""
        found = self.books.load(self.account.id, ist_date(self.clock.now()))
        assert found is not None
        return found

    def _quotes(self, listings: Sequence[str]) -> dict[str, Quote]:
        if self.why:
            raise StaleData(self.why)
        return {listing: self.quotes[listing] for listing in listings if listing in self.quotes}

    def quote(self, listing: str, price: Decimal | int | str, quantity: int = 100_000, **more: object) -> None:
        """Set what a listing trades at from now on, with so many units on each of five levels (0: no depth)."""
        last, tick = Decimal(price), LISTINGS[listing].tick_size
        bids, asks = depth(last, quantity, tick) if quantity else ((), ())
        plain = Quote(listing, last, self.clock.now(), close=last, bids=bids, asks=asks)
        self.quotes[listing] = replace(plain, **more)  # type: ignore[arg-type]

    def fresh(self) -> None:
        """Quote everything anew at the same price."""
        self.quotes = {listing: replace(one, at=self.clock.now()) for listing, one in self.quotes.items()}

    def advance(self) -> bool:
        """Let happen what is due."""
        return advance(self.place, self.clock)

    def at(self, clock: str, days: int = 0) -> None:
        """Go to a time in India (HH:MM), so many days later, and quote everything anew."""
        hours, minutes = clock.split(":")
        midnight = datetime.combine(ist_date(self.clock.now()) + timedelta(days=days), datetime.min.time(), tzinfo=UTC)
        self.clock.at = midnight + timedelta(hours=int(hours), minutes=int(minutes)) - timedelta(hours=5, minutes=30)
        self.fresh()

    def send(self, request: OrderRequest) -> tuple[Order, WriteAnswer]:
        """Place an order, and return it as our store would hold it."""
        tag = f"TAG{next(self._tags):013d}"
        answer = self.broker.place(request, tag)
        return tracked(request, answer.broker_order_id, tag), answer

    def placed(self, request: OrderRequest) -> BrokerOrder:
        """Place an order that must be accepted, let the market see it, and return its row."""
        order, answer = self.send(request)
        assert answer.outcome is Outcome.ACCEPTED, answer
        self.advance()
        return self.row(str(order.broker_order_id))

    def row(self, broker_order_id: str) -> BrokerOrder:
        """Return an order's row of the book."""
        return next(row for row in self.broker.order_book().rows if row.broker_order_id == broker_order_id)

    def order(self, row: BrokerOrder, request: OrderRequest) -> Order:
        """Return an order of the book as our store would hold it."""
        return tracked(request, row.broker_order_id, row.tag)


def wish(quantity: int = 10, listing: str = INFY, side: Side = Side.BUY, **changes: object) -> OrderRequest:
    """Return a market order, with changes; a limit order when a price is among them."""
    product = Product.NRML if listing.startswith("NFO") else Product.CNC
    kind = OrderType.LIMIT if "price" in changes else OrderType.MARKET
    plain = {"order_type": kind, "product": product}
    return OrderRequest(listing, side, quantity, **(plain | changes))  # type: ignore[arg-type]


def tracked(request: OrderRequest, broker_order_id: str | None, tag: str = "") -> Order:
    """Return the order as our store would hold it."""
    return Order(
        id=1,
        user_id=1,
        account_id=1,
        request=request,
        status=OrderStatus.OPEN,
        client_order_id=tag,
        mode=OrderMode.AUTO,
        source=Source.PERSON,
        created_at=FRIDAY,
        updated_at=FRIDAY,
        broker_order_id=broker_order_id,
    )


def open_books(home: Path) -> SqlStore:
    """Make an installation and return its store."""
    prepare(home)
    return open_store(home, cipher=load_cipher(home, url=None))


def add_account(store: SqlStore, name: str = "Paper") -> Account:
    """Store a paper account of the owner's."""
    with store.begin() as tx:
        owner = tx.users.owner()
        return tx.accounts.add(
            Account(0, owner.id, "paper", name, None, False, True, TradingMode.NORMAL, AuthMode.MANUAL, FRIDAY)
        )
