"""HTTP by hand over the standard library: faults need the socket itself (to drop it, to go on after the client has gone)."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from sigma.simulator.sockets import Socket

MAX_BODY = 4_000_000
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `path` is decoded and without query; `arrived_ns` is the monotonic clock at its first line."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    client_ip: str
    arrived_ns: int

    def header(self, name: str) -> str:
        """Return a header by its name in any case, empty when absent."""
        return self.headers.get(name.lower(), "")

    def form(self) -> dict[str, str]:
        """Return a form-encoded body, the last value of each name."""
        fields = parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: values[-1] for name, values in fields.items()}

    def argument(self, name: str) -> str:
        """Return one value of the query, empty when absent."""
        values = self.query.get(name, [])
        return values[-1] if values else ""


@dataclass(frozen=True, slots=True)
class Response:
    """One answer. `drop` closes the connection without sending anything."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = field(default=())
    drop: bool = False


DROPPED = Response(drop=True)


def json_response(value: object, status: int = 200) -> Response:
    """Return `value` as a JSON answer."""
    return Response(status, json.dumps(value, separators=(",", ":")).encode())


def whole_number(text: str) -> bool:
    """Say whether `text` is a short run of the digits 0 to 9 (`isdigit` alone also takes superscripts)."""
    return text.isascii() and text.isdigit() and len(text) <= 18


Handler = Callable[[Request], Response]
Upgrade = Callable[[Request], Response | Callable[[Socket], None]]


class SimulatorHTTP(ThreadingHTTPServer):
    """The listening socket; every connection has a thread, which dies with the process.

    Parameters
    ----------
    handle : callable
        Answers a request.
    upgrade : callable
        Answers the handshake of a WebSocket: a refusal, or what then talks on the socket.
    now : callable
        The exchange's present, for the `Date` header.
    """

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, port: int, handle: Handler, upgrade: Upgrade, now: Callable[[], datetime]) -> None:
        self.handle = handle
        self.upgrade = upgrade
        self.now = now
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), _Connection)

    def keep(self, connection: socket.socket, *, is_open: bool) -> None:
        """Remember which connections are open."""
        with self._guard:
            (self._open.add if is_open else self._open.discard)(connection)

    def hang_up(self) -> None:
        """End every open connection, so that no thread waits for a request that will not come."""
        with self._guard:
            for connection in self._open:
                _shut(connection)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away; anything else is printed by the base class."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: SimulatorHTTP

    def setup(self) -> None:
        super().setup()
        self.server.keep(self.connection, is_open=True)

    def finish(self) -> None:
        self.server.keep(self.connection, is_open=False)
        with suppress(ConnectionError):
            super().finish()

    def parse_request(self) -> bool:
        self.arrived_ns = time.monotonic_ns()
        return super().parse_request()

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not whole_number(length) or int(length) > MAX_BODY:
            self.close_connection = True
            self._send(
                json_response({"status": "error", "message": "Request body too large.", "error_type": "InputException"}, 413)
            )
            return
        body = self.rfile.read(int(length))
        parts = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=unquote(parts.path),
            query=parse_qs(parts.query, keep_blank_values=True),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
            client_ip=self.client_address[0],
            arrived_ns=self.arrived_ns,
        )
        if request.method == "GET" and request.header("upgrade").lower() == "websocket":
            self._converse(request)
        else:
            self._answer(self.server.handle(request))

    def _converse(self, request: Request) -> None:
        """Make the connection a WebSocket, and talk on it until it ends."""
        self.close_connection = True
        answer = self.server.upgrade(request)
        if isinstance(answer, Response):
            self._answer(answer)
            return
        head = [self.requestline, *(f"{name}: {value}" for name, value in self.headers.items()), "", ""]
        answer(Socket(self.connection, self.rfile, "\r\n".join(head).encode("latin-1")))

    def _answer(self, response: Response) -> None:
        if response.drop:
            self.close_connection = True
            _shut(self.connection)
            return
        self._send(response)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _serve

    def _send(self, response: Response) -> None:
        reason = HTTPStatus(response.status).phrase
        lines = [
            f"HTTP/1.1 {response.status} {reason}",
            f"Date: {format_datetime(self.server.now().astimezone(UTC), usegmt=True)}",
            f"Content-Type: {response.content_type}",
            f"Content-Length: {len(response.body)}",
            *(f"{name}: {value}" for name, value in response.headers),
            *(["Connection: close"] if self.close_connection else []),
        ]
        head = "\r\n".join(lines) + "\r\n\r\n"
        try:
            self.wfile.write(head.encode("latin-1") + (b"" if self.command == "HEAD" else response.body))
            self.wfile.flush()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Keep quiet: the control API has the journal."""


def _shut(connection: socket.socket) -> None:
    """Shut a connection that the other side may have shut already."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
