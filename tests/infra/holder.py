"""A process that takes a lease and keeps it: ``python -m tests.infra.holder FOLDER ACCOUNT beat|silent|release``."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from sigma.infra.locks import FileLeases


def main(folder: str, account: str, what: str) -> None:
    """Hold the lease until this process is ended from outside."""
    lease = FileLeases(Path(folder)).acquire(int(account), hung_after_s=3600)
    print("held" if lease else "refused", flush=True)
    if lease and what == "release":
        lease.release()
        print("released", flush=True)
    while True:
        threading.Event().wait(0.02)
        if lease and what == "beat":
            lease.touch()


if __name__ == "__main__":
    main(*sys.argv[1:])
