"""Recorded ticks: what a recorder writes and a replay reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Protocol

from sigma.domain.ticks import TickDay, Ticks


class TickArchive(Protocol):
    """Ticks by day and source. What was added once stays whole, whatever happens to the process."""

    def add(self, day: date, source: int, listings: Sequence[str], ticks: Ticks) -> None:
        """Write ticks of one day; `listings` by slot says what each tick is of."""

    def days(self) -> Sequence[TickDay]:
        """Return what is there, the oldest day first."""

    def read(self, day: date, source: int) -> Iterator[tuple[Sequence[str], Ticks]]:
        """Give the ticks of a day in the order they were received, part by part, each with its listings by slot."""

    def drop_before(self, day: date) -> int:
        """Delete the days before `day`; return how many there were."""
