"""The computer we run on: the folder of the installation, its key, and the room on its disk."""

from __future__ import annotations

import shutil
import socket
import stat
from collections.abc import Mapping
from pathlib import Path

from sigma.domain.health import Place
from sigma.ports.clock import Clock

FRESH_NS = 10_000_000_000
KEY_FILE = "key"
ELSEWHERE = ("192.0.2.1", 9)  # an address for documentation (RFC 5737): nobody has it
KEY_VARIABLE = "SIGMA_KEY"


class LocalMachine:
    """Implements ports.machine.Machine. What the disk says is asked again after ten seconds of real time."""

    def __init__(self, home: Path, clock: Clock, environment: Mapping[str, str]) -> None:
        self._home = home
        self._clock = clock
        self._environment = environment
        self._known: tuple[int, Place] | None = None

    def place(self) -> Place:
        """Return where the installation lives, how private that is, and how much room there is."""
        now = self._clock.boot_ns()
        if self._known is None or now - self._known[0] >= FRESH_NS:
            self._known = (now, self._look())
        return self._known[1]

    def outgoing(self) -> str | None:
        """Return the address from which this machine goes out to others, None without a way out.

        Connecting a datagram socket chooses a way and sends nothing.
        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
            try:
                way.connect(ELSEWHERE)
            except OSError:
                return None
            return str(way.getsockname()[0])

    def _look(self) -> Place:
        key = self._home / KEY_FILE
        mode = _mode(self._home)
        return Place(
            home=str(self._home),
            home_mode=mode,
            key_file=str(key),
            key_mode=_mode(key),
            key_given=bool(self._environment.get(KEY_VARIABLE)),
            free_bytes=None if mode is None else shutil.disk_usage(self._home).free,
        )


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return None
