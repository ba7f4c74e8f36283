"""The write budget: no second ever holds more than it may, and cancels always find a token."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma.infra.limiter import CalendarSecondBudget
from tests.services.rooms import HandClock

SECOND = 1_000_000_000


def budget(clock: HandClock, per_second: int = 9, reserved: int = 2, path: Path | None = None) -> CalendarSecondBudget:
    return CalendarSecondBudget(clock, per_second, reserved, path)


def grants(limiter: CalendarSecondBudget, number: int, *, urgent: bool = False) -> list[float]:
    return [limiter.take(urgent=urgent) for _ in range(number)]


def test_ordinary_writes_get_all_but_the_reserved_tokens() -> None:
    limiter = budget(HandClock())
    waits = grants(limiter, 8)
    assert waits[:7] == [0.0] * 7
    assert waits[7] == pytest.approx(1.05)


def test_urgent_writes_find_the_reserved_tokens_after_a_burst_and_then_wait_too() -> None:
    limiter = budget(HandClock())
    grants(limiter, 7)
    assert grants(limiter, 3, urgent=True)[:2] == [0.0, 0.0]
    assert limiter.take(urgent=True) > 0


def test_urgent_writes_may_take_every_token() -> None:
    limiter = budget(HandClock())
    assert grants(limiter, 9, urgent=True) == [0.0] * 9
    assert limiter.take(urgent=False) > 0


def test_the_wait_told_is_enough() -> None:
    clock = HandClock()
    limiter = budget(clock)
    grants(limiter, 7)
    clock.pass_by(0.4)
    clock.ns += int(limiter.take(urgent=False) * SECOND)
    assert limiter.take(urgent=False) == 0.0


def test_a_new_holder_of_the_lease_knows_what_the_last_one_sent(tmp_path: Path) -> None:
    clock = HandClock()
    with budget(clock, path=tmp_path / "budget-1") as first:
        grants(first, 7)
    clock.pass_by(0.5)
    with budget(clock, path=tmp_path / "budget-1") as second:
        assert second.take(urgent=False) == pytest.approx(0.55)
        assert grants(second, 2, urgent=True) == [0.0, 0.0]
        assert second.take(urgent=True) > 0


def test_what_was_sent_before_the_machine_booted_does_not_count(tmp_path: Path) -> None:
    clock = HandClock()
    with budget(clock, path=tmp_path / "budget-1") as first:
        grants(first, 9, urgent=True)
    clock.ns = 5 * SECOND
    with budget(clock, path=tmp_path / "budget-1") as second:
        assert second.take(urgent=False) == 0.0


@pytest.mark.parametrize("reserved", [-1, 9, 12])
def test_a_budget_without_ordinary_writes_is_refused(reserved: int) -> None:
    with pytest.raises(ValueError, match="reserved"):
        budget(HandClock(), 9, reserved)


@settings(max_examples=60)
@given(
    st.integers(1, 10).flatmap(lambda most: st.tuples(st.just(most), st.integers(0, most - 1))),
    st.lists(st.tuples(st.floats(0, 1.2), st.booleans()), max_size=80),
    st.floats(0, 1),
)
def test_no_second_however_it_is_cut_holds_more_than_the_budget(
    sizes: tuple[int, int], asks: list[tuple[float, bool]], phase: float
) -> None:
    most, reserved = sizes
    clock = HandClock()
    limiter = budget(clock, most, reserved)
    sent: list[tuple[int, bool]] = []
    for pause, urgent in asks:
        clock.pass_by(pause / most)
        if limiter.take(urgent=urgent) == 0.0:
            sent.append((clock.ns, urgent))
    for at, _ in sent:
        assert sum(1 for other, _ in sent if at <= other < at + SECOND) <= most
        assert sum(1 for other, urgent in sent if at <= other < at + SECOND and not urgent) <= most - reserved
    calendar = [(at + int(phase * SECOND)) // SECOND for at, _ in sent]
    assert all(calendar.count(second) <= most for second in set(calendar))
