"""`desk.bars`, `desk.download_bars`, `desk.gaps`: open, high, low, close and volume in steps of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sigma.desk.cells import FLAG, MAYBE_WHOLE, MOMENT, NUMBER, TEXT, WHOLE
from sigma.desk.cells import facts as _facts
from sigma.desk.cells import frame as _frame
from sigma.domain.errors import InvalidInput
from sigma.domain.market import Timeframe
from sigma.domain.times import IST, ist, require_utc
from sigma.engines.bars import moment as of_micros
from sigma.services.bar_fetch import Progress
from sigma.services.bars import BarsAnswer

if TYPE_CHECKING:
    from sigma.bootstrap import House

__all__ = ["BARS", "DOWNLOADS", "GAPS", "BarsDesk", "Progress", "When"]

BARS = {
    "at": MOMENT,
    "open": NUMBER,
    "high": NUMBER,
    "low": NUMBER,
    "close": NUMBER,
    "volume": WHOLE,
    "open_interest": MAYBE_WHOLE,
    "forming": FLAG,
}
DOWNLOADS = {"listing": TEXT, "calls": WHOLE, "bars": WHOLE, "error": TEXT}
GAPS = {"start": MOMENT, "end": MOMENT, "bars": WHOLE, "kind": TEXT}
When = datetime | date | str | None
"""A moment, a day, or the ISO text of one; without a zone it is the Indian clock's. A day begins at its midnight."""


class BarsDesk:
    """Bars of one user's canonical source."""

    def __init__(self, house: House, user_id: int) -> None:
        self._house = house
        self._user_id = user_id

    def bars(
        self, listing: str, timeframe: str, start: When = None, end: When = None, progress: Progress | None = None
    ) -> pd.DataFrame:
        """Return a listing's bars, oldest first; columns: BARS. See `Desk.bars`."""
        length = length_of(timeframe)
        answer = self._house.bars.bars(self._user_id, listing, length, moment(start), moment(end, last=True), progress)
        return _bars(answer)

    def download(
        self,
        listings: Sequence[str] | str,
        timeframe: str,
        start: When,
        end: When = None,
        progress: Progress | None = None,
    ) -> pd.DataFrame:
        """Fetch and keep bars of several listings; columns: DOWNLOADS. See `Desk.download_bars`."""
        texts = [listings] if isinstance(listings, str) else list(listings)
        length = length_of(timeframe)
        first = _given(start)
        rows = self._house.bars.download(self._user_id, texts, length, first, moment(end, last=True), progress)
        return _frame(DOWNLOADS, [_facts(DOWNLOADS, row) for row in rows])

    def gaps(self, listing: str, timeframe: str, start: When, end: When = None) -> pd.DataFrame:
        """Return what is missing of the stored bars; columns: GAPS. See `Desk.gaps`."""
        length = length_of(timeframe)
        found = self._house.bars.gaps(self._user_id, listing, length, _given(start), moment(end, last=True))
        return _frame(GAPS, [_facts(GAPS, gap) for gap in found])


def length_of(text: str) -> Timeframe:
    """Return the length that a person named; upper and lower case are the same, but 1M, a minute or a month, is not taken.

    Raises
    ------
    InvalidInput
        There is no such length.
    """
    plain = str(text).strip()
    try:
        return Timeframe(plain if plain == "1M" else plain.lower())
    except ValueError:
        hint = f"Use one of {', '.join(Timeframe)} (m: minutes, mo: months)."
        raise InvalidInput(f"There is no timeframe {text!r}.", hint=hint) from None


def moment(given: When, *, last: bool = False) -> datetime | None:
    """Return what a person gave as a UTC moment; a day alone is its midnight, or with `last` the midnight that ends it.

    Raises
    ------
    InvalidInput
        A text that is no date and no time.
    """
    if given is None:
        return None
    if isinstance(given, str):
        try:
            given = date.fromisoformat(given) if len(given.strip()) <= len("2026-11-20") else datetime.fromisoformat(given)
        except ValueError:
            raise InvalidInput(f"{given!r} is no date and no time.", hint="Write 2026-11-20 or 2026-11-20T10:15.") from None
    if isinstance(given, datetime):
        return require_utc(given if given.tzinfo else given.replace(tzinfo=IST))
    return ist(given, time.max) if last else ist(given, time())


def _given(start: When) -> datetime:
    found = moment(start)
    if found is None:
        raise InvalidInput("Since when is not said.", hint="Give `start`, for example 2026-01-01.")
    return found


def _bars(answer: BarsAnswer) -> pd.DataFrame:
    rows = answer.bars
    interest = np.ascontiguousarray(rows["open_interest"])
    columns = {
        "at": pd.DatetimeIndex(np.ascontiguousarray(rows["at"]).view("datetime64[us]"), tz="UTC"),
        **{name: np.ascontiguousarray(rows[name]) for name in ("open", "high", "low", "close", "volume")},
        "open_interest": pd.arrays.IntegerArray(interest, interest < 0),
        "forming": answer.forming,
    }
    frame = pd.DataFrame(columns, copy=False)
    frame.attrs.update(listing=answer.listing, timeframe=answer.timeframe.value, source=answer.source, stale=answer.stale)
    frame.attrs["missing"] = [(of_micros(span.start), of_micros(span.end)) for span in answer.missing]
    return frame
