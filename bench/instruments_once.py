"""`python -m bench.instruments_once alone|beside|quiet HOME [FILES]`: one run of the benchmark of instrument masters, as JSON."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sigma.bootstrap import House, open_house, prepare
from sigma.domain.events import Heartbeat

QUIET_S = 5.0
BETWEEN_S = 0.02
SAMPLES = ("NSE:NIFTY 50", "BSE:SENSEX", "NFO:NIFTY26DECFUT", "MCX:GOLD26DECFUT")


class Beside:
    """Commits to sigma.db and reads instruments until told to end; keeps the longest commit and what was missing."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._ended = threading.Event()
        self.longest_ms, self.commits, self.reads = 0.0, 0, 0
        self.gaps: list[str] = []

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Go on for as long as the block runs."""
        threads = [threading.Thread(target=work) for work in (self._commit, self._read)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()

    def _commit(self) -> None:
        while not self._ended.wait(BETWEEN_S):
            began = time.perf_counter()
            with self._house.store.begin() as tx:
                tx.accounts.list()
                tx.journal.beat(Heartbeat("bench", self._house.clock.now(), os.getpid()))
            self.longest_ms = max(self.longest_ms, (time.perf_counter() - began) * 1000)
            self.commits += 1

    def _read(self) -> None:
        market, seen = self._house.market_store, set()
        while not self._ended.wait(BETWEEN_S):
            self.reads += 1
            for text in SAMPLES:
                name = market.broker_instrument("zerodha", text)
                found = market.listing(text) is not None and name is not None
                if found:
                    seen.add(text)
                elif text in seen:
                    self.gaps.append(f"{text} at read {self.reads}")


def quiet(house: House) -> dict[str, Any]:
    """Return the longest commit while nothing else happens."""
    others = Beside(house)
    with others.running():
        time.sleep(QUIET_S)
    return {"commit_ms": others.longest_ms}


def alone(house: House, files: Path) -> dict[str, Any]:
    """Load the masters of a day, the same again, and those of the next day."""
    full = _load(house, files, "")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    same, later = _load(house, files, ""), _load(house, files, "next_")
    return {"full_s": sum(full), "kite_s": full[0], "same_s": sum(same), "next_s": sum(later), "peak_mb": peak}


def beside(house: House, files: Path) -> dict[str, Any]:
    """Let another process do the same; return the longest commit of this one meanwhile, and what readers missed."""
    others = Beside(house)
    child = [sys.executable, "-m", "bench.instruments_once", "alone", str(house.home), str(files)]
    with others.running():
        subprocess.run(child, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return {"commit_ms": others.longest_ms, "gaps": others.gaps, "commits": others.commits, "reads": others.reads}


def _load(house: House, files: Path, day: str) -> list[float]:
    with house.store.read() as tx:
        user = tx.users.owner().id
    took = []
    for source, name in (("zerodha", "kite.csv"), ("angelone", "smart.json")):
        data = (files / f"{day}{name}").read_bytes()
        began, busy = time.perf_counter(), time.process_time()
        report = house.instruments.load(user, source, data)
        took.append(time.perf_counter() - began)
        print(f"{day}{source}: {took[-1]:.2f} s, of which {time.process_time() - busy:.2f} s on a core", file=sys.stderr)
        if report.kept_old:
            raise RuntimeError(f"{source}: {report.kept_old}")
    return took


WORK = {"alone": alone, "beside": beside}


def main() -> None:
    """Do what the command line asks for."""
    home = Path(sys.argv[2])
    prepare(home)
    house = open_house(home, process="bench")
    try:
        found = quiet(house) if sys.argv[1] == "quiet" else WORK[sys.argv[1]](house, Path(sys.argv[3]))
    finally:
        house.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
