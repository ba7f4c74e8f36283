"""Logging in at the SmartAPI door: client code, PIN and one-time code for tokens that look like JWTs (wire.md C).

Codes are RFC 6238 as authenticator apps and `pyotp` make them: SHA-1, six digits, thirty seconds.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time

from sigma.domain.times import next_ist
from sigma.simulator.accounts import ANGELONE
from sigma.simulator.clock import machine_now
from sigma.simulator.exchange import Exchange
from sigma.simulator.http import Request
from sigma.simulator.model import SimAccount
from sigma.simulator.sessions import TokenState
from sigma.simulator.smartapi_wire import INVALID_KEY, INVALID_TOKEN, TOKEN_EXPIRED, TOKEN_MISSING, GatewayError, SmartError

ACCESS, REFRESH, FEED = "access", "refresh", "feed"
# A SmartAPI session dies at midnight on the Indian clock, and its refresh token with it: each day asks for a new code.
_DAY_ENDS = time(0, 0)
_STEP_SECONDS = 30
_DIGITS = 6


def totp(secret: str, moment: datetime) -> str:
    """Return the six-digit code of a base32 `secret` at `moment`."""
    return _code(_key(secret), int(moment.timestamp()) // _STEP_SECONDS)


def totp_valid(secret: str, code: str, moments: Iterable[datetime]) -> bool:
    """Say whether `code` belongs to one of `moments` or to the step before or after it."""
    key = _key(secret)
    steps = {int(moment.timestamp()) // _STEP_SECONDS + near for moment in moments for near in (-1, 0, 1)}
    return any(_same(_code(key, step), code) for step in steps)


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def _key(secret: str) -> bytes:
    text = secret.replace(" ", "").upper()
    return base64.b32decode(text + "=" * (-len(text) % 8))


def _code(key: bytes, step: int) -> str:
    digest = hmac.new(key, step.to_bytes(8, "big"), "sha1").digest()
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**_DIGITS:0{_DIGITS}d}"


@dataclass(frozen=True, slots=True)
class _Tokens:
    """The three tokens of one login; they end together."""

    access: str
    refresh: str
    feed: str

    def as_data(self) -> dict[str, str]:
        return {"jwtToken": self.access, "refreshToken": self.refresh, "feedToken": self.feed}


class Logins:
    """Sessions of the door, kept in the exchange's table of tokens so that the control API can end them."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._issued: dict[str, _Tokens] = {}

    def account_of_key(self, request: Request) -> SimAccount:
        """Return whose API key a request carries.

        Raises
        ------
        GatewayError
            AG8004: no key, or one that nobody has.
        """
        account = self._exchange.account_by_key(ANGELONE, request.header("X-PrivateKey"))
        if account is None:
            raise GatewayError(*INVALID_KEY)
        return account

    def authenticate(self, request: Request) -> SimAccount:
        """Return whose session a request belongs to.

        Raises
        ------
        GatewayError
            AG8001 to AG8004.
        """
        owner = self.account_of_key(request)
        token = bearer(request)
        if not token:
            raise GatewayError(*TOKEN_MISSING)
        state, account = self._look(ACCESS, token)
        if account is not owner:
            raise GatewayError(*INVALID_TOKEN)
        if state is not TokenState.LIVE:
            raise GatewayError(*TOKEN_EXPIRED)
        return owner

    def login(self, owner: SimAccount, body: Mapping[str, object]) -> dict[str, str]:
        """Return new tokens for client code, PIN and one-time code.

        The code may be of the simulated or of the real time, since a person's authenticator follows the real one.

        Raises
        ------
        SmartError
            AB1000 for the client code or the PIN, AB1050 for the one-time code.
        """
        pin = str(body.get("password", ""))
        if body.get("clientcode") != owner.client_id or not _same(owner.secrets["pin"], pin):
            raise SmartError("AB1000", "Invalid Email Or Password")
        moments = (self._exchange.now(), machine_now())
        if not totp_valid(owner.secrets["totp_secret"], str(body.get("totp", "")), moments):
            raise SmartError("AB1050", "Invalid totp")
        return self._issue(owner)

    def refresh(self, owner: SimAccount, body: Mapping[str, object]) -> dict[str, str]:
        """Return new tokens for a refresh token; the earlier ones stay good.

        Raises
        ------
        SmartError
            AB8050 for an unknown refresh token, AB8051 for an expired one.
        """
        state, account = self._look(REFRESH, str(body.get("refreshToken", "")))
        if account is not owner:
            raise SmartError("AB8050", "Invalid Refresh Token")
        if state is not TokenState.LIVE:
            raise SmartError("AB8051", "Refresh Token Expired")
        return self._issue(owner)

    def logout(self, owner: SimAccount, request: Request, body: Mapping[str, object]) -> str:
        """End the session that a request came with.

        Raises
        ------
        SmartError
            AB1000: the client code is another one's.
        """
        if body.get("clientcode") != owner.client_id:
            raise SmartError("AB1000", "Invalid client code")
        tokens = self._issued.pop(bearer(request), None)
        if tokens is not None:
            with self._exchange.lock:
                for kind, token in ((ACCESS, tokens.access), (REFRESH, tokens.refresh), (FEED, tokens.feed)):
                    self._exchange.sessions.close(ANGELONE, kind, token)
        return ""

    def _look(self, kind: str, token: str) -> tuple[TokenState, SimAccount | None]:
        with self._exchange.lock:
            return self._exchange.sessions.look(ANGELONE, kind, token, self._exchange.now())

    def _issue(self, account: SimAccount) -> dict[str, str]:
        now = self._exchange.now()
        ends = next_ist(now, _DAY_ENDS)
        with self._exchange.lock:
            texts = {kind: self._jwt(account, kind, now, ends) for kind in (ACCESS, REFRESH, FEED)}
            for kind, text in texts.items():
                self._exchange.sessions.open(account, kind, text, ends)
            tokens = _Tokens(texts[ACCESS], texts[REFRESH], texts[FEED])
            self._issued[tokens.access] = tokens
        return tokens.as_data()

    def _jwt(self, account: SimAccount, kind: str, now: datetime, ends: datetime) -> str:
        claims = {
            "username": account.client_id,
            "roles": 0,
            "usertype": "USER",
            "token": self._exchange.sessions.new_text(),
            "purpose": kind,
            "iat": int(now.timestamp()),
            "exp": int(ends.timestamp()),
        }
        parts = [json.dumps(part, separators=(",", ":")).encode() for part in ({"alg": "HS512"}, claims)]
        body = ".".join(_base64url(part) for part in parts)
        signature = hmac.new(self._exchange.sessions.new_text().encode(), body.encode(), "sha512").digest()
        return f"{body}.{_base64url(signature)}"


def bearer(request: Request) -> str:
    """Return the token of an ``Authorization: Bearer …`` header, empty without one."""
    scheme, _, token = request.header("Authorization").partition(" ")
    return token.strip() if scheme == "Bearer" else ""


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
