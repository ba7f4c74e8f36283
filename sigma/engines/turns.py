"""Whose turn it is to call a broker: places in one order, and windows that hold however a stretch of time is cut.

Every call takes a place; places are numbered from 0. A place's stamp says by when its call, and every call before it, had
been made at the latest as far as is known, so stamps never fall from place to place. That makes one look enough: when the stamp
`most` places back has grown old, only `most - 1` calls can lie inside the window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sigma.domain.limits import Window

SECOND_NS = 1_000_000_000
SLACK_NS = 20_000_000
"""Added to each window: what left apart may arrive somewhat closer together."""

StampOf = Callable[[int], int]


def due(place: int, stamp_of: StampOf, windows: Sequence[Window], closed_until: int) -> int:
    """Return the first instant (boot clock, nanoseconds) at which a call of a new place may leave.

    Parameters
    ----------
    place : int
        One more than the last place there is.
    stamp_of : callable
        Gives the stamp of a place.
    closed_until : int
        Nobody calls before.
    """
    earliest = max(closed_until, stamp_of(place - 1) if place else 0)
    return max(earliest, _free(place, place, stamp_of, windows))


def due_again(place: int, newest: int, now: int, stamp_of: StampOf, windows: Sequence[Window], closed_until: int) -> int:
    """Return when the call of a place that waited may leave, as things are now; at most `now`: it may.

    Stamps may have grown meanwhile, and when it is late others behind it may have called already: these are counted too.

    Parameters
    ----------
    newest : int
        The last place there is.
    """
    last = place
    while last < newest and stamp_of(last + 1) <= now:
        last += 1
    return max(closed_until, stamp_of(place), _free(place, last, stamp_of, windows))


def raised(place: int, newest: int, at: int, stamp_of: StampOf) -> Iterator[int]:
    """Give the places whose stamps must become `at` because the call of `place` was made then."""
    for number in range(place, newest + 1):
        if stamp_of(number) >= at:
            return
        yield number


def _free(place: int, last: int, stamp_of: StampOf, windows: Sequence[Window]) -> int:
    """Return when every window has room for the call of `place` besides all others up to `last`."""
    free = 0
    for window in windows:
        back = last - window.calls + (last - place >= window.calls)  # its own stamp, when it comes by it, is no call
        if back >= 0:
            free = max(free, stamp_of(back) + window.seconds * SECOND_NS + SLACK_NS)
    return free
