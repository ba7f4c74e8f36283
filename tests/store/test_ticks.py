"""Recorded ticks: what is read is what was added, in order, and a part is whole or not there."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import from_dtype

from sigma.domain.ticks import TICK, Ticks, blank
from sigma.store.ticks import ParquetTicks, from_table, to_table

FRIDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 23)
LISTINGS = ("NSE:INFY", "NSE:M&M", "NFO:NIFTY26DECFUT")


def some(*moments: int) -> Ticks:
    made = blank(len(moments))
    made["received"] = made["at"] = moments
    made["last"] = made["received"]
    made["slot"] = np.arange(len(moments)) % len(LISTINGS)
    return made


@settings(deadline=None, max_examples=50)
@given(rows=st.lists(from_dtype(TICK), min_size=1, max_size=5), slots=st.data())
def test_a_table_gives_back_every_field_of_every_tick(rows: list[np.void], slots: st.DataObject) -> None:
    ticks = np.array(rows, TICK)
    ticks["slot"] = [slots.draw(st.integers(0, len(LISTINGS) - 1)) for _ in rows]
    listings, back = from_table(to_table(LISTINGS, ticks))
    assert [listings[slot] for slot in back["slot"]] == [LISTINGS[slot] for slot in ticks["slot"]]
    for name in TICK.names or ():
        if name in ("bids", "asks"):
            for part in ("price", "quantity", "orders"):
                np.testing.assert_array_equal(back[name][part], ticks[name][part])
        elif name != "slot":
            np.testing.assert_array_equal(back[name], ticks[name])


def test_parts_are_read_in_the_order_they_were_received_and_days_are_counted(tmp_path: Path) -> None:
    archive = ParquetTicks(tmp_path / "ticks")
    assert archive.days() == []
    archive.add(MONDAY, 7, LISTINGS, some(900, 1000))
    archive.add(MONDAY, 7, LISTINGS, some(20, 10, 30))
    archive.add(FRIDAY, 7, LISTINGS, some(5))
    archive.add(MONDAY, 8, LISTINGS, some(1))
    assert [ticks["received"].tolist() for _, ticks in archive.read(MONDAY, 7)] == [[10, 20, 30], [900, 1000]]
    assert [(row.day, row.source, row.ticks, row.parts) for row in archive.days()] == [
        (FRIDAY, 7, 1, 1),
        (MONDAY, 7, 5, 2),
        (MONDAY, 8, 1, 1),
    ]
    assert all(row.size > 0 for row in archive.days())
    assert archive.drop_before(MONDAY) == 1
    assert [row.day for row in archive.days()] == [MONDAY, MONDAY]


def test_what_a_kill_left_half_written_is_not_read(tmp_path: Path) -> None:
    archive = ParquetTicks(tmp_path / "ticks")
    archive.add(MONDAY, 7, LISTINGS, some(1, 2))
    (place,) = (tmp_path / "ticks").glob("day=*/source=*")
    (place / ".part-3-abc.parquet.new").write_bytes(b"PAR1 half of it")
    assert [len(ticks) for _, ticks in archive.read(MONDAY, 7)] == [2]
    assert archive.days()[0].parts == 1


def test_other_tools_read_the_folder(tmp_path: Path) -> None:
    archive = ParquetTicks(tmp_path / "ticks")
    archive.add(MONDAY, 7, LISTINGS, some(1, 2))
    table = ds.dataset(tmp_path / "ticks", partitioning="hive", exclude_invalid_files=True).to_table()
    assert table.num_rows == 2
    assert {"listing", "last", "bids_price", "day", "source"} <= set(table.column_names)
