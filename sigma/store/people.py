"""Users and accounts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NoReturn

from sqlalchemy import Row, Table, bindparam, case, delete, select, update
from sqlalchemy.exc import IntegrityError

from sigma.domain.accounts import Account, BrokerSession, TradingMode
from sigma.domain.errors import ConfigError, Conflict, NotFound
from sigma.domain.people import Role, User
from sigma.domain.times import require_utc
from sigma.store.database import Link
from sigma.store.schema import account_secrets, account_sessions, accounts, users
from sigma.store.secrets import SecretCipher, require_key
from sigma.store.statements import add_row, breaks, by_id, missing, putting, save_row, stale

_OWNER = select(users).where(users.c.role == Role.OWNER).order_by(users.c.id).limit(1)
_USER_BY_NAME = select(users).where(users.c.name == bindparam("name"))
_HASHES = select(users.c.id, users.c.webhook_hash).where(users.c.webhook_hash.is_not(None))
_SET_MODE = update(users).where(users.c.id == bindparam("row_id")).values(trading_mode=bindparam("mode"))
_SET_HASH = update(users).where(users.c.id == bindparam("row_id")).values(webhook_hash=bindparam("hash"))
_SET_PASSWORD = update(users).where(users.c.id == bindparam("row_id")).values(password_hash=bindparam("hash"))
_SEE = (
    update(users)
    .where(users.c.id == bindparam("row_id"))
    .values(events_seen=case((users.c.events_seen < bindparam("seen"), bindparam("seen")), else_=users.c.events_seen))
)

_PRESENT = select(accounts).where(accounts.c.removed.is_(False)).order_by(accounts.c.id)
_OF_USER = _PRESENT.where(accounts.c.user_id == bindparam("user_id"))
_BY_NAME = _OF_USER.where(accounts.c.name == bindparam("name"))
_OTHER_DEFAULT = (
    update(accounts)
    .where(accounts.c.user_id == bindparam("owner_id"), accounts.c.is_default.is_(True), accounts.c.id != bindparam("row_id"))
    .values(is_default=False, version=accounts.c.version + 1)
)
_REMOVE = (
    update(accounts)
    .where(accounts.c.id == bindparam("row_id"))
    .values(removed=True, is_default=False, enabled=False, version=accounts.c.version + 1)
)
_SECRETS = select(account_secrets.c.key, account_secrets.c.token).where(account_secrets.c.account_id == bindparam("account_id"))
_ERASE_SECRETS = delete(account_secrets).where(account_secrets.c.account_id == bindparam("account_id"))
_SESSION = select(account_sessions.c.token).where(account_sessions.c.account_id == bindparam("account_id"))
_ERASE_SESSION = delete(account_sessions).where(account_sessions.c.account_id == bindparam("account_id"))


def to_user(row: Row[Any]) -> User:
    """Return the user of a row."""
    return User(row.id, row.name, row.role, str(row.trading_mode), row.created_at)


def to_account(row: Row[Any]) -> Account:
    """Return the account of a row."""
    return Account(
        id=row.id,
        user_id=row.user_id,
        broker=row.broker,
        name=row.name,
        client_id=row.client_id,
        is_default=row.is_default,
        enabled=row.enabled,
        trading_mode=row.trading_mode,
        auth_mode=row.auth_mode,
        created_at=row.created_at,
        last_run_at=row.last_run_at,
        frozen_reason=row.frozen_reason,
        tag_verified=row.tag_verified,
        version=row.version,
    )


def from_account(account: Account) -> dict[str, Any]:
    """Return the row of an account that is not removed."""
    return {
        "id": account.id,
        "user_id": account.user_id,
        "broker": account.broker,
        "name": account.name,
        "client_id": account.client_id,
        "is_default": account.is_default,
        "enabled": account.enabled,
        "trading_mode": account.trading_mode,
        "auth_mode": account.auth_mode,
        "created_at": account.created_at,
        "last_run_at": account.last_run_at,
        "frozen_reason": account.frozen_reason,
        "tag_verified": account.tag_verified,
        "removed": False,
        "version": account.version,
    }


class SqlUsers:
    """Users in the database."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def owner(self) -> User:
        """Return the owner; ConfigError before `sigma db upgrade` made one."""
        row = self._link.first(_OWNER)
        if row is None:
            raise ConfigError("There is no owner yet.", hint="Run `sigma db upgrade`.")
        return to_user(row)

    def get(self, user_id: int) -> User:
        """Return one user or raise NotFound."""
        return to_user(self._row(user_id))

    def by_name(self, name: str) -> User:
        """Return one user or raise NotFound."""
        row = self._link.first(_USER_BY_NAME, {"name": name})
        if row is None:
            raise NotFound(f"There is no user {name!r}.")
        return to_user(row)

    def set_trading_mode(self, user_id: int, mode: TradingMode) -> None:
        """Change the user-wide trading mode."""
        if self._link.write(_SET_MODE, {"row_id": user_id, "mode": mode}).rowcount == 0:
            raise missing("User", user_id)

    def lock(self, user_id: int) -> None:
        """Hold the user's risk lock until the unit ends (on SQLite the write unit itself is that lock)."""
        self._row(user_id, locking=self._link.locking)

    def webhook_hash(self, user_id: int) -> str | None:
        """Return the stored hash of the user's webhook secret."""
        found: str | None = self._row(user_id).webhook_hash
        return found

    def webhook_hashes(self) -> Mapping[int, str]:
        """Return all users' hashes, by user id."""
        return {row.id: row.webhook_hash for row in self._link.all(_HASHES)}

    def set_webhook_hash(self, user_id: int, value: str) -> None:
        """Store a new hash."""
        if self._link.write(_SET_HASH, {"row_id": user_id, "hash": value}).rowcount == 0:
            raise missing("User", user_id)

    def password_hash(self, user_id: int) -> str | None:
        """Return the stored hash of the user's password; None when they never chose one."""
        found: str | None = self._row(user_id).password_hash
        return found

    def set_password_hash(self, user_id: int, value: str) -> None:
        """Store a new hash."""
        if self._link.write(_SET_PASSWORD, {"row_id": user_id, "hash": value}).rowcount == 0:
            raise missing("User", user_id)

    def events_seen(self, user_id: int) -> int:
        """Return the id of the last event that the user saw; 0 when they saw none."""
        found: int = self._row(user_id).events_seen
        return found

    def set_events_seen(self, user_id: int, event_id: int) -> None:
        """Store the last event that the user saw; an older one than stored changes nothing."""
        if self._link.write(_SEE, {"row_id": user_id, "seen": event_id}).rowcount == 0:
            raise missing("User", user_id)

    def _row(self, user_id: int, *, locking: bool = False) -> Row[Any]:
        """Return a user's row; only `lock` locks it, for every unit of the user reads it."""
        row = self._link.first(by_id(users, locking), {"id": user_id})
        if row is None:
            raise missing("User", user_id)
        return row


class SqlAccounts:
    """Accounts in the database; credentials and sessions pass the cipher on their way."""

    def __init__(self, link: Link, cipher: SecretCipher) -> None:
        self._link = link
        self._cipher = cipher

    def add(self, account: Account) -> Account:
        """Store a new account; Conflict when name or (broker, client id) exists. The first becomes the default."""
        self._link.first(by_id(users, True), {"id": account.user_id})  # two first accounts are added one after another
        others = self.list(account.user_id)
        self._refuse_twins(account, others)
        account = replace(account, is_default=account.is_default or not others)
        if account.is_default:
            self._unset_default(account)
        try:
            return replace(account, id=add_row(self._link, accounts, from_account(account)))
        except IntegrityError as error:
            self._explain(error, account)

    def get(self, account_id: int) -> Account:
        """Return one account or raise NotFound, for a removed one too."""
        row = self._link.first(by_id(accounts, self._link.locking), {"id": account_id})
        if row is None or row.removed:
            raise missing("Account", account_id)
        return to_account(row)

    def by_name(self, user_id: int, name: str) -> Account:
        """Return one account or raise NotFound naming those there are."""
        statement = _BY_NAME.with_for_update(key_share=True) if self._link.locking else _BY_NAME
        row = self._link.first(statement, {"user_id": user_id, "name": name})
        if row is None:
            known = ", ".join(account.name for account in self.list(user_id)) or "none yet"
            raise NotFound(f"There is no account {name!r}.", hint=f"Accounts: {known}.")
        return to_account(row)

    def list(self, user_id: int | None = None) -> Sequence[Account]:
        """Return accounts, of all users when None, by id; removed ones left out."""
        rows = self._link.all(_PRESENT) if user_id is None else self._link.all(_OF_USER, {"user_id": user_id})
        return [to_account(row) for row in rows]

    def save(self, account: Account) -> Account:
        """Store changes. Setting `is_default` unsets the user's other default in the same unit.

        Raises
        ------
        Conflict
            Changed meanwhile; name or client id taken; or the only default would stop being one.
        """
        now = self.get(account.id)
        if now.version != account.version:
            self._stale(account)
        self._refuse_twins(account, [other for other in self.list(account.user_id) if other.id != account.id])
        if now.is_default and not account.is_default:
            raise Conflict(f"{account.name} is the default account.", hint="Make another account the default instead.")
        if account.is_default and not now.is_default:
            self._unset_default(account)
        try:
            saved = save_row(self._link, accounts, from_account(account), "user_id", "created_at", "removed")
        except IntegrityError as error:
            self._explain(error, account)
        if not saved:
            self._stale(account)
        return replace(account, version=account.version + 1)

    def remove(self, account_id: int) -> None:
        """Mark the account removed: credentials and session erased, orders and fills kept."""
        self.get(account_id)
        self.erase_secrets(account_id)
        self.erase_session(account_id)
        self._link.write(_REMOVE, {"row_id": account_id})

    def secrets(self, account_id: int) -> Mapping[str, str]:
        """Return the stored credentials, decrypted."""
        rows = self._link.all(_SECRETS, {"account_id": account_id})
        return {row.key: self._cipher.decrypt(row.token) for row in rows}

    def put_secret(self, account_id: int, key: str, value: str) -> None:
        """Store one credential, encrypted."""
        self._put(account_secrets, account_id, {"key": key, "token": self._cipher.encrypt(value)}, "account_id", "key")

    def erase_secrets(self, account_id: int, keys: Sequence[str] | None = None) -> None:
        """Erase the credentials named, or all."""
        statement = _ERASE_SECRETS if keys is None else _ERASE_SECRETS.where(account_secrets.c.key.in_(keys))
        self._link.write(statement, {"account_id": account_id})

    def session(self, account_id: int) -> BrokerSession | None:
        """Return the stored login, decrypted."""
        row = self._link.first(_SESSION, {"account_id": account_id})
        return None if row is None else to_session(self._cipher.decrypt(row.token))

    def put_session(self, account_id: int, session: BrokerSession) -> None:
        """Store a login, encrypted."""
        values = {
            "token": self._cipher.encrypt(session_text(session)),
            "obtained_at": session.obtained_at,
            "expires_at": session.expires_at,
        }
        self._put(account_sessions, account_id, values, "account_id")

    def erase_session(self, account_id: int) -> None:
        """Forget the login."""
        self._link.write(_ERASE_SESSION, {"account_id": account_id})

    def _put(self, table: Table, account_id: int, values: dict[str, Any], *key: str) -> None:
        account = self.get(account_id)
        require_key(self._link, self._cipher)
        row = values | {"account_id": account_id, "user_id": account.user_id}
        self._link.write(putting(self._link.dialect, table, *key), row)

    def _unset_default(self, account: Account) -> None:
        self._link.write(_OTHER_DEFAULT, {"owner_id": account.user_id, "row_id": account.id})

    def _refuse_twins(self, account: Account, others: Sequence[Account]) -> None:
        for other in others:
            if other.name == account.name:
                raise Conflict(f"There is an account named {account.name!r} already.", hint="Choose another name.")
            if account.client_id is not None and (other.broker, other.client_id) == (account.broker, account.client_id):
                raise Conflict(
                    f"Client {account.client_id} of {account.broker} is the account {other.name!r} already.",
                    hint="Use that account, or remove it first.",
                )

    def _explain(self, error: IntegrityError, account: Account) -> NoReturn:
        """Say in words that another process was quicker; any other broken constraint is an error of ours."""
        if breaks(error, "uq_accounts", "UNIQUE constraint failed: accounts"):
            raise Conflict(
                f"Another process just took the name, client id or default of account {account.name!r}.",
                hint="Look, and try again.",
            ) from error
        raise error

    def _stale(self, account: Account) -> NoReturn:
        stale(self._link, accounts, "Account", account.id, account.version, account.trading_mode.value, "trading_mode")


def session_text(session: BrokerSession) -> str:
    """Return a login as JSON, to be encrypted."""
    return json.dumps(
        {
            "client_id": session.client_id,
            "tokens": dict(session.tokens),
            "obtained_at": session.obtained_at.isoformat(),
            "expires_at": session.expires_at.isoformat(),
            "user_name": session.user_name,
        }
    )


def to_session(text: str) -> BrokerSession:
    """Return the login of a decrypted text."""
    blob = json.loads(text)
    obtained, expires = (require_utc(datetime.fromisoformat(blob[name])) for name in ("obtained_at", "expires_at"))
    name = blob.get("user_name", "")  # a login that an earlier program stored has none
    return BrokerSession(blob["client_id"], blob["tokens"], obtained, expires, name)
