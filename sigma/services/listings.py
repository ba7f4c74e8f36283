"""Listings and brokers' names for them, as looked up in the stored masters and kept until a new version comes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from datetime import datetime
from typing import TypeVar

from sigma.domain.errors import NotFound
from sigma.domain.instruments import BrokerInstrument, Listing
from sigma.ports.clock import Clock
from sigma.ports.market_store import MarketStore

VERSION_CHECK_NS = 1_000_000_000
Value = TypeVar("Value")


class VersionedCache:
    """What was looked up in one version of the table; emptied when another one is published."""

    def __init__(self, market: MarketStore, clock: Clock) -> None:
        self._market = market
        self._clock = clock
        self._checked_ns: int | None = None
        self._values: dict[Hashable, object] = {}
        self._lock = threading.Lock()
        self.version: tuple[int, datetime] | None = None

    def get(self, key: Hashable, load: Callable[[], Value]) -> Value:
        """Return the value of `key`, loaded once for each version of the table; None is not kept."""
        self.check()
        values = self._values
        if key in values:
            return values[key]  # type: ignore[return-value]
        value = load()
        if value is not None:
            values[key] = value
        return value

    def check(self) -> tuple[int, datetime] | None:
        """Return the table's version, looked up at most once a second."""
        now = self._clock.boot_ns()
        with self._lock:
            if self._checked_ns is None or self.version is None or now - self._checked_ns >= VERSION_CHECK_NS:
                version = self._market.master_version()
                if version != self.version:
                    self.version, self._values = version, {}
                self._checked_ns = now
            return self.version

    def clear(self) -> None:
        """Forget everything, because this process changed the table."""
        with self._lock:
            self._checked_ns, self._values = None, {}


class ListingLookup:
    """Implements ports.broker.InstrumentLookup over the stored masters. Safe to share between threads."""

    def __init__(self, market: MarketStore, clock: Clock) -> None:
        self._market = market
        self.cache = VersionedCache(market, clock)

    def broker_instrument(self, broker: str, listing: str) -> BrokerInstrument:
        """Return the broker's name of `listing`.

        Raises
        ------
        NotFound
            The broker's master lacks it, or was never downloaded.
        """
        found = self.cache.get(("instrument", broker, listing), lambda: self._market.broker_instrument(broker, listing))
        if found is None:
            hint = "It may not trade there, or the table is old: `sigma instruments refresh` downloads it."
            raise NotFound(f"{listing} is not in the instrument table of {broker}.", hint=hint)
        return found

    def listing_by_symbol(self, broker: str, exchange_code: str, symbol: str) -> str | None:
        """Return the canonical text of a broker's symbol, None when unknown."""
        key = ("symbol", broker, exchange_code, symbol)
        return self.cache.get(key, lambda: self._market.listing_by_symbol(broker, exchange_code, symbol))

    def listing_by_token(self, broker: str, exchange_code: str, token: str) -> str | None:
        """Return the canonical text of a broker's token, None when unknown."""
        key = ("token", broker, exchange_code, token)
        return self.cache.get(key, lambda: self._market.listing_by_token(broker, exchange_code, token))

    def listing(self, text: str) -> Listing | None:
        """Return a listing by canonical text, None when unknown."""
        return self.cache.get(("listing", text), lambda: self._market.listing(text))
