"""What can be asked of the machine that the installation lives on."""

from __future__ import annotations

from typing import Protocol

from sigma.domain.health import Place


class Machine(Protocol):
    """The computer we run on."""

    def place(self) -> Place:
        """Return where the installation lives, how private that is, and how much room there is."""

    def outgoing(self) -> str | None:
        """Return the address from which this machine goes out to others, None without a way out. Sends nothing.

        Behind a router it is a private one, and others see the router's.
        """
