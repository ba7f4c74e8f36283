"""What the SmartAPI door makes of placeOrder, modifyOrder and cancelOrder (wire.md B2, D)."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from sigma.domain.money import ZERO, decimal_from
from sigma.domain.orders import OrderType, Side, Validity, Variety
from sigma.simulator.conversion import convert
from sigma.simulator.exchange import Exchange
from sigma.simulator.model import Change, PlaceRequest, Refusal, SimAccount, SimOrder
from sigma.simulator.securities import Security
from sigma.simulator.smartapi_master import Directory, smart_symbol, smart_token
from sigma.simulator.smartapi_wire import NORMAL, ORDER_TYPES, PRODUCTS, ROBO, STOPLOSS, SmartError

TAG_LENGTH = 20
# SmartAPI checks symbol, product, variety and tag at once. Its risk system looks at the rest after it has given an id.
IN_BOOK = frozenset(["lot", "freeze", "disclosed", "price", "trigger", "tick", "market_closed", "amo_closed"])
# Powers of ten beyond which no number of an order lies.
_LEAST, _MOST = -4, 12
_POSITION_TYPES = frozenset({"DAY", "CARRYFORWARD"})
Body = Mapping[str, object]
Meaning = TypeVar("Meaning")
Word = TypeVar("Word", bound=StrEnum)


def place_request(exchange: Exchange, directory: Directory, body: Body) -> PlaceRequest:
    """Return what a placeOrder body wants; outside the session NORMAL and STOPLOSS are taken as after-market orders.

    Raises
    ------
    SmartError
        AB1008 variety, AB2002 ROBO, AB1009 symbol, AB1012 product, AB4008 tag, AB1007 anything else.
    """
    order_type = read_meaning(ORDER_TYPES, body, "ordertype", "AB1007", "Invalid Order Type")
    _check_variety(body, order_type)
    security = _security(directory, body)
    tag = order_tag(body)
    if len(tag) > TAG_LENGTH:
        raise SmartError("AB4008", f"ordertag length should be less than {TAG_LENGTH} characters")
    outside = not exchange.is_open(security) and exchange.takes_amo(security)
    return PlaceRequest(
        listing=security.listing,
        side=read_word(Side, body, "transactiontype"),
        quantity=read_whole(body, "quantity"),
        order_type=order_type,
        product=read_meaning(PRODUCTS, body, "producttype", "AB1012", "Invalid Product Type"),
        variety=Variety.AMO if outside else Variety.REGULAR,
        validity=read_word(Validity, body, "duration"),
        price=read_rupees(body, "price") if order_type.has_price else ZERO,
        trigger_price=read_rupees(body, "triggerprice") if order_type.has_trigger else ZERO,
        disclosed_quantity=read_whole(body, "disclosedquantity", "0"),
        tag=tag,
    )


def change_request(order: SimOrder, body: Body) -> Change:
    """Return what a modifyOrder body makes of `order`. The body names the whole order again.

    Raises
    ------
    SmartError
        AB1008 variety, AB1009 another symbol, AB1012 another product, AB1007 anything else.
    """
    order_type = read_meaning(ORDER_TYPES, body, "ordertype", "AB1007", "Invalid Order Type")
    _check_variety(body, None)
    named = str(body.get("exchange", "")), str(body.get("symboltoken", "")), str(body.get("tradingsymbol", ""))
    if named != (order.security.exchange.value, smart_token(order.security), smart_symbol(order.security)):
        raise SmartError("AB1009", "Symbol Not Found")
    if PRODUCTS.get(str(body.get("producttype", ""))) is not order.product:
        raise SmartError("AB1012", "Invalid Product Type")
    return Change(
        quantity=read_whole(body, "quantity"),
        price=read_rupees(body, "price") if order_type.has_price else None,
        trigger_price=read_rupees(body, "triggerprice") if order_type.has_trigger and "triggerprice" in body else None,
        order_type=order_type,
        validity=read_word(Validity, body, "duration"),
        disclosed_quantity=read_whole(body, "disclosedquantity") if "disclosedquantity" in body else None,
    )


def check_cancel(body: Body) -> None:
    """Check the variety of a cancelOrder body: after-market orders are cancelled as NORMAL (wire.md D).

    Raises
    ------
    SmartError
        AB1008 or AB2002.
    """
    _check_variety(body, None)


def convert_position(exchange: Exchange, directory: Directory, account: SimAccount, body: Body) -> None:
    """Do what a convertPosition body wants.

    Raises
    ------
    SmartError
        AB1009 symbol, AB1012 product, AB1017 anything else; the texts are made up.
    """
    security = _security(directory, body)
    old = read_meaning(PRODUCTS, body, "oldproducttype", "AB1012", "Invalid Product Type")
    new = read_meaning(PRODUCTS, body, "newproducttype", "AB1012", "Invalid Product Type")
    quantity, side = read_whole(body, "quantity"), read_word(Side, body, "transactiontype")
    kind = body.get("type")
    if kind not in _POSITION_TYPES:
        raise SmartError("AB1017", f"Position conversion failed: invalid type {kind!r}")
    try:
        convert(exchange, account, security.listing, side, quantity, old, new, overnight=kind != "DAY")
    except Refusal as refusal:
        raise SmartError("AB1017", f"Position cannot be processed: {refusal.message}") from None


def order_id(body: Body) -> str:
    """Return the order id that a body names, empty without one."""
    value = body.get("orderid", "")
    return value if isinstance(value, str) else ""


def order_tag(body: Body) -> str:
    """Return the tag that a body carries, empty without one."""
    return str(body.get("ordertag") or "")


def _check_variety(body: Body, order_type: OrderType | None) -> None:
    variety = body.get("variety")
    if variety == ROBO:
        raise SmartError("AB2002", "ROBO order is block")
    expected = STOPLOSS if order_type is not None and order_type.has_trigger else NORMAL
    if variety not in (NORMAL, STOPLOSS) or (order_type is not None and variety != expected):
        raise SmartError("AB1008", "Invalid Order Variety")


def _security(directory: Directory, body: Body) -> Security:
    security = directory.find(str(body.get("exchange", "")), str(body.get("symboltoken", "")))
    if security is None or smart_symbol(security) != body.get("tradingsymbol"):
        raise SmartError("AB1009", "Symbol Not Found")
    return security


def read_meaning(table: Mapping[str, Meaning], body: Body, name: str, code: str, message: str) -> Meaning:
    """Return what a word of a body stands for; SmartError with `code` when the table lacks it."""
    meaning = table.get(str(body.get(name, "")))
    if meaning is None:
        raise SmartError(code, message)
    return meaning


def read_word(words: type[Word], body: Body, name: str) -> Word:
    """Return a word of a body that is one of ours; SmartError AB1007 when it is none."""
    try:
        return words(str(body.get(name, "")))
    except ValueError:
        raise SmartError("AB1007", f"AMX Error: invalid {name} {body.get(name)!r}") from None


def read_rupees(body: Body, name: str) -> Decimal:
    """Return a price, which comes as text or as a number; SmartError AB1007 when it is none."""
    value = body.get(name, "0")
    try:
        number = decimal_from(value if isinstance(value, str | int | float) else "")
    except ValueError:
        number = None
    if number is None or (number and not _LEAST <= number.adjusted() <= _MOST):
        raise SmartError("AB1007", f"AMX Error: invalid {name} {value!r}")
    return number


def read_whole(body: Body, name: str, default: str = "") -> int:
    """Return a quantity; SmartError AB1007 when it is no whole number."""
    number = read_rupees({name: body.get(name, default)}, name)
    if number != number.to_integral_value():
        raise SmartError("AB1007", f"AMX Error: invalid {name} {body.get(name)!r}")
    return int(number)
