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
from sigma.simulator.walk import black_scholes, forward, mix, walk

SESSION_SECONDS = 22_500
SAMPLE = 512
YEAR_SECONDS = 365 * 86_400
_YEAR = Decimal("0.72"), Decimal("1.31")
_DAILY_SIGMA = {Kind.EQUITY: 0.014, Kind.ETF: 0.008, Kind.INDEX: 0.007}


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `second` of a session on, the price is the walk from `close` times `factor`, or what a tester `held` it at."""

    second: int
    close: Decimal
    factor: float = 1.0
    held: Decimal | None = None


@dataclass(slots=True)
class PriceState:
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
    stretches: list[Stretch] = field(default_factory=list)
    begun: date = date.max


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
        self._states: dict[str, PriceState] = {}
        self._closes: dict[tuple[str, date], Decimal] = {}
        self._past: dict[tuple[str, date], tuple[Stretch, ...]] = {}
        self.touched: set[str] = set()
        """Listings whose state has changed since the tape looked last; the tape empties it."""

    def last(self, security: Security, now: datetime) -> Decimal:
        """Return the last price in rupees at `now`; outside the session that of the session before."""
        state, second = self.state_at(security, now)
        return self._price(security, state, second)

    def day(self, security: Security, now: datetime) -> DayPrices:
        """Return open, high, low, last and yesterday's close at `now`, with the circuit limits."""
        state, second = self.state_at(security, now)
        if state.open is None:
            self.touched.add(security.listing)
            state.open = self._price(security, state, 0)
        while state.sampled + SAMPLE <= second:
            self.touched.add(security.listing)
            state.sampled += SAMPLE
            self._price(security, state, state.sampled)
        last = self._price(security, state, second)
        lower, upper = self.circuit(security, state.close)
        return DayPrices(last, state.open, state.high or last, state.low or last, state.close, lower, upper, second)

    def limits(self, security: Security, now: datetime) -> tuple[Decimal | None, Decimal | None]:
        """Return lower and upper circuit limit in rupees; None where there is none (indices)."""
        state, _ = self.state_at(security, now)
        return self.circuit(security, state.close)

    def impose(self, security: Security, price: Decimal, now: datetime, *, hold: bool, rebase: bool = False) -> None:
        """Move the price to `price` rupees now, and keep it there when `hold`; `rebase` moves yesterday's close too.

        Raises
        ------
        ValueError
            The price is off the tick grid or outside the circuit limits.
        """
        state, second = self.state_at(security, now)
        if price <= 0 or price % security.tick:
            raise ValueError(f"{price} is no price of {security.listing}: its tick is {security.tick} rupees")
        if rebase:
            state.close, state.open, state.high, state.low = price, None, None, None
        lower, upper = self.circuit(security, state.close)
        if (lower is not None and price < lower) or (upper is not None and price > upper):
            raise ValueError(f'{price} is outside the circuit of {security.listing} ({lower} to {upper}); send "rebase": true')
        state.held, state.factor, state.cached = None, 1.0, None
        state.factor = self._factor(security, state, second, price)
        state.held = price if hold else None
        self.touched.add(security.listing)
        state.stretches.append(Stretch(second, state.close, state.factor, state.held))

    def release(self, security: Security, now: datetime) -> None:
        """Let a held price walk on from where it is."""
        state, second = self.state_at(security, now)
        if state.held is not None:
            held, state.held, state.cached = state.held, None, None
            state.factor = 1.0
            state.factor = self._factor(security, state, second, held)
            self.touched.add(security.listing)
            state.stretches.append(Stretch(second, state.close, state.factor))

    def trait(self, security: Security, now: datetime, salt: int) -> int:
        """Return 64 hashed bits that stay the same within one session."""
        state, _ = self.state_at(security, now)
        return mix(state.key ^ (salt << 40))

    def noise(self, security: Security, now: datetime, salt: int) -> int:
        """Return 64 hashed bits that stay the same within one second (used for the depth)."""
        state, second = self.state_at(security, now)
        return mix(state.key ^ (salt << 40) ^ second)

    def stretches(self, security: Security, day: date, now: datetime) -> tuple[Stretch, ...]:
        """Return what the price of a session was made of, as lived by `now`; empty for one that was never lived through."""
        state, _ = self.state_at(security, now)
        return tuple(state.stretches) if state.day == day else self._past.get((security.listing, day), ())

    def begun(self, security: Security, now: datetime) -> date:
        """Return the first session that was lived through; the base price is the close before it."""
        return self.state_at(security, now)[0].begun

    def underlying(self, security: Security) -> Security:
        """Return what a derivative follows; ValueError when it is not in the table."""
        underlying = self._universe.get(security.underlying or "")
        if underlying is None:
            raise ValueError(f"{security.listing} has no underlying in the table")
        return underlying

    def years_left(self, security: Security, day: date, second: int) -> float:
        """Return the time from a second of a session to a contract's expiry, in years and not below 0."""
        return max(self.seconds_to_expiry(security, day) - second, 0.0) / YEAR_SECONDS

    def seconds_to_expiry(self, security: Security, day: date) -> float:
        """Return the time from a session's opening to a contract's end, in seconds."""
        if security.expiry is None:
            raise ValueError(f"{security.listing} is a derivative without expiry")
        end = ist(security.expiry, self._calendar.hours(security.exchange, security.expiry).closes)
        return (end - self.opening(security, day)).total_seconds()

    def opening(self, security: Security, day: date) -> datetime:
        """Return when the session of `day` opens, UTC."""
        return ist(day, self._calendar.hours(security.exchange, day).opens)

    def session(self, security: Security, now: datetime) -> tuple[date, int]:
        """Return the session whose prices show at `now` (the latest that has opened), and the second in it."""
        day = ist_date(now)
        opening = self.opening(security, day)
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

    def state_at(self, security: Security, now: datetime) -> tuple[PriceState, int]:
        """Return what is remembered of a security in the session that shows at `now`, and the second in it."""
        day, second = self.session(security, now)
        state = self._states.get(security.listing)
        if state is None:
            state = self._states[security.listing] = self._begin(security, day)
        while state.day < day:
            self._next_day(security, state)
        return state, second

    def _begin(self, security: Security, day: date) -> PriceState:
        if security.derivative:
            spot = float(self._spot_before(security, day))
            close = self._theory(security, spot, self._previous(security, day), SESSION_SECONDS)
            return self._opened(PriceState(day, self.key(security, day), self._grid(security, close)))
        first = min(day, self._start)
        return self._opened(PriceState(first, self.key(security, first), security.base_price))

    def _opened(self, state: PriceState) -> PriceState:
        state.begun = min(state.begun, state.day)
        state.stretches = [Stretch(0, state.close, state.factor, state.held)]
        return state

    def _next_day(self, security: Security, state: PriceState) -> None:
        state.close = self._price(security, state, SESSION_SECONDS)
        if security.kind is Kind.INDEX:
            self._closes[security.listing, state.day] = state.close
        self._past[security.listing, state.day] = tuple(state.stretches)
        state.day = self._calendar.next_session(security.exchange, state.day)
        state.key = self.key(security, state.day)
        state.factor, state.open, state.high, state.low, state.sampled, state.cached = 1.0, None, None, None, 0, None
        self._opened(state)
        self.touched.add(security.listing)

    def key(self, security: Security, day: date) -> int:
        """Return what the walk of a session is hashed from."""
        text = f"{self._seed}:{security.isin or security.listing}:{day.isoformat()}".encode()
        return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")

    def _price(self, security: Security, state: PriceState, second: int) -> Decimal:
        if state.cached is not None and state.cached[0] == second:
            return state.cached[1]
        price = state.held if state.held is not None else self._clamped(security, state, self._raw(security, state, second))
        state.cached = (second, price)
        if state.high is None or state.low is None or not state.low <= price <= state.high:
            self.touched.add(security.listing)
        state.high = price if state.high is None else max(state.high, price)
        state.low = price if state.low is None else min(state.low, price)
        return price

    def _raw(self, security: Security, state: PriceState, second: int) -> float:
        if security.derivative:
            spot = self.spot_at(self.underlying(security), state.day, second)
            return self._theory(security, float(spot), state.day, second) * state.factor
        return float(state.close) * math.exp(daily_sigma(security) * walk(state.key, second)) * state.factor

    def _factor(self, security: Security, state: PriceState, second: int, price: Decimal) -> float:
        """Return what moves the walk to `price` at this second; a worthless option has no walk to move."""
        raw = self._raw(security, state, second)
        return float(price) / raw if raw > 0 else 1.0

    def spot_at(self, underlying: Security, day: date, second: int) -> Decimal:
        """Return what an underlying was worth in rupees at a second of a session."""
        past = self._closes.get((underlying.listing, day))
        if past is not None:
            return past
        return self.last(underlying, self.opening(underlying, day) + timedelta(seconds=second))

    def _spot_before(self, security: Security, day: date) -> Decimal:
        underlying = self.underlying(security)
        state, _ = self.state_at(underlying, self.opening(underlying, day))
        return state.close

    def _theory(self, security: Security, spot: float, day: date, second: int) -> float:
        years = self.years_left(security, day, second)
        if security.kind is Kind.FUTURE or security.strike is None:
            return forward(spot, years)
        return black_scholes(spot, float(security.strike), years, call=security.option_type is OptionType.CALL)

    def _clamped(self, security: Security, state: PriceState, raw: float) -> Decimal:
        price = self._grid(security, raw)
        lower, upper = self.circuit(security, state.close)
        if lower is not None and price < lower:
            return lower
        return upper if upper is not None and price > upper else price

    def _grid(self, security: Security, raw: float) -> Decimal:
        return max(1, round(raw / float(security.tick))) * security.tick

    def circuit(self, security: Security, close: Decimal) -> tuple[Decimal | None, Decimal | None]:
        """Return lower and upper circuit limit in rupees of a session after one that closed at `close`; None for none."""
        if security.kind is Kind.INDEX:
            return None, None
        if security.kind is Kind.OPTION:
            room = close * 2 + self.underlying(security).base_price / 10
            return security.tick, round_to_tick(room, security.tick, RoundTo.DOWN)
        lower = round_to_tick(close * (1 - security.band), security.tick, RoundTo.UP)
        return max(lower, security.tick), round_to_tick(close * (1 + security.band), security.tick, RoundTo.DOWN)


def daily_sigma(security: Security) -> float:
    """Return the standard deviation of a session's walk, as a fraction of the price."""
    return 0.05 if security.symbol == "INDIA VIX" else _DAILY_SIGMA[security.kind]


def year_range(security: Security, close: Decimal) -> tuple[Decimal, Decimal]:
    """Return a lowest and a highest price of the last year in rupees, made up from yesterday's close."""
    low, high = (round_to_tick(close * share, security.tick, RoundTo.NEAREST) for share in _YEAR)
    return max(low, security.tick), max(high, security.tick)
