"""The lake: what is written is read again, by whoever reads while it is written, on a disk and in an object store."""

from __future__ import annotations

import os
import threading
import uuid
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sigma.domain.bars import BAR, Bars, Span
from sigma.domain.errors import ConfigError
from sigma.domain.market import Timeframe
from sigma.engines.bars import DAY, MINUTE, merge
from sigma.engines.spans import joined
from sigma.ports.lake import Series
from sigma.store.lake import ParquetLake, open_lake, parts

INFY = Series("zerodha", "NSE:INFY", Timeframe.M1)
DAYS = Series("zerodha", "NSE:INFY", Timeframe.D1)
BEGIN = 1_793_000_000_000_000 // MINUTE * MINUTE  # in October 2026
FOREVER = Span(0, 4 * 10**15)


def bars(first: int, count: int, price: float = 100.0) -> Bars:
    """Return `count` minutes from the `first` one after BEGIN on."""
    found = np.zeros(count, BAR)
    found["at"] = BEGIN + (first + np.arange(count)) * MINUTE
    for name in ("open", "high", "low", "close"):
        found[name] = price
    found["volume"], found["open_interest"] = 7, -1
    return found


def span(some: Bars) -> Span:
    return Span(int(some["at"][0]) - MINUTE, int(some["at"][-1]))


def write(lake: ParquetLake, some: Bars, series: Series = INFY, *confirmed: Span) -> None:
    with lake.claim(series, 5) as writer:
        assert writer is not None
        writer.write(some, span(some), confirmed)


@pytest.fixture(params=["disk", "file", "memory"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> ParquetLake:
    url = {"disk": "", "file": f"file://{tmp_path}/elsewhere", "memory": f"memory://{uuid.uuid4().hex}"}[request.param]
    return open_lake(tmp_path, url)


def test_an_empty_lake_has_no_bars_and_knows_nothing(lake: ParquetLake) -> None:
    assert len(lake.read(INFY, FOREVER)) == 0
    assert lake.known(INFY, Span(BEGIN, BEGIN + DAY)).covered == ()
    assert lake.read_many([INFY, DAYS], Span(BEGIN, BEGIN + DAY)) == {}


def test_what_is_written_is_read_again_over_months(lake: ParquetLake) -> None:
    long = bars(0, 60 * 24 * 100)
    write(lake, long)
    again = lake.read(INFY, span(long))
    assert again.tolist() == long.tolist()
    part = Span(BEGIN + 50 * DAY, BEGIN + 51 * DAY)
    assert lake.read(INFY, part)["at"].tolist() == (part.start + (1 + np.arange(1440)) * MINUTE).tolist()
    assert joined(lake.known(INFY, span(long)).covered) == (span(long),)


def test_a_new_bar_stands_over_the_old_one_and_the_rest_stays(lake: ParquetLake) -> None:
    write(lake, bars(0, 10, 100.0))
    write(lake, bars(5, 10, 200.0))
    found = lake.read(INFY, span(bars(0, 15)))
    assert found["close"].tolist() == [100.0] * 5 + [200.0] * 10
    assert joined(lake.known(INFY, span(found)).covered) == (span(found),)


def test_series_do_not_mix(lake: ParquetLake) -> None:
    odd = [Series("zerodha", "NSE:M&M", Timeframe.M1), Series("angelone", "NSE:INFY", Timeframe.M1)]
    odd += [DAYS, Series("zerodha", "NSE:NIFTY 50", Timeframe.M1), Series("zerodha", "BSE:A/B%..", Timeframe.M1)]
    for number, series in enumerate(odd):
        write(lake, bars(0, 3, float(number)), series)
    found = lake.read_many([*odd, INFY], span(bars(0, 3)))
    assert {series: set(each["close"].tolist()) for series, each in found.items()} == {
        series: {float(number)} for number, series in enumerate(odd)
    }


def test_time_without_bars_is_known_and_what_was_confirmed_is_kept(lake: ParquetLake) -> None:
    quiet = Span(BEGIN, BEGIN + DAY)
    with lake.claim(INFY, 5) as writer:
        assert writer is not None
        writer.write(np.empty(0, BAR), quiet, [Span(BEGIN + MINUTE, BEGIN + 20 * MINUTE)])
    known = lake.known(INFY, quiet)
    assert (joined(known.covered), known.confirmed) == ((quiet,), (Span(BEGIN + MINUTE, BEGIN + 20 * MINUTE),))


def test_bars_outside_of_what_was_asked_for_are_refused(lake: ParquetLake) -> None:
    with lake.claim(INFY, 5) as writer:
        assert writer is not None
        with pytest.raises(ValueError, match="outside"):
            writer.write(bars(0, 3), Span(BEGIN, BEGIN + MINUTE))


def test_forgetting_removes_one_series(lake: ParquetLake) -> None:
    write(lake, bars(0, 3))
    write(lake, bars(0, 3), DAYS)
    with lake.claim(INFY, 5) as writer:
        assert writer is not None
        writer.forget()
    assert len(lake.read(INFY, span(bars(0, 3)))) == 0
    assert len(lake.read(DAYS, FOREVER)) == 3


def test_one_writer_at_a_time(lake: ParquetLake) -> None:
    with lake.claim(INFY, 5) as first:
        assert first is not None
        with lake.claim(INFY, 0) as second:
            assert second is None
        with lake.claim(DAYS, 0) as other:
            assert other is not None
    with lake.claim(INFY, 0) as again:
        assert again is not None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 40), st.integers(1, 9)), max_size=6))
def test_any_writes_leave_what_merging_them_leaves(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[int, int, int]]
) -> None:
    lake = open_lake(tmp_path_factory.mktemp("lake"))
    whole = np.empty(0, BAR)
    for first, count, price in writes:
        for _twice in range(2):
            write(lake, bars(first, count, float(price)))
        whole = merge(whole, bars(first, count, float(price)))
    assert lake.read(INFY, Span(BEGIN - DAY, BEGIN + DAY)).tolist() == whole.tolist()


def test_readers_see_whole_writes_only(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    write(lake, bars(0, 2000, 1.0))
    wanted, mixed, done = span(bars(0, 2000)), [], threading.Event()

    def watch() -> None:
        while not done.is_set():
            prices = set(lake.read(INFY, wanted)["close"].tolist())
            if len(prices) != 1:
                mixed.append(prices)

    reader = threading.Thread(target=watch)
    reader.start()
    for price in range(2, 40):
        write(lake, bars(0, 2000, float(price)))
    done.set()
    reader.join()
    assert mixed == []


def test_a_part_that_cannot_be_read_counts_as_missing_and_is_written_anew(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    write(lake, bars(0, 10))
    (file,) = (tmp_path / "lake").rglob("*.parquet")
    for damaged in (b"", b"PAR1 nonsense", file.read_bytes()[:-20]):
        file.write_bytes(damaged)
        assert len(lake.read(INFY, span(bars(0, 10)))) == 0
        assert lake.known(INFY, span(bars(0, 10))).covered == ()
        write(lake, bars(0, 10))
        assert len(lake.read(INFY, span(bars(0, 10)))) == 10


def test_the_half_written_file_of_a_dead_writer_is_not_read(tmp_path: Path) -> None:
    lake = open_lake(tmp_path)
    write(lake, bars(0, 10, 1.0))
    (file,) = (tmp_path / "lake").rglob("*.parquet")
    file.with_name(f".{file.name}.part").write_bytes(b"half")
    assert len(lake.read(INFY, span(bars(0, 10)))) == 10
    write(lake, bars(5, 10, 2.0))
    assert len(lake.read(INFY, span(bars(0, 15)))) == 15
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_an_address_that_nothing_opens_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be opened"):
        open_lake(tmp_path, "nosuchstore://bucket")


def test_parts_are_indian_months() -> None:
    # 30 November 2026, 18:30 UTC is midnight in India
    midnight = 1_796_063_400_000_000
    assert parts(Timeframe.M1, Span(midnight - DAY, midnight)) == ["2026-11"]
    assert parts(Timeframe.M1, Span(midnight - DAY, midnight + 1)) == ["2026-11", "2026-12"]
    assert parts(Timeframe.M1, Span(midnight, midnight + 65 * DAY)) == ["2026-12", "2027-01", "2027-02"]
    assert parts(Timeframe.M1, Span(midnight, midnight)) == []
    assert parts(Timeframe.D1, FOREVER) == ["all"]
    assert os.sep not in "".join(parts(Timeframe.M1, Span(midnight, midnight + DAY)))
