"""A short campaign of instrument masters: readers find one whole version after each death."""

from __future__ import annotations

from pathlib import Path

from tests.faults.instruments import campaign


def test_a_refresh_that_dies_leaves_one_whole_version(tmp_path: Path) -> None:
    report = campaign(tmp_path, kills=2, seed=3)
    assert (report.mixed, report.stuck, report.kills) == ([], [], 2)
