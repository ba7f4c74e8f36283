"""Logging in to Kite Connect: a person's login page gives a request token, which becomes a day's access token (wire.md C)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, time
from typing import Any

from sigma.adapters.answers import Line
from sigma.adapters.rows import Row, RowError
from sigma.adapters.transport import Redactor, secrets_of
from sigma.adapters.zerodha import mapping
from sigma.adapters.zerodha.client import kite, needed
from sigma.domain.accounts import BrokerSession, Profile
from sigma.domain.errors import BrokerUnavailable, InvalidInput, Unsupported
from sigma.domain.times import next_ist
from sigma.ports.broker import AdapterContext

_ENDS = time(6, 0)


class ZerodhaLogin:
    """An Authenticator (sigma/ports/broker.py)."""

    def __init__(self, credentials: Mapping[str, str], context: AdapterContext) -> None:
        needed(credentials, "api_key")
        self._credentials, self._context = credentials, context

    def login_url(self) -> str:
        """Return Kite's login page for this API key; it sends the person back with ``?request_token=``."""
        client, _ = self._client(Redactor(()))
        return str(client.login_url())

    def connect(self, given: Mapping[str, str]) -> tuple[BrokerSession, Profile]:
        """Log in with ``request_token`` (or take a ready ``access_token``) and verify by a profile call."""
        clean = Redactor(secrets_of(self._credentials, given))
        token = given.get("access_token", "").strip()
        tokens = {"access_token": token} if token else self._exchange(given.get("request_token", "").strip(), clean)
        session = self._session(tokens)
        client, line = self._client(Redactor(secrets_of(self._credentials, given, tokens)), tokens["access_token"])
        data, _ = line.ask_data("the profile", client.profile)
        try:
            profile = mapping.profile(Row(data))
        except RowError as error:
            raise BrokerUnavailable(f"Zerodha's profile cannot be read: {clean(str(error))}.") from None
        return replace(session, client_id=profile.client_id), profile

    def _exchange(self, request_token: str, clean: Redactor) -> dict[str, str]:
        if not request_token:
            raise InvalidInput("The request token is missing.", hint="Open the login page and bring back what it gives.")
        needed(self._credentials, "api_secret")
        client, line = self._client(clean)
        data, _ = line.ask_data("the login", lambda: client.generate_session(request_token, self._credentials["api_secret"]))
        return _tokens(data)

    def renew(self, session: BrokerSession) -> BrokerSession:
        """Return a fresh session by the refresh token, which Kite gives to approved partners only."""
        refresh = session.tokens.get("refresh_token", "")
        if not refresh:
            raise Unsupported("Zerodha gave no refresh token.", hint="Log in again on Kite's page.")
        needed(self._credentials, "api_secret")
        client, line = self._client(Redactor(secrets_of(self._credentials, session.tokens)))
        secret = self._credentials["api_secret"]
        data, _ = line.ask_data("the renewal", lambda: client.renew_access_token(refresh, secret))
        return replace(self._session({"refresh_token": refresh} | _tokens(data)), client_id=session.client_id)

    def auto_login(self) -> tuple[BrokerSession, Profile]:
        """Refuse: Zerodha allows no login without the person."""
        raise Unsupported("Zerodha has no automatic login.", hint="Log in on Kite's page each day.")

    def logout(self, session: BrokerSession) -> None:
        """Invalidate the access token."""
        token = session.tokens.get("access_token", "")
        client, line = self._client(Redactor(secrets_of(self._credentials, session.tokens)), token)
        line.ask("the logout", client.invalidate_access_token)

    def _client(self, clean: Redactor, token: str = "") -> tuple[Any, Line]:
        return kite(self._credentials["api_key"], self._context, clean, token=token, login=True)

    def _session(self, tokens: Mapping[str, str]) -> BrokerSession:
        now = self._context.clock.now()
        return BrokerSession(client_id="", tokens=tokens, obtained_at=now, expires_at=expiry(now))


def expiry(obtained_at: datetime) -> datetime:
    """Return when a token dies: the next 06:00 Indian time, so that one of 01:00 lives five hours."""
    return next_ist(obtained_at, _ENDS)


def _tokens(data: object) -> dict[str, str]:
    fields = data if isinstance(data, dict) else {}
    tokens = {name: value for name in ("access_token", "refresh_token") if isinstance(value := fields.get(name), str) and value}
    if "access_token" not in tokens:
        raise BrokerUnavailable("Zerodha's login answer holds no access token.", hint="Log in again.")
    return tokens
