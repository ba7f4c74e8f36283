"""Recording ticks, and playing recorded ones again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import structlog

from sigma.domain.errors import NotFound
from sigma.domain.ticks import TickDay, Ticks, moment
from sigma.domain.times import ist_date
from sigma.ports.clock import Clock
from sigma.ports.feed import FeedSink
from sigma.ports.ticks import TickArchive
from sigma.services.settings import SettingsService

log = structlog.get_logger(__name__)
EVERY_NS = 60_000_000_000
MOST_ROWS = 200_000
"""So many ticks are written before the minute is over."""
TOGETHER_US = 50_000
"""Ticks received within this time of one another are played again as one frame."""

Allot = Callable[[Sequence[str]], Mapping[str, int]]
"""What gives each listing the slot that its ticks carry."""


class TickRecorder:
    """Keeps ticks in memory for a minute, then writes them to the archive, while ``market.record_ticks`` is on."""

    def __init__(self, archive: TickArchive, settings: SettingsService, clock: Clock) -> None:
        self._archive = archive
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._on = False
        self._kept: list[tuple[int, Sequence[str], Ticks]] = []
        self._rows = 0
        self._since_ns = 0
        self._tidied: date | None = None

    def add(self, source: int, listings: Sequence[str], ticks: Ticks) -> None:
        """Take the ticks of one frame; `listings` by slot says what each is of. Writes nothing: for a feed's own thread."""
        if not self._on:
            return
        with self._lock:
            if not self._kept:
                self._since_ns = self._clock.boot_ns()
            self._kept.append((source, listings, ticks.copy()))
            self._rows += len(ticks)

    def keep(self) -> None:
        """Follow the settings, and write what is due. For one thread of the worker, about once a second."""
        self._on = bool(self._settings.get("market.record_ticks"))
        full = self._rows >= MOST_ROWS
        if self._kept and (full or not self._on or self._clock.boot_ns() - self._since_ns >= EVERY_NS):
            self.flush()
        self._tidy()

    def flush(self) -> None:
        """Write all that is kept in memory."""
        with self._lock:
            kept, self._kept, self._rows = self._kept, [], 0
        for source in dict.fromkeys(source for source, _, _ in kept):
            listings = max((known for owner, known, _ in kept if owner == source), key=len)  # slots are only ever added
            ticks = np.concatenate([part for owner, _, part in kept if owner == source])
            days = np.array([ist_date(moment(int(at))).toordinal() for at in ticks["received"][[0, -1]]])
            try:
                self._write(source, listings, ticks, days)
            except OSError as error:
                log.warning("ticks_not_written", source=source, ticks=len(ticks), error=str(error))

    def _write(self, source: int, listings: Sequence[str], ticks: Ticks, days: np.ndarray) -> None:
        if days[0] == days[1]:
            self._archive.add(date.fromordinal(int(days[0])), source, listings, ticks)
            return
        each = np.array([ist_date(moment(int(at))).toordinal() for at in ticks["received"]])
        for day in np.unique(each):
            self._archive.add(date.fromordinal(int(day)), source, listings, ticks[each == day])

    def _tidy(self) -> None:
        """Delete what is older than the setting, once a day."""
        today = ist_date(self._clock.now())
        if today == self._tidied:
            return
        gone = self._archive.drop_before(today - timedelta(days=int(self._settings.get("market.ticks_retention_days"))))
        if gone:
            log.info("old_ticks_deleted", days=gone)
        self._tidied = today


class TickReplay:
    """Plays recorded ticks into a sink, in the order and at the pace they came."""

    def __init__(self, archive: TickArchive, clock: Clock) -> None:
        self._archive = archive
        self._clock = clock

    def days(self, sources: Sequence[int]) -> Sequence[TickDay]:
        """Return what is recorded of these sources (account ids), the oldest day first."""
        return [row for row in self._archive.days() if row.source in sources]

    def play(
        self,
        day: date,
        source: int,
        sink: FeedSink,
        allot: Allot,
        *,
        speed: float = 1.0,
        ended: Callable[[], bool] = lambda: False,
    ) -> int:
        """Play one day and return how many ticks there were.

        Parameters
        ----------
        allot : callable
            Gives each listing its slot (a LatestTable's `allot`).
        speed : float
            1: as they came; 10: ten times as fast; 0: as fast as the sink takes them.
        ended : callable
            Asked before each frame; True ends it.

        Raises
        ------
        NotFound
            Nothing is recorded of this source on this day.
        """
        played, before = 0, None
        for listings, ticks in self._archive.read(day, source):
            slots = allot(listings)
            ticks["slot"] = np.array([slots[listing] for listing in listings], np.int32)[ticks["slot"]]
            for frame in _frames(ticks):
                if ended():
                    return played
                at = int(frame["received"][0])
                if speed and before is not None:
                    self._clock.wait((at - before) / 1e6 / speed)
                before = at
                sink.ticks(frame)
                played += len(frame)
        if before is None:
            raise NotFound(f"Nothing is recorded on {day:%d %b %Y}.", hint="`sigma ticks list` shows what is.")
        return played


def _frames(ticks: Ticks) -> Sequence[Ticks]:
    """Return ticks, ordered by when they were received, in parts that were received together."""
    frame = (ticks["received"] - ticks["received"][0]) // TOGETHER_US
    return np.split(ticks, np.flatnonzero(np.diff(frame)) + 1)
