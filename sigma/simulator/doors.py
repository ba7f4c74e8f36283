"""What a front door is, and the way of a request through it: route, fault, allow-list, rate, handler, fault again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

from sigma.simulator.exchange import Exchange
from sigma.simulator.faults import AFTER, BEFORE, Strike
from sigma.simulator.http import DROPPED, Request, Response
from sigma.simulator.journal import RateWindow, WriteEntry
from sigma.simulator.model import PLAIN, SimAccount, Twist

WRITES = frozenset({"place", "modify", "cancel", "convert", "gtt"})
GATEWAY_TIMEOUT = Response(
    504,
    b"<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n<body>\r\n<center><h1>504 Gateway Time-out</h1></center>\r\n"
    b"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n",
    "text/html",
)


@dataclass(slots=True)
class Context:
    """What a handler gets besides the account: the request, how a fault bends the act, and the journal's entry.

    A handler of a write sets `order_id` once the order is accepted.
    """

    request: Request
    twist: Twist = PLAIN
    order_id: str = ""
    committed: bool = field(default=False)


@dataclass(frozen=True, slots=True)
class Call:
    """What a door makes of a request.

    Parameters
    ----------
    endpoint : str
        One of `faults.ENDPOINTS`.
    handle : callable
        Answers it; raises nothing, words refusals itself.
    account : SimAccount or None
        Whose it is, where that is known.
    refused : Response or None
        The answer when authentication failed; then nothing else happens.
    tag, order_id : str
        Of a write, for the journal.
    """

    endpoint: str
    handle: Callable[[Context], Response]
    account: SimAccount | None = None
    refused: Response | None = None
    tag: str = ""
    order_id: str = ""


class FrontDoor(Protocol):
    """A broker's HTTP side.

    Parameters
    ----------
    order_windows : tuple of RateWindow
        The combined budget of place, modify and cancel.
    read_windows : dict
        Windows of other endpoints by name, enforced only when `read_rate_enforced` is set.
    """

    @property
    def broker(self) -> str:
        """The broker's name, `accounts.ZERODHA` or `accounts.ANGELONE`."""

    @property
    def order_windows(self) -> tuple[RateWindow, ...]:
        """Limits of all writes together."""

    @property
    def read_windows(self) -> Mapping[str, tuple[RateWindow, ...]]:
        """Limits of reads by endpoint."""

    def serves(self, path: str) -> bool:
        """Say whether a path belongs to this door."""

    def route(self, request: Request) -> Call:
        """Understand a request; an unknown path is a call that answers so."""

    def answer(self, kind: str, request: Request) -> Response:
        """Word what the way of a request, not a handler, answers.

        Kinds: ``json_429``, ``text_429``, ``text_403``, ``http_400_timeout``, ``expired_session``, ``order_rate``,
        ``read_rate`` and ``ip``.
        """

    def without_order_id(self, response: Response) -> Response:
        """Return a success without its order id."""


def serve(exchange: Exchange, door: FrontDoor, request: Request) -> Response:
    """Answer one request at `door`, struck by whatever faults match."""
    call = door.route(request)
    client_id = call.account.client_id if call.account else ""
    entry = None
    if call.endpoint in WRITES:
        entry = WriteEntry(request.arrived_ns, door.broker, client_id, call.endpoint, call.tag, call.order_id)
        with exchange.lock:
            exchange.writes.append(entry)
    if call.refused is not None:
        _note(entry, "refused: authentication")
        return call.refused
    with exchange.lock:
        strike = exchange.faults.strike(door.broker, call.endpoint, client_id or None)
    response = _struck(exchange, door, request, call, strike, entry)
    _sleep(exchange.config.latency_s)
    return response


def _struck(
    exchange: Exchange, door: FrontDoor, request: Request, call: Call, strike: Strike, entry: WriteEntry | None
) -> Response:
    kind, fault = strike.kind, strike.answer
    commits = fault is not None and (kind != "http_400_timeout" or bool(fault.args.get("commit", True)))
    if fault is not None and (kind in BEFORE or not commits):
        _note(entry, f"{kind}: not committed")
        return _instead(exchange, door, request, call, kind, spurious=bool(fault.args.get("spurious")))
    if fault is not None and kind == "late_acceptance":
        due = exchange.now() + timedelta(seconds=fault.seconds)
        if not exchange.clock.wait_until(due):
            _note(entry, f"{kind}: not committed, the simulator stopped")
            return DROPPED
    context = Context(request, strike.twist, call.order_id)
    response = _admitted(exchange, door, call, context)
    if entry is not None:
        entry.order_id = context.order_id
        outcome = "accepted" if context.committed else f"refused: HTTP {response.status}"
        _note(entry, f"{kind}: {outcome}" if kind else outcome)
    if fault is not None and kind == "slow":
        exchange.clock.wait_until(exchange.now() + timedelta(seconds=fault.seconds))
    if kind in AFTER or kind == "http_400_timeout":
        return _replaced(door, request, response, kind)
    return response


def _admitted(exchange: Exchange, door: FrontDoor, call: Call, context: Context) -> Response:
    """Apply allow-list and rate limits, then let the handler answer."""
    config, client_id = exchange.config, call.account.client_id if call.account else ""
    if call.endpoint in WRITES:
        if config.allowed_ips is not None and context.request.client_ip not in config.allowed_ips:
            return door.answer("ip", context.request)
        with exchange.lock:
            within = exchange.rates.admit(door.broker, client_id, door.order_windows, exchange.now())
        if not within and config.order_rate_enforced:
            return door.answer("order_rate", context.request)
    elif config.read_rate_enforced and call.endpoint in door.read_windows:
        windows = door.read_windows[call.endpoint]
        with exchange.lock:
            within = exchange.rates.admit(door.broker, client_id, windows, exchange.now(), topic=call.endpoint)
        if not within:
            return door.answer("read_rate", context.request)
    return call.handle(context)


def _instead(exchange: Exchange, door: FrontDoor, request: Request, call: Call, kind: str, *, spurious: bool) -> Response:
    if kind == "drop_before_commit":
        return DROPPED
    if kind == "html_504":
        return GATEWAY_TIMEOUT
    if kind == "expired_session" and call.account is not None and not spurious:
        with exchange.lock:
            exchange.sessions.expire(call.account)
    return door.answer(kind, request)


def _replaced(door: FrontDoor, request: Request, response: Response, kind: str) -> Response:
    match kind:
        case "drop_after_commit":
            return DROPPED
        case "html_504_after_commit":
            return GATEWAY_TIMEOUT
        case "http_400_timeout":
            return door.answer(kind, request)
        case "no_order_id":
            return door.without_order_id(response) if response.status == 200 else response
        case _:
            return replace(response, status=200, body=b"\x00\x17 upstream \xff\xfe not json {{", headers=())


def _note(entry: WriteEntry | None, outcome: str) -> None:
    if entry is not None:
        entry.outcome = outcome


def _sleep(seconds: float) -> None:
    if seconds > 0:
        time.sleep(seconds)
