"""A small campaign: every point of the send path once, with real processes that are really killed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.faults import plan
from tests.faults.__main__ import campaign
from tests.faults.waits import SHORT

KILLS, SEED = 12, 7


@pytest.mark.timeout(300)
@pytest.mark.campaign
def test_killed_workers_lose_no_order_double_none_and_leave_none_open(tmp_path: Path) -> None:
    report = campaign(tmp_path / "world", KILLS, SEED, SHORT, print)
    verdict = report.verdict
    assert (verdict.lost, verdict.doubled, verdict.unsettled) == ([], [], []), "\n".join(report.stories)
    assert (report.breaches, report.standstill) == ([], "")
    assert report.kills >= KILLS
    assert report.hit(plan.POINTS) == dict.fromkeys(plan.POINTS, 1) | {
        name: report.hit(plan.POINTS)[name] for name in plan.POINTS
    }


def test_the_plan_of_a_seed_is_always_the_same() -> None:
    assert plan.make(60, 5) == plan.make(60, 5)
    assert plan.make(60, 5) != plan.make(60, 6)


def test_the_whole_campaign_names_each_point_ten_times_and_dies_at_random_in_half_of_its_rounds() -> None:
    rounds = plan.make(300, 7)
    named = [one for one in rounds if one.end in (plan.End.KILL, plan.End.STOP)]
    assert len(rounds) == 300
    assert len(named) == 150
    for point in plan.POINTS:
        assert sum(one.point == point and one.end is plan.End.KILL for one in named) >= 10, point
    assert {one.point for one in rounds if one.end is plan.End.STOP} == set(plan.STOPPABLE)


def test_every_death_at_a_takeover_follows_one_that_leaves_something_to_take_over() -> None:
    rounds = plan.make(300, 7)
    before = [one for one, two in pairwise(rounds) if two.point == "takeover"]
    assert len(before) >= 10
    assert all(one.point in plan.IN_FLIGHT for one in before)


def test_a_small_plan_still_names_every_point() -> None:
    assert {one.point for one in plan.make(12, 7)} >= set(plan.POINTS)
