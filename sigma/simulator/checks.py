"""Rules of the exchange: what is refused before an order gets an id, and what is rejected in the book afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from sigma.domain.calendar import Calendar
from sigma.domain.instruments import CASH, Exchange, Kind
from sigma.domain.money import on_tick
from sigma.domain.orders import OrderType, Product, Side, Variety
from sigma.domain.times import ist, ist_date
from sigma.engines.matching import MarketView
from sigma.simulator.ledger import Prices, funds, sellable
from sigma.simulator.model import Change, PlaceRequest, Refusal, SimAccount, SimOrder
from sigma.simulator.securities import Security, Universe

Views = Callable[[Security], MarketView]
# Around a session neither it nor the window for after-market orders is open (at Kite 08:57 to 09:15 and 15:30 to 15:45).
_BEFORE, _AFTER = timedelta(minutes=18), timedelta(minutes=15)


def amo_window(calendar: Calendar, exchange: Exchange, now: datetime) -> bool:
    """Say whether after-market orders are taken at `now`: outside the session, save shortly before and after it."""
    day = ist_date(now)
    hours = calendar.session(exchange, day)
    return hours is None or not ist(day, hours.opens) - _BEFORE <= now < ist(day, hours.closes) + _AFTER


def check_request(request: PlaceRequest, universe: Universe, calendar: Calendar, now: datetime) -> Security:
    """Return the security of a request that may become an order.

    Raises
    ------
    Refusal
        ``unknown_listing``, ``not_tradable``, ``product``, ``quantity``, ``lot``, ``freeze``, ``disclosed``, ``price``,
        ``trigger``, ``tick``, ``market_closed``, ``amo_closed`` or ``amo_in_session``.
    """
    security = universe.get(request.listing)
    if security is None:
        raise Refusal("unknown_listing", f"{request.listing} is not in the table of securities")
    if security.kind is Kind.INDEX:
        raise Refusal("not_tradable", f"{request.listing} is an index")
    check_product(request.product, security)
    _check_quantity(request.quantity, request.disclosed_quantity, security)
    _check_prices(request.side, request.order_type, request.price, request.trigger_price, security)
    _check_session(request.variety, calendar, security.exchange, now)
    return security


def check_change(order: SimOrder, change: Change) -> None:
    """Check what an order would become.

    Raises
    ------
    Refusal
        As `check_request`; ``quantity`` also when it falls below what has executed.
    """
    quantity = order.quantity if change.quantity is None else change.quantity
    if quantity < order.filled:
        raise Refusal("quantity", f"{order.filled} of order {order.order_id} have executed already")
    disclosed = order.disclosed_quantity if change.disclosed_quantity is None else change.disclosed_quantity
    _check_quantity(quantity, disclosed, order.security)
    kind = order.order_type if change.order_type is None else change.order_type
    price = order.price if change.price is None else change.price
    trigger = order.trigger_price if change.trigger_price is None else change.trigger_price
    _check_prices(order.side, kind, price, trigger, order.security)


def check_product(product: Product, security: Security) -> None:
    """Refuse (``product``) a product that a security does not have."""
    if product is Product.MTF:
        raise Refusal("product", "MTF is not activated for this account")
    if security.derivative and product is Product.CNC:
        raise Refusal("product", f"CNC is not for {security.exchange}")
    if security.exchange in CASH and product is Product.NRML:
        raise Refusal("product", f"NRML is not for {security.exchange}")
    if security.series == "BE" and product is not Product.CNC:
        raise Refusal("product", f"{security.listing} is trade-to-trade: delivery only")


def _check_quantity(quantity: int, disclosed: int, security: Security) -> None:
    if quantity <= 0:
        raise Refusal("quantity", f"quantity must be above 0, was {quantity}")
    if quantity % security.lot:
        raise Refusal("lot", f"quantity of {security.listing} must be a multiple of {security.lot}, was {quantity}")
    if quantity > security.freeze:
        raise Refusal("freeze", f"quantity of {security.listing} must not exceed {security.freeze}, was {quantity}")
    if not 0 <= disclosed <= quantity:
        raise Refusal("disclosed", f"disclosed quantity must lie between 0 and {quantity}, was {disclosed}")


def _check_prices(side: Side, kind: OrderType, price: Decimal, trigger: Decimal, security: Security) -> None:
    if kind.has_price and price <= 0:
        raise Refusal("price", f"a {kind} order needs a price above 0, was {price}")
    if kind.has_trigger and trigger <= 0:
        raise Refusal("trigger", f"a {kind} order needs a trigger price above 0, was {trigger}")
    if kind is OrderType.SL and (price - trigger) * side.sign < 0:
        raise Refusal("trigger", f"trigger {trigger} is beyond the limit {price} of a {side}")
    for name, value, used in (("price", price, kind.has_price), ("trigger price", trigger, kind.has_trigger)):
        if used and not on_tick(value, security.tick):
            raise Refusal("tick", f"{name} {value} of {security.listing} is no multiple of {security.tick}")


def _check_session(variety: Variety, calendar: Calendar, exchange: Exchange, now: datetime) -> None:
    is_open = calendar.is_open(exchange, now)
    may_amo = amo_window(calendar, exchange, now)
    if variety is Variety.AMO and is_open:
        raise Refusal("amo_in_session", "the market is open: send a regular order")
    if variety is Variety.AMO and not may_amo:
        raise Refusal("amo_closed", "after-market orders are not taken at this time")
    if variety is Variety.REGULAR and not is_open:
        raise Refusal("market_closed" if may_amo else "amo_closed", "the market is closed")


def rejection(account: SimAccount, order: SimOrder, view: MarketView, last: Prices, views: Views) -> str:
    """Return why an accepted order is rejected in the book, in the risk system's words; empty when it is not."""
    for price in (order.price, order.trigger_price):
        if price and view.upper_limit is not None and price > view.upper_limit:
            return f"16283 : The order price is higher than the upper circuit limit of {view.upper_limit}. (RULE: circuit)"
        if price and view.lower_limit is not None and price < view.lower_limit:
            return f"16283 : The order price is lower than the lower circuit limit of {view.lower_limit}. (RULE: circuit)"
    if order.product is Product.CNC and order.side is Side.SELL:
        return _short_delivery(account, order)
    without = funds(account, last, views, leaving_out=order)
    needed = without.net - funds(account, last, views).net
    if needed > max(without.net, Decimal(0)):
        return f"Insufficient funds. Required margin is {needed:.2f} but available margin is {without.net:.2f}."
    return ""


def _short_delivery(account: SimAccount, order: SimOrder) -> str:
    free = sellable(account, order.security, leaving_out=order)
    if order.pending > free:
        return (
            f"RMS:Rule: Check holdings including BTST for entity account-{account.client_id} across exchange across segment "
            f"across product. Insufficient holding quantity: requested {order.pending}, available {max(free, 0)}."
        )
    holding = account.holdings.get(order.security.isin or "")
    if not account.demat_consent and order.pending > (holding.authorised if holding else 0):
        return f"Authorisation of {order.security.symbol} at the depository is needed before it can be sold."
    return ""
