"""Candles at the Kite door (wire.md B1 and G): stamped with their opening, spans limited by interval."""

from __future__ import annotations

from datetime import datetime

from sigma.domain.times import IST
from sigma.simulator.candles import Candles
from sigma.simulator.exchange import Exchange
from sigma.simulator.http import Request, Response
from sigma.simulator.kite_wire import KiteError, success
from sigma.simulator.securities import Security

# interval: minutes (None: a day), longest span in days
INTERVALS: dict[str, tuple[int | None, int]] = {
    "minute": (1, 60),
    "3minute": (3, 100),
    "5minute": (5, 100),
    "10minute": (10, 100),
    "15minute": (15, 200),
    "30minute": (30, 200),
    "60minute": (60, 400),
    "day": (None, 2000),
}
_FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d")


def candles(exchange: Exchange, security: Security | None, interval: str, request: Request) -> Response:
    """Answer a request for candles.

    Raises
    ------
    KiteError
        An unknown instrument or interval, a time that is none, or a span longer than the interval allows.
    """
    if security is None:
        raise KiteError(400, "InputException", "invalid token")
    if interval not in INTERVALS:
        raise KiteError(400, "InputException", "invalid interval")
    minutes, days = INTERVALS[interval]
    begin, end = _moment(request, "from"), _moment(request, "to")
    if end < begin:
        raise KiteError(400, "InputException", "from date cannot be after to date")
    if (end - begin).days > days:
        raise KiteError(400, "InputException", f"interval exceeds max limit: {days} days")
    rows = exchange.candles.candles(security, minutes, begin, end, exchange.catch_up())
    return success({"candles": _rows(rows, interest=request.argument("oi") == "1")})


def _moment(request: Request, name: str) -> datetime:
    text = request.argument(name)
    for form in _FORMS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=IST)
        except ValueError:
            continue
    raise KiteError(400, "InputException", f"invalid {name} date")


def _rows(rows: Candles, *, interest: bool) -> list[list[object]]:
    stamps = _stamps(rows["opens_at"].tolist())
    prices = [rows[name].tolist() for name in ("open", "high", "low", "close", "volume")]
    columns = [stamps, *prices, *([rows["open_interest"].tolist()] if interest else [])]
    return [list(row) for row in zip(*columns, strict=True)]


def _stamps(seconds: list[int]) -> list[str]:
    return [f"{datetime.fromtimestamp(each, IST):%Y-%m-%dT%H:%M:%S}+0530" for each in seconds]
