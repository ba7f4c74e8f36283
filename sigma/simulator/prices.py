"""The price process: a random walk per security that is a pure function of seed, day and second.

A walk over a session is a Brownian path built by midpoint displacement from hashed noise, so a price at any second costs
fifteen small hashes, needs no thread and no history, and does not depend on who asked before. Futures and options follow
their index. Both listings of one ISIN share a walk.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b

from sigma.domain.calendar import Calendar
from sigma.domain.instruments import Kind, OptionType
from sigma.domain.money import RoundTo, round_to_tick
from sigma.domain.times import ist, ist_date
from sigma.simulator.securities import Security, Universe

SESSION_SECONDS = 22_500
_SPAN = 32_768
_SAMPLE = 512
_MASK = (1 << 64) - 1
_RATE, _VOLATILITY = 0.065, 0.13
_YEAR_SECONDS = 365 * 86_400
_DAILY_SIGMA = {Kind.EQUITY: 0.014, Kind.ETF: 0.008, Kind.INDEX: 0.007}


@dataclass(slots=True)
class _State:
    """What is remembered of one security: which session it is in, yesterday's close, and what a tester has imposed."""

    day: date
    key: int
    close: Decimal
    factor: float = 1.0
    held: Decimal | None = None
    open: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    sampled: int = 0
    cached: tuple[int, Decimal] | None = None


@dataclass(frozen=True, slots=True)
class DayPrices:
    """Prices of one security so far in its session, in rupees; `close` is the session before's."""

    last: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    lower: Decimal | None
    upper: Decimal | None
    seconds: int = field(default=0)


class PriceProcess:
    """Prices of every security at any moment of the exchange's clock.

    Parameters
    ----------
    start : date
        The first day; base prices of the table are the closes before it.
    """

    def __init__(self, universe: Universe, calendar: Calendar, seed: int, start: date) -> None:
        self._universe = universe
        self._calendar = calendar
        self._seed = seed
        self._start = start
        self._states: dict[str, _State] = {}
        self._closes: dict[tuple[str, date], Decimal] = {}

    def last(self, security: Security, now: datetime) -> Decimal:
        """Return the last price in rupees at `now`; outside the session that of the session before."""
        state, second = self._at(security, now)
        return self._price(security, state, second)

    def day(self, security: Security, now: datetime) -> DayPrices:
        """Return open, high, low, last and yesterday's close at `now`, with the circuit limits."""
        state, second = self._at(security, now)
        last = self._price(security, state, second)
        if state.open is None:
            state.open = self._price(security, state, 0)
            state.high = state.low = state.open
        while state.sampled + _SAMPLE <= second:
            state.sampled += _SAMPLE
            self._price(security, state, state.sampled)
        lower, upper = self._limits(security, state)
        high, low = state.high or last, state.low or last
        return DayPrices(last, state.open, max(high, last), min(low, last), state.close, lower, upper, second)

    def limits(self, security: Security, now: datetime) -> tuple[Decimal | None, Decimal | None]:
        """Return lower and upper circuit limit in rupees; None where there is none (indices)."""
        state, _ = self._at(security, now)
        return self._limits(security, state)

    def impose(self, security: Security, price: Decimal, now: datetime, *, hold: bool, rebase: bool = False) -> None:
        """Move the price to `price` rupees now, and keep it there when `hold`; `rebase` moves yesterday's close too.

        Raises
        ------
        ValueError
            The price is off the tick grid or outside the circuit limits.
        """
        state, second = self._at(security, now)
        if price <= 0 or price % security.tick:
            raise ValueError(f"{price} is no price of {security.listing}: its tick is {security.tick} rupees")
        if rebase:
            state.close, state.open = price, None
        lower, upper = self._limits(security, state)
        if (lower is not None and price < lower) or (upper is not None and price > upper):
            raise ValueError(f'{price} is outside the circuit of {security.listing} ({lower} to {upper}); send "rebase": true')
        state.held, state.factor, state.cached = None, 1.0, None
        state.factor = self._factor(security, state, second, price)
        state.held = price if hold else None

    def release(self, security: Security, now: datetime) -> None:
        """Let a held price walk on from where it is."""
        state, second = self._at(security, now)
        if state.held is not None:
            held, state.held, state.cached = state.held, None, None
            state.factor = 1.0
            state.factor = self._factor(security, state, second, held)

    def noise(self, security: Security, now: datetime, salt: int) -> int:
        """Return 64 hashed bits that stay the same within one second (used for the depth)."""
        state, second = self._at(security, now)
        return _mix(state.key ^ (salt << 40) ^ second)

    def session(self, security: Security, now: datetime) -> tuple[date, int]:
        """Return the session whose prices show at `now` (the latest that has opened), and the second in it."""
        day = ist_date(now)
        opening = ist(day, self._calendar.hours(security.exchange).opens)
        if not self._calendar.is_session(security.exchange, day) or now < opening:
            day = self._previous(security, day)
            return day, SESSION_SECONDS
        return day, min(int((now - opening).total_seconds()), SESSION_SECONDS)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _previous(self, security: Security, day: date) -> date:
        for _ in range(30):
            day -= timedelta(days=1)
            if self._calendar.is_session(security.exchange, day):
                return day
        raise ValueError(f"no session within 30 days before {day}")

    def _at(self, security: Security, now: datetime) -> tuple[_State, int]:
        day, second = self.session(security, now)
        state = self._states.get(security.listing)
        if state is None:
            state = self._states[security.listing] = self._begin(security, day)
        while state.day < day:
            self._next_day(security, state)
        return state, second

    def _begin(self, security: Security, day: date) -> _State:
        if security.derivative:
            spot = float(self._spot_before(security, day))
            close = self._theory(security, spot, self._previous(security, day), SESSION_SECONDS)
            return _State(day, self._key(security, day), self._grid(security, close))
        first = min(day, self._start)
        return _State(first, self._key(security, first), security.base_price)

    def _next_day(self, security: Security, state: _State) -> None:
        state.close = self._price(security, state, SESSION_SECONDS)
        if security.kind is Kind.INDEX:
            self._closes[security.listing, state.day] = state.close
        state.day = self._calendar.next_session(security.exchange, state.day)
        state.key = self._key(security, state.day)
        state.factor, state.open, state.high, state.low, state.sampled, state.cached = 1.0, None, None, None, 0, None

    def _key(self, security: Security, day: date) -> int:
        text = f"{self._seed}:{security.isin or security.listing}:{day.isoformat()}".encode()
        return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")

    def _price(self, security: Security, state: _State, second: int) -> Decimal:
        if state.cached is not None and state.cached[0] == second:
            return state.cached[1]
        price = state.held if state.held is not None else self._clamped(security, state, self._raw(security, state, second))
        state.cached = (second, price)
        state.high = price if state.high is None else max(state.high, price)
        state.low = price if state.low is None else min(state.low, price)
        return price

    def _raw(self, security: Security, state: _State, second: int) -> float:
        if security.derivative:
            spot = self._spot_at(self._underlying(security), state.day, second)
            return self._theory(security, float(spot), state.day, second) * state.factor
        sigma = 0.05 if security.symbol == "INDIA VIX" else _DAILY_SIGMA[security.kind]
        return float(state.close) * math.exp(sigma * _walk(state.key, second)) * state.factor

    def _factor(self, security: Security, state: _State, second: int, price: Decimal) -> float:
        """Return what moves the walk to `price` at this second; a worthless option has no walk to move."""
        raw = self._raw(security, state, second)
        return float(price) / raw if raw > 0 else 1.0

    def _underlying(self, security: Security) -> Security:
        underlying = self._universe.get(security.underlying or "")
        if underlying is None:
            raise ValueError(f"{security.listing} has no underlying in the table")
        return underlying

    def _spot_at(self, underlying: Security, day: date, second: int) -> Decimal:
        past = self._closes.get((underlying.listing, day))
        if past is not None:
            return past
        return self.last(underlying, ist(day, self._calendar.hours(underlying.exchange).opens) + timedelta(seconds=second))

    def _spot_before(self, security: Security, day: date) -> Decimal:
        underlying = self._underlying(security)
        state, _ = self._at(underlying, ist(day, self._calendar.hours(underlying.exchange).opens))
        return state.close

    def _theory(self, security: Security, spot: float, day: date, second: int) -> float:
        if security.expiry is None:
            raise ValueError(f"{security.listing} is a derivative without expiry")
        now = ist(day, self._calendar.hours(security.exchange).opens) + timedelta(seconds=second)
        end = ist(security.expiry, self._calendar.hours(security.exchange).closes)
        years = max((end - now).total_seconds(), 0.0) / _YEAR_SECONDS
        if security.kind is Kind.FUTURE or security.strike is None:
            return spot * (1 + _RATE * years)
        return _black_scholes(spot, float(security.strike), years, call=security.option_type is OptionType.CALL)

    def _clamped(self, security: Security, state: _State, raw: float) -> Decimal:
        price = self._grid(security, raw)
        lower, upper = self._limits(security, state)
        if lower is not None and price < lower:
            return lower
        return upper if upper is not None and price > upper else price

    def _grid(self, security: Security, raw: float) -> Decimal:
        return max(1, round(raw / float(security.tick))) * security.tick

    def _limits(self, security: Security, state: _State) -> tuple[Decimal | None, Decimal | None]:
        if security.kind is Kind.INDEX:
            return None, None
        if security.kind is Kind.OPTION:
            room = state.close * 2 + self._underlying(security).base_price / 10
            return security.tick, round_to_tick(room, security.tick, RoundTo.DOWN)
        lower = round_to_tick(state.close * (1 - security.band), security.tick, RoundTo.UP)
        return max(lower, security.tick), round_to_tick(state.close * (1 + security.band), security.tick, RoundTo.DOWN)


def _mix(value: int) -> int:
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def _gauss(key: int, place: int) -> float:
    """Return a nearly normal number (four uniform sixteenth-bit words summed) for a place of a path."""
    bits = _mix(key ^ (place * 0xD1B54A32D192ED03 & _MASK))
    total = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48)
    return (total / 65_536 - 2.0) * 1.7320508


def _walk(key: int, second: int) -> float:
    """Return the Brownian path of `key` at `second`: about one unit of standard deviation over a session."""
    low, high = 0, _SPAN
    at_low = 0.2 * _gauss(key, _SPAN + 1)
    at_high = at_low + 1.2 * _gauss(key, _SPAN)
    while high - low > 1:
        middle = (low + high) // 2
        spread = 0.6 * math.sqrt((high - low) / _SPAN)
        at_middle = (at_low + at_high) / 2 + spread * _gauss(key, middle)
        if second < middle:
            high, at_high = middle, at_middle
        else:
            low, at_low = middle, at_middle
        if second == low:
            break
    return at_low


def _black_scholes(spot: float, strike: float, years: float, *, call: bool) -> float:
    """Return the price of a European option in rupees at a flat volatility."""
    if years <= 0:
        return max(spot - strike, 0.0) if call else max(strike - spot, 0.0)
    deviation = _VOLATILITY * math.sqrt(years)
    d1 = (math.log(spot / strike) + (_RATE + _VOLATILITY**2 / 2) * years) / deviation
    discounted = strike * math.exp(-_RATE * years)
    call_price = spot * _normal(d1) - discounted * _normal(d1 - deviation)
    return call_price if call else call_price - spot + discounted


def _normal(value: float) -> float:
    return 0.5 * (1 + math.erf(value / math.sqrt(2)))
