"""WebSockets on the simulator's port: the protocol is the `websockets` library's, the socket ours, so that faults can cut it."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from io import BufferedIOBase

from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol

_READ = 65_536
# A client that takes nothing for so long is dropped.
_PATIENCE_S = 5


class Gone(ConnectionError):
    """The other side is gone, or the connection is being closed."""


class Socket:
    """One WebSocket, server side. Any thread may send; one alone receives.

    Parameters
    ----------
    reader : file object
        Reads what the connection brings (the HTTP server has buffered it).
    handshake : bytes
        The request as it came, with its empty line.
    """

    def __init__(self, connection: socket.socket, reader: BufferedIOBase, handshake: bytes) -> None:
        self._connection, self._reader = connection, reader
        self._protocol = ServerProtocol(max_size=4_000_000)
        self._lock = threading.Lock()
        self._parts: list[bytes] = []
        self._text = self._ended = False
        self.over = threading.Event()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _PATIENCE_S, 0))
        self._protocol.receive_data(handshake)

    def accept(self) -> bool:
        """Answer the handshake; return whether there is a WebSocket now."""
        with self._lock:
            for event in self._protocol.events_received():
                if isinstance(event, Handshake):
                    self._protocol.send_response(self._protocol.accept(event))
            self._flush()
            return self._protocol.state is State.OPEN

    def messages(self) -> Iterator[str | bytes]:
        """Yield what the client says until the connection ends; pings are answered on the way."""
        while self._protocol.state is not State.CLOSED:
            with suppress(OSError, ValueError):
                data = self._reader.read1(_READ)
                if data:
                    yield from self._received(data)
                    continue
            break
        self.over.set()

    def _received(self, data: bytes) -> list[str | bytes]:
        with self._lock:
            self._protocol.receive_data(data)
            events = self._protocol.events_received()
            self._flush()
        frames = (event for event in events if isinstance(event, Frame))
        return [message for frame in frames if (message := self._whole(frame)) is not None]

    def _whole(self, frame: Frame) -> str | bytes | None:
        """Return a message once its last frame is there."""
        if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return None
        if frame.opcode is not Opcode.CONT:
            self._parts, self._text = [], frame.opcode is Opcode.TEXT
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return None
        whole = b"".join(self._parts)
        return whole.decode("utf-8", "replace") if self._text else whole

    def send(self, messages: Sequence[str | bytes]) -> None:
        """Send messages, text or binary.

        Raises
        ------
        Gone
            The connection has ended, is being closed, or takes nothing any more.
        """
        with self._lock:
            try:
                for message in messages:
                    if isinstance(message, str):
                        self._protocol.send_text(message.encode())
                    else:
                        self._protocol.send_binary(message)
            except InvalidState:
                raise Gone("the connection is closed") from None
            self._flush()

    def close(self, code: int, reason: str = "") -> None:
        """Begin the closing handshake."""
        with self._lock, suppress(InvalidState):
            self._protocol.send_close(code, reason)
            self._flush()

    def drop(self) -> None:
        """Cut the connection without a word."""
        self.over.set()
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _flush(self) -> None:
        data = b"".join(self._protocol.data_to_send())
        try:
            if data:
                self._connection.sendall(data)
            if self._protocol.eof_sent and not self._ended:
                self._ended = True
                self._connection.shutdown(socket.SHUT_WR)
        except OSError as wrong:
            self.drop()
            raise Gone(str(wrong)) from None
