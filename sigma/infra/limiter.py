"""The budget of one account's writes: never more in any second than the broker takes, with some kept for cancels."""

from __future__ import annotations

import contextlib
import os
import struct
import threading
from pathlib import Path

from sigma.ports.clock import Clock

# A little over a second: brokers count calendar seconds on their own clock, and what leaves here a second apart may
# arrive somewhat closer together.
WINDOW_NS = 1_050_000_000
STAMP = struct.Struct("<qq")


class CalendarSecondBudget:
    """Implements ports.infra.WriteBudget: at most `per_second` writes in any second, calendar or rolling.

    Of these, `reserved` can only be taken by urgent writes (cancels and exits), which may also use the others.

    Parameters
    ----------
    path : Path, optional
        File that keeps the stamps of the last writes, so that a new holder of the account's lease knows what the one before
        it sent in the same second. Without it the budget is forgotten with the process.
    """

    def __init__(self, clock: Clock, per_second: int, reserved: int, path: Path | None = None) -> None:
        if not 0 <= reserved < per_second:
            raise ValueError(f"of {per_second} writes a second {reserved} cannot be reserved")
        self._clock = clock
        self._per_second = per_second
        self._reserved = reserved
        self._lock = threading.Lock()
        self._file = None if path is None else opened_private(path)
        self._slots: list[tuple[int, bool]] = [(0, False)] * per_second
        self._next = 0
        self._recall()

    def take(self, *, urgent: bool) -> float:
        """Take one token; return 0.0, or the seconds to wait before asking again."""
        with self._lock:
            now = self._clock.boot_ns()
            taken = sorted((at, was_urgent) for at, was_urgent in self._slots if 0 < at <= now and now - at < WINDOW_NS)
            blocking = self._blocking(taken, urgent)
            if blocking is not None:
                return max((blocking + WINDOW_NS - now) / 1e9, 0.001)
            self._stamp(now, urgent)
            return 0.0

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _blocking(self, taken: list[tuple[int, bool]], urgent: bool) -> int | None:
        """Return the stamp that has to grow old before another write may go out; None when one may now."""
        if len(taken) >= self._per_second:
            return taken[-self._per_second][0]
        ordinary = [at for at, was_urgent in taken if not was_urgent]
        allowed = self._per_second - self._reserved
        return ordinary[-allowed] if not urgent and len(ordinary) >= allowed else None

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
