"""SmartAPI's words and rows, and ours (wire.md B2, D)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta

from sigma.adapters.angelone.capabilities import BROKER
from sigma.adapters.codec import Codec, Reading
from sigma.adapters.rows import Row, RowError, listing_of, plain, with_fills
from sigma.domain.accounts import Profile
from sigma.domain.answers import BrokerFill, BrokerOrder
from sigma.domain.instruments import BrokerInstrument
from sigma.domain.market import Level, Quote, Timeframe
from sigma.domain.money import ZERO
from sigma.domain.orders import OrderRequest, OrderStatus, OrderType, Product, Side, Validity, Variety
from sigma.domain.portfolio import Conversion, Funds, Holding, Position
from sigma.domain.times import ist, ist_date
from sigma.ports.broker import InstrumentLookup

SIDE = Codec({Side.BUY: "BUY", Side.SELL: "SELL"})
ORDER_TYPE = Codec(
    {
        OrderType.MARKET: "MARKET",
        OrderType.LIMIT: "LIMIT",
        OrderType.SL: "STOPLOSS_LIMIT",
        OrderType.SL_M: "STOPLOSS_MARKET",
    }
)
PRODUCT = Codec(
    {Product.CNC: "DELIVERY", Product.MIS: "INTRADAY", Product.NRML: "CARRYFORWARD", Product.MTF: "MARGIN"},
)
VALIDITY = Codec({Validity.DAY: "DAY", Validity.IOC: "IOC"})
# The book shows AMO for an order placed off-hours as NORMAL; ROBO orders are of the running session.
VARIETY_READ = Reading({Variety.REGULAR: ("NORMAL", "STOPLOSS", "ROBO"), Variety.AMO: ("AMO",)})
STATUS = Reading(
    {
        OrderStatus.SENT: (
            "validation pending",
            "put order req received",
            "after market order req received",
            "modify after market order req received",
        ),
        OrderStatus.OPEN: ("open", "open pending", "modified", "modify pending", "not modified"),
        OrderStatus.TRIGGER_PENDING: ("trigger pending",),
        OrderStatus.FILLED: ("complete",),
        OrderStatus.REJECTED: ("rejected",),
        OrderStatus.CANCELLED: ("cancelled", "cancelled after market order"),
    }
)


# Weeks and months are no words of theirs.
INTERVAL = {
    Timeframe.M1: "ONE_MINUTE",
    Timeframe.M3: "THREE_MINUTE",
    Timeframe.M5: "FIVE_MINUTE",
    Timeframe.M15: "FIFTEEN_MINUTE",
    Timeframe.M30: "THIRTY_MINUTE",
    Timeframe.H1: "ONE_HOUR",
    Timeframe.D1: "ONE_DAY",
}


def candle_params(name: BrokerInstrument, timeframe: Timeframe, first: datetime, last: datetime) -> dict[str, str]:
    """Return the body of ``getCandleData``: openings from `first` to `last` on the Indian clock, in whole minutes."""
    begin = first + timedelta(minutes=1) - timedelta(seconds=1) if first.second else first
    return {
        "exchange": name.exchange_code,
        "symboltoken": name.token,
        "interval": INTERVAL[timeframe],
        "fromdate": f"{begin:%Y-%m-%d %H:%M}",
        "todate": f"{last:%Y-%m-%d %H:%M}",
    }


def variety_of(order_type: OrderType) -> str:
    """Return the variety under which an order is placed; an AMO is placed as NORMAL [wire.md D]."""
    return "STOPLOSS" if order_type.has_trigger else "NORMAL"


def _terms(request: OrderRequest, instrument: BrokerInstrument) -> dict[str, str]:
    terms = {
        "tradingsymbol": instrument.symbol,
        "symboltoken": instrument.token,
        "exchange": instrument.exchange_code,
        "ordertype": ORDER_TYPE.encode(request.order_type),
        "producttype": PRODUCT.encode(request.product),
        "duration": VALIDITY.encode(request.validity),
        "price": plain(request.price) if request.price is not None else "0",
        "quantity": str(request.quantity),
    }
    if request.trigger_price is not None:
        terms["triggerprice"] = plain(request.trigger_price)
    if request.disclosed_quantity:
        terms["disclosedquantity"] = str(request.disclosed_quantity)
    return terms


def place_params(request: OrderRequest, instrument: BrokerInstrument, tag: str) -> dict[str, str]:
    """Return the body of ``placeOrder``: texts throughout."""
    params = {
        "variety": variety_of(request.order_type),
        "transactiontype": SIDE.encode(request.side),
        "squareoff": "0",
        "stoploss": "0",
        **_terms(request, instrument),
    }
    return params | ({"ordertag": tag} if tag else {})


def modify_params(request: OrderRequest, instrument: BrokerInstrument, variety: str, broker_order_id: str) -> dict[str, str]:
    """Return the body of ``modifyOrder``: the whole of what is wanted, whatever it was."""
    return {"variety": variety, "orderid": broker_order_id, **_terms(request, instrument)}


def convert_params(conversion: Conversion, instrument: BrokerInstrument) -> dict[str, str]:
    """Return the body of ``convertPosition``; the side is that of the position. ``type`` is DAY or CARRYFORWARD [U]."""
    return {
        "exchange": instrument.exchange_code,
        "symboltoken": instrument.token,
        "oldproducttype": PRODUCT.encode(conversion.old),
        "newproducttype": PRODUCT.encode(conversion.new),
        "tradingsymbol": instrument.symbol,
        "transactiontype": SIDE.encode(conversion.side),
        "quantity": str(conversion.quantity),
        "type": "CARRYFORWARD" if conversion.overnight else "DAY",
    }


def order(row: Row, lookup: InstrumentLookup) -> BrokerOrder:
    """Return one row of the book; a status that is not in the table is kept verbatim with status None.

    ``orderstatus`` may be empty on a rejected row, so that ``status`` counts; a MARKET order comes back as LIMIT [SF].
    """
    exchange, symbol = row.word("exchange"), row.word("tradingsymbol")
    status = row.text("status") or row.word("orderstatus")
    quantity, filled = row.whole("quantity"), row.whole_or("filledshares")
    updated = row.moment("exchorderupdatetime") or row.moment("updatetime")
    return BrokerOrder(
        broker_order_id=row.word("orderid"),
        tag=row.text("ordertag"),
        status=with_fills(STATUS.find(status), filled, quantity),
        broker_status=status,
        exchange=exchange,
        symbol=symbol,
        listing=listing_of(lookup, BROKER, exchange, symbol, row.text("symboltoken")),
        side=SIDE.decode(row.word("transactiontype")),
        quantity=quantity,
        filled_quantity=filled,
        order_type=ORDER_TYPE.find(row.text("ordertype")),
        product=PRODUCT.find(row.text("producttype")),
        price=row.positive("price"),
        trigger_price=row.positive("triggerprice"),
        average_price=row.positive("averageprice"),
        cancelled_quantity=row.whole_or("cancelsize"),
        reason=row.text("text"),
        exchange_order_id=row.text("exchangeorderid") or None,
        placed_at=row.moment("exchtime") or updated,
        updated_at=updated,
        variety=VARIETY_READ.decode(row.word("variety")),
        validity=VALIDITY.find(row.text("duration")),
        parent_id=row.text("parentorderid") or None,
    )


def fill(row: Row, lookup: InstrumentLookup, now: datetime) -> BrokerFill:
    """Return one execution; its time has no date, so that it is of today in India."""
    exchange, symbol = row.word("exchange"), row.word("tradingsymbol")
    return BrokerFill(
        broker_order_id=row.word("orderid"),
        fill_id=row.word("fillid"),
        exchange=exchange,
        symbol=symbol,
        listing=listing_of(lookup, BROKER, exchange, symbol, row.text("symboltoken")),
        side=SIDE.decode(row.word("transactiontype")),
        product=PRODUCT.find(row.text("producttype")),
        quantity=row.whole("fillsize"),
        price=row.number("fillprice"),
        filled_at=_fill_time(row, now),
    )


def _fill_time(row: Row, now: datetime) -> datetime:
    text = row.word("filltime")
    if " " in text:
        moment = row.moment("filltime")
        return moment if moment is not None else now
    try:
        return ist(ist_date(now), time.fromisoformat(text))
    except ValueError as error:
        raise RowError(f"filltime: {error}") from None


def holding(row: Row, lookup: InstrumentLookup) -> Holding:
    """Return one holding. Settled and free shares are ``realisedquantity``; ``quantity`` counts them with T+1."""
    exchange, symbol = row.word("exchange"), row.word("tradingsymbol")
    t1 = row.whole_or("t1quantity")
    settled = row.maybe("realisedquantity")
    return Holding(
        listing=listing_of(lookup, BROKER, exchange, symbol, row.text("symboltoken")),
        symbol=symbol,
        exchange=exchange,
        isin=row.text("isin") or None,
        quantity=row.whole("realisedquantity") if settled is not None else row.whole("quantity") - t1,
        t1_quantity=t1,
        pledged_quantity=row.whole_or("collateralquantity"),
        average_price=row.number("averageprice"),
        last_price=row.number("ltp"),
        close_price=row.positive("close"),
        authorised_quantity=row.whole_or("authorisedquantity"),
        product=PRODUCT.find(row.text("product")),
    )


def position(row: Row, lookup: InstrumentLookup) -> Position:
    """Return one net position."""
    exchange, symbol = row.word("exchange"), row.word("tradingsymbol")
    return Position(
        listing=listing_of(lookup, BROKER, exchange, symbol, row.text("symboltoken")),
        symbol=symbol,
        exchange=exchange,
        product=PRODUCT.find(row.text("producttype")),
        quantity=row.whole("netqty"),
        overnight_quantity=row.whole_or("cfbuyqty") - row.whole_or("cfsellqty"),
        average_price=row.positive("avgnetprice") or row.positive("netprice") or ZERO,
        last_price=row.maybe("ltp") or ZERO,
        close_price=row.positive("close"),
        realised=row.maybe("realised") or ZERO,
        unrealised=row.maybe("unrealised") or ZERO,
        buy_quantity=row.whole_or("buyqty"),
        sell_quantity=row.whole_or("sellqty"),
        multiplier=max(1, row.whole_or("multiplier", 1)),
    )


def funds(row: Row) -> Funds:
    """Return the account's money; every number comes as a text."""
    net, used = row.number("net"), row.maybe("utiliseddebits")
    return Funds(
        available=net,
        used=used or ZERO,
        total=net + (used or ZERO),
        collateral=row.maybe("collateral"),
        m2m_unrealized=row.maybe("m2munrealized"),
        m2m_realized=row.maybe("m2mrealized"),
        utilised_debits=used,
        cash=row.maybe("availablecash"),
    )


def profile(row: Row) -> Profile:
    """Return who is logged in."""
    return Profile(
        client_id=row.word("clientcode"),
        name=row.text("name"),
        email=row.text("email"),
        exchanges=tuple(str(item) for item in row.items("exchanges")),
        products=tuple(str(item) for item in row.items("products")),
    )


def quote(row: Row, listing: str, asked_at: datetime) -> Quote:
    """Return one quote; `asked_at` stands in where SmartAPI gives no time."""
    depth = row.child("depth")
    return Quote(
        listing=listing,
        last_price=row.number("ltp"),
        at=row.moment("exchFeedTime") or row.moment("exchTradeTime") or asked_at,
        open=row.positive("open"),
        high=row.positive("high"),
        low=row.positive("low"),
        close=row.positive("close"),
        volume=row.whole_or("tradeVolume"),
        lower_circuit=row.positive("lowerCircuit"),
        upper_circuit=row.positive("upperCircuit"),
        open_interest=row.whole_or("opnInterest"),
        bids=_levels(depth, "buy"),
        asks=_levels(depth, "sell"),
    )


def _levels(depth: Row, side: str) -> tuple[Level, ...]:
    rows = [Row(item) for item in depth.items(side)]
    return tuple(
        Level(row.number("price"), row.whole("quantity"), row.whole_or("orders")) for row in rows if row.positive("price")
    )


def listed_quote(row: Row, names: Mapping[tuple[str, str], str], asked_at: datetime) -> Quote:
    """Return one quote of a list, whose rows are told apart by exchange and token."""
    key = row.word("exchange"), row.word("symbolToken")
    if key not in names:
        raise RowError(f"{key} was not asked for")
    return quote(row, names[key], asked_at)


def change_variety(variety: str, order_type: OrderType | None) -> str:
    """Return the variety under which an order of the book is changed: an AMO as NORMAL, or STOPLOSS with a trigger [SF]."""
    return variety_of(order_type or OrderType.LIMIT) if variety == "AMO" else variety
