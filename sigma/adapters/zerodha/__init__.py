"""Zerodha through the official Kite Connect client."""

from __future__ import annotations

from collections.abc import Mapping

from sigma.adapters.zerodha.capabilities import CAPABILITIES
from sigma.domain.accounts import BrokerSession
from sigma.domain.answers import BrokerOrder
from sigma.ports.broker import AdapterContext, Authenticator, Broker, BrokerKit
from sigma.ports.feed import Feed, FeedSink
from sigma.ports.masters import MasterFile


class ZerodhaKit:
    """A BrokerKit (sigma/ports/broker.py). The client is imported with the first use."""

    capabilities = CAPABILITIES

    def authenticator(self, credentials: Mapping[str, str], context: AdapterContext) -> Authenticator:
        """Return the login of an account with ``api_key`` and ``api_secret``."""
        from sigma.adapters.zerodha.auth import ZerodhaLogin

        return ZerodhaLogin(credentials, context)

    def broker(self, credentials: Mapping[str, str], session: BrokerSession, context: AdapterContext) -> Broker:
        """Return a logged-in account. Makes no network call."""
        from sigma.adapters.zerodha.adapter import ZerodhaAccount

        return ZerodhaAccount(credentials, session, context)

    def master(self, credentials: Mapping[str, str], session: BrokerSession | None, context: AdapterContext) -> MasterFile:
        """Download the instrument dump; Kite gives it without a login too."""
        from sigma.adapters.zerodha.instruments import master

        return master(credentials, session, context)

    def read_master(self, data: bytes) -> MasterFile:
        """Return a saved instrument master."""
        from sigma.adapters.zerodha.instruments import read

        return read(data)

    def read_postback(self, credentials: Mapping[str, str], body: bytes, context: AdapterContext) -> BrokerOrder:
        """Return the order that a postback tells of, its checksum verified."""
        from sigma.adapters.zerodha.postback import read_postback

        return read_postback(credentials, body, context)

    def feed(self, credentials: Mapping[str, str], session: BrokerSession, context: AdapterContext, sink: FeedSink) -> Feed:
        """Return the live feed of a logged-in account, not connected yet."""
        from sigma.adapters.zerodha.feed import ZerodhaFeed

        return ZerodhaFeed(credentials, session, context, sink)


KIT: BrokerKit = ZerodhaKit()
