"""The desk: the one object that pages, notebooks and the command line use. Methods convert and delegate, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

from sigma.bootstrap import House, open_house
from sigma.desk.accounts import AccountsDesk
from sigma.desk.bars import BarsDesk, Progress, When
from sigma.desk.calendar import CalendarDesk
from sigma.desk.events import EventsDesk
from sigma.desk.groups import GroupsDesk
from sigma.desk.gtt import GttDesk
from sigma.desk.instruments import InstrumentsDesk
from sigma.desk.kill import KillDesk
from sigma.desk.ledger import LedgerDesk
from sigma.desk.market import MarketDesk
from sigma.desk.orders import OrdersDesk
from sigma.desk.portfolio import PortfolioDesk
from sigma.desk.risk import RiskDesk
from sigma.desk.settings import SettingsDesk
from sigma.desk.signals import SignalsDesk
from sigma.desk.state import Overview, StateDesk
from sigma.desk.strategies import StrategiesDesk
from sigma.desk.ticks import TicksDesk
from sigma.desk.words import word
from sigma.domain.accounts import Capabilities
from sigma.domain.calendar import Hours
from sigma.domain.events import Bell
from sigma.domain.health import Check
from sigma.domain.ledger import DayResult
from sigma.domain.market import MarketHealth
from sigma.domain.orders import Command, Source
from sigma.domain.people import User
from sigma.services.orders.settle import SyncReport


class Desk:
    """One user's desk. Close it, or use it as a context manager.

    Parameters
    ----------
    guest : bool
        Whether others use the house too: then closing the desk leaves it open.

    Attributes
    ----------
    user : User
        Whose desk it is: name, role.
    """

    def __init__(self, house: House, user: User, source: Source, *, guest: bool = False) -> None:
        user_id = user.id
        self._house = house
        self._user_id = user_id
        self._guest = guest
        self.user = user
        self.accounts = AccountsDesk(house, user_id)
        self.instruments = InstrumentsDesk(house, user_id)
        self.orders = OrdersDesk(house, user_id, source)
        self.signals = SignalsDesk(house, user_id)
        self.strategies = StrategiesDesk(house, user_id)
        self.risk = RiskDesk(house, user_id)
        self.settings = SettingsDesk(house, user_id)
        self.calendar = CalendarDesk(house, user_id)
        self.groups = GroupsDesk(house, user_id)
        self.gtt = GttDesk(house, user_id, source)
        self._portfolio = PortfolioDesk(house, user_id)
        self.ticks = TicksDesk(house, user_id)
        self._ledger = LedgerDesk(house, user_id)
        self._market = MarketDesk(house, user_id)
        self._bars = BarsDesk(house, user_id)
        self._kill = KillDesk(house, user_id)
        self._events = EventsDesk(house, user_id)
        self._state = StateDesk(house, user_id)

    def capabilities(self, account_or_broker: str) -> Capabilities:
        """Return what an account's broker (or a broker named) can do."""
        return self._house.accounts.capabilities_of(self._user_id, account_or_broker)

    def brokers(self) -> tuple[Capabilities, ...]:
        """Return the brokers that an account can be added at, with what each can do."""
        return self._house.accounts.brokers()

    def quotes(self, listings: Sequence[str]) -> pd.DataFrame:
        """Return quotes from the canonical source, one row a listing."""
        return self._market.quotes(listings)

    def last_quotes(self, listings: Sequence[str]) -> pd.DataFrame:
        """Return the last prices, live or stored, one row a listing; never asks a broker."""
        return self._market.last_quotes(listings)

    def bars(
        self, listing: str, timeframe: str, start: When = None, end: When = None, *, progress: Progress | None = None
    ) -> pd.DataFrame:
        """Return a listing's bars, stamped with their close (UTC), the forming one marked; columns: sigma.desk.bars.BARS.

        What is not stored yet is fetched from the canonical source and kept. ``attrs``: source, stale (why the source was
        not asked for all of it), missing (for which time it was not).
        """
        return self._bars.bars(listing, timeframe, start, end, progress)

    def download_bars(
        self,
        listings: Sequence[str] | str,
        timeframe: str,
        start: When,
        end: When = None,
        *,
        progress: Progress | None = None,
    ) -> pd.DataFrame:
        """Fetch and keep bars of several listings, one row each; a second call goes on where the first one ended."""
        return self._bars.download(listings, timeframe, start, end, progress)

    def gaps(self, listing: str, timeframe: str, start: When, end: When = None) -> pd.DataFrame:
        """Return what is missing of a listing's stored minutes or days; no broker is asked."""
        return self._bars.gaps(listing, timeframe, start, end)

    def market_health(self) -> MarketHealth:
        """Return whether alerts, conditional orders and strategies may rely on market data now, else why not and the cure."""
        return self._market.health()

    def holdings(self, account: str | int, *, refresh: bool | None = None) -> pd.DataFrame:
        """Return the shares in demat of one account."""
        return self._portfolio.holdings(account, refresh=refresh)

    def positions(self, account: str | int, *, refresh: bool | None = None) -> pd.DataFrame:
        """Return the net positions of one account."""
        return self._portfolio.positions(account, refresh=refresh)

    def funds(self, account: str | int, *, refresh: bool | None = None) -> pd.DataFrame:
        """Return the money of one account."""
        return self._portfolio.funds(account, refresh=refresh)

    def day(self, account: str | int | None = None, strategy: str | None = None) -> DayResult:
        """Return what the session came to so far in rupees, by fills: realised, open, estimated charges, and `total`.

        Of all live accounts when none is named. With `strategy` only its own fills count (empty: those of no strategy), else
        what was carried into the session counts from yesterday's close, holdings included. Listings in `missing` have no
        price or no known charges: then the result is not known.
        """
        return self._ledger.day(account, strategy)

    def convert(self, account: str | int, listing: str, quantity: int, *, old: str, new: str) -> Command:
        """Ask the broker to move units of an open position from the product `old` to `new`; the worker sends it, once.

        What became of it is told by events, and by `conversion` with the id of what is returned.

        Raises
        ------
        InvalidOrder, Unsupported, Conflict, BrokerError
            Nothing was stored: there is no such position, not so much of it, or it cannot have that product.
        """
        return self._portfolio.convert(account, listing, quantity, old=old, new=new, by=self.user.name)

    def conversion(self, command_id: int) -> Command:
        """Return a conversion as it stands now."""
        return self._portfolio.conversion(command_id)

    def resolve_conversion(self, command_id: int, *, happened: bool, reason: str) -> Command:
        """Say what became of a conversion of unknown outcome, and where that was seen."""
        return self._portfolio.resolve_conversion(command_id, happened=happened, reason=reason)

    def convertible(self, account: str | int, listing: str, product: str) -> tuple[str, ...]:
        """Return the products that a position of a listing in `product` could be converted into; no broker is asked."""
        return self._portfolio.convertible(account, listing, product)

    def sync(self, account: str | int) -> SyncReport:
        """Read an account's order book now and bring our orders into line with it."""
        return self._house.orders.sync.sync(self._house.accounts.find(self._user_id, account).id)

    def synced_at(self, account: str | int) -> datetime | None:
        """Return when the worker last read an account's order book (UTC); None when it never did. No broker is asked."""
        return self._state.synced_at(account)

    def kill(
        self,
        scope: str = "all",
        *,
        reason: str,
        strategy: str = "",
        cancel: bool = True,
        flatten: bool = True,
        on: bool = True,
    ) -> pd.DataFrame:
        """Stop all accounts or the one named (of a strategy, what is its own); `on=False` lets them trade again (owner only).

        New orders are blocked at once. The worker then cancels what works, closes what is held with reduce-only orders at the
        market, and verifies it; shares in demat stay. Returns the runs that this began or ended, as `kill_runs`.
        """
        return self._kill.switch(scope, strategy, reason=reason, by=self.user.name, cancel=cancel, flatten=flatten, on=on)

    def kill_runs(self, running: bool | None = None) -> pd.DataFrame:
        """Return what stops did on each account, newest first: step, verdict, progress, notes; times are UTC."""
        return self._kill.runs(running)

    def events(
        self,
        *,
        account: str | int | None = None,
        kind: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = 200,
    ) -> pd.DataFrame:
        """Return audit and system events at or after `since` and before `until`, newest first; times are UTC."""
        return self._events.table(account=account, kind=kind, since=since, until=until, limit=limit)

    def checks(self) -> tuple[Check, ...]:
        """Return what works and what is broken, worst first, by what is stored; no broker is asked."""
        return self._state.checks()

    def ask(self, account: str | int) -> tuple[Check, ...]:
        """Ask an account's broker now: its login, its order book, and how far our clock is off; worst first."""
        return self._state.ask(account)

    def runs(self, limit: int = 50) -> pd.DataFrame:
        """Return the last runs of the worker's jobs, newest first; times are UTC."""
        return self._state.runs(limit)

    def limits(self) -> pd.DataFrame:
        """Return how often each account's broker was asked since midnight IST, by its limits, and how often it refused.

        All processes of this machine together; no broker is asked.
        """
        return self._state.limits()

    def bell(self) -> Bell:
        """Return the warnings and alarms of the last week that concern this user, newest first."""
        return self._state.bell()

    def bell_seen(self, upto: int | None = None) -> None:
        """Remember that the user saw the bell's events, up to the one with the id `upto`, else all there are now."""
        self._state.bell_seen(upto)

    def hours(self) -> tuple[Hours, ...]:
        """Return for each exchange whether it is open, its session of today, and when it opens next."""
        return self._state.hours()

    def overview(self, accounts: Sequence[str | int] | None = None, *, holdings: bool = True) -> Overview:
        """Return the accounts named (all when None) side by side and together, by what is stored; no broker is asked.

        With `holdings=False` the day's gain is that of the positions alone, and holdings have no value and no shares.
        """
        return self._state.overview(accounts, holdings=holdings)

    def health(self) -> pd.DataFrame:
        """Return the last sign of life of each process."""
        return self._events.heartbeats()

    def now(self) -> datetime:
        """Return the moment by this installation's clock (UTC); with the simulator, by the simulated exchange's."""
        return self._house.clock.now()

    def close(self) -> None:
        """Let go of databases and threads."""
        if not self._guest:
            self._house.close()

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Desk of {self.user.name} in {self._house.home}>"


def open_desk(home: str | Path | None = None, *, user: str | None = None, source: str = "NOTEBOOK") -> Desk:
    """Open an installation and return a user's desk; see `sigma.open`."""
    house = open_house(home)
    with house.store.read() as tx:
        who = tx.users.by_name(user) if user else tx.users.owner()
    return Desk(house, who, word(Source, source, "source"))
