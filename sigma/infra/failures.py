"""How often somebody was wrong in the last minute, so that nobody can guess fast."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

from sigma.ports.clock import Clock

WINDOW_NS = 60 * 1_000_000_000
MOST_KEYS = 10_000


class FailureMinute:
    """Implements ports.infra.Failures in the process's memory, for any thread. The keys longest unused are forgotten first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, deque[int]] = OrderedDict()

    def wait(self, key: str, most: int) -> float:
        """Return the seconds until `key` has fewer than `most` failures in the last minute; 0.0 when it has."""
        with self._lock:
            recent = self._recent(key)
            if len(recent) < most:
                return 0.0
            return max(1.0, (recent[-most] + WINDOW_NS - self._clock.boot_ns()) / 1e9)

    def count(self, key: str, keep: int) -> None:
        """Count one failure of `key`; of older ones as many are remembered as make `keep`."""
        with self._lock:
            recent = self._recent(key)
            recent.append(self._clock.boot_ns())
            while len(recent) > keep:
                recent.popleft()
            self._seen[key] = recent
            self._seen.move_to_end(key)
            while len(self._seen) > MOST_KEYS:
                self._seen.popitem(last=False)

    def _recent(self, key: str) -> deque[int]:
        recent = self._seen.get(key, deque())
        while recent and self._clock.boot_ns() - recent[0] > WINDOW_NS:
            recent.popleft()
        return recent
