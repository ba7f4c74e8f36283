"""The exchange's clock: runs at the real rate from any moment, can be set and advanced, and can be waited for."""

from __future__ import annotations

import threading
import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day

from sigma.domain.calendar import Calendar
from sigma.domain.instruments import Exchange
from sigma.domain.times import ist, ist_date, require_utc

ROOM = timedelta(days=35)
_LONGEST_SEARCH = 3660


def machine_now() -> datetime:
    """Return what this machine's own clock shows, UTC: for a person's authenticator, and for where a new exchange starts."""
    return datetime.now(UTC)


class SimClock:
    """A clock at the real rate with an offset."""

    def __init__(self, start: datetime) -> None:
        self._changed = threading.Condition()
        self._stopped = False
        self._base = require_utc(start)
        self._mark = time.monotonic()

    def now(self) -> datetime:
        """Return the exchange's present, UTC."""
        return self._base + timedelta(seconds=time.monotonic() - self._mark)

    def offset_s(self) -> float:
        """Return by how many seconds the clock is ahead of the machine's."""
        return (self.now() - machine_now()).total_seconds()

    def set(self, moment: datetime) -> None:
        """Make it `moment` now; whoever waits looks again."""
        with self._changed:
            self._base, self._mark = require_utc(moment), time.monotonic()
            self._changed.notify_all()

    def wait_until(self, moment: datetime) -> bool:
        """Block until the clock shows `moment`; return False when the simulator stops meanwhile."""
        with self._changed:
            while not self._stopped:
                left = (moment - self.now()).total_seconds()
                if left <= 0:
                    return True
                self._changed.wait(left)
        return False

    def stop(self) -> None:
        """Wake everybody who waits, for good."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()


def default_start(now: datetime, calendar: Calendar) -> datetime:
    """Return `now` inside a session, else 10:00 IST of the latest session before it that runs at that time (for demos).

    The calendar knows the `ROOM` that follows, so that a demo has sessions to come; when its list is nearly over, or is
    over, the demo is in its last weeks.

    Raises
    ------
    ValueError
        The calendar knows no such moment in the ten years before.
    """
    latest = _latest_day(ist_date(now), calendar)
    if ist_date(now) == latest and calendar.is_open(Exchange.NSE, now):
        return now
    for days in range(_LONGEST_SEARCH):
        at_ten = ist(latest - timedelta(days=days), time_of_day(10))
        if at_ten <= now and calendar.is_open(Exchange.NSE, at_ten):
            return at_ten
    raise ValueError(f"the calendar knows no session of {Exchange.NSE} in the years before {latest}")


def _latest_day(today: date, calendar: Calendar) -> date:
    """Return today, or the last day before it that the calendar knows with the room that follows."""
    for days in range(_LONGEST_SEARCH):
        day = today - timedelta(days=days)
        end = calendar.known_until(Exchange.NSE, day)
        if end is not None:
            return min(day, end - ROOM)
    return today
