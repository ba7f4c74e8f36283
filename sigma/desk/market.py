"""`desk.quotes`, `desk.last_quotes`: what listings trade at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from sigma.desk import frames
from sigma.domain.market import MarketHealth

if TYPE_CHECKING:
    from sigma.bootstrap import House


class MarketDesk:
    """Market data of one user's canonical source."""

    def __init__(self, house: House, user_id: int) -> None:
        self._house = house
        self._user_id = user_id

    def quotes(self, listings: Sequence[str] | str) -> pd.DataFrame:
        """Return quotes in the order asked, one row a listing; columns: frames.QUOTES.

        Listings that the source gives no quote for are absent, and named in ``attrs["missing"]``.

        Raises
        ------
        StaleData
            Market data is unavailable; it says why and the cure.
        """
        resolve = self._house.instruments.resolve
        texts = [resolve(text, self._user_id).text for text in ([listings] if isinstance(listings, str) else listings)]
        self._house.quotes.look_at(self._user_id, texts)
        return frames.quotes(self._house.market.quotes(self._user_id, texts), texts)

    def health(self) -> MarketHealth:
        """Return whether the canonical source can be relied on now."""
        return self._house.market_health.health(self._user_id)

    def last_quotes(self, listings: Sequence[str] | str) -> pd.DataFrame:
        """Return the last prices, live or as the worker stored them, in the order asked; columns: frames.LAST_QUOTES.

        Listings are canonical texts (``NSE:INFY``); those without a known price are absent. No broker is asked; a live feed
        watches them for the next half minute.
        """
        texts = [listings] if isinstance(listings, str) else list(listings)
        self._house.quotes.look_at(self._user_id, texts)
        return frames.last_quotes(self._house.quotes.stored(texts), texts, self._house.clock.now())
