"""What a Kite order form means, and Kite's words for what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from sigma.domain.instruments import Exchange as Segment
from sigma.domain.money import ZERO, decimal_from
from sigma.domain.orders import OrderType, Product, Side, Validity, Variety
from sigma.engines.matching import AUTOMATIC
from sigma.simulator.http import whole_number
from sigma.simulator.kite_wire import KiteError
from sigma.simulator.model import Change, PlaceRequest, Refusal
from sigma.simulator.securities import Universe

Word = TypeVar("Word", bound=StrEnum)
TAG_LENGTH = 20
_VARIETIES = {"regular": Variety.REGULAR, "amo": Variety.AMO}
_OTHER_VARIETIES = frozenset({"co", "iceberg", "auction"})
_NO_PROTECTION = (
    "Market orders without market protection are not allowed via API. Please set market protection or use a Limit order."
)


def bad_input(message: str) -> KiteError:
    """Return an InputException answer."""
    return KiteError(400, "InputException", message)


def place_request(variety: str, form: Mapping[str, str]) -> PlaceRequest:
    """Return what a place form means; raises KiteError for anything that cannot be understood."""
    if variety in _OTHER_VARIETIES:
        raise bad_input(f"Orders of variety `{variety}` are not enabled for this account.")
    if variety not in _VARIETIES:
        raise bad_input("Invalid `variety`.")
    exchange = _word(form, "exchange", Segment)
    symbol = _text(form, "tradingsymbol")
    kind = _word(form, "order_type", OrderType)
    tag = form.get("tag", "")
    if len(tag) > TAG_LENGTH:
        raise bad_input(f"Invalid `tag`. It should be less than {TAG_LENGTH + 1} characters.")
    return PlaceRequest(
        listing=f"{exchange}:{symbol.upper()}",
        side=_word(form, "transaction_type", Side),
        quantity=_quantity(form, "quantity"),
        order_type=kind,
        product=_word(form, "product", Product),
        variety=_VARIETIES[variety],
        validity=_word(form, "validity", Validity, Validity.DAY),
        price=_price(form, "price") if kind.has_price else ZERO,
        trigger_price=_price(form, "trigger_price") if kind.has_trigger else ZERO,
        disclosed_quantity=_quantity(form, "disclosed_quantity", 0),
        market_protection=_protection(form, kind),
        tag=tag,
    )


def change(form: Mapping[str, str]) -> Change:
    """Return what a modification form means; what it does not name stays."""
    kind = _word(form, "order_type", OrderType) if "order_type" in form else None
    return Change(
        quantity=_quantity(form, "quantity") if "quantity" in form else None,
        price=_price(form, "price") if "price" in form else None,
        trigger_price=_price(form, "trigger_price") if "trigger_price" in form else None,
        order_type=kind,
        validity=_word(form, "validity", Validity) if "validity" in form else None,
        disclosed_quantity=_quantity(form, "disclosed_quantity") if "disclosed_quantity" in form else None,
        market_protection=_protection(form, kind) if kind is not None else None,
    )


def refused(refusal: Refusal, universe: Universe, request: PlaceRequest | None = None, *, verb: str = "modified") -> KiteError:
    """Return Kite's words for a refusal of the exchange."""
    security = universe.get(request.listing) if request else None
    match refusal.code:
        case "unknown_listing" | "not_tradable":
            return bad_input("The instrument you are placing an order for has either expired or does not exist.")
        case "market_closed" if request is not None and request.product is Product.MIS:
            return bad_input(
                "MIS (intraday) are blocked as the markets are not open for trading today. Try placing an AMO order."
            )
        case "market_closed" | "amo_closed":
            return bad_input("Markets are closed right now. Use GTT for placing long standing orders instead.")
        case "amo_in_session":
            return bad_input("After market orders (AMO) cannot be placed during market hours. Place a regular order instead.")
        case "tick":
            tick = f"{security.tick:.2f}" if security else ""
            return bad_input(
                f"Tick size for this script is {tick}. Kindly enter price in the multiple of tick size for this script"
                if tick
                else "Kindly enter price in the multiple of tick size for this script"
            )
        case "unknown_order":
            return KiteError(400, "GeneralException", "Couldn't find that `order_id`.")
        case "final" | "processing":
            return KiteError(400, "OrderException", f"Order cannot be {verb} as it is being processed. Try later.")
        case "too_many_modifications":
            return KiteError(429, "NetworkException", "Maximum allowed order modifications exceeded.")
        case "product":
            return bad_input("Invalid `product`.")
        case "trigger":
            return bad_input(f"Invalid `trigger_price`: {refusal.message}.")
        case "price":
            return bad_input("Invalid `price`.")
        case _:
            return bad_input(f"Invalid `quantity`: {refusal.message}.")


def _text(form: Mapping[str, str], name: str) -> str:
    value = form.get(name, "").strip()
    if not value:
        raise bad_input(f"Missing or empty field `{name}`")
    return value


def _word(form: Mapping[str, str], name: str, words: type[Word], default: Word | None = None) -> Word:
    if default is not None and not form.get(name):
        return default
    text = _text(form, name)
    try:
        return words(text)
    except ValueError:
        raise bad_input(f"Invalid `{name}`.") from None


def _quantity(form: Mapping[str, str], name: str, default: int | None = None) -> int:
    if default is not None and not form.get(name):
        return default
    text = _text(form, name)
    if not whole_number(text):
        raise bad_input(f"Invalid `{name}`.")
    return int(text)


def _price(form: Mapping[str, str], name: str) -> Decimal:
    text = form.get(name, "").strip()
    if not text:
        return ZERO
    try:
        price = decimal_from(text)
    except ValueError:
        raise bad_input(f"Invalid `{name}`.") from None
    if not 0 <= price < Decimal(10) ** 9:
        raise bad_input(f"Invalid `{name}`.")
    return price


def _protection(form: Mapping[str, str], kind: OrderType) -> Decimal:
    """Return the market protection in percent; MARKET and SL-M without one are refused (wire.md G)."""
    if kind.has_price:
        return AUTOMATIC
    text = form.get("market_protection", "").strip()
    try:
        value = decimal_from(text) if text else ZERO
    except ValueError:
        raise bad_input("Invalid `market_protection`.") from None
    if value == 0:
        raise bad_input(_NO_PROTECTION)
    if value != AUTOMATIC and not 0 < value <= 100:
        raise bad_input("Invalid `market_protection`.")
    return value
