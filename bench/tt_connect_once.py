"""`python bench/tt_connect_once.py FILE`: what tt-connect needs for a Kite dump, as JSON. Runs where tt-connect is installed."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from pathlib import Path


async def main(path: Path) -> dict[str, float]:
    """Refresh an empty store below the working folder from the file."""
    from tt_connect.brokers.zerodha.parser import parse
    from tt_connect.core.store.manager import InstrumentManager

    async def fetch() -> object:
        return parse(path.read_text())

    began = time.perf_counter()
    manager = InstrumentManager("zerodha")
    await manager.init(fetch)
    seconds = time.perf_counter() - began
    await manager._conn_or_raise().close()
    return {"seconds": seconds, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(Path(sys.argv[1])))), flush=True)
    raise SystemExit(0)
