"""Words, envelopes and error codes of SmartAPI's wire (wire.md B2 and D); nothing here is shared with the adapter."""

from __future__ import annotations

from datetime import datetime

from sigma.domain.orders import OrderType, Product, Variety
from sigma.domain.times import to_ist
from sigma.simulator.http import Response, json_response
from sigma.simulator.model import Refusal, SimOrder, State

ORDER_TYPES = {
    "MARKET": OrderType.MARKET,
    "LIMIT": OrderType.LIMIT,
    "STOPLOSS_LIMIT": OrderType.SL,
    "STOPLOSS_MARKET": OrderType.SL_M,
}
PRODUCTS = {"DELIVERY": Product.CNC, "INTRADAY": Product.MIS, "CARRYFORWARD": Product.NRML, "MARGIN": Product.MTF}
ORDER_TYPE_WORDS = {meaning: word for word, meaning in ORDER_TYPES.items()}
PRODUCT_WORDS = {meaning: word for word, meaning in PRODUCTS.items()}
NORMAL, STOPLOSS, ROBO, AMO = "NORMAL", "STOPLOSS", "ROBO", "AMO"

# AB06, AB08 and AB07 of the order stream.
_AMO_RECEIVED = "after market order req received"
_AMO_MODIFIED = "modify after market order req received"
_AMO_CANCELLED = "cancelled after market order"
_STATUS_WORDS = {
    State.RECEIVED: "put order req received",
    State.VALIDATING: "validation pending",
    State.OPENING: "open pending",
    State.OPEN: "open",
    State.TRIGGER_PENDING: "trigger pending",
    State.MODIFY_VALIDATING: "modify pending",
    State.MODIFYING: "modify pending",
    State.MODIFIED: "modified",
    State.COMPLETE: "complete",
    State.CANCELLED: "cancelled",
    State.REJECTED: "rejected",
}

# The real reply to exceeding any rate: not JSON, so that the client raises DataException (wire.md B2).
RATE_TEXT = b"Access denied because of exceeding access rate"


class WireError(Exception):
    """A request that is turned down: `code` and `message` as they go out."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class SmartError(WireError):
    """SmartAPI's back office turns it down, with ``status: false`` and an ``errorcode`` AB…."""


class GatewayError(WireError):
    """The gateway before the back office turns it away, with an ``errorCode`` AG… in an envelope of its own."""


INVALID_TOKEN = "AG8001", "Invalid Token"
TOKEN_EXPIRED = "AG8002", "Token Expired"
TOKEN_MISSING = "AG8003", "Token missing"
INVALID_KEY = "AG8004", "Invalid API Key"
UNREGISTERED_IP = "AG7002", "Access denied: request from an unregistered IP address"

_REFUSALS = {
    "unknown_listing": ("AB1009", "Symbol Not Found"),
    "not_tradable": ("AB1009", "Symbol Not Found"),
    "product": ("AB1012", "Invalid Product Type"),
    "unknown_order": ("AB1013", "Order not found"),
}


def success(data: object) -> Response:
    """Return an answer of the back office; an empty list goes out as ``null``, as the real books do."""
    empty = data == [] if isinstance(data, list) else False
    return json_response({"status": True, "message": "SUCCESS", "errorcode": "", "data": None if empty else data})


def failure(code: str, message: str, status: int = 200) -> Response:
    """Return an error of the back office: HTTP 200, as for almost everything."""
    return json_response({"status": False, "message": message, "errorcode": code, "data": None}, status)


def gateway_failure(code: str, message: str) -> Response:
    """Return an error of the gateway in its different envelope, with HTTP 200 too."""
    return json_response({"success": False, "message": message, "errorCode": code, "data": ""})


def refusal(error: Refusal) -> SmartError:
    """Word what the exchange refuses; whatever has no code of its own is the order system's, AB1007."""
    return SmartError(*_REFUSALS.get(error.code, ("AB1007", f"AMX Error: {error.message}")))


def status_word(order: SimOrder) -> str:
    """Return the ``status`` of a book row; a cancellation on its way has no word of its own."""
    parked = order.variety is Variety.AMO and order.exchange_order_id is None
    if parked and order.state in (State.AMO_RECEIVED, State.CANCELLING):
        return _AMO_MODIFIED if order.modifications else _AMO_RECEIVED
    if parked and order.state is State.CANCELLED:
        return _AMO_CANCELLED
    if order.state is State.CANCELLING:
        return _STATUS_WORDS[State.TRIGGER_PENDING if order.working.awaits_trigger else State.OPEN]
    return _STATUS_WORDS[order.state]


def stamp(moment: datetime | None) -> str:
    """Return a moment as the book writes it, ``22-Nov-2023 11:09:37`` on the Indian clock; empty without one."""
    return "" if moment is None else f"{to_ist(moment):%d-%b-%Y %H:%M:%S}"
