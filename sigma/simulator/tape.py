"""The market of many securities at one moment as arrays: what the feeds are made of.

Row by row it says what `Exchange.quote` says; a test holds the two together. Prices are whole numbers of a hundredth of a
paisa (0.0001 rupees), the finest tick of any segment, so that every wire's scaling stays exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from sigma.domain.instruments import Exchange, Kind, OptionType
from sigma.simulator.depth import LEVEL_VALUE, LEVELS, Depth
from sigma.simulator.prices import SAMPLE, YEAR_SECONDS, PriceProcess, PriceState, daily_sigma, year_range
from sigma.simulator.securities import Security
from sigma.simulator.turnover import WEIGHT_SALT, Whole, turnover_many
from sigma.simulator.walk import black_scholes, forward, mix_many, walk_many

SCALE = 10_000
NONE = -1

LEVEL = np.dtype([("price", "i8"), ("quantity", "i8"), ("orders", "i8")])
ROW = np.dtype(
    [
        *((name, "i8") for name in ("last", "open", "high", "low", "close", "lower", "upper", "average")),
        *((name, "i8") for name in ("volume", "interest", "lot", "buy", "sell", "year_low", "year_high")),
        ("at", "i8"),  # when the market was like this: epoch seconds, never after the session's end
        ("bids", LEVEL, (LEVELS,)),
        ("asks", LEVEL, (LEVELS,)),
    ]
)
Rows = NDArray[np.void]

_FIXED = np.dtype([("sigma", "f8"), ("tick", "f8"), ("step", "i8"), ("lot", "i8"), ("derivative", "?")])
_REMEMBERED = ("open", "high", "low", "sampled")
_STATE = np.dtype(
    [("key", "u8"), ("close_price", "f8"), ("factor", "f8")]
    + [(name, "i8") for name in ("close", "held", *_REMEMBERED, "lower", "upper", "year_low", "year_high")]
)


@dataclass(frozen=True, slots=True)
class _Contract:
    """What prices a derivative: `value` of the spot in rupees and the years left."""

    security: Security
    underlying: Security
    value: Callable[[float, float], float]


class Tape:
    """Computes rows for whatever securities were ever asked for. Used under the lock of `Exchange`."""

    def __init__(self, prices: PriceProcess, depth: Depth) -> None:
        self._prices = prices
        self._depth = depth
        self._places: dict[str, int] = {}
        self._securities: list[Security] = []
        self._states: list[PriceState] = []
        self._contracts: list[_Contract | None] = []
        self._fixed = np.zeros(0, _FIXED)
        self._state = np.zeros(0, _STATE)
        self._rows = np.zeros(0, ROW)
        self._groups: dict[Exchange, list[int]] = {}
        self._stale: set[int] = set()
        self._shown: dict[Exchange, tuple[date, int]] = {}

    def places(self, securities: Sequence[Security]) -> Whole:
        """Return where the rows of securities are, taking in those that were never asked for."""
        fresh = [one for one in securities if one.listing not in self._places]
        for security in fresh:
            row = len(self._securities)
            self._places[security.listing] = row
            self._groups.setdefault(security.exchange, []).append(row)
            self._stale.add(row)
            self._securities.append(security)
            self._contracts.append(self._contract(security) if security.derivative else None)
        if fresh:
            self._fixed = np.concatenate([self._fixed, np.array([_fixed(security) for security in fresh], _FIXED)])
            self._state = np.concatenate([self._state, np.zeros(len(fresh), _STATE)])
            self._rows = np.concatenate([self._rows, np.zeros(len(fresh), ROW)])
        return np.array([self._places[one.listing] for one in securities], np.int64)

    def look(self, places: Whole, now: datetime) -> Rows:
        """Return rows as the market is at `now`, in a copy."""
        self._refresh(now)
        return self._rows[places]

    # -- keeping up ------------------------------------------------------------------------------------------------

    def _refresh(self, now: datetime) -> None:
        shown = {group: self._prices.session(self._securities[rows[0]], now) for group, rows in self._groups.items()}
        for group, (day, _) in shown.items():
            if self._shown.get(group, (None,))[0] != day:
                self._stale.update(self._groups[group])
        self._stale.update(self._places[listing] for listing in self._prices.touched & self._places.keys())
        if self._stale or shown != self._shown:
            self._read(now)
            for day, second in set(shown.values()):
                rows = [row for group, at in shown.items() if at == (day, second) for row in self._groups[group]]
                self._fill(np.array(rows, np.int64), day, second)
            self._shown = shown
        self._unusual(now)

    def _read(self, now: datetime) -> None:
        """Take over what the price process remembers of rows whose state was changed by others."""
        for security in self._securities[len(self._states) :]:
            self._states.append(self._prices.state_at(security, now)[0])
        for row in sorted(self._stale):
            security = self._securities[row]
            state, _ = self._prices.state_at(security, now)
            lower, upper = self._prices.circuit(security, state.close)
            year_low, year_high = year_range(security, state.close)
            values = map(_whole, (state.close, state.held, state.open, state.high, state.low))
            limits = map(_whole, (lower, upper, year_low, year_high))
            self._state[row] = (state.key, float(state.close), state.factor, *values, state.sampled, *limits)
        self._prices.touched.clear()
        self._stale.clear()

    def _fill(self, rows: Whole, day: date, second: int) -> None:
        """Compute what changes with each second, and remember highs and lows where `PriceProcess.day` does."""
        state, fixed, out = self._state, self._fixed, self._rows
        before = [state[name][rows] for name in _REMEMBERED]
        unopened = rows[state["open"][rows] == NONE]
        if len(unopened):
            state["open"][unopened] = self._price(unopened, day, 0)
            self._extend(unopened, state["open"][unopened])
        while len(due := rows[state["sampled"][rows] + SAMPLE <= second]):
            at = int(state["sampled"][due].min())
            due = due[state["sampled"][due] == at]
            state["sampled"][due] = at + SAMPLE
            self._extend(due, self._price(due, day, at + SAMPLE))
        out["last"][rows] = self._price(rows, day, second)
        self._extend(rows, out["last"][rows])
        self._give_back(rows, before)
        for name in ("open", "high", "low", "close"):
            out[name][rows] = state[name][rows]
        out["year_high"][rows] = np.maximum(state["year_high"][rows], state["high"][rows])
        out["year_low"][rows] = np.minimum(state["year_low"][rows], state["low"][rows])
        out["lower"][rows], out["upper"][rows] = np.maximum(state["lower"][rows], 0), np.maximum(state["upper"][rows], 0)
        out["lot"][rows] = fixed["lot"][rows]
        self._trade(rows, second)
        self._levels(rows, second)
        opened_at = self._prices.opening(self._securities[int(rows[0])], day)
        out["at"][rows] = int(opened_at.timestamp()) + second

    def _extend(self, rows: Whole, price: Whole) -> None:
        state = self._state
        high, low = state["high"][rows], state["low"][rows]
        state["high"][rows] = np.maximum(high, price)
        state["low"][rows] = np.where(low == NONE, price, np.minimum(low, price))

    def _give_back(self, rows: Whole, before: Sequence[Whole]) -> None:
        """Let the price process know of new highs, lows and opening prices."""
        changed = np.zeros(len(rows), bool)
        for name, earlier in zip(_REMEMBERED, before, strict=True):
            changed |= self._state[name][rows] != earlier
        for row in rows[changed].tolist():
            state, mine = self._states[row], self._state[row]
            state.open, state.high, state.low = (_rupees(int(mine[name])) for name in ("open", "high", "low"))
            state.sampled = int(mine["sampled"])

    # -- prices ----------------------------------------------------------------------------------------------------

    def _price(self, rows: Whole, day: date, second: int) -> Whole:
        """Return the price of rows at a second of their session, as `PriceProcess` makes it."""
        state, fixed = self._state[rows], self._fixed[rows]
        raw = np.empty(len(rows))
        walkers = ~fixed["derivative"]
        drift = fixed["sigma"][walkers] * walk_many(state["key"][walkers], second)
        # math.exp and not numpy's: the two differ in the last bit, and a tick would once in a while.
        raw[walkers] = state["close_price"][walkers] * np.fromiter(map(math.exp, drift.tolist()), float, len(drift))
        raw[~walkers] = self._theory(rows[~walkers], day, second)
        raw *= state["factor"]
        steps = np.maximum(1, np.rint(raw / fixed["tick"])).astype(np.int64)
        price = steps * fixed["step"]
        price = np.where((state["upper"] != NONE) & (price > state["upper"]), state["upper"], price)
        price = np.where((state["lower"] != NONE) & (price < state["lower"]), state["lower"], price)
        return np.where(state["held"] != NONE, state["held"], price)

    def _theory(self, rows: Whole, day: date, second: int) -> NDArray[np.float64]:
        spots: dict[str, float] = {}
        ends: dict[date | None, float] = {}
        values = np.empty(len(rows))
        for place, row in enumerate(rows.tolist()):
            contract = self._contracts[row]
            if contract is None:
                continue
            security, name = contract.security, contract.underlying.listing
            if name not in spots:
                spots[name] = float(self._prices.spot_at(contract.underlying, day, second))
            if security.expiry not in ends:
                ends[security.expiry] = self._prices.seconds_to_expiry(security, day)
            values[place] = contract.value(spots[name], max(ends[security.expiry] - second, 0.0) / YEAR_SECONDS)
        return values

    def _contract(self, security: Security) -> _Contract:
        underlying = self._prices.underlying(security)
        if security.kind is Kind.FUTURE or security.strike is None:
            return _Contract(security, underlying, forward)
        strike, call = float(security.strike), security.option_type is OptionType.CALL
        return _Contract(security, underlying, lambda spot, years: black_scholes(spot, strike, years, call=call))

    # -- volume and depth ------------------------------------------------------------------------------------------

    def _trade(self, rows: Whole, second: int) -> None:
        out, fixed = self._rows, self._fixed[rows]
        bits = mix_many(self._state["key"][rows], WEIGHT_SALT << 40)
        close = self._state["close_price"][rows]
        volume, interest = turnover_many(close, fixed["lot"], fixed["derivative"], second, bits)
        out["volume"][rows], out["interest"][rows] = volume, interest
        paise = (out["high"][rows] + out["low"][rows] + out["last"][rows]) // 100
        out["average"][rows] = (2 * paise + 3) // 6 * 100

    def _levels(self, rows: Whole, second: int) -> None:
        """Fill five levels a side, see `Depth.view`; those of rows that our own orders or a tester changed follow apart."""
        out, state, fixed = self._rows, self._state[rows], self._fixed[rows]
        last, step, lot = out["last"][rows], fixed["step"], fixed["lot"]
        places = np.arange(LEVELS)
        for side, direction in (("bids", -1), ("asks", 1)):
            best = last if direction > 0 else last - step
            typical = np.maximum(1, (LEVEL_VALUE / (np.maximum(best, 1) / SCALE)).astype(np.int64) // lot)
            typical[best <= 0] = 1
            bits = mix_many(state["key"], (direction << 40) ^ second)[:, None] >> (places * 8).astype(np.uint64)
            size, orders = (bits & np.uint64(31)).astype(np.int64), (bits & np.uint64(7)).astype(np.int64)
            quantity = np.maximum(1, typical[:, None] * (8 + size) // 16) * lot[:, None]
            price = best[:, None] + direction * places * step[:, None]
            if direction < 0:
                there = (price > 0) & ((state["lower"][:, None] == NONE) | (price >= state["lower"][:, None]))
            else:
                upper = state["upper"][:, None]
                there = (upper == NONE) | ((price <= upper) & (last[:, None] != upper))
            levels = np.zeros((len(rows), LEVELS), LEVEL)
            levels["price"], levels["quantity"] = price * there, quantity * there
            levels["orders"] = (1 + orders) * there
            out[side][rows] = levels
            out["buy" if direction < 0 else "sell"][rows] = levels["quantity"].sum(axis=1)

    def _unusual(self, now: datetime) -> None:
        for listing in self._depth.unusual() & self._places.keys():
            row = self._places[listing]
            view = self._depth.view(self._securities[row], now)
            for side, total, levels in (("bids", "buy", view.bids), ("asks", "sell", view.asks)):
                flat = [(_whole(level.price), level.quantity, level.orders) for level in levels]
                self._rows[side][row] = np.array(flat + [(0, 0, 0)] * (LEVELS - len(flat)), LEVEL)
                self._rows[total][row] = sum(level.quantity for level in levels)


def _fixed(security: Security) -> tuple[float | int | bool, ...]:
    sigma = 0.0 if security.derivative else daily_sigma(security)
    return (sigma, float(security.tick), _whole(security.tick), security.lot, security.derivative)


def _whole(price: Decimal | None) -> int:
    return NONE if price is None else int(price * SCALE)


def _rupees(whole: int) -> Decimal | None:
    return None if whole == NONE else Decimal(whole) / SCALE
