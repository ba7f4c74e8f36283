"""Instruments for tests that have no store: canonical names and brokers' names from the kits' own masters.

The canonical symbol is written as Kite writes it; every other broker's row is joined on (exchange, exchange token), indices
by their name in capitals.
"""

from __future__ import annotations

from sigma.domain.errors import NotFound
from sigma.domain.instruments import BrokerInstrument, Kind, MasterRow, listing_text
from sigma.engines.master_frame import rows_of
from sigma.ports.masters import MasterFile

CANONICAL = "zerodha"


class MasterLookup:
    """An InstrumentLookup in memory."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], BrokerInstrument] = {}
        self._symbols: dict[tuple[str, str, str], str] = {}
        self._tokens: dict[tuple[str, str, str], str] = {}
        self._canonical: dict[tuple[str, str], str] = {}

    def learn(self, broker: str, master: MasterFile) -> list[str]:
        """Take in a master (the canonical broker's first) and return its complaints."""
        for row in rows_of(broker, master.rows):
            if listing := self._listing(row):
                self._put(listing, row)
        return list(master.bad)

    def _listing(self, row: MasterRow) -> str | None:
        key = row.exchange, row.symbol.upper() if row.kind is Kind.INDEX else row.exchange_token
        if row.broker == CANONICAL:
            self._canonical[key] = listing_text(row.exchange, row.symbol)
        return self._canonical.get(key)

    def _put(self, listing: str, row: MasterRow) -> None:
        name = BrokerInstrument(row.broker, listing, row.symbol, row.token, row.exchange_code, row.exchange_token)
        self._names[row.broker, listing] = name
        self._symbols[row.broker, row.exchange_code, row.symbol] = listing
        self._tokens[row.broker, row.exchange_code, row.token] = listing

    def listings(self, broker: str) -> set[str]:
        """Return every canonical text that `broker` has a name for."""
        return {listing for owner, listing in self._names if owner == broker}

    def broker_instrument(self, broker: str, listing: str) -> BrokerInstrument:
        if (broker, listing) not in self._names:
            raise NotFound(f"{listing} is not in the master of {broker}.")
        return self._names[broker, listing]

    def listing_by_symbol(self, broker: str, exchange_code: str, symbol: str) -> str | None:
        return self._symbols.get((broker, exchange_code, symbol))

    def listing_by_token(self, broker: str, exchange_code: str, token: str) -> str | None:
        return self._tokens.get((broker, exchange_code, token))
