"""A paper book's rows as a broker shows them."""

from __future__ import annotations

from decimal import Decimal

from sigma.adapters.paper import money
from sigma.adapters.rows import with_fills
from sigma.domain.answers import BrokerFill, BrokerOrder
from sigma.domain.instruments import Listing, split_listing
from sigma.domain.market import Quote
from sigma.domain.money import ZERO
from sigma.domain.orders import OrderStatus, Product, Variety
from sigma.domain.paper import PaperFill, PaperOrder, PaperPosition
from sigma.domain.portfolio import Holding, Position

_STEP = Decimal("0.0001")
WORDS = {OrderStatus.SENT: "RECEIVED"}


def order(row: PaperOrder) -> BrokerOrder:
    """Return one order of the book; a market order keeps its type, whatever limit it works at."""
    exchange, symbol = split_listing(row.request.listing)
    word = "AMO RECEIVED" if row.request.variety is Variety.AMO and not row.admitted else WORDS.get(row.status, row.status.value)
    return BrokerOrder(
        broker_order_id=row.broker_order_id,
        tag=row.tag,
        status=with_fills(row.status, row.filled, row.request.quantity),
        broker_status=word,
        exchange=exchange.value,
        symbol=symbol,
        listing=row.request.listing,
        side=row.request.side,
        quantity=row.request.quantity,
        filled_quantity=row.filled,
        order_type=row.request.order_type,
        product=row.request.product,
        price=row.request.price,
        trigger_price=row.request.trigger_price,
        average_price=_rounded(row.value / row.filled) if row.filled else None,
        cancelled_quantity=row.cancelled,
        reason=row.reason,
        exchange_order_id=row.broker_order_id if row.admitted else None,
        placed_at=row.placed_at,
        updated_at=row.updated_at,
        variety=row.request.variety,
        validity=row.request.validity,
    )


def fill(row: PaperFill) -> BrokerFill:
    """Return one execution."""
    exchange, symbol = split_listing(row.listing)
    return BrokerFill(
        broker_order_id=row.broker_order_id,
        fill_id=row.fill_id,
        exchange=exchange.value,
        symbol=symbol,
        listing=row.listing,
        side=row.side,
        product=row.product,
        quantity=row.quantity,
        price=row.price,
        filled_at=row.filled_at,
    )


def position(row: PaperPosition, quote: Quote | None) -> Position:
    """Return one net position, at the quote or at the last price known."""
    exchange, symbol = split_listing(row.listing)
    last, net = quote.last_price if quote is not None else row.mark, money.day_net(row)
    return Position(
        listing=row.listing,
        symbol=symbol,
        exchange=exchange.value,
        product=row.product,
        quantity=net,
        overnight_quantity=0 if row.product is Product.CNC else row.opening,
        average_price=_average(row, net),
        last_price=last,
        close_price=quote.close if quote is not None else None,
        realised=money.day_realised(row),
        unrealised=money.unrealised(row, last),
        buy_quantity=row.bought,
        sell_quantity=row.sold,
    )


def _average(row: PaperPosition, net: int) -> Decimal:
    if not net:
        return ZERO
    if row.product is not Product.CNC:
        return _rounded(row.cost / net)
    return _rounded(row.bought_value / row.bought if net > 0 else row.sold_value / row.sold)


def holding(row: PaperPosition, listing: Listing | None, quote: Quote | None) -> Holding:
    """Return the delivery shares of earlier days, as they were when the day began."""
    exchange, symbol = split_listing(row.listing)
    return Holding(
        listing=row.listing,
        symbol=symbol,
        exchange=exchange.value,
        isin=listing.isin if listing is not None else None,
        quantity=row.opening_settled,
        t1_quantity=row.opening_t1,
        pledged_quantity=0,
        average_price=_rounded(row.opening_average),
        last_price=quote.last_price if quote is not None else row.mark,
        close_price=quote.close if quote is not None else None,
        authorised_quantity=row.opening_settled,
    )


def _rounded(price: Decimal) -> Decimal:
    return price.quantize(_STEP)
