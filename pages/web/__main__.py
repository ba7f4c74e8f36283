"""The web process: ``python -m pages.web --port 8501``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sigma.domain.demo import MARKER
from sigma.domain.errors import SigmaError
from sigma.infra.serving import leave_on_signals, listen, serve

DEFAULT_PORT = 8501
LOOPBACK = "127.0.0.1"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C, to this machine only."""
    parser = argparse.ArgumentParser(prog="python -m pages.web", description="The app in the browser, on this machine only.")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free one")
    parser.add_argument("--home", default=None, help="folder of the data, instead of SIGMA_HOME")
    parser.add_argument("--demo", action="store_true", help="let everybody in as the owner; only in a demo's home")
    given = parser.parse_args(arguments)
    leave_on_signals()
    if given.home:
        os.environ["SIGMA_HOME"] = str(Path(given.home).expanduser().absolute())
    home = os.environ.get("SIGMA_HOME", "")
    if given.demo and not (home and (Path(home) / MARKER).is_file()):
        print("web: --demo lets everybody in, so it is refused outside the home of `sigma demo`.", file=sys.stderr)
        return 2
    try:
        listener = listen(LOOPBACK, given.port)
    except OSError as error:
        print(f"web: cannot listen on {LOOPBACK}:{given.port}: {error.strerror}", file=sys.stderr)
        return 2
    # Only now: a wrong call is answered at once, and what is shared by the process belongs to the home named above.
    from pages.web.app import create_app
    from pages.web.state import arrivals, entrance

    try:
        way_in = entrance()
    except SigmaError as error:
        print(f"web: {error}", file=sys.stderr)
        return 2
    with closing(way_in):
        serve("web", create_app(way_in, arrivals(), demo=given.demo), listener, websockets=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
