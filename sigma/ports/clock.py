"""The only source of time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for facts, boot time for durations.

    With the simulator, `now` follows the simulated exchange; `boot_ns` never does.
    """

    boot_id: str

    def now(self) -> datetime:
        """Return the moment, aware, UTC."""

    def boot_ns(self) -> int:
        """Return nanoseconds since this machine booted, suspended time included."""

    def wait(self, seconds: float) -> None:
        """Let real time pass."""
