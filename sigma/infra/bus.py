"""Ticks from the worker to the other processes of the machine: ZeroMQ publish and subscribe, over a socket in the home folder.

A message is eight bytes (the source's account id, and which layout of a tick follows) and the rows of the ticks. Whoever does not
take them in time misses some; nobody is waited for. Where the folder's path is too long for a socket's, loopback TCP stands in.
"""

from __future__ import annotations

import json
import os
import secrets
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import structlog
import zmq

from sigma.domain.ticks import TICK, Ticks

log = structlog.get_logger(__name__)

HEAD = struct.Struct("<iI")
LAYOUT = crc32(repr(TICK.descr).encode())
MOST_WAITING = 2_000
"""Messages that wait for one subscriber; more are dropped."""
LONGEST_PATH = 100
"""Bytes that a socket's path may have (sun_path in unix(7) has 108)."""
LOOK_S = 0.5
IPC = "ipc://"

Handler = Callable[[int, Ticks], None]


def nobody(_source: int, _ticks: Ticks) -> None:
    """Let ticks go by."""


class ZmqTickBus:
    """Implements ports.feed.TickBus. May be called from several threads.

    Parameters
    ----------
    folder : Path
        ``<home>/feed``. ``bus-7.json`` in it says where the ticks of account 7 are published.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._lock = threading.Lock()
        self._context = zmq.Context(io_threads=1)
        self._socket = self._context.socket(zmq.PUB)
        self._socket.set(zmq.SNDHWM, MOST_WAITING)
        self._socket.set(zmq.LINGER, 0)
        path = folder / f"bus-{secrets.token_hex(4)}.sock"
        if len(os.fsencode(path)) <= LONGEST_PATH:
            self._socket.bind(f"{IPC}{path}")
        else:
            self._socket.bind("tcp://127.0.0.1:*")
        self.address: str = self._socket.get_string(zmq.LAST_ENDPOINT).rstrip("\0")

    def serve(self, source: int) -> None:
        """Announce that the ticks of a source come from here now."""
        path = self._folder / f"bus-{source}.json"
        before = _told(path)
        if before.startswith(IPC) and before != self.address:
            Path(before.removeprefix(IPC)).unlink(missing_ok=True)  # of a worker that was killed
        waiting = path.with_suffix(".new")
        waiting.write_text(json.dumps({"address": self.address}), encoding="utf-8")
        waiting.replace(path)

    def publish(self, source: int, ticks: Ticks) -> None:
        """Tell everybody of ticks of a source (account id). Never blocks."""
        message = HEAD.pack(source, LAYOUT) + ticks.tobytes()
        with self._lock, suppress(zmq.Again):
            self._socket.send(message, zmq.NOBLOCK)

    def close(self) -> None:
        """Let go of the socket."""
        with self._lock:
            self._socket.close()
            self._context.term()


class TickSubscriber(threading.Thread):
    """Hears the ticks of all sources of an installation, across restarts of those who publish.

    Parameters
    ----------
    folder : Path
        ``<home>/feed``.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(name="tick-subscriber", daemon=True)
        self._folder = folder
        self._handle: Handler = nobody
        self._ending = threading.Event()
        self._connected: set[str] = set()

    def hand_to(self, handle: Handler) -> None:
        """Say who takes the ticks: called in this thread with the source (account id) and its ticks."""
        self._handle = handle

    def run(self) -> None:
        """Hear until `close`."""
        context = zmq.Context(io_threads=1)
        socket = context.socket(zmq.SUB)
        try:
            socket.set(zmq.RCVHWM, MOST_WAITING)
            socket.set(zmq.LINGER, 0)
            socket.subscribe(b"")
            looked = 0.0
            while not self._ending.is_set():
                if time.monotonic() - looked >= LOOK_S:
                    self._follow(socket)
                    looked = time.monotonic()
                if socket.poll(int(LOOK_S * 1000)):
                    self._take(socket.recv())
        finally:
            socket.close()
            context.term()

    def close(self) -> None:
        """End within half a second."""
        self._ending.set()

    def _follow(self, socket: Any) -> None:
        """Connect to whoever publishes now, and to nobody else."""
        wanted = {address for path in self._folder.glob("bus-*.json") if (address := _told(path))}
        for address in wanted - self._connected:
            socket.connect(address)
        for address in self._connected - wanted:
            socket.disconnect(address)
        self._connected = wanted

    def _take(self, message: bytes) -> None:
        source, layout = HEAD.unpack_from(message)
        if layout != LAYOUT:
            log.warning("foreign_ticks", source=source)
            return
        try:
            self._handle(source, np.frombuffer(message, TICK, offset=HEAD.size))
        except Exception:  # whatever one message does, the next one is heard
            log.exception("ticks_not_handled", source=source)


def _told(path: Path) -> str:
    """Return the address that a file announces; empty when there is none."""
    try:
        return str(json.loads(path.read_bytes())["address"])
    except FileNotFoundError:
        return ""
