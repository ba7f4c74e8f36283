"""The gateway process: ``python -m sigma.gateway --port 8765``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from functools import partial

from fastapi import FastAPI

from sigma.bootstrap import House, open_house
from sigma.domain.errors import SigmaError
from sigma.domain.events import Level
from sigma.gateway.app import create_app
from sigma.gateway.limits import Failures
from sigma.gateway.postbacks import PostbackDoor
from sigma.gateway.ticks import TickDoor, TickHouse
from sigma.infra.bus import TickSubscriber
from sigma.infra.latest import LatestTables
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
        app = make_app(house, url_of(listener))
        serve("gateway", app, listener, websockets=True)
    return 0


def make_app(house: House, address: str) -> FastAPI:
    """Return the gateway's app on an opened installation; `address` is what its heartbeat tells."""
    environment = "simulator" if house.environment.get("SIGMA_CLOCK_URL") else "live"
    beat = partial(house.events.beat, detail={"address": address})

    def door(failures: Failures) -> TickDoor:
        home = house.environment.get("SIGMA_HOME", "")
        tables = LatestTables(house.feed_folder)
        rooms = TickHouse(house.people, house.market, house.instruments, house.live, tables, house.settings, house.clock, home)
        return TickDoor(rooms, failures, TickSubscriber(house.feed_folder))

    warn = partial(house.events.record, level=Level.WARNING)
    postbacks = PostbackDoor(house.push.postback, warn, house.clock)
    base = house.signals, house.store, house.settings, house.clock, beat
    return create_app(*base, environment=environment, ticks=door, postbacks=postbacks)


if __name__ == "__main__":
    sys.exit(main())
