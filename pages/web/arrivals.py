"""What brokers sent with a browser that came back from their login, kept in memory until the page takes it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

LASTS_S = 600.0
AWAITED_S = 3600.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """One return from a broker's login. `params` hold a login token: they are never printed."""

    broker: str
    params: Mapping[str, str] = field(repr=False)


class Arrivals:
    """The last arrival of each person, for at most ten minutes; taken once. And for which account each person left last.

    Parameters
    ----------
    boot_clock : callable
        Seconds that never go back.
    """

    def __init__(self, boot_clock: Callable[[], float] = time.monotonic) -> None:
        self._boot_clock = boot_clock
        self._lock = threading.Lock()
        self._kept: dict[int, tuple[float, Arrival]] = {}
        self._awaited: dict[tuple[int, str], tuple[float, int]] = {}

    def put(self, user_id: int, broker: str, params: Mapping[str, str]) -> None:
        """Keep what `broker` sent for a person, instead of what was kept for them before."""
        with self._lock:
            self._drop_old()
            self._kept[user_id] = (self._boot_clock(), Arrival(broker, dict(params)))

    def take(self, user_id: int) -> Arrival | None:
        """Return what came for a person and forget it; None when nothing did, or too long ago."""
        with self._lock:
            self._drop_old()
            _, arrival = self._kept.pop(user_id, (0.0, None))
            return arrival

    def await_login(self, user_id: int, broker: str, account_id: int) -> None:
        """Remember which account a person is about to log in at a broker's page."""
        with self._lock:
            self._awaited[user_id, broker] = (self._boot_clock(), account_id)

    def awaited(self, user_id: int, broker: str) -> int | None:
        """Return which account a person left to log in at a broker within the last hour, and forget it; None when none."""
        with self._lock:
            since, account_id = self._awaited.pop((user_id, broker), (0.0, None))
            return account_id if self._boot_clock() - since < AWAITED_S else None

    def _drop_old(self) -> None:
        oldest = self._boot_clock() - LASTS_S
        self._kept = {user: kept for user, kept in self._kept.items() if kept[0] > oldest}
