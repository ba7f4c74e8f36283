"""What use cases need of the market database: instruments and last prices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from sigma.domain.instruments import BrokerInstrument, Exchange, Kind, Listing, MasterReport
from sigma.domain.market import Quote
from sigma.ports.master_store import MasterStore


class MarketStore(MasterStore, Protocol):
    """Instruments and last prices (market.db). Readers see one whole version or the next, never half."""

    def replace_master(
        self,
        broker: str,
        listings: Sequence[Listing],
        instruments: Sequence[BrokerInstrument],
        report: MasterReport,
        at: datetime,
    ) -> int:
        """Publish a new version of a broker's master (report.version is ignored) and return its number.

        Listings are merged into the common table (an ISIN once known is kept); `instruments` replace the broker's.
        """

    def note_refresh(self, report: MasterReport, at: datetime) -> None:
        """Record a refresh that kept the old version."""

    def master_version(self, broker: str | None = None) -> tuple[int, datetime] | None:
        """Return number and time of the newest version (of any broker when None)."""

    def last_report(self, broker: str) -> MasterReport | None:
        """Return the report of the last refresh."""

    def listing(self, text: str) -> Listing | None:
        """Return a listing by canonical text."""

    def listings(self, texts: Sequence[str]) -> Mapping[str, Listing]:
        """Return listings by canonical text; unknown ones are absent."""

    def find(self, text: str, *, exchange: str | None = None, kind: Kind | None = None, limit: int = 50) -> Sequence[Listing]:
        """Return listings whose symbol or name has all words of `text`; exact and prefix matches first."""

    def broker_instrument(self, broker: str, listing: str) -> BrokerInstrument | None:
        """Return a broker's name of a listing."""

    def broker_instruments(self, broker: str) -> Sequence[BrokerInstrument]:
        """Return all of a broker's names."""

    def listing_by_symbol(self, broker: str, exchange_code: str, symbol: str) -> str | None:
        """Return the listing of a broker's symbol."""

    def listing_by_token(self, broker: str, exchange_code: str, token: str) -> str | None:
        """Return the listing of a broker's token."""

    def learn_isin(self, listing: str, isin: str) -> bool:
        """Store an ISIN that a holding taught; True when it was new, Conflict when another one is known."""

    def put_quotes(self, quotes: Sequence[Quote]) -> None:
        """Store what listings traded at last; an older quote than the stored one changes nothing."""

    def last_quotes(self, texts: Sequence[str]) -> Mapping[str, Quote]:
        """Return the stored last prices by canonical text (price, yesterday's close, time); those never stored are absent."""

    def search_rows(self) -> Iterator[tuple[str, str, str, bool]]:
        """Yield exchange, kind, words (symbol, line break, name; capitals) and whether a broker lists it, the likeliest first."""

    def chain(self, underlying: str, exchange: Exchange, expiry: date) -> Sequence[Listing]:
        """Return the options that brokers list on what listings call `underlying`, of one expiry, by strike."""

    def futures(self, underlying: str, exchange: Exchange) -> Sequence[Listing]:
        """Return the futures that brokers list on what listings call `underlying`, by expiry."""

    def expiries(self, underlying: str) -> Sequence[tuple[Exchange, Kind, date]]:
        """Return exchange, kind and expiry of the contracts that brokers list on an underlying, past ones included."""

    def names_of(self, listing: str) -> Sequence[BrokerInstrument]:
        """Return all brokers' names of a listing."""

    def exchange_codes(self, broker: str) -> Sequence[str]:
        """Return the codes of exchanges that a broker's names have."""

    def names_by_symbol(self, broker: str, exchange_code: str, symbol: str) -> Sequence[BrokerInstrument]:
        """Return a broker's names with a symbol."""

    def names_by_token(self, broker: str, exchange_code: str, token: str) -> Sequence[BrokerInstrument]:
        """Return a broker's names with a token."""
