"""Accounts: adding, changing and removing them, and the credentials they log in with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sigma.domain.accounts import AUTO_CONSENT, AUTO_KEYS, Account, AuthMode, Capabilities, TradingMode
from sigma.domain.errors import Conflict, InvalidInput, NotFound
from sigma.domain.events import Level
from sigma.domain.orders import EXPOSED
from sigma.ports.clock import Clock
from sigma.ports.storage import Store, Unit
from sigma.services.connections import Connections
from sigma.services.events import EventsService

LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What to change in an account; None leaves a thing as it is.

    Parameters
    ----------
    consent : bool
        The person read AUTO_CONSENT and agrees; needed to switch `auth_mode` to auto.
    credentials : mapping
        Credentials entered anew; they replace the stored ones and end the login made with those.
    """

    name: str | None = None
    enabled: bool | None = None
    is_default: bool | None = None
    trading_mode: TradingMode | None = None
    auth_mode: AuthMode | None = None
    consent: bool = False
    credentials: Mapping[str, str] | None = None

    def differing(self, account: Account) -> dict[str, object]:
        """Return the account's own fields that change, with their new values."""
        wanted: dict[str, object] = {
            "name": None if self.name is None else _clean_name(self.name),
            "enabled": self.enabled,
            "is_default": self.is_default,
            "trading_mode": self.trading_mode,
            "auth_mode": self.auth_mode,
        }
        return {key: value for key, value in wanted.items() if value is not None and value != getattr(account, key)}


def find_account(tx: Unit, account: str | int, user_id: int) -> Account:
    """Return one of the user's accounts by name or id.

    Raises
    ------
    NotFound
        The user has no such account.
    """
    if isinstance(account, str):
        try:
            return tx.accounts.by_name(user_id, account)
        except NotFound:
            if not account.isdecimal():
                raise
    found = tx.accounts.get(int(account))
    if found.user_id != user_id:
        raise NotFound(f"There is no account {account}.", hint="`sigma accounts` lists them.")
    return found


class AccountsService:
    """Keeps the user's accounts.

    Parameters
    ----------
    environment : mapping of str
        The process's environment variables.
    aliases : mapping of (broker, credential) to str
        Which variable stands in for a credential that was not given, for the user's first account at a broker.
    disabled : callable
        Told in the unit that disables an account for strategies.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        connections: Connections,
        events: EventsService,
        *,
        environment: Mapping[str, str] | None = None,
        aliases: Mapping[tuple[str, str], str] | None = None,
        disabled: Callable[[Unit, Account], None] = lambda tx, account: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._connections = connections
        self._events = events
        self._environment = environment or {}
        self._aliases = aliases or {}
        self._disabled = disabled

    def find(self, user_id: int, account: str | int) -> Account:
        """Return one of the user's accounts by name or id, or raise NotFound."""
        with self._store.read() as tx:
            return find_account(tx, account, user_id)

    def list(self, user_id: int) -> Sequence[Account]:
        """Return the user's accounts, by id."""
        with self._store.read() as tx:
            return tx.accounts.list(user_id)

    def capabilities(self, broker: str) -> Capabilities:
        """Return what a broker can do, or raise NotFound naming those there are."""
        return self._connections.kit(broker).capabilities

    def brokers(self) -> tuple[Capabilities, ...]:
        """Return what each broker that an account can be added at can do, by title."""
        found = (self.capabilities(name) for name in self._connections.brokers)
        return tuple(sorted(found, key=lambda one: one.title))

    def capabilities_of(self, user_id: int, account_or_broker: str | int) -> Capabilities:
        """Return what an account's broker, or a broker named, can do."""
        if account_or_broker in self._connections.brokers:
            return self.capabilities(str(account_or_broker))
        return self.capabilities(self.find(user_id, account_or_broker).broker)

    def add(self, user_id: int, broker: str, name: str, credentials: Mapping[str, str]) -> Account:
        """Store a new account with its credentials; the user's first becomes the default.

        The client id is learned when the account is connected for the first time.

        Raises
        ------
        NotFound
            There is no such broker.
        InvalidInput
            A credential is missing, empty or not one that this broker takes.
        Conflict
            The user has an account of this name.
        """
        wanted = self.capabilities(broker).credentials
        clean_name = _clean_name(name)
        _known_keys(broker, credentials, wanted)
        with self._store.begin() as tx:
            first = all(row.broker != broker for row in tx.accounts.list(user_id))
            secrets = self._completed(broker, wanted, credentials, first)
            account = tx.accounts.add(
                Account(0, user_id, broker, clean_name, None, False, True, TradingMode.NORMAL, AuthMode.MANUAL, self._clock.now())
            )
            self._put(tx, account, secrets)
            self._events.record("ACCOUNT_ADDED", f"Account {account.name} at {broker} was added.", account=account, tx=tx)
        return account

    def update(self, user_id: int, account: str | int, change: AccountChange) -> Account:
        """Change an account; what changed is an audit event.

        Raises
        ------
        Conflict
            The name is taken, or the default would vanish (make another account the default instead).
        InvalidInput
            Auto login without consent or credentials, or a credential that this broker does not take.
        """
        with self._store.begin() as tx:
            before = find_account(tx, account, user_id)
            if change.is_default is False and before.is_default:
                raise Conflict(f"{before.name} is the default account.", hint="Make another account the default instead.")
            self._change_login(tx, before, change)
            wanted = change.differing(before)
            after = tx.accounts.save(replace(before, **wanted)) if wanted else before  # type: ignore[arg-type]
            if wanted:
                told = ", ".join(f"{key} {_word(getattr(before, key))} → {_word(value)}" for key, value in wanted.items())
                self._events.record("ACCOUNT_CHANGED", f"{before.name}: {told}", account=after, tx=tx)
            if before.enabled and not after.enabled:
                self._disabled(tx, after)
        return after

    def remove(self, user_id: int, account: str | int, *, next_default: str | int | None = None, force: bool = False) -> None:
        """Erase an account's credentials and login and take it off the lists; its orders and fills stay.

        Parameters
        ----------
        next_default : str or int, optional
            Which account becomes the default when the default goes and several remain.
        force : bool
            Remove it although orders are at work, which nobody will watch any more.

        Raises
        ------
        Conflict
            Orders are at work, or the next default is not named.
        """
        with self._store.begin() as tx:
            gone = find_account(tx, account, user_id)
            working = tx.orders.list(account_id=gone.id, statuses=tuple(EXPOSED))
            if working and not force:
                hint = "Cancel them and sync first; force=True removes the account and leaves them unwatched."
                raise Conflict(f"{gone.name} has {len(working)} orders at work.", hint=hint)
            heir = self._heir(tx, gone, next_default)
            tx.accounts.remove(gone.id)
            if heir is not None:
                tx.accounts.save(replace(heir, is_default=True))
            told = f"Account {gone.name} was removed: credentials and login erased, orders and fills kept."
            self._events.record("ACCOUNT_REMOVED", told, level=Level.WARNING, account=gone, orders_at_work=len(working), tx=tx)

    def _heir(self, tx: Unit, gone: Account, named: str | int | None) -> Account | None:
        """Return the account that becomes the default when `gone` is removed; None when none needs to."""
        others = [row for row in tx.accounts.list(gone.user_id) if row.id != gone.id]
        if not gone.is_default or not others:
            return None
        if named is None and len(others) > 1:
            names = ", ".join(row.name for row in others)
            raise Conflict(f"{gone.name} is the default account.", hint=f"Name the next one (next_default): {names}.")
        heir = others[0] if named is None else find_account(tx, named, gone.user_id)
        if heir.id == gone.id:
            raise Conflict(f"{gone.name} cannot follow itself as the default account.", hint="Name another one.")
        return heir

    def _completed(self, broker: str, wanted: Sequence[str], given: Mapping[str, str], first: bool) -> dict[str, str]:
        """Return all wanted credentials: as given, else (for the first account at a broker) from the environment."""
        secrets = {}
        for key in wanted:
            variable = self._aliases.get((broker, key), "") if first else ""
            secrets[key] = (given.get(key) or self._environment.get(variable, "")).strip()
        missing = [key for key, value in secrets.items() if not value]
        if missing:
            variables = [self._aliases[broker, key] for key in missing if first and (broker, key) in self._aliases]
            hint = (
                f"Give it, or set {', '.join(variables)} in the environment." if variables else "Give it when adding the account."
            )
            raise InvalidInput(f"An account at {broker} needs {', '.join(missing)}.", hint=hint)
        return secrets

    def _change_login(self, tx: Unit, account: Account, change: AccountChange) -> None:
        """Store credentials entered anew and switch the way of logging in; a new credential beats a cached login."""
        mode = change.auth_mode or account.auth_mode
        given = change.credentials or {}
        auto = AUTO_KEYS if mode is AuthMode.AUTO else ()
        capabilities = self.capabilities(account.broker)
        _known_keys(account.broker, given, (*capabilities.credentials, *auto))
        if any(not value.strip() for value in given.values()):
            raise InvalidInput("A credential is empty.", hint="Leave out those that stay as they are.")
        code = given.get("client_code", account.client_id or "").strip()
        if account.client_id and code.casefold() != account.client_id.casefold():
            hint = "Add another account for another client."
            raise Conflict(f"{account.name} belongs to client {account.client_id}, not {code}.", hint=hint)
        if given:
            self._put(tx, account, given)
            tx.accounts.erase_session(account.id)
            keys = ", ".join(sorted(given))
            self._events.record(
                "CREDENTIALS_CHANGED", f"{account.name}: {keys} entered anew; log in again.", account=account, tx=tx
            )
        if change.auth_mode is AuthMode.AUTO and account.auth_mode is not AuthMode.AUTO:
            self._consented(tx, account, change, capabilities)
        if change.auth_mode is AuthMode.MANUAL:
            tx.accounts.erase_secrets(account.id, AUTO_KEYS)

    def _consented(self, tx: Unit, account: Account, change: AccountChange, capabilities: Capabilities) -> None:
        if AuthMode.AUTO not in capabilities.auth_modes:
            raise InvalidInput(f"{capabilities.title} does not allow automatic login.", hint="Log in by hand each day.")
        if not change.consent:
            raise InvalidInput(AUTO_CONSENT, hint="Pass consent=True when you have read this and agree.", code="CONSENT_NEEDED")
        missing = [key for key in AUTO_KEYS if key not in tx.accounts.secrets(account.id)]
        if missing:
            raise InvalidInput(f"Automatic login needs {' and '.join(missing)}.", hint="Give them together with auth_mode.")
        self._events.record("AUTO_LOGIN_CONSENT", f"{account.name}: {AUTO_CONSENT}", level=Level.WARNING, account=account, tx=tx)

    def _put(self, tx: Unit, account: Account, secrets: Mapping[str, str]) -> None:
        self._connections.hide_credentials(secrets)
        for key, value in secrets.items():
            tx.accounts.put_secret(account.id, key, value.strip())


def _known_keys(broker: str, given: Mapping[str, str], known: Sequence[str]) -> None:
    strange = sorted(set(given) - set(known))
    if strange:
        only_auto = " (kept only with auth_mode auto)" if set(strange) & set(AUTO_KEYS) else ""
        hint = f"It takes {', '.join(known) or 'none'}."
        raise InvalidInput(f"An account at {broker} keeps no {', '.join(strange)}{only_auto}.", hint=hint)


def _clean_name(name: str) -> str:
    clean = " ".join(name.split())
    if not clean or len(clean) > LONGEST_NAME or not clean.isprintable():
        raise InvalidInput(f"An account's name has 1 to {LONGEST_NAME} printable characters, was {name[:80]!r}.")
    return clean


def _word(value: object) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
