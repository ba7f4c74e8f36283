"""What can be asked of the machine that the installation lives on."""

from __future__ import annotations

from typing import Protocol

from sigma.domain.health import Place


class Machine(Protocol):
    """The computer we run on."""

    def place(self) -> Place:
        """Return where the installation lives, how private that is, and how much room there is."""
