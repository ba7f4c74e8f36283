"""Five synthetic levels of depth on each side of the last price, which our own executions use up."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sigma.domain.instruments import Kind
from sigma.domain.market import Level
from sigma.engines.matching import MarketView
from sigma.simulator.config import SimConfig
from sigma.simulator.prices import PriceProcess
from sigma.simulator.securities import Security

LEVELS = 5
LEVEL_VALUE = 500_000


@dataclass(frozen=True, slots=True)
class Liquidity:
    """What a tester makes each level offer, in units."""

    bid: int
    ask: int


@dataclass(slots=True)
class _Taken:
    since: datetime
    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)


class Depth:
    """The visible book of every security. The best ask is the last price, the best bid one tick below it."""

    def __init__(self, prices: PriceProcess, config: SimConfig) -> None:
        self._prices = prices
        self._config = config
        self._imposed: dict[str, Liquidity] = {}
        self._taken: dict[str, _Taken] = {}

    def impose(self, security: Security, liquidity: Liquidity | None) -> None:
        """Offer exactly this much per level from now on (None: synthetic depth again); what was taken is back."""
        self._prices.touched.add(security.listing)
        self._taken.pop(security.listing, None)
        if liquidity is None:
            self._imposed.pop(security.listing, None)
        else:
            self._imposed[security.listing] = liquidity

    def view(self, security: Security, now: datetime) -> MarketView:
        """Return what an order meets at `now`, less what ours have taken since the depth was last replenished."""
        last = self._prices.last(security, now)
        lower, upper = self._prices.limits(security, now)
        taken = self._current(security, now)
        bids = self._side(security, now, last - security.tick, -1, taken.bids)
        asks = self._side(security, now, last, 1, taken.asks)
        if lower is not None:
            bids = tuple(level for level in bids if level.price >= lower)
        if upper is not None:
            asks = tuple(level for level in asks if level.price <= upper)
        if last == upper:
            asks = ()
        option = security.kind is Kind.OPTION
        return MarketView(last, tuple(level for level in bids if level.price > 0), asks, security.tick, lower, upper, option)

    def unusual(self) -> set[str]:
        """Return the listings whose depth is not what their noise makes it: imposed ones, and those we have taken from."""
        return self._imposed.keys() | self._taken.keys()

    def take(self, security: Security, now: datetime, before: MarketView, after: MarketView) -> None:
        """Remember what an execution took: the difference of two views."""
        taken = self._current(security, now)
        self._taken[security.listing] = taken
        _note(taken.bids, before.bids, after.bids, before.last_price - security.tick, security.tick, -1)
        _note(taken.asks, before.asks, after.asks, before.last_price, security.tick, 1)

    def _current(self, security: Security, now: datetime) -> _Taken:
        taken = self._taken.get(security.listing)
        imposed = security.listing in self._imposed
        limit = self._config.liquidity_replenish_s if imposed else self._config.depth_replenish_s
        if taken is None or (limit is not None and (now - taken.since).total_seconds() >= limit):
            return _Taken(now)
        return taken

    def _side(self, security: Security, now: datetime, best: Decimal, step: int, taken: dict[int, int]) -> tuple[Level, ...]:
        imposed = self._imposed.get(security.listing)
        typical = max(1, int(LEVEL_VALUE / float(best)) // security.lot) if best > 0 else 1
        bits = self._prices.noise(security, now, step)
        levels = []
        for index in range(LEVELS):
            if imposed is not None:
                quantity = imposed.ask if step > 0 else imposed.bid
            else:
                quantity = max(1, typical * (8 + (bits >> (index * 8) & 31)) // 16) * security.lot
            quantity -= taken.get(index, 0)
            if quantity > 0:
                price = best + step * index * security.tick
                levels.append(Level(price, quantity, 1 + (bits >> (index * 8) & 7)))
        return tuple(levels)


def _note(
    taken: dict[int, int], before: tuple[Level, ...], after: tuple[Level, ...], best: Decimal, tick: Decimal, step: int
) -> None:
    left = {level.price: level.quantity for level in after}
    for level in before:
        used = level.quantity - left.get(level.price, 0)
        if used:
            index = int((level.price - best) / tick) * step
            taken[index] = taken.get(index, 0) + used
