"""Failures of the last minute: counted by key, forgotten with time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from sigma.infra.failures import MOST_KEYS, FailureMinute
from tests.services.rooms import HandClock


def test_a_key_waits_once_it_failed_too_often_and_other_keys_do_not() -> None:
    clock = HandClock()
    minute = FailureMinute(clock)
    for second in range(3):
        assert minute.wait("ann", 3) == 0.0
        minute.count("ann", 3)
        clock.pass_by(1)
        assert minute.wait("bob", 3) == 0.0, second
    assert minute.wait("ann", 3) == 57.0


def test_a_minute_later_the_failures_are_forgotten_one_by_one() -> None:
    clock = HandClock()
    minute = FailureMinute(clock)
    minute.count("ann", 10)
    clock.pass_by(30)
    minute.count("ann", 10)
    clock.pass_by(31)
    assert minute.wait("ann", 2) == 0.0
    assert minute.wait("ann", 1) == 29.0
    clock.pass_by(30)
    assert minute.wait("ann", 1) == 0.0


def test_the_keys_longest_unused_make_room() -> None:
    minute = FailureMinute(HandClock())
    minute.count("first", 1)
    minute.count("second", 1)
    for number in range(MOST_KEYS - 2):
        minute.count(f"other {number}", 1)
    minute.count("first", 1)
    minute.count("one more", 1)
    assert minute.wait("first", 1) > 0
    assert minute.wait("second", 1) == 0.0


def test_threads_that_fail_at_once_are_all_counted() -> None:
    minute = FailureMinute(HandClock())
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: minute.count("ann", 400), range(400)))
    assert minute.wait("ann", 400) > 0
    assert minute.wait("ann", 401) == 0.0


@given(st.lists(st.floats(0, 90), max_size=30), st.integers(1, 5))
def test_after_the_wait_told_the_key_is_heard_again(gaps: list[float], most: int) -> None:
    clock = HandClock()
    minute = FailureMinute(clock)
    for gap in gaps:
        clock.pass_by(gap)
        minute.count("ann", most)
    clock.pass_by(minute.wait("ann", most) + 0.001)
    assert minute.wait("ann", most) == 0.0
