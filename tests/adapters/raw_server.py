"""A server that sends exactly the bytes it is told to, so that tests see what clients do with real answers and real failures."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

REASONS = {
    200: "OK",
    204: "No Content",
    307: "Temporary Redirect",
    400: "Bad Request",
    403: "Forbidden",
    429: "Too Many Requests",
}
DATE = "Fri, 20 Nov 2026 05:00:07 GMT"


def http(
    status: int, body: bytes | str, content_type: str | None = "application/json", *headers: str, length: int | None = None
) -> bytes:
    """Return the bytes of an answer; `length` lies about the length of the body."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}", f"Date: {DATE}", *headers]
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    lines.append(f"Content-Length: {len(data) if length is None else length}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def js(status: int, body: object, *headers: str) -> bytes:
    """Return the bytes of a JSON answer."""
    return http(status, json.dumps(body), "application/json", *headers)


@dataclass(frozen=True)
class RawRequest:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The whole of it, for planting it back into an answer."""
        lines = [f"{self.method} {self.path}", *(f"{name}: {value}" for name, value in self.headers.items())]
        return "\n".join(lines) + "\n" + self.body.decode("utf-8", "replace")


Act = Callable[[socket.socket], None]


def reset(sock: socket.socket) -> None:
    """Drop the connection as a crash does."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    _plain(sock).close()


def close(sock: socket.socket) -> None:
    """Close without an answer."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def silence(sock: socket.socket) -> None:
    """Keep the connection and say nothing until the client goes away."""
    sock.recv(1)


def drip(sock: socket.socket) -> None:
    """Send an answer one byte at a time, slower than anybody waits but never pausing for long."""
    for byte in http(200, " " * 400):
        sock.sendall(bytes([byte]))
        if stop_dripping.wait(0.05):
            return


stop_dripping = threading.Event()


def broken_record(sock: socket.socket) -> None:
    """Send bytes that are no TLS record over an established TLS connection."""
    _plain(sock).send(b"\x17\x03\x03\x00\x20" + b"\x00" * 32)
    _plain(sock).close()


def _plain(sock: socket.socket) -> socket.socket:
    return socket.socket(fileno=sock.detach()) if isinstance(sock, ssl.SSLSocket) else sock


@dataclass
class RawServer:
    """Answers the n-th request with the n-th of `answers`, the last one for ever.

    Parameters
    ----------
    answers : list
        Bytes to send, an Echo of the request, or a callable on the socket, after which the connection is over.
    tls : ssl.SSLContext, optional
        Speak TLS.
    """

    answers: list[object] = field(default_factory=lambda: [js(200, {})])
    tls: ssl.SSLContext | None = None
    host: str = "127.0.0.1"
    requests: list[RawRequest] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> RawServer:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        scheme = "https" if self.tls else "http"
        self.port = self._listener.getsockname()[1]
        self.url = f"{scheme}://{self.host}:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            threading.Thread(target=self._serve, args=[sock], daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
                self._open.append(sock)
            while request := _read(sock):
                self.requests.append(request)
                answer = self.answers[min(len(self.requests), len(self.answers)) - 1]
                if isinstance(answer, bytes):
                    sock.sendall(answer)
                elif isinstance(answer, Echo):
                    sock.sendall(answer.of(request))
                elif callable(answer):
                    answer(sock)
                    return


@dataclass(frozen=True)
class Echo:
    """An answer made of the request: what a careless broker would say back."""

    of: Callable[[RawRequest], bytes]


def _read(sock: socket.socket) -> RawRequest | None:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += sock.recv(65536)
    method, path, _ = first.split(" ", 2)
    return RawRequest(method, path, headers, body)
