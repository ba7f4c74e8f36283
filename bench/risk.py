"""Decisions of the risk gate per second in one process: every limit set in all three scopes, each rule's word and numbers kept.

The inputs are kept too; they are put into words when a decision is stored, which is not measured here. Peer: the same limits
as one chain of `if` in the same run, which keeps nothing (what a script would do). Each decision is of an order of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from typing import Any

from sigma.domain.accounts import TradingMode
from sigma.domain.ledger import DayResult
from sigma.domain.orders import OrderRequest, OrderType, Product, Side
from sigma.domain.risk import RiskLimits, RiskSnapshot, Scope, ScopeFacts
from sigma.domain.times import to_ist
from sigma.engines import risk

GOAL = 20_000
ORDERS = 2000
ROUNDS = 30
NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
LIMITS = RiskLimits(
    max_quantity_per_order=5000,
    max_order_value=Decimal(5_000_000),
    allow_short_selling=False,
    max_daily_loss=Decimal(50_000),
    max_open_positions=20,
    max_orders_per_minute=60,
    max_exposure=Decimal(9_000_000),
    allow=frozenset({"NSE:INFY", "NSE:TCS"}),
    deny=frozenset({"NSE:SBIN"}),
    products=frozenset({Product.CNC, Product.MIS}),
    order_types=frozenset({OrderType.MARKET, OrderType.LIMIT}),
    entries_until=clock(15, 0),
    square_off_at=clock(15, 15),
    cooldown_s=60,
    drawdown_caution=Decimal(90_000),
    drawdown_stop=Decimal(100_000),
    clamp=frozenset({"max_order_value", "max_exposure"}),
)
ROWS = (LIMITS, replace(LIMITS, scope=Scope.STRATEGY, strategy="A"), replace(LIMITS, scope=Scope.ACCOUNT, account_id=1))
DAY = DayResult(Decimal(-1200), Decimal(300), Decimal("41.50"), low_by=Decimal(2000))
SCOPES = tuple(ScopeFacts(scope, 3, 4, DAY, NOW - timedelta(hours=1)) for scope in Scope)
BOOK = RiskSnapshot(
    TradingMode.NORMAL, last_price=Decimal("1500.05"), price_at=NOW, ledger=100, exposure=Decimal(150_005), scopes=SCOPES
)


def run() -> list[dict[str, Any]]:
    """Measure both and return the row of bench/results.json: the best of some rounds, as the machine is shared."""
    orders = [
        OrderRequest("NSE:INFY", Side.BUY, 1 + number % 900, OrderType.LIMIT, Product.CNC, Decimal(1500))
        for number in range(ORDERS)
    ]
    ours = _rate(orders, lambda order: risk.decide(order, BOOK, ROWS, NOW).allowed)
    peer = _rate(orders, lambda order: chain(order, BOOK, ROWS, NOW))
    row = {"name": "risk_decisions", "ours": ours, "unit": "per s", "peer": "the same limits as one chain of if, nothing kept"}
    return [row | {"peer_value": peer, "ratio": ours / peer, "goal": f"> {GOAL:,} per s", "held": ours > GOAL}]


def _rate(orders: Sequence[OrderRequest], judge: Callable[[OrderRequest], bool]) -> float:
    """Return judgements per second; every order must pass."""
    best = 0.0
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        passed = sum(map(judge, orders))
        best = max(best, len(orders) / (time.perf_counter() - begin))
        if passed != len(orders):
            raise RuntimeError(f"{len(orders) - passed} orders were refused that all limits allow")
    return best


def chain(order: OrderRequest, book: RiskSnapshot, limits: Sequence[RiskLimits], now: datetime) -> bool:
    """Judge an entry by the same limits."""
    value = order.quantity * (order.price or book.last_price or Decimal(0))
    ist = to_ist(now).time()
    for row, facts in zip(limits, book.scopes, strict=True):
        day = facts.day
        if row.allow is not None and order.listing not in row.allow:
            return False
        if row.deny is not None and order.listing in row.deny:
            return False
        if row.products is not None and order.product not in row.products:
            return False
        if row.order_types is not None and order.order_type not in row.order_types:
            return False
        if row.entries_until is not None and ist >= row.entries_until:
            return False
        if row.max_daily_loss is not None and (day is None or day.missing or day.total <= -row.max_daily_loss):
            return False
        if row.drawdown_stop is not None and (day is None or day.low_by is None or day.low_by >= row.drawdown_stop):
            return False
        if row.cooldown_s is not None and facts.last_loss and now < facts.last_loss + timedelta(seconds=row.cooldown_s):
            return False
        if row.max_open_positions is not None and (facts.positions is None or facts.positions + 1 > row.max_open_positions):
            return False
        if row.max_orders_per_minute is not None and (facts.orders is None or facts.orders + 1 > row.max_orders_per_minute):
            return False
        if row.max_exposure is not None and (book.exposure is None or book.exposure + value > row.max_exposure):
            return False
        if row.max_quantity_per_order is not None and order.quantity > row.max_quantity_per_order:
            return False
        if row.max_order_value is not None and value > row.max_order_value:
            return False
    return True
