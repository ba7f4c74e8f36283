"""A server of ours on one socket: what gateway and web share."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from types import FrameType
from typing import Any

import structlog
import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from sigma.domain.health import BEAT_S

log = structlog.get_logger(__name__)
BACKLOG = 2048
KEEP_ALIVE_S = 30
GRACE_S = 10
# A shorter turn of the interpreter lock: the event loop answers while other threads work.
SWITCH_S = 0.001

DIRECT = "sigma.transport"

Application = Any
"""An ASGI application; uvicorn's own name for it is not public."""


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


def url_of(listener: socket.socket) -> str:
    """Return the address that a bound socket answers at."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def leave_on_signals() -> None:
    """End this process in order on SIGTERM and Ctrl-C.

    uvicorn hands its signal on to these handlers once it has stored and answered what it accepted.
    """
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, _leave)


class DirectWebSocket(WebSocketsSansIOProtocol):
    """A websocket whose application may write whole frames to its transport itself (scope extension ``sigma.transport``).

    For fan-out: an ASGI message for each of thousands of clients costs several times what the write itself does.
    """

    async def run_asgi(self) -> None:
        """Run the application, with the transport within its reach."""
        self.scope.setdefault("extensions", {})[DIRECT] = {"transport": self.transport}
        await super().run_asgi()


def serve(name: str, app: Application, listener: socket.socket, *, websockets: bool = False) -> None:
    """Serve `app` until a signal ends it; the first line printed says where."""
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    print(f"{name}: listening on {url_of(listener)}", flush=True)
    make_server(app, websockets=websockets).run(sockets=[listener])


def make_server(app: Application, *, websockets: bool = False) -> uvicorn.Server:
    """Return the server as it runs in production: it names no software, logs no request, and finishes what it accepted."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        ws=DirectWebSocket if websockets else "none",
        ws_per_message_deflate=False,  # on one machine it only costs time
        backlog=BACKLOG,
        proxy_headers=False,  # whoever needs a sender's address decides whom to believe
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    return uvicorn.Server(config)


@asynccontextmanager
async def beating(beat: Callable[[], object]) -> AsyncIterator[None]:
    """Store a sign of life now and every ten seconds while the block runs: one small write, never on the event loop."""
    task = asyncio.create_task(_keep_on(beat))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _keep_on(beat: Callable[[], object]) -> None:
    while True:
        try:
            await asyncio.to_thread(beat)
        except Exception as error:  # the server serves all the same; Health shows the silence
            log.warning("no_sign_of_life", error=type(error).__name__, text=str(error)[:500])
        await asyncio.sleep(BEAT_S)


def _leave(_signum: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
