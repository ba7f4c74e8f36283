"""A small campaign of AUTO strategies, with real processes that are really killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import auto, auto_plan
from tests.faults.plan import End

KILLS, SEED = 3, 7


@pytest.mark.timeout(300)
@pytest.mark.campaign
def test_strategies_lose_no_order_double_none_and_keep_their_limits_while_workers_die(tmp_path: Path) -> None:
    report = auto.campaign(tmp_path / "worlds", KILLS, SEED, print, backends=("sqlite",))
    assert auto.bad(report) == 0, "\n".join([auto.line(report), report.standstill, *report.stories])
    assert report.kills >= KILLS
    assert report.orders >= 2 * KILLS


def test_the_plan_of_a_seed_is_always_the_same() -> None:
    assert auto_plan.make(60, 5) == auto_plan.make(60, 5)
    assert auto_plan.make(60, 5) != auto_plan.make(60, 6)


def test_the_rounds_die_at_each_point_and_half_of_them_at_random() -> None:
    rounds = auto_plan.make(200, 7)
    assert sum(one.end is End.RANDOM for one in rounds) == 100
    assert {one.point for one in rounds if one.point} == set(auto_plan.POINTS)


def test_every_strategy_has_listings_of_its_own() -> None:
    listings = [listing for scheme in auto_plan.SCHEMES.values() for listing in scheme.prices]
    assert len(listings) == len(set(listings))
