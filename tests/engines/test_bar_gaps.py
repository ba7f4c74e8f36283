"""Gaps: a minute without a trade is none, a silence that is not the listing's habit is one."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings

from sigma.domain.bars import Bars, GapKind, Span
from sigma.domain.market import Timeframe
from sigma.engines.bar_gaps import gaps
from sigma.engines.bars import aggregate
from sigma.engines.spans import joined
from tests.engines.bar_days import SESSIONS, at, closes_in, drawn, minutes

ALL = Span(at("2026-11-02T00:00"), at("2026-11-09T12:00"))
WEEK = closes_in(*ALL)


def told(bars: Bars, base: Timeframe = Timeframe.M1, covered: Span = ALL, *confirmed: Span) -> list[tuple[str, str, int, str]]:
    found = gaps(bars, base, SESSIONS, ALL, [covered], confirmed)
    return [(f"{gap.start:%d %H:%M}", f"{gap.end:%d %H:%M}", gap.bars, gap.kind.value) for gap in found]


def lacking(start: str, end: str) -> Bars:
    return drawn(np.concatenate([closes_in(ALL.start, at(start)), closes_in(at(end), ALL.end)]), 5)


def test_a_listing_that_trades_every_minute_lacks_nothing() -> None:
    assert told(drawn(WEEK, 1)) == []


def test_nine_silent_minutes_are_quiet_and_twelve_are_a_gap() -> None:
    assert told(lacking("2026-11-03T05:00", "2026-11-03T05:09")) == []
    assert told(lacking("2026-11-03T05:00", "2026-11-03T05:12")) == [("03 05:00", "03 05:12", 12, "MISSING")]


def test_a_silent_opening_or_close_is_a_gap() -> None:
    assert told(lacking("2026-11-03T03:45", "2026-11-03T04:15")) == [("03 03:45", "03 04:15", 30, "MISSING")]
    assert told(lacking("2026-11-03T09:30", "2026-11-03T10:00")) == [("03 09:30", "03 10:00", 30, "MISSING")]


def test_a_listing_that_trades_four_times_an_hour_may_be_silent_for_an_hour() -> None:
    seldom = drawn(WEEK[::15], 2)
    assert told(seldom) == []
    assert told(seldom[(seldom["at"] <= at("2026-11-03T05:00")) | (seldom["at"] > at("2026-11-03T05:55"))]) == []


def test_a_session_without_a_bar_between_others_is_a_gap() -> None:
    assert told(lacking("2026-11-03T03:00", "2026-11-03T11:00")) == [("03 03:45", "03 10:00", 375, "MISSING")]
    days = aggregate(drawn(WEEK, 1), Timeframe.D1, SESSIONS)
    assert told(days, Timeframe.D1) == []
    assert told(days[[0, 2, 3, 4, 5]], Timeframe.D1) == [("03 03:45", "03 10:00", 1, "MISSING")]


def test_a_listing_that_trades_every_other_day_lacks_nothing() -> None:
    days = aggregate(drawn(WEEK, 1), Timeframe.D1, SESSIONS)
    assert told(days[[0, 2, 4]], Timeframe.D1) == []


def test_before_the_first_and_after_the_last_bar_nothing_is_missing() -> None:
    wednesday_on = drawn(WEEK[750:1000], 3)
    assert told(wednesday_on) == []


def test_what_was_never_asked_for_is_told_by_session() -> None:
    half = Span(ALL.start, at("2026-11-05T05:00"))
    assert told(drawn(closes_in(*half), 1), Timeframe.M1, half) == [
        ("05 05:00", "05 10:00", 300, "NOT_FETCHED"),
        ("06 03:45", "06 07:00", 195, "NOT_FETCHED"),
        ("08 12:30", "08 13:30", 60, "NOT_FETCHED"),
        ("09 03:45", "09 10:00", 375, "NOT_FETCHED"),
    ]


def test_what_the_source_lacked_twice_is_confirmed() -> None:
    hole = Span(at("2026-11-03T05:00"), at("2026-11-03T05:12"))
    bars = lacking("2026-11-03T05:00", "2026-11-03T05:12")
    assert told(bars, Timeframe.M1, ALL, hole) == [("03 05:00", "03 05:12", 12, "CONFIRMED")]


@settings(max_examples=60, deadline=None)
@given(minutes())
def test_no_gap_holds_a_bar_and_gaps_do_not_overlap(bars: Bars) -> None:
    found = gaps(bars, Timeframe.M1, SESSIONS, ALL, [ALL])
    spans = [Span(int(gap.start.timestamp() * 1e6), int(gap.end.timestamp() * 1e6)) for gap in found]
    assert all(gap.kind is GapKind.MISSING for gap in found)
    assert sum(span.end - span.start for span in joined(spans)) == sum(span.end - span.start for span in spans)
    assert not any(np.any((bars["at"] > span.start) & (bars["at"] <= span.end)) for span in spans)
