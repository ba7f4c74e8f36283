"""The simulator as a process: ``python -m sigma.simulator --port 0 --seed 7 --start 2026-11-20T10:00+05:30``."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from datetime import datetime
from pathlib import Path

from sigma.domain.times import require_utc
from sigma.simulator.server import SimulatorServer


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or Ctrl-C; print one line with the address first, and write it to `--announce` when given."""
    parser = argparse.ArgumentParser(prog="python -m sigma.simulator", description="A simulated exchange on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--seed", type=int, default=7, help="same seed and day: same securities and prices")
    parser.add_argument("--start", type=_moment, default=None, help="first moment of the clock, ISO with its zone")
    parser.add_argument("--announce", type=Path, default=None, help="file to write the address to once it listens")
    options = parser.parse_args(arguments)
    asked = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: asked.set())
    try:
        server = SimulatorServer(port=options.port, seed=options.seed, start=options.start)
    except OSError as wrong:
        print(f"simulator: port {options.port} cannot be used: {wrong}", file=sys.stderr)
        return 1
    with server:
        print(f"simulator {server.url}", flush=True)
        if options.announce is not None:
            _announce(options.announce, server.url)
        asked.wait()
    return 0


def _announce(file: Path, url: str) -> None:
    """Write the address in one step, so that nobody reads half of it."""
    draft = file.with_name(file.name + ".part")
    draft.write_text(url + "\n", encoding="utf-8")
    draft.replace(file)


def _moment(text: str) -> datetime:
    try:
        return require_utc(datetime.fromisoformat(text))
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from None


if __name__ == "__main__":
    sys.exit(main())
