"""The gateway process: ``python -m sigma.gateway --port 8765``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from functools import partial

from sigma.bootstrap import open_house
from sigma.domain.errors import SigmaError
from sigma.gateway.app import create_app
from sigma.infra.serving import leave_on_signals, listen, serve, url_of

DEFAULT_PORT = 8765


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; what was accepted by then is stored and answered first."""
    parser = argparse.ArgumentParser(prog="python -m sigma.gateway", description="Webhook intake and health over HTTP.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free one")
    parser.add_argument("--home", default=None, help="folder of the data, instead of SIGMA_HOME")
    given = parser.parse_args(arguments)
    leave_on_signals()
    try:
        listener = listen(given.host, given.port)
    except OSError as error:
        print(f"gateway: cannot listen on {given.host}:{given.port}: {error.strerror}", file=sys.stderr)
        return 2
    try:
        house = open_house(given.home, process="gateway")
    except SigmaError as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 2
    with closing(house):
        environment = "simulator" if house.environment.get("SIGMA_CLOCK_URL") else "live"
        beat = partial(house.events.beat, detail={"address": url_of(listener)})
        app = create_app(house.signals, house.store, house.settings, house.clock, beat, environment=environment)
        serve("gateway", app, listener)
    return 0


if __name__ == "__main__":
    sys.exit(main())
