"""A small campaign of the lake, and that it would see a fault."""

from __future__ import annotations

from pathlib import Path

from sigma.domain.bars import Span
from sigma.store.lake import open_lake
from tests.faults.bars import SERIES, SPAN, campaign, looked_at, version


def test_killed_writers_leave_whole_versions(tmp_path: Path) -> None:
    report = campaign(tmp_path, 4, 7)
    assert report.faults == []
    assert report.kills == 4
    assert report.writes >= 4


def test_a_mixed_part_and_a_lost_version_are_seen(tmp_path: Path) -> None:
    with open_lake(tmp_path).claim(SERIES, 1) as writer:
        assert writer is not None
        writer.write(version(3), SPAN)
        assert looked_at(tmp_path, 3)[-1:] == ["the dead writer's claim stands"]
        half = version(4)[:2000]
        writer.write(half, Span(SPAN.start, int(half["at"][-1])))
    (mixed,) = looked_at(tmp_path, 3)
    assert mixed.startswith("2026-11: ")
    assert "versions [3, 4], 3 had returned" in mixed
    assert len(looked_at(tmp_path, 5)) == 4
