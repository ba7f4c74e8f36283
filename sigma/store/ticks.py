"""Recorded ticks as Parquet: ``ticks/day=2026-11-20/source=7/part-<first microsecond>-<random>.parquet``.

A part is written beside its place and renamed: readers see whole parts only. Columns are the fields of a tick
(sigma/domain/ticks.py) by their names, with the listing's canonical text in the place of the slot; the five levels of the depth
are lists of fixed length (``bids_price``, ``bids_quantity``, ``bids_orders``, and so for the asks).
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sigma.domain.ticks import DEPTH, LEVEL, TICK, TickDay, Ticks, blank

PLAIN = tuple(name for name in TICK.names or () if name not in ("slot", "bids", "asks"))
SIDES = ("bids", "asks")


class ParquetTicks:
    """Implements ports.ticks.TickArchive in a folder of this machine.

    Parameters
    ----------
    folder : Path
        ``<home>/lake/ticks``; made when first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, day: date, source: int, listings: Sequence[str], ticks: Ticks) -> None:
        """Write ticks of one day as one part, ordered by when they were received."""
        ticks = ticks[np.argsort(ticks["received"], kind="stable")]
        place = self._place(day, source)
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"part-{int(ticks['received'][0])}-{secrets.token_hex(4)}.parquet"
        waiting = place / f".{name}.new"
        try:
            pq.write_table(to_table(listings, ticks), waiting, compression="zstd")
            waiting.replace(place / name)
        finally:
            waiting.unlink(missing_ok=True)

    def days(self) -> Sequence[TickDay]:
        """Return what is there, the oldest day first."""
        found = []
        for place in sorted(self._folder.glob("day=*/source=*")):
            parts = sorted(place.glob("part-*.parquet"))
            day = date.fromisoformat(place.parent.name.removeprefix("day="))
            rows = sum(pq.read_metadata(part).num_rows for part in parts)
            size = sum(part.stat().st_size for part in parts)
            found.append(TickDay(day, int(place.name.removeprefix("source=")), rows, len(parts), size))
        return found

    def read(self, day: date, source: int) -> Iterator[tuple[Sequence[str], Ticks]]:
        """Give the ticks of a day in the order they were received, part by part, each with its listings by slot."""
        parts = self._place(day, source).glob("part-*.parquet")
        for part in sorted(parts, key=lambda path: int(path.name.split("-")[1])):
            yield from_table(pq.read_table(part, partitioning=None))

    def drop_before(self, day: date) -> int:
        """Delete the days before `day`; return how many there were."""
        old = [place for place in self._folder.glob("day=*") if date.fromisoformat(place.name.removeprefix("day=")) < day]
        for place in old:
            shutil.rmtree(place)
        return len(old)

    def _place(self, day: date, source: int) -> Path:
        return self._folder / f"day={day:%Y-%m-%d}" / f"source={source}"


def to_table(listings: Sequence[str], ticks: Ticks) -> pa.Table:
    """Return ticks as a table of Arrow."""
    slots, places = np.unique(ticks["slot"], return_inverse=True)
    names = pa.array([listings[slot] for slot in slots.tolist()])
    columns: dict[str, Any] = {"listing": pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), names)}
    columns |= {name: pa.array(np.ascontiguousarray(ticks[name])) for name in PLAIN}
    for side in SIDES:
        for part in LEVEL.names or ():
            flat = pa.array(np.ascontiguousarray(ticks[side][part]).reshape(-1))
            columns[f"{side}_{part}"] = pa.FixedSizeListArray.from_arrays(flat, DEPTH)
    return pa.table(columns)


def from_table(table: pa.Table) -> tuple[Sequence[str], Ticks]:
    """Return what `to_table` took apart: the listings by slot, and the ticks."""
    ticks = blank(table.num_rows)
    listing = table["listing"].combine_chunks()
    if not isinstance(listing.type, pa.DictionaryType):
        listing = listing.dictionary_encode()
    for name in PLAIN:
        ticks[name] = table[name].to_numpy()
    ticks["slot"] = listing.indices.to_numpy(zero_copy_only=False)
    for side in SIDES:
        for part in LEVEL.names or ():
            flat = table[f"{side}_{part}"].combine_chunks().flatten()
            ticks[side][part] = flat.to_numpy(zero_copy_only=False).reshape(-1, DEPTH)
    return listing.dictionary.to_pylist(), ticks
