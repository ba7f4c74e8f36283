"""The peer of `bench.limits`, in a Python that has pyrate-limiter: microseconds of each uncontended call, as JSON."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from pyrate_limiter import Duration, Limiter, Rate, SQLiteBucket  # type: ignore[import-not-found]


def main(folder: str, calls: str) -> None:
    """Take turns of the same windows, from a file that processes share."""
    rates = [Rate(3_000_000, Duration.SECOND), Rate(180_000_000, Duration.MINUTE), Rate(5_000_000_000, Duration.HOUR)]
    bucket = SQLiteBucket.init_from_file(rates, db_path=str(Path(folder) / "peer.db"), use_file_lock=True)
    limiter = Limiter(bucket)
    found = []
    for _ in range(int(calls)):
        began = time.perf_counter_ns()
        taken = limiter.try_acquire("bars")
        found.append((time.perf_counter_ns() - began) / 1000)
        if not taken:
            raise SystemExit("the peer refused a call that it should take")
    print(json.dumps(found))
    sys.stdout.flush()
    limiter.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
