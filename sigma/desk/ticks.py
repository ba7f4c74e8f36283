"""`desk.ticks`: recorded ticks (setting ``market.record_ticks``): which days there are, what was said, and playing it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from sigma.domain.answers import BrokerOrder
from sigma.domain.market import FeedState, Quote
from sigma.domain.ticks import Ticks, quote_of

if TYPE_CHECKING:
    from sigma.bootstrap import House

DAYS = {"day": "object", "account": "str", "ticks": "int64", "size_mb": "float64"}
Tell = Callable[[Mapping[str, Quote]], None]


class TicksDesk:
    """Recorded ticks of one user's accounts."""

    def __init__(self, house: House, user_id: int) -> None:
        self._house = house
        self._user_id = user_id

    def days(self) -> pd.DataFrame:
        """Return the days recorded, the oldest first: day, account, ticks, size in MB."""
        names = {row.id: row.name for row in self._house.accounts.list(self._user_id)}
        found = self._house.replay.days(list(names))
        rows = [(row.day, names[row.source], row.ticks, row.size / 1e6) for row in found]
        return pd.DataFrame(rows, columns=list(DAYS)).astype(DAYS)

    def replay(self, day: date | str, tell: Tell, *, account: str | int | None = None, speed: float = 1.0) -> int:
        """Play a day again, in order, and return how many ticks there were.

        Parameters
        ----------
        day : date or str
            In India; ``2026-11-20``.
        tell : callable
            Given what was received together: the newest quote of each listing, by canonical text.
        account : str or int, optional
            Whose feed it was; left out, the user's source of market data.
        speed : float
            1: as it was; 10: ten times as fast; 0: without a pause.

        Raises
        ------
        NotFound
            Nothing is recorded of this account on this day.
        """
        house = self._house
        source = house.market.source(self._user_id) if account is None else house.accounts.find(self._user_id, account)
        teller = _Teller(tell)
        return house.replay.play(_day(day), source.id, teller, teller.allot, speed=speed)


class _Teller:
    """A FeedSink that hands on quotes."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._slots: dict[str, int] = {}
        self._listings: list[str] = []

    def allot(self, listings: Sequence[str]) -> Mapping[str, int]:
        for listing in listings:
            if listing not in self._slots:
                self._slots[listing] = len(self._listings)
                self._listings.append(listing)
        return self._slots

    def ticks(self, ticks: Ticks) -> None:
        named = [(self._listings[row["slot"]], row) for row in ticks if row["last"] > 0]
        self._tell({listing: quote_of(row, listing) for listing, row in named})

    def orders_changed(self) -> None:
        """Orders are not recorded."""

    def order(self, row: BrokerOrder) -> None:
        """Orders are not recorded."""

    def state(self, state: FeedState, why: str) -> None:
        """How the feed stood is not recorded."""


def _day(day: date | str) -> date:
    return date.fromisoformat(day) if isinstance(day, str) else day
