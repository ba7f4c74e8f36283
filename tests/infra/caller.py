"""A process that takes turns: ``python -m tests.infra.caller FOLDER calls N | refused S | asked S | dies | stops``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from sigma.domain.errors import NoTurn
from sigma.domain.limits import CallKind, CallLimit, Window
from sigma.infra.buckets import FileBudget
from sigma.infra.clock import SystemClock

LIMIT = CallLimit("some calls", frozenset({CallKind.QUOTES}), (Window(4, 1), Window(9, 3)))
ACCOUNT = 7


def main(folder: str, what: str, number: str = "0") -> None:
    """Do one thing and say what came of it, a line each."""
    clock = SystemClock()
    budget = FileBudget(Path(folder), clock)
    print("ready", flush=True)
    sys.stdin.readline()
    if what == "calls":
        for _ in range(int(number)):
            turn = budget.take(ACCOUNT, LIMIT, 30)
            print(clock.boot_ns(), flush=True)
            turn.done()
    elif what == "refused":
        budget.take(ACCOUNT, LIMIT, 30).refused(float(number))
        print("closed", flush=True)
    elif what == "asked":
        try:
            budget.take(ACCOUNT, LIMIT, float(number)).done()
            print("called", flush=True)
        except NoTurn as error:
            print(error.message, flush=True)
    else:
        budget.take(ACCOUNT, LIMIT, 30)
        with budget._bucket(ACCOUNT, LIMIT).held() as state:
            state.calls = 99
            print("held", flush=True)
            os.kill(os.getpid(), signal.SIGKILL if what == "dies" else signal.SIGSTOP)


if __name__ == "__main__":
    main(*sys.argv[1:])
