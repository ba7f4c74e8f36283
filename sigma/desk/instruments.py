"""`desk.instruments`: the instrument table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from sigma.desk import frames
from sigma.desk.words import word
from sigma.domain.instruments import Exchange, Kind, Listing, MasterReport

if TYPE_CHECKING:
    from sigma.bootstrap import House


class InstrumentsDesk:
    """Listings, under one name whichever broker they are reached through (``NSE:INFY``)."""

    def __init__(self, house: House, user_id: int) -> None:
        self._house = house
        self._user_id = user_id

    def refresh(self, broker: str | None = None, *, force: bool = False) -> MasterReport | tuple[MasterReport, ...]:
        """Download the master of a broker (or of an account's broker) and report; without a name those of all brokers.

        A download that failed or looks truncated keeps the old table (`kept_old` says why); `force` takes a smaller one.
        """
        if broker is None:
            return self._house.instruments.refresh_all(self._user_id)
        return self._house.instruments.refresh(self._user_id, broker, force=force)

    def get(self, text: str) -> Listing:
        """Return the listing that a text means: ``NSE:INFY``, ``INFY``, ``NSE:M_M``."""
        return self._house.instruments.resolve(text, self._user_id)

    def find(self, text: str, *, exchange: str | None = None, kind: str | None = None, limit: int = 50) -> pd.DataFrame:
        """Return listings whose symbol or name contains `text`, the likeliest first; columns: frames.LISTINGS."""
        where = None if exchange is None else word(Exchange, exchange, "exchange")
        what = None if kind is None else word(Kind, kind, "kind")
        return frames.listings(self._house.instruments.find(text, exchange=where, kind=what, limit=limit))

    def warning(self) -> str:
        """Say that the table is missing or old; empty when it is fit for use."""
        return self._house.instruments.warning()
