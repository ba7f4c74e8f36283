"""AngelOne through the official SmartAPI client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sigma.adapters.angelone.capabilities import CAPABILITIES
from sigma.domain.accounts import BrokerSession
from sigma.domain.instruments import MasterRow
from sigma.ports.broker import AdapterContext, Authenticator, Broker, BrokerKit


class AngelOneKit:
    """A BrokerKit (sigma/ports/broker.py). The client is loaded with the first use."""

    capabilities = CAPABILITIES

    def authenticator(self, credentials: Mapping[str, str], context: AdapterContext) -> Authenticator:
        """Return the login of an account with ``api_key`` and ``client_code`` (and ``pin``, ``totp_secret`` for auto)."""
        from sigma.adapters.angelone.auth import AngelOneLogin

        return AngelOneLogin(credentials, context)

    def broker(self, credentials: Mapping[str, str], session: BrokerSession, context: AdapterContext) -> Broker:
        """Return a logged-in account. Makes no network call."""
        from sigma.adapters.angelone.adapter import AngelOneAccount

        return AngelOneAccount(credentials, session, context)

    def master(
        self, credentials: Mapping[str, str], session: BrokerSession | None, context: AdapterContext
    ) -> Iterable[MasterRow | str]:
        """Download the instrument master; it is public, so that neither credentials nor a session are used."""
        from sigma.adapters.angelone.instruments import master

        return master(context)


KIT: BrokerKit = AngelOneKit()
