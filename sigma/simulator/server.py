"""The simulator as one server: control API, SmartAPI and Kite, requests and sockets, on one loopback port."""

from __future__ import annotations

import threading
from datetime import datetime
from types import TracebackType

from sigma.simulator.clock import default_start, machine_now
from sigma.simulator.config import SimConfig
from sigma.simulator.control import ControlApi
from sigma.simulator.days import shipped_days
from sigma.simulator.doors import FrontDoor, serve
from sigma.simulator.exchange import Exchange
from sigma.simulator.feeds import Feeds
from sigma.simulator.http import Request, Response, SimulatorHTTP
from sigma.simulator.kite import KiteDoor
from sigma.simulator.kite_feed import KiteFeed
from sigma.simulator.postbacks import Postbacks
from sigma.simulator.smartapi import SmartApiDoor
from sigma.simulator.smartapi_feed import SmartFeed

_TICK_S = 0.25


class SimulatorServer:
    """A running simulator; use as a context manager.

    Parameters
    ----------
    port : int
        0 takes a free one; see `url`.
    seed : int
        Same seed and day: same securities and prices.
    start : datetime or None
        What the exchange's clock shows first; None: now inside a session, else 10:00 IST of the latest session day.
    """

    def __init__(self, port: int = 0, seed: int = 7, start: datetime | None = None, config: SimConfig | None = None) -> None:
        begin = start or default_start(machine_now(), shipped_days())
        self.exchange = Exchange(seed, begin, config)
        self._kite = KiteDoor(self.exchange)
        # Asked in this order; Kite lives at the root and takes what nobody else serves.
        smart = SmartApiDoor(self.exchange)
        self._doors: tuple[FrontDoor, ...] = (smart, self._kite)
        sockets = SmartFeed(self.exchange, smart.directory), KiteFeed(self.exchange, self._kite.by_token)
        self.feeds = Feeds(self.exchange, sockets)
        self.postbacks = Postbacks(self.exchange)
        self._control = ControlApi(self.exchange, self._kite, self.feeds, self.postbacks)
        self._stopped = threading.Event()
        self._http = SimulatorHTTP(port, self._answer, self.feeds.enter, self.exchange.now)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self.ws_url = f"ws://127.0.0.1:{self._http.server_address[1]}"
        self._threads = [
            threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, name="simulator-http", daemon=True),
            threading.Thread(target=self._tick, name="simulator-clock", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> SimulatorServer:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop serving and free the port; requests that hang are dropped."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self.exchange.clock.stop()
        self.postbacks.stop()
        self._http.shutdown()
        self._http.hang_up()
        self._http.server_close()
        for thread in self._threads:
            thread.join(timeout=5)

    def wait(self) -> None:
        """Block until `stop` is called from elsewhere."""
        self._stopped.wait()

    def _answer(self, request: Request) -> Response:
        if request.path == "/_sim" or request.path.startswith("/_sim/"):
            return self._control.answer(request)
        door = next((door for door in self._doors if door.serves(request.path)), self._kite)
        return serve(self.exchange, door, request)

    def _tick(self) -> None:
        """Move orders along when nobody asks."""
        while not self._stopped.is_set():
            now = self.exchange.catch_up()
            due = self.exchange.next_due()
            wait = _TICK_S if due is None else min(_TICK_S, max((due - now).total_seconds(), 0.005))
            self._stopped.wait(wait)
