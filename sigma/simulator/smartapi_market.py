"""Prices and search at the SmartAPI door: getLtpData, the quote in its three modes, searchScrip (wire.md B2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from sigma.domain.market import Level
from sigma.domain.money import to_float
from sigma.simulator.depth import LEVELS
from sigma.simulator.exchange import Exchange, SimQuote
from sigma.simulator.prices import DayPrices, year_range
from sigma.simulator.securities import Security
from sigma.simulator.smartapi_master import Directory, smart_symbol, smart_token
from sigma.simulator.smartapi_wire import SmartError, stamp

MAX_TOKENS = 50
LTP, OHLC, FULL = "LTP", "OHLC", "FULL"


def ltp_data(exchange: Exchange, directory: Directory, body: Mapping[str, object]) -> dict[str, object]:
    """Return the data of getLtpData.

    Raises
    ------
    SmartError
        AB1018: no such token on that exchange.
    """
    security = directory.find(str(body.get("exchange", "")), str(body.get("symboltoken", "")))
    if security is None:
        raise SmartError("AB1018", "Failed to get symbol details")
    head = {
        "exchange": security.exchange.value,
        "tradingsymbol": smart_symbol(security),
        "symboltoken": smart_token(security),
    }
    return head | _prices(exchange.day_prices(security))


def quotes(exchange: Exchange, directory: Directory, body: Mapping[str, object]) -> dict[str, list[dict[str, object]]]:
    """Return the data of a market quote: what was found, and what was not with a reason each.

    Raises
    ------
    SmartError
        AB1018: an unknown mode, tokens that are no lists by exchange, or more than fifty of them.
    """
    mode, wanted = body.get("mode"), body.get("exchangeTokens")
    if mode not in (LTP, OHLC, FULL):
        raise SmartError("AB1018", f"Invalid mode {mode!r}")
    if not isinstance(wanted, dict) or not all(isinstance(tokens, list) for tokens in wanted.values()):
        raise SmartError("AB1018", "exchangeTokens must hold a list of tokens for each exchange")
    if sum(len(tokens) for tokens in wanted.values()) > MAX_TOKENS:
        raise SmartError("AB1018", f"Maximum {MAX_TOKENS} tokens are allowed in one request")
    fetched: list[dict[str, object]] = []
    unfetched: list[dict[str, object]] = []
    for segment, token in _pairs(wanted):
        security = directory.find(segment, token)
        if security is None:
            why = "Failed to get symbol details" if token else "Symbol token cannot be empty"
            code = "AB1018" if token else "AB4018"
            unfetched.append({"exchange": segment, "symbolToken": token, "message": why, "errorCode": code})
        else:
            fetched.append(_quote(exchange, security, str(mode)))
    return {"fetched": fetched, "unfetched": unfetched}


def search(directory: Directory, body: Mapping[str, object]) -> list[dict[str, str]]:
    """Return the data of searchScrip."""
    segment, text = str(body.get("exchange", "")), str(body.get("searchscrip", ""))
    return [
        {"exchange": segment, "tradingsymbol": smart_symbol(security), "symboltoken": smart_token(security)}
        for security in (directory.search(segment, text) if text else ())
    ]


def _pairs(wanted: Mapping[str, Sequence[object]]) -> Iterator[tuple[str, str]]:
    for segment, tokens in wanted.items():
        for token in tokens:
            yield segment, str(token)


def _quote(exchange: Exchange, security: Security, mode: str) -> dict[str, object]:
    row: dict[str, object] = {
        "exchange": security.exchange.value,
        "tradingSymbol": smart_symbol(security),
        "symbolToken": smart_token(security),
    }
    if mode == LTP:
        return row | {"ltp": to_float(exchange.last_price(security))}
    if mode == OHLC:
        return row | _prices(exchange.day_prices(security))
    return row | _full(exchange.quote(security))


def _prices(prices: DayPrices) -> dict[str, object]:
    return {
        "ltp": to_float(prices.last),
        "open": to_float(prices.open),
        "high": to_float(prices.high),
        "low": to_float(prices.low),
        "close": to_float(prices.close),
    }


def _full(quote: SimQuote) -> dict[str, object]:
    prices, security = quote.prices, quote.security
    change = prices.last - prices.close
    year_low, year_high = year_range(security, prices.close)
    return _prices(prices) | {
        "lastTradeQty": security.lot,
        "exchFeedTime": stamp(quote.at),
        "exchTradeTime": stamp(quote.at),
        "netChange": to_float(change),
        "percentChange": to_float(round(change / prices.close * 100, 2)),
        "avgPrice": to_float(quote.average_price),
        "tradeVolume": quote.volume,
        "opnInterest": quote.open_interest,
        "lowerCircuit": to_float(prices.lower or Decimal(0)),
        "upperCircuit": to_float(prices.upper or Decimal(0)),
        "totBuyQuan": sum(level.quantity for level in quote.bids),
        "totSellQuan": sum(level.quantity for level in quote.asks),
        "52WeekLow": to_float(min(prices.low, year_low)),
        "52WeekHigh": to_float(max(prices.high, year_high)),
        "depth": {"buy": _levels(quote.bids), "sell": _levels(quote.asks)},
    }


def _levels(levels: Sequence[Level]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = [
        {"price": to_float(level.price), "quantity": level.quantity, "orders": level.orders} for level in levels[:LEVELS]
    ]
    return rows + [{"price": 0.0, "quantity": 0, "orders": 0}] * (LEVELS - len(rows))
