"""Bars: fetched once, in parts that the source takes, kept when closed, made longer from what is kept, and honest when stale."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from sigma.domain.bars import BAR, Bars, GapKind, Span
from sigma.domain.calendar import Calendar, weekdays
from sigma.domain.days import DayTable
from sigma.domain.errors import BrokerUnavailable, InvalidInput, NotFound, SessionExpired, StaleData
from sigma.domain.events import Level
from sigma.domain.instruments import Exchange
from sigma.domain.limits import CallKind, CallLimit, Window
from sigma.domain.market import Timeframe
from sigma.engines.bars import DAY, MINUTE, micros, moment, sessions_of
from sigma.services.bar_fetch import BarFetcher
from sigma.services.bars import BarsService
from sigma.store.lake import open_lake
from tests.services.rooms import FRIDAY, Rooms
from tests.services.test_instruments import SHARES, shares

ALL = sessions_of(weekdays(), Exchange.NSE, date(2025, 1, 1), date(2026, 12, 31))
OPEN = datetime(2026, 11, 20, 3, 45, tzinfo=UTC)


THREE = (
    CallLimit("bars", frozenset({CallKind.BARS}), (Window(3, 1),)),
    CallLimit("all else", frozenset(CallKind) - {CallKind.BARS}, (Window(1000, 1),)),
)


@dataclass
class Source:
    """What alpha knows of every listing: one bar for each minute (or day) of every weekday, up to now."""

    rooms: Rooms
    factor: float = 1.0
    holes: list[Span] = field(default_factory=list)
    spans: list[tuple[Timeframe, datetime, datetime]] = field(default_factory=list)

    def tell(self, listing: str, timeframe: Timeframe, start: datetime, end: datetime) -> Bars:
        self.spans.append((timeframe, start, end))
        now, length = micros(self.rooms.clock.now()), DAY if timeframe is Timeframe.D1 else MINUTE
        if timeframe is Timeframe.D1:
            opens = (ALL.opens + 330 * MINUTE) // DAY * DAY - 330 * MINUTE
            begun = ALL.opens
        else:
            opens = np.concatenate([np.arange(first, last, MINUTE) for first, last in ALL.spans()])
            begun = opens
        nominal = opens + length
        keep = (nominal > micros(start)) & (opens < micros(end)) & (begun <= now)
        for hole in self.holes:
            keep &= (nominal <= hole.start) | (nominal > hole.end)
        bars = np.zeros(int(keep.sum()), BAR)
        bars["at"] = nominal[keep]
        price = (1000.0 + bars["at"] // MINUTE % 977) * self.factor
        bars["open"], bars["high"], bars["low"], bars["close"] = price, price + 1, price - 1, price
        bars["volume"] = 10 + (np.minimum(nominal[keep], now) - opens[keep]) // 1_000_000
        bars["open_interest"] = -1
        return bars


@dataclass
class Stand:
    rooms: Rooms
    source: Source
    service: BarsService

    def bars(self, timeframe: Timeframe = Timeframe.M15, text: str = "NSE:INFY", **more: datetime) -> list[str]:
        answer = self.service.bars(self.rooms.user, text, timeframe, **more)
        return [f"{moment(int(each)):%d %H:%M}" for each in answer.bars["at"]]

    def asked(self) -> int:
        """Return how many calls for bars were made since the last look."""
        found = sum(call.startswith("history") for call in self.rooms.alpha.calls)
        self.rooms.alpha.calls.clear()
        return found


def service_on(rooms: Rooms, home: Path, calendar: Calendar) -> BarsService:
    lake = open_lake(home)
    fetcher = BarFetcher(rooms.clock, calendar, rooms.settings, rooms.connections, lake, rooms.events)
    return BarsService(rooms.clock, rooms.market, rooms.instruments, lake, fetcher, rooms.events)


@pytest.fixture
def stand(rooms: Rooms, tmp_path: Path) -> Stand:
    for kit in (rooms.alpha, rooms.beta):
        days = {Timeframe.M1: 60, Timeframe.D1: 2000}
        kit.capabilities = replace(kit.capabilities, history_days=days, limits=THREE)
    rooms.connected()
    rooms.alpha.rows = shares("alpha", *SHARES)
    rooms.instruments.refresh(rooms.user, "alpha")
    source = Source(rooms)
    rooms.alpha.told = source.tell
    rooms.clock.pass_by(20)  # 10:30:20 IST
    rooms.alpha.calls.clear()
    return Stand(rooms, source, service_on(rooms, tmp_path / "home", weekdays()))


def test_the_forming_bar_is_the_last_one_and_marked(stand: Stand) -> None:
    answer = stand.service.bars(stand.rooms.user, "INFY", Timeframe.M15, OPEN)
    assert (answer.listing, answer.source, answer.stale, answer.missing) == ("NSE:INFY", "ann", "", ())
    # 10:30:20 IST: five bars are closed, the sixth has just begun
    assert [f"{moment(int(each)):%H:%M}" for each in answer.bars["at"]] == ["04:00", "04:15", "04:30", "04:45", "05:00", "05:15"]
    assert answer.forming.tolist() == [False] * 5 + [True]
    assert stand.asked() == 1


def test_what_is_kept_is_not_fetched_again_and_a_refresh_asks_for_the_rest_only(stand: Stand) -> None:
    first = stand.bars(start=OPEN - timedelta(days=30))
    assert stand.asked() == 1
    assert stand.bars(start=OPEN - timedelta(days=30)) == first
    assert stand.asked() == 0
    stand.rooms.clock.pass_by(600)
    assert (stand.bars(start=OPEN - timedelta(days=30)), stand.asked()) == (first, 1)
    _, start, _ = stand.source.spans[-1]
    assert FRIDAY - timedelta(minutes=2) <= start <= FRIDAY
    stand.rooms.clock.pass_by(600)
    assert stand.bars(start=OPEN - timedelta(days=30)) == [*first, "20 05:30"]


def test_the_forming_bar_is_never_frozen(stand: Stand) -> None:
    half = stand.service.bars(stand.rooms.user, "NSE:INFY", Timeframe.M1, OPEN)
    assert bool(half.forming[-1])
    stand.rooms.clock.pass_by(45)
    whole = stand.service.bars(stand.rooms.user, "NSE:INFY", Timeframe.M1, OPEN)
    same = whole.bars[whole.bars["at"] == half.bars["at"][-1]]
    assert (int(half.bars["volume"][-1]), int(same["volume"][0])) == (30, 70)
    assert whole.forming.tolist()[-2:] == [False, True]


def test_a_look_within_a_moment_asks_nobody_and_keeps_what_is_not_stored_yet(stand: Stand) -> None:
    seen = stand.bars(Timeframe.M1, start=OPEN)
    stand.asked()
    stand.rooms.clock.pass_by(2)
    assert stand.bars(Timeframe.M1, start=OPEN) == seen
    assert stand.asked() == 0
    stand.rooms.clock.pass_by(4)
    assert stand.bars(Timeframe.M1, start=OPEN) == seen  # 10:30:26, the same minute
    assert stand.asked() == 1


def test_after_the_close_nothing_is_asked_once_the_last_minute_is_settled(stand: Stand) -> None:
    stand.rooms.clock.pass_by(5 * 3600 - 18)  # 15:30:02
    just_closed = stand.bars(Timeframe.M1, start=OPEN)
    assert just_closed[-1] == "20 10:00"
    assert len(just_closed) == 375
    stand.rooms.clock.pass_by(3600)
    assert stand.bars(Timeframe.M1, start=OPEN) == just_closed
    stand.asked()
    stand.rooms.clock.pass_by(3600)
    assert stand.bars(Timeframe.M1, start=OPEN) == just_closed
    assert stand.asked() == 0


def test_longer_bars_are_made_from_what_is_kept(stand: Stand) -> None:
    stand.bars(Timeframe.M1, start=OPEN - timedelta(days=3))
    stand.asked()
    for timeframe in (Timeframe.M3, Timeframe.M5, Timeframe.M15, Timeframe.M30, Timeframe.H1):
        answer = stand.service.bars(stand.rooms.user, "NSE:INFY", timeframe, OPEN - timedelta(days=3))
        assert answer.forming[-1]
    assert stand.asked() == 0
    days = stand.bars(Timeframe.D1, start=OPEN - timedelta(days=30))
    assert (stand.asked(), days[-2:]) == (1, ["19 10:00", "20 10:00"])
    assert stand.bars(Timeframe.W1, start=OPEN - timedelta(days=20))[-1] == "20 10:00"
    assert stand.bars(Timeframe.MO1, start=OPEN - timedelta(days=10)) == ["30 10:00"]
    assert stand.asked() <= 2


def test_a_long_span_is_fetched_in_parts_no_faster_than_the_source_takes(stand: Stand) -> None:
    stand.rooms.clock.waits.clear()
    told: list[tuple[int, int]] = []
    stand.service.bars(
        stand.rooms.user,
        "NSE:INFY",
        Timeframe.H1,
        OPEN - timedelta(days=365),
        progress=lambda done, total, words: told.append((done, total)),
    )
    assert stand.asked() == 7
    assert all(end - start <= timedelta(days=60) for _, start, end in stand.source.spans)
    assert sum(stand.rooms.clock.waits) == pytest.approx(2.04)
    assert told == [(number, 7) for number in range(8)]


def test_a_failure_half_way_keeps_what_came_and_a_second_run_goes_on(stand: Stand) -> None:
    start = OPEN - timedelta(days=365)
    asked = 0

    def fails_at_the_third(*given: object) -> Bars:
        nonlocal asked
        asked += 1
        if asked >= 3:
            raise BrokerUnavailable("away")
        return stand.source.tell(*given)  # type: ignore[arg-type]

    stand.rooms.alpha.told = fails_at_the_third
    (row,) = stand.service.download(stand.rooms.user, ["NSE:INFY"], Timeframe.M1, start)
    assert (row.calls, "away" in row.error, row.bars > 20_000) == (2, True, True)
    (event,) = stand.rooms.audit("BARS_FAILED")
    assert (event.level, "1 of 1" in event.text) == (Level.WARNING, True)
    stand.rooms.alpha.told = stand.source.tell
    (row,) = stand.service.download(stand.rooms.user, ["NSE:INFY"], Timeframe.M1, start)
    assert (row.calls, row.error) == (5, "")
    assert stand.service.gaps(stand.rooms.user, "NSE:INFY", Timeframe.M1, start) == ()


def test_one_listing_that_fails_does_not_stop_the_others_and_a_lost_login_does(stand: Stand) -> None:
    def odd(listing: str, *given: object) -> Bars:
        if listing == "NSE:RELIANCE":
            raise NotFound("no such token")
        return stand.source.tell(listing, *given)  # type: ignore[arg-type]

    stand.rooms.alpha.told = odd
    texts = ["NSE:RELIANCE", "NSE:INFY", "NSE:INFY"]
    rows = stand.service.download(stand.rooms.user, texts, Timeframe.M1, OPEN)
    assert [(row.listing, bool(row.bars), bool(row.error)) for row in rows] == [
        ("NSE:RELIANCE", False, True),
        ("NSE:INFY", True, False),
    ]
    stand.rooms.clock.pass_by(600)
    stand.rooms.alpha.failures = [SessionExpired("over")]
    stand.asked()
    rows = stand.service.download(stand.rooms.user, ["NSE:INFY", "NSE:RELIANCE"], Timeframe.M1, OPEN)
    assert all("ann" in row.error for row in rows)
    assert stand.asked() == 1


def test_without_the_source_the_lake_answers_and_says_why_it_is_stale(stand: Stand) -> None:
    stand.rooms.clock.pass_by(360)
    stand.bars(Timeframe.M1, start=OPEN)
    stand.rooms.clock.pass_by(1200)
    stand.rooms.alpha.failures = [BrokerUnavailable("away")] * 9
    answer = stand.service.bars(stand.rooms.user, "NSE:INFY", Timeframe.M15, OPEN)
    assert "away" in answer.stale
    # known until 10:36: the bar of 10:45 is not completely known, though its time is over
    assert [f"{moment(int(each)):%H:%M}" for each in answer.bars["at"]][-2:] == ["05:00", "05:15"]
    assert answer.forming.tolist() == [False] * 5 + [True]
    assert [f"{moment(span.start):%H:%M}-{moment(span.end):%H:%M}" for span in answer.missing] == ["05:06-05:26"]


def test_a_bar_with_a_hole_in_it_is_left_out_when_the_hole_cannot_be_filled(stand: Stand) -> None:
    stand.bars(Timeframe.M1, start=OPEN, end=OPEN + timedelta(minutes=20))
    stand.rooms.clock.pass_by(3 * 86_400)
    stand.rooms.sessions.connect(stand.rooms.user, "ann", {"request_token": "token-of-ann"})
    monday = OPEN + timedelta(days=3)
    stand.bars(Timeframe.M1, start=monday)
    stand.rooms.alpha.failures = [BrokerUnavailable("away")] * 9
    answer = stand.service.bars(stand.rooms.user, "NSE:INFY", Timeframe.M15, OPEN)
    # Friday is known until 09:35: its bars of 09:30 stand, the one of 09:45 would be made of a third of its minutes
    assert [f"{moment(int(each)):%d %H:%M}" for each in answer.bars["at"]][:3] == ["20 04:00", "23 04:00", "23 04:15"]
    assert f"{moment(answer.missing[0].start):%d %H:%M}" == "20 04:05"


def test_nothing_stored_and_no_source_is_an_error_that_says_so(stand: Stand) -> None:
    stand.rooms.alpha.failures = [BrokerUnavailable("away")] * 9
    with pytest.raises(StaleData, match="no bars of NSE:INFY are stored"):
        stand.bars()
    with pytest.raises((NotFound, InvalidInput)):
        stand.bars(text="NSE:NOSUCH")


def test_another_source_has_a_lake_of_its_own(stand: Stand) -> None:
    stand.bars(Timeframe.M1, start=OPEN)
    other = stand.rooms.account("ben", "beta")
    stand.rooms.settings.set("market.source_account", other.name, user_id=stand.rooms.user)
    with pytest.raises(StaleData, match="not connected"):
        stand.bars(Timeframe.M1, start=OPEN)


def test_gaps_are_asked_for_once_more_and_then_confirmed(stand: Stand) -> None:
    hole = Span(micros(OPEN - timedelta(days=1, minutes=-60)), micros(OPEN - timedelta(days=1, minutes=-90)))
    stand.source.holes = [hole]
    start = OPEN - timedelta(days=2)
    stand.service.bars(stand.rooms.user, "NSE:INFY", Timeframe.M1, start)
    (gap,) = stand.service.gaps(stand.rooms.user, "NSE:INFY", Timeframe.M1, start)
    assert (gap.kind, gap.bars, micros(gap.start), micros(gap.end)) == (GapKind.MISSING, 30, *hole)
    stand.asked()
    stand.service.download(stand.rooms.user, ["NSE:INFY"], Timeframe.M1, start, end=FRIDAY - timedelta(minutes=1))
    assert stand.asked() == 1
    (gap,) = stand.service.gaps(stand.rooms.user, "NSE:INFY", Timeframe.M1, start)
    assert gap.kind is GapKind.CONFIRMED
    stand.service.download(stand.rooms.user, ["NSE:INFY"], Timeframe.M1, start, end=FRIDAY - timedelta(minutes=1))
    assert stand.asked() == 0


def test_a_gap_that_the_source_fills_later_is_repaired(stand: Stand) -> None:
    hole = Span(micros(OPEN - timedelta(days=1, minutes=-60)), micros(OPEN - timedelta(days=1, minutes=-90)))
    stand.source.holes = [hole]
    start = OPEN - timedelta(days=2)
    stand.service.bars(stand.rooms.user, "NSE:INFY", Timeframe.M1, start)
    stand.source.holes = []
    stand.service.download(stand.rooms.user, ["NSE:INFY"], Timeframe.M1, start)
    assert stand.service.gaps(stand.rooms.user, "NSE:INFY", Timeframe.M1, start) == ()


def test_a_source_that_adjusted_its_past_is_fetched_anew(stand: Stand) -> None:
    start = OPEN - timedelta(days=20)
    stand.bars(Timeframe.M1, start=start)
    stand.source.factor = 0.5
    stand.rooms.clock.pass_by(3600)
    answer = stand.service.bars(stand.rooms.user, "NSE:INFY", Timeframe.M1, start)
    assert float(answer.bars["close"].max()) < 1000
    (event,) = stand.rooms.audit("BARS_ADJUSTED")
    assert "NSE:INFY" in event.text


def test_a_repair_that_meets_an_adjusted_past_fetches_it_anew(stand: Stand) -> None:
    stand.source.holes = [Span(micros(OPEN - timedelta(hours=23)), micros(OPEN - timedelta(hours=22)))]
    start, end = OPEN - timedelta(days=2), FRIDAY - timedelta(minutes=1)
    stand.service.bars(stand.rooms.user, "NSE:INFY", Timeframe.M1, start)
    stand.source.holes, stand.source.factor = [], 0.5
    stand.service.download(stand.rooms.user, ["NSE:INFY"], Timeframe.M1, start, end)
    answer = stand.service.bars(stand.rooms.user, "NSE:INFY", Timeframe.M1, start, end)
    assert float(answer.bars["close"].max()) < 1000
    assert len(answer.bars) == 2 * 375 + 74
    assert len(stand.rooms.audit("BARS_ADJUSTED")) == 1


def test_two_who_want_the_same_at_once_fetch_it_once(stand: Stand) -> None:
    answers: list[int] = []

    def look() -> None:
        answers.append(len(stand.bars(Timeframe.M1, start=OPEN - timedelta(days=90))))

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(answers)) == 1
    assert stand.asked() <= 2 + 3  # two parts, and the forming minute for whoever came later


def test_a_day_that_the_calendar_does_not_know_is_asked_for_all_the_same(stand: Stand, tmp_path: Path) -> None:
    service = service_on(stand.rooms, tmp_path / "other", Calendar(DayTable()))
    answer = service.bars(stand.rooms.user, "NSE:INFY", Timeframe.M15, OPEN)
    assert [f"{moment(int(each)):%H:%M}" for each in answer.bars["at"]][:2] == ["04:00", "04:15"]
    assert stand.asked() == 1


def test_lengths_and_prices_come_as_the_source_told_them(stand: Stand) -> None:
    answer = stand.service.bars(stand.rooms.user, "NSE:INFY", Timeframe.M1, OPEN)
    told = stand.source.tell("NSE:INFY", Timeframe.M1, OPEN, stand.rooms.clock.now())
    assert answer.bars.tolist() == told.tolist()
