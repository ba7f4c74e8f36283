"""What the exchange notes about requests: every write that arrived, and every breach of the order rate."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sigma.domain.times import to_ist


@dataclass(slots=True)
class WriteEntry:
    """One write request. `at_ns` is the machine's monotonic clock when its first line had arrived.

    Parameters
    ----------
    outcome : str
        ``pending``, ``accepted``, ``refused: …``, or with a fault's kind before it (``drop_after_commit: accepted``).
    """

    at_ns: int
    broker: str
    client_id: str
    endpoint: str
    tag: str
    order_id: str
    outcome: str = "pending"

    def as_dict(self) -> dict[str, object]:
        """Return the entry as the control API shows it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RateWindow:
    """So many requests in a calendar unit of the exchange's clock: ``second``, ``minute``, ``hour`` or ``day``."""

    unit: str
    limit: int


@dataclass(frozen=True, slots=True)
class Breach:
    """One request above a limit."""

    at: datetime
    broker: str
    client_id: str
    unit: str
    limit: int
    count: int

    def as_dict(self) -> dict[str, object]:
        """Return the breach as the control API shows it."""
        return {**asdict(self), "at": self.at.isoformat()}


class RateBook:
    """Counts requests by calendar window (wire.md G). Not thread-safe: used under the lock of `Exchange`."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], tuple[str, int]] = {}
        self.breaches: list[Breach] = []

    def admit(self, broker: str, client_id: str, windows: tuple[RateWindow, ...], now: datetime, *, topic: str = "order") -> bool:
        """Count a request and say whether it keeps within every window; breaches of the order rate are noted."""
        within = True
        for window in windows:
            key = (f"{broker}:{client_id}:{topic}", window.unit)
            stamp = _stamp(now, window.unit)
            before, count = self._counts.get(key, ("", 0))
            count = count + 1 if before == stamp else 1
            self._counts[key] = (stamp, count)
            if count > window.limit:
                within = False
                if topic == "order":
                    self.breaches.append(Breach(now, broker, client_id, window.unit, window.limit, count))
        return within


_LENGTHS = {"second": 19, "minute": 16, "hour": 13, "day": 10}


def _stamp(now: datetime, unit: str) -> str:
    return to_ist(now).isoformat()[: _LENGTHS[unit]]
