"""Logging in to SmartAPI by PIN and one-time code, by a ready token, or by stored credentials (wire.md B2, C)."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

import pyotp

from sigma.adapters.angelone import mapping
from sigma.adapters.angelone.answers import understand
from sigma.adapters.angelone.client import needed, smart_connect
from sigma.adapters.answers import Line
from sigma.adapters.rows import Row, RowError
from sigma.adapters.transport import Redactor, secrets_of
from sigma.domain.accounts import BrokerSession, Profile
from sigma.domain.errors import BrokerUnavailable, InvalidInput, Unsupported
from sigma.domain.times import next_ist
from sigma.ports.broker import AdapterContext

_ENDS = time(0, 0)
_PYOTP_ACCEPTS = 23  # characters of base32: 112 bits
_TOKENS = {"jwt": "jwtToken", "refresh": "refreshToken", "feed": "feedToken"}


class AngelOneLogin:
    """An Authenticator (sigma/ports/broker.py). Each login has a fresh client: a used one would send its old bearer."""

    def __init__(self, credentials: Mapping[str, str], context: AdapterContext) -> None:
        needed(credentials, "api_key", "client_code")
        self._credentials, self._context = credentials, context
        self._code = credentials["client_code"].strip()

    def login_url(self) -> str:
        """Refuse: PIN and one-time code are entered here."""
        raise Unsupported("AngelOne has no login page for this.", hint="Enter PIN and one-time code.")

    def connect(self, given: Mapping[str, str]) -> tuple[BrokerSession, Profile]:
        """Log in with ``pin`` and ``otp`` (or take a ready ``access_token``) and verify by a profile call."""
        token = given.get("access_token", "").strip().removeprefix("Bearer ").strip()
        if token:
            client, line = self._client(Redactor(secrets_of(self._credentials, given)), token)
            profile = self._profile(line.ask_data("the profile", lambda: client.getProfile(""))[0])
            return self._session({"jwt": token}), profile
        pin, otp = given.get("pin", "").strip(), given.get("otp", "").strip()
        if missing := [name for name, value in (("PIN", pin), ("one-time code", otp)) if not value]:
            raise InvalidInput(f"{' and '.join(missing)} missing.", hint="Enter both to log in to AngelOne.")
        return self._login(pin, otp)

    def _login(self, pin: str, otp: str) -> tuple[BrokerSession, Profile]:
        client, line = self._client(Redactor([*secrets_of(self._credentials), pin, otp]))
        flight = line.fly(lambda: client.generateSession(self._code, pin, otp))
        if not flight.answers:
            raise line.unanswered("the login", flight)
        # The client logs in, then asks for the profile: two answers, of which a failed login lacks the second.
        first, last = flight.answers[0], flight.answer
        if problem := line.refusal("the login", first):
            raise problem
        tokens = _tokens(understand(first).data)
        if flight.requests == 1 or last is None:
            raise line.unanswered("the profile", flight)
        if problem := line.refusal("the profile", last):
            raise problem
        return self._session(tokens), self._profile(understand(last).data)

    def renew(self, session: BrokerSession) -> BrokerSession:
        """Return a fresh session by the refresh token."""
        refresh = session.tokens.get("refresh", "")
        if not refresh:
            raise Unsupported("AngelOne gave no refresh token.", hint="Log in again with PIN and one-time code.")
        clean = Redactor(secrets_of(self._credentials, session.tokens))
        client, line = self._client(clean, session.tokens.get("jwt", ""))
        data, _ = line.ask_data("the renewal", lambda: client.generateToken(refresh))
        return self._session({"refresh": refresh} | _tokens(data))

    def auto_login(self) -> tuple[BrokerSession, Profile]:
        """Log in by the stored ``pin`` and ``totp_secret``, once, with the code of this moment."""
        needed(self._credentials, "pin", "totp_secret")
        otp = one_time_code(self._credentials["totp_secret"], self._context.clock.now())
        if not otp:
            raise InvalidInput("The TOTP secret of the AngelOne account is no base32 text.", hint="Copy it anew from SmartAPI.")
        return self._login(self._credentials["pin"].strip(), otp)

    def logout(self, session: BrokerSession) -> None:
        """End the session at AngelOne."""
        clean = Redactor(secrets_of(self._credentials, session.tokens))
        client, line = self._client(clean, session.tokens.get("jwt", ""))
        line.ask("the logout", lambda: client.terminateSession(self._code))

    def _client(self, clean: Redactor, token: str = "") -> tuple[Any, Line]:
        return smart_connect(self._credentials["api_key"], self._context, clean, token=token, login=True)

    def _profile(self, data: object) -> Profile:
        try:
            profile = mapping.profile(Row(data))
        except RowError:
            profile = None
        if profile is None:
            raise BrokerUnavailable("AngelOne's profile names no client.", hint="Log in again.")
        if profile.client_id.upper() != self._code.upper():
            raise InvalidInput(f"The login is of client {profile.client_id}, not of {self._code}.", hint="Check the client code.")
        return profile

    def _session(self, tokens: Mapping[str, str]) -> BrokerSession:
        now = self._context.clock.now()
        return BrokerSession(client_id=self._code, tokens=tokens, obtained_at=now, expires_at=expiry(now))


def one_time_code(secret: str, moment: datetime) -> str:
    """Return the six-digit code of a base32 secret at `moment`, empty when the secret is none."""
    key = secret.replace(" ", "").upper()
    if len(key) < _PYOTP_ACCEPTS:
        # Authenticator apps take 80-bit secrets, pyotp does not. HMAC fills its key with zeros anyway: A is five of them.
        key = key.ljust(-(-_PYOTP_ACCEPTS // 8) * 8, "A") if key else key
    try:
        return pyotp.TOTP(key).at(int(moment.timestamp()))
    except (binascii.Error, ValueError):
        return ""


def expiry(obtained_at: datetime) -> datetime:
    """Return when a session dies: the next midnight in India."""
    return next_ist(obtained_at, _ENDS)


def _tokens(data: object) -> dict[str, str]:
    fields = data if isinstance(data, dict) else {}
    found = {ours: value for ours, theirs in _TOKENS.items() if isinstance(value := fields.get(theirs), str) and value}
    if "jwt" not in found:
        raise BrokerUnavailable("AngelOne's login answer holds no token.", hint="Log in again.")
    return found | {"jwt": found["jwt"].removeprefix("Bearer ")}
