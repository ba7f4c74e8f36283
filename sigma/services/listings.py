"""Listings and brokers' names for them, as looked up in the stored masters and kept until a new version comes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from sigma.domain.errors import NotFound
from sigma.domain.instruments import BrokerInstrument, Listing
from sigma.ports.clock import Clock
from sigma.ports.market_store import MarketStore

VERSION_CHECK_NS = 1_000_000_000
Value = TypeVar("Value")
Found = TypeVar("Found", Listing, Listing | None)


@dataclass(frozen=True, slots=True)
class _Seen:
    """One look at the table's version.

    Parameters
    ----------
    values : dict
        What was looked up in this version.
    brief : dict
        What depends on the day or on settings too: kept until the next look.
    """

    until_ns: int
    version: tuple[int, datetime] | None
    values: dict[Hashable, Any]
    brief: dict[Hashable, Any] = field(default_factory=dict)


class VersionedCache:
    """What was looked up in one version of the table; emptied when another one is published."""

    def __init__(self, market: MarketStore, clock: Clock) -> None:
        self._market = market
        self._clock = clock
        self._lock = threading.Lock()
        self._seen = _Seen(-1, None, {})

    def get(self, key: Hashable, load: Callable[[], Value]) -> Value:
        """Return the value of `key`, loaded once for each version of the table; None is not kept."""
        values = self.values()
        found: Any = values.get(key)
        if found is None:
            found = load()
            if found is not None:
                values[key] = found
        return found  # type: ignore[no-any-return]

    def values(self) -> dict[Hashable, Any]:
        """Return what was looked up in the table's version, to read from and to add to."""
        seen = self._seen
        return (seen if self._clock.boot_ns() < seen.until_ns else self._look()).values

    def brief(self) -> dict[Hashable, Any]:
        """Return what was found within this second, to read from and to add to."""
        seen = self._seen
        return (seen if self._clock.boot_ns() < seen.until_ns else self._look()).brief

    def check(self) -> tuple[int, datetime] | None:
        """Return the table's version, looked up at most once a second."""
        seen = self._seen
        return (seen if self._clock.boot_ns() < seen.until_ns else self._look()).version

    def clear(self) -> None:
        """Forget everything, because this process changed the table."""
        with self._lock:
            self._seen = _Seen(-1, None, {})

    def _look(self) -> _Seen:
        with self._lock:
            now = self._clock.boot_ns()
            if now >= self._seen.until_ns:
                version = self._market.master_version()
                values = self._seen.values if version == self._seen.version else {}
                # A table that was never filled is looked for each time: someone waits for it.
                self._seen = _Seen(now + VERSION_CHECK_NS if version is not None else -1, version, values)
            return self._seen


class ListingLookup:
    """Implements ports.broker.InstrumentLookup over the stored masters. Safe to share between threads.

    Parameters
    ----------
    freeze : mapping, optional
        Freeze quantities (units) by exchange segment and underlying, for contracts whose own the masters do not say.
    """

    def __init__(self, market: MarketStore, clock: Clock, freeze: Mapping[tuple[str, str], int] | None = None) -> None:
        self._market = market
        self._freeze = freeze or {}
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
        return self.cache.get(("listing", text), lambda: self._with_freeze(self._market.listing(text)))

    def listings(self, texts: list[str]) -> list[Listing]:
        """Return listings in the order of their texts, without those that are unknown."""
        values = self.cache.values()
        missing = [text for text in texts if ("listing", text) not in values]
        if missing:
            values.update({("listing", text): self._with_freeze(found) for text, found in self._market.listings(missing).items()})
        return [values["listing", text] for text in texts if ("listing", text) in values]

    def _with_freeze(self, found: Found) -> Found:
        """Return a listing with what is known of its freeze quantity."""
        if found is None or found.freeze_quantity is not None or found.underlying is None:
            return found
        known = self._freeze.get((found.exchange.value, found.underlying))
        return found if known is None else replace(found, freeze_quantity=known)
