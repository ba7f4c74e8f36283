from __future__ import annotations

from decimal import Decimal

import pytest

from sigma.domain.accounts import TradingMode
from sigma.domain.orders import OrderType, Side
from sigma.domain.risk import KillState, RiskDecision, RiskLimits, RiskSnapshot, Scope
from sigma.engines.risk import applicable, decide, replay
from tests.engines.build import NOW, request

FREE = RiskSnapshot(TradingMode.NORMAL)


def code(wanted: object, book: RiskSnapshot = FREE, *limits: RiskLimits) -> str:
    return decide(wanted, book, limits, NOW).code  # type: ignore[arg-type]


def test_without_limits_everything_passes_and_every_rule_has_spoken() -> None:
    decision = decide(request(), FREE, (), NOW)
    assert decision.allowed
    assert [result.rule for result in decision.results] == [
        "kill_switch",
        "trading_mode",
        "reduce_only",
        "account_enabled",
        "allow",
        "deny",
        "products",
        "order_types",
        "entries_until",
        "square_off_at",
        "unsettled",
        "max_daily_loss",
        "drawdown_stop",
        "drawdown_caution",
        "cooldown_s",
        "max_open_positions",
        "max_orders_per_minute",
        "max_exposure",
        "allow_short_selling",
        "max_quantity_per_order",
        "max_order_value",
    ]
    assert (decision.code, decision.quantity) == ("OK", 10)


def test_the_kill_switch_stops_exits_too() -> None:
    killed = RiskSnapshot(TradingMode.NORMAL, position=10, kills=(KillState(on=True, reason="drill"),))
    assert code(request(side=Side.SELL), killed) == "KILLED"


@pytest.mark.parametrize(
    ("side", "quantity", "position", "working", "verdict"),
    [
        (Side.SELL, 10, 10, 0, "OK"),
        (Side.SELL, 10, 15, 6, "CLAMPED"),
        (Side.SELL, 10, 6, 6, "EXIT_ONLY"),
        (Side.SELL, 10, 0, 0, "EXIT_ONLY"),
        (Side.BUY, 10, 10, 0, "EXIT_ONLY"),
        (Side.BUY, 10, -10, 0, "OK"),
        (Side.BUY, 11, -10, 0, "CLAMPED"),
        (Side.SELL, 10, None, 0, "POSITION_UNKNOWN"),
    ],
)
def test_exit_only_lets_through_only_what_cannot_flip(
    side: Side, quantity: int, position: int | None, working: int, verdict: str
) -> None:
    book = RiskSnapshot(TradingMode.EXIT_ONLY, position=position, exits_working=working)
    assert code(request(side=side, quantity=quantity), book) == verdict


def test_paused_places_nothing() -> None:
    assert code(request(side=Side.SELL), RiskSnapshot(TradingMode.PAUSED, position=100)) == "PAUSED"


def test_the_strictest_of_several_limits_wins() -> None:
    loose, tight = RiskLimits(max_quantity_per_order=100), RiskLimits(Scope.ACCOUNT, account_id=1, max_quantity_per_order=9)
    assert code(request(), FREE, loose) == "OK"
    assert code(request(), FREE, loose, tight) == "MAX_QUANTITY"


def test_a_market_order_is_valued_at_the_last_price_and_refused_without_one() -> None:
    limit = RiskLimits(max_order_value=Decimal(15_000))
    market = request(order_type=OrderType.MARKET, price=None)
    assert code(market, FREE, limit) == "NO_PRICE"
    assert code(market, RiskSnapshot(TradingMode.NORMAL, last_price=Decimal("1500.05")), limit) == "MAX_VALUE"
    assert code(market, RiskSnapshot(TradingMode.NORMAL, last_price=Decimal(1500)), limit) == "OK"


def test_a_sell_far_below_the_market_is_valued_at_the_market() -> None:
    limit = RiskLimits(max_order_value=Decimal(10_000))
    cheap = request(side=Side.SELL, price=Decimal(1))
    assert code(cheap, RiskSnapshot(TradingMode.NORMAL, last_price=Decimal(1500)), limit) == "MAX_VALUE"


def test_a_decision_can_be_taken_again_from_its_stored_inputs() -> None:
    book = RiskSnapshot(TradingMode.EXIT_ONLY, 5, 1, Decimal("10.5"), NOW, (KillState(on=True, reason="x", at=NOW),))
    first = decide(request(), book, (), NOW)
    assert replay(first) == first


def test_inputs_that_an_older_version_stored_are_read() -> None:
    book = {"trading_mode": "EXIT_ONLY", "position": 10, "exits_working": 4, "last_price": "10.5", "price_at": None, "kills": []}
    order = {"listing": "NSE:INFY", "side": "SELL", "quantity": 6, "order_type": "MARKET", "product": "MIS", "price": None}
    limit = {"scope": "GLOBAL", "strategy": "", "account_id": None, "max_quantity_per_order": 9, "max_order_value": "90.00"}
    stored = RiskDecision(True, "OK", "", (), {"order": order, "book": book, "limits": [limit]}, NOW)
    again = replay(stored)
    assert (again.allowed, again.code, again.quantity) == (True, "OK", 6)


def test_only_rows_that_concern_the_order_apply() -> None:
    rows = (RiskLimits(), RiskLimits(Scope.STRATEGY, "A"), RiskLimits(Scope.ACCOUNT, account_id=2))
    assert applicable(rows, 1, "A") == rows[:2]
    assert applicable(rows, 2, "") == (rows[0], rows[2])
