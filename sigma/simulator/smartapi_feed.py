"""SmartAPI's two sockets (wire.md A2, F): prices at ``/smart-stream``, order news at ``/smart-order-update``."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np

from sigma.simulator.accounts import ANGELONE
from sigma.simulator.exchange import Exchange
from sigma.simulator.feeds import ORDERS, TICKS, Entry, Message
from sigma.simulator.http import Request, Response
from sigma.simulator.load import Load
from sigma.simulator.model import SimAccount, SimOrder
from sigma.simulator.sessions import TokenState
from sigma.simulator.smartapi_auth import ACCESS, FEED
from sigma.simulator.smartapi_master import Directory
from sigma.simulator.smartapi_rows import order_row
from sigma.simulator.smartapi_ticks import EXCHANGE_TYPES, LTP, QUOTE, SNAP, TIMES, Token, frames, packets
from sigma.simulator.smartapi_wire import status_word
from sigma.simulator.watch import Watch

TICK_PATH, ORDER_PATH = "/smart-stream", "/smart-order-update"
MOST_TOKENS = 1000
_SUBSCRIBE, _UNSUBSCRIBE = 1, 0
_MODES = frozenset({LTP, QUOTE, SNAP})
_BAD_REQUEST = "E1001", "Invalid Request Payload."
_TOO_MANY = "E1002", "Invalid Request. Subscription Limit Exceeded"
_CONNECTED = "AB00"
# By the book's word (wire.md D); what has no code is not told.
_CODES = {
    "open": "AB01",
    "cancelled": "AB02",
    "rejected": "AB03",
    "modified": "AB04",
    "complete": "AB05",
    "after market order req received": "AB06",
    "cancelled after market order": "AB07",
    "modify after market order req received": "AB08",
    "open pending": "AB09",
    "trigger pending": "AB10",
    "modify pending": "AB11",
}


class SmartFeed:
    """Both sockets: the same headers, ``Authorization`` with or without ``Bearer``.

    Parameters
    ----------
    directory : callable
        SmartAPI's table of the day.
    """

    broker = ANGELONE

    def __init__(self, exchange: Exchange, directory: Callable[[], Directory]) -> None:
        self._exchange, self._directory = exchange, directory

    def serves(self, path: str) -> bool:
        """Say whether a path is one of the two."""
        return path in (TICK_PATH, ORDER_PATH)

    def enter(self, request: Request) -> Entry | Response:
        """Check the four headers; HTTP 401 with ``x-error-message`` refuses."""
        account = self._exchange.account_by_key(ANGELONE, request.header("x-api-key"))
        if account is None:
            return _unauthorised("Invalid API key")
        if request.header("x-client-code") != account.client_id:
            return _unauthorised("Invalid client code")
        access = request.header("Authorization").removeprefix("Bearer ").strip()
        if self._owner(ACCESS, access) is not account:
            return _unauthorised("Invalid Auth Token")
        if self._owner(FEED, request.header("x-feed-token")) is not account:
            return _unauthorised("Invalid Feed Token")

        def alive() -> bool:
            return self._owner(ACCESS, access) is account

        if request.path == ORDER_PATH:
            greeting = _news(account, _CONNECTED, {})
            return Entry(account, ORDERS, alive, lambda: OrderStream(account, self._directory), (greeting,))
        return Entry(account, TICKS, alive, lambda: TickStream(self._exchange, self._directory))

    def refuse(self, kind: str, request: Request) -> Response:
        """Word a refusal that has nothing to do with the headers."""
        match kind:
            case "expired_session":
                return _unauthorised("Invalid Auth Token")
            case "text_403":
                return Response(403, b"Forbidden", "text/plain")
            case _:
                limit = "Connection Limit Exceeded"
                return Response(429, limit.encode(), "text/plain", (("x-error-message", limit),))

    def _owner(self, kind: str, token: str) -> SimAccount | None:
        with self._exchange.lock:
            state, account = self._exchange.sessions.look(ANGELONE, kind, token, self._exchange.now())
        return account if state is TokenState.LIVE else None


class TickStream:
    """One client's subscriptions: the same token in two modes is two."""

    heartbeat: bytes | None = None

    def __init__(self, exchange: Exchange, directory: Callable[[], Directory]) -> None:
        self._exchange, self._directory = exchange, directory
        self._watch: Watch[Token, int] = Watch(packets, TIMES)
        self._sequence = 0

    def watched(self) -> int:
        """Return how many subscriptions there are."""
        return len(self._watch)

    def error(self, text: str) -> str:
        """Return an error frame."""
        return _error("", "E1003", text)

    def hear(self, message: Message) -> list[Message]:
        """Take a subscription, or the text ``ping``; unknown tokens are silently without ticks."""
        if message == "ping":
            return ["pong"]
        request: object = None
        try:
            request = json.loads(message)
            action, mode, wanted = _understood(request)
        except (ValueError, TypeError, KeyError, RecursionError):
            return [_error(_correlation(request), *_BAD_REQUEST)]
        if action == _UNSUBSCRIBE:
            self._watch.drop(mode, wanted)
            return []
        group = self._watch.groups.get(mode)
        fresh = [token for token in wanted if group is None or token not in group.tokens]
        if len(self._watch) + len(fresh) > MOST_TOKENS:
            return [_error(_correlation(request), *_TOO_MANY)]
        directory = self._directory()
        self._watch.add(mode, [(token, directory.find(EXCHANGE_TYPES[token[0]], token[1])) for token in wanted])
        return []

    def ticks(self, load: Load | None) -> list[bytes]:
        """Return the packets that are due, one message each, numbered on."""
        exchange = self._exchange
        due = self._watch.loaded(load, int(exchange.now().timestamp())) if load else self._watch.due(exchange)
        messages: list[bytes] = []
        for made in due:
            made["sequence"] = self._sequence + np.arange(1, len(made) + 1)
            self._sequence += len(made)
            messages += frames(made)
        return messages

    def news(self, look: SimOrder) -> str | None:
        """Say nothing: orders have a socket of their own."""
        return None


class OrderStream:
    """Order news of one client."""

    heartbeat: bytes | None = None

    def __init__(self, account: SimAccount, directory: Callable[[], Directory]) -> None:
        self._account, self._directory = account, directory

    def watched(self) -> int:
        """There is nothing to subscribe."""
        return 0

    def error(self, text: str) -> str:
        """Return an error frame."""
        return _news(self._account, "AB03", {}, text)

    def hear(self, message: Message) -> list[Message]:
        """Answer the text ``ping``; there is nothing else to say here."""
        return ["pong"] if message == "ping" else []

    def ticks(self, load: Load | None) -> list[bytes]:
        """Say nothing: prices have a socket of their own."""
        return []

    def news(self, look: SimOrder) -> str | None:
        """Return an order's row with the code of its status; None for a status without one."""
        code = _CODES.get(status_word(look))
        return None if code is None else _news(self._account, code, order_row(look, self._directory()))


def _understood(request: object) -> tuple[int, int, list[Token]]:
    """Return action, mode and tokens of a request; raises whatever a wrong one makes fail."""
    if not isinstance(request, dict):
        raise TypeError("no object")
    action, params = request["action"], request["params"]
    mode, lists = params["mode"], params["tokenList"]
    if action not in (_SUBSCRIBE, _UNSUBSCRIBE) or mode not in _MODES or isinstance(mode, bool):
        raise ValueError("no such action or mode")
    if any(one["exchangeType"] not in EXCHANGE_TYPES or not isinstance(one["tokens"], list) for one in lists):
        raise ValueError("no such exchange")
    return action, mode, list(dict.fromkeys((one["exchangeType"], str(token)) for one in lists for token in one["tokens"]))


def _correlation(request: object) -> str:
    return str(request.get("correlationID", "")) if isinstance(request, dict) else ""


def _error(correlation: str, code: str, text: str) -> str:
    return json.dumps({"correlationID": correlation, "errorCode": code, "errorMessage": text}, separators=(",", ":"))


def _news(account: SimAccount, code: str, row: dict[str, object], error: str = "") -> str:
    message = {
        "user-id": account.client_id, "status-code": "200", "order-status": code, "error-message": error, "orderData": row,
    }  # fmt: skip
    return json.dumps(message, separators=(",", ":"))


def _unauthorised(text: str) -> Response:
    return Response(401, text.encode(), "text/plain", (("x-error-message", text),))
