"""The newest tick of each listing in a memory-mapped file: one process writes, any number read, and nobody waits for a lock.

Two files a source, in one folder: ``latest-7.table`` holds a header and one row a slot, ``latest-7.listings`` says which listing
has which slot (JSON, replaced in one step; slots are never given twice). Each row has a sequence number that is odd while the row
is being written: a reader that meets an odd one, or another one after reading than before, reads that row again (a seqlock; it
relies on stores becoming visible in order, as x86-64 has it, and on ARM on the barriers of the interpreter's own locks).
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import structlog
from numpy.typing import NDArray

from sigma.domain.errors import Conflict
from sigma.domain.ticks import MISSING, TICK, Ticks, blank

log = structlog.get_logger(__name__)

HEADER_BYTES = 128
HEADER = np.dtype(
    [
        ("layout", "<u8"),  # which version of the rows below this file has
        ("boot", "<u8"),
        ("generation", "<u8"),  # another one for each new file: ties the file to its list of listings
        ("allotted", "<u8"),
        ("late", "<u8"),  # ticks that were older than what was there
        ("received", "<i8"),  # of the newest tick, microseconds
    ]
)
ROW_BYTES = -(-(8 + TICK.itemsize) // 64) * 64
PLAIN_TICK = np.dtype(f"V{TICK.itemsize}")
"""A tick as bytes: copied at once instead of field by field, which is twenty times slower."""
ROW = np.dtype({"names": ["sequence", "tick"], "formats": ["<u8", PLAIN_TICK], "offsets": [0, 8], "itemsize": ROW_BYTES})
LAYOUT = crc32(repr((HEADER.descr, TICK.descr, ROW_BYTES)).encode())
SMALLEST = 1024
ATTEMPTS = 400
YIELD_S = 0.00005
FUTURE_US = 60_000_000
"""A stored tick from further ahead than this is of a clock that was set back: it yields to any tick."""
TABLE = re.compile(r"latest-(\d+)\.table")
DEEP = 3
_PLAIN = tuple(name for name in TICK.names or () if name not in ("slot", "mode", "at", "received", "bids", "asks"))
_FLOATS = frozenset(name for name in _PLAIN if TICK[name].kind == "f")

Slots = NDArray[np.int64]


@dataclass(frozen=True)
class _View:
    """One mapping of the file: replaced as a whole, so that a thread that still uses the old one is not disturbed."""

    known_by: tuple[int, int]
    rows: NDArray[np.void]
    header: NDArray[np.void]
    listings: tuple[str, ...] = ()

    @property
    def slots(self) -> Mapping[str, int]:
        return {listing: slot for slot, listing in enumerate(self.listings)}


class LatestReader:
    """Reads one source's table; one that does not exist (yet) is empty. May be shared by threads.

    Parameters
    ----------
    folder : Path
        ``<home>/feed``.
    source : int
        Id of the account whose feed fills the table.
    """

    def __init__(self, folder: Path, source: int) -> None:
        self._table, self._listings = paths(folder, source)
        self._view: _View | None = None
        self._slots: Mapping[str, int] = {}
        self._lock = threading.Lock()

    def get(self, listings: Sequence[str]) -> Mapping[str, Ticks]:
        """Return the newest tick (an array of one) of each listing that has one; never a torn row."""
        slots = self._followed()
        wanted = [(listing, slots[listing]) for listing in listings if listing in slots]
        if not wanted:
            return {}
        rows = self.read(np.array([slot for _, slot in wanted], np.int64))
        places = {slot: place for place, slot in enumerate(rows["slot"].tolist())}
        return {listing: rows[places[slot] : places[slot] + 1] for listing, slot in wanted if slot in places}

    def read(self, slots: Slots) -> Ticks:
        """Return the newest ticks of slots, in no order that matters; slots without a tick are left out."""
        view = self._view
        if view is None:
            return blank(0)
        return _read(view, slots[slots < len(view.rows)])

    def listings(self) -> tuple[str, ...]:
        """Return the listings in the order of their slots."""
        self._followed()
        return () if self._view is None else self._view.listings

    def slots(self) -> Mapping[str, int]:
        """Return the slot of each listing; the same object until that changes."""
        return self._followed()

    def received(self) -> int | None:
        """Return when the newest tick came in (microseconds since 1970, UTC); None when none ever did."""
        self._followed()
        newest = 0 if self._view is None else int(self._view.header["received"][0])
        return newest or None

    def late(self) -> int:
        """Return how many ticks were older than what was there, since the file was made."""
        self._followed()
        return 0 if self._view is None else int(self._view.header["late"][0])

    def _followed(self) -> Mapping[str, int]:
        """Return the slot of each listing, once the mapping is that of the file as it is now."""
        try:
            found = self._table.stat()
        except FileNotFoundError:
            self._view, self._slots = None, {}
            return {}
        view = self._view
        same = view is not None and view.known_by == (found.st_ino, found.st_size)
        if view is not None and same and int(view.header["allotted"][0]) == len(view.listings):
            return self._slots
        with self._lock:
            self._view = _mapped(self._table, self._listings)
            self._slots = self._view.slots if self._view is not None else {}
            return self._slots


class LatestWriter(LatestReader):
    """Implements ports.feed.LatestTable for the one process that fills it. Readable too, by its threads.

    Parameters
    ----------
    boot_id : str
        Of the Clock. A table of an earlier boot is begun anew: what a crash of the machine left on disk may be half a row.

    Raises
    ------
    Conflict
        Another process fills this table.
    """

    def __init__(self, folder: Path, source: int, boot_id: str) -> None:
        super().__init__(folder, source)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._held = _held(folder / f"latest-{source}.lock", source)
        self._writing = threading.RLock()
        self._boot = crc32(boot_id.encode())
        view = _mapped(self._table, self._listings, writable=True)
        if view is None or int(view.header["boot"][0]) != self._boot:
            view = self._begun()
        self._view, self._slots = view, view.slots
        self._mend(view)

    def allot(self, listings: Sequence[str]) -> Mapping[str, int]:
        """Return a slot for each listing, the same one as long as the table lives."""
        with self._writing:
            view = self._own()
            new = [listing for listing in dict.fromkeys(listings) if listing not in self._slots]
            if new:
                known = view.listings + tuple(new)
                view = self._grown(view, len(known))
                _replace(self._listings, _directory(int(view.header["generation"][0]), known))
                self._view = _View(view.known_by, view.rows, view.header, known)
                self._slots = self._view.slots
                view.header["allotted"] = len(known)
            return {listing: self._slots[listing] for listing in listings}

    def put(self, ticks: Ticks) -> Ticks:
        """Keep ticks under their slots, and return those that are the newest of their listings now, as they stand there.

        A field that a tick lacks keeps its value, and so does the depth under a tick without depth. A tick older (by `at`) than
        the one that is there changes nothing and is counted.
        """
        with self._writing:
            view = self._own()
            known = (ticks["slot"] >= 0) & (ticks["slot"] < len(view.listings))
            ours = ticks if known.all() else ticks[known]
            kept = [self._put(view, part) for part in _each_slot_once(ours)]
            if len(ours):
                view.header["received"] = max(int(view.header["received"][0]), int(ours["received"].max()))
            return kept[0] if len(kept) == 1 else np.concatenate([blank(0), *kept])

    def close(self) -> None:
        """Let another process fill the table."""
        os.close(self._held)

    def _put(self, view: _View, ticks: Ticks) -> Ticks:
        slots = ticks["slot"].astype(np.int64)
        old = view.rows["tick"][slots].view(TICK)
        first = np.flatnonzero(view.rows["sequence"][slots] == 0)
        if len(first):
            old[first] = blank(len(first))
        late = (ticks["at"] < old["at"]) & (old["at"] <= ticks["received"] + FUTURE_US)
        if late.any():
            view.header["late"] += np.uint64(late.sum())
            ticks, old, slots = ticks[~late], old[~late], slots[~late]
        merged = _merged(ticks, old)
        sequence = view.rows["sequence"]
        sequence[slots] += np.uint64(1)
        view.rows["tick"][slots] = merged.view(PLAIN_TICK)
        sequence[slots] += np.uint64(1)
        return merged

    def _followed(self) -> Mapping[str, int]:
        return self._slots

    def _own(self) -> _View:
        """Return the mapping, of a new file where somebody took the old one away."""
        view = self._view
        if view is None or not self._table.exists():
            view = self._begun(() if view is None else view.listings)
            self._view, self._slots = view, view.slots
        return view

    def _begun(self, listings: tuple[str, ...] = ()) -> _View:
        """Put a new file in place; with `listings`, they keep their slots."""
        header = np.zeros(1, HEADER)
        header["layout"], header["boot"], header["generation"] = LAYOUT, self._boot, secrets.randbits(63)
        size = HEADER_BYTES + ROW_BYTES * max(SMALLEST, len(listings))
        _replace(self._table, header.tobytes().ljust(HEADER_BYTES, b"\0"), size)
        _replace(self._listings, _directory(int(header["generation"][0]), listings))
        view = _mapped(self._table, self._listings, writable=True)
        if view is None:
            raise OSError(f"{self._table} cannot be mapped")
        view.header["allotted"] = len(listings)
        return view

    def _grown(self, view: _View, count: int) -> _View:
        """Make room for so many slots; the file stays the same one, only longer."""
        if count <= len(view.rows):
            return view
        capacity = max(count, 2 * len(view.rows))
        with self._table.open("r+b") as file:
            _reserve(file.fileno(), HEADER_BYTES + ROW_BYTES * capacity)
        longer = _mapped(self._table, self._listings, writable=True)
        if longer is None:
            raise OSError(f"{self._table} cannot be mapped")
        return longer

    def _mend(self, view: _View) -> None:
        """Empty the rows that a writer was killed in."""
        torn = np.flatnonzero(view.rows["sequence"] % 2)
        if len(torn):
            log.warning("torn_rows_emptied", rows=len(torn))
            view.rows["tick"][torn] = np.zeros(1, PLAIN_TICK)
            view.rows["sequence"][torn] = 0


class LatestTables:
    """Implements ports.feed.LatestTables: all sources' tables of an installation, for reading. May be shared by threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._readers: dict[int, LatestReader] = {}

    def table(self, source: int) -> LatestReader:
        """Return the table of one source; it may be empty."""
        reader = self._readers.get(source)
        if reader is None:
            reader = self._readers.setdefault(source, LatestReader(self._folder, source))
        return reader

    def get(self, source: int, listings: Sequence[str]) -> Mapping[str, Ticks]:
        """Return the newest tick (an array of one) of each listing that has one at this source."""
        return self.table(source).get(listings)

    def newest(self, listings: Sequence[str]) -> Mapping[str, Ticks]:
        """Return the newest tick of each listing, whichever source it came from."""
        best: dict[str, Ticks] = {}
        for source in self.sources():
            for listing, tick in self.get(source, listings).items():
                if listing not in best or tick["at"][0] > best[listing]["at"][0]:
                    best[listing] = tick
        return best

    def received(self, source: int) -> int | None:
        """Return when the newest tick of a source came in (microseconds since 1970, UTC)."""
        return self.table(source).received()

    def sources(self) -> list[int]:
        """Return the ids of the accounts that have a table."""
        try:
            names = os.listdir(self._folder)
        except FileNotFoundError:
            return []
        return sorted(int(found[1]) for name in names if (found := TABLE.fullmatch(name)))


def paths(folder: Path, source: int) -> tuple[Path, Path]:
    """Return where a source's rows and the list of its listings are."""
    return folder / f"latest-{source}.table", folder / f"latest-{source}.listings"


def _read(view: _View, slots: Slots) -> Ticks:
    """Read rows until none was written meanwhile; one whose writer died in it is left out."""
    sequence, stored = view.rows["sequence"], view.rows["tick"]
    parts = []
    for attempt in range(ATTEMPTS):
        before = sequence[slots]
        slots, before = slots[before != 0], before[before != 0]
        ticks = stored[slots]
        good = (sequence[slots] == before) & (before % 2 == 0)
        parts.append(ticks if good.all() else ticks[good])
        slots = slots[~good]
        if not len(slots):
            break
        if attempt:
            time.sleep(YIELD_S)
    return (parts[0] if len(parts) == 1 else np.concatenate(parts)).view(TICK)


def _merged(ticks: Ticks, old: Ticks) -> Ticks:
    merged: Ticks = ticks.view(PLAIN_TICK).copy().view(TICK)
    for name in _PLAIN:
        values = merged[name]
        lacks = np.isnan(values) if name in _FLOATS else values == MISSING
        if lacks.any():
            np.copyto(values, old[name], where=lacks)
    shallow = np.flatnonzero(ticks["mode"] < DEEP)
    if len(shallow):
        for side in ("bids", "asks"):
            merged[side][shallow] = old[side][shallow]
    return merged


def _each_slot_once(ticks: Ticks) -> Iterator[Ticks]:
    """Give ticks in parts, in their order, none of which has a slot twice."""
    slots = ticks["slot"]
    if len(np.unique(slots)) == len(slots):
        yield ticks
        return
    order = np.argsort(slots, kind="stable")
    ordered = slots[order]
    first = np.searchsorted(ordered, ordered)
    times = np.empty(len(slots), np.int64)
    times[order] = np.arange(len(slots)) - first
    for number in range(int(times.max()) + 1):
        yield ticks[times == number]


def _mapped(table: Path, listings: Path, *, writable: bool = False) -> _View | None:
    """Map a table as it is now; None when it is not there or of another version."""
    try:
        with table.open("r+b" if writable else "rb") as file:
            found = os.fstat(file.fileno())
            if found.st_size < HEADER_BYTES:
                return None
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            memory = mmap.mmap(file.fileno(), found.st_size, access=access)
    except FileNotFoundError:
        return None
    header = np.frombuffer(memory, HEADER, 1)
    if int(header["layout"][0]) != LAYOUT:
        return None
    rows = np.frombuffer(memory, ROW, (found.st_size - HEADER_BYTES) // ROW_BYTES, HEADER_BYTES)
    known = _known(listings, int(header["generation"][0]))[: len(rows)]
    return _View((found.st_ino, found.st_size), rows, header, known[: int(header["allotted"][0])] if not writable else known)


def _known(listings: Path, generation: int) -> tuple[str, ...]:
    """Return the listings in the order of their slots; none while the list is another file's."""
    try:
        told: dict[str, Any] = json.loads(listings.read_bytes())
    except FileNotFoundError:
        return ()
    return tuple(told["listings"]) if told["generation"] == generation else ()


def _directory(generation: int, listings: Sequence[str]) -> bytes:
    return json.dumps({"generation": generation, "listings": listings}).encode()


def _replace(path: Path, content: bytes, size: int | None = None) -> None:
    """Put a file in place in one step, open to its owner only; with `size`, as long as that (zeros behind the content)."""
    waiting = path.with_suffix(f"{path.suffix}.new")
    file = os.open(waiting, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, content)
        if size is not None:
            _reserve(file, size)
    finally:
        os.close(file)
    waiting.replace(path)


def _reserve(file: int, size: int) -> None:
    """Make a file this long with its blocks on disk: a full disk is an OSError here, not the death of whoever writes a row."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.ftruncate(file, size)


def _held(path: Path, source: int) -> int:
    """Return the lock of the one writer; it dies with its process."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        told = f"Another process takes the ticks of account {source}."
        raise Conflict(told, hint="It goes on with them; this one looks again by itself.") from None
    return file
