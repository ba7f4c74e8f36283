"""Finding listings by what people and programs write."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Sequence
from datetime import timedelta

from sigma.domain.errors import ConfigError, InvalidInput, NotFound, StaleData
from sigma.domain.instruments import Exchange, Kind, Listing, listing_text, split_listing
from sigma.ports.clock import Clock
from sigma.ports.market_store import MarketStore
from sigma.services.listings import ListingLookup
from sigma.services.settings import SettingsService

SEPARATORS = "_&-"
MOST_UNDERSCORES = 4
REFRESH_HINT = "Download it: `sigma instruments refresh`, or desk.instruments.refresh()."


class Catalogue:
    """Finds listings by what people and programs write."""

    def __init__(self, market: MarketStore, clock: Clock, settings: SettingsService, lookup: ListingLookup) -> None:
        self._market = market
        self._clock = clock
        self._settings = settings
        self._lookup = lookup

    def get(self, text: str) -> Listing:
        """Return the listing of a canonical text.

        Raises
        ------
        NotFound
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
        """Return the listing that a person or a sender means.

        Taken are ``NSE:INFY``; ``INFY``, on the exchange of the setting ``instruments.default_exchange``; and TradingView's
        spelling of shares, which writes ``&`` and ``-`` as ``_`` (``NSE:M_M``).

        Raises
        ------
        NotFound, InvalidInput, ConfigError, StaleData
            As `get` does; InvalidInput also when a text could mean several listings.
        """
        plain = text.strip()
        if ":" not in plain:
            plain = f"{self._settings.get('instruments.default_exchange', user_id)}:{plain}"
        exchange, symbol = split_listing(plain)
        self._fit_for_use()
        found = [listing for name in _spellings(symbol) if (listing := self._lookup.listing(listing_text(exchange, name)))]
        if not found:
            raise self._unknown(exchange, symbol)
        if len(found) > 1 and found[0].symbol != symbol:
            raise InvalidInput(f"{text!r} could be {' or '.join(map(str, found))}.", hint="Write the one you mean.")
        return found[0]

    def find(
        self, text: str, *, exchange: Exchange | None = None, kind: Kind | None = None, limit: int = 50
    ) -> Sequence[Listing]:
        """Return listings whose symbol or name contains `text`, the likeliest first."""
        self._fit_for_use()
        return self._market.find(text.strip(), exchange=exchange, kind=kind, limit=limit)

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

    def _fit_for_use(self) -> None:
        told = self.warning()
        if told and self.age() is None:
            raise ConfigError(told, hint=REFRESH_HINT)
        if told and self._settings.get("instruments.stale_policy") == "fail":
            raise StaleData(told, hint=REFRESH_HINT)

    def _unknown(self, exchange: Exchange, symbol: str) -> NotFound:
        near = {listing.text for piece in (symbol, symbol[:3]) for listing in self._market.find(piece, limit=200)}
        by_symbol = {text: text.partition(":")[2] for text in sorted(near)}
        exact = [text for text, name in by_symbol.items() if name == symbol]
        close = difflib.get_close_matches(listing_text(exchange, symbol), near, n=3, cutoff=0.7)
        guesses = list(dict.fromkeys([*exact, *close]))[:3]
        hint = (
            f"Did you mean {' or '.join(guesses)}?"
            if guesses
            else "`sigma instruments find TEXT` searches; a new one needs a refresh."
        )
        return NotFound(f"There is no listing {listing_text(exchange, symbol)}.", hint=hint)


def _spellings(symbol: str) -> list[str]:
    """Return a symbol and what TradingView's underscores in it may stand for."""
    count = symbol.count("_")
    if not 0 < count <= MOST_UNDERSCORES:
        return [symbol]
    pieces = symbol.split("_")
    joined = []
    for marks in itertools.product(SEPARATORS, repeat=count):
        joined.append("".join(itertools.chain.from_iterable(zip(pieces, (*marks, ""), strict=True))))
    return joined
