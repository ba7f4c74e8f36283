"""Bars that charts are drawn from: how far back, when they are read anew, and what of them is kept meanwhile.

A chart that is given other data is drawn from nothing, and forgets where a person had zoomed to. So what was drawn is kept until
a bar closes: it is shared by all sessions of the process, and a session only remembers which drawing it shows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from threading import Lock

import pandas as pd
import streamlit as st

from sigma.domain.errors import SigmaError
from sigma.domain.market import Timeframe
from sigma.domain.times import ist, ist_date

MOST_BARS = 100_000
SETTLE = timedelta(seconds=6)
"""How long after its close a bar is read: the source has settled it by then."""
LONG_STEP = timedelta(hours=1)
"""How often days and longer bars are looked at when none is forming."""
PAUSE = timedelta(minutes=1)
"""How long a source is left in peace that gave nothing at all."""
MOST_KEPT = 8
REACHES = {"5D": 5, "1M": 31, "3M": 92, "1Y": 366, "13M": 400, "5Y": 1827, "20Y": 7305}
"""How far back, in days."""
_OFFERED = {
    Timeframe.M1: ("5D", "1M", "3M", "1Y", "13M"),
    Timeframe.M3: ("1M", "5D", "3M", "1Y"),
    Timeframe.M5: ("1M", "5D", "3M", "1Y", "5Y"),
    Timeframe.M15: ("3M", "1M", "1Y", "5Y"),
    Timeframe.M30: ("3M", "1M", "1Y", "5Y"),
    Timeframe.H1: ("1Y", "1M", "3M", "5Y"),
    Timeframe.D1: ("5Y", "1Y", "20Y"),
    Timeframe.W1: ("20Y", "1Y", "5Y"),
    Timeframe.MO1: ("20Y", "5Y"),
}
Wish = tuple[int, str, str, str]
"""Whose bars: the person's id; listing, timeframe, reach."""
_SHOWN = "chart-shown"


@dataclass(frozen=True, slots=True)
class Picture:
    """Bars as they were read for a chart.

    Parameters
    ----------
    frame : DataFrame
        Columns of sigma.desk.bars.BARS, oldest first, at most MOST_BARS.
    read_at, due : datetime
        When it was read, and from when on another look is worth while; UTC.
    cut : bool
        There were more bars than MOST_BARS.
    """

    frame: pd.DataFrame
    read_at: datetime
    due: datetime
    cut: bool = False

    def same(self, other: Picture) -> bool:
        """Say whether both have the same closed bars, and the same to say about them."""
        return self._closed() == other._closed()

    def _closed(self) -> tuple[object, ...]:
        closed = self.frame.loc[~self.frame["forming"], ["at", "close"]]
        ends = (closed.iloc[0].tolist(), closed.iloc[-1].tolist()) if len(closed) else ()
        return len(closed), ends, self.frame.attrs.get("stale")


def offered(timeframe: str) -> tuple[str, list[str]]:
    """Return how far back bars of this length are drawn unless a person says otherwise, and all that can be chosen."""
    found = _OFFERED[Timeframe(timeframe)]
    return found[0], [reach for reach in REACHES if reach in found]


def start_of(reach: str, now: datetime) -> datetime:
    """Return the Indian midnight from which bars are drawn (UTC): the same all day, so that bars only come at the end."""
    return ist(ist_date(now) - timedelta(days=REACHES[reach]), time())


def due(frame: pd.DataFrame, timeframe: str, now: datetime) -> datetime:
    """Return when bars read at `now` are worth reading again: once the next one has closed and settled; later than `now`.

    A last bar that should have closed but is not known yet is asked for again soon.
    """
    last: datetime | None = None if frame.empty else frame["at"].iloc[-1].to_pydatetime()
    minutes = Timeframe(timeframe).minutes
    if last is not None and last > now:
        return last + SETTLE if minutes else min(last + SETTLE, now + timedelta(days=1))
    if last is not None and bool(frame["forming"].iloc[-1]):
        return now + (PAUSE if frame.attrs.get("stale") else SETTLE)
    if minutes is None:
        return now + LONG_STEP
    step = timedelta(minutes=minutes)
    begin = now if last is None else last
    return begin + ((now - SETTLE - begin) // step + 1) * step + SETTLE


def picture(frame: pd.DataFrame, timeframe: str, now: datetime) -> Picture:
    """Return what a chart is drawn from."""
    kept = frame.tail(MOST_BARS).reset_index(drop=True)
    return Picture(kept, now, due(kept, timeframe, now), len(frame) > MOST_BARS)


@dataclass(slots=True)
class Pictures:
    """The last few pictures of a process, by wish and the moment they were read."""

    _kept: OrderedDict[tuple[Wish, datetime], Picture] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def get(self, wish: Wish, read_at: datetime | None, now: datetime) -> Picture | None:
        """Return the picture of a moment; without a moment the newest one of this wish that is not due."""
        with self._lock:
            if read_at is not None:
                return self._kept.get((wish, read_at))
            newest = [one for (about, _), one in self._kept.items() if about == wish and one.due > now]
            return newest[-1] if newest else None

    def drop(self, wish: Wish) -> None:
        """Keep nothing of a wish any longer."""
        with self._lock:
            for key in [key for key in self._kept if key[0] == wish]:
                del self._kept[key]

    def put(self, wish: Wish, new: Picture) -> None:
        """Keep a picture; the oldest ones go."""
        with self._lock:
            self._kept[wish, new.read_at] = new
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)


@st.cache_resource(show_spinner=False)
def pictures() -> Pictures:
    """Return what this process keeps."""
    return Pictures()


def shown(wish: Wish, now: datetime, read: Callable[[], pd.DataFrame]) -> Picture:
    """Return the picture that this session shows of a wish; it is read when there is none."""
    moments: dict[Wish, datetime] = st.session_state.setdefault(_SHOWN, {})
    found = pictures().get(wish, moments.get(wish), now)
    if found is None:
        found = picture(read(), wish[2], now)
        pictures().put(wish, found)
    moments[wish] = found.read_at
    return found


def renew(wish: Wish, now: datetime, read: Callable[[], pd.DataFrame]) -> bool:
    """Read what this session shows anew, and say whether there is something else to draw; else the drawing stays."""
    moments: dict[Wish, datetime] = st.session_state.setdefault(_SHOWN, {})
    before = pictures().get(wish, moments.get(wish), now)
    try:
        new = picture(read(), wish[2], now)
    except SigmaError:  # what is drawn stays, and the source is left in peace for a while
        if before is not None:
            pictures().put(wish, replace(before, due=now + PAUSE))
        return False
    if before is not None and before.same(new):
        pictures().put(wish, replace(before, due=new.due))
        return False
    pictures().put(wish, new)
    moments[wish] = new.read_at
    return True


def forget(wish: Wish) -> None:
    """Let the next drawing read anew."""
    pictures().drop(wish)
    st.session_state.setdefault(_SHOWN, {}).pop(wish, None)
