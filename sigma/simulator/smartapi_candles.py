"""Candles and open interest at the SmartAPI door (wire.md B2 and G): rupees, stamped with their opening."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sigma.domain.times import IST
from sigma.simulator.candles import Candles
from sigma.simulator.exchange import Exchange
from sigma.simulator.smartapi_master import Directory
from sigma.simulator.smartapi_wire import SmartError

# interval: minutes (None: a day), longest span in days
INTERVALS: dict[str, tuple[int | None, int]] = {
    "ONE_MINUTE": (1, 30),
    "THREE_MINUTE": (3, 60),
    "FIVE_MINUTE": (5, 100),
    "TEN_MINUTE": (10, 100),
    "FIFTEEN_MINUTE": (15, 200),
    "THIRTY_MINUTE": (30, 200),
    "ONE_HOUR": (60, 400),
    "ONE_DAY": (None, 2000),
}
_FORM = "%Y-%m-%d %H:%M"


def candle_rows(exchange: Exchange, directory: Directory, body: Mapping[str, object]) -> list[list[object]]:
    """Return the data of getCandleData: ``[time, open, high, low, close, volume]``, oldest first.

    Raises
    ------
    SmartError
        AB1018 for an unknown token; AB1004 for an unknown interval, a time that is none, or too long a span.
    """
    rows = _candles(exchange, directory, body)
    columns = [rows[name].tolist() for name in ("open", "high", "low", "close", "volume")]
    return [list(row) for row in zip(_stamps(rows), *columns, strict=True)]


def interest_rows(exchange: Exchange, directory: Directory, body: Mapping[str, object]) -> list[dict[str, object]]:
    """Return the data of getOIData: ``{time, oi}``, oldest first; raises as `candle_rows`."""
    rows = _candles(exchange, directory, body)
    pairs = zip(_stamps(rows), rows["open_interest"].tolist(), strict=True)
    return [{"time": stamp, "oi": interest} for stamp, interest in pairs]


def _candles(exchange: Exchange, directory: Directory, body: Mapping[str, object]) -> Candles:
    security = directory.find(str(body.get("exchange", "")), str(body.get("symboltoken", "")))
    if security is None:
        raise SmartError("AB1018", "Failed to get symbol details")
    interval = str(body.get("interval", ""))
    if interval not in INTERVALS:
        raise SmartError("AB1004", "Invalid Interval")
    minutes, days = INTERVALS[interval]
    try:
        begin, end = (datetime.strptime(str(body.get(name, "")), _FORM).replace(tzinfo=IST) for name in ("fromdate", "todate"))
    except ValueError:
        raise SmartError("AB1004", "Invalid date format") from None
    if end < begin or (end - begin).days > days:
        raise SmartError("AB1004", f"The span must be positive and at most {days} days")
    return exchange.candles.candles(security, minutes, begin, end, exchange.catch_up())


def _stamps(rows: Candles) -> list[str]:
    return [f"{datetime.fromtimestamp(each, IST):%Y-%m-%dT%H:%M:%S}+05:30" for each in rows["opens_at"].tolist()]
