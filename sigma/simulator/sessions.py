"""Logins at the front doors: which token belongs to whom, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from sigma.simulator.model import SimAccount


class TokenState(StrEnum):
    """What a door finds of a token."""

    LIVE = "LIVE"
    EXPIRED = "EXPIRED"
    UNKNOWN = "UNKNOWN"


@dataclass(slots=True)
class _Token:
    account: SimAccount
    expires_at: datetime
    live: bool = True


class Sessions:
    """Tokens by broker and kind (``access``, ``refresh``, ``request`` …). Used under the lock of `Exchange`."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._count = 0
        self._tokens: dict[tuple[str, str, str], _Token] = {}

    def new_text(self) -> str:
        """Return a fresh token text of 32 characters."""
        self._count += 1
        return sha256(f"{self._secret}:{self._count}".encode()).hexdigest()[:32]

    def open(self, account: SimAccount, kind: str, token: str, expires_at: datetime, *, exclusive: bool = False) -> None:
        """Make `token` good for `account` until `expires_at`; `exclusive` ends earlier tokens of the account and kind."""
        if exclusive:
            self._end(account, kind)
        self._tokens[account.broker, kind, token] = _Token(account, expires_at)

    def look(self, broker: str, kind: str, token: str, now: datetime) -> tuple[TokenState, SimAccount | None]:
        """Return what a token is worth at `now`, and whose it is (also when it has expired)."""
        found = self._tokens.get((broker, kind, token))
        if found is None:
            return TokenState.UNKNOWN, None
        live = found.live and now < found.expires_at
        return (TokenState.LIVE if live else TokenState.EXPIRED), found.account

    def close(self, broker: str, kind: str, token: str) -> bool:
        """End one token (logout, single use); return whether it was there."""
        return self._tokens.pop((broker, kind, token), None) is not None

    def expire(self, account: SimAccount) -> int:
        """End every token of an account as if its day were over; return how many were live."""
        return self._end(account, None)

    def _end(self, account: SimAccount, kind: str | None) -> int:
        ended = 0
        for (_, its_kind, _), token in self._tokens.items():
            if token.account is account and kind in (None, its_kind) and token.live:
                token.live = False
                ended += 1
        return ended
