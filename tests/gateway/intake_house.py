"""A real installation, as far as signals need one, and a real gateway over real sockets."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from sigma.domain.accounts import Account, AuthMode, TradingMode
from sigma.domain.instruments import Exchange, Kind, Listing, MasterReport
from sigma.domain.orders import Order, OrderMode
from sigma.domain.signals import Signal
from sigma.domain.strategies import SignalShare, Strategy, StrategyShare
from sigma.gateway.app import create_app
from sigma.infra.clock import SystemClock
from sigma.infra.serving import listen, make_server
from sigma.services.catalogue import Catalogue
from sigma.services.events import EventsService
from sigma.services.listings import ListingLookup
from sigma.services.settings import SettingsService
from sigma.services.signals import SignalsService
from sigma.store.market import SqlMarketStore, open_market
from sigma.store.migrate import upgrade
from sigma.store.secrets import load_cipher
from sigma.store.store import SqlStore, open_store

HEADER = "X-SIGMATRADER-SECRET"
NIFTY_LOT = 75
LISTINGS = (
    Listing(Exchange.NSE, "INFY", Kind.EQUITY, "INFOSYS", tick_size=Decimal("0.05")),
    Listing(Exchange.BSE, "INFY", Kind.EQUITY, "INFOSYS", tick_size=Decimal("0.05")),
    Listing(Exchange.NSE, "M&M", Kind.EQUITY, "MAHINDRA & MAHINDRA", tick_size=Decimal("0.05")),
    Listing(Exchange.NSE, "NIFTY 50", Kind.INDEX, "NIFTY 50"),
    Listing(
        Exchange.NFO, "NIFTY26DECFUT", Kind.FUTURE, "NIFTY", lot_size=NIFTY_LOT, tick_size=Decimal("0.05"), freeze_quantity=1800
    ),
)


class MovableClock(SystemClock):
    """Implements ports.clock.Clock; the test moves its wall and its boot time forward together."""

    def __init__(self) -> None:
        super().__init__()
        self._moved = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self._moved

    def boot_ns(self) -> int:
        return super().boot_ns() + int(self._moved.total_seconds() * 1e9)

    def move(self, **by: float) -> None:
        self._moved += timedelta(**by)


@dataclass
class IntakeHouse:
    """One installation with an owner, a webhook secret and a few listings."""

    home: Path
    clock: MovableClock
    store: SqlStore
    market: SqlMarketStore
    settings: SettingsService
    events: EventsService
    signals: SignalsService
    owner_id: int
    secret: str

    def stored(self, **same: Any) -> list[Signal]:
        """Return the owner's signals with these values, oldest first."""
        rows = self.signals.table(self.owner_id, limit=None)
        return [row for row in reversed(rows) if all(getattr(row, name) == value for name, value in same.items())]

    def orders(self, **filters: Any) -> Sequence[Order]:
        """Return orders, oldest first."""
        with self.store.read() as tx:
            return tx.orders.list(newest_first=False, **filters)

    def message(self, **changes: Any) -> dict[str, Any]:
        """The smallest message with the right secret, changed; a change to None takes the key out."""
        message = {"secret": self.secret, "symbol": "NSE:INFY", "order_action": "BUY", "quantity": 5} | changes
        return {key: value for key, value in message.items() if value is not None}

    def strategy(self, name: str, shares: Mapping[str, float], mode: OrderMode = OrderMode.AUTO) -> Strategy:
        """Return a new strategy on accounts (made here when they are new) with their multipliers."""
        now = self.clock.now()
        with self.store.begin() as tx:
            known = {account.name: account for account in tx.accounts.list(self.owner_id)}
            for account in shares.keys() - known.keys():
                blank = Account(0, self.owner_id, "alpha", account, None, False, True, TradingMode.NORMAL, AuthMode.MANUAL, now)
                known[account] = tx.accounts.add(blank)
            parts = tuple(StrategyShare(known[account].id, Decimal(str(times))) for account, times in shares.items())
            stored = tx.strategies.add(Strategy(0, self.owner_id, name, now, mode=mode, shares=parts))
        self.signals.roster.forget()
        return stored

    def shares(self, signal_id: int) -> Sequence[SignalShare]:
        """Return what became of a message on accounts."""
        return self.signals.shares([signal_id]).get(signal_id, [])

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the database's write lock, as another process might."""
        with closing(sqlite3.connect(self.home / "sigma.db", isolation_level=None, timeout=10)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield

    def execute(self, statement: str) -> None:
        """Change the database from outside."""
        with closing(sqlite3.connect(self.home / "sigma.db", timeout=10)) as connection:
            connection.executescript(statement)


@contextmanager
def open_intake_house(home: Path) -> Iterator[IntakeHouse]:
    clock = MovableClock()
    home.mkdir(exist_ok=True)
    upgrade(home, at=clock.now())
    with open_store(home, cipher=load_cipher(home)) as store, closing(open_market(home)) as market:
        market.replace_master("zerodha", LISTINGS, (), MasterReport("zerodha", 0, 5, 5, 0, 0, (), (), 0.1), clock.now())
        events = EventsService(store, clock)
        settings = SettingsService(store, clock, events)
        signals = SignalsService(store, Catalogue(market, clock, settings, ListingLookup(market, clock)), settings, clock)
        with store.read() as tx:
            owner_id = tx.users.owner().id
        yield IntakeHouse(home, clock, store, market, settings, events, signals, owner_id, signals.rotate_secret(owner_id))


@contextmanager
def serving(house: IntakeHouse) -> Iterator[str]:
    """Serve the house's gateway from a thread, as its process does; give its address."""
    app = create_app(house.signals, house.store, house.settings, house.clock, house.events.beat, environment="simulator")
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    server = make_server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@contextmanager
def client(url: str, **options: Any) -> Iterator[httpx.Client]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    with httpx.Client(base_url=url, timeout=30, trust_env=False, limits=limits, **options) as session:
        yield session
