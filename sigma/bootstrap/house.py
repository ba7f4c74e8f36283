"""The only place that wires adapters, store, infra and services together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sigma.adapters import angelone, exchanges, fyers, paper, zerodha
from sigma.domain.accounts import Account
from sigma.domain.errors import ConfigError
from sigma.domain.health import Check
from sigma.infra.buckets import NoBudget, read_budget
from sigma.infra.charge_rates import shipped_rates
from sigma.infra.clock import SimulatedClock, SystemClock
from sigma.infra.exchange_days import past_of, shipped_days
from sigma.infra.failures import FailureMinute
from sigma.infra.freeze import shipped_freeze
from sigma.infra.latest import LatestTables
from sigma.infra.limiter import ExchangeBudgets, WindowBudget
from sigma.infra.locks import FileLeases
from sigma.infra.logging import configure_logging, hide_secrets
from sigma.infra.machine import LocalMachine
from sigma.infra.probe import probe_from
from sigma.infra.wanted import FileWanted
from sigma.ports.broker import BrokerKit
from sigma.ports.clock import Clock
from sigma.ports.infra import Leases, WriteBudget
from sigma.ports.market_store import MarketStore
from sigma.ports.masters import Sources
from sigma.ports.probe import Probe
from sigma.ports.storage import Store
from sigma.services.accounts import AccountsService
from sigma.services.bar_fetch import BarFetcher
from sigma.services.bars import BarsService
from sigma.services.calendar import CalendarService
from sigma.services.connections import Connections, Endpoint
from sigma.services.conversions import Conversions
from sigma.services.events import EventsService
from sigma.services.groups import GroupsService
from sigma.services.health import HealthService, judge_place
from sigma.services.instruments import InstrumentsService
from sigma.services.kill import KillService
from sigma.services.kill_exits import Exits
from sigma.services.kill_steps import KillSteps
from sigma.services.kill_watch import KillWatch
from sigma.services.ledger import LedgerService
from sigma.services.listings import ListingLookup
from sigma.services.live import LiveQuotes
from sigma.services.market import MarketService
from sigma.services.market_health import MarketHealthService
from sigma.services.openings import OpeningsService
from sigma.services.orders.amend import Amendment
from sigma.services.orders.approve import Approval
from sigma.services.orders.auto import AutoAdmission
from sigma.services.orders.basket import Baskets
from sigma.services.orders.close import Closing
from sigma.services.orders.estimate import Estimates
from sigma.services.orders.house import OrderHouse
from sigma.services.orders.look import OrderViews
from sigma.services.orders.preview import Previews
from sigma.services.orders.push import PushedNews
from sigma.services.orders.resolve import Resolution
from sigma.services.orders.settle import BookSync
from sigma.services.orders.submit import Submission
from sigma.services.orders.triggers import Triggers
from sigma.services.overview import OverviewService
from sigma.services.paper import PaperHouse, PaperService
from sigma.services.people import PeopleService
from sigma.services.portfolio import PortfolioService
from sigma.services.quarantine import QuarantineService
from sigma.services.quotes import QuotesService
from sigma.services.recorder import TickRecorder, TickReplay
from sigma.services.results import ResultsService
from sigma.services.risk import RiskService
from sigma.services.sessions import SessionsService
from sigma.services.settings import SettingsService
from sigma.services.signals import SignalsService
from sigma.services.strategies import StrategiesService
from sigma.services.strategy_book import StrategyBook
from sigma.services.turns import Turns
from sigma.services.upkeep import Upkeep
from sigma.store.lake import open_lake
from sigma.store.market import open_market
from sigma.store.paper import SqlPaperBooks
from sigma.store.secrets import load_cipher
from sigma.store.store import open_store
from sigma.store.ticks import ParquetTicks

KITS: Mapping[str, BrokerKit] = {"zerodha": zerodha.KIT, "angelone": angelone.KIT, "paper": paper.KIT}
SOURCES: Sources = {"fyers": fyers.SOURCE, "nse": exchanges.NSE, "bse": exchanges.BSE}
CANONICAL_BROKER = "zerodha"
CREDENTIAL_ALIASES = {
    ("zerodha", "api_key"): "KITE_API_KEY",
    ("zerodha", "api_secret"): "KITE_API_SECRET",
    ("angelone", "api_key"): "SMARTAPI_API_KEY",
}


def home_folder(home: str | Path | None = None) -> Path:
    """Return the data folder: the one given, else SIGMA_HOME, else ~/.sigma."""
    return Path(home or os.environ.get("SIGMA_HOME") or Path.home() / ".sigma").expanduser().absolute()


@dataclass(frozen=True)
class OrderServices:
    """The use cases around orders."""

    house: OrderHouse
    approval: Approval
    submission: Submission
    amendment: Amendment
    resolution: Resolution
    views: OrderViews
    previews: Previews
    baskets: Baskets
    sync: BookSync
    triggers: Triggers
    conversions: Conversions
    closing: Closing


class House:
    """All services of one installation, made when first needed. Close it when done."""

    def __init__(self, home: Path, clock: Clock, probe: Probe, environment: Mapping[str, str]) -> None:
        self.home, self.clock, self.probe, self.environment = home, clock, probe, environment
        url = environment.get("SIGMA_DATABASE_URL") or None
        self._sql_store = open_store(home, url=url, cipher=load_cipher(home, url=url))
        self._sql_market = open_market(home, url=url)
        self.store: Store = self._sql_store
        self.market_store: MarketStore = self._sql_market
        self.events = EventsService(self.store, clock)
        days = shipped_days()
        self.days = CalendarService(self.store, clock, self.events, days, past_of(days))
        self.calendar = self.days.calendar
        self.settings = SettingsService(self.store, clock, self.events)
        self.lookup = ListingLookup(self.market_store, clock, shipped_freeze())
        self.rates = shipped_rates()
        self.ledger = LedgerService(clock, self.calendar, self.lookup, self.rates)
        self._read_budget = read_budget(home / "locks", clock, environment)
        self._exchange_budgets = ExchangeBudgets(clock, home / "locks", self._exchange_rate)
        self.connections = Connections(
            self.store,
            clock,
            KITS,
            self.lookup,
            self.settings,
            self.events,
            Turns(clock, self._read_budget),
            endpoints=endpoints(environment),
            probe=probe,
            hide=hide_secrets,
            is_open=lambda exchange: self.calendar.is_open(exchange, clock.now()),
            paper=lambda account: self.paper.place(account),
        )
        self.accounts = AccountsService(
            self.store,
            clock,
            self.connections,
            self.events,
            environment=environment,
            aliases=CREDENTIAL_ALIASES,
            disabled=lambda tx, account: self.strategies.disabled(tx, account),
        )
        self.sessions = SessionsService(self.store, clock, self.connections, self.settings, self.events)
        self.instruments = InstrumentsService(
            self.store,
            self.market_store,
            clock,
            self.connections,
            self.settings,
            self.events,
            self.lookup,
            SOURCES,
            reachable(environment),
        )
        self.quarantine = QuarantineService(self.store, self.market_store, clock, self.events)
        self.groups = GroupsService(self.store, clock, self.instruments, self.events)
        self.risk = RiskService(self.store, clock)
        self.signals = SignalsService(self.store, self.instruments, self.settings, clock)
        self.strategies = StrategiesService(self.store, clock, self.events, self.ledger, self.signals.roster)

    @property
    def feed_folder(self) -> Path:
        """Where the worker's feeds and those who read them meet."""
        return self.home / "feed"

    @cached_property
    def live(self) -> LiveQuotes:
        """Live prices."""
        wanted = FileWanted(self.feed_folder / "wanted", self.clock)
        return LiveQuotes(LatestTables(self.feed_folder), wanted, self.market_store, self.clock, self.settings)

    @cached_property
    def recorder(self) -> TickRecorder:
        """Writes ticks down, for the worker."""
        return TickRecorder(ParquetTicks(self.home / "lake" / "ticks"), self.settings, self.clock)

    @cached_property
    def replay(self) -> TickReplay:
        """Plays recorded ticks again."""
        return TickReplay(ParquetTicks(self.home / "lake" / "ticks"), self.clock)

    @cached_property
    def people(self) -> PeopleService:
        """Passwords and sign-ins."""
        return PeopleService(self.store, self.clock, self.settings, self.events, FailureMinute(self.clock))

    @cached_property
    def portfolio(self) -> PortfolioService:
        """Holdings, positions and funds."""
        return PortfolioService(self.store, self.clock, self.connections, self.instruments, self.settings, self.events, self.live)

    @cached_property
    def openings(self) -> OpeningsService:
        """What accounts held when a session began."""
        return OpeningsService(self.store, self.clock, self.calendar, self.portfolio, self.lookup)

    @cached_property
    def results(self) -> ResultsService:
        """What days and round trips came to."""
        return ResultsService(self.store, self.clock, self.ledger, self.market)

    def upkeep(self, account_id: int) -> Upkeep:
        """Return what reads an account's lists anew when they changed, for its one reader."""
        return Upkeep(self.store, self.clock, self.connections, self.settings, self.portfolio, self.openings, account_id)

    @cached_property
    def paper(self) -> PaperService:
        """Paper accounts' books."""
        house = PaperHouse(
            SqlPaperBooks(self._sql_store.database),
            self.lookup,
            self.calendar,
            self.rates,
            lambda user_id, listings: self.market.quotes(user_id, listings),
            paper.advance,
        )
        return PaperService(self.store, self.clock, self.settings, self.events, house)

    @cached_property
    def market(self) -> MarketService:
        """Quotes."""
        return MarketService(
            self.clock,
            self.accounts,
            self.connections,
            self.instruments,
            self.settings,
            self.live,
            preferred_broker=CANONICAL_BROKER,
        )

    @cached_property
    def bars(self) -> BarsService:
        """Bars, kept in the lake."""
        lake = open_lake(self.home, self.environment.get("SIGMA_LAKE_URL", ""))
        fetcher = BarFetcher(self.clock, self.calendar, self.settings, self.connections, lake, self.events)
        return BarsService(self.clock, self.market, self.instruments, lake, fetcher, self.events)

    @cached_property
    def health(self) -> HealthService:
        """What works and what is broken."""
        place = LocalMachine(self.home, self.clock, self.environment)
        return HealthService(
            self.store,
            self.clock,
            self.settings,
            self.connections,
            self.sessions,
            self.instruments,
            place,
            self.calendar,
            self.market_health,
        )

    @cached_property
    def market_health(self) -> MarketHealthService:
        """Whether market data can be relied on."""
        return MarketHealthService(self.store, self.clock, self.settings, self.connections, self.market, self.live)

    @cached_property
    def overview(self) -> OverviewService:
        """Sums over accounts."""
        return OverviewService(self.store, self.clock, self.calendar, self.settings, self.sessions, self.portfolio)

    @cached_property
    def quotes(self) -> QuotesService:
        """Last prices."""
        return QuotesService(self.store, self.market_store, self.clock, self.calendar, self.connections, self.market, self.live)

    @cached_property
    def orders(self) -> OrderServices:
        """The use cases around orders."""
        ports = OrderHouse(
            self.store,
            self.clock,
            self.calendar,
            self.settings,
            self.instruments,
            self.connections,
            self.market,
            self.probe,
            self.portfolio,
        )
        approval, sync = Approval(ports, self.ledger), BookSync(ports)
        submission, estimates = Submission(ports, approval), Estimates(ports, self.rates)
        previews, amendment = Previews(ports, approval, self.live, estimates), Amendment(ports, approval)
        return OrderServices(
            ports,
            approval,
            submission,
            amendment,
            Resolution(ports),
            OrderViews(ports),
            previews,
            Baskets(ports, submission, previews, estimates),
            sync,
            Triggers(ports, approval),
            sync.conversions,
            Closing(ports, submission, amendment),
        )

    def auto(self, account_id: int) -> AutoAdmission:
        """Return what decides an account's AUTO orders, for its one writer."""
        return AutoAdmission(self.orders.house, self.orders.approval, self.ledger, account_id)

    @cached_property
    def kill(self) -> KillService:
        """The kill switch, and its runs."""
        orders = self.orders
        exits = Exits(orders.house, orders.approval, orders.amendment, self.ledger)
        return KillService(orders.house, KillSteps(orders.house, orders.sync, orders.amendment, exits))

    @cached_property
    def strategy_book(self) -> StrategyBook:
        """What strategies hold and made, and the way out of it."""
        return StrategyBook(self.store, self.clock, self.ledger, self.quotes, self.kill, self.events)

    @cached_property
    def kill_watch(self) -> KillWatch:
        """What stops trading without a person."""
        base = self.store, self.clock, self.calendar, self.settings
        return KillWatch(*base, self.kill, self.ledger, self.results, self.market_health)

    @cached_property
    def push(self) -> PushedNews:
        """What brokers push of orders."""
        return PushedNews(self.orders.house, self.connections)

    @cached_property
    def leases(self) -> Leases:
        """Who may write for which account on this machine."""
        return FileLeases(self.home / "locks")

    def all_accounts(self) -> Sequence[Account]:
        """Return the accounts of all users, for processes that serve everybody."""
        with self.store.read() as tx:
            return tx.accounts.list()

    def budget(self, account_id: int) -> WriteBudget:
        """Return the write budget of an account, for its one writer."""
        account = self.connections.account(account_id)
        capabilities = self.connections.kit(account).capabilities
        spent = self.home / "locks" / f"account-{account_id}.rate"
        off = isinstance(self._read_budget, NoBudget)  # SIGMA_CALL_LIMITS=off: the shortest stretch counts all the same
        limits = capabilities.write_limits[:1] if off else capabilities.write_limits
        exchanges = None if capabilities.simulated else self._exchange_budgets
        return WindowBudget(self.clock, limits, spent, exchanges)

    def _exchange_rate(self) -> int:
        return int(self.settings.get("orders.exchange_rate"))

    def close(self) -> None:
        """Let go of databases and threads."""
        self._sql_store.close()
        self._sql_market.close()
        self._read_budget.close()
        self._exchange_budgets.close()
        if isinstance(self.clock, SimulatedClock):
            self.clock.close()


def endpoints(environment: Mapping[str, str]) -> dict[str, Endpoint]:
    """Return where each broker is, by SIGMA_<BROKER>_URL, _MASTER_URL and _WS_URL; empty for the real address."""
    return {
        name: Endpoint(*(environment.get(f"SIGMA_{name.upper()}_{part}", "") for part in ("URL", "MASTER_URL", "WS_URL")))
        for name in (*KITS, *SOURCES)
    }


def reachable(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the sources without an account that may be downloaded unattended.

    On a simulated exchange only those that the environment says where to find: its day is not the world's.
    """
    given = [name for name in SOURCES if environment.get(f"SIGMA_{name.upper()}_MASTER_URL")]
    return tuple(
        given if environment.get("SIGMA_CLOCK_URL") else [name for name in SOURCES if name in given or SOURCES[name].urls]
    )


def look_at_place(home: str | Path | None = None) -> tuple[Check, ...]:
    """Judge folder, key and disk of an installation, also of one that is missing or cannot be opened; worst first."""
    folder = home_folder(home)
    return judge_place(LocalMachine(folder, SystemClock(), os.environ))


def make_clock(environment: Mapping[str, str]) -> Clock:
    """Return the machine's clock, or the simulated exchange's where SIGMA_CLOCK_URL names it."""
    url = environment.get("SIGMA_CLOCK_URL")
    return SimulatedClock(url) if url else SystemClock()


def open_house(home: str | Path | None = None, *, process: str = "") -> House:
    """Open an installation.

    Parameters
    ----------
    process : str
        Name of a long-running process, whose log goes into a file of that name.

    Raises
    ------
    ConfigError
        The databases were never made or are of another version, or the key is lost.
    """
    folder = home_folder(home)
    if not folder.is_dir():
        raise ConfigError(f"There is no installation in {folder}.", hint="Run `sigma db upgrade` to make one.")
    environment = dict(os.environ)
    configure_logging(folder, process)
    return House(folder, make_clock(environment), probe_from(environment), environment)
