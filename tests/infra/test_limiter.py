"""The write budget: no second ever holds more than it may, and cancels always find a token."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma.infra.limiter import CalendarSecondBudget, ExchangeBudgets
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


def exchanges(clock: HandClock, folder: Path, per_second: int = 10) -> ExchangeBudgets:
    return ExchangeBudgets(clock, folder, lambda: per_second)


def test_two_accounts_together_write_no_more_to_one_exchange_than_it_takes(tmp_path: Path) -> None:
    clock = HandClock()
    accounts = [CalendarSecondBudget(clock, 9, 2, None, exchanges(clock, tmp_path)) for _ in range(2)]
    granted = [account.take(urgent=False, exchange="NSE") for _ in range(9) for account in accounts]
    assert granted.count(0.0) == 8
    assert [account.take(urgent=True, exchange="NSE") for account in accounts] == [0.0, 0.0]
    assert accounts[0].take(urgent=True, exchange="NSE") == pytest.approx(1.05)


def test_what_one_exchange_is_refused_costs_the_account_nothing_for_another(tmp_path: Path) -> None:
    clock = HandClock()
    shared = exchanges(clock, tmp_path, 5)
    account = CalendarSecondBudget(clock, 9, 2, None, shared)
    assert [account.take(urgent=False, exchange="NSE") for _ in range(6)].count(0.0) == 4
    assert [account.take(urgent=False, exchange="NFO") for _ in range(3)] == [0.0] * 3
    assert account.take(urgent=False) > 0  # seven ordinary writes are the account's


def test_a_write_that_no_exchange_sees_counts_for_none(tmp_path: Path) -> None:
    clock = HandClock()
    shared = exchanges(clock, tmp_path, 2)
    account = CalendarSecondBudget(clock, 9, 2, None, shared)
    assert grants(account, 7) == [0.0] * 7
    assert shared.take("NSE", urgent=False) == 0.0


def test_an_exchange_s_second_is_remembered_by_the_next_process_and_forgotten_by_the_next_boot(tmp_path: Path) -> None:
    clock = HandClock()
    first = exchanges(clock, tmp_path)
    assert [first.take("NSE", urgent=True) for _ in range(10)] == [0.0] * 10
    first.close()
    second = exchanges(clock, tmp_path)
    assert second.take("NSE", urgent=True) > 0
    clock.ns = 5 * SECOND
    assert second.take("NSE", urgent=True) == 0.0


@settings(max_examples=40)
@given(st.integers(2, 12), st.lists(st.tuples(st.floats(0, 0.4), st.booleans()), max_size=60))
def test_no_second_holds_more_writes_to_an_exchange_than_it_takes(most: int, asks: list[tuple[float, bool]]) -> None:
    clock = HandClock()
    with tempfile.TemporaryDirectory() as folder:
        shared = exchanges(clock, Path(folder), most)
        sent = []
        for pause, urgent in asks:
            clock.pass_by(pause)
            if shared.take("NSE", urgent=urgent) == 0.0:
                sent.append((clock.ns, urgent))
        shared.close()
    for at, _ in sent:
        within = [urgent for other, urgent in sent if at <= other < at + SECOND]
        assert len(within) <= most
        assert within.count(False) <= most - max(1, most // 5)
