"""Kite's words and rows, and ours (wire.md B1, D)."""

from __future__ import annotations

from datetime import datetime

from sigma.adapters.codec import Codec, Reading
from sigma.adapters.rows import Row, RowError, listing_of, plain, with_fills
from sigma.adapters.zerodha.capabilities import BROKER
from sigma.domain.accounts import Profile
from sigma.domain.answers import BrokerFill, BrokerOrder
from sigma.domain.instruments import BrokerInstrument
from sigma.domain.market import Level, Quote, Timeframe
from sigma.domain.money import ZERO
from sigma.domain.orders import OrderRequest, OrderStatus, OrderType, Product, Side, Validity, Variety
from sigma.domain.portfolio import Conversion, Funds, Holding, Position
from sigma.ports.broker import InstrumentLookup

SIDE = Codec({Side.BUY: "BUY", Side.SELL: "SELL"})
ORDER_TYPE = Codec({OrderType.MARKET: "MARKET", OrderType.LIMIT: "LIMIT", OrderType.SL: "SL", OrderType.SL_M: "SL-M"})
PRODUCT = Codec({Product.CNC: "CNC", Product.MIS: "MIS", Product.NRML: "NRML", Product.MTF: "MTF"})
VALIDITY = Codec({Validity.DAY: "DAY", Validity.IOC: "IOC"})
VARIETY = {Variety.REGULAR: "regular", Variety.AMO: "amo"}
# Orders placed elsewhere may be cover, iceberg or auction orders: all of the running session.
VARIETY_READ = Reading({Variety.REGULAR: ("regular", "co", "iceberg", "auction", "bo"), Variety.AMO: ("amo",)})
STATUS = Reading(
    {
        OrderStatus.SENT: ("PUT ORDER REQ RECEIVED", "VALIDATION PENDING", "AMO REQ RECEIVED"),
        OrderStatus.OPEN: (
            "OPEN PENDING",
            "OPEN",
            "MODIFIED",
            "MODIFY VALIDATION PENDING",
            "MODIFY PENDING",
            "CANCEL PENDING",
            "UPDATE",
        ),
        OrderStatus.TRIGGER_PENDING: ("TRIGGER PENDING",),
        OrderStatus.FILLED: ("COMPLETE",),
        OrderStatus.REJECTED: ("REJECTED",),
        OrderStatus.CANCELLED: ("CANCELLED",),
    }
)


def _terms(request: OrderRequest) -> dict[str, object]:
    protected = request.order_type in (OrderType.MARKET, OrderType.SL_M) and request.market_protection is not None
    return {
        "quantity": request.quantity,
        "order_type": ORDER_TYPE.encode(request.order_type),
        "price": plain(request.price) if request.price is not None else None,
        "trigger_price": plain(request.trigger_price) if request.trigger_price is not None else None,
        "validity": VALIDITY.encode(request.validity),
        "disclosed_quantity": request.disclosed_quantity or None,
        "market_protection": plain(request.market_protection) if protected and request.market_protection is not None else None,
    }


# Weeks and months are no words of theirs.
INTERVAL = {
    Timeframe.M1: "minute",
    Timeframe.M3: "3minute",
    Timeframe.M5: "5minute",
    Timeframe.M15: "15minute",
    Timeframe.M30: "30minute",
    Timeframe.H1: "60minute",
    Timeframe.D1: "day",
}


def place_params(request: OrderRequest, instrument: BrokerInstrument, tag: str) -> dict[str, object]:
    """Return the arguments of ``place_order``; the client leaves out what is None."""
    return {
        "variety": VARIETY[request.variety],
        "exchange": instrument.exchange_code,
        "tradingsymbol": instrument.symbol,
        "transaction_type": SIDE.encode(request.side),
        "product": PRODUCT.encode(request.product),
        "algo_id": request.algo_tag or None,
        "tag": tag or None,
        **_terms(request),
    }


def modify_params(request: OrderRequest, variety: str, broker_order_id: str, parent_id: str | None) -> dict[str, object]:
    """Return the arguments of ``modify_order``: the whole of what is wanted, whatever it was."""
    return {"variety": variety, "order_id": broker_order_id, "parent_order_id": parent_id, **_terms(request)}


def convert_params(conversion: Conversion, instrument: BrokerInstrument) -> dict[str, object]:
    """Return the arguments of ``convert_position``; the side is that of the position."""
    return {
        "exchange": instrument.exchange_code,
        "tradingsymbol": instrument.symbol,
        "transaction_type": SIDE.encode(conversion.side),
        "position_type": "overnight" if conversion.overnight else "day",
        "quantity": conversion.quantity,
        "old_product": PRODUCT.encode(conversion.old),
        "new_product": PRODUCT.encode(conversion.new),
    }


def order(row: Row, lookup: InstrumentLookup) -> BrokerOrder:
    """Return one row of the book; a status that is not in the table is kept verbatim with status None."""
    exchange, symbol, status = row.word("exchange"), row.word("tradingsymbol"), row.word("status")
    quantity, filled = row.whole("quantity"), row.whole_or("filled_quantity")
    return BrokerOrder(
        broker_order_id=row.word("order_id"),
        tag=_tag(row),
        status=with_fills(STATUS.find(status), filled, quantity),
        broker_status=status,
        exchange=exchange,
        symbol=symbol,
        listing=listing_of(lookup, BROKER, exchange, symbol),
        side=SIDE.decode(row.word("transaction_type")),
        quantity=quantity,
        filled_quantity=filled,
        order_type=ORDER_TYPE.find(row.text("order_type")),
        product=PRODUCT.find(row.text("product")),
        price=row.positive("price"),
        trigger_price=row.positive("trigger_price"),
        average_price=row.positive("average_price"),
        cancelled_quantity=row.whole_or("cancelled_quantity"),
        reason=row.text("status_message_raw") or row.text("status_message"),
        exchange_order_id=row.text("exchange_order_id") or None,
        placed_at=row.moment("order_timestamp"),
        updated_at=row.moment("exchange_update_timestamp"),
        variety=VARIETY_READ.decode(row.word("variety")),
        validity=VALIDITY.find(row.text("validity")),
        parent_id=row.text("parent_order_id") or None,
    )


def _tag(row: Row) -> str:
    if tag := row.text("tag"):
        return tag
    tags = [item for item in row.items("tags") if isinstance(item, str)]
    return tags[0].strip() if tags else ""


def fill(row: Row, lookup: InstrumentLookup) -> BrokerFill:
    """Return one execution. Its ``order_timestamp`` has no date and is not used."""
    exchange, symbol = row.word("exchange"), row.word("tradingsymbol")
    moment = row.moment("fill_timestamp") or row.moment("exchange_timestamp")
    if moment is None:
        raise RowError("fill_timestamp is missing")
    return BrokerFill(
        broker_order_id=row.word("order_id"),
        fill_id=row.word("trade_id"),
        exchange=exchange,
        symbol=symbol,
        listing=listing_of(lookup, BROKER, exchange, symbol),
        side=SIDE.decode(row.word("transaction_type")),
        product=PRODUCT.find(row.text("product")),
        quantity=row.whole("quantity"),
        price=row.number("average_price"),
        filled_at=moment,
    )


def holding(row: Row, lookup: InstrumentLookup) -> Holding:
    """Return one holding. Kite's ``quantity`` leaves out shares of T+1 and pledged ones, which have keys of their own."""
    exchange, symbol = row.word("exchange"), row.word("tradingsymbol")
    return Holding(
        listing=listing_of(lookup, BROKER, exchange, symbol),
        symbol=symbol,
        exchange=exchange,
        isin=row.text("isin") or None,
        quantity=row.whole("quantity"),
        t1_quantity=row.whole_or("t1_quantity"),
        pledged_quantity=row.whole_or("collateral_quantity"),
        average_price=row.number("average_price"),
        last_price=row.number("last_price"),
        close_price=row.positive("close_price"),
        authorised_quantity=row.whole_or("authorised_quantity"),
        product=PRODUCT.find(row.text("product")),
    )


def position(row: Row, lookup: InstrumentLookup) -> Position:
    """Return one net position."""
    exchange, symbol = row.word("exchange"), row.word("tradingsymbol")
    return Position(
        listing=listing_of(lookup, BROKER, exchange, symbol),
        symbol=symbol,
        exchange=exchange,
        product=PRODUCT.find(row.text("product")),
        quantity=row.whole("quantity"),
        overnight_quantity=row.whole_or("overnight_quantity"),
        average_price=row.number("average_price"),
        last_price=row.number("last_price"),
        close_price=row.positive("close_price"),
        realised=row.maybe("realised") or ZERO,
        unrealised=row.maybe("unrealised") or ZERO,
        buy_quantity=row.whole_or("buy_quantity"),
        sell_quantity=row.whole_or("sell_quantity"),
        multiplier=row.whole_or("multiplier", 1),
    )


def funds(row: Row) -> Funds:
    """Return the money of the equity segment, which pays for shares and their derivatives."""
    equity = row.child("equity")
    available, used = equity.child("available"), equity.child("utilised")
    net, debits = equity.number("net"), used.maybe("debits") or ZERO
    return Funds(
        available=net,
        used=debits,
        total=net + debits,
        collateral=available.maybe("collateral"),
        m2m_unrealized=used.maybe("m2m_unrealised"),
        m2m_realized=used.maybe("m2m_realised"),
        utilised_debits=used.maybe("debits"),
        cash=available.maybe("cash"),
    )


def profile(row: Row) -> Profile:
    """Return who is logged in."""
    return Profile(
        client_id=row.word("user_id"),
        name=row.text("user_name"),
        email=row.text("email"),
        exchanges=tuple(str(item) for item in row.items("exchanges")),
        products=tuple(str(item) for item in row.items("products")),
    )


def quote(row: Row, listing: str, asked_at: datetime) -> Quote:
    """Return one quote; `asked_at` stands in where Kite gives no time."""
    ohlc, depth = row.child("ohlc"), row.child("depth")
    return Quote(
        listing=listing,
        last_price=row.number("last_price"),
        at=row.moment("timestamp") or row.moment("last_trade_time") or asked_at,
        open=ohlc.positive("open"),
        high=ohlc.positive("high"),
        low=ohlc.positive("low"),
        close=ohlc.positive("close"),
        volume=row.whole_or("volume"),
        lower_circuit=row.positive("lower_circuit_limit"),
        upper_circuit=row.positive("upper_circuit_limit"),
        open_interest=row.whole_or("oi"),
        bids=_levels(depth, "buy"),
        asks=_levels(depth, "sell"),
    )


def _levels(depth: Row, side: str) -> tuple[Level, ...]:
    rows = [Row(item) for item in depth.items(side)]
    return tuple(
        Level(row.number("price"), row.whole("quantity"), row.whole_or("orders")) for row in rows if row.positive("price")
    )


def net_positions(data: object) -> object:
    """Return the list of net positions; the other one, ``day``, is contained in it."""
    return data.get("net") if isinstance(data, dict) else data
