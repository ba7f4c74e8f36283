"""AngelOne through the official SmartAPI client."""

from __future__ import annotations

from collections.abc import Mapping

from sigma.adapters.angelone.capabilities import CAPABILITIES
from sigma.domain.accounts import BrokerSession
from sigma.domain.answers import BrokerOrder
from sigma.domain.errors import Unsupported
from sigma.ports.broker import AdapterContext, Authenticator, Broker, BrokerKit
from sigma.ports.feed import Feed, FeedSink
from sigma.ports.masters import MasterFile


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

    def master(self, credentials: Mapping[str, str], session: BrokerSession | None, context: AdapterContext) -> MasterFile:
        """Download the instrument master; it is public, so that neither credentials nor a session are used."""
        from sigma.adapters.angelone.instruments import master

        return master(context)

    def read_master(self, data: bytes) -> MasterFile:
        """Return a saved instrument master."""
        from sigma.adapters.angelone.instruments import read

        return read(data)

    def read_postback(self, credentials: Mapping[str, str], body: bytes, context: AdapterContext) -> BrokerOrder:
        """Refuse: SmartAPI's postbacks carry no proof of who sent them (wire.md C), and its order socket tells the same."""
        hint = "Its order news come over a socket of their own while the worker runs."
        raise Unsupported("Postbacks of AngelOne carry no checksum and are not taken.", hint=hint)

    def feed(self, credentials: Mapping[str, str], session: BrokerSession, context: AdapterContext, sink: FeedSink) -> Feed:
        """Return the live feed of a logged-in account, not connected yet."""
        from sigma.adapters.angelone.feed import AngelOneFeed

        return AngelOneFeed(credentials, session, context, sink)


KIT: BrokerKit = AngelOneKit()
