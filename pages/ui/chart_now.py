"""The end of a chart, moved by each price: the last closed bars, and the one that forms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pandas as pd

from pages.ui.rows import rows
from sigma.domain import show
from sigma.domain.market import Timeframe

TAIL = 40


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of the end; `at` is its close in UTC, None where that is not known. Rupees."""

    at: datetime | None
    open: float
    high: float
    low: float
    close: float

    def stretched(self, price: float) -> Bar:
        """Return the bar after a trade at `price`."""
        return replace(self, close=price, high=max(self.high, price), low=min(self.low, price))


@dataclass(frozen=True, slots=True)
class End:
    """The last bars of a listing.

    Parameters
    ----------
    about : object
        What they are the end of; another drawing has another end.
    closed : tuple of Bar
        Oldest first.
    forming : Bar or None
        None until there is a price after the last closed bar.
    step : timedelta or None
        Length of a bar within a session, None for a day and longer.
    """

    about: object
    closed: tuple[Bar, ...]
    forming: Bar | None
    step: timedelta | None

    def heard(self, price: float, at: datetime) -> End:
        """Return the end after a price: only the forming bar moves, and where the price came after its close a new one begins."""
        since = self.closed[-1].at if self.closed else None
        if since is not None and at <= since:
            return self
        if self.forming is None:
            return replace(self, forming=self._begun(since, price, at))
        closes = self.forming.at
        if closes is None or at <= closes:
            return replace(self, forming=self.forming.stretched(price))
        if self.step is None:  # what is told after a session's end belongs to no bar
            return self
        return replace(self, closed=(*self.closed, self.forming)[-TAIL:], forming=self._begun(closes, price, at))

    def _begun(self, since: datetime | None, price: float, at: datetime) -> Bar:
        known = since is not None and self.step is not None and at <= since + self.step
        return Bar(since + self.step if known and since and self.step else None, price, price, price, price)


def end_of(frame: pd.DataFrame, timeframe: str, about: object) -> End:
    """Return the end of the bars of a chart (columns of sigma.desk.bars.BARS)."""
    last = frame.tail(TAIL)
    found = [(Bar(show.moment(row.at), row.open, row.high, row.low, row.close), bool(row.forming)) for row in rows(last)]
    minutes = Timeframe(timeframe).minutes
    forming = next((bar for bar, forms in found if forms), None)
    closed = tuple(bar for bar, forms in found if not forms)
    return End(about, closed, forming, timedelta(minutes=minutes) if minutes else None)
