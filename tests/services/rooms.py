"""The services on a real database, with a clock that the test moves and brokers that it directs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sigma.domain.accounts import Account
from sigma.domain.events import Event
from sigma.infra.buckets import FileBudget
from sigma.infra.charge_rates import shipped_rates
from sigma.infra.exchange_days import past_of, shipped_days
from sigma.infra.failures import FailureMinute
from sigma.infra.latest import LatestTables
from sigma.infra.machine import LocalMachine
from sigma.infra.wanted import FileWanted
from sigma.services.accounts import AccountsService
from sigma.services.calendar import CalendarService
from sigma.services.connections import Connections, Endpoint
from sigma.services.events import EventsService
from sigma.services.groups import GroupsService
from sigma.services.health import HealthService
from sigma.services.instruments import InstrumentsService
from sigma.services.ledger import LedgerService
from sigma.services.listings import ListingLookup
from sigma.services.live import LiveQuotes
from sigma.services.market import MarketService
from sigma.services.market_health import MarketHealthService
from sigma.services.openings import OpeningsService
from sigma.services.overview import OverviewService
from sigma.services.people import PeopleService
from sigma.services.portfolio import PortfolioService
from sigma.services.quotes import QuotesService
from sigma.services.sessions import SessionsService
from sigma.services.settings import SettingsService
from sigma.services.turns import Turns
from sigma.store import migrate
from sigma.store.market import open_market
from sigma.store.secrets import SecretCipher, new_key
from sigma.store.store import open_store
from tests.services.fake_kit import AUTO, FakeKit, fake_capabilities

# Friday, 20 November 2026, 10:30 IST.
FRIDAY = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
KEYS = {"api_key": "key-of-ann", "api_secret": "secret-of-ann"}


@dataclass
class HandClock:
    """Time passes when the test says so, or when somebody waits."""

    moment: datetime = FRIDAY
    ns: int = 1_000_000_000_000
    boot_id: str = "a boot"
    waits: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.moment

    def boot_ns(self) -> int:
        return self.ns

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.pass_by(seconds)

    def pass_by(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        self.ns += int(seconds * 1e9)


class Rooms:
    """All services as bootstrap wires them. Brokers: ``alpha`` (manual login) and ``beta`` (auto login allowed)."""

    def __init__(self, home: Path, environment: dict[str, str] | None = None) -> None:
        migrate.upgrade(home, at=FRIDAY)
        self.home = home
        self.clock = HandClock()
        self.alpha = FakeKit(fake_capabilities("alpha"))
        self.beta = FakeKit(
            fake_capabilities("beta", auth_modes=AUTO, credentials=("api_key", "client_code"), login_fields=("pin", "otp"))
        )
        self.hidden: set[str] = set()
        cipher = SecretCipher([new_key()])
        self.store = open_store(home, cipher=cipher)
        self.market_store = open_market(home)
        self.events = EventsService(self.store, self.clock)
        self.settings = SettingsService(self.store, self.clock, self.events)
        shipped = shipped_days()
        self.days = CalendarService(self.store, self.clock, self.events, shipped, past_of(shipped))
        self.lookup = ListingLookup(self.market_store, self.clock)
        self.budget = FileBudget(home / "locks", self.clock)
        self.connections = Connections(
            self.store,
            self.clock,
            {"alpha": self.alpha, "beta": self.beta},
            self.lookup,
            self.settings,
            self.events,
            Turns(self.clock, self.budget),
            endpoints={"alpha": Endpoint("http://127.0.0.1:1", "")},
            hide=self.hidden.update,
        )
        self.accounts = AccountsService(
            self.store,
            self.clock,
            self.connections,
            self.events,
            environment=environment,
            aliases={("alpha", "api_key"): "ALPHA_KEY", ("alpha", "api_secret"): "ALPHA_SECRET"},
        )
        self.sessions = SessionsService(self.store, self.clock, self.connections, self.settings, self.events)
        self.instruments = InstrumentsService(
            self.store, self.market_store, self.clock, self.connections, self.settings, self.events, self.lookup
        )
        self._prices_and_sums()
        self.people = self.other_people()
        with self.store.read() as tx:
            self.user = tx.users.owner().id

    def _prices_and_sums(self) -> None:
        self.groups = GroupsService(self.store, self.clock, self.instruments, self.events)
        self.live = LiveQuotes(
            LatestTables(self.home / "feed"),
            FileWanted(self.home / "feed" / "wanted", self.clock),
            self.market_store,
            self.clock,
            self.settings,
        )
        self.portfolio = PortfolioService(
            self.store, self.clock, self.connections, self.instruments, self.settings, self.events, self.live
        )
        self.openings = OpeningsService(self.store, self.clock, self.days.calendar, self.portfolio, self.lookup)
        self.ledger = self.another_ledger()
        self.market = MarketService(
            self.clock, self.accounts, self.connections, self.instruments, self.settings, self.live, preferred_broker="alpha"
        )
        self.quotes = QuotesService(
            self.store, self.market_store, self.clock, self.days.calendar, self.connections, self.market, self.live
        )
        self.market_health = MarketHealthService(self.store, self.clock, self.settings, self.connections, self.market, self.live)
        self.health = HealthService(
            self.store,
            self.clock,
            self.settings,
            self.connections,
            self.sessions,
            self.instruments,
            LocalMachine(self.home, self.clock, {"SIGMA_KEY": "given"}),
            self.days.calendar,
            self.market_health,
        )
        self.overview = OverviewService(self.store, self.clock, self.days.calendar, self.settings, self.sessions, self.portfolio)

    def close(self) -> None:
        self.store.close()
        self.market_store.close()

    def other_people(self) -> PeopleService:
        """Return sign-in as another process has it."""
        return PeopleService(self.store, self.clock, self.settings, self.events, FailureMinute(self.clock))

    def another_ledger(self) -> LedgerService:
        """Return the ledger as another process has it; alpha asks what Zerodha asks, of beta nothing is known."""
        return LedgerService(self.clock, self.days.calendar, self.lookup, {"alpha": shipped_rates()["zerodha"]})

    def account(self, name: str = "ann", broker: str = "alpha") -> Account:
        """Return a new account that was never connected."""
        keys = KEYS if broker == "alpha" else {"api_key": "key-of-beta", "client_code": "AB1234"}
        return self.accounts.add(self.user, broker, name, keys)

    def connected(self, name: str = "ann") -> Account:
        """Return a new account at alpha that is logged in as AB1234."""
        account = self.account(name)
        self.sessions.connect(self.user, name, {"request_token": "token-of-ann"})
        return self.accounts.find(self.user, account.id)

    def another_user(self, name: str = "bob") -> int:
        """Return the id of a new user who is not the owner."""
        with closing(sqlite3.connect(self.home / "sigma.db", timeout=10)) as connection, connection:
            columns = "INSERT INTO users (name, role, trading_mode, created_at)"
            row = connection.execute(f"{columns} VALUES (?, 'trader', 'NORMAL', '2026-01-01') RETURNING id", (name,)).fetchone()
        return int(row[0])

    def audit(self, kind: str) -> list[Event]:
        """Return the events of a kind, newest first."""
        return list(self.events.table(self.user, kind=kind))
