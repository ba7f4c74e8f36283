"""Bringing bars into the lake: what is missing is asked for, call by call, and kept once it cannot change any more.

Only bars of one minute and of one day are fetched and kept; all other lengths are made from them. A bar is kept when it is
closed and the source had time to settle it; until then it is fetched again at each look (the tail).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from sigma.domain.accounts import Account
from sigma.domain.bars import Bars, Gap, GapKind, Span
from sigma.domain.calendar import Calendar
from sigma.domain.errors import BrokerUnavailable, Conflict, Unsupported
from sigma.domain.events import Level
from sigma.domain.instruments import split_listing
from sigma.domain.limits import CallKind
from sigma.domain.market import Timeframe
from sigma.domain.times import ist, ist_date
from sigma.engines import bar_gaps
from sigma.engines import bars as engine
from sigma.engines.bars import DAY, Sessions, micros, moment
from sigma.engines.spans import joined, pieces, shared, without
from sigma.ports.clock import Clock
from sigma.ports.lake import Lake, LakeWriter, Series
from sigma.services.connections import Connections
from sigma.services.events import EventsService
from sigma.services.settings import SettingsService

Progress = Callable[[int, int, str], None]
"""Told how many calls are done, of how many, and at what."""

SETTLED = {Timeframe.M1: 5_000_000, Timeframe.D1: 3_600_000_000}
"""How long after its close a bar may still change at the source, microseconds: exchanges settle a day's close afterwards."""
OVERLAP = 10 * DAY
ADJUSTED = 0.002
"""A stored and a fetched close of one bar that differ by more than this part: the source has adjusted its history."""
MOST_REPAIRS = 20


@dataclass
class Want:
    """The minutes or days that somebody wants of a listing from a source, and what came of it.

    Parameters
    ----------
    live : bool
        Whether `span` ends now, so that bars which are not closed yet are wanted too.
    patience_s : float
        How long each call may wait for its turn at the source.
    calls, stored : int
        Calls made, and bars stored.
    tail : Bars
        What cannot be kept yet; `known_until` says by when it was asked for.
    """

    series: Series
    account: Account
    span: Span
    sessions: Sessions
    live: bool
    known_until: int
    patience_s: float = 0.0
    calls: int = 0
    stored: int = 0
    tail: Bars = field(default_factory=engine.empty)


@dataclass(frozen=True, slots=True)
class _Tail:
    """What a source said at a moment of the boot clock of the time that cannot be kept yet."""

    boot_ns: int
    start: int
    asked_at: int
    bars: Bars


class _Adjusted(BrokerUnavailable):
    """The source tells its history otherwise than before."""


class BarFetcher:
    """Asks sources for bars and writes them into the lake."""

    def __init__(
        self,
        clock: Clock,
        calendar: Calendar,
        settings: SettingsService,
        connections: Connections,
        lake: Lake,
        events: EventsService,
    ) -> None:
        self._clock, self._calendar, self._settings = clock, calendar, settings
        self._connections, self._lake, self._events = connections, lake, events
        self._tails: dict[Series, _Tail] = {}

    def want(self, account: Account, listing: str, timeframe: Timeframe, start: datetime, end: datetime | None) -> Want:
        """Return what bars from `start` to `end` (None: now) are made of: from the day, week or month of the first one on."""
        now, day = self._clock.now(), ist_date(start)
        last = now if end is None else min(end, now)
        if timeframe is Timeframe.W1:
            day -= timedelta(days=day.weekday())
        if timeframe is Timeframe.MO1:
            day = day.replace(day=1)
        base = Timeframe.D1 if timeframe.minutes is None else Timeframe.M1
        exchange, _ = split_listing(listing)
        sessions = engine.sessions_of(self._calendar, exchange, day, ist_date(last) + timedelta(days=31))
        span = Span(micros(ist(day, time())), micros(last))
        return Want(Series(account.broker, listing, base), account, span, sessions, last == now, span.end)

    def calls(self, want: Want, *known: Span) -> list[Span]:
        """Return the calls that bring what neither the lake nor `known` has, oldest first.

        Raises
        ------
        Unsupported
            The source has no such bars.
        """
        capabilities = self._connections.kit(want.account).capabilities
        days = capabilities.history_days.get(want.series.timeframe)
        if days is None:
            raise Unsupported(f"{capabilities.title} gives no bars of {want.series.timeframe}.", hint="Choose another source.")
        longest = max(1, days - 1) * DAY  # a bar that straddles the start counts too
        covered = self._lake.known(want.series, want.span).covered
        trimmed = [self._trimmed(want, hole) for hole in without(want.span, (*covered, *known))]
        return [call for part in trimmed if part for call in pieces(part, longest)]

    def bring(self, want: Want, wait_s: float, progress: Progress | None = None) -> None:
        """Fetch what the lake lacks of `want` and keep it; each call's bars are kept before the next call is made.

        Raises
        ------
        BrokerError
            The source cannot be asked.
        NotFound
            The source has no name for the listing.
        Conflict
            Another process has been fetching the same for more than `wait_s` seconds.
        NoTurn
            The source takes no further call within `wait_s` seconds.
        """
        want.patience_s = wait_s
        if self._fresh(want) or not self.calls(want):
            return
        with self._lake.claim(want.series, wait_s) as writer:
            if writer is None:
                told = f"Another process is fetching bars of {want.series.listing}."
                raise Conflict(told, hint="Try again when it is done.", code="BARS_BUSY")
            try:
                self._fetched(want, writer, progress)
            except _Adjusted:
                self._forget(want, writer)
                self._fetched(want, writer, progress)

    def gaps(self, want: Want) -> tuple[Gap, ...]:
        """Return what the lake lacks of `want`, as `sigma.engines.bar_gaps` judges it."""
        known = self._lake.known(want.series, want.span)
        settled = min(want.span.end, micros(self._clock.now()) - SETTLED[want.series.timeframe])
        bars = self._lake.read(want.series, want.span)
        span = Span(want.span.start, max(want.span.start, settled))
        return bar_gaps.gaps(bars, want.series.timeframe, want.sessions, span, known.covered, known.confirmed)

    def repair(self, want: Want, wait_s: float) -> None:
        """Ask once more for what is missing though it was asked for; where the source has nothing again, that is kept too."""
        want.patience_s = wait_s
        missing = joined(Span(micros(gap.start), micros(gap.end)) for gap in self.gaps(want) if gap.kind is GapKind.MISSING)
        if not missing:
            return
        with self._lake.claim(want.series, wait_s) as writer:
            if writer is None:
                return
            try:
                for span in missing[:MOST_REPAIRS]:
                    self._call(want, span, writer, confirms=True)
            except _Adjusted:
                self._forget(want, writer)
                self._fetched(want, writer, None)

    # -- one call after another -----------------------------------------------------------------------------------------

    def _fetched(self, want: Want, writer: LakeWriter, progress: Progress | None) -> None:
        calls = self.calls(want)  # again: whoever was waited for may have brought them
        for number, call in enumerate(calls):
            if progress is not None:
                progress(number, len(calls), f"{want.series.listing} from {moment(call.start):%d %b %Y}")
            self._call(want, call, writer, last=number == len(calls) - 1)
        if progress is not None and calls:
            progress(len(calls), len(calls), want.series.listing)

    def _call(self, want: Want, call: Span, writer: LakeWriter, *, last: bool = False, confirms: bool = False) -> None:
        """Make one call and keep what is settled of it; what is not, of the last one, is the tail."""
        series = want.series
        before = self._last_before(want, call)
        begin = call.start if before is None else int(before["at"][-1]) - 1
        asked_at = micros(self._clock.now())
        start, end = moment(begin), moment(call.end)
        got = self._connections.read(
            want.account.id,
            CallKind.BARS,
            lambda broker: broker.history(series.listing, series.timeframe, start, end),
            patience_s=want.patience_s,
        )
        want.calls += 1
        bars = engine.clip(got, series.timeframe, want.sessions)
        if before is not None and _differs(before, bars):
            raise _Adjusted(f"{want.account.name} tells the past of {series.listing} otherwise at each call.", hint="Try again.")
        settled = Span(call.start, max(call.start, min(call.end, asked_at - SETTLED[series.timeframe])))
        if settled.start < settled.end:
            kept = engine.between(bars, settled)
            writer.write(kept, settled, (call,) if confirms else ())
            want.stored += len(kept)
        if last:
            want.tail = bars[bars["at"] > settled.end]
            if want.live:
                want.known_until = asked_at
                self._tails[series] = _Tail(self._clock.boot_ns(), settled.end, asked_at, want.tail)

    def _last_before(self, want: Want, call: Span) -> Bars | None:
        """Return the bar stored last before a call, for comparison; None when there is none near enough to fit into it."""
        days = self._connections.kit(want.account).capabilities.history_days[want.series.timeframe]
        room = min(OVERLAP, days * DAY - (call.end - call.start) - 1)
        stored = self._lake.read(want.series, Span(call.start - room, call.start)) if room > 0 else engine.empty()
        return stored[-1:] if len(stored) else None

    def _forget(self, want: Want, writer: LakeWriter) -> None:
        writer.forget()
        self._tails.pop(want.series, None)
        text = f"{want.account.name} tells the past of {want.series.listing} otherwise than before (a split?): fetched anew."
        self._events.record("BARS_ADJUSTED", text, level=Level.WARNING, account=want.account, listing=want.series.listing)

    def _fresh(self, want: Want) -> bool:
        """Say whether the tail of a moment ago is all that the lake lacks, and take it."""
        tail = self._tails.get(want.series)
        if tail is None or not want.live:
            return False
        age_s = (self._clock.boot_ns() - tail.boot_ns) / 1e9
        if age_s >= self._settings.seconds("market.bars_refresh") or self.calls(want, Span(tail.start, want.span.end)):
            return False
        want.tail, want.known_until = tail.bars, tail.asked_at
        return True

    # -- what needs no call ---------------------------------------------------------------------------------------------

    def _trimmed(self, want: Want, hole: Span) -> Span | None:
        """Return a hole without the time before its first and after its last session; None when there is none in it."""
        inside = sorted([*engine.shared_sessions(want.sessions, hole), *self._unknown(want, hole)])
        return Span(inside[0].start, max(part.end for part in inside)) if inside else None

    def _unknown(self, want: Want, hole: Span) -> Sequence[Span]:
        """Return the weekdays of a hole of which the calendar does not know whether they had a session: the source knows."""
        exchange, _ = split_listing(want.series.listing)
        first, last = ist_date(moment(hole.start)), ist_date(moment(hole.end))
        days = (first + timedelta(days=number) for number in range((last - first).days + 1))
        unknown = (day for day in days if day.weekday() < 5 and not self._calendar.knows(exchange, day))
        whole = (Span(micros(ist(day, time())), micros(ist(day + timedelta(days=1), time()))) for day in unknown)
        return shared(hole, whole)


def _differs(before: Bars, fetched: Bars) -> bool:
    """Say whether a source now tells the close of a stored bar otherwise; a bar that it does not tell again proves nothing."""
    same = fetched[fetched["at"] == before["at"][-1]]
    return bool(len(same)) and abs(float(same["close"][0]) / float(before["close"][-1]) - 1.0) > ADJUSTED
