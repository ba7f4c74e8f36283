"""What a paper exchange refuses at its door: wishes that are none there, whatever the account has."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from sigma.adapters.paper.capabilities import CAPABILITIES, SQUARE_OFF_BEFORE
from sigma.adapters.paper.view import view_of
from sigma.domain.calendar import Calendar
from sigma.domain.errors import BrokerUnavailable, NotFound, SigmaError, Unsupported
from sigma.domain.instruments import CASH, Kind, split_listing
from sigma.domain.market import Quote
from sigma.domain.money import on_tick
from sigma.domain.orders import Order, OrderRequest, OrderStatus, Product, Variety
from sigma.domain.paper import PaperOrder, PaperRules, PaperTerms
from sigma.domain.times import ist, to_ist
from sigma.engines.matching import AUTOMATIC, protected_price
from sigma.ports.paper import PaperPlace


class Refused(Exception):
    """The exchange says no; nothing was stored."""

    def __init__(self, text: str, code: str = "REFUSED") -> None:
        super().__init__(text)
        self.code = code


def broker_id(order: Order) -> str:
    """Return the broker's id of an order; SigmaError (NO_BROKER_ID) while it has none."""
    if not order.broker_order_id:
        raise SigmaError(f"Order {order.id} has no broker id yet.", hint="Wait until it is known.", code="NO_BROKER_ID")
    return order.broker_order_id


def terms(place: PaperPlace, request: OrderRequest) -> PaperTerms:
    """Return what of the listing counts for an order, once nothing speaks against it.

    Raises
    ------
    Unsupported, NotFound
        An exchange or a wish that is not offered; no such listing. It is not sent.
    Refused
        The exchange would not take it: product, lot, price step.
    """
    exchange, _ = split_listing(request.listing)
    if exchange.value not in CAPABILITIES.exchanges:
        raise Unsupported(f"Paper takes no orders on {exchange}.", hint="See the account's capabilities.")
    if request.gtt:
        raise Unsupported("A resting trigger (GTT) is no order and was not sent.", hint="Take the GTT wish away.")
    listing = place.listing(request.listing)
    if listing is None:
        raise NotFound(f"{request.listing} is not in the instrument table.", hint="`sigma instruments refresh` downloads it.")
    offered = (Product.CNC, Product.MIS) if exchange in CASH else (Product.NRML, Product.MIS)
    if request.product not in offered:
        raise Refused(f"The product {request.product} is not offered on {exchange}; {' and '.join(offered)} are.")
    if listing.kind is Kind.INDEX:
        raise Refused(f"{request.listing} is an index: it cannot be bought or sold.")
    if request.quantity % listing.lot_size:
        raise Refused(f"The quantity must be a multiple of the lot size {listing.lot_size}, was {request.quantity}.")
    for price in (request.price, request.trigger_price):
        if price is not None and not on_tick(price, listing.tick_size):
            raise Refused(f"The price {price} is no multiple of the tick size {listing.tick_size}.")
    return PaperTerms(listing.kind, listing.lot_size, listing.tick_size, listing.strike, listing.expiry)


def session(calendar: Calendar, request: OrderRequest, now: datetime) -> date:
    """Return the session that an order placed at `now` is for.

    Raises
    ------
    Refused
        The exchange is closed (or open, for an after-market order), or it is too late for an intraday order.
    ConfigError
        The calendar does not know it.
    """
    exchange, _ = split_listing(request.listing)
    is_open, day = calendar.is_open(exchange, now), calendar.session_date(exchange, now)
    if request.variety is Variety.AMO:
        if is_open:
            raise Refused("AMO orders are taken while the exchange is closed.", "AMO_WHILE_OPEN")
        return day
    if not is_open:
        raise Refused("Markets are closed right now. Try placing an AMO order.", "MARKET_CLOSED")
    hours = calendar.session(exchange, day)
    if request.product is Product.MIS and hours is not None and now >= ist(day, hours.closes) - SQUARE_OFF_BEFORE:
        cut = to_ist(ist(day, hours.closes) - SQUARE_OFF_BEFORE)
        raise Refused(f"Intraday (MIS) orders are not taken after the square-off time, {cut:%H:%M}.", "AFTER_SQUARE_OFF")
    return day


def modified(order: PaperOrder, request: OrderRequest) -> PaperOrder:
    """Return an order as a modification wants it, to be admitted anew; Refused when it is no modification of it."""
    now = order.request
    if (request.listing, request.side, request.product) != (now.listing, now.side, now.product):
        raise Refused("Listing, side and product of an order cannot be changed.")
    if order.system:
        raise Refused("An order that the account placed itself cannot be changed.")
    if request.quantity <= order.filled:
        raise Refused(f"{order.filled} units have executed already, {request.quantity} were wanted.")
    same_trigger = (request.order_type, request.trigger_price) == (now.order_type, now.trigger_price)
    before = order.before or (now if order.admitted else None)
    wish = replace(request, variety=now.variety)
    return replace(order, request=wish, before=before, admitted=False, limit=None, triggered=order.triggered and same_trigger)


def cancelled(order: PaperOrder) -> PaperOrder:
    """Return an order that was taken back; Refused for one that the account placed itself."""
    if order.system:
        raise Refused("An order that the account placed itself cannot be taken back.")
    return replace(order, status=OrderStatus.CANCELLED, cancelled=order.pending, before=None, reason="")


def price_of(request: OrderRequest, known: PaperTerms, quote: Quote | None, rules: PaperRules) -> Decimal:
    """Return the rupees per unit that an order is valued at; BrokerUnavailable when a market order has no price."""
    given = request.price if request.price is not None else request.trigger_price
    if given is not None:
        return given
    if quote is None:
        raise BrokerUnavailable(f"There is no price to value a market order of {request.listing}.")
    return protected_price(request.side, request.market_protection or AUTOMATIC, view_of(quote, known, rules, None))
