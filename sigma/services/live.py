"""Live prices: what the feeds brought within the last seconds, as quotes; asks no broker."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sigma.domain.instruments import Exchange, split_listing
from sigma.domain.market import Quote
from sigma.domain.ticks import Ticks, microseconds, moment, quote_of
from sigma.ports.clock import Clock
from sigma.ports.feed import LastPrices, LatestTables, WantedListings
from sigma.services.settings import SettingsService

FINE = frozenset({Exchange.CDS, Exchange.BCD})
"""Exchanges whose prices have four decimals: currency."""


class LiveQuotes:
    """Reads the tables that the worker's feeds fill, and says which listings somebody looks at, so that they are fed."""

    def __init__(
        self,
        tables: LatestTables,
        wanted: WantedListings,
        stored: LastPrices,
        clock: Clock,
        settings: SettingsService,
    ) -> None:
        self._tables = tables
        self._stored = stored
        self._wanted = wanted
        self._clock = clock
        self._settings = settings

    def of(self, source: int, listings: Sequence[str]) -> Mapping[str, Quote]:
        """Return the quotes whose tick, by this source (account id), is not older than ``market.tick_max_age``."""
        return self._fresh(self._tables.get(source, listings))

    def last_quotes(self, texts: Sequence[str]) -> Mapping[str, Quote]:
        """Return price, yesterday's close and time: by fresh ticks of whichever source, else as they are stored."""
        found = dict(self._stored.last_quotes(texts))
        for listing, quote in self._fresh(self._tables.newest(texts)).items():
            known = found.get(listing)
            if known is None or known.at < quote.at:
                close = quote.close or (known.close if known else None)
                found[listing] = Quote(listing, quote.last_price, quote.at, close=close)
        return found

    def look_at(self, source: int, listings: Iterable[str]) -> None:
        """Say that somebody looks at listings: the worker's feed of this source watches them for the next half minute."""
        self._wanted.ask(source, listings)

    def looked_at(self, source: int) -> frozenset[str]:
        """Return what anybody looks at, in any process."""
        return self._wanted.asked(source)

    def last_tick(self, source: int) -> datetime | None:
        """Return when the newest tick of a source came in, UTC."""
        received = self._tables.received(source)
        return None if received is None else moment(received)

    def _fresh(self, ticks: Mapping[str, Ticks]) -> Mapping[str, Quote]:
        if not ticks:
            return {}
        oldest = microseconds(self._clock.now()) - self._settings.seconds("market.tick_max_age") * 1e6
        return {
            listing: quote_of(tick[0], listing, decimals=4 if split_listing(listing)[0] in FINE else 2)
            for listing, tick in ticks.items()
            if tick["received"][0] >= oldest and math.isfinite(tick["last"][0]) and tick["last"][0] > 0
        }
