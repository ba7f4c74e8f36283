"""What use cases need of the store. One Unit is one transaction; values go in and out, never rows.

In a write unit every `get` of a mutable value locks it (BEGIN IMMEDIATE on SQLite, FOR UPDATE on PostgreSQL), and
every `save` compares the version the value was read with and raises Conflict when someone changed it meanwhile.
`add` returns the value with its id; `save` returns it with the next version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol, TypedDict, Unpack

from sigma.domain.accounts import Account, BrokerSession, TradingMode
from sigma.domain.events import Event, Heartbeat, JobRun
from sigma.domain.orders import Command, Fill, Order, OrderEvent, OrderMode, OrderStatus, Origins
from sigma.domain.people import SignIn, User
from sigma.domain.portfolio import Snapshot
from sigma.domain.risk import KillState, RiskDecision, RiskLimits
from sigma.domain.signals import Signal, SignalStatus
from sigma.ports.calendar import OwnDays
from sigma.ports.execution import Gtts, KillRuns, LedgerRows, Shares, Strategies
from sigma.ports.groups import Groups
from sigma.ports.infra import Watch


class Users(Protocol):
    """People."""

    def owner(self) -> User:
        """Return the owner; ConfigError before `sigma db upgrade` made one."""

    def get(self, user_id: int) -> User:
        """Return one user or raise NotFound."""

    def by_name(self, name: str) -> User:
        """Return one user or raise NotFound."""

    def set_trading_mode(self, user_id: int, mode: TradingMode) -> None:
        """Change the user-wide trading mode."""

    def lock(self, user_id: int) -> None:
        """Hold the user's risk lock until the unit ends: admissions of one user are decided one after another."""

    def webhook_hash(self, user_id: int) -> str | None:
        """Return the stored hash of the user's webhook secret."""

    def webhook_hashes(self) -> Mapping[int, str]:
        """Return all users' hashes, by user id."""

    def set_webhook_hash(self, user_id: int, value: str) -> None:
        """Store a new hash."""

    def password_hash(self, user_id: int) -> str | None:
        """Return the stored hash of the user's password; None when they never chose one."""

    def set_password_hash(self, user_id: int, value: str) -> None:
        """Store a new hash."""

    def events_seen(self, user_id: int) -> int:
        """Return the id of the last event that the user saw; 0 when they saw none."""

    def set_events_seen(self, user_id: int, event_id: int) -> None:
        """Store the last event that the user saw; an older one than stored changes nothing."""


class SignIns(Protocol):
    """Browsers that are signed in, by the hash of their token."""

    def add(self, sign_in: SignIn) -> None:
        """Store a new one."""

    def get(self, token_hash: str) -> SignIn | None:
        """Return one, expired or not; None when there is none."""

    def end(self, token_hash: str) -> bool:
        """Erase one; False when there was none."""

    def end_all(self, user_id: int, *, but: str = "") -> int:
        """Erase those of a user, except the one whose token hash is `but`; return how many there were."""

    def end_expired(self, now: datetime) -> int:
        """Erase those that expired by `now`, of all users; return how many there were."""


class Accounts(Protocol):
    """Accounts, their secrets and sessions (both encrypted at rest)."""

    def add(self, account: Account) -> Account:
        """Store a new account; Conflict when name or (broker, client id) exists. The first becomes the default."""

    def get(self, account_id: int) -> Account:
        """Return one account or raise NotFound."""

    def by_name(self, user_id: int, name: str) -> Account:
        """Return one account or raise NotFound naming those there are."""

    def list(self, user_id: int | None = None) -> Sequence[Account]:
        """Return accounts, of all users when None, by id; removed ones left out."""

    def save(self, account: Account) -> Account:
        """Store changes. Setting `is_default` unsets the user's other default in the same unit."""

    def remove(self, account_id: int) -> None:
        """Mark the account removed: credentials and session erased, orders and fills kept."""

    def secrets(self, account_id: int) -> Mapping[str, str]:
        """Return the stored credentials, decrypted."""

    def put_secret(self, account_id: int, key: str, value: str) -> None:
        """Store one credential, encrypted."""

    def erase_secrets(self, account_id: int, keys: Sequence[str] | None = None) -> None:
        """Erase the credentials named, or all."""

    def session(self, account_id: int) -> BrokerSession | None:
        """Return the stored login, decrypted."""

    def put_session(self, account_id: int, session: BrokerSession) -> None:
        """Store a login, encrypted."""

    def erase_session(self, account_id: int) -> None:
        """Forget the login."""


class OrderFilter(TypedDict, total=False):
    """Which orders are meant; what is left out or None narrows nothing.

    Parameters
    ----------
    since, until : datetime
        Created at or after, and before.
    ended_since : datetime
        Ended at or after, or not ended yet.
    session : date
        The trading session that the order belongs to.
    parent_id : int
        The order that it is a slice or a copy of.
    approved_since : datetime
        Approved (last) at or after.
    whole : bool
        True leaves slices out.
    text : str
        Part of the listing, of our id, of the broker's id or of a tag; A is a.
    """

    statuses: Sequence[OrderStatus] | None
    mode: OrderMode | None
    since: datetime | None
    until: datetime | None
    ended_since: datetime | None
    signal_id: int | None
    strategy: str | None
    listing: str | None
    session: date | None
    parent_id: int | None
    approved_since: datetime | None
    whole: bool | None
    text: str | None


class OwnOrders(OrderFilter, total=False):
    """Which orders are meant, and whose."""

    user_id: int | None
    account_id: int | None


class Orders(Protocol):
    """Orders and what hangs on them."""

    def add(self, order: Order) -> Order:
        """Store a new order; Conflict when its client_order_id exists."""

    def get(self, order_id: int) -> Order:
        """Return one order or raise NotFound."""

    def save(self, order: Order) -> Order:
        """Store changes."""

    def by_client_id(self, client_order_id: str) -> Order | None:
        """Return the order that carries our id."""

    def by_client_ids(self, client_order_ids: Sequence[str]) -> Mapping[str, Order]:
        """Return orders by our ids."""

    def by_broker_ids(self, account_id: int, broker_order_ids: Sequence[str]) -> Mapping[str, Order]:
        """Return an account's orders by the broker's ids."""

    def list(
        self, *, newest_first: bool = True, limit: int | None = None, offset: int = 0, **filters: Unpack[OwnOrders]
    ) -> Sequence[Order]:
        """Return orders by filter; `offset` skips the first ones."""

    def due(self, account_id: int, now: datetime, limit: int) -> Sequence[Order]:
        """Return an account's WAITING orders of mode AUTO that wait for no later moment than `now`, oldest first."""

    def tally(self, **filters: Unpack[OwnOrders]) -> Mapping[OrderStatus, int]:
        """Return how many orders there are in each status, by filter; statuses without one are absent."""

    def listings(self, **filters: Unpack[OwnOrders]) -> Sequence[str]:
        """Return what orders are about, by filter: canonical texts, each once."""

    def origins(self, **filters: Unpack[OwnOrders]) -> Sequence[Origins]:
        """Return where orders came from, by filter, each once with how many did."""

    def add_event(self, event: OrderEvent) -> OrderEvent:
        """Append one line of history."""

    def events(self, order_id: int) -> Sequence[OrderEvent]:
        """Return an order's history, oldest first."""

    def add_fill(self, fill: Fill) -> bool:
        """Store an execution; False when it was known already."""

    def fills(
        self,
        *,
        user_id: int | None = None,
        order_id: int | None = None,
        account_id: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Sequence[Fill]:
        """Return executions at or after `since` and before `until`, oldest first."""

    def count_fills(self, account_ids: Sequence[int], *, since: datetime) -> int:
        """Return how many executions of these accounts there were at or after `since`."""

    def newest_fill(self, account_id: int) -> int:
        """Return the id of the account's execution that was stored last, 0 without one."""

    def unbooked(self, account_id: int, session: date) -> Sequence[tuple[Order, int]]:
        """Return a session's orders that have executed more units than their fills say, and how many more; cut ones left out."""

    def add_decision(self, decision: RiskDecision) -> RiskDecision:
        """Store a risk decision with its inputs."""

    def decisions(self, order_id: int) -> Sequence[RiskDecision]:
        """Return an order's risk decisions, oldest first."""

    def decision(self, decision_id: int) -> RiskDecision:
        """Return one risk decision or raise NotFound."""

    def verdicts(self, user_id: int, since: datetime) -> Mapping[bool, int]:
        """Return how many of a user's decisions at or after `since` allowed their order (True), and how many did not."""

    def refusals(self, user_id: int, since: datetime, limit: int) -> Sequence[tuple[RiskDecision, Order]]:
        """Return the user's newest decisions at or after `since` that refused, newest first, each with its order."""


class Commands(Protocol):
    """Writes to brokers. The store itself keeps at most one PLACE or MODIFY in SENDING or UNKNOWN per order."""

    def add(self, command: Command) -> Command:
        """Store a new command."""

    def get(self, command_id: int) -> Command:
        """Return one command or raise NotFound."""

    def save(self, command: Command) -> Command:
        """Store changes."""

    def pending(self, account_id: int) -> Sequence[Command]:
        """Return PENDING commands, cancels first, then by id."""

    def open(self, account_id: int) -> Sequence[Command]:
        """Return SENDING and UNKNOWN commands by id."""

    def for_order(self, order_id: int) -> Sequence[Command]:
        """Return an order's commands by id."""

    def count_lost(self, account_id: int, *, since: datetime) -> int:
        """Return how many writes wanted at or after `since` got no clear answer, or never left."""


class Signals(Protocol):
    """Messages received: the durable inbox."""

    def add(self, signal: Signal) -> Signal:
        """Store a message."""

    def get(self, signal_id: int) -> Signal:
        """Return one message or raise NotFound."""

    def judge(self, signal_id: int, status: SignalStatus, note: str) -> None:
        """Store what became of a message once that is known on all accounts."""

    def first_with_key(self, user_id: int, dedupe_key: str, since: datetime) -> Signal | None:
        """Return the earliest message with this key received at or after `since`."""

    def list(
        self,
        user_id: int,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        status: SignalStatus | None = None,
        limit: int | None = None,
    ) -> Sequence[Signal]:
        """Return messages received at or after `since` and before `until`, newest first."""


class Risk(Protocol):
    """Limits and the kill switch."""

    def limits(self, user_id: int) -> Sequence[RiskLimits]:
        """Return all limit rows of a user."""

    def put_limits(self, user_id: int, limits: RiskLimits) -> None:
        """Store the row of one scope, replacing the one there was."""

    def kills(self, user_id: int) -> Sequence[KillState]:
        """Return the kill rows of a user (user-wide and per account)."""

    def put_kill(self, user_id: int, kill: KillState) -> None:
        """Store the kill row of its scope."""


class Journal(Protocol):
    """Audit events, settings, heartbeats, job runs, snapshots."""

    def add_event(self, event: Event) -> Event:
        """Append an event."""

    def events(
        self,
        *,
        user_id: int | None = None,
        account_id: int | None = None,
        kind: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = 200,
    ) -> Sequence[Event]:
        """Return events at or after `since` and before `until`, newest first."""

    def notices(self, user_id: int, *, since: datetime, limit: int) -> Sequence[Event]:
        """Return warnings and alarms of a user and of the installation, the last stored first."""

    def count_notices(self, user_id: int, *, since: datetime, after: int) -> int:
        """Return how many warnings and alarms there are beyond the event `after`."""

    def settings(self, user_id: int | None) -> Mapping[str, str]:
        """Return the stored setting texts of the installation (None) or a user."""

    def put_setting(self, user_id: int | None, name: str, value: str) -> None:
        """Store a setting."""

    def beat(self, heartbeat: Heartbeat) -> None:
        """Store a process's heartbeat, replacing its last."""

    def heartbeats(self) -> Sequence[Heartbeat]:
        """Return the last heartbeat of each process."""

    def add_run(self, run: JobRun) -> bool:
        """Record the start of a job run; False when (job, scheduled_at) is recorded already."""

    def end_run(self, run: JobRun) -> None:
        """Record its end and outcome."""

    def runs(self, limit: int) -> Sequence[JobRun]:
        """Return the runs recorded last, newest first."""

    def last_runs(self) -> Sequence[JobRun]:
        """Return the newest run of each job, by name."""

    def put_snapshot(self, snapshot: Snapshot) -> None:
        """Store the newest list of its kind (one kept per account, kind and IST day)."""

    def snapshot(self, account_id: int, kind: str) -> Snapshot | None:
        """Return the newest list of a kind."""


class Unit(Protocol):
    """One transaction over sigma.db."""

    @property
    def users(self) -> Users: ...
    @property
    def sign_ins(self) -> SignIns: ...
    @property
    def accounts(self) -> Accounts: ...
    @property
    def orders(self) -> Orders: ...
    @property
    def commands(self) -> Commands: ...
    @property
    def signals(self) -> Signals: ...
    @property
    def risk(self) -> Risk: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def calendar(self) -> OwnDays: ...
    @property
    def groups(self) -> Groups: ...
    @property
    def strategies(self) -> Strategies: ...
    @property
    def shares(self) -> Shares: ...
    @property
    def ledger(self) -> LedgerRows: ...
    @property
    def gtts(self) -> Gtts: ...
    @property
    def kill_runs(self) -> KillRuns: ...


class Store(Protocol):
    """People and orders."""

    def begin(self) -> AbstractContextManager[Unit]:
        """Open a write unit: commits at the end, rolls back on an exception. Writers wait for one another."""

    def read(self) -> AbstractContextManager[Unit]:
        """Open a read-only unit on one snapshot."""

    def watch(self) -> Watch:
        """Return a watch over commits, for one thread."""
