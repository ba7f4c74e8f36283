"""Rows of Kite's lists (wire.md B1), with the type quirks of the real ones (I.6)."""

from __future__ import annotations

import json
from decimal import Decimal
from hashlib import sha256

from sigma.domain.instruments import Kind
from sigma.domain.orders import OrderType, Variety
from sigma.simulator.exchange import HeldShares, SimQuote
from sigma.simulator.kite_master import instrument_token
from sigma.simulator.kite_wire import clock_time, number, rounded, stamp
from sigma.simulator.model import SimFill, SimFunds, SimOrder, SimPosition, State
from sigma.simulator.prices import DayPrices
from sigma.simulator.securities import Security

STATUS = {
    State.RECEIVED: "PUT ORDER REQ RECEIVED",
    State.AMO_RECEIVED: "AMO REQ RECEIVED",
    State.VALIDATING: "VALIDATION PENDING",
    State.OPENING: "OPEN PENDING",
    State.OPEN: "OPEN",
    State.TRIGGER_PENDING: "TRIGGER PENDING",
    State.MODIFY_VALIDATING: "MODIFY VALIDATION PENDING",
    State.MODIFYING: "MODIFY PENDING",
    State.MODIFIED: "MODIFIED",
    State.CANCELLING: "CANCEL PENDING",
    State.COMPLETE: "COMPLETE",
    State.CANCELLED: "CANCELLED",
    State.REJECTED: "REJECTED",
}

_UNPRICED = frozenset({OrderType.MARKET, OrderType.SL_M})


def order_text(order: SimOrder) -> str:
    """Return one row of the order book as JSON text; kept with the look, which does not change any more."""
    text = order.rendered.get("kite")
    if text is None:
        text = order.rendered["kite"] = json.dumps(order_row(order), separators=(",", ":"))
    return text


def order_row(order: SimOrder) -> dict[str, object]:
    """Return one row of the order book or of an order's history.

    Exchange ids and times are null before the exchange has the order; a cancelled row keeps its `pending_quantity` [M];
    `tags` is only there with a tag [M].
    """
    known = order.exchange_at is not None
    final = order.state in (State.COMPLETE, State.REJECTED)
    row: dict[str, object] = {
        "placed_by": order.client_id,
        "order_id": order.order_id,
        "exchange_order_id": order.exchange_order_id,
        "parent_order_id": None,
        "status": STATUS[order.state],
        "status_message": order.message or None,
        "status_message_raw": order.message or None,
        "order_timestamp": stamp(order.updated_at if order.state.final else order.placed_at),
        "exchange_update_timestamp": stamp(order.updated_at) if known else None,
        "exchange_timestamp": stamp(order.exchange_at) if order.exchange_at is not None else None,
        "variety": "amo" if order.variety is Variety.AMO else "regular",
        "modified": order.modifications > 0,
        "exchange": order.security.exchange.value,
        "tradingsymbol": order.security.symbol,
        "instrument_token": instrument_token(order.security),
        "order_type": order.order_type.value,
        "transaction_type": order.side.value,
        "validity": order.validity.value,
        "validity_ttl": 0,
        "product": order.product.value,
        "quantity": order.quantity,
        "disclosed_quantity": order.disclosed_quantity,
        "price": number(order.price),
        "trigger_price": number(order.trigger_price),
        "average_price": rounded(order.average_price),
        "filled_quantity": order.filled,
        "pending_quantity": 0 if final else order.quantity - order.filled,
        "cancelled_quantity": order.cancelled,
        "market_protection": number(order.market_protection) if order.order_type in _UNPRICED else 0,
        "meta": {},
        "tag": order.wire_tag or None,
    }
    if order.wire_tag:
        row["tags"] = [order.wire_tag]
    row["guid"] = f"{order.request_ns % 1_000_000}X{order.unique_id[:12].replace('-', '')}"
    return row


def fill_row(fill: SimFill) -> dict[str, object]:
    """Return one execution; `order_timestamp` is a time of day only [M]."""
    return {
        "trade_id": fill.fill_id,
        "order_id": fill.order_id,
        "exchange_order_id": fill.exchange_order_id,
        "exchange": fill.security.exchange.value,
        "tradingsymbol": fill.security.symbol,
        "instrument_token": instrument_token(fill.security),
        "product": fill.product.value,
        "transaction_type": fill.side.value,
        "average_price": number(fill.price),
        "quantity": fill.quantity,
        "fill_timestamp": stamp(fill.at),
        "exchange_timestamp": stamp(fill.at),
        "order_timestamp": clock_time(fill.ordered_at),
    }


def holding_row(held: HeldShares, today: str) -> dict[str, object]:
    """Return one holding; `quantity` is what is settled and free, T1 and pledged shares apart [M]."""
    holding, security = held.holding, held.holding.security
    change = held.last_price - held.close_price
    owned = held.quantity + held.t1 + holding.pledged
    return {
        "tradingsymbol": security.symbol,
        "exchange": security.exchange.value,
        "instrument_token": instrument_token(security),
        "isin": security.isin,
        "product": "CNC",
        "price": 0,
        "quantity": held.quantity,
        "used_quantity": held.used,
        "t1_quantity": held.t1,
        "realised_quantity": holding.quantity,
        "authorised_quantity": holding.authorised,
        "authorised_date": f"{today} 00:00:00",
        "authorisation": {},
        "opening_quantity": holding.quantity + holding.t1,
        "short_quantity": 0,
        "collateral_quantity": holding.pledged,
        "collateral_type": "stock" if holding.pledged else "",
        "discrepancy": False,
        "average_price": rounded(holding.average_price),
        "last_price": number(held.last_price),
        "close_price": number(held.close_price),
        "pnl": float(held.last_price - holding.average_price) * owned,
        "day_change": float(change),
        "day_change_percentage": float(change / held.close_price * 100) if held.close_price else 0,
        "mtf": {"quantity": 0, "used_quantity": 0, "average_price": 0, "value": 0, "initial_margin": 0},
    }


def position_row(position: SimPosition, day: DayPrices) -> dict[str, object]:
    """Return one position, net view. As in the real rows the whole profit shows as `unrealised` [M]."""
    last = day.last
    pnl = position.pnl(last)
    overnight_value = position.overnight * (position.close_price if position.overnight else Decimal(0))
    m2m = position.day_sell_value - position.day_buy_value + position.net * last - overnight_value
    carried_buy, carried_sell = max(0, position.overnight), max(0, -position.overnight)
    return {
        "tradingsymbol": position.security.symbol,
        "exchange": position.security.exchange.value,
        "instrument_token": instrument_token(position.security),
        "product": position.product.value,
        "quantity": position.net,
        "overnight_quantity": position.overnight,
        "multiplier": 1,
        "average_price": rounded(position.average_price),
        "close_price": number(position.close_price if position.overnight else 0),
        "last_price": number(last),
        "value": rounded(position.sell_value - position.buy_value),
        "pnl": rounded(pnl),
        "m2m": rounded(m2m),
        "unrealised": rounded(pnl),
        "realised": 0,
        "buy_quantity": position.buy_quantity,
        "buy_price": rounded(position.buy_price),
        "buy_value": rounded(position.buy_value),
        "buy_m2m": rounded(position.day_buy_value + carried_buy * position.close_price),
        "sell_quantity": position.sell_quantity,
        "sell_price": rounded(position.sell_price),
        "sell_value": rounded(position.sell_value),
        "sell_m2m": rounded(position.day_sell_value + carried_sell * position.close_price),
        "day_buy_quantity": position.day_buy,
        "day_buy_price": rounded(position.day_buy_value / position.day_buy) if position.day_buy else 0,
        "day_buy_value": rounded(position.day_buy_value),
        "day_sell_quantity": position.day_sell,
        "day_sell_price": rounded(position.day_sell_value / position.day_sell) if position.day_sell else 0,
        "day_sell_value": rounded(position.day_sell_value),
    }


def margins(funds: SimFunds) -> dict[str, object]:
    """Return the equity segment of the funds."""
    return {
        "enabled": True,
        "net": rounded(funds.net, 4),
        "available": {
            "adhoc_margin": 0,
            "cash": rounded(funds.cash, 4),
            "opening_balance": rounded(funds.cash, 4),
            "live_balance": rounded(funds.net - funds.collateral, 4),
            "collateral": rounded(funds.collateral, 4),
            "intraday_payin": 0,
        },
        "utilised": {
            "debits": rounded(funds.used, 4),
            "exposure": rounded(funds.exposure, 4),
            "m2m_realised": rounded(funds.realised, 4),
            "m2m_unrealised": rounded(funds.unrealised, 4),
            "option_premium": rounded(funds.option_premium, 4),
            "payout": 0,
            "span": rounded(funds.span, 4),
            "holding_sales": rounded(funds.holding_sales, 4),
            "turnover": rounded(funds.turnover, 4),
            "liquid_collateral": 0,
            "stock_collateral": rounded(funds.collateral, 4),
            "delivery": rounded(funds.delivery, 4),
        },
    }


def no_margins() -> dict[str, object]:
    """Return the commodity segment, which these accounts do not have."""
    empty = margins(SimFunds(*(Decimal(0),) * 13))
    return {**empty, "enabled": False}


def quote_full(quote: SimQuote) -> dict[str, object]:
    """Return a full quote; depth always has five levels a side, empty ones as zeros."""
    day, moment = quote.prices, stamp(quote.at)
    index = quote.security.kind is Kind.INDEX
    row: dict[str, object] = {
        "instrument_token": instrument_token(quote.security),
        "timestamp": moment,
        "last_price": number(day.last),
        "net_change": float(day.last - day.close),
        "ohlc": _ohlc(day),
    }
    if index:
        return row
    sides = {"buy": quote.bids, "sell": quote.asks}
    padded = {
        side: [{"price": number(level.price), "quantity": level.quantity, "orders": level.orders} for level in levels]
        + [{"price": 0, "quantity": 0, "orders": 0}] * (5 - len(levels))
        for side, levels in sides.items()
    }
    row |= {
        "last_trade_time": moment,
        "last_quantity": quote.security.lot,
        "buy_quantity": sum(level.quantity for level in quote.bids),
        "sell_quantity": sum(level.quantity for level in quote.asks),
        "volume": quote.volume,
        "average_price": number(quote.average_price),
        "oi": quote.open_interest,
        "oi_day_high": quote.open_interest,
        "oi_day_low": quote.open_interest,
        "lower_circuit_limit": number(day.lower or 0),
        "upper_circuit_limit": number(day.upper or 0),
        "depth": padded,
    }
    return row


def quote_ohlc(security: Security, day: DayPrices) -> dict[str, object]:
    """Return a quote of token, last price and the day's four prices."""
    return {**quote_ltp(security, day), "ohlc": _ohlc(day)}


def quote_ltp(security: Security, day: DayPrices) -> dict[str, object]:
    """Return a quote of token and last price."""
    return {"instrument_token": instrument_token(security), "last_price": number(day.last)}


def _ohlc(day: DayPrices) -> dict[str, object]:
    return {"open": number(day.open), "high": number(day.high), "low": number(day.low), "close": number(day.close)}


def short_hash(text: str) -> str:
    """Return 32 characters that look like a token and are none."""
    return sha256(text.encode()).hexdigest()[:32]
