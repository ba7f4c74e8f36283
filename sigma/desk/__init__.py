"""The desk: the one object that pages, notebooks and the command line use. Methods convert and delegate, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

from sigma.bootstrap import House, open_house
from sigma.desk.accounts import AccountsDesk
from sigma.desk.events import EventsDesk
from sigma.desk.instruments import InstrumentsDesk
from sigma.desk.market import MarketDesk
from sigma.desk.orders import OrdersDesk
from sigma.desk.portfolio import PortfolioDesk
from sigma.desk.risk import RiskDesk
from sigma.desk.settings import SettingsDesk
from sigma.desk.signals import SignalsDesk
from sigma.desk.words import word
from sigma.domain.accounts import Capabilities
from sigma.domain.orders import Source
from sigma.domain.risk import KillState
from sigma.services.orders.settle import SyncReport


class Desk:
    """One user's desk. Close it, or use it as a context manager."""

    def __init__(self, house: House, user_id: int, user: str, source: Source) -> None:
        self._house = house
        self._user_id = user_id
        self._user = user
        self.accounts = AccountsDesk(house, user_id)
        self.instruments = InstrumentsDesk(house, user_id)
        self.orders = OrdersDesk(house, user_id, source)
        self.signals = SignalsDesk(house, user_id)
        self.risk = RiskDesk(house, user_id)
        self.settings = SettingsDesk(house, user_id)
        self._portfolio = PortfolioDesk(house, user_id)
        self._market = MarketDesk(house, user_id)
        self._events = EventsDesk(house, user_id)

    def capabilities(self, account_or_broker: str) -> Capabilities:
        """Return what an account's broker (or a broker named) can do."""
        return self._house.accounts.capabilities_of(self._user_id, account_or_broker)

    def quotes(self, listings: Sequence[str]) -> pd.DataFrame:
        """Return quotes from the canonical source, one row a listing."""
        return self._market.quotes(listings)

    def holdings(self, account: str | int, *, refresh: bool | None = None) -> pd.DataFrame:
        """Return the shares in demat of one account."""
        return self._portfolio.holdings(account, refresh=refresh)

    def positions(self, account: str | int, *, refresh: bool | None = None) -> pd.DataFrame:
        """Return the net positions of one account."""
        return self._portfolio.positions(account, refresh=refresh)

    def funds(self, account: str | int, *, refresh: bool | None = None) -> pd.DataFrame:
        """Return the money of one account."""
        return self._portfolio.funds(account, refresh=refresh)

    def sync(self, account: str | int) -> SyncReport:
        """Read an account's order book now and bring our orders into line with it."""
        return self._house.orders.sync.sync(self._house.accounts.find(self._user_id, account).id)

    def kill(self, scope: str = "all", *, reason: str, on: bool = True) -> KillState:
        """Block (or, `on=False`, allow again) new orders of all accounts or of the one named."""
        account_id = None if scope == "all" else self._house.accounts.find(self._user_id, scope).id
        return self._house.risk.kill(self._user_id, on=on, reason=reason, account_id=account_id, by=self._user)

    def events(
        self, *, account: str | int | None = None, kind: str | None = None, since: datetime | None = None, limit: int = 200
    ) -> pd.DataFrame:
        """Return audit and system events, newest first; times are UTC."""
        return self._events.table(account=account, kind=kind, since=since, limit=limit)

    def health(self) -> pd.DataFrame:
        """Return the last sign of life of each process."""
        return self._events.heartbeats()

    def now(self) -> datetime:
        """Return the moment by this installation's clock (UTC); with the simulator, by the simulated exchange's."""
        return self._house.clock.now()

    def close(self) -> None:
        """Let go of databases and threads."""
        self._house.close()

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Desk of {self._user} in {self._house.home}>"


def open_desk(home: str | Path | None = None, *, user: str | None = None, source: str = "NOTEBOOK") -> Desk:
    """Open an installation and return a user's desk; see `sigma.open`."""
    house = open_house(home)
    with house.store.read() as tx:
        who = tx.users.by_name(user) if user else tx.users.owner()
    return Desk(house, who.id, who.name, word(Source, source, "source"))
