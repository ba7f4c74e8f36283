"""Start a program that ends with its parent: ``python launch.py PARENT_PID PROGRAM ARGUMENT…``.

Run as a file, so that it costs little: it imports nothing of ours. On Linux the kernel sends SIGTERM to the program when its
parent dies, however that happens (a killed `sigma up` leaves no worker behind); elsewhere the program is simply started.
"""

from __future__ import annotations

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become the program that the arguments name."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            sys.exit(1)  # the parent was gone before the kernel knew
    os.execv(program[0], program)  # noqa: S606 - our own arguments, no shell


if __name__ == "__main__":
    main()
