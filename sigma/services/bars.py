"""Bars for whoever asks: what the lake holds, and from the canonical source what it lacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import structlog
from numpy.typing import NDArray

from sigma.domain.bars import Bars, Gap, Span
from sigma.domain.errors import BrokerError, Conflict, NotFound, SessionExpired, SigmaError, StaleData, Unsupported
from sigma.domain.events import Level
from sigma.domain.market import Timeframe
from sigma.engines import bars as engine
from sigma.engines.bars import DAY, micros
from sigma.engines.spans import without
from sigma.ports.clock import Clock
from sigma.ports.lake import Lake
from sigma.services.bar_fetch import BarFetcher, Progress, Want
from sigma.services.events import EventsService
from sigma.services.instruments import InstrumentsService
from sigma.services.market import MarketService

log = structlog.get_logger(__name__)

DEFAULT_DAYS = {
    Timeframe.M1: 5,
    Timeframe.M3: 10,
    Timeframe.M5: 20,
    Timeframe.M15: 60,
    Timeframe.M30: 100,
    Timeframe.H1: 180,
    Timeframe.D1: 730,
    Timeframe.W1: 5 * 365,
    Timeframe.MO1: 10 * 365,
}
"""How far back bars go when nobody says how far, in days."""
LOOK_WAIT_S, DOWNLOAD_WAIT_S = 20.0, 3600.0
"""How long a look and a download wait for another process that fetches the same, and for each turn at the source."""


@dataclass(frozen=True)
class BarsAnswer:
    """Bars, and what they are worth.

    Parameters
    ----------
    source : str
        Name of the account they came from.
    known_until : int
        Bars that close later are not complete: microseconds since 1970 in UTC.
    stale : str
        Why the source was not asked for all of it; empty when it was.
    missing : tuple of Span
        Sessions, or parts of them, for which the source was never asked.
    """

    listing: str
    timeframe: Timeframe
    bars: Bars
    source: str
    known_until: int
    stale: str = ""
    missing: tuple[Span, ...] = ()

    @property
    def forming(self) -> NDArray[np.bool_]:
        """Which bars are not closed yet, or not completely known."""
        found: NDArray[np.bool_] = self.bars["at"] > self.known_until
        return found


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What a download did for one listing: calls made, bars stored, why it failed (empty when it did not)."""

    listing: str
    calls: int = 0
    bars: int = 0
    error: str = ""


class BarsService:
    """Answers with bars, and downloads them."""

    def __init__(
        self,
        clock: Clock,
        market: MarketService,
        instruments: InstrumentsService,
        lake: Lake,
        fetcher: BarFetcher,
        events: EventsService,
    ) -> None:
        self._clock, self._market, self._instruments = clock, market, instruments
        self._lake, self._fetcher, self._events = lake, fetcher, events

    def bars(
        self,
        user_id: int,
        text: str,
        timeframe: Timeframe,
        start: datetime | None = None,
        end: datetime | None = None,
        progress: Progress | None = None,
    ) -> BarsAnswer:
        """Return the bars that close after `start` and, where `end` is given, not after it (UTC).

        Without `end` the forming bar is the last one. Without `start` as many days as DEFAULT_DAYS says. What the lake lacks
        is fetched from the canonical source and kept.

        Raises
        ------
        NotFound, InvalidInput
            The text names no listing, or none of the source's.
        StaleData
            There is no source, or it cannot be asked and the lake has nothing of this time.
        """
        now = self._clock.now()
        begin = start or (end or now) - timedelta(days=DEFAULT_DAYS[timeframe])
        listing = self._instruments.resolve(text, user_id).text
        want = self._fetcher.want(self._market.source(user_id), listing, timeframe, begin, end)
        error: SigmaError | None = None
        try:
            self._fetcher.bring(want, LOOK_WAIT_S, progress)
        except (BrokerError, NotFound, Conflict) as refused:
            error = refused
            log.info("bars from the lake alone", listing=listing, why=refused.message)
        span = Span(micros(begin), micros(now) + 366 * DAY if end is None else micros(end))
        return self._answer(want, timeframe, span, error)

    def download(
        self,
        user_id: int,
        texts: Sequence[str],
        timeframe: Timeframe,
        start: datetime,
        end: datetime | None = None,
        progress: Progress | None = None,
    ) -> tuple[Downloaded, ...]:
        """Fetch and keep what the lake lacks of several listings, repair gaps, and say what came of each.

        What is stored stays, so that a second run goes on where the first one ended. A listing that fails does not stop the
        others; a source that wants a new login does, and the rest then says so.
        """
        source = self._market.source(user_id)
        listings = dict.fromkeys(self._instruments.resolve(text, user_id).text for text in texts)
        wants = [self._fetcher.want(source, listing, timeframe, start, end) for listing in listings]
        plans = [len(self._fetcher.calls(want)) for want in wants]
        found: list[Downloaded] = []
        over = ""
        for number, want in enumerate(wants):
            try:
                if not over:
                    self._fetcher.bring(want, DOWNLOAD_WAIT_S, _part(progress, sum(plans[:number]), sum(plans)))
                    self._fetcher.repair(want, DOWNLOAD_WAIT_S)
                found.append(Downloaded(want.series.listing, want.calls, want.stored, over))
            except (BrokerError, NotFound, Conflict) as error:
                over = str(error) if isinstance(error, SessionExpired) else ""
                found.append(Downloaded(want.series.listing, want.calls, want.stored, str(error)))
        failed = [row for row in found if row.error]
        if failed:
            first = f"{failed[0].listing}: {failed[0].error}"
            text = f"Bars of {len(failed)} of {len(found)} listings could not be downloaded. {first}"
            self._events.record("BARS_FAILED", text, level=Level.WARNING, account=source, listings=len(failed))
        return tuple(found)

    def gaps(
        self, user_id: int, text: str, timeframe: Timeframe, start: datetime, end: datetime | None = None
    ) -> tuple[Gap, ...]:
        """Return what the lake lacks of a listing's minutes (or days); no source is asked."""
        listing = self._instruments.resolve(text, user_id).text
        return self._fetcher.gaps(self._fetcher.want(self._market.source(user_id), listing, timeframe, start, end))

    def _answer(self, want: Want, timeframe: Timeframe, span: Span, error: SigmaError | None) -> BarsAnswer:
        base = engine.merge(self._lake.read(want.series, want.span), want.tail)
        until = want.known_until
        missing: tuple[Span, ...] = ()
        if error is not None:
            if not len(base):
                raise self._nothing(want, error) from error
            covered = self._lake.known(want.series, want.span).covered
            until = min(want.known_until, max((each.end for each in covered), default=want.span.start))
            holes = without(want.span, covered)
            missing = tuple(part for hole in holes for part in engine.shared_sessions(want.sessions, hole))
        bars = engine.aggregate(base, timeframe, want.sessions, want.series.timeframe)
        past = [hole for hole in missing if hole.start < until]
        bars = engine.untouched(bars, timeframe, want.sessions, past, want.series.timeframe)
        stale = "" if error is None else f"Not brought up to date: {error.message}"
        return BarsAnswer(want.series.listing, timeframe, engine.between(bars, span), want.account.name, until, stale, missing)

    def _nothing(self, want: Want, error: SigmaError) -> SigmaError:
        """Return what to raise when there is nothing at all: the error itself where waiting does not cure it."""
        if isinstance(error, NotFound | Unsupported):
            return error
        told = f"Market data unavailable: no bars of {want.series.listing} are stored, and {want.account.name} cannot be asked"
        return StaleData(f"{told} ({error.message})", hint=error.hint, code="NO_MARKET_DATA")


def _part(progress: Progress | None, done: int, total: int) -> Progress | None:
    """Return what tells of one listing's calls as a part of all."""
    if progress is None:
        return None
    return lambda number, _calls, words: progress(min(done + number, total), total, words)
