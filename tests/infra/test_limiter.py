"""The write budget: no stretch of time ever holds more than it may, and cancels find a token that is kept for them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma.domain.limits import DAY_S, WriteLimit
from sigma.infra.limiter import ExchangeBudgets, WindowBudget
from tests.services.rooms import HandClock

SECOND = 1_000_000_000
SECONDLY = (WriteLimit(9, 1, 2),)


def budget(clock: HandClock, per_second: int = 9, reserved: int = 2, path: Path | None = None) -> WindowBudget:
    return WindowBudget(clock, [WriteLimit(per_second, 1, reserved)], path)


def grants(limiter: WindowBudget, number: int, *, urgent: bool = False) -> list[float]:
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
    accounts = [WindowBudget(clock, SECONDLY, None, exchanges(clock, tmp_path)) for _ in range(2)]
    granted = [account.take(urgent=False, exchange="NSE") for _ in range(9) for account in accounts]
    assert granted.count(0.0) == 8
    assert [account.take(urgent=True, exchange="NSE") for account in accounts] == [0.0, 0.0]
    assert accounts[0].take(urgent=True, exchange="NSE") == pytest.approx(1.05)


def test_what_one_exchange_is_refused_costs_the_account_nothing_for_another(tmp_path: Path) -> None:
    clock = HandClock()
    shared = exchanges(clock, tmp_path, 5)
    account = WindowBudget(clock, SECONDLY, None, shared)
    assert [account.take(urgent=False, exchange="NSE") for _ in range(6)].count(0.0) == 4
    assert [account.take(urgent=False, exchange="NFO") for _ in range(3)] == [0.0] * 3
    assert account.take(urgent=False) > 0  # seven ordinary writes are the account's


def test_a_write_that_no_exchange_sees_counts_for_none(tmp_path: Path) -> None:
    clock = HandClock()
    shared = exchanges(clock, tmp_path, 2)
    account = WindowBudget(clock, SECONDLY, None, shared)
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


def sent(clock: HandClock, limiter: WindowBudget, asks: list[tuple[float, bool]]) -> list[tuple[int, bool]]:
    """Ask after each pause (seconds); return what left, and whether it was urgent."""
    left = []
    for pause, urgent in asks:
        clock.pass_by(pause)
        if limiter.take(urgent=urgent) == 0.0:
            left.append((clock.ns, urgent))
    return left


def holds(left: list[tuple[int, bool]], limit: WriteLimit) -> bool:
    """Say whether no stretch that begins with a write holds more than a limit, nor more ordinary ones than are left to them."""
    windows = [[urgent for other, urgent in left if at <= other < at + limit.seconds * SECOND] for at, _ in left]
    return all(len(one) <= limit.writes and one.count(False) <= limit.writes - limit.reserved for one in windows)


limits = st.builds(
    lambda seconds, writes, part: WriteLimit(writes, seconds, int(writes * part)),
    st.integers(1, 90),
    st.integers(1, 30),
    st.floats(0, 0.9),
)
asks = st.lists(st.tuples(st.sampled_from([0.0, 0.01, 0.3, 1.0, 7.0, 31.0]), st.booleans()), max_size=120)


@settings(max_examples=60, deadline=None)
@given(st.lists(limits, min_size=1, max_size=3), asks, st.integers(0, 120))
def test_no_stretch_of_any_limit_holds_more_than_it_whatever_process_counts(
    given_limits: list[WriteLimit], wanted: list[tuple[float, bool]], cut: int
) -> None:
    clock = HandClock()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "account-1.rate"
        with WindowBudget(clock, given_limits, path) as first:
            left = sent(clock, first, wanted[:cut])
        with WindowBudget(clock, given_limits, path) as second:
            left += sent(clock, second, wanted[cut:])
    assert all(holds(left, limit) for limit in given_limits)


def test_a_burst_of_a_minute_leaves_the_kept_writes_to_cancels_and_exits() -> None:
    clock = HandClock()
    limiter = WindowBudget(clock, [WriteLimit(9, 1, 2), WriteLimit(390, 60, 80)])
    left = sent(clock, limiter, [(0.1, False)] * 590)
    assert len(left) == 310
    assert sum(grants(limiter, 1, urgent=True) == [0.0] for _ in range(9)) == 9
    clock.pass_by(1.1)
    assert limiter.take(urgent=False) > 0


def test_who_must_wait_for_a_minute_is_told_to_ask_again_in_a_second() -> None:
    clock = HandClock()
    limiter = WindowBudget(clock, [WriteLimit(3, 60, 1)])
    assert grants(limiter, 3) == [0.0, 0.0, pytest.approx(1.05)]
    clock.pass_by(60)
    assert limiter.take(urgent=False) == pytest.approx(0.05)
    clock.pass_by(0.05)
    assert limiter.take(urgent=False) == 0.0


def test_a_day_s_writes_begin_anew_at_midnight_in_india() -> None:
    clock = HandClock()  # 10:30 IST
    limiter = WindowBudget(clock, [WriteLimit(3, DAY_S, 1)])
    assert [wait == 0.0 for wait in grants(limiter, 3)] == [True, True, False]
    assert limiter.take(urgent=True) == 0.0
    clock.pass_by(13.4 * 3600)
    assert limiter.take(urgent=True) > 0
    clock.pass_by(0.2 * 3600)
    assert grants(limiter, 2) == [0.0, 0.0]


def test_stamps_of_another_boot_do_not_count_though_its_clock_stood_lower(tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "account-1.rate"
    hour = [WriteLimit(4, 3600, 1)]
    with WindowBudget(clock, hour, path) as first:
        grants(first, 3)
    clock.pass_by(5)
    with WindowBudget(clock, hour, path) as second:
        assert second.take(urgent=False) > 0
    clock.boot_id = "another boot"
    with WindowBudget(clock, hour, path) as third:
        assert third.take(urgent=False) == 0.0


def test_limits_that_grow_or_shrink_keep_what_was_counted(tmp_path: Path) -> None:
    clock, path = HandClock(), tmp_path / "account-1.rate"
    for most in (6, 9, 4):
        with WindowBudget(clock, [WriteLimit(most, 3600, 0)], path) as limiter:
            granted = grants(limiter, 9).count(0.0)
            assert granted == {6: 6, 9: 3, 4: 0}[most]
    assert not list(tmp_path.glob("*.new"))
