"""The official smartapi-python client, unmodified, pointed at the simulator (the clean recipe of wire.md A2).

Importing the package as it comes calls a public address and wants ``logzero``; building a client creates a log folder.
Loaded this way it does neither, and nothing it logs (PIN, one-time code, tokens) is kept.
"""

from __future__ import annotations

import functools
import importlib
import logging
import os
import sys
import types
from datetime import datetime
from typing import Any

import pyotp
import requests

from sigma.simulator.model import SimAccount
from sigma.simulator.server import SimulatorServer
from tests.simulator.control import Control

SILENT = logging.getLogger("tests.smartapi.silent")
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False
SILENT.setLevel(logging.CRITICAL + 1)


@functools.cache
def load_smartapi(wanted: str = "SmartApi.smartConnect") -> types.ModuleType:
    """Import a copy of one of the package's modules for these tests alone, without its network call, its files and its logging.

    A copy, because the adapter gives its own copy a session of its own: the simulator is tested with the client as it comes.
    """
    logzero = types.ModuleType("logzero")
    logzero.logger = SILENT  # type: ignore[attr-defined]
    logzero.logfile = lambda *_args, **_kwargs: None  # type: ignore[attr-defined]

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise requests.ConnectionError("disabled while the package is imported")

    others = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in ("SmartApi", "logzero")}
    real_get, requests.get = requests.get, refuse  # type: ignore[assignment]
    sys.modules["logzero"] = logzero
    try:
        module = importlib.import_module(wanted)
    finally:
        requests.get = real_get
        for name in [name for name in sys.modules if name.partition(".")[0] in ("SmartApi", "logzero")]:
            del sys.modules[name]
        sys.modules.update(others)
    module.os = types.SimpleNamespace(path=os.path, makedirs=lambda *_args, **_kwargs: None)  # type: ignore[attr-defined]
    return module


def client(url: str, api_key: str = "smartkey", timeout: float = 5.0) -> Any:
    """Return a SmartConnect whose every route, `individual_order_details` included, goes to `url`."""
    module = load_smartapi()
    pointed = type("PointedSmartConnect", (module.SmartConnect,), {"_rootUrl": url})
    return pointed(api_key=api_key, root=url, timeout=timeout)


DataException = load_smartapi().ex.DataException


class SmartBench(Control):
    """A running simulator with its control API and SmartAPI clients."""

    def __init__(self, server: SimulatorServer) -> None:
        super().__init__(server.url)
        self.exchange = server.exchange

    def client(self, client_id: str = "A100001", *, timeout: float = 5.0) -> Any:
        """Return a client that has logged in, in the way `generateSession` does it."""
        account = self.account(client_id)
        api = client(self.url, account.api_key, timeout)
        assert api.generateSession(client_id, account.secrets["pin"], self.code(self.exchange.now(), client_id))["status"] is True
        return api

    def account(self, client_id: str = "A100001") -> SimAccount:
        """Return one of the simulator's SmartAPI accounts."""
        account = self.exchange.account("angelone", client_id)
        assert account is not None
        return account

    def code(self, moment: datetime, client_id: str = "A100001") -> str:
        """Return what a person's authenticator shows at `moment`."""
        return pyotp.TOTP(self.account(client_id).secrets["totp_secret"]).at(moment)

    def strike(self, kind: str, endpoint: str = "place", times: int | None = 1, **args: object) -> None:
        """Inject a fault into the SmartAPI door."""
        self.fault(kind, endpoint, broker="angelone", times=times, **args)

    def price(self, listing: str, price: str) -> None:
        """Hold a price in rupees, rebasing the circuit limits."""
        self.post("price", {"listing": listing, "price": float(price), "hold": True, "rebase": True})

    def advance(self, seconds: float) -> None:
        """Move the exchange's clock forward."""
        self.post("clock", {"advance_s": seconds})

    def config(self, **settings: object) -> None:
        """Change settings of the simulator."""
        self.post("config", settings)

    def call(self, api: Any, method: str, path: str, **more: Any) -> requests.Response:
        """Send a request with the headers of `api`, overridden by `headers`, to a path below ``/rest/secure/angelbroking``."""
        headers = api.requestHeaders() | {"Authorization": f"Bearer {api.access_token}"} | more.pop("headers", {})
        return self.http.request(method, f"{self.url}/rest/secure/angelbroking/{path}", headers=headers, timeout=5, **more)


def row(api: Any, order_id: str) -> dict[str, Any]:
    """Return the book's row of an order."""
    return next(row for row in api.orderBook()["data"] if row["orderid"] == order_id)


def placed(api: Any, **changes: object) -> str:
    """Place `infy(**changes)` and return its order id."""
    answer = api.placeOrderFullResponse(infy(**changes))
    assert answer["status"] is True, answer
    return str(answer["data"]["orderid"])


def infy(**changes: object) -> dict[str, object]:
    """Return the body of an order for five INFY at 1,500 rupees, with `changes`; None leaves a key out."""
    body: dict[str, object] = {
        "variety": "NORMAL",
        "tradingsymbol": "INFY-EQ",
        "symboltoken": "1594",
        "transactiontype": "BUY",
        "exchange": "NSE",
        "ordertype": "LIMIT",
        "producttype": "INTRADAY",
        "duration": "DAY",
        "price": "1500.00",
        "squareoff": "0",
        "stoploss": "0",
        "quantity": "5",
    }
    return {name: value for name, value in (body | changes).items() if value is not None}
