"""Order-book matching of our own orders against a finite, visible depth: frozen values in, executions out.

Orders of ours do not meet one another, and there is no queue: an order executes against what the other side of the
view offers, never more than its quantity or the depth, and never at a price worse than its limit. Market orders become
limit orders at a protected price first, as the exchanges ask of algorithmic orders since April 2026 (wire.md G).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from sigma.domain.market import Level
from sigma.domain.money import RoundTo, round_to_tick
from sigma.domain.orders import OrderType, Side, Validity

AUTOMATIC = Decimal(-1)
_HUNDRED = Decimal(100)
# Percent by last price (upper bound of the slab in rupees): Zerodha's published market-protection slabs.
_CASH_SLABS = ((_HUNDRED, Decimal(2)), (Decimal(500), Decimal(1)))
_OPTION_SLABS = ((Decimal(10), Decimal(5)), (_HUNDRED, Decimal(3)), (Decimal(500), Decimal(2)))
_CASH_ABOVE, _OPTION_ABOVE = Decimal("0.5"), Decimal(1)


@dataclass(frozen=True, slots=True)
class MarketView:
    """What an order meets: last price and depth, best level first; limits are the circuit's, None where there are none."""

    last_price: Decimal
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    tick_size: Decimal
    lower_limit: Decimal | None = None
    upper_limit: Decimal | None = None
    option: bool = False


@dataclass(frozen=True, slots=True)
class WorkingOrder:
    """An order as the exchange holds it.

    Parameters
    ----------
    remaining : int
        Units still to execute.
    market_protection : Decimal or None
        Percent of the last price for MARKET and SL-M; -1 for the exchange's own slab, None for the circuit limit.
    triggered : bool
        Whether a stop has gone off (it then is a LIMIT or MARKET order).
    """

    side: Side
    remaining: int
    order_type: OrderType
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    validity: Validity = Validity.DAY
    market_protection: Decimal | None = AUTOMATIC
    triggered: bool = False

    @property
    def awaits_trigger(self) -> bool:
        """Whether it is a stop that has not gone off."""
        return self.order_type.has_trigger and not self.triggered


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution: units, and rupees per unit."""

    quantity: int
    price: Decimal


@dataclass(frozen=True, slots=True)
class Match:
    """What came of one look at the market.

    Parameters
    ----------
    order : WorkingOrder
        What is left, with type and price as they stand now.
    cancelled : int
        Units that an IOC order gave back.
    view : MarketView
        The depth that is left.
    """

    order: WorkingOrder
    executions: tuple[Execution, ...]
    cancelled: int
    view: MarketView

    @property
    def filled(self) -> int:
        """Units executed in this look."""
        return sum(execution.quantity for execution in self.executions)


def match(order: WorkingOrder, view: MarketView) -> Match:
    """Return what happens to `order` when it meets `view`. Matching the result again against its own view changes nothing."""
    if order.remaining <= 0:
        return Match(order, (), 0, view)
    live = _as_limit(_trigger(order, view), view)
    if live.awaits_trigger or live.price is None:
        return Match(live, (), 0, view)
    executions, levels = _take(live, live.price, view)
    left = live.remaining - sum(execution.quantity for execution in executions)
    rest = replace(view, asks=levels) if live.side is Side.BUY else replace(view, bids=levels)
    cancelled = left if live.validity is Validity.IOC else 0
    return Match(replace(live, remaining=left - cancelled), executions, cancelled, rest)


def is_triggered(side: Side, trigger_price: Decimal, last_price: Decimal) -> bool:
    """Say whether a stop goes off: a buy at or above its trigger, a sell at or below it."""
    return last_price >= trigger_price if side is Side.BUY else last_price <= trigger_price


def automatic_protection(price: Decimal, *, option: bool) -> Decimal:
    """Return the exchange's own market protection in percent for a last price in rupees."""
    slabs, above = (_OPTION_SLABS, _OPTION_ABOVE) if option else (_CASH_SLABS, _CASH_ABOVE)
    return next((percent for bound, percent in slabs if price < bound), above)


def protected_price(side: Side, protection: Decimal | None, view: MarketView) -> Decimal:
    """Return the limit in rupees that a market order becomes, on the tick grid and inside the circuit."""
    bound = view.upper_limit if side is Side.BUY else view.lower_limit
    if protection is None:
        return bound if bound is not None else _worst(side, view)
    percent = automatic_protection(view.last_price, option=view.option) if protection == AUTOMATIC else protection
    price = view.last_price * (1 + side.sign * percent / _HUNDRED)
    price = max(round_to_tick(price, view.tick_size, RoundTo.UP if side is Side.BUY else RoundTo.DOWN), view.tick_size)
    if bound is None:
        return price
    return min(price, bound) if side is Side.BUY else max(price, bound)


def _worst(side: Side, view: MarketView) -> Decimal:
    levels = view.asks if side is Side.BUY else view.bids
    return levels[-1].price if levels else view.last_price


def _trigger(order: WorkingOrder, view: MarketView) -> WorkingOrder:
    if not order.awaits_trigger or order.trigger_price is None:
        return order
    if not is_triggered(order.side, order.trigger_price, view.last_price):
        return order
    kind = OrderType.LIMIT if order.order_type is OrderType.SL else OrderType.MARKET
    return replace(order, order_type=kind, triggered=True)


def _as_limit(order: WorkingOrder, view: MarketView) -> WorkingOrder:
    if order.order_type is not OrderType.MARKET:
        return order
    price = protected_price(order.side, order.market_protection, view)
    return replace(order, order_type=OrderType.LIMIT, price=price)


def _take(order: WorkingOrder, limit: Decimal, view: MarketView) -> tuple[tuple[Execution, ...], tuple[Level, ...]]:
    levels = view.asks if order.side is Side.BUY else view.bids
    wanted = order.remaining
    executions: list[Execution] = []
    left: list[Level] = []
    for level in levels:
        reachable = level.price <= limit if order.side is Side.BUY else level.price >= limit
        taken = min(wanted, level.quantity) if reachable else 0
        if taken > 0:
            executions.append(Execution(taken, level.price))
            wanted -= taken
        if level.quantity > taken:
            left.append(replace(level, quantity=level.quantity - taken))
    return tuple(executions), tuple(left)
