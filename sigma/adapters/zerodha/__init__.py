"""Zerodha through the official Kite Connect client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sigma.adapters.zerodha.capabilities import CAPABILITIES
from sigma.domain.accounts import BrokerSession
from sigma.domain.instruments import MasterRow
from sigma.ports.broker import AdapterContext, Authenticator, Broker, BrokerKit


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

    def master(
        self, credentials: Mapping[str, str], session: BrokerSession | None, context: AdapterContext
    ) -> Iterable[MasterRow | str]:
        """Download the instrument dump; Kite gives it without a login too."""
        from sigma.adapters.zerodha.instruments import master

        return master(credentials, session, context)


KIT: BrokerKit = ZerodhaKit()
