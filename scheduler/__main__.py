"""`python -m scheduler`: the worker process."""

from __future__ import annotations

import argparse
import signal
import sys

from scheduler.worker import Worker
from sigma.bootstrap import open_house
from sigma.domain.errors import SigmaError


def main() -> int:
    """Run the worker until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m scheduler", description="SigmaTrader's worker: sends orders, reads books.")
    parser.add_argument("--account", help="serve only this account")
    parser.add_argument("--home", help="data folder (default: SIGMA_HOME, else ~/.sigma)")
    given = parser.parse_args()
    try:
        house = open_house(given.home, process="worker")
    except SigmaError as error:
        print(f"worker: {error}", file=sys.stderr)
        return 1
    worker = Worker(house, given.account)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: worker.ask_to_end())
    try:
        worker.start()
        print("worker: ready", flush=True)
        worker.wait()
    except SigmaError as error:
        print(f"worker: {error}", file=sys.stderr)
        return 1
    finally:
        worker.end()
        house.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
