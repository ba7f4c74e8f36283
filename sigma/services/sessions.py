"""Logging in and out of brokers, and knowing whether an account is connected."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from sigma.domain.accounts import Account, AuthMode, BrokerSession, Profile, SessionState, SessionStatus
from sigma.domain.errors import (
    BrokerError,
    ConfigError,
    Conflict,
    Denied,
    InvalidInput,
    SessionExpired,
    SigmaError,
    Unsupported,
)
from sigma.domain.events import Level
from sigma.domain.limits import CallKind
from sigma.ports.broker import Authenticator
from sigma.ports.clock import Clock
from sigma.ports.storage import Store, Unit
from sigma.services.accounts import find_account
from sigma.services.connections import Connections
from sigma.services.events import EventsService
from sigma.services.settings import SettingsService

log = structlog.get_logger(__name__)

READY_TOKEN = "access_token"  # noqa: S105 - the name of a field, not a token
A_PERSON_ACTED = ("SESSION_CONNECTED", "CREDENTIALS_CHANGED", "AUTO_LOGIN_CONSENT")
SHORTEST_SECRET = 4
LOGIN = (CallKind.LOGIN, CallKind.PROFILE)
"""A login is verified by a call for the profile."""


@dataclass(frozen=True, slots=True)
class _Checked:
    """What the broker said when it was last asked, about which login, and when on the boot clock."""

    session: BrokerSession
    status: SessionStatus
    boot_ns: int


class SessionsService:
    """Connects accounts and watches their logins.

    On expiry an account in auto mode is renewed by its refresh token, else logged in once by stored credentials. A failed
    automatic login is not tried again, by any process, until a person connects or enters credentials: the attempt is
    committed as an event before the call, so that not even a crash in between starts a loop that locks the account.
    """

    def __init__(
        self, store: Store, clock: Clock, connections: Connections, settings: SettingsService, events: EventsService
    ) -> None:
        self._store = store
        self._clock = clock
        self._connections = connections
        self._settings = settings
        self._events = events
        self._checked: dict[int, _Checked] = {}
        self._reviving: dict[int, threading.Lock] = {}
        self._unrenewable: dict[int, Mapping[str, str]] = {}
        self._guard = threading.Lock()
        connections.renew_with(self.revive)

    def login_url(self, user_id: int, account: str | int) -> str:
        """Return where the person logs in; Unsupported where the broker has no such page."""
        return self._authenticator(self._find(user_id, account)).login_url()

    def connect(self, user_id: int, account: str | int, given: Mapping[str, str]) -> SessionStatus:
        """Log in with what the person entered and store the login, encrypted.

        Parameters
        ----------
        given : mapping
            The broker's `login_fields` (request_token; pin and otp), or a ready ``access_token``. Used once, never stored.

        Raises
        ------
        InvalidInput
            A field is missing or not one of this broker's.
        Denied
            The login is another client's than the account's: nothing was stored.
        Conflict
            The login belongs to another account of the user's.
        SessionExpired, BrokerUnavailable
            The broker refused the credentials, or could not be reached.
        """
        found = self._find(user_id, account)
        entered = {key: str(value).strip() for key, value in given.items() if value is not None and str(value).strip()}
        self._connections.hide(value for value in entered.values() if len(value) >= SHORTEST_SECRET)
        try:
            self._known_fields(found, entered)
            login = self._authenticator(found)
            session, profile = self._connections.log_in(found, LOGIN, lambda: login.connect(entered))
            return self._accept(found, session, profile, "a person logged in")
        except SigmaError as error:
            self._failed(found, error, entered)
            raise

    def status(self, user_id: int, account: str | int, *, refresh: bool = False) -> SessionStatus:
        """Return whether an account is connected, by a real profile call at most ``session.check`` seconds old.

        A network failure is ERROR, not EXPIRED. `refresh` asks the broker now.
        """
        return self.check(self._find(user_id, account), refresh=refresh)

    def check(self, account: Account, *, refresh: bool = False) -> SessionStatus:
        """Return an account's status, as `status` does."""
        session = self._connections.session(account.id)
        if session is None:
            return self._status(account, None, SessionState.NEVER)
        if session.expired(self._clock.now()) and not self._revived(account):
            return self._status(account, session, SessionState.EXPIRED)
        cached = self._checked.get(account.id)
        oldest_ns = self._settings.seconds("session.check") * 1e9
        if cached and cached.session == session and not refresh and self._clock.boot_ns() - cached.boot_ns < oldest_ns:
            return replace(cached.status, account=account.name)
        return self._asked(account)

    def stored(self, account: Account) -> SessionStatus:
        """Return an account's status without asking the broker: as last checked, else by the stored login.

        A stored login that cannot be opened (damaged, or made with another key) is an ERROR of this account alone.
        """
        try:
            session = self._connections.session(account.id)
        except ConfigError as error:
            return replace(self._status(account, None, SessionState.ERROR), error=error.message)
        return self.known(account, session)

    def known(self, account: Account, session: BrokerSession | None) -> SessionStatus:
        """Return the status that a stored login means, as `stored` does for whoever has read it already."""
        if session is None:
            return self._status(account, None, SessionState.NEVER)
        if session.expired(self._clock.now()):
            return self._status(account, session, SessionState.EXPIRED)
        cached = self._checked.get(account.id)
        known = cached.status if cached and cached.session == session else self._status(account, session, SessionState.CONNECTED)
        return replace(known, account=account.name)

    def disconnect(self, user_id: int, account: str | int) -> SessionStatus:
        """Log out at the broker and erase the login here; credentials stay. Erased also when the broker cannot be told."""
        found = self._find(user_id, account)
        session = self._connections.session(found.id)
        if session is None:
            return self._status(found, None, SessionState.NEVER)
        trouble = None
        try:
            login = self._authenticator(found)
            self._connections.log_in(found, (CallKind.LOGIN,), lambda: login.logout(session))
        except BrokerError as error:
            trouble = f"The broker could not be told: {error.message} The login may live there until it ends by itself."
        with self._store.begin() as tx:
            tx.accounts.erase_session(found.id)
            level, told = Level.WARNING if trouble else Level.INFO, f"{found.name} was disconnected. {trouble or ''}".strip()
            self._events.record("SESSION_CLOSED", told, level=level, account=found, tx=tx)
        return replace(self._status(found, None, SessionState.NEVER), error=trouble)

    def revive(self, account_id: int) -> bool:
        """Renew an account in auto mode whose login ended; return whether it has a valid login now."""
        with self._guard:
            lock = self._reviving.setdefault(account_id, threading.Lock())
        with lock:
            with self._store.read() as tx:
                account, session = tx.accounts.get(account_id), tx.accounts.session(account_id)
            if session is not None and not session.expired(self._clock.now()):
                return True
            if account.auth_mode is not AuthMode.AUTO:
                return False
            try:
                return (session is not None and self._renewed(account, session)) or self._logged_in_once(account)
            except BrokerError as error:
                log.warning("automatic renewal put off", account=account.name, why=error.message)
                return False

    def _renewed(self, account: Account, session: BrokerSession) -> bool:
        """Renew by the refresh token; another broker error passes, for then nothing is known and nothing else is tried.

        A refresh token that was refused is not shown to the broker again.
        """
        if self._unrenewable.get(account.id) == session.tokens:
            return False
        try:
            login = self._authenticator(account)
            fresh = self._connections.log_in(account, (CallKind.LOGIN,), lambda: login.renew(session))
        except (Unsupported, SessionExpired):
            self._unrenewable[account.id] = session.tokens
            return False
        with self._store.begin() as tx:
            tx.accounts.put_session(account.id, replace(fresh, user_name=session.user_name))
            self._events.record("SESSION_RENEWED", f"The login of {account.name} was renewed.", account=account, tx=tx)
        return True

    def _logged_in_once(self, account: Account) -> bool:
        if not self._claim_attempt(account):
            return False
        try:
            login = self._authenticator(account)
            session, profile = self._connections.log_in(account, LOGIN, login.auto_login)
            self._accept(account, session, profile, "logged in automatically")
        except SigmaError as error:
            text = f"Automatic login of {account.name} failed: {error.message} It is not tried again until a person logs in."
            self._events.record("AUTO_LOGIN_FAILED", text, level=Level.ALARM, account=account, code=error.code)
            return False
        return True

    def _claim_attempt(self, account: Account) -> bool:
        """Commit the one attempt before it is made; False when one was made already and nobody acted since."""
        with self._store.begin() as tx:
            last = _newest(tx, account, "AUTO_LOGIN_ATTEMPT")
            if last and last > max(_newest(tx, account, kind) for kind in A_PERSON_ACTED):
                return False
            self._events.record("AUTO_LOGIN_ATTEMPT", f"Logging in to {account.name} automatically.", account=account, tx=tx)
        return True

    def _accept(self, account: Account, session: BrokerSession, profile: Profile, how: str) -> SessionStatus:
        """Store a login whose client is the account's; the first one teaches the account its client."""
        self._connections.hide(session.tokens.values())
        client = profile.client_id.strip()
        with self._store.begin() as tx:
            fresh = tx.accounts.get(account.id)
            expected = fresh.client_id or tx.accounts.secrets(account.id).get("client_code")
            if expected and expected.casefold() != client.casefold():
                raise Denied(
                    f"This is the login of client {client}, but account {fresh.name!r} belongs to {expected}.",
                    hint="Nothing was stored. Log in as the account's client, or add another account for this one.",
                    code="OTHER_CLIENT",
                )
            self._alone(tx, fresh, client)
            if fresh.client_id is None:
                fresh = tx.accounts.save(replace(fresh, client_id=client))
            accepted = replace(session, client_id=client, user_name=profile.name)
            tx.accounts.put_session(fresh.id, accepted)
            told = f"{fresh.name} is connected as {client} ({how})."
            self._events.record("SESSION_CONNECTED", told, account=fresh, client_id=client, tx=tx)
        return self._remember(fresh, accepted, profile)

    def _alone(self, tx: Unit, account: Account, client: str) -> None:
        for other in tx.accounts.list(account.user_id):
            same = other.broker == account.broker and (other.client_id or "").casefold() == client.casefold()
            if same and other.id != account.id:
                hint = "Nothing was stored. Connect that account."
                raise Conflict(f"Client {client} is account {other.name!r} already.", hint=hint)

    def _asked(self, account: Account) -> SessionStatus:
        try:
            profile = self._connections.read(account.id, CallKind.PROFILE, lambda broker: broker.profile(), attempts=2)
        except SessionExpired:
            return self._status(account, self._connections.session(account.id), SessionState.EXPIRED)
        except BrokerError as error:
            return self._remember_error(account, error)
        session = self._connections.session(account.id)
        if session is None:
            return self._status(account, None, SessionState.NEVER)
        return self._remember(account, session, profile)

    def _remember(self, account: Account, session: BrokerSession, profile: Profile) -> SessionStatus:
        status = replace(self._status(account, session, SessionState.CONNECTED), user_name=profile.name)
        return self._keep(account, session, status)

    def _remember_error(self, account: Account, error: BrokerError) -> SessionStatus:
        session = self._connections.session(account.id)
        status = replace(self._status(account, session, SessionState.ERROR), error=error.message)
        return status if session is None else self._keep(account, session, status)

    def _keep(self, account: Account, session: BrokerSession, status: SessionStatus) -> SessionStatus:
        status = replace(status, checked_at=self._clock.now())
        self._checked[account.id] = _Checked(session, status, self._clock.boot_ns())
        return status

    def _status(self, account: Account, session: BrokerSession | None, state: SessionState) -> SessionStatus:
        ends = self._connections.kit(account).capabilities.day_ends
        return SessionStatus(
            account=account.name,
            state=state,
            client_id=account.client_id or (session.client_id if session else None),
            obtained_at=session.obtained_at if session else None,
            expires_at=session.expires_at if session and (ends or state is SessionState.EXPIRED) else None,
            user_name=session.user_name or None if session else None,
        )

    def _revived(self, account: Account) -> bool:
        return account.auth_mode is AuthMode.AUTO and self.revive(account.id)

    def _failed(self, account: Account, error: SigmaError, entered: Mapping[str, str]) -> None:
        """Write the failure down without anything the person entered."""
        text = error.message
        for value in sorted(entered.values(), key=len, reverse=True):
            text = text.replace(value, "…")
        told = f"Login of {account.name} failed: {text}"
        self._events.record("SESSION_REFUSED", told, level=Level.WARNING, account=account, code=error.code)

    def _known_fields(self, account: Account, entered: Mapping[str, str]) -> None:
        fields = self._connections.kit(account).capabilities.login_fields
        strange = sorted(set(entered) - {*fields, READY_TOKEN})
        if not fields and not entered:
            return
        if strange or not entered:
            takes = f"{', '.join(fields)}, or a ready {READY_TOKEN}" if fields else "nothing"
            raise InvalidInput(f"A login to {account.name} takes {takes}; {', '.join(strange) or 'nothing'} was given.")

    def _authenticator(self, account: Account) -> Authenticator:
        credentials = self._connections.credentials(account.id)
        return self._connections.kit(account).authenticator(credentials, self._connections.context(account))

    def _find(self, user_id: int, account: str | int) -> Account:
        with self._store.read() as tx:
            return find_account(tx, account, user_id)


def _newest(tx: Unit, account: Account, kind: str) -> int:
    """Return the number of an account's newest event of a kind, 0 when there is none."""
    return next((event.id for event in tx.journal.events(account_id=account.id, kind=kind, limit=1)), 0)
