"""Logged-in brokers by account: one client for each thread and login, and reads that are repeated with patience."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog
import tenacity

from sigma.domain.accounts import Account, AuthMode, BrokerSession
from sigma.domain.errors import BrokerUnavailable, NotFound, NoTurn, RateLimited, SessionExpired
from sigma.domain.events import Level
from sigma.domain.instruments import Exchange
from sigma.domain.limits import CallKind
from sigma.domain.times import to_ist
from sigma.ports.broker import AdapterContext, Broker, BrokerKit, InstrumentLookup
from sigma.ports.clock import Clock
from sigma.ports.feed import Feed, FeedRules, FeedSink, never_open
from sigma.ports.paper import PaperPlace
from sigma.ports.probe import NoProbe, Probe
from sigma.ports.storage import Store
from sigma.services.events import EventsService
from sigma.services.settings import SettingsService
from sigma.services.turns import PATIENCE_S, AccountUse, Turns

log = structlog.get_logger(__name__)
Answer = TypeVar("Answer")

_MAKING = threading.Lock()
"""One client is made at a time: the first of a broker imports its SDK, and two SDKs imported by two threads at once fail
(both import `six`, whose lazy modules are not there before its own import has ended)."""
ATTEMPTS = 3


PUBLIC_KEYS = frozenset({"client_code"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a broker is; empty for its real address."""

    url: str = ""
    master_url: str = ""
    stream_url: str = ""


@dataclass(frozen=True)
class _Client:
    """A broker's client with all that it was made from: when one of these changed, it is made anew."""

    session: BrokerSession
    timeout_s: float
    broker: Broker


def nothing_hidden(_values: Iterable[str]) -> None:
    """Register no secrets (where nothing is logged)."""


class Connections:
    """Hands out logged-in brokers. A client is never shared between threads, nor kept beyond the login it was made with.

    Parameters
    ----------
    kits, endpoints : mapping by broker name
    turns : Turns
        Gives each call its turn.
    hide : callable
        Told every secret that is about to be used, so that no log can show it.
    is_open : callable
        Says whether an exchange trades now: a live feed is silent only while one does.
    paper : callable
        Gives what a paper account stands on.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        kits: Mapping[str, BrokerKit],
        instruments: InstrumentLookup,
        settings: SettingsService,
        events: EventsService,
        turns: Turns,
        *,
        endpoints: Mapping[str, Endpoint] | None = None,
        probe: Probe | None = None,
        hide: Callable[[Iterable[str]], None] = nothing_hidden,
        is_open: Callable[[Exchange], bool] = never_open,
        paper: Callable[[Account], PaperPlace] | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._kits = kits
        self._instruments = instruments
        self._settings = settings
        self._events = events
        self._turns = turns
        self._endpoints = endpoints or {}
        self._probe = probe or NoProbe()
        self._hide = hide
        self._is_open = is_open
        self._paper = paper
        self._local = threading.local()
        self._renew: Callable[[int], bool] = lambda _account_id: False

    @property
    def brokers(self) -> tuple[str, ...]:
        """Names of the brokers there are adapters for."""
        return tuple(sorted(self._kits))

    def renew_with(self, renew: Callable[[int], bool]) -> None:
        """Say who may renew the expired login of an account in auto mode; it returns whether there is a login now."""
        self._renew = renew

    def kit(self, account: Account | str) -> BrokerKit:
        """Return the adapter of an account (or of a broker named).

        Raises
        ------
        NotFound
            There is no such adapter.
        """
        name = account if isinstance(account, str) else account.broker
        if name not in self._kits:
            raise NotFound(f"There is no broker {name!r}.", hint=f"Brokers: {', '.join(self.brokers)}.")
        return self._kits[name]

    def context(self, account: Account | str) -> AdapterContext:
        """Return what an adapter needs from the house."""
        endpoint = self._endpoints.get(account if isinstance(account, str) else account.broker, Endpoint())
        on_paper = account if isinstance(account, Account) and account.simulated else None
        return AdapterContext(
            clock=self._clock,
            paper=None if on_paper is None or self._paper is None else self._paper(on_paper),
            instruments=self._instruments,
            url=endpoint.url,
            master_url=endpoint.master_url,
            stream_url=endpoint.stream_url,
            timeout_s=self._settings.seconds("orders.call_timeout"),
            probe=self._probe,
            feed_rules=FeedRules(
                self._is_open,
                self._settings.seconds("market.feed_silent_after"),
                self._settings.seconds("market.feed_dead_after"),
            ),
        )

    def credentials(self, account_id: int) -> Mapping[str, str]:
        """Return an account's stored credentials; they are hidden from every log from here on."""
        with self._store.read() as tx:
            secrets = tx.accounts.secrets(account_id)
        self.hide_credentials(secrets)
        return secrets

    def hide_credentials(self, credentials: Mapping[str, str]) -> None:
        """Keep credentials out of every log; what only says who one is may be seen."""
        self._hide(value for key, value in credentials.items() if key not in PUBLIC_KEYS)

    def hide(self, secrets: Iterable[str]) -> None:
        """Keep these texts out of every log."""
        self._hide(secrets)

    def account(self, account_id: int) -> Account:
        """Return an account or raise NotFound."""
        return self._load(account_id)[0]

    def session(self, account_id: int) -> BrokerSession | None:
        """Return an account's stored login, expired or not."""
        return self._load(account_id)[1]

    def broker(self, account_id: int) -> Broker:
        """Return the account's logged-in broker for the calling thread. Makes no network call, unless an auto login renews.

        Raises
        ------
        SessionExpired
            The account was never connected or its login ended; the hint says how to reconnect.
        """
        account, session = self._logged_in(account_id)
        clients: dict[int, _Client] = self._local.__dict__.setdefault("clients", {})
        timeout = self._settings.seconds("orders.call_timeout")
        client = clients.get(account_id)
        if client is None or client.session != session or client.timeout_s != timeout:
            self.hide(session.tokens.values())
            with _MAKING:
                made = self.kit(account).broker(self.credentials(account_id), session, self.context(account))
            client = clients[account_id] = _Client(session, timeout, made)
        return client.broker

    def feed(self, account_id: int, sink: FeedSink) -> tuple[Feed, BrokerSession]:
        """Return the account's live feed, not connected yet, and the login it was made with.

        Raises
        ------
        SessionExpired
            The account is not logged in.
        Unsupported
            Its broker has no live feed.
        """
        account, session = self._logged_in(account_id)
        self.hide(session.tokens.values())
        with _MAKING:
            return self.kit(account).feed(self.credentials(account_id), session, self.context(account), sink), session

    def read(
        self,
        account_id: int,
        kind: CallKind,
        fn: Callable[[Broker], Answer],
        *,
        attempts: int = ATTEMPTS,
        patience_s: float = PATIENCE_S,
    ) -> Answer:
        """Return `fn(broker)`, made in its turn and repeated when the broker is away. For reads only, never for a write.

        Parameters
        ----------
        kind : CallKind
            What is read: each sort of call has limits of its own, which all processes share.
        patience_s : float
            How long to wait for turns, all attempts together.

        Raises
        ------
        SessionExpired
            The broker does not take the login any more: it is marked as ended.
        NoTurn
            The limit is used up, or the broker asks for patience, for longer than `patience_s`.
        BrokerError
            The last error, when repeating did not help.
        """
        retry = tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: _worth_repeating(error, patience_s)),
            stop=tenacity.stop_after_attempt(attempts),
            wait=_pause,
            sleep=self._sleep,
            before_sleep=lambda state: log.info("read repeated", what=kind, account_id=account_id, attempt=state.attempt_number),
            reraise=True,
        )
        answer: Answer = retry(self._once, account_id, kind, fn, self._turns.until(patience_s))
        return answer

    def log_in(self, account: Account, kinds: Iterable[CallKind], fn: Callable[[], Answer]) -> Answer:
        """Return `fn()`, a step of a login made in its turn, once.

        Raises
        ------
        NoTurn, RateLimited
            The broker takes no login now.
        """
        capabilities = self.kit(account).capabilities
        return self._turns.call(account.id, capabilities, kinds, fn, self._turns.until(PATIENCE_S))

    def uses(self, account: Account) -> tuple[AccountUse, ...]:
        """Return how each limit of an account was used since midnight IST; no broker is asked."""
        return self._turns.uses(account, self.kit(account).capabilities)

    def _once(self, account_id: int, kind: CallKind, fn: Callable[[Broker], Answer], until_ns: int) -> Answer:
        def asked(broker: Broker) -> Answer:
            return self._turns.call(account_id, broker.capabilities, (kind,), lambda: fn(broker), until_ns)

        broker = self.broker(account_id)
        used = self._local.clients[account_id].session
        try:
            return asked(broker)
        except SessionExpired as error:
            account = self.end_session(account_id, used, f"the broker did not give the {kind}: {error.message}")
            if account.auth_mode is AuthMode.AUTO and self._renew(account_id):
                return asked(self.broker(account_id))
            raise expired(account, used) from error

    def _sleep(self, seconds: float) -> None:
        if seconds > 0:
            self._clock.wait(seconds)

    def end_session(self, account_id: int, refused: BrokerSession | None, why: str) -> Account:
        """Mark a login as ended because the broker said so; a login that is newer than `refused` is left alone."""
        now = self._clock.now()
        with self._store.begin() as tx:
            account, stored = tx.accounts.get(account_id), tx.accounts.session(account_id)
            if stored is not None and (refused is None or stored == refused) and not stored.expired(now):
                tx.accounts.put_session(account_id, replace(stored, expires_at=now))
                text = f"The login of {account.name} ended: {why}"
                self._events.record("SESSION_EXPIRED", text, level=Level.WARNING, account=account, tx=tx)
        return account

    def _logged_in(self, account_id: int) -> tuple[Account, BrokerSession]:
        """Return the account and its login, renewed where it may be; SessionExpired when there is none."""
        account, session = self._load(account_id)
        if account.auth_mode is AuthMode.AUTO and _ended(session, self._clock) and self._renew(account_id):
            account, session = self._load(account_id)
        if session is None or session.expired(self._clock.now()):
            raise expired(account, session)
        return account, session

    def _load(self, account_id: int) -> tuple[Account, BrokerSession | None]:
        with self._store.read() as tx:
            return tx.accounts.get(account_id), tx.accounts.session(account_id)


def expired(account: Account, session: BrokerSession | None) -> SessionExpired:
    """Return the error that says how to log in again."""
    if session is None:
        told = f"Account {account.name!r} is not connected."
    else:
        when = to_ist(session.expires_at)
        told = f"The login of account {account.name!r} ended on {when:%d %b} at {when:%H:%M} IST."
    desk = f'desk.accounts.login_url("{account.name}") and desk.accounts.connect("{account.name}", …)'
    hint = f"Log in again: `sigma login {shlex.quote(account.name)}`, or {desk}."
    return SessionExpired(told, hint=hint)


def _ended(session: BrokerSession | None, clock: Clock) -> bool:
    return session is not None and session.expired(clock.now())


def _worth_repeating(error: BaseException, patience_s: float) -> bool:
    if isinstance(error, RateLimited):
        return not isinstance(error, NoTurn) and (error.retry_after or 0.0) <= patience_s
    return isinstance(error, BrokerUnavailable)


def _pause(state: tenacity.RetryCallState) -> float:
    """Return how long to leave a broker alone that was away; one that asked for patience gets it from the turns."""
    error = state.outcome.exception() if state.outcome else None
    return 0.0 if isinstance(error, RateLimited) else min(0.25 * 4.0 ** (state.attempt_number - 1), PATIENCE_S)
