"""Paper accounts: orders that execute against canonical quotes, in a book of our own; no money moves."""

from __future__ import annotations

from collections.abc import Mapping

from sigma.adapters.paper.capabilities import CAPABILITIES
from sigma.adapters.paper.matcher import advance
from sigma.domain.accounts import BrokerSession
from sigma.domain.answers import BrokerOrder
from sigma.domain.errors import Unsupported
from sigma.ports.broker import AdapterContext, Authenticator, Broker, BrokerKit
from sigma.ports.feed import Feed, FeedSink
from sigma.ports.masters import MasterFile

__all__ = ["KIT", "PaperKit", "advance"]


class PaperKit:
    """A BrokerKit (sigma/ports/broker.py)."""

    capabilities = CAPABILITIES

    def authenticator(self, credentials: Mapping[str, str], context: AdapterContext) -> Authenticator:
        """Return the login of an account, which asks for nothing."""
        from sigma.adapters.paper.auth import PaperLogin

        return PaperLogin(context)

    def broker(self, credentials: Mapping[str, str], session: BrokerSession, context: AdapterContext) -> Broker:
        """Return the account over its book."""
        from sigma.adapters.paper.adapter import PaperAccount

        return PaperAccount(session, context)

    def master(self, credentials: Mapping[str, str], session: BrokerSession | None, context: AdapterContext) -> MasterFile:
        """Refuse: paper has no names of its own."""
        raise Unsupported("A paper account has no instrument table: it trades what the others know.")

    def read_master(self, data: bytes) -> MasterFile:
        """Refuse: paper has no names of its own."""
        raise Unsupported("A paper account has no instrument table: it trades what the others know.")

    def read_postback(self, credentials: Mapping[str, str], body: bytes, context: AdapterContext) -> BrokerOrder:
        """Refuse: nobody sends news of paper orders."""
        raise Unsupported("A paper account sends no postbacks.")

    def feed(self, credentials: Mapping[str, str], session: BrokerSession, context: AdapterContext, sink: FeedSink) -> Feed:
        """Refuse: paper has no prices of its own."""
        raise Unsupported("A paper account has no live prices of its own: they come from the canonical source.")


KIT: BrokerKit = PaperKit()
