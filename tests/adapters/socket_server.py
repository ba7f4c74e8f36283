"""A small WebSocket server on loopback that plays what a test tells it to, and keeps what it was told."""

from __future__ import annotations

import contextlib
import logging
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve


class Line:
    """One connection, seen from the server."""

    def __init__(self, connection: ServerConnection, server: SocketServer) -> None:
        self._connection, self._server = connection, server

    def say(self, *messages: str | bytes) -> None:
        """Send frames: text or binary."""
        for message in messages:
            self._connection.send(message)

    def hear(self, count: int = 1) -> None:
        """Wait for so many texts of the client."""
        for _ in range(count):
            self._server.told(str(self._connection.recv(5.0)))

    def stay(self) -> None:
        """Keep the connection until it ends, and keep what is said on it."""
        for message in self._connection:
            self._server.told(str(message))

    def go_deaf(self) -> None:
        """Keep the connection, and answer nothing any more: no close, no ping."""
        self._connection.recv_flow_control.acquire()
        self._server.ended.wait(10)
        self._connection.recv_flow_control.release()

    def end(self, code: int, reason: str = "") -> None:
        """Close with a code."""
        self._connection.close(code, reason)


Play = Callable[[Line], None]


@dataclass
class SocketServer:
    """Plays the n-th of `plays` on the n-th connection, the last one for ever.

    Parameters
    ----------
    answers : sequence of (status, body) or None
        What the n-th handshake gets in place of a connection; None, and handshakes beyond, are accepted.
    orders : callable
        Plays on connections to a path that ends in ``order-update``.
    """

    plays: Sequence[Play] = (Line.stay,)
    answers: Sequence[tuple[int, str] | None] = ()
    orders: Play = Line.stay
    tls: ssl.SSLContext | None = None
    requests: list[Request] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)
    _played: int = 0

    def __enter__(self) -> SocketServer:
        self._server: Server = serve(
            self._serve,
            "127.0.0.1",
            0,
            process_request=self._greet,
            ssl=self.tls,
            ping_interval=None,
            close_timeout=0.2,
            logger=logging.Logger("silent", logging.CRITICAL + 1),
        )
        self.port = self._server.socket.getsockname()[1]
        self.url = f"{'wss' if self.tls else 'ws'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._thread.join(5)

    def told(self, text: str) -> None:
        """Keep a text of the client."""
        with self.changed:
            self.texts.append(text)
            self.changed.notify_all()

    def wait_for(self, count: int) -> list[str]:
        """Return the client's texts once there are so many."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.texts) >= count, 5.0), self.texts
            return list(self.texts)

    def _greet(self, connection: ServerConnection, request: Request) -> Response | None:
        with self.changed:
            self.requests.append(request)
            place = len(self.requests) - 1
        answer = self.answers[place] if place < len(self.answers) else None
        if answer is None:
            return None
        response = connection.respond(HTTPStatus(answer[0]), answer[1])
        if answer[0] == HTTPStatus.FOUND:
            response.headers["Location"] = answer[1]
        return response

    def _serve(self, connection: ServerConnection) -> None:
        line = Line(connection, self)
        assert connection.request is not None
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            if connection.request.path.endswith("order-update"):
                self.orders(line)
                return
            with self.changed:
                play = self.plays[min(self._played, len(self.plays) - 1)]
                self._played += 1
            play(line)
