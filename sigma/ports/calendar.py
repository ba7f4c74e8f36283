"""The days of the calendar that people changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from sigma.domain.days import SessionDay
from sigma.domain.instruments import Exchange


class OwnDays(Protocol):
    """Rows of the calendar that lie above the shipped ones."""

    def revision(self) -> int:
        """Return a number that is another one after each change."""

    def list(self) -> Sequence[SessionDay]:
        """Return the rows, by day and exchange."""

    def put(self, days: Sequence[SessionDay]) -> None:
        """Store rows, each in the place of the one with its key."""

    def remove(self, exchange: Exchange, day: date, complete: bool) -> SessionDay | None:
        """Take one row away and return it; None when there is none."""
