"""Search as you type: by the database at first, from an index in memory as soon as a process searches more than once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from datetime import datetime

from sigma.domain.errors import SigmaError
from sigma.domain.instruments import Exchange, Kind, Listing
from sigma.engines.search import ListingIndex
from sigma.ports.market_store import MarketStore
from sigma.services.listings import ListingLookup

log = logging.getLogger(__name__)
Version = tuple[int, datetime]


class ListingSearch:
    """Finds listings by parts of symbol and name. Index and database give the same answer, in 2 or in some 500 ms.

    The index (some 10 MB for 200,000 listings, a second or two to make) is made in the background when a version of the table
    is searched for the second time: a program that asks once does without.
    """

    def __init__(self, market: MarketStore, lookup: ListingLookup) -> None:
        self._market = market
        self._lookup = lookup
        self._lock = threading.Lock()
        self._index: tuple[Version, ListingIndex] | None = None
        self._searched: Version | None = None
        self._making: threading.Thread | None = None

    def find(
        self, text: str, *, exchange: Exchange | None = None, kind: Kind | None = None, limit: int = 50
    ) -> Sequence[Listing]:
        """Return listings that have all words of `text` in symbol or name, the likeliest first."""
        version = self._lookup.cache.check()
        made = self._index
        if made is not None and made[0] == version:
            return self._lookup.listings(made[1].find(text, exchange=exchange, kind=kind, limit=limit))
        if version is not None:
            self._begin(version)
        return self._market.find(text, exchange=exchange, kind=kind, limit=limit)

    def warm(self) -> None:
        """Make the index of the table's version now, unless it is there."""
        version = self._lookup.cache.check()
        if version is not None and (self._index is None or self._index[0] != version):
            self._index = (version, ListingIndex(self._market.search_rows()))

    def wait(self) -> None:
        """Wait until no index is being made."""
        making = self._making
        if making is not None:
            making.join()

    def _begin(self, version: Version) -> None:
        with self._lock:
            if self._searched != version:
                self._searched = version
            elif self._making is None or not self._making.is_alive():
                self._making = threading.Thread(target=self._make, name="sigma-search", daemon=True)
                self._making.start()

    def _make(self) -> None:
        try:
            self.warm()
        except SigmaError as error:
            log.warning("event=search_index_failed reason=%s", error.message)
