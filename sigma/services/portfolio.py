"""Holdings, positions and funds: one account at a time, stored as snapshots, read from the broker when asked or old.

Rows come valued at the stored last price where that is newer than the snapshot (engines/valuation.py).
"""

from __future__ import annotations

import dataclasses
import threading
import types
import typing
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Generic, TypeVar

from sigma.domain.errors import BrokerError, StaleData
from sigma.domain.events import Level
from sigma.domain.limits import CallKind
from sigma.domain.market import Quote
from sigma.domain.portfolio import Funds, Holding, Position, Rows, Snapshot
from sigma.engines.valuation import Valued, value_holdings, value_positions
from sigma.ports.broker import Broker
from sigma.ports.clock import Clock
from sigma.ports.feed import LastPrices
from sigma.ports.storage import Store
from sigma.services.connections import ATTEMPTS, Connections
from sigma.services.events import EventsService
from sigma.services.instruments import InstrumentsService
from sigma.services.settings import SettingsService

Row = TypeVar("Row", bound=Holding | Position | Funds)


@dataclass(frozen=True, slots=True)
class Taken(Generic[Row]):
    """A list of one account with its age.

    Parameters
    ----------
    taken_at : datetime
        When the broker gave it, UTC.
    age_s : float
        Seconds since then.
    bad : tuple of str
        Rows of the broker's that could not be read.
    stale : str
        Why this is older than it should be; empty when it is not.
    priced_at : datetime or None
        The oldest of the last prices that rows are valued at, UTC; None while every row is at the broker's own.
    """

    account_id: int
    rows: tuple[Row, ...]
    taken_at: datetime
    age_s: float
    bad: tuple[str, ...] = ()
    stale: str = ""
    priced_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ListKind(Generic[Row]):
    """One sort of list: its name, its rows' class, how a broker gives it, and how its rows are valued at newer prices."""

    name: str
    row: type[Row]
    read: Callable[[Broker], Rows[Row]]
    value: Callable[[Sequence[Row], Mapping[str, Quote], datetime], Valued[Row]] | None = None


HOLDINGS = ListKind("holdings", Holding, lambda broker: broker.holdings(), value_holdings)
POSITIONS = ListKind("positions", Position, lambda broker: broker.positions(), value_positions)
FUNDS = ListKind("funds", Funds, lambda broker: Rows((broker.funds(),)))
LISTS = (POSITIONS, FUNDS, HOLDINGS)


class PortfolioService:
    """Gives an account's lists from the store, and renews them from the broker: once for all who ask at the same time."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        connections: Connections,
        instruments: InstrumentsService,
        settings: SettingsService,
        events: EventsService,
        prices: LastPrices,
    ) -> None:
        self._store = store
        self._clock = clock
        self._connections = connections
        self._instruments = instruments
        self._settings = settings
        self._events = events
        self._prices = prices
        self._locks: dict[tuple[int, str], threading.Lock] = {}
        self._finished: Counter[tuple[int, str]] = Counter()
        self._guard = threading.Lock()
        self._rows: dict[tuple[int, str], tuple[Snapshot, tuple[Any, ...]]] = {}

    def holdings(self, account_id: int, *, refresh: bool | None = None) -> Taken[Holding]:
        """Return the shares in demat.

        Parameters
        ----------
        refresh : bool, optional
            True asks the broker now; False never does; left out, it is asked when nothing is stored or what is stored is
            older than ``portfolio.max_age``, and when it does not answer the stored rows come back, marked `stale`.

        Raises
        ------
        BrokerError
            The broker was asked (refresh=True, or nothing is stored) and gave nothing; SessionExpired among them.
        StaleData
            refresh=False, and nothing was ever stored.
        """
        return self._get(HOLDINGS, account_id, refresh)

    def positions(self, account_id: int, *, refresh: bool | None = None) -> Taken[Position]:
        """Return net positions, flat ones of the day included; as `holdings`."""
        return self._get(POSITIONS, account_id, refresh)

    def funds(self, account_id: int, *, refresh: bool | None = None) -> Taken[Funds]:
        """Return the account's money, one row; as `holdings`."""
        return self._get(FUNDS, account_id, refresh)

    def renew(self, kind: ListKind[Row], account_id: int, *, attempts: int = ATTEMPTS) -> None:
        """Read one list from the broker now and store it.

        Raises
        ------
        BrokerError
            It gave none, after so many attempts.
        """
        self._renewed(kind, account_id, attempts)

    def _get(self, kind: ListKind[Row], account_id: int, refresh: bool | None) -> Taken[Row]:
        """Return a list valued at the last prices."""
        taken = self._found(kind, account_id, refresh)
        if kind.value is None:
            return taken
        wanted = [row.listing for row in taken.rows if not isinstance(row, Funds) and row.listing]
        valued = kind.value(taken.rows, self._prices.last_quotes(wanted), taken.taken_at)
        return dataclasses.replace(taken, rows=valued.rows, priced_at=valued.priced_at)

    def _found(self, kind: ListKind[Row], account_id: int, refresh: bool | None) -> Taken[Row]:
        stored = self._stored(kind, account_id)
        if refresh is False and stored is None:
            told = f"No {kind.name} of account {account_id} were ever read."
            raise StaleData(told, hint="Refresh them while the account is connected.")
        oldest = self._settings.seconds("portfolio.max_age")
        if stored is not None and (refresh is False or (refresh is None and stored.age_s <= oldest)):
            return stored
        try:
            return self._renewed(kind, account_id, ATTEMPTS)
        except BrokerError as error:
            if refresh or stored is None:
                raise
            return dataclasses.replace(stored, stale=f"The broker gave no newer {kind.name}: {error}")

    def _renewed(self, kind: ListKind[Row], account_id: int, attempts: int) -> Taken[Row]:
        """Read from the broker and store; who waited while another one read takes what that one got."""
        key = (account_id, kind.name)
        with self._guard:
            lock, before = self._locks.setdefault(key, threading.Lock()), self._finished[key]
        with lock:
            stored = self._stored(kind, account_id) if self._finished[key] != before else None
            if stored is not None:
                return stored
            got = self._connections.read(account_id, CallKind(kind.name), kind.read, attempts=attempts)
            snapshot = Snapshot(account_id, kind.name, self._clock.now(), tuple(map(to_plain, got.rows)), got.bad)
            self._keep(snapshot)
            self._finished[key] += 1
        if kind.row is Holding:
            owner = self._connections.account(account_id).user_id
            self._instruments.learn_isins([row for row in got.rows if isinstance(row, Holding)], owner)
        return self._taken(kind, snapshot)

    def _keep(self, snapshot: Snapshot) -> None:
        with self._store.begin() as tx:
            before = tx.journal.snapshot(snapshot.account_id, snapshot.kind)
            tx.journal.put_snapshot(snapshot)
            if snapshot.bad and (before is None or set(snapshot.bad) - set(before.bad)):
                account = tx.accounts.get(snapshot.account_id)
                told = f"{len(snapshot.bad)} rows of the {snapshot.kind} of {account.name} cannot be read: {snapshot.bad[0]}"
                self._events.record("UNREADABLE_ROWS", told, level=Level.WARNING, account=account, tx=tx)

    def _stored(self, kind: ListKind[Row], account_id: int) -> Taken[Row] | None:
        with self._store.read() as tx:
            snapshot = tx.journal.snapshot(account_id, kind.name)
        return None if snapshot is None else self._taken(kind, snapshot)

    def _taken(self, kind: ListKind[Row], snapshot: Snapshot) -> Taken[Row]:
        age = max(0.0, (self._clock.now() - snapshot.taken_at).total_seconds())
        key = (snapshot.account_id, kind.name)
        known = self._rows.get(key)
        if known is None or known[0] != snapshot:  # rows are made once of each list: pages look every two seconds
            known = self._rows[key] = (snapshot, rows_of(kind, snapshot))
        return Taken(snapshot.account_id, known[1], snapshot.taken_at, age, snapshot.bad)


def rows_of(kind: ListKind[Row], snapshot: Snapshot | None) -> tuple[Row, ...]:
    """Return the rows of a stored list as the broker gave them; none when it was never read."""
    return () if snapshot is None else tuple(from_plain(kind.row, row) for row in snapshot.rows)


def to_plain(row: Holding | Position | Funds) -> dict[str, object]:
    """Return a row as JSON can carry it: Decimals and words as text."""
    return {field.name: _plain(getattr(row, field.name)) for field in dataclasses.fields(row)}


def from_plain(kind: type[Row], values: Mapping[str, object]) -> Row:
    """Return the row that `to_plain` took apart; a field that the stored row lacks takes its default."""
    makers = _MAKERS[kind]
    return kind(**{key: _typed(makers[key], value) for key, value in values.items() if key in makers})


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    return value.value if isinstance(value, Enum) else value


def _maker(hint: Any) -> Any:
    """Return what makes a value of a field, None aside."""
    if not isinstance(hint, types.UnionType):
        return hint
    return next(part for part in typing.get_args(hint) if part is not type(None))


# Looked up once: a page reads hundreds of rows each second.
_MAKERS: Mapping[type, Mapping[str, Any]] = {
    kind: {name: _maker(hint) for name, hint in typing.get_type_hints(kind).items()} for kind in (Holding, Position, Funds)
}


def _typed(maker: Any, value: object) -> Any:
    return None if value is None else maker(value)
