"""Finding listings by what people and programs write."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import date, timedelta

from sigma.domain.errors import ConfigError, InvalidInput, NotFound, StaleData, UnknownListing
from sigma.domain.instruments import CASH, SPOT_EXCHANGE, BrokerInstrument, Exchange, Kind, Listing, listing_text, split_listing
from sigma.engines.index_names import index_names
from sigma.engines.symbols import chart_contract, spellings
from sigma.ports.clock import Clock
from sigma.ports.market_store import MarketStore
from sigma.services.contracts import Contracts
from sigma.services.listings import ListingLookup
from sigma.services.search import ListingSearch
from sigma.services.settings import SettingsService

REFRESH_HINT = "Download it: `sigma instruments refresh`, or desk.instruments.refresh()."
_CONTRACTS_OF: dict[Exchange, tuple[Exchange, ...]] = {
    Exchange.NSE: (Exchange.NFO, Exchange.CDS, Exchange.NCO),
    Exchange.BSE: (Exchange.BFO, Exchange.BCD),
}
"""Where contracts trade that charts put on a cash exchange."""


class Catalogue:
    """Finds listings by what people and programs write."""

    def __init__(self, market: MarketStore, clock: Clock, settings: SettingsService, lookup: ListingLookup) -> None:
        self._market = market
        self._clock = clock
        self._settings = settings
        self._lookup = lookup
        self.contracts = Contracts(market, clock, lookup)
        self.search = ListingSearch(market, lookup)

    def get(self, text: str) -> Listing:
        """Return the listing of a canonical text.

        Raises
        ------
        UnknownListing
            There is none; the hint names similar ones.
        InvalidInput
            The text has no exchange or an unknown one.
        ConfigError
            No instrument table was ever downloaded.
        StaleData
            The table is older than ``instruments.max_age_hours`` and ``instruments.stale_policy`` is fail.
        """
        exchange, symbol = split_listing(text)
        self._fit_for_use()
        found = self._lookup.listing(listing_text(exchange, symbol))
        if found is None:
            raise self._unknown(exchange, symbol)
        return found

    def resolve(self, text: str, user_id: int | None = None) -> Listing:
        """Return the listing that a person or a sender means (docs/instruments.md).

        Taken are ``NSE:INFY``; ``INFY``, on the exchange of the setting ``instruments.default_exchange``; other spellings of
        indices (``NSE:NIFTY``); and TradingView's: ``_`` for ``&`` and ``-`` (``NSE:M_M``), ``NSE:NIFTY1!`` for the future
        nearest by expiry today, ``NSE:NIFTYX2026``, ``NSE:NIFTY261124C25000``.

        Raises
        ------
        UnknownListing, InvalidInput, ConfigError, StaleData
            As `get` does; InvalidInput also when a text could mean several listings.
        """
        brief, key = self._lookup.cache.brief(), (text, user_id, self._settings.changes)
        found: Listing | None = brief.get(key)
        if found is None:
            found = brief[key] = self._resolve(text, user_id)
        return found

    def of_broker(
        self,
        broker: str,
        symbol: str | None = None,
        token: str | None = None,
        exchange: str | None = None,
        *,
        on: date | None = None,
    ) -> Listing:
        """Return the listing that a broker's symbol or token means.

        Parameters
        ----------
        exchange : str or None
            The broker's code of the exchange, or ours (``NSE``); not needed where the symbol or token says enough.
        on : date or None
            The Indian trading date of a token (brokers use tokens of contracts anew after expiry); today when None.

        Raises
        ------
        InvalidInput
            Neither symbol nor token is given, they contradict one another, or there are several listings of that name.
        NotFound
            The broker has no such name.
        """
        if symbol is None and token is None:
            raise InvalidInput(f"A symbol or a token of {broker} is needed.")
        codes = self._lookup.cache.get(("codes", broker), lambda: tuple(self._market.exchange_codes(broker)) or None) or ()
        sets: list[set[str]] = []
        if symbol is not None:
            rows = [row for code in codes for row in self._market.names_by_symbol(broker, code, symbol)]
            sets.append({row.listing for row in rows if _is_of(row, exchange)})
        if token is not None:
            sets.append(self._with_token(broker, codes, token, exchange, on))
        found = sorted(set.intersection(*sets))
        what = " and ".join(f"{word} {value}" for word, value in (("symbol", symbol), ("token", token)) if value is not None)
        if not found and all(sets):
            raise InvalidInput(f"The {what} of {broker} are two different listings: {' and '.join(sorted(set.union(*sets)))}.")
        if not found:
            raise NotFound(f"{broker} lists nothing with the {what}{f' on {exchange}' if exchange else ''}.", hint=REFRESH_HINT)
        if len(found) > 1:
            raise InvalidInput(f"The {what} of {broker} could be {' or '.join(found)}.", hint="Say on which exchange.")
        return self.get(found[0])

    def at_brokers(self, text: str, user_id: int | None = None) -> Sequence[BrokerInstrument]:
        """Return how each broker names the listing that a text means."""
        listing = self.resolve(text, user_id).text
        return self._lookup.cache.get(("names", listing), lambda: tuple(self._market.names_of(listing)))

    def underlying(self, text: str, user_id: int | None = None) -> tuple[str, Exchange]:
        """Return what listings call the underlying that a text means, and where its contracts trade.

        Taken are an index or share (``NSE:NIFTY 50``, ``NIFTY``, ``RELIANCE``), a name on the exchange of its contracts
        (``NFO:NIFTY``, ``MCX:GOLD``, ``USDINR``), or one of its contracts.

        Raises
        ------
        NotFound
            There are no contracts on it.
        InvalidInput
            Its contracts trade on several exchanges and none is named.
        """
        self._fit_for_use()
        exchange, name = self._split(text, user_id)
        found = self._underlyings(exchange, name)
        if not found and ":" not in text:
            others = [where for where in Exchange if where not in CASH and where not in SPOT_EXCHANGE]
            found = [pair for where in (*CASH - {exchange}, *others) for pair in self._underlyings(where, name)]
        found = list(dict.fromkeys(found))
        if not found:
            raise NotFound(f"No futures or options are listed on {text.strip()}.", hint="`sigma instruments find TEXT` searches.")
        if len(found) > 1:
            places = " or ".join(f"{where}:{name}" for _, where in found)
            raise InvalidInput(f"Contracts on {text.strip()} trade on several exchanges.", hint=f"Write {places}.")
        return found[0]

    def find(
        self, text: str, *, exchange: Exchange | None = None, kind: Kind | None = None, limit: int = 50
    ) -> Sequence[Listing]:
        """Return listings that have all words of `text` in symbol or name, the likeliest first."""
        self._fit_for_use()
        return self.search.find(text, exchange=exchange, kind=kind, limit=limit)

    def age(self) -> timedelta | None:
        """Return how old the newest table is, None when there is none."""
        version = self._lookup.cache.check()
        return None if version is None else self._clock.now() - version[1]

    def warning(self) -> str:
        """Say that the table is missing or old; empty when it is fit for use."""
        age = self.age()
        if age is None:
            return "The instrument table was never downloaded."
        hours = self._settings.seconds("instruments.max_age_hours")
        if age <= timedelta(hours=hours):
            return ""
        return f"The instrument table is {age.total_seconds() / 3600:.0f} hours old (limit {hours:.0f})."

    def _with_token(self, broker: str, codes: Sequence[str], token: str, exchange: str | None, on: date | None) -> set[str]:
        """Return the listings of a broker's token, now or on a trading date."""
        if on is None:
            rows = [row for code in codes for row in self._market.names_by_token(broker, code, token)]
            return {row.listing for row in rows if _is_of(row, exchange)}
        past = {code: self._market.listing_by_token_on(broker, code, token, on) for code in codes}
        return {text for code, text in past.items() if text and exchange in (None, code, text.partition(":")[0])}

    def _fit_for_use(self) -> None:
        told = self.warning()
        if told and self.age() is None:
            raise ConfigError(told, hint=REFRESH_HINT)
        if told and self._settings.get("instruments.stale_policy") == "fail":
            raise StaleData(told, hint=REFRESH_HINT)

    def _resolve(self, text: str, user_id: int | None) -> Listing:
        exchange, symbol = self._split(text, user_id)
        self._fit_for_use()
        found = self._spelled(exchange, symbol)
        if len(found) > 1 and found[0].symbol != symbol:
            raise InvalidInput(f"{text!r} could be {' or '.join(map(str, found))}.", hint="Write the one you mean.")
        if found:
            return found[0]
        meant = self._of_chart(exchange, symbol)
        if meant is None and ":" not in text:
            meant = self._elsewhere(exchange, symbol)
        if meant is None:
            raise self._unknown(exchange, symbol)
        return meant

    def _split(self, text: str, user_id: int | None) -> tuple[Exchange, str]:
        plain = text.strip()
        if ":" not in plain:
            plain = f"{self._settings.get('instruments.default_exchange', user_id)}:{plain}"
        return split_listing(plain)

    def _spelled(self, exchange: Exchange, symbol: str) -> list[Listing]:
        """Return the listings that a symbol may stand for as it is written, else as an index's other name."""
        exact = self._lookup.listing(listing_text(exchange, symbol))
        if exact is not None:
            return [exact]
        names = [*spellings(symbol)[1:], *index_names(exchange, symbol)]
        return [listing for name in names if (listing := self._lookup.listing(listing_text(exchange, name)))]

    def _of_chart(self, exchange: Exchange, symbol: str) -> Listing | None:
        contract = chart_contract(symbol)
        if contract is None:
            return None
        for underlying, where in self._underlyings(exchange, contract.name):
            found = self.contracts.of_chart(contract, underlying, where)
            if found is not None:
                return found
        return None

    def _elsewhere(self, exchange: Exchange, symbol: str) -> Listing | None:
        """Return a contract or index written without its exchange; a share is never taken from another exchange."""
        places = [*_CONTRACTS_OF.get(exchange, ()), Exchange.MCX, *_CONTRACTS_OF[Exchange.NSE], *_CONTRACTS_OF[Exchange.BSE]]
        for where in dict.fromkeys(places):
            contract = self._lookup.listing(listing_text(where, symbol))
            if contract is not None:
                return contract
        found = [row for where in CASH - {exchange} for row in self._spelled(where, symbol) if row.kind is Kind.INDEX]
        return found[0] if len(found) == 1 else None

    def _underlyings(self, exchange: Exchange, name: str) -> list[tuple[str, Exchange]]:
        """Return each underlying that a name on an exchange may stand for and has contracts, with where they trade."""
        spot = SPOT_EXCHANGE.get(exchange, exchange)
        listed = self._spelled(exchange, name)
        if exchange in SPOT_EXCHANGE and not listed:
            listed = self._spelled(spot, name)
        names = [row.underlying or row.text for row in listed]
        wanted = _CONTRACTS_OF.get(exchange, (exchange,))
        pairs = [(text, where) for text in (*names, name) for where in self.contracts.exchanges(text) if where in wanted]
        return list(dict.fromkeys(pairs))

    def _unknown(self, exchange: Exchange, symbol: str) -> UnknownListing:
        near = {listing.text for piece in (symbol, symbol[:3]) for listing in self.search.find(piece, limit=200)}
        by_symbol = {text: text.partition(":")[2] for text in sorted(near)}
        exact = [text for text, name in by_symbol.items() if name == symbol]
        close = difflib.get_close_matches(listing_text(exchange, symbol), near, n=3, cutoff=0.7)
        guesses = list(dict.fromkeys([*exact, *close]))[:3]
        hint = (
            f"Did you mean {' or '.join(guesses)}?"
            if guesses
            else "`sigma instruments find TEXT` searches; a new one needs a refresh."
        )
        return UnknownListing(f"There is no listing {listing_text(exchange, symbol)}.", near=tuple(guesses), hint=hint)


def _is_of(name: BrokerInstrument, exchange: str | None) -> bool:
    """Say whether a broker's name is on an exchange, by the broker's code or by ours."""
    return exchange in (None, name.exchange_code, name.listing.partition(":")[0])
