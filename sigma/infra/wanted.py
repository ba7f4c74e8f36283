"""Who looks at which listings, across processes: one small file for each process and source, and every wish ends by itself."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from pathlib import Path

from sigma.ports.clock import Clock

LASTS_NS = 30_000_000_000
AGAIN_NS = 10_000_000_000
"""A wish is written down anew when it has less than its life minus this left, so that most calls write nothing."""
FORGOTTEN_NS = 10 * LASTS_NS


class FileWanted:
    """Implements ports.feed.WantedListings. May be shared by threads.

    Parameters
    ----------
    folder : Path
        ``<home>/feed/wanted``. Ends are kept on the boot clock, which all processes of a machine share.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._mine: dict[int, dict[str, int]] = {}

    def ask(self, source: int, listings: Iterable[str]) -> None:
        """Say that somebody looks at listings of a source; good for half a minute."""
        now = self._clock.boot_ns()
        with self._lock:
            mine = self._mine.setdefault(source, {})
            aging = [listing for listing in listings if mine.get(listing, 0) - now < LASTS_NS - AGAIN_NS]
            if not aging:
                return
            mine.update(dict.fromkeys(aging, now + LASTS_NS))
            self._mine[source] = {listing: until for listing, until in mine.items() if until > now}
            self._write(source)

    def asked(self, source: int) -> frozenset[str]:
        """Return what anybody looks at, and tidy away what processes left that are gone."""
        now, found = self._clock.boot_ns(), set[str]()
        for path in self._folder.glob(f"{source}-*.json"):
            try:
                told = json.loads(path.read_bytes())
            except FileNotFoundError:
                continue
            ends: dict[str, int] = told["until_ns"] if told["boot_id"] == self._clock.boot_id else {}
            found.update(listing for listing, until in ends.items() if now < until <= now + LASTS_NS)
            if all(until < now - FORGOTTEN_NS for until in ends.values()):
                path.unlink(missing_ok=True)
        return frozenset(found)

    def _write(self, source: int) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{source}-{os.getpid()}-{id(self):x}.json"
        waiting = path.with_suffix(".new")
        waiting.write_text(json.dumps({"boot_id": self._clock.boot_id, "until_ns": self._mine[source]}), encoding="utf-8")
        waiting.replace(path)
