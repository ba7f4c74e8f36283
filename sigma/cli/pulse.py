"""Notices a program that runs and has fallen silent: stopped inside a write transaction, it blocks every other writer."""

from __future__ import annotations

import time
from collections.abc import Callable

LOOK_EVERY_S = 0.5
STARTS_WITHIN_S = 60.0

LastSign = Callable[[int], object | None]
"""Given a process id, returns something that changes with each sign of life, None before the first."""


class Pulse:
    """Counts how long one program has been silent.

    Only time in which this process itself ran is counted, by its own clock: a machine that was suspended, or a clock that was
    set, makes no healthy program look dead.

    Parameters
    ----------
    last_sign : callable
        What the program wrote last. An error that it raises says nothing about the program.
    allowed_s : callable
        How many seconds of silence are allowed after the first sign.
    boot_clock : callable
        Seconds that never go back.
    """

    def __init__(
        self, last_sign: LastSign, allowed_s: Callable[[], float], boot_clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._last_sign = last_sign
        self._allowed_s = allowed_s
        self._known: tuple[int | None, object | None] = (None, None)
        self._silent_s = 0.0
        self._boot_clock = boot_clock
        self._looked = boot_clock()

    def silent_too_long(self, pid: int | None) -> float:
        """Look when it is time; return the seconds of silence once they are too many, else 0.0."""
        now = self._boot_clock()
        passed = now - self._looked
        if passed < LOOK_EVERY_S:
            return 0.0
        self._looked = now
        sign = None if pid is None else self._last_sign(pid)
        if pid is None or (pid, sign) != self._known:
            self._known, self._silent_s = (pid, sign), 0.0
            return 0.0
        self._silent_s += min(passed, 2 * LOOK_EVERY_S)
        allowed = self._allowed_s()
        if self._silent_s <= (allowed if sign is not None else max(allowed, STARTS_WITHIN_S)):
            return 0.0
        silent, self._silent_s = self._silent_s, 0.0
        return silent
