"""Connecting a paper account: nothing is asked for, and its login does not end by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sigma.adapters.paper.adapter import place_of, profile_of
from sigma.domain.accounts import BrokerSession, Profile
from sigma.domain.errors import InvalidInput, Unsupported
from sigma.domain.paper import new_book
from sigma.domain.times import ist_date
from sigma.ports.broker import AdapterContext

NEVER = datetime(2100, 1, 1, tzinfo=UTC)


class PaperLogin:
    """An Authenticator (sigma/ports/broker.py)."""

    def __init__(self, context: AdapterContext) -> None:
        self._clock, self._place = context.clock, place_of(context)

    def login_url(self) -> str:
        """Refuse: there is no page to log in at."""
        raise Unsupported("A paper account has no login page.", hint="Connect it: there is nothing to enter.")

    def connect(self, given: Mapping[str, str]) -> tuple[BrokerSession, Profile]:
        """Open the account, with its starting cash when it has no book yet.

        Raises
        ------
        InvalidInput
            Something was entered.
        """
        if given:
            raise InvalidInput("A paper account asks for nothing.", hint="Connect it without entering anything.")
        now, profile = self._clock.now(), profile_of(self._place)
        self._place.books.open(self._place.account_id, new_book(self._place.rules.start_cash, ist_date(now)))
        return BrokerSession(profile.client_id, {}, now, NEVER, profile.name), profile

    def renew(self, session: BrokerSession) -> BrokerSession:
        """Refuse: the login does not end."""
        raise Unsupported("A paper account's login does not end.", hint="Connect it.")

    def auto_login(self) -> tuple[BrokerSession, Profile]:
        """Refuse: there is nothing to log in with."""
        raise Unsupported("A paper account's login does not end.", hint="Connect it.")

    def logout(self, session: BrokerSession) -> None:
        """Do nothing: nobody else knows of the login."""
