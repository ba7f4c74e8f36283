"""Named points of the send path, at which a fault campaign may stop or kill the process."""

from __future__ import annotations

from typing import Protocol


class Probe(Protocol):
    """Told when a named point is reached. In production it does nothing."""

    def reached(self, point: str) -> None:
        """Say that the process is at `point`."""


class NoProbe:
    """The probe of everyday life."""

    def reached(self, point: str) -> None:
        """Do nothing."""
