"""Places at a broker: no stretch of time, however it is cut, holds more calls than a window allows."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma.domain.limits import ONE_BY_ONE, CallKind, CallLimit, Window
from sigma.engines import turns
from sigma.engines.turns import SECOND_NS, SLACK_NS

START = 1_000 * SECOND_NS


@dataclass
class Line:
    """A line of callers as the budget keeps it, on a clock that the test moves."""

    windows: tuple[Window, ...]
    now: int = START
    closed_until: int = 0
    stamps: list[int] = field(default_factory=list)

    def ask(self) -> tuple[int, int]:
        """Take a place; return it with the instant of its call."""
        place = len(self.stamps)
        at = max(self.now, turns.due(place, self.stamps.__getitem__, self.windows, self.closed_until))
        self.stamps.append(at)
        return place, at

    def look(self, place: int) -> int:
        """Return when a place that waited may call."""
        return turns.due_again(place, len(self.stamps) - 1, self.now, self.stamps.__getitem__, self.windows, self.closed_until)

    def called(self, place: int) -> None:
        """Note that the call of a place is made now."""
        for number in turns.raised(place, len(self.stamps) - 1, self.now, self.stamps.__getitem__):
            self.stamps[number] = self.now


def most_in(calls: list[int], seconds: int) -> int:
    """Return how many calls the fullest stretch of so many seconds holds."""
    ordered = sorted(calls)
    return max((sum(one <= other < one + seconds * SECOND_NS for other in ordered) for one in ordered), default=0)


WINDOWS = st.lists(st.builds(Window, st.integers(1, 6), st.sampled_from([1, 2, 5])), min_size=1, max_size=3).map(tuple)


@settings(max_examples=200, deadline=None)
@given(WINDOWS, st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 3), st.booleans()), max_size=50))
def test_callers_in_time_and_late_ones_together_never_overrun_a_window(
    windows: tuple[Window, ...], moves: list[tuple[int, int, bool]]
) -> None:
    line = Line(windows)
    waiting: list[int] = []
    calls: list[int] = []
    for pause_ms, newcomers, backwards in moves:
        line.now += pause_ms * SECOND_NS // 1000
        for _ in range(newcomers):
            place, at = line.ask()
            if at <= line.now:
                calls.append(line.now)
            else:
                waiting.append(place)
        for place in sorted(waiting, reverse=backwards):
            if line.look(place) <= line.now:
                waiting.remove(place)
                line.called(place)
                calls.append(line.now)
    for window in windows:
        assert most_in(calls, window.seconds) <= window.calls


@settings(max_examples=100, deadline=None)
@given(WINDOWS, st.lists(st.integers(0, 900), min_size=1, max_size=40))
def test_stamps_never_fall_from_place_to_place_and_turns_come_in_the_order_of_asking(
    windows: tuple[Window, ...], pauses_ms: list[int]
) -> None:
    line = Line(windows)
    told = []
    for pause in pauses_ms:
        line.now += pause * SECOND_NS // 1000
        place, at = line.ask()
        told.append(at)
        line.called(place // 2)
        assert line.stamps == sorted(line.stamps)
    assert told == sorted(told)


def test_a_call_is_not_kept_back_longer_than_its_windows_need() -> None:
    line = Line((Window(3, 1), Window(4, 60)))
    told = [line.ask()[1] - START for _ in range(5)]
    assert told == [0, 0, 0, SECOND_NS + SLACK_NS, 60 * SECOND_NS + SLACK_NS]


def test_the_window_counts_from_the_end_of_a_call() -> None:
    line = Line((Window(1, 1),))
    first, _ = line.ask()
    line.now += SECOND_NS // 2
    line.called(first)
    assert line.ask()[1] == line.now + SECOND_NS + SLACK_NS


def test_while_closed_nobody_calls_and_afterwards_they_come_one_by_one() -> None:
    line = Line((Window(1, 1),))
    line.closed_until = START + 5 * SECOND_NS
    told = [line.ask()[1] - START for _ in range(2)]
    assert told == [5 * SECOND_NS, 6 * SECOND_NS + SLACK_NS]


@pytest.mark.parametrize(("calls", "seconds"), [(0, 1), (1, 0)])
def test_a_window_without_calls_or_time_is_none(calls: int, seconds: int) -> None:
    with pytest.raises(ValueError, match="no limit"):
        Window(calls, seconds)


def test_a_limit_says_in_words_what_it_allows() -> None:
    limit = CallLimit("bars", frozenset({CallKind.BARS}), (Window(3, 1), Window(180, 60), Window(5000, 3600), Window(1, 5)))
    assert limit.words == "3 a second, 180 a minute, 5,000 an hour, 1 in 5 s"
    assert (limit.most, limit.shortest_s) == (5000, 1)


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="limits nothing"):
        CallLimit("bars", frozenset(), ONE_BY_ONE[0].windows)
