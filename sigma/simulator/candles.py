"""Candles of the price process: every second of a session at once, so that a year of minutes takes a second or two.

A session that was lived through is drawn as it was lived, with all that testers imposed. Sessions before the first day are
drawn backwards from its base prices, so that they end where it begins. Thinly traded securities (options, series other than
EQ) have minutes without a candle.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import date, datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from sigma.domain.calendar import Calendar
from sigma.domain.instruments import Kind
from sigma.domain.times import ist, ist_date
from sigma.simulator.prices import SESSION_SECONDS, YEAR_SECONDS, PriceProcess, Stretch, daily_sigma
from sigma.simulator.securities import Security
from sigma.simulator.walk import black_scholes_many, forward_many, mix, mix_many, walk, whole_walk

CANDLE = np.dtype(
    [
        ("opens_at", "<i8"),  # seconds since 1970 in UTC
        ("open", "<f8"),
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),
        ("volume", "<i8"),
        ("open_interest", "<i8"),
    ]
)
Candles = NDArray[np.void]
Floats = NDArray[np.float64]
_MINUTES = SESSION_SECONDS // 60
_KEPT_DAYS = 2_000
_TURNOVER = 2_000_000_000
_THIN_PART = 0.4


class CandleProcess:
    """Candles of every security at any time, as a broker's back office hands them out.

    Parameters
    ----------
    lock : lock
        That of the exchange: the price process is read under it.
    """

    def __init__(self, prices: PriceProcess, calendar: Calendar, lock: threading.RLock) -> None:
        self._prices, self._calendar, self._lock = prices, calendar, lock
        self._kept: OrderedDict[tuple[str, date], Candles] = OrderedDict()
        self._closes: dict[str, list[tuple[date, float]]] = {}

    def candles(self, security: Security, minutes: int | None, begin: datetime, end: datetime, now: datetime) -> Candles:
        """Return the candles that open from `begin` to `end` (both included), by `now`, oldest first.

        Parameters
        ----------
        minutes : int or None
            Their length; None for one of each day, which opens at midnight in India.
        """
        with self._lock:
            newest, second = self._prices.session(security, now)
            found = []
            for day in self._days(security, begin, min(end, now), newest):
                reached = second if day == newest else SESSION_SECONDS
                rows = self._minutes(security, day, now, reached)
                opening, _, midnight = self._bounds(security, day)
                found.append(_merged(rows, minutes, opening, midnight))
        rows = np.concatenate(found) if found else np.empty(0, CANDLE)
        keep = (rows["opens_at"] >= begin.timestamp()) & (rows["opens_at"] <= end.timestamp())
        return rows[keep]

    def _bounds(self, security: Security, day: date) -> tuple[int, int, int]:
        """Return a session's opening, its minutes, and the midnight in India before it; moments in seconds since 1970."""
        hours = self._calendar.hours(security.exchange, day)
        opens, closes, midnight = (int(ist(day, at).timestamp()) for at in (hours.opens, hours.closes, time()))
        return opens, min(_MINUTES, (closes - opens) // 60), midnight

    def _days(self, security: Security, begin: datetime, end: datetime, newest: date) -> list[date]:
        days, day, last = [], ist_date(begin), min(ist_date(end), newest)
        while day <= last:
            if self._calendar.is_session(security.exchange, day):
                days.append(day)
            day += timedelta(days=1)
        return days

    def _minutes(self, security: Security, day: date, now: datetime, reached: int) -> Candles:
        """Return the minutes of one session up to a second of it."""
        known = self._kept.get((security.listing, day)) if reached == SESSION_SECONDS else None
        if known is None:
            path = self._path(security, day, now)
            known = self._drawn(security, day, path, reached)
            if reached == SESSION_SECONDS and day < ist_date(now):
                self._kept[security.listing, day] = known
                if len(self._kept) > _KEPT_DAYS:
                    self._kept.popitem(last=False)
        return known

    def _drawn(self, security: Security, day: date, path: Floats, reached: int) -> Candles:
        opening, most, _ = self._bounds(security, day)
        count = min(reached // 60 + 1, most)
        path[reached + 1 :] = path[reached]
        seconds = path[: 60 * count].reshape(count, 60)
        rows = np.zeros(count, CANDLE)
        rows["opens_at"] = opening + 60 * np.arange(count)
        rows["open"], rows["close"] = seconds[:, 0], seconds[:, -1]
        rows["high"], rows["low"] = seconds.max(axis=1), seconds.min(axis=1)
        if count == most:
            last, end = rows[-1], path[60 * count]
            last["close"], last["high"], last["low"] = end, max(last["high"], end), min(last["low"], end)
        return rows[self._volumes(security, day, rows)]

    def _volumes(self, security: Security, day: date, rows: Candles) -> NDArray[np.bool_]:
        """Fill in volumes and open interest, and return which minutes had any execution."""
        if security.kind is Kind.INDEX:
            return np.ones(len(rows), dtype=bool)
        key = mix(self._prices.key(security, day) ^ mix(int.from_bytes(security.listing.encode(), "big")))
        drawn = mix_many(np.uint64(key) ^ np.arange(len(rows), dtype=np.uint64)) / 2.0**64
        daily = max(security.lot, int(_TURNOVER / float(rows["open"][0])))
        lots = np.maximum(1, (daily / _MINUTES * (0.25 + 1.5 * drawn) / security.lot).astype(np.int64))
        rows["volume"] = lots * security.lot
        if security.derivative:
            rows["open_interest"] = daily // 4 // security.lot * security.lot
        thin = security.kind is Kind.OPTION or security.series not in ("", "EQ", "A")
        return (drawn * 997.0 % 1.0 >= _THIN_PART) if thin else np.ones(len(rows), dtype=bool)

    # -- prices at each second of a session, in rupees --------------------------------------------------------------

    def _path(self, security: Security, day: date, now: datetime) -> Floats:
        stretches = self._prices.stretches(security, day, now)
        if security.derivative:
            plain = self._theory(security, day, self._path(self._prices.underlying(security), day, now))
            if not stretches:
                return _on_grid(security, plain)
        else:
            walked = whole_walk(self._prices.key(security, day))[: SESSION_SECONDS + 1]
            if not stretches:
                close = self._close(security, day, now)
                return _on_grid(security, close * np.exp(daily_sigma(security) * (walked - walked[SESSION_SECONDS])))
            plain = np.exp(daily_sigma(security) * walked)
        return self._lived(security, plain, stretches)

    def _lived(self, security: Security, plain: Floats, stretches: tuple[Stretch, ...]) -> Floats:
        """Return a session as it was lived, stretch by stretch."""
        path = np.empty(SESSION_SECONDS + 1)
        for stretch in stretches:
            part = slice(stretch.second, None)
            if stretch.held is not None:
                path[part] = float(stretch.held)
                continue
            base = 1.0 if security.derivative else float(stretch.close)
            lower, upper = self._prices.circuit(security, stretch.close)
            prices = _on_grid(security, base * plain[part] * stretch.factor)
            prices = prices if upper is None else np.minimum(prices, float(upper))
            path[part] = prices if lower is None else np.maximum(prices, float(lower))
        return path

    def _theory(self, security: Security, day: date, spots: Floats) -> Floats:
        left = self._prices.years_left(security, day, 0) * YEAR_SECONDS - np.arange(SESSION_SECONDS + 1)
        years = np.maximum(left, 0.0) / YEAR_SECONDS
        if security.kind is Kind.FUTURE or security.strike is None:
            return forward_many(spots, years)
        return black_scholes_many(spots, float(security.strike), years, call=security.option_type == "CE")

    def _close(self, security: Security, day: date, now: datetime) -> float:
        """Return the close of a session before the first one lived through, walked back to from the base price."""
        first = self._before(security, self._prices.begun(security, now))
        known = self._closes.setdefault(security.listing, [(first, float(security.base_price))])
        while known[-1][0] > day:
            last, close = known[-1]
            moved = walk(self._prices.key(security, last), SESSION_SECONDS)
            before = _on_grid(security, np.array([close * np.exp(-daily_sigma(security) * moved)]))
            known.append((self._before(security, last), float(before[0])))
        return next(close for each, close in reversed(known) if each == day)

    def _before(self, security: Security, day: date) -> date:
        for _ in range(30):
            day -= timedelta(days=1)
            if self._calendar.is_session(security.exchange, day):
                return day
        raise ValueError(f"no session within 30 days before {day}")


def _on_grid(security: Security, raw: Floats) -> Floats:
    tick = float(security.tick)
    prices: Floats = np.round(np.maximum(1.0, np.rint(raw / tick)) * tick, 4)
    return prices


def _merged(rows: Candles, minutes: int | None, opening: int, midnight: int) -> Candles:
    """Return the candles of a session merged into longer ones, each stamped with its opening."""
    if minutes == 1 or not len(rows):
        return rows
    places = np.zeros(len(rows), np.int64) if minutes is None else (rows["opens_at"] - opening) // (60 * minutes)
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    ends = np.append(starts[1:], len(rows)) - 1
    merged: Candles = rows[starts].copy()
    merged["opens_at"] = midnight if minutes is None else opening + places[starts] * 60 * minutes
    merged["high"], merged["low"] = np.maximum.reduceat(rows["high"], starts), np.minimum.reduceat(rows["low"], starts)
    merged["volume"] = np.add.reduceat(rows["volume"], starts)
    merged["close"], merged["open_interest"] = rows["close"][ends], rows["open_interest"][ends]
    return merged
