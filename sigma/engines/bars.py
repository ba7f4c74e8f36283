"""Bars of any length from bars of one minute or one day, by one rule: a session's bars begin at its opening.

A bar is stamped with its close. The last bar of a session ends with the session, a day's bar with the last session of that
day, a week's (ISO) and a month's with the last session in it that the calendar knows. What lies outside every known session
is not dropped: it is taken as a session of its own, from its first bar to midnight in India or to the next known opening.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from sigma.domain.bars import BAR, Bars, Span
from sigma.domain.calendar import Calendar
from sigma.domain.errors import InvalidInput
from sigma.domain.instruments import Exchange
from sigma.domain.market import Timeframe
from sigma.domain.times import ist

MINUTE = 60_000_000
DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INDIA = 330 * MINUTE
"""How far the Indian clock is ahead of UTC, all year."""
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Sessions:
    """Openings and closes of one exchange, microseconds since 1970 in UTC, oldest first; they do not overlap."""

    opens: Whole
    closes: Whole

    def spans(self) -> tuple[Span, ...]:
        """Return them as spans: the closes of a session's bars lie in its span."""
        return tuple(Span(*pair) for pair in zip(self.opens.tolist(), self.closes.tolist(), strict=True))


def micros(moment: datetime) -> int:
    """Return an aware moment as microseconds since 1970 in UTC."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(at: int) -> datetime:
    """Return microseconds since 1970 as a moment in UTC."""
    return _EPOCH + timedelta(microseconds=int(at))


def sessions_of(calendar: Calendar, exchange: Exchange, first: date, last: date) -> Sessions:
    """Return the sessions of an exchange from one day to another, both included, as the calendar knows them."""
    found = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if (hours := calendar.session(exchange, day)) is not None:
            found.append((micros(ist(day, hours.opens)), micros(ist(day, hours.closes))))
    table = np.array(found, dtype=np.int64).reshape(-1, 2)
    return Sessions(table[:, 0], table[:, 1])


def empty() -> Bars:
    """Return no bars."""
    return np.empty(0, BAR)


def clip(bars: Bars, timeframe: Timeframe, sessions: Sessions) -> Bars:
    """Return a source's bars, stamped with opening plus length (a day's with its midnight), stamped with their real close."""
    out = bars.copy()
    if timeframe.minutes is None:
        out["at"] = _period_ends(bars["at"], timeframe, sessions)
    elif len(sessions.closes):
        opened = bars["at"] - timeframe.minutes * MINUTE
        place = np.minimum(np.searchsorted(sessions.closes, opened, side="right"), len(sessions.closes) - 1)
        inside = (sessions.opens[place] <= opened) & (opened < sessions.closes[place])
        out["at"] = np.where(inside, np.minimum(bars["at"], sessions.closes[place]), bars["at"])
    return out


def closes_of(at: Whole, timeframe: Timeframe, sessions: Sessions, base: Timeframe) -> Whole:
    """Return for each close of a bar of length `base` the close of the longer bar that it is part of."""
    if timeframe.minutes is None:
        return _period_ends(at, timeframe, sessions)
    known = _with_unknown(at, sessions, _length(base))
    place, length = np.searchsorted(known.closes, at), timeframe.minutes * MINUTE
    opens = known.opens[place]
    ends: Whole = np.minimum(opens + ((at - opens - 1) // length + 1) * length, known.closes[place])
    return ends


def aggregate(bars: Bars, timeframe: Timeframe, sessions: Sessions, base: Timeframe = Timeframe.M1) -> Bars:
    """Return `bars` of length `base` as longer bars: first open, highest high, lowest low, last close, summed volume.

    Raises
    ------
    InvalidInput
        The one length is no multiple of the other.
    """
    if timeframe is base:
        return bars
    if not _divides(base, timeframe):
        raise InvalidInput(f"Bars of {timeframe} cannot be made from bars of {base}.", hint="Take shorter ones.")
    if not len(bars):
        return empty()
    ends = closes_of(bars["at"], timeframe, sessions, base)
    firsts = np.flatnonzero(np.diff(ends, prepend=ends[0] - 1))
    lasts = np.append(firsts[1:], len(bars)) - 1
    out = np.empty(len(firsts), BAR)
    out["at"], out["open"] = ends[firsts], bars["open"][firsts]
    out["high"] = np.maximum.reduceat(bars["high"], firsts)
    out["low"] = np.minimum.reduceat(bars["low"], firsts)
    out["volume"] = np.add.reduceat(bars["volume"], firsts)
    out["close"], out["open_interest"] = bars["close"][lasts], bars["open_interest"][lasts]
    return out


def merge(old: Bars, new: Bars) -> Bars:
    """Return both, oldest first, each `at` once; where both have one, the new bar stands."""
    if not len(new):
        return old
    if not len(old) or old["at"][-1] < new["at"][0]:
        both = np.concatenate([old, new])
        return both if bool(np.all(np.diff(both["at"]) > 0)) else _latest(both)
    return _latest(np.concatenate([old, new]))


def between(bars: Bars, span: Span) -> Bars:
    """Return the bars that close in a span."""
    first, last = np.searchsorted(bars["at"], [span.start, span.end], side="right")
    return bars[first:last]


def extend(bars: Bars, timeframe: Timeframe, sessions: Sessions, price: float, volume: int, at: datetime) -> Bars:
    """Return `bars` with one execution more: in the forming bar, or as the first of a new one.

    Parameters
    ----------
    price : float
        Rupees.
    volume : int
        Units traded since the call before (of a source that counts the day's units: the difference).
    at : datetime
        When, UTC. What is outside a session, or from before the last bar opened, changes nothing: closed bars stay.
    """
    now = micros(at)
    place = int(np.searchsorted(sessions.closes, now))
    if place == len(sessions.closes) or now < sessions.opens[place]:
        return bars
    # An execution at the very close of a bar belongs to the next one, unless the session ends there.
    inside = np.array([min(now + 1, int(sessions.closes[place]))])
    end = int(closes_of(inside, timeframe, sessions, Timeframe.M1)[0])
    if len(bars) and end < bars["at"][-1]:
        return bars
    if not len(bars) or end > bars["at"][-1]:
        return np.concatenate([bars, np.array([(end, price, price, price, price, volume, -1)], BAR)])
    out = bars.copy()
    last = out[-1]
    last["high"], last["low"], last["close"] = max(last["high"], price), min(last["low"], price), price
    last["volume"] += volume
    return out


def untouched(bars: Bars, timeframe: Timeframe, sessions: Sessions, holes: Sequence[Span], base: Timeframe) -> Bars:
    """Return the bars of which no part lies in `holes`: those that may lack what was traded there are left out."""
    if timeframe is base or not len(bars):
        return bars
    keep = np.ones(len(bars), dtype=bool)
    for span in (part for hole in holes for part in shared_sessions(sessions, hole)):
        first, last = closes_of(np.array([span.start + 1, span.end]), timeframe, sessions, base)
        keep &= (bars["at"] < first) | (bars["at"] > last)
    kept: Bars = bars[keep]
    return kept


def shared_sessions(sessions: Sessions, span: Span) -> list[Span]:
    """Return the parts of `span` in which there is a session."""
    first = int(np.searchsorted(sessions.closes, span.start, side="right"))
    last = int(np.searchsorted(sessions.opens, span.end, side="left"))
    pairs = zip(sessions.opens[first:last].tolist(), sessions.closes[first:last].tolist(), strict=True)
    return [Span(max(span.start, opens), min(span.end, closes)) for opens, closes in pairs]


def _divides(base: Timeframe, timeframe: Timeframe) -> bool:
    if base.minutes is None or timeframe.minutes is None:
        order = list(Timeframe)
        return base.minutes is not None or (base is Timeframe.D1 and order.index(timeframe) > order.index(base))
    return timeframe.minutes % base.minutes == 0


def _length(timeframe: Timeframe) -> int:
    return DAY if timeframe.minutes is None else timeframe.minutes * MINUTE


def _latest(bars: Bars) -> Bars:
    order = np.argsort(bars["at"], kind="stable")
    ordered = bars[order]
    keep = np.append(np.diff(ordered["at"]) > 0, True)
    latest: Bars = ordered[keep]
    return latest


def _period_ends(at: Whole, timeframe: Timeframe, sessions: Sessions) -> Whole:
    """Return the last known close of the day, ISO week or month of each moment, its last midnight where none is known."""
    keys, known = _periods(at, timeframe), _periods(sessions.closes, timeframe)
    place = np.searchsorted(known, keys, side="right") - 1
    found = place >= 0
    found[found] = known[place[found]] == keys[found]
    ends = _midnight_after(keys, timeframe)
    ends[found] = sessions.closes[place[found]]
    return ends


def _periods(at: Whole, timeframe: Timeframe) -> Whole:
    days = (at - 1 + INDIA) // DAY
    if timeframe is Timeframe.W1:
        return (days + 3) // 7  # the first of January 1970 was a Thursday
    if timeframe is Timeframe.MO1:
        return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return days


def _midnight_after(periods: Whole, timeframe: Timeframe) -> Whole:
    after = periods + 1
    if timeframe is Timeframe.W1:
        days = after * 7 - 3
    elif timeframe is Timeframe.MO1:
        days = after.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    else:
        days = after
    return days * DAY - INDIA


def _with_unknown(at: Whole, sessions: Sessions, length: int) -> Sessions:
    """Return the sessions with one more for each stretch of a day that has bars outside of them."""
    count = len(sessions.closes)
    place = np.searchsorted(sessions.closes, at)
    inside = place < count
    inside[inside] = sessions.opens[place[inside]] < at[inside]
    if inside.all():
        return sessions
    lost, where = at[~inside], place[~inside]
    days = (lost - 1 + INDIA) // DAY
    firsts = np.flatnonzero((np.diff(where, prepend=-1) != 0) | (np.diff(days, prepend=-1) != 0))
    midnights = (days[firsts] + 1) * DAY - INDIA
    following = np.append(sessions.opens, np.iinfo(np.int64).max)[where[firsts]]
    opens = np.append(sessions.opens, lost[firsts] - length)
    closes = np.append(sessions.closes, np.minimum(midnights, following))
    order = np.argsort(closes)
    return Sessions(opens[order], closes[order])
