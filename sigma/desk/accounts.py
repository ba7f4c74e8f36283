"""`desk.accounts`: accounts, their credentials and logins. Accounts are named by name or id everywhere."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

import pandas as pd

from sigma.desk import frames
from sigma.desk.words import login_answer
from sigma.domain.accounts import Account, AuthMode, SessionStatus, TradingMode
from sigma.domain.errors import InvalidInput
from sigma.services.accounts import AccountChange

if TYPE_CHECKING:
    from sigma.bootstrap import House

Word = TypeVar("Word", bound=StrEnum)


class AccountsDesk:
    """Accounts of one user."""

    def __init__(self, house: House, user_id: int) -> None:
        self._house = house
        self._user_id = user_id

    def add(self, broker: str, *, name: str, cash: object = None, **credentials: str) -> Account:
        """Add an account at a broker with its credentials (``desk.capabilities(broker).credentials`` names them).

        `cash` is what a paper account begins with, in rupees (else the setting ``paper.cash``); no other takes it.
        """
        begin = None if cash is None else self._house.paper.starting_cash(self._house.accounts.capabilities(broker), cash)
        added = self._house.accounts.add(self._user_id, broker, name, credentials)
        return added if begin is None else self._house.paper.reset(self._user_id, added.id, begin)

    def reset(self, account: str | int, *, cash: object = None) -> Account:
        """Begin a paper account anew: nothing held, `cash` rupees (else as a new one). Its orders and fills stay."""
        capabilities = self._house.accounts.capabilities_of(self._user_id, account)
        begin = None if cash is None else self._house.paper.starting_cash(capabilities, cash)
        return self._house.paper.reset(self._user_id, account, begin)

    def login_url(self, account: str | int) -> str:
        """Return where the person logs in."""
        return self._house.sessions.login_url(self._user_id, account)

    def connect(self, account: str | int, **given: str) -> SessionStatus:
        """Log in with what the login gave (request_token or the address it stands in; pin and otp), or an ``access_token``."""
        broker = self._house.accounts.find(self._user_id, account).broker
        answer = login_answer(given, self._house.accounts.capabilities(broker))
        return self._house.sessions.connect(self._user_id, account, answer)

    def status(self, account: str | int, *, refresh: bool = False) -> SessionStatus:
        """Return whether an account is connected, by a profile call at most 60 s (a setting) old unless `refresh`."""
        return self._house.sessions.status(self._user_id, account, refresh=refresh)

    def update(
        self,
        account: str | int,
        *,
        name: str | None = None,
        enabled: bool | None = None,
        is_default: bool | None = None,
        trading_mode: str | None = None,
        auth_mode: str | None = None,
        consent: bool = False,
        **credentials: str,
    ) -> Account:
        """Change an account. New credentials end its login; ``auth_mode="auto"`` needs consent=True, pin and totp_secret."""
        mode, auth = _choice(TradingMode, trading_mode, "trading mode"), _choice(AuthMode, auth_mode, "auth mode")
        change = AccountChange(name, enabled, is_default, mode, auth, consent, credentials)
        return self._house.accounts.update(self._user_id, account, change)

    def disconnect(self, account: str | int) -> SessionStatus:
        """Log out at the broker and erase the login; credentials stay."""
        return self._house.sessions.disconnect(self._user_id, account)

    def remove(self, account: str | int, *, next_default: str | int | None = None, force: bool = False) -> None:
        """Erase an account's credentials and login; orders and fills stay. `force` although orders are at work."""
        self._house.accounts.remove(self._user_id, account, next_default=next_default, force=force)

    def table(self) -> pd.DataFrame:
        """Return the accounts with their states as last known (no broker is asked); columns: frames.ACCOUNTS."""
        rows = self._house.accounts.list(self._user_id)
        return frames.accounts([(row, self._house.sessions.stored(row)) for row in rows])


def _choice(kind: type[Word], text: str | None, what: str) -> Word | None:
    """Return the member of `kind` that `text` names, None when nothing was named; InvalidInput for another word."""
    if text is None:
        return None
    for member in kind:
        if member.value.casefold() == str(text).strip().casefold():
            return member
    raise InvalidInput(f"There is no {what} {text!r}.", hint=f"Use one of {', '.join(kind)}.")
