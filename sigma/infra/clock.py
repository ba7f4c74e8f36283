"""The machine's clock, and one that follows the simulated exchange."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import structlog

from sigma.domain.errors import ConfigError

log = structlog.get_logger(__name__)

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
# Suspended time counts: Linux has a clock of its own for that, elsewhere (macOS) CLOCK_MONOTONIC is that clock.
BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
POLL_TIMEOUT_S = 2.0


def boot_id() -> str:
    """Return a text that stays the same until this machine boots again."""
    with contextlib.suppress(OSError):
        return BOOT_ID_FILE.read_text(encoding="ascii").strip()
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        asked = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
        return subprocess.run(asked, capture_output=True, text=True, check=True, timeout=5).stdout.strip()  # noqa: S603
    return f"booted-{psutil.boot_time():.0f}"


class SystemClock:
    """Implements ports.clock.Clock by the machine's own clocks."""

    def __init__(self) -> None:
        self.boot_id = boot_id()

    def now(self) -> datetime:
        """Return the moment, aware, UTC."""
        return datetime.now(UTC)

    def boot_ns(self) -> int:
        """Return nanoseconds since this machine booted, suspended time included."""
        return time.clock_gettime_ns(BOOT_CLOCK)

    def wait(self, seconds: float) -> None:
        """Let real time pass."""
        time.sleep(max(0.0, seconds))


class SimulatedClock(SystemClock):
    """Wall time of a simulated exchange, asked of its control API; durations stay on the machine's boot clock.

    Parameters
    ----------
    url : str
        Where the simulator is (``http://127.0.0.1:PORT``).
    poll_s : float
        How often its clock is read, in seconds; a jump there is seen here that much later. `refresh` sees it at once.

    Raises
    ------
    ConfigError
        The simulator does not answer when the clock is made. When it stops answering later, its last offset holds.
    """

    def __init__(self, url: str, poll_s: float = 0.2) -> None:
        super().__init__()
        self._url = urlsplit(url)
        self._poll_s = poll_s
        self._offset = timedelta(0)
        self._ended = threading.Event()
        self._answering = True
        try:
            self.refresh()
        except (OSError, ValueError, http.client.HTTPException) as error:
            hint = "Start it first: `sigma sim`."
            raise ConfigError(f"The clock of the simulated exchange at {url} cannot be read: {error}", hint=hint) from error
        self._thread = threading.Thread(target=self._follow, name="simulated-clock", daemon=True)
        self._thread.start()

    def now(self) -> datetime:
        """Return the moment at the simulated exchange, aware, UTC."""
        return super().now() + self._offset

    def refresh(self) -> None:
        """Read the exchange's clock now."""
        connection = http.client.HTTPConnection(self._url.hostname or "", self._url.port, timeout=POLL_TIMEOUT_S)
        with contextlib.closing(connection):
            connection.request("GET", "/_sim/clock")
            response = connection.getresponse()
            body = response.read()
        if response.status != http.HTTPStatus.OK:
            raise ValueError(f"HTTP {response.status}")
        self._offset = timedelta(seconds=float(json.loads(body)["offset_s"]))

    def close(self) -> None:
        """Stop following."""
        self._ended.set()
        self._thread.join(POLL_TIMEOUT_S * 2)

    def _follow(self) -> None:
        while not self._ended.wait(self._poll_s):
            try:
                self.refresh()
                self._answering = True
            except (OSError, ValueError, KeyError, http.client.HTTPException) as error:
                if self._answering:
                    log.warning("the simulated exchange's clock does not answer; its last offset holds", why=str(error))
                self._answering = False
