"""Budgets of writes: of one account, as its broker takes them, and of one exchange segment over all accounts of the machine.

Never more in any stretch of time than is allowed, with some kept for cancels and exits.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import time
from pathlib import Path

from sigma.domain.limits import DAY_S, WriteLimit
from sigma.domain.times import ist, ist_date
from sigma.ports.clock import Clock

SECOND_NS = 1_000_000_000
# Brokers count calendar seconds and minutes on their own clock, and what leaves here a second apart may arrive somewhat
# closer together.
MARGIN_NS = 50_000_000
LONGEST_S = (SECOND_NS + MARGIN_NS) / 1e9
"""Nobody is told to wait longer, though a minute's budget may take longer: a sender shows that it lives, and looks for exits."""
STAMP = struct.Struct("<qq")
HEADER = struct.Struct("<8s16s")
MAGIC = b"SIGWRIT1"


def wait_of(
    taken: Sequence[int], ordinary: Sequence[int], limits: Iterable[WriteLimit], now: int, midnight: int, *, urgent: bool
) -> float:
    """Return the seconds after which to ask again for another write, 0.0 when it may leave now.

    Parameters
    ----------
    taken, ordinary : sequence of int
        When writes left (boot clock, nanoseconds), oldest first: all, and those that were not urgent.
    now, midnight : int
        The present moment and the last midnight in India, on the same clock.
    """
    until = now
    for limit in limits:
        until = max(until, _free_at(taken, limit.writes, limit.seconds, midnight))
        if not urgent:
            until = max(until, _free_at(ordinary, limit.writes - limit.reserved, limit.seconds, midnight))
    return 0.0 if until <= now else min(max((until - now) / 1e9, 0.001), LONGEST_S)


def _free_at(stamps: Sequence[int], most: int, seconds: int, midnight: int) -> int:
    """Return from when on fewer than `most` stamps count."""
    if len(stamps) < most:
        return 0
    if seconds < DAY_S:
        return stamps[-most] + seconds * SECOND_NS + MARGIN_NS
    return midnight + DAY_S * SECOND_NS if stamps[-most] >= midnight else 0


class ExchangeBudgets:
    """Writes to each exchange segment, of all accounts and processes of this machine together.

    The stamps of a segment's last writes are in a file of its own, which each process locks while it counts.

    Parameters
    ----------
    folder : Path
        Where the files are.
    per_second : callable
        Returns how many writes a segment takes in any second; a fifth of them, at least one, is kept for urgent ones.
    """

    def __init__(self, clock: Clock, folder: Path, per_second: Callable[[], int]) -> None:
        self._clock, self._folder, self._per_second = clock, folder, per_second
        self._lock = threading.Lock()
        self._files: dict[str, int] = {}

    def take(self, exchange: str, *, urgent: bool) -> float:
        """Take one token of a segment; return 0.0, or the seconds to wait before asking again."""
        allowed = self._per_second()
        with self._lock:
            file = self._files.get(exchange)
            if file is None:
                file = self._files[exchange] = opened_private(self._folder / f"exchange-{exchange}.rate")
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                return self._counted(file, allowed, urgent)
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)

    def _counted(self, file: int, allowed: int, urgent: bool) -> float:
        now = self._clock.boot_ns()
        known = _stamps(os.pread(file, os.fstat(file).st_size, 0), now)
        taken = [(at, was_urgent) for at, was_urgent in known if now - at < SECOND_NS + MARGIN_NS]
        limit = WriteLimit(allowed, 1, max(1, allowed // 5))
        ordinary = [at for at, was_urgent in taken if not was_urgent]
        delay = wait_of([at for at, _ in taken], ordinary, (limit,), now, 0, urgent=urgent)
        if not delay:
            kept = b"".join(STAMP.pack(at, was_urgent) for at, was_urgent in [*taken, (now, urgent)])
            os.pwrite(file, kept, 0)
            os.ftruncate(file, len(kept))
        return delay

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            for file in self._files.values():
                os.close(file)
            self._files.clear()


class WindowBudget:
    """Implements ports.infra.WriteBudget: in any window of time at most so many writes, calendar or rolling.

    Of these, some can only be taken by urgent writes (cancels and exits), which may also use the others.

    Parameters
    ----------
    limits : sequence of WriteLimit
        All of them hold.
    path : Path, optional
        File that keeps the stamps of the last writes, so that a new holder of the account's lease knows what the one before
        it sent; those of an earlier boot are forgotten. Without it the budget is forgotten with the process.
    exchanges : ExchangeBudgets, optional
        What a write counts for beside this account.
    """

    def __init__(
        self,
        clock: Clock,
        limits: Sequence[WriteLimit],
        path: Path | None = None,
        exchanges: ExchangeBudgets | None = None,
    ) -> None:
        if not limits:
            raise ValueError("a write budget needs a limit")
        self.limits = tuple(limits)
        self._clock = clock
        self._exchanges = exchanges
        self._lock = threading.Lock()
        self._capacity = max(limit.writes for limit in limits)
        self._taken = deque[int](maxlen=self._capacity)
        self._ordinary = deque[int](maxlen=self._capacity)
        self._next = 0
        self._file = None if path is None else self._recalled(path)

    def take(self, *, urgent: bool, exchange: str = "") -> float:
        """Take one token of the account and one of the exchange segment, or none; return 0.0, or the seconds to wait."""
        with self._lock:
            now = self._clock.boot_ns()
            delay = wait_of(self._taken, self._ordinary, self.limits, now, self._midnight(now), urgent=urgent)
            if not delay and exchange and self._exchanges is not None:
                delay = self._exchanges.take(exchange, urgent=urgent)
            if not delay:
                self._stamp(now, urgent)
            return delay

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _midnight(self, now: int) -> int:
        moment = self._clock.now()
        return now - int((moment - ist(ist_date(moment), time())).total_seconds() * SECOND_NS)

    def _stamp(self, now: int, urgent: bool) -> None:
        """Count a write. The file is a ring of as many stamps as the largest limit counts: the oldest is overwritten."""
        if self._file is not None:
            os.pwrite(self._file, STAMP.pack(now, urgent), HEADER.size + self._next * STAMP.size)
        self._next = (self._next + 1) % self._capacity
        self._count(now, urgent)

    def _count(self, at: int, urgent: bool) -> None:
        self._taken.append(at)
        if not urgent:
            self._ordinary.append(at)

    def _recalled(self, path: Path) -> int:
        """Read what the process before this one sent in this boot, put it in order, and return the file."""
        mark = HEADER.pack(MAGIC, boot_mark(self._clock))
        data = path.read_bytes() if path.exists() else b""
        known = _stamps(data[HEADER.size :], self._clock.boot_ns()) if data.startswith(mark) else []
        known = known[-self._capacity :]
        fresh = path.with_name(f"{path.name}.new")
        file = opened_private(fresh)
        os.ftruncate(file, 0)
        os.pwrite(file, mark + b"".join(STAMP.pack(at, urgent) for at, urgent in known), 0)
        fresh.replace(path)  # at once, so that whoever is killed in between leaves the one or the other
        for at, urgent in known:
            self._count(at, urgent)
        self._next = len(known) % self._capacity
        return file

    def __enter__(self) -> WindowBudget:
        return self

    def __exit__(self, *_exc: object) -> None:
        with contextlib.suppress(OSError):
            self.close()


def _stamps(data: bytes, now: int) -> list[tuple[int, bool]]:
    """Return the stamps that are stored, oldest first, and whether each was urgent; none lies ahead of `now`."""
    whole = len(data) // STAMP.size * STAMP.size
    return sorted((at, bool(urgent)) for at, urgent in STAMP.iter_unpack(data[:whole]) if 0 < at <= now)


def boot_mark(clock: Clock) -> bytes:
    """Return sixteen bytes that are this boot's alone."""
    return hashlib.blake2s(clock.boot_id.encode(), digest_size=16).digest()


def opened_private(path: Path) -> int:
    """Return a file of its owner's alone, made when missing, for reading and writing in place."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
