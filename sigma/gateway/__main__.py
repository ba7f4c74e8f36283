"""The gateway process: ``python -m sigma.gateway --port 8765``."""

from __future__ import annotations

import argparse
import gc
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import closing
from types import FrameType

import uvicorn
from fastapi import FastAPI

from sigma.bootstrap import open_house
from sigma.domain.errors import SigmaError
from sigma.gateway.app import create_app

DEFAULT_PORT = 8765
BACKLOG = 2048
KEEP_ALIVE_S = 30
GRACE_S = 10
# A shorter turn of the interpreter lock: the event loop answers while the writer's thread works.
SWITCH_S = 0.001


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or Ctrl-C; what was accepted by then is stored and answered first."""
    parser = argparse.ArgumentParser(prog="python -m sigma.gateway", description="Webhook intake and health over HTTP.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free one")
    parser.add_argument("--home", default=None, help="folder of the data, instead of SIGMA_HOME")
    given = parser.parse_args(arguments)
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, _leave)
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
        serve(create_app(house.signals, house.store, house.settings, house.clock, environment=environment), listener)
    return 0


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket whose connections send each answer at once (TCP_NODELAY is inherited).

    Raises
    ------
    OSError
        The address is taken or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def serve(app: FastAPI, listener: socket.socket) -> None:
    """Serve `app` until a signal ends it."""
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    host, port = listener.getsockname()[:2]
    print(f"gateway: listening on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
    make_server(app).run(sockets=[listener])


def make_server(app: FastAPI) -> uvicorn.Server:
    """Return the server as it runs in production: it names no software, logs no request, and finishes what it accepted."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    return uvicorn.Server(config)


def _leave(_signum: int, _frame: FrameType | None) -> None:
    """End the process in order: uvicorn hands its signal on to this handler once it has stored and answered what it accepted."""
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main())
