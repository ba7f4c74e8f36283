"""Which bars are missing, judged against the calendar and against the listing's own habits.

A minute without any execution has no bar, so a missing bar alone proves nothing. A run of missing minutes counts as a gap
when it is at least ten times as long as the usual distance between two bars of that session, and at least ten minutes long;
so a share that trades every minute may not be silent for ten, and one that trades every quarter of an hour may for two hours.
A session without any bar counts when sessions before and after it have some, and when the run of such sessions is longer
than this listing's usual ones. Before the first and after the last bar nothing is missing: it may not have been listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from sigma.domain.bars import Bars, Gap, GapKind, Span
from sigma.domain.market import Timeframe
from sigma.engines.bars import DAY, MINUTE, Sessions, Whole, moment, shared_sessions
from sigma.engines.spans import shared, without

QUIET_MINUTES = 10
QUIET_TIMES = 10
QUIET_SESSIONS = 3


def gaps(
    bars: Bars, base: Timeframe, sessions: Sessions, wanted: Span, covered: Sequence[Span], confirmed: Sequence[Span] = ()
) -> tuple[Gap, ...]:
    """Return what is missing of `bars` (of one minute or one day) in `wanted`, oldest first.

    Parameters
    ----------
    wanted : Span
        Must not reach beyond what may be known: the present, less what a source needs.
    covered : sequence of Span
        For which time the source was asked.
    confirmed : sequence of Span
        For which it was asked twice and gave nothing.
    """
    unasked = [part for hole in without(wanted, covered) for part in shared_sessions(sessions, hole)]
    found = [(span, GapKind.NOT_FETCHED) for span in unasked]
    asked = [part for span in shared(wanted, covered) for part in shared_sessions(sessions, span)]
    for span in _silent(bars, base, sessions, asked):
        found += [(part, GapKind.MISSING) for part in without(span, confirmed)]
        found += [(part, GapKind.CONFIRMED) for part in shared(span, confirmed)]
    counted = [(span, _count(span, base, sessions), kind) for span, kind in sorted(found)]
    return tuple(Gap(moment(span.start), moment(span.end), count, kind) for span, count, kind in counted if count)


def _reach(base: Timeframe) -> int:
    """Return how long before its close a bar may have begun, at most."""
    return DAY if base is Timeframe.D1 else MINUTE


def _count(span: Span, base: Timeframe, sessions: Sessions) -> int:
    """Return how many bars close in a part of a session."""
    if base is Timeframe.D1:
        return int(np.searchsorted(sessions.closes, span.end, "right") - np.searchsorted(sessions.closes, span.start, "right"))
    return span.end // MINUTE - span.start // MINUTE


def _silent(bars: Bars, base: Timeframe, sessions: Sessions, asked: Iterable[Span]) -> list[Span]:
    """Return the parts of sessions in which the listing is silent for longer than it is its habit."""
    if not len(bars):
        return []
    at = bars["at"]
    parts = list(shared(Span(int(at[0]) - _reach(base), int(at[-1])), asked))
    counts = [int(np.searchsorted(at, span.end, "right") - np.searchsorted(at, span.start, "right")) for span in parts]
    silent = _empty_sessions(parts, counts)
    if base is Timeframe.D1:
        return silent
    for span, count in zip(parts, counts, strict=True):
        if count:
            first = int(np.searchsorted(at, span.start, "right"))
            silent += _runs(at[first : first + count], span)
    return silent


def _empty_sessions(parts: Sequence[Span], counts: Sequence[int]) -> list[Span]:
    traded = np.flatnonzero(np.array(counts, dtype=np.int64))
    if len(traded) < 2:
        return []
    distances = np.diff(traded)
    usual = float(np.median(distances))
    least = QUIET_SESSIONS * usual - 1
    return [
        parts[silent]
        for place, distance in zip(traded[:-1].tolist(), distances.tolist(), strict=True)
        if distance >= max(2.0, least)
        for silent in range(place + 1, place + distance)
    ]


def _runs(at: Whole, span: Span) -> list[Span]:
    """Return the long silences within one session, from its opening on."""
    points = np.concatenate([[span.start], at, [span.end]])
    distances = np.diff(points)
    usual = float(np.median(distances[1:-1])) if len(at) > 1 else float(span.end - span.start)
    least = max(QUIET_MINUTES * MINUTE, QUIET_TIMES * usual)
    found = []
    for place in np.flatnonzero(distances > least).tolist():
        last = place == len(at)
        end = points[place + 1] if last else points[place + 1] - MINUTE
        if end > points[place]:
            found.append(Span(int(points[place]), int(end)))
    return found
