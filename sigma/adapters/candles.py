"""Candles as brokers list them ([time of the opening, open, high, low, close, volume, maybe open interest]), made into bars.

A bar is stamped here with its opening plus its length, a day's with the midnight that ends the day: adapters know no
sessions. `sigma.engines.bars.clip` puts the close of the session in place (15:30 for the quarter past three's hour).
"""

from __future__ import annotations

import logging
import math
from datetime import UTC, datetime, time, timedelta

import numpy as np

from sigma.adapters.rows import RowError
from sigma.domain.accounts import Capabilities
from sigma.domain.bars import BAR, Bars
from sigma.domain.errors import BrokerUnavailable, Unsupported
from sigma.domain.market import Timeframe
from sigma.domain.times import ist, ist_date, to_ist

logger = logging.getLogger(__name__)
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)


def window(can: Capabilities, timeframe: Timeframe, start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """Return first and last opening (Indian clock, whole seconds) of the bars that close after `start` and open before `end`.

    Raises
    ------
    Unsupported
        The broker has no such bars, or gives them for shorter spans only.
    """
    days = can.history_days.get(timeframe)
    if days is None:
        has = ", ".join(can.history_days) or "none"
        raise Unsupported(f"{can.title} gives no bars of {timeframe}.", hint=f"It gives: {has}.")
    if end - start > timedelta(days=days):
        raise Unsupported(f"{can.title} gives bars of {timeframe} for {days} days at once.", hint="Ask in parts.")
    last = to_ist(end - _MICROSECOND).replace(microsecond=0)
    if timeframe.minutes is None:
        return to_ist(ist(ist_date(start), time())), last
    first = to_ist(start - timedelta(minutes=timeframe.minutes)).replace(microsecond=0) + _SECOND
    return first, last


def read_candles(title: str, data: object, timeframe: Timeframe) -> Bars:
    """Return a broker's list as bars, oldest first; unreadable rows are left out and logged.

    Raises
    ------
    BrokerUnavailable
        It is no list.
    """
    if data is None or data == "":
        data = []
    if not isinstance(data, list):
        raise BrokerUnavailable(f"{title}'s list of bars came as {type(data).__name__}, not as a list.", hint="Try again.")
    rows, bad = [], []
    for item in data:
        try:
            rows.append(_bar(item, timeframe))
        except (ValueError, TypeError, ArithmeticError) as error:
            bad.append(f"{item!r:.120}: {error}")
    if bad:
        logger.warning("%s: %d unreadable bars, the first: %s", title, len(bad), bad[0])
    bars = np.array(rows, BAR)
    bars.sort(order="at", kind="stable")
    return bars


def _bar(item: object, timeframe: Timeframe) -> tuple[int, float, float, float, float, int, int]:
    if not isinstance(item, list) or len(item) not in (6, 7):
        raise RowError("is no row of six or seven")
    opened = datetime.fromisoformat(item[0])
    prices = [float(each) for each in item[1:5]]
    if opened.tzinfo is None or not all(math.isfinite(each) for each in prices):
        raise RowError("has no zone, or no number for a price")
    if not (prices[2] <= min(prices[0], prices[3]) and max(prices[0], prices[3]) <= prices[1]):
        raise RowError("its high is not the highest, or its low not the lowest")
    closed = opened + (timedelta(days=1) if timeframe.minutes is None else timedelta(minutes=timeframe.minutes))
    interest = int(item[6]) if len(item) == 7 else -1
    return ((closed - _EPOCH) // _MICROSECOND, prices[0], prices[1], prices[2], prices[3], int(item[5]), interest)
