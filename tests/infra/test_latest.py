"""The latest table: no torn row beside a writing process, fields kept, old news left out, and restarts of either side."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sigma.domain.errors import Conflict
from sigma.domain.ticks import Ticks, blank
from sigma.infra.latest import LatestReader, LatestTables, LatestWriter
from tests.infra.hammer import LISTINGS, same, torn

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "feed"


@contextmanager
def writing(folder: Path, source: int = 1, boot: str = "boot") -> Iterator[LatestWriter]:
    table = LatestWriter(folder, source, boot)
    try:
        yield table
    finally:
        table.close()


def tick(slot: int, at: int, *, mode: int = 3, **fields: float) -> Ticks:
    made = blank(1)
    made["slot"], made["at"], made["received"], made["mode"] = slot, at, at, mode
    for name, value in fields.items():
        made[name] = value
    return made


@contextmanager
def hammered(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.infra.hammer", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def hammer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LatestReader]:
    """A reader beside a process that writes without a pause."""
    folder = tmp_path_factory.mktemp("hammered")
    with hammered(folder):
        yield LatestReader(folder, 1)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=st.lists(st.sampled_from(LISTINGS), min_size=1, unique=True))
def test_no_reader_ever_sees_a_torn_row_beside_a_writer(hammer: LatestReader, wanted: list[str]) -> None:
    for _ in range(5):
        found = hammer.get(wanted)
        assert found.keys() <= set(wanted)
        assert torn(np.concatenate([blank(0), *found.values()])) == 0


def test_a_writer_killed_in_the_middle_leaves_whole_rows_and_its_successor_goes_on(folder: Path) -> None:
    for _ in range(3):
        with hammered(folder) as process:
            reader = LatestReader(folder, 1)
            while len(reader.get(LISTINGS)) < len(LISTINGS):
                assert process.poll() is None
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        assert torn(np.concatenate([blank(0), *reader.get(LISTINGS).values()])) == 0
        with writing(folder) as table:
            assert (table._own().rows["sequence"] % 2 == 0).all()
            number = int(max(row["at"][0] for row in table.get(LISTINGS).values()))
            table.allot(LISTINGS)
            table.put(same(np.arange(len(LISTINGS)), number + 1))
            assert {row["at"][0] for row in reader.get(LISTINGS).values()} == {number + 1}


def test_a_field_that_a_tick_lacks_keeps_its_value_and_so_does_the_depth(folder: Path) -> None:
    with writing(folder) as table:
        slot = table.allot(["NSE:INFY"])["NSE:INFY"]
        full = tick(slot, 10, last=1500, volume=7, upper_circuit=1650)
        full["bids"]["price"], full["bids"]["quantity"] = 1499, 5
        table.put(full)
        kept = table.put(tick(slot, 11, mode=1, last=1501))
        (now,) = LatestReader(folder, 1).get(["NSE:INFY"]).values()
        assert now.tobytes() == kept.tobytes()
        assert (now["last"][0], now["volume"][0], now["upper_circuit"][0], now["mode"][0]) == (1501, 7, 1650, 1)
        assert (now["bids"][0]["price"] == 1499).all()
        table.put(tick(slot, 12, last=1502))
        assert np.isnan(LatestReader(folder, 1).get(["NSE:INFY"])["NSE:INFY"]["bids"][0]["price"]).all(), "the depth is empty now"


def test_an_older_tick_changes_nothing_and_is_counted(folder: Path) -> None:
    with writing(folder) as table:
        slot = table.allot(["NSE:INFY"])["NSE:INFY"]
        table.put(tick(slot, 10, last=1500))
        assert len(table.put(tick(slot, 9, last=1))) == 0
        assert len(table.put(tick(slot, 10, last=1501))) == 1, "exchanges stamp whole seconds: the same time is no older news"
        assert table.get(["NSE:INFY"])["NSE:INFY"]["last"][0] == 1501
        assert LatestReader(folder, 1).late() == 1


def test_a_stored_tick_of_the_far_future_yields(folder: Path) -> None:
    with writing(folder) as table:
        slot = table.allot(["NSE:INFY"])["NSE:INFY"]
        table.put(tick(slot, 10**15, last=1))
        table.put(tick(slot, 10**15 - 10**9, last=2))
        assert table.get(["NSE:INFY"])["NSE:INFY"]["last"][0] == 2
        assert table.late() == 0


@settings(deadline=None)
@given(moments=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 50)), min_size=1, max_size=60), cut=st.integers(0, 60))
def test_a_frame_counts_as_its_ticks_one_after_another(
    tmp_path_factory: pytest.TempPathFactory, moments: list[tuple[int, int]], cut: int
) -> None:
    ticks = np.concatenate([tick(slot, at, last=number) for number, (slot, at) in enumerate(moments)])
    names = [f"NSE:S{slot}" for slot in range(4)]
    folder = tmp_path_factory.mktemp("frames")
    with writing(folder, 1) as one, writing(folder, 2) as other:
        one.allot(names)
        other.allot(names)
        one.put(ticks[:cut])
        one.put(ticks[cut:])
        for each in range(len(ticks)):
            other.put(ticks[each : each + 1])
        assert {name: row.tobytes() for name, row in one.get(names).items()} == {
            name: row.tobytes() for name, row in other.get(names).items()
        }
        assert one.late() == other.late()


def test_a_reader_follows_growth_a_new_file_and_a_writer_that_comes_back(folder: Path) -> None:
    reader = LatestReader(folder, 1)
    assert reader.get(["NSE:S1"]) == {}
    with writing(folder) as table:
        table.allot(["NSE:S0"])
        table.put(tick(0, 5, last=1))
        assert list(reader.get(["NSE:S0"])) == ["NSE:S0"]
        many = [f"NSE:S{number}" for number in range(5000)]
        slots = table.allot(many)
        assert slots["NSE:S0"] == 0
        table.put(tick(slots["NSE:S4999"], 6, last=2))
        assert reader.get(many).keys() == {"NSE:S0", "NSE:S4999"}
        assert reader.received() == 6
    with writing(folder) as table:
        assert table.allot(many) == slots, "slots outlive their writer"
        assert table.get(many).keys() == {"NSE:S0", "NSE:S4999"}
        for path in folder.glob("latest-1.*"):
            path.unlink()
        table.put(tick(slots["NSE:S7"], 7, last=3))
        assert reader.get(many).keys() == {"NSE:S7"}, "somebody cleared the folder: a new file, the same slots"
    with writing(folder, boot="another boot") as table:
        assert reader.get(many) == {}, "what a crash of the machine left may be half a row"
        table.put(tick(table.allot(["NSE:NEW"])["NSE:NEW"], 8, last=4))
        assert reader.get(["NSE:NEW", *many]).keys() == {"NSE:NEW"}


def test_only_one_process_fills_a_table_and_ticks_without_a_slot_are_left_out(folder: Path) -> None:
    with writing(folder) as table:
        with pytest.raises(Conflict, match="Another process"):
            LatestWriter(folder, 1, "boot")
        assert len(table.put(np.concatenate([tick(-1, 1, last=1), tick(0, 1, last=1)]))) == 0
    with writing(folder):
        assert (folder / "latest-1.table").stat().st_mode & 0o077 == 0


def test_the_newest_of_several_sources_is_found(folder: Path) -> None:
    tables = LatestTables(folder)
    assert tables.newest(["NSE:INFY"]) == {}
    with writing(folder, 1) as one, writing(folder, 2) as other:
        for table, at in ((one, 5), (other, 6)):
            table.put(tick(table.allot(["NSE:INFY"])["NSE:INFY"], at, last=at))
        assert tables.sources() == [1, 2]
        assert tables.newest(["NSE:INFY"])["NSE:INFY"]["last"][0] == 6
        assert tables.get(1, ["NSE:INFY"])["NSE:INFY"]["last"][0] == 5
        assert (tables.received(1), tables.received(3)) == (5, None)
