"""Budgets of writes: of one account, as its broker takes them, and of one exchange segment over all accounts of the machine.

Never more in any second than is allowed, with some kept for cancels and exits.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from sigma.ports.clock import Clock

# A little over a second: brokers count calendar seconds on their own clock, and what leaves here a second apart may
# arrive somewhat closer together.
WINDOW_NS = 1_050_000_000
STAMP = struct.Struct("<qq")


Stamps = list[tuple[int, bool]]
"""When writes left (boot clock), and whether they were urgent."""


def within_second(stamps: Iterable[tuple[int, bool]], now: int) -> Stamps:
    """Return the stamps that count at `now`, oldest first; those of an earlier boot lie ahead and do not."""
    return sorted((at, urgent) for at, urgent in stamps if 0 < at <= now and now - at < WINDOW_NS)


def wait_of(taken: Stamps, per_second: int, reserved: int, now: int, *, urgent: bool) -> float:
    """Return the seconds until another write may leave after those `taken`, 0.0 when it may now."""
    ordinary = [at for at, was_urgent in taken if not was_urgent]
    blocking = None
    if len(taken) >= per_second:
        blocking = taken[-per_second][0]
    elif not urgent and len(ordinary) >= per_second - reserved:
        blocking = ordinary[reserved - per_second]
    return 0.0 if blocking is None else max((blocking + WINDOW_NS - now) / 1e9, 0.001)


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
        data = os.pread(file, os.fstat(file).st_size, 0)
        whole = len(data) // STAMP.size * STAMP.size
        taken = within_second(((at, bool(was_urgent)) for at, was_urgent in STAMP.iter_unpack(data[:whole])), now)
        delay = wait_of(taken, allowed, max(1, allowed // 5), now, urgent=urgent)
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


class CalendarSecondBudget:
    """Implements ports.infra.WriteBudget: at most `per_second` writes in any second, calendar or rolling.

    Of these, `reserved` can only be taken by urgent writes (cancels and exits), which may also use the others.

    Parameters
    ----------
    path : Path, optional
        File that keeps the stamps of the last writes, so that a new holder of the account's lease knows what the one before
        it sent in the same second. Without it the budget is forgotten with the process.
    exchanges : ExchangeBudgets, optional
        What a write counts for beside this account.
    """

    def __init__(
        self,
        clock: Clock,
        per_second: int,
        reserved: int,
        path: Path | None = None,
        exchanges: ExchangeBudgets | None = None,
    ) -> None:
        if not 0 <= reserved < per_second:
            raise ValueError(f"of {per_second} writes a second {reserved} cannot be reserved")
        self._clock = clock
        self._per_second = per_second
        self._reserved = reserved
        self._exchanges = exchanges
        self._lock = threading.Lock()
        self._file = None if path is None else opened_private(path)
        self._slots: list[tuple[int, bool]] = [(0, False)] * per_second
        self._next = 0
        self._recall()

    def take(self, *, urgent: bool, exchange: str = "") -> float:
        """Take one token of the account and one of the exchange segment, or none; return 0.0, or the seconds to wait."""
        with self._lock:
            now = self._clock.boot_ns()
            taken = within_second(self._slots, now)
            delay = wait_of(taken, self._per_second, self._reserved, now, urgent=urgent)
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

    def _stamp(self, now: int, urgent: bool) -> None:
        """Overwrite the oldest slot: there are as many slots as writes in a second, so a full ring is never overrun."""
        slot = min(range(self._per_second), key=lambda index: self._slots[index][0])
        self._slots[slot] = (now, urgent)
        if self._file is not None:
            os.pwrite(self._file, STAMP.pack(now, urgent), slot * STAMP.size)

    def _recall(self) -> None:
        """Read what the process before this one sent. Stamps of an earlier boot lie in the future and do not count."""
        if self._file is None:
            return
        data = os.pread(self._file, STAMP.size * self._per_second, 0)
        now = self._clock.boot_ns()
        for index in range(len(data) // STAMP.size):
            at, was_urgent = STAMP.unpack_from(data, index * STAMP.size)
            if 0 < at <= now:
                self._slots[index] = (at, bool(was_urgent))

    def __enter__(self) -> CalendarSecondBudget:
        return self

    def __exit__(self, *_exc: object) -> None:
        with contextlib.suppress(OSError):
            self.close()


def opened_private(path: Path) -> int:
    """Return a file of its owner's alone, made when missing, for reading and writing in place."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
