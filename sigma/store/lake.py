"""The lake as Parquet files: ``bars/<source>/<exchange>/<symbol>/<timeframe>/<part>.parquet``, a part being a month or all.

A part is one file that is written whole: beside itself and then renamed on a disk, by one put in an object store. So a reader
has the old one or the new one, whenever the writer dies. What the source was asked for stands in the same file, so that it
cannot disagree with the bars. One month of minutes is about 120 kB; a year of one listing is twelve files, read in some
20 ms, and a day's delta rewrites one of them.
"""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

import filelock
import numpy as np
import structlog

from sigma.domain.bars import BAR, Bars, Span
from sigma.domain.errors import ConfigError
from sigma.domain.instruments import split_listing
from sigma.domain.market import Timeframe
from sigma.engines.bars import DAY, INDIA, merge
from sigma.engines.spans import joined
from sigma.ports.lake import Known, LakeWriter, Series

if TYPE_CHECKING:
    import pyarrow

log = structlog.get_logger(__name__)

_COVERED, _CONFIRMED = b"sigma.covered", b"sigma.confirmed"
_READERS = 4


class Files(Protocol):
    """Whole files under one root, by their path in it."""

    def open(self, path: str) -> pyarrow.NativeFile | io.BytesIO | None:
        """Return a file for reading, None when there is none."""

    def put(self, path: str, data: bytes) -> None:
        """Put a file in place of what is there, at once."""

    def remove(self, folder: str) -> None:
        """Remove a folder with all that is in it."""


class DiskFiles:
    """Files in a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def open(self, path: str) -> pyarrow.NativeFile | io.BytesIO | None:
        """Return a file for reading, None when there is none."""
        import pyarrow

        try:
            return pyarrow.memory_map(str(self._root / path))
        except FileNotFoundError:
            return None

    def put(self, path: str, data: bytes) -> None:
        """Write a file beside its place and rename it there; the half-written one of a writer that died is overwritten."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.part")
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)

    def remove(self, folder: str) -> None:
        """Remove a folder with all that is in it."""
        shutil.rmtree(self._root / folder, ignore_errors=True)


class ObjectFiles:
    """Objects in a store that fsspec knows; one put replaces an object whole."""

    def __init__(self, url: str) -> None:
        import fsspec

        try:
            self._store, self._root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            hint = "Name a folder, or an address that fsspec opens; a store may need a package of its own."
            raise ConfigError(f"The lake's address cannot be opened: {error}", hint=hint) from error

    def open(self, path: str) -> pyarrow.NativeFile | io.BytesIO | None:
        """Return an object for reading, None when there is none."""
        try:
            return io.BytesIO(self._store.cat_file(f"{self._root}/{path}"))
        except FileNotFoundError:
            return None

    def put(self, path: str, data: bytes) -> None:
        """Replace an object."""
        self._store.pipe_file(f"{self._root}/{path}", data)

    def remove(self, folder: str) -> None:
        """Remove every object below a folder."""
        if self._store.exists(f"{self._root}/{folder}"):
            self._store.rm(f"{self._root}/{folder}", recursive=True)


class ParquetLake:
    """Implements ports.lake.Lake.

    Parameters
    ----------
    locks : Path
        Folder on this machine in which writers exclude one another.
    """

    def __init__(self, files: Files, locks: Path) -> None:
        self._files = files
        self._locks = locks

    def read(self, series: Series, span: Span) -> Bars:
        """Return the stored bars that close in `span`, oldest first; none when nothing is stored."""
        found = [part for name in parts(series.timeframe, span) if (part := self._bars(series, name, span)) is not None]
        return np.concatenate(found) if found else np.empty(0, BAR)

    def read_many(self, series: Sequence[Series], span: Span) -> Mapping[Series, Bars]:
        """Return `read` of many series; those without a bar in `span` are absent."""
        with ThreadPoolExecutor(_READERS) as readers:
            found = zip(series, readers.map(lambda one: self.read(one, span), series), strict=True)
            return {one: bars for one, bars in found if len(bars)}

    def known(self, series: Series, span: Span) -> Known:
        """Return what the source was asked for within `span`."""
        covered: list[Span] = []
        confirmed: list[Span] = []
        for name in parts(series.timeframe, span):
            table = self._opened(series, name)
            if table is not None:
                noted = table.schema_arrow.metadata or {}
                covered += _spans(noted.get(_COVERED))
                confirmed += _spans(noted.get(_CONFIRMED))
        return Known(tuple(covered), tuple(confirmed))

    @contextmanager
    def claim(self, series: Series, wait_s: float) -> Iterator[LakeWriter | None]:
        """Become the series' writer; None when another one on this machine still is after `wait_s` seconds."""
        self._locks.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = filelock.FileLock(self._locks / f"{_folder(series).replace('/', '~')}.lock")
        try:
            lock.acquire(timeout=wait_s)
        except filelock.Timeout:
            yield None
            return
        try:
            yield _Writer(self, series)
        finally:
            lock.release()

    # -- for the writer -------------------------------------------------------------------------------------------------

    def put(self, series: Series, bars: Bars, covered: Span, confirmed: Sequence[Span]) -> None:
        """Write what falls into each part; only the holder of a claim may."""
        for name in parts(series.timeframe, covered):
            bounds = _bounds(series.timeframe, name)
            inside = bars[(bars["at"] > bounds.start) & (bars["at"] <= bounds.end)]
            old, known = self._stored(series, name)
            asked = joined([*known.covered, _cut(covered, bounds)])
            again = joined([*known.confirmed, *(_cut(span, bounds) for span in confirmed)])
            if len(inside) or asked != known.covered or again != known.confirmed:
                self._files.put(f"{_folder(series)}/{name}.parquet", _packed(merge(old, inside), asked, again))

    def drop(self, series: Series) -> None:
        """Remove everything of a series; only the holder of a claim may."""
        self._files.remove(_folder(series))

    # -- inside ---------------------------------------------------------------------------------------------------------

    def _opened(self, series: Series, name: str) -> Any:
        """Return a part, None when it is missing; one that cannot be read (a disk that failed) counts as missing."""
        import pyarrow
        import pyarrow.parquet

        path = f"{_folder(series)}/{name}.parquet"
        source = self._files.open(path)
        if source is None:
            return None
        try:
            return pyarrow.parquet.ParquetFile(source)
        except (pyarrow.ArrowInvalid, OSError) as error:
            log.warning("a part of the lake cannot be read and is fetched again", path=path, why=str(error))
            return None

    def _bars(self, series: Series, name: str, span: Span) -> Bars | None:
        table = self._opened(series, name)
        if table is None:
            return None
        bars = _unpacked(table.read(use_threads=False))
        first, last = np.searchsorted(bars["at"], [span.start, span.end], side="right")
        return bars[first:last]

    def _stored(self, series: Series, name: str) -> tuple[Bars, Known]:
        table = self._opened(series, name)
        if table is None:
            return np.empty(0, BAR), Known()
        noted = table.schema_arrow.metadata or {}
        return _unpacked(table.read(use_threads=False)), Known(_spans(noted.get(_COVERED)), _spans(noted.get(_CONFIRMED)))


class _Writer:
    """Implements ports.lake.LakeWriter for the holder of a claim."""

    def __init__(self, lake: ParquetLake, series: Series) -> None:
        self._lake, self._series = lake, series

    def write(self, bars: Bars, covered: Span, confirmed: Sequence[Span] = ()) -> None:
        """Put closed bars in place; see the port."""
        if len(bars) and not (covered.start < bars["at"].min() and bars["at"].max() <= covered.end):
            raise ValueError(f"bars of {self._series.listing} lie outside of what the source was asked for")
        self._lake.put(self._series, bars, covered, confirmed)

    def forget(self) -> None:
        """Remove everything of the series."""
        self._lake.drop(self._series)


def open_lake(home: Path, url: str = "") -> ParquetLake:
    """Return the lake of an installation.

    Parameters
    ----------
    url : str
        Where the bars are (SIGMA_LAKE_URL): a folder, or an object store's address; empty for ``<home>/lake``.

    Raises
    ------
    ConfigError
        No such store can be opened here.
    """
    local = url.removeprefix("file://")
    files: Files = ObjectFiles(url) if "://" in local else DiskFiles(Path(local).expanduser() if local else home / "lake")
    return ParquetLake(files, home / "locks" / "bars")


def parts(timeframe: Timeframe, span: Span) -> list[str]:
    """Return the names of the parts that bars closing in `span` are in, oldest first."""
    if timeframe is Timeframe.D1:
        return ["all"]
    if span.end <= span.start:
        return []
    first, last = (((at - 1 + INDIA) // DAY) for at in (span.start + 1, span.end))
    months = np.arange(*np.array([first, last + 31], "datetime64[D]").astype("datetime64[M]"))
    return [str(month) for month in months if int(month.astype("datetime64[D]").astype(int)) <= last]


def _bounds(timeframe: Timeframe, name: str) -> Span:
    """Return the time that a part is for: an Indian calendar month."""
    if timeframe is Timeframe.D1:
        return Span(np.iinfo(np.int64).min, np.iinfo(np.int64).max)
    year, month = map(int, name.split("-"))
    following = date(year + month // 12, month % 12 + 1, 1)
    first, last = ((day - date(1970, 1, 1)).days * DAY - INDIA for day in (date(year, month, 1), following))
    return Span(first, last)


def _folder(series: Series) -> str:
    exchange, symbol = split_listing(series.listing)
    name = quote(symbol, safe="").replace(".", "%2E")
    return f"bars/{series.source}/{exchange.value}/{name}/{series.timeframe.value}"


def _cut(span: Span, bounds: Span) -> Span:
    return Span(max(span.start, bounds.start), min(span.end, bounds.end))


def _spans(text: bytes | None) -> tuple[Span, ...]:
    return tuple(Span(*pair) for pair in json.loads(text)) if text else ()


def _packed(bars: Bars, covered: Sequence[Span], confirmed: Sequence[Span]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    noted = {_COVERED: json.dumps(covered).encode(), _CONFIRMED: json.dumps(confirmed).encode()}
    columns = {name: np.ascontiguousarray(bars[name]) for name in BAR.names or ()}
    table = pyarrow.table(columns).replace_schema_metadata(noted)
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink, compression="zstd", use_dictionary=False)
    return bytes(sink.getvalue().to_pybytes())


def _unpacked(table: pyarrow.Table) -> Bars:
    bars = np.empty(table.num_rows, BAR)
    for name in BAR.names or ():
        bars[name] = table.column(name).to_numpy()
    return bars
