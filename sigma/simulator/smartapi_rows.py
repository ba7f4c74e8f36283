"""Rows of SmartAPI's books (wire.md B2) with its mixture of types.

Prices of orders are numbers and their quantities text; positions, executions and funds are all text; holdings all numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal

from sigma.domain.instruments import CASH
from sigma.domain.money import ZERO, to_float
from sigma.domain.orders import Variety
from sigma.domain.times import to_ist
from sigma.simulator.exchange import HeldShares
from sigma.simulator.model import SimFill, SimFunds, SimOrder, SimPosition, State
from sigma.simulator.prices import DayPrices
from sigma.simulator.securities import Security
from sigma.simulator.smartapi_master import Directory, expiry_text, smart_name, smart_symbol, smart_token
from sigma.simulator.smartapi_wire import AMO, NORMAL, ORDER_TYPE_WORDS, PRODUCT_WORDS, STOPLOSS, stamp, status_word

RENDERED = "smartapi"
_HUNDRED = 100


def order_text(order: SimOrder, directory: Directory) -> str:
    """Return one book row as JSON text, kept with the order until the order changes."""
    if RENDERED not in order.rendered:
        order.rendered[RENDERED] = json.dumps(order_row(order, directory), separators=(",", ":"))
    return order.rendered[RENDERED]


def order_row(order: SimOrder, directory: Directory) -> dict[str, object]:
    """Return one row of getOrderBook."""
    security, rejected = order.security, order.state is State.REJECTED
    word = status_word(order)
    at_exchange = order.exchange_at is not None
    return {
        "algoID": "99999",
        "variety": _variety(order),
        "ordertype": ORDER_TYPE_WORDS[order.order_type],
        "producttype": PRODUCT_WORDS[order.product],
        "duration": order.validity.value,
        "price": to_float(order.price),
        "triggerprice": to_float(order.trigger_price),
        "quantity": str(order.quantity),
        "disclosedquantity": str(order.disclosed_quantity),
        "squareoff": 0.0,
        "stoploss": 0.0,
        "trailingstoploss": 0.0,
        "tradingsymbol": smart_symbol(security),
        "transactiontype": order.side.value,
        "exchange": security.exchange.value,
        "symboltoken": smart_token(security),
        "ordertag": order.wire_tag,
        "instrumenttype": directory.instrument_type(security),
        "strikeprice": -1.0 if security.strike is None else to_float(security.strike),
        "optiontype": _option_type(security),
        "expirydate": expiry_text(security.expiry),
        "lotsize": str(security.lot),
        "cancelsize": str(order.cancelled),
        "averageprice": _number(order.average_price, 4),
        "filledshares": str(order.filled),
        "unfilledshares": str(order.quantity - order.filled),
        "orderid": order.order_id,
        "text": order.message,
        "status": word,
        "orderstatus": "" if rejected else word,
        "updatetime": stamp(order.updated_at),
        "exchtime": stamp(order.exchange_at),
        "exchorderupdatetime": stamp(order.updated_at) if at_exchange else "",
        "fillid": "",
        "filltime": "",
        "parentorderid": "",
        "uniqueorderid": order.unique_id,
        "exchangeorderid": order.exchange_order_id or "",
    }


def trade_row(fill: SimFill, directory: Directory) -> dict[str, object]:
    """Return one row of getTradeBook; its time has no date."""
    security = fill.security
    return {
        "exchange": security.exchange.value,
        "producttype": PRODUCT_WORDS[fill.product],
        "tradingsymbol": smart_symbol(security),
        "symboltoken": smart_token(security),
        "instrumenttype": directory.instrument_type(security),
        "symbolgroup": _group(security),
        "strikeprice": _strike(security),
        "optiontype": _option_type(security),
        "expirydate": expiry_text(security.expiry),
        "marketlot": str(security.lot),
        "precision": "2",
        "multiplier": "-1",
        "tradevalue": _rupees(fill.price * fill.quantity),
        "transactiontype": fill.side.value,
        "fillprice": _rupees(fill.price),
        "fillsize": str(fill.quantity),
        "orderid": fill.order_id,
        "fillid": fill.fill_id,
        "filltime": f"{to_ist(fill.at):%H:%M:%S}",
    }


def holding_row(held: HeldShares) -> dict[str, object]:
    """Return one row of getHolding.

    `quantity` counts settled and T1 shares; pledged ones are in `collateralquantity` alone (wire.md leaves both open).
    """
    holding, last = held.holding, held.last_price
    security, owned = holding.security, held.quantity + held.t1 + holding.pledged
    gain = (last - holding.average_price) * owned
    return {
        "tradingsymbol": smart_symbol(security),
        "exchange": security.exchange.value,
        "isin": security.isin,
        "t1quantity": held.t1,
        "realisedquantity": held.quantity,
        "quantity": held.quantity + held.t1,
        "authorisedquantity": holding.authorised,
        "product": "DELIVERY",
        "collateralquantity": holding.pledged or None,
        "collateraltype": None,
        "haircut": 0,
        "averageprice": _number(holding.average_price, 4),
        "ltp": to_float(last),
        "symboltoken": smart_token(security),
        "close": to_float(held.close_price),
        "profitandloss": round(gain),
        "pnlpercentage": _percent(last - holding.average_price, holding.average_price),
    }


def total_row(holdings: Iterable[HeldShares]) -> dict[str, object]:
    """Return the sums of getAllHolding."""
    value = invested = ZERO
    for held in holdings:
        owned = held.quantity + held.t1 + held.holding.pledged
        value += held.last_price * owned
        invested += held.holding.average_price * owned
    return {
        "totalholdingvalue": round(value),
        "totalinvvalue": round(invested),
        "totalprofitandloss": _number(value - invested, 2),
        "totalpnlpercentage": _percent(value - invested, invested),
    }


def position_row(position: SimPosition, prices: DayPrices, directory: Directory) -> dict[str, str]:
    """Return one row of getPosition: every value text."""
    security, net = position.security, position.net
    carried_buy, carried_sell = max(0, position.overnight), max(0, -position.overnight)
    pnl = position.pnl(prices.last)
    return {
        "symboltoken": smart_token(security),
        "symbolname": smart_name(security),
        "instrumenttype": directory.instrument_type(security),
        "priceden": "1.00",
        "pricenum": "1.00",
        "genden": "1.00",
        "gennum": "1.00",
        "precision": "2",
        "multiplier": "-1",
        "boardlotsize": "1",
        "exchange": security.exchange.value,
        "producttype": PRODUCT_WORDS[position.product],
        "tradingsymbol": smart_symbol(security),
        "symbolgroup": _group(security),
        "strikeprice": _strike(security),
        "optiontype": _option_type(security),
        "expirydate": expiry_text(security.expiry),
        "lotsize": str(security.lot),
        "cfbuyqty": str(carried_buy),
        "cfsellqty": str(carried_sell),
        "cfbuyamount": _rupees(carried_buy * position.overnight_price),
        "cfsellamount": _rupees(carried_sell * position.overnight_price),
        "cfbuyavgprice": _rupees(position.overnight_price if carried_buy else ZERO),
        "cfsellavgprice": _rupees(position.overnight_price if carried_sell else ZERO),
        "buyqty": str(position.day_buy),
        "sellqty": str(position.day_sell),
        "buyamount": _rupees(position.day_buy_value),
        "sellamount": _rupees(position.day_sell_value),
        "buyavgprice": _rupees(_ratio(position.day_buy_value, position.day_buy)),
        "sellavgprice": _rupees(_ratio(position.day_sell_value, position.day_sell)),
        "totalbuyvalue": _rupees(position.buy_value),
        "totalsellvalue": _rupees(position.sell_value),
        "totalbuyavgprice": _rupees(position.buy_price),
        "totalsellavgprice": _rupees(position.sell_price),
        "avgnetprice": _rupees(position.average_price),
        "netprice": _rupees(position.average_price),
        "netqty": str(net),
        "netvalue": _rupees(position.sell_value - position.buy_value),
        "pnl": _rupees(pnl),
        "realised": _rupees(position.realised),
        "unrealised": _rupees(pnl - position.realised),
        "ltp": _rupees(prices.last),
        "close": _rupees(prices.close),
    }


def funds_row(funds: SimFunds) -> dict[str, str]:
    """Return getRMS: every value text. `availablecash` behaves as the net margin and `m2mrealized` stays 0 (wire.md B2)."""
    amounts = {
        "net": funds.net,
        "availablecash": funds.net,
        "availableintradaypayin": ZERO,
        "availablelimitmargin": ZERO,
        "collateral": funds.collateral,
        "m2munrealized": funds.unrealised,
        "m2mrealized": ZERO,
        "utiliseddebits": funds.used,
        "utilisedspan": funds.span,
        "utilisedoptionpremium": funds.option_premium,
        "utilisedholdingsales": funds.holding_sales,
        "utilisedexposure": funds.exposure,
        "utilisedturnover": funds.turnover,
        "utilisedpayout": ZERO,
    }
    return {name: f"{amount:.4f}" for name, amount in amounts.items()}


def _variety(order: SimOrder) -> str:
    if order.variety is Variety.AMO:
        return AMO
    return STOPLOSS if order.requested_type.has_trigger else NORMAL


def _group(security: Security) -> str:
    return (security.series or "EQ") if security.exchange in CASH else "XX"


def _option_type(security: Security) -> str:
    if not security.derivative:
        return ""
    return "XX" if security.option_type is None else security.option_type.value


def _strike(security: Security) -> str:
    return "-1" if security.strike is None else f"{security.strike:.1f}"


def _ratio(value: Decimal, quantity: int) -> Decimal:
    return value / quantity if quantity else ZERO


def _percent(part: Decimal, whole: Decimal) -> float:
    return _number(part / whole * _HUNDRED, 2) if whole else 0.0


def _number(value: Decimal, places: int) -> float:
    return to_float(round(value, places))


def _rupees(value: Decimal) -> str:
    return f"{round(value, 2) + ZERO:.2f}"
