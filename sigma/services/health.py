"""Health: what works, what is broken and since when, by what is stored and what this machine says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from sigma.domain.accounts import Account, SessionState, TradingMode
from sigma.domain.answers import ADDRESS_REFUSED
from sigma.domain.calendar import Calendar
from sigma.domain.errors import SigmaError
from sigma.domain.events import Heartbeat, JobRun
from sigma.domain.health import CLOCK_KEY, SYNCED_KEY, Check, Mark, worst_first
from sigma.domain.instruments import Exchange
from sigma.domain.limits import CallKind
from sigma.domain.orders import Order, OrderStatus, Outcome
from sigma.domain.risk import KillState
from sigma.domain.times import ist_date
from sigma.engines import health as judge
from sigma.ports.clock import Clock
from sigma.ports.machine import Machine
from sigma.ports.storage import Store, Unit
from sigma.services.accounts import find_account
from sigma.services.connections import Connections
from sigma.services.instruments import InstrumentsService
from sigma.services.market_health import MarketHealthService
from sigma.services.sessions import SessionsService
from sigma.services.settings import SettingsService

log = structlog.get_logger(__name__)
_ILL = (Mark.BAD, Mark.WARNING)
MOST_UNKNOWN = 50
LAST_ORDERS = 50
MOST_DUE = 1000
FROZEN_KIND = "ACCOUNT_FROZEN"


@dataclass(frozen=True, slots=True)
class _Facts:
    """All that is stored of one user's installation, read in one unit."""

    mode: TradingMode
    has_secret: bool
    beats: Mapping[str, Heartbeat]
    kills: tuple[KillState, ...]
    unknown: tuple[Order, ...]
    runs: tuple[JobRun, ...]
    accounts: tuple[Account, ...]
    frozen_at: Mapping[int, datetime]
    outbox: Mapping[int, list[datetime]]


class HealthService:
    """Looks at everything that must be right before orders go out. Changes nothing."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: SettingsService,
        connections: Connections,
        sessions: SessionsService,
        instruments: InstrumentsService,
        machine: Machine,
        calendar: Calendar,
        market: MarketHealthService,
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._connections = connections
        self._sessions = sessions
        self._instruments = instruments
        self._machine = machine
        self._market = market
        self._calendar = calendar

    def checks(self, user_id: int) -> tuple[Check, ...]:
        """Return what a user should know of the installation, worst first; no broker is asked.

        What cannot be looked at (a database that is locked or damaged) is a check that says so; nothing is raised for it.
        """
        now = self._clock.now()
        found = list(judge_place(self._machine))
        found += _or_bad("database", lambda: self._stored(user_id, now))
        found += _or_bad("market data", lambda: self._market_data(user_id, found, now))
        found += _or_bad("instruments", lambda: self._instrument_table(now))
        found += _or_bad("calendar", lambda: [self._days(now)])
        return worst_first(found)

    def ask(self, user_id: int, name: str | int) -> tuple[Check, ...]:
        """Ask an account's broker now: is it logged in, can its order book be read, how far is our clock off; worst first.

        Raises
        ------
        NotFound
            The user has no such account.
        """
        with self._store.read() as tx:
            account = find_account(tx, name, user_id)
        status = self._sessions.check(account, refresh=True)
        found = [judge.session(account, status, self._clock.now())]
        found += _or_bad("static IP", lambda: self._address(account), account.name)
        if status.state is SessionState.CONNECTED:
            found += _or_bad("order book", lambda: self._book(account), account.name)
        return worst_first(found)

    def synced_at(self, user_id: int, name: str | int) -> datetime | None:
        """Return when the worker last read an account's order book, UTC; None when it never did."""
        with self._store.read() as tx:
            account = find_account(tx, name, user_id)
            beat = next((beat for beat in tx.journal.heartbeats() if beat.process == "worker"), None)
        told = None if beat is None else beat.detail.get(f"{SYNCED_KEY}{account.id}")
        return None if told is None else datetime.fromisoformat(str(told))

    def _address(self, account: Account) -> Iterator[Check]:
        """Say whether the broker takes writes from this machine, by its answers to the newest ones."""
        capabilities = self._connections.kit(account).capabilities
        if not capabilities.static_ip:
            return
        with self._store.read() as tx:
            orders = tx.orders.list(account_id=account.id, limit=LAST_ORDERS)
            writes = [one for order in orders for one in tx.commands.for_order(order.id)]
        taken = [one for one in writes if one.outcome is Outcome.ACCEPTED]
        refused = [one for one in writes if one.outcome is Outcome.REFUSED and ADDRESS_REFUSED in one.text]
        newest, newest_refused = (max(some, key=lambda one: one.id, default=None) for some in (taken, refused))
        outgoing, now = self._machine.outgoing(), self._clock.now()
        yield judge.address(account, capabilities.title, newest, newest_refused, outgoing, now)

    def _book(self, account: Account) -> Iterator[Check]:
        book = self._connections.read(account.id, CallKind.BOOK, lambda broker: broker.order_book())
        yield Check(Mark.GOOD, "order book", f"read, {len(book.rows)} orders", account=account.name)
        yield judge.skew(account, book.ahead_s, self._settings.seconds("orders.max_clock_skew"))

    def _market_data(self, user_id: int, found: Sequence[Check], now: datetime) -> Iterator[Check]:
        """Judge the source of prices, unless what it lacks is a trouble of its own that is told already."""
        health = self._market.health(user_id)
        cause = (("worker", None), ("session", health.source)) if health.source else ()
        if health.healthy or not any(one.mark in _ILL and (one.what, one.account) in cause for one in found):
            yield judge.market(health, now)

    def _stored(self, user_id: int, now: datetime) -> Iterator[Check]:
        with self._store.read() as tx:
            facts = _read(tx, user_id, now)
            logins = {account.id: tx.accounts.session(account.id) for account in facts.accounts}
        yield Check(Mark.GOOD, "database", "answers")
        yield from judge.worker(facts.beats.get("worker"), self._settings.seconds("worker.heartbeat"), now)
        yield judge.gateway(facts.beats.get("gateway"), now)
        yield from judge.web(facts.beats.get("web"), now)
        names = {account.id: account.name for account in facts.accounts}
        yield from judge.switches(facts.mode, facts.kills, names)
        yield judge.webhook_secret(facts.has_secret)
        for order in facts.unknown:
            yield judge.unknown_order(order, None if order.account_id is None else names.get(order.account_id))
        for account in facts.accounts:
            yield judge.session(account, self._sessions.known(account, logins[account.id]), now)
            yield from judge.restrictions(account, facts.frozen_at.get(account.id))
            yield from judge.outbox(account, facts.outbox[account.id], now)
            yield from self._skew(account, facts.beats.get("worker"), now)
        for run in facts.runs:
            yield judge.job(run, now)

    def _skew(self, account: Account, beat: Heartbeat | None, now: datetime) -> Iterator[Check]:
        """Say how far our clock is off the broker's, by what the worker measured."""
        told = None if beat is None else beat.detail.get(f"{CLOCK_KEY}{account.id}")
        if beat is not None and told is not None and not judge.silent(beat, self._settings.seconds("worker.heartbeat"), now):
            yield judge.skew(account, int(told) / 1000, self._settings.seconds("orders.max_clock_skew"))

    def _instrument_table(self, now: datetime) -> Iterator[Check]:
        yield judge.instruments(self._instruments.age(), self._instruments.warning(), now)
        yield from judge.masters(self._instruments.reports(), self._instruments.set_aside())

    def _days(self, now: datetime) -> Check:
        today = ist_date(now)
        return judge.calendar({exchange: self._calendar.known_until(exchange, today) for exchange in Exchange}, today)


def judge_place(machine: Machine) -> tuple[Check, ...]:
    """Judge folder, key and disk, worst first."""
    return worst_first(judge.place(machine.place()))


def _outbox(tx: Unit, account_id: int, now: datetime) -> list[datetime]:
    """Return since when each write, and each AUTO order that is due, waits for its turn."""
    due = [max(order.created_at, order.not_before or order.created_at) for order in tx.orders.due(account_id, now, MOST_DUE)]
    return [command.created_at for command in tx.commands.pending(account_id)] + due


def _read(tx: Unit, user_id: int, now: datetime) -> _Facts:
    accounts = tuple(tx.accounts.list(user_id))
    frozen: dict[int, datetime] = {}
    for account in accounts:
        if account.frozen_reason:
            for told in tx.journal.events(account_id=account.id, kind=FROZEN_KIND, limit=1):
                frozen[account.id] = told.at
    return _Facts(
        mode=TradingMode(tx.users.get(user_id).trading_mode),
        has_secret=tx.users.webhook_hash(user_id) is not None,
        beats={beat.process: beat for beat in tx.journal.heartbeats()},
        kills=tuple(tx.risk.kills(user_id)),
        outbox={account.id: _outbox(tx, account.id, now) for account in accounts},
        unknown=tuple(tx.orders.list(user_id=user_id, statuses=[OrderStatus.UNKNOWN], newest_first=False, limit=MOST_UNKNOWN)),
        runs=tuple(tx.journal.last_runs()),
        accounts=accounts,
        frozen_at=frozen,
    )


def _or_bad(what: str, look: Callable[[], Iterable[Check]], account: str | None = None) -> list[Check]:
    """Return the checks of `look`, or the one that says why it could not look."""
    try:
        return list(look())
    except SigmaError as error:
        return [Check(Mark.BAD, what, error.message, error.hint, account=account)]
    except Exception as error:  # whatever is broken, the rest of the report must still be seen
        log.exception("not_looked_at", what=what)
        words = f"cannot be looked at ({type(error).__name__})."
        return [Check(Mark.BAD, what, words, "The logs in the folder logs say why.", account=account)]
