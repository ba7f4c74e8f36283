"""`python -m scheduler.refresh SOURCE …`: the download of instrument tables, as a child of the worker."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import structlog

from sigma.bootstrap import open_house
from sigma.domain.errors import SigmaError

if TYPE_CHECKING:
    from sigma.bootstrap import House

log = structlog.get_logger(__name__)
LONGEST_S = 600.0
_LOOK_S = 0.2
_NICE = 5


def run(house: House, sources: Sequence[str], ended: Callable[[], bool]) -> None:
    """Refresh these sources in a child process; it is ended when this one ends, or after ten minutes."""
    command = [sys.executable, "-m", "scheduler.refresh", *sources]
    environment = {**os.environ, **house.environment, "SIGMA_HOME": str(house.home)}
    child = subprocess.Popen(command, env=environment)  # noqa: S603 - our own program
    deadline = time.monotonic() + LONGEST_S
    while child.poll() is None:
        if ended() or time.monotonic() > deadline:
            child.kill()  # whatever it was doing: readers keep the old version
            log.warning("instruments_refresh_ended", sources=list(sources))
        time.sleep(_LOOK_S)
    if child.returncode > 0:
        log.warning("instruments_refresh_failed", sources=list(sources), code=child.returncode)


def main(sources: Sequence[str]) -> int:
    """Refresh these sources and return 1 when an old table stays."""
    os.nice(_NICE)
    try:
        house = open_house(process="refresh")
    except SigmaError as error:
        print(f"refresh: {error}", file=sys.stderr)
        return 1
    try:
        reports = house.instruments.refresh_unattended(sources)
    finally:
        house.close()
    return 1 if any(report.kept_old for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
