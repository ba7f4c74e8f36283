"""Kite's ticker as the official client sees it (wire.md A1, F): prices, order news and errors on one socket."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256

from sigma.simulator.accounts import ZERODHA
from sigma.simulator.exchange import Exchange
from sigma.simulator.feeds import TICKS, Entry, Message
from sigma.simulator.http import Request, Response
from sigma.simulator.kite_rows import order_row
from sigma.simulator.kite_ticks import FULL, HEARTBEAT, LTP, QUOTE, SHAPES, TIMES, frames, packets, shape
from sigma.simulator.kite_wire import BAD_TOKEN, error
from sigma.simulator.load import Load
from sigma.simulator.model import SimAccount, SimOrder
from sigma.simulator.securities import Security
from sigma.simulator.sessions import TokenState
from sigma.simulator.watch import Watch

MOST_LISTINGS = 3000
_MODES = frozenset({LTP, QUOTE, FULL})
_APP_ID = 1234


class KiteFeed:
    """The ticker at the root of the port.

    Parameters
    ----------
    by_token : callable
        The security of an instrument token.
    """

    broker = ZERODHA

    def __init__(self, exchange: Exchange, by_token: Callable[[int], Security | None]) -> None:
        self._exchange, self._by_token = exchange, by_token

    def serves(self, path: str) -> bool:
        """The ticker lives at the root."""
        return path == "/"

    def enter(self, request: Request) -> Entry | Response:
        """Check ``?api_key=&access_token=``; HTTP 403 refuses, as the real one does [V]."""
        token, api_key = request.argument("access_token"), request.argument("api_key")
        account = self._owner(token)
        if account is None or account.api_key != api_key:
            return BAD_TOKEN.response()
        return Entry(
            account, TICKS, lambda: self._owner(token) is account, lambda: KiteStream(self._exchange, account, self._by_token)
        )

    def refuse(self, kind: str, request: Request) -> Response:
        """Word a refusal that has nothing to do with the token."""
        match kind:
            case "expired_session":
                return BAD_TOKEN.response()
            case "text_403":
                return Response(403, b"Forbidden", "text/plain")
            case _:
                return error(429, "NetworkException", "Too many requests")

    def _owner(self, token: str) -> SimAccount | None:
        with self._exchange.lock:
            state, account = self._exchange.sessions.look(ZERODHA, "access", token, self._exchange.now())
        return account if state is TokenState.LIVE else None


class KiteStream:
    """One client's subscriptions. A listing has one mode; subscribing makes it quote, as the client believes [V]."""

    heartbeat: bytes | None = HEARTBEAT

    def __init__(self, exchange: Exchange, account: SimAccount, by_token: Callable[[int], Security | None]) -> None:
        self._exchange, self._account, self._by_token = exchange, account, by_token
        self._modes: dict[int, str] = {}
        self._watch: Watch[int, str] = Watch(packets, TIMES)

    def watched(self) -> int:
        """Return how many listings are subscribed."""
        return len(self._modes)

    def error(self, text: str) -> str:
        """Return an error frame."""
        return _text("error", text)

    def hear(self, message: Message) -> list[Message]:
        """Take ``{"a": "subscribe" | "unsubscribe" | "mode", "v": …}``; unknown tokens are silently without ticks."""
        try:
            wanted = json.loads(message)
            act, value = wanted["a"], wanted["v"]
            mode, tokens = (value[0], value[1]) if act == "mode" else (QUOTE, value)
            numbers = [int(token) for token in tokens]
        except (ValueError, TypeError, KeyError, IndexError, RecursionError):
            return [self.error("Invalid message")]
        if act == "unsubscribe":
            self._leave(numbers)
            return []
        if act not in ("subscribe", "mode") or mode not in _MODES:
            return [self.error("Invalid message")]
        return self._take(numbers, mode, new=act == "subscribe")

    def _take(self, numbers: list[int], mode: str, *, new: bool) -> list[Message]:
        fresh = [token for token in numbers if token not in self._modes]
        room = MOST_LISTINGS - len(self._modes)
        beyond = set(fresh[room:]) if new else set(fresh)
        taken = [token for token in dict.fromkeys(numbers) if token not in beyond]
        self._leave(taken)
        self._modes |= dict.fromkeys(taken, mode)
        shaped: dict[str, list[int]] = {}
        for token in taken:
            shaped.setdefault(shape(token, mode), []).append(token)
        for kind, group in shaped.items():
            with self._exchange.lock:
                self._watch.add(kind, [(token, self._by_token(token)) for token in group])
        return [self.error(f"Only {MOST_LISTINGS} instruments can be subscribed on one connection")] if new and beyond else []

    def _leave(self, numbers: list[int]) -> None:
        left = [token for token in numbers if self._modes.pop(token, None) is not None]
        for kind in SHAPES if left else ():
            self._watch.drop(kind, left)

    def ticks(self, load: Load | None) -> list[bytes]:
        """Return the frames that are due."""
        exchange = self._exchange
        due = self._watch.loaded(load, int(exchange.now().timestamp())) if load else self._watch.due(exchange)
        return [frame for made in due for frame in frames(made)]

    def news(self, look: SimOrder) -> str | None:
        """Return the postback of an order as the socket carries it."""
        return _text("order", postback(look, self._account))


def postback(look: SimOrder, account: SimAccount) -> dict[str, object]:
    """Return the row of an order as news: that of the book with whose it is and a checksum (wire.md C, F)."""
    row = order_row(look)
    proof = f"{row['order_id']}{row['order_timestamp']}{account.secrets['api_secret']}"
    return row | {
        "user_id": account.client_id,
        "app_id": _APP_ID,
        "checksum": sha256(proof.encode()).hexdigest(),
        "unfilled_quantity": look.quantity - look.filled,
    }


def _text(kind: str, data: object) -> str:
    return json.dumps({"type": kind, "data": data}, separators=(",", ":"))
