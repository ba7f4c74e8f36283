"""Laws of bars: whichever way they are made longer, they are the same; what is closed never changes."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma.domain.bars import BAR, Bars, Span
from sigma.domain.calendar import weekdays
from sigma.domain.errors import InvalidInput
from sigma.domain.instruments import Exchange
from sigma.domain.market import Timeframe
from sigma.engines.bars import (
    MINUTE,
    Sessions,
    aggregate,
    between,
    clip,
    closes_of,
    empty,
    extend,
    merge,
    moment,
    sessions_of,
    untouched,
)
from tests.engines.bar_days import MINUTES, SESSIONS, at, closes_in, drawn, minutes

WAYS = [
    (Timeframe.M5, Timeframe.M15),
    (Timeframe.M15, Timeframe.M30),
    (Timeframe.M30, Timeframe.H1),
    (Timeframe.M3, Timeframe.M15),
    (Timeframe.M15, Timeframe.D1),
    (Timeframe.H1, Timeframe.W1),
    (Timeframe.D1, Timeframe.W1),
    (Timeframe.D1, Timeframe.MO1),
]
LONGER = [each for each in Timeframe if each is not Timeframe.M1]


@settings(max_examples=60, deadline=None)
@given(minutes(), st.sampled_from(WAYS))
def test_bars_made_in_two_steps_are_those_made_in_one(bars: Bars, way: tuple[Timeframe, Timeframe]) -> None:
    middle, target = way
    twice = aggregate(aggregate(bars, middle, SESSIONS), target, SESSIONS, middle)
    assert twice.tolist() == aggregate(bars, target, SESSIONS).tolist()


@settings(max_examples=60, deadline=None)
@given(minutes(), st.sampled_from(LONGER))
def test_nothing_is_lost_and_nothing_exceeds_high_and_low(bars: Bars, timeframe: Timeframe) -> None:
    out = aggregate(bars, timeframe, SESSIONS)
    assert out["volume"].sum() == bars["volume"].sum()
    assert bool(np.all(np.diff(out["at"]) > 0))
    for name in ("open", "close", "low"):
        assert bool(np.all(out["high"] >= out[name]))
        assert bool(np.all(out["low"] <= out[name]) or name == "low")
    if len(bars):
        assert (out["open"][0], out["close"][-1]) == (bars["open"][0], bars["close"][-1])
        assert (out["high"].max(), out["low"].min()) == (bars["high"].max(), bars["low"].min())


@settings(max_examples=60, deadline=None)
@given(minutes(), st.sampled_from(LONGER), st.integers(0, 2_500))
def test_cutting_off_the_future_changes_no_closed_bar(bars: Bars, timeframe: Timeframe, kept: int) -> None:
    past = bars[:kept]
    now = past["at"][-1] if len(past) else 0
    whole = aggregate(bars, timeframe, SESSIONS)
    assert [row for row in aggregate(past, timeframe, SESSIONS).tolist() if row[0] <= now] == whole[whole["at"] <= now].tolist()


@settings(max_examples=60, deadline=None)
@given(minutes(), minutes())
def test_putting_the_same_bars_in_twice_changes_nothing(old: Bars, new: Bars) -> None:
    once = merge(old, new)
    assert merge(once, new).tolist() == once.tolist()
    assert bool(np.all(np.diff(once["at"]) > 0))
    assert set(once["at"].tolist()) == set(old["at"].tolist()) | set(new["at"].tolist())
    assert between(once, Span(0, 2**62))[np.isin(once["at"], new["at"])].tolist() == new.tolist()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(MINUTES) - 1), st.sampled_from(LONGER), st.integers(0, 2**32))
def test_bars_built_from_single_executions_are_those_aggregated(last: int, timeframe: Timeframe, seed: int) -> None:
    """Each minute has one execution half way through it."""
    chosen = MINUTES[max(0, last - 40) : last + 1]
    bars = drawn(chosen, seed)
    for name in ("open", "high", "low"):
        bars[name] = bars["close"]
    bars["open_interest"] = -1
    built = empty()
    for bar in bars:
        built = extend(built, timeframe, SESSIONS, float(bar["close"]), int(bar["volume"]), moment(int(bar["at"]) - MINUTE // 2))
    assert built.tolist() == aggregate(bars, timeframe, SESSIONS).tolist()


def stamps(bars: Bars) -> list[str]:
    return [f"{moment(int(each)):%d %H:%M}" for each in bars["at"]]


def test_a_sessions_bars_begin_at_its_opening_and_end_with_it() -> None:
    monday = drawn(MINUTES[:375], 1)
    hours = aggregate(monday, Timeframe.H1, SESSIONS)
    # 10:15, 11:15 … 15:15 and 15:30 on the Indian clock
    assert stamps(hours) == ["02 04:45", "02 05:45", "02 06:45", "02 07:45", "02 08:45", "02 09:45", "02 10:00"]


def test_an_evening_session_has_its_own_anchor() -> None:
    evening = closes_in(at("2026-11-08T00:00"), at("2026-11-09T00:00"))
    assert len(evening) == 60
    assert stamps(aggregate(drawn(evening, 1), Timeframe.M30, SESSIONS)) == ["08 13:00", "08 13:30"]
    assert stamps(aggregate(drawn(evening, 1), Timeframe.D1, SESSIONS)) == ["08 13:30"]


def test_weeks_and_months_close_with_their_last_session() -> None:
    bars = drawn(MINUTES, 3)
    weeks = aggregate(bars, Timeframe.W1, SESSIONS)
    assert stamps(weeks) == ["08 13:30", "09 10:00", "01 10:00"]
    assert stamps(aggregate(bars, Timeframe.MO1, SESSIONS)) == ["09 10:00", "01 10:00"]


def test_what_is_outside_every_session_is_kept_in_a_session_of_its_own() -> None:
    strange = np.array([at("2026-11-04T03:46"), at("2026-11-04T03:47"), at("2026-11-04T05:00")])
    bars = drawn(np.concatenate([MINUTES[:750], strange]), 4)
    out = aggregate(bars, Timeframe.M15, SESSIONS)
    assert out["volume"].sum() == bars["volume"].sum()
    assert stamps(out)[-2:] == ["04 04:00", "04 05:00"]
    assert stamps(aggregate(bars, Timeframe.D1, SESSIONS))[-1] == "04 18:30"  # midnight in India


def test_lengths_that_do_not_divide_are_refused() -> None:
    with pytest.raises(InvalidInput, match="cannot be made"):
        aggregate(drawn(MINUTES[:9], 1), Timeframe.M5, SESSIONS, Timeframe.M3)
    with pytest.raises(InvalidInput):
        aggregate(drawn(MINUTES[:9], 1), Timeframe.H1, SESSIONS, Timeframe.D1)


def test_a_sources_stamps_are_clipped_to_the_session() -> None:
    given_bars = np.zeros(3, BAR)
    # opened at 09:15 and 15:15 on the 2nd; and a bar of a day on which the calendar has no session
    given_bars["at"] = [at("2026-11-02T04:45"), at("2026-11-02T10:45"), at("2026-11-04T04:45")]
    assert stamps(clip(given_bars, Timeframe.H1, SESSIONS)) == ["02 04:45", "02 10:00", "04 04:45"]
    days = np.zeros(3, BAR)
    days["at"] = [at("2026-11-02T18:30"), at("2026-11-06T18:30"), at("2026-11-08T18:30")]
    assert stamps(clip(days, Timeframe.D1, SESSIONS)) == ["02 10:00", "06 07:00", "08 13:30"]
    assert len(clip(empty(), Timeframe.M1, SESSIONS)) == 0


def test_news_from_before_or_outside_a_session_changes_nothing() -> None:
    bars = aggregate(drawn(MINUTES[:20], 1), Timeframe.M15, SESSIONS)
    for text in ("2026-11-02T03:50", "2026-11-02T03:40", "2026-11-04T05:00"):
        same = extend(bars, Timeframe.M15, SESSIONS, 1.0, 5, moment(at(text)))
        assert same.tolist() == bars.tolist()
    closing = extend(empty(), Timeframe.M15, SESSIONS, 99.0, 5, moment(at("2026-11-02T10:00")))
    assert stamps(closing) == ["02 10:00"]


def test_bars_that_a_hole_touches_are_left_out() -> None:
    bars = aggregate(drawn(MINUTES[:375], 1), Timeframe.M15, SESSIONS)
    hole = Span(at("2026-11-02T04:10"), at("2026-11-02T04:31"))
    left = untouched(bars, Timeframe.M15, SESSIONS, [hole], Timeframe.M1)
    assert sorted(set(stamps(bars)) - set(stamps(left))) == ["02 04:15", "02 04:30", "02 04:45"]
    night = Span(at("2026-11-02T10:00"), at("2026-11-03T03:45"))
    assert len(untouched(bars, Timeframe.M15, SESSIONS, [night], Timeframe.M1)) == len(bars)


def test_sessions_come_from_the_calendar() -> None:
    found = sessions_of(weekdays(), Exchange.NSE, date(2026, 11, 20), date(2026, 11, 23))
    assert [f"{moment(span.start):%d %H:%M}-{moment(span.end):%H:%M}" for span in found.spans()] == [
        "20 03:45-10:00",
        "23 03:45-10:00",
    ]


def test_without_any_calendar_bars_are_still_made() -> None:
    none = Sessions(np.empty(0, np.int64), np.empty(0, np.int64))
    bars = drawn(MINUTES[:30], 1)
    assert stamps(aggregate(bars, Timeframe.M15, none)) == ["02 04:00", "02 04:15"]
    assert closes_of(bars["at"][:1], Timeframe.W1, none, Timeframe.M1)[0] == at("2026-11-08T18:30")
    assert timedelta(microseconds=MINUTE) == timedelta(minutes=1)
