"""Each rule of the gate: its code, what it lowers, and that an order which only reduces passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from sigma.domain.accounts import TradingMode
from sigma.domain.ledger import DayResult
from sigma.domain.money import ZERO
from sigma.domain.orders import OrderType, Product, Side
from sigma.domain.risk import KillState, RiskDecision, RiskLimits, RiskSnapshot, Scope, ScopeFacts
from sigma.engines.risk import case, decide, gate
from tests.engines.build import NOW, request

FLAT = RiskSnapshot(TradingMode.NORMAL, ledger=0, last_price=Decimal(1500))
HELD = replace(FLAT, ledger=10)
# NOW is 11:30 IST.
LOST = DayResult(Decimal(-900), Decimal(-50), Decimal(50), low_by=Decimal(1000))


def facts(**known: Any) -> RiskSnapshot:
    return replace(FLAT, scopes=(ScopeFacts(Scope.GLOBAL, **known),))


def judge(limits: dict[str, Any], book: RiskSnapshot = FLAT, **wanted: Any) -> RiskDecision:
    return decide(request(**wanted), book, (RiskLimits(**limits),), NOW)


LIMITED: dict[str, tuple[str, dict[str, Any], RiskSnapshot]] = {
    "allow": ("NOT_ALLOWED", {"allow": frozenset({"NSE:TCS"})}, FLAT),
    "deny": ("DENIED", {"deny": frozenset({"NSE:INFY"})}, FLAT),
    "products": ("PRODUCT", {"products": frozenset({Product.MIS})}, FLAT),
    "order_types": ("ORDER_TYPE", {"order_types": frozenset({OrderType.MARKET})}, FLAT),
    "entries_until": ("ENTRIES_ENDED", {"entries_until": time(11, 30)}, FLAT),
    "unsettled": ("UNSETTLED", {}, replace(FLAT, unsettled=1)),
    "max_daily_loss": ("MAX_DAILY_LOSS", {"max_daily_loss": Decimal(1000)}, facts(day=LOST)),
    "drawdown_stop": ("DRAWDOWN", {"drawdown_stop": Decimal(1000)}, facts(day=LOST)),
    "cooldown_s": ("COOLDOWN", {"cooldown_s": 61}, facts(last_loss=NOW - timedelta(seconds=60))),
    "max_open_positions": ("MAX_POSITIONS", {"max_open_positions": 3}, facts(positions=3)),
    "max_orders_per_minute": ("MAX_ORDERS", {"max_orders_per_minute": 5}, facts(orders=5)),
    "max_exposure": ("MAX_EXPOSURE", {"max_exposure": Decimal(20_000)}, replace(FLAT, exposure=Decimal(5001))),
    "max_quantity_per_order": ("MAX_QUANTITY", {"max_quantity_per_order": 9}, FLAT),
    "max_order_value": ("MAX_VALUE", {"max_order_value": Decimal(14_999)}, FLAT),
}


@pytest.mark.parametrize("name", LIMITED)
def test_an_entry_beyond_a_limit_is_refused_with_its_code(name: str) -> None:
    code, limits, book = LIMITED[name]
    decision = judge(limits, book)
    assert (decision.allowed, decision.code, decision.quantity) == (False, code, 0)
    assert [result.rule for result in decision.results if not result.allowed] == [name]


@pytest.mark.parametrize("name", LIMITED)
def test_an_order_that_only_reduces_passes_every_limit_on_entries(name: str) -> None:
    _, limits, book = LIMITED[name]
    decision = judge({**limits, "clamp": frozenset({name})}, replace(book, ledger=10), side=Side.SELL)
    assert (decision.allowed, decision.code, decision.quantity) == (True, "OK", 10)


@pytest.mark.parametrize("name", LIMITED)
def test_a_modify_that_asks_for_no_more_passes_and_one_that_does_is_judged(name: str) -> None:
    code, limits, book = LIMITED[name]
    fewer = judge(limits, replace(book, amending=True, raises=False))
    more = judge(limits, replace(book, amending=True, raises=True))
    assert fewer.allowed
    assert more.code == ("OK" if name == "max_orders_per_minute" else code)


@pytest.mark.parametrize(
    ("limits", "book", "code"),
    [
        ({"max_daily_loss": Decimal(1001)}, facts(day=LOST), "OK"),
        ({"max_daily_loss": Decimal(9)}, facts(), "RESULT_UNKNOWN"),
        ({"max_daily_loss": Decimal(9)}, facts(day=DayResult(ZERO, ZERO, ZERO, ("NSE:TCS",))), "NO_PRICE"),
        ({"drawdown_stop": Decimal(1001)}, facts(day=LOST), "OK"),
        ({"drawdown_stop": Decimal(9)}, facts(day=DayResult(ZERO, ZERO, ZERO)), "RESULT_UNKNOWN"),
        ({"cooldown_s": 60}, facts(last_loss=NOW - timedelta(seconds=60)), "OK"),
        ({"max_open_positions": 4}, facts(positions=3), "OK"),
        ({"max_open_positions": 4}, facts(), "POSITION_UNKNOWN"),
        ({"max_orders_per_minute": 6}, facts(orders=5), "OK"),
        ({"max_orders_per_minute": 6}, facts(), "COUNT_UNKNOWN"),
        ({"max_exposure": Decimal(20_000)}, replace(FLAT, exposure=Decimal(5000)), "OK"),
        ({"max_exposure": Decimal(20_000)}, FLAT, "NO_PRICE"),
        ({"entries_until": time(11, 31)}, FLAT, "OK"),
        ({"square_off_at": time(11, 30)}, FLAT, "OK"),
    ],
)
def test_limits_hold_to_the_last_unit_and_what_is_not_known_refuses(
    limits: dict[str, Any], book: RiskSnapshot, code: str
) -> None:
    assert judge(limits, book).code == code


def test_nothing_intraday_is_entered_from_the_square_off_time_on() -> None:
    assert judge({"square_off_at": time(11, 30)}, product=Product.MIS).code == "SQUARE_OFF"
    assert judge({"square_off_at": time(11, 31)}, product=Product.MIS).code == "OK"


@pytest.mark.parametrize(
    ("limits", "book", "wanted", "left"),
    [
        ({"max_quantity_per_order": 7}, FLAT, {}, 7),
        ({"max_quantity_per_order": 7}, replace(FLAT, lot_size=5), {}, 5),
        ({"max_order_value": Decimal(14_999)}, FLAT, {}, 9),
        ({"max_order_value": Decimal(14_999)}, replace(FLAT, lot_size=5), {"order_type": OrderType.MARKET, "price": None}, 5),
        ({"max_exposure": Decimal(20_000)}, replace(FLAT, exposure=Decimal(5001)), {}, 9),
        ({"allow_short_selling": False}, replace(FLAT, ledger=6), {"side": Side.SELL}, 6),
        ({"allow_short_selling": False}, replace(FLAT, ledger=6, ledger_working=2), {"side": Side.SELL}, 4),
    ],
)
def test_a_limit_that_clamps_lowers_to_whole_lots(
    limits: dict[str, Any], book: RiskSnapshot, wanted: dict[str, Any], left: int
) -> None:
    (name,) = limits
    decision = judge({**limits, "clamp": frozenset({name})}, book, **wanted)
    assert (decision.allowed, decision.code, decision.quantity) == (True, "CLAMPED", left)
    assert f"lowered to {left}" in decision.text
    assert [result.rule for result in decision.results if result.quantity is not None] == [name]


@pytest.mark.parametrize(
    ("limits", "book"),
    [
        ({"max_quantity_per_order": 4}, replace(FLAT, lot_size=5)),
        ({"max_order_value": Decimal(1499)}, FLAT),
        ({"max_exposure": Decimal(20_000)}, replace(FLAT, exposure=Decimal(30_000))),
    ],
)
def test_a_clamp_that_leaves_less_than_a_lot_refuses(limits: dict[str, Any], book: RiskSnapshot) -> None:
    (name,) = limits
    decision = judge({**limits, "clamp": frozenset({name})}, book)
    assert not decision.allowed
    assert "less than one lot" in decision.text


def test_a_modify_is_never_lowered_but_refused() -> None:
    decision = judge({"max_quantity_per_order": 7, "clamp": frozenset({"max_quantity_per_order"})}, replace(FLAT, amending=True))
    assert (decision.allowed, decision.code) == (False, "MAX_QUANTITY")


def test_what_an_order_has_executed_counts_towards_the_limits_on_one_order() -> None:
    book = replace(FLAT, filled=4, amending=True)
    assert judge({"max_quantity_per_order": 9}, book).code == "MAX_QUANTITY"
    assert judge({"max_order_value": Decimal(14_999)}, book).code == "MAX_VALUE"
    assert judge({"max_quantity_per_order": 10}, book).quantity == 10


def test_a_clamp_never_rescues_what_another_limit_refuses() -> None:
    clamps = RiskLimits(max_quantity_per_order=5, clamp=frozenset({"max_quantity_per_order"}))
    refuses = RiskLimits(Scope.ACCOUNT, account_id=1, max_quantity_per_order=8)
    assert decide(request(), FLAT, (refuses,), NOW).code == "MAX_QUANTITY"
    assert decide(request(), FLAT, (clamps, refuses), NOW).code == "MAX_QUANTITY"
    assert decide(request(quantity=8), FLAT, (clamps, refuses), NOW).quantity == 5
    worth = RiskLimits(Scope.ACCOUNT, account_id=1, max_order_value=Decimal(12_000))
    assert decide(request(), FLAT, (clamps, worth), NOW).code == "MAX_VALUE"


def test_each_clamp_sees_what_the_one_before_left() -> None:
    limits = {"max_quantity_per_order": 7, "max_order_value": Decimal(6000)}
    decision = judge({**limits, "clamp": frozenset(limits)})
    numbers = {result.rule: result.numbers.get("quantity") for result in decision.results}
    assert (numbers["max_quantity_per_order"], numbers["max_order_value"], decision.quantity) == ("10", "7", 4)


def test_entries_are_halved_once_however_many_scopes_are_cautious() -> None:
    rows = (RiskLimits(drawdown_caution=Decimal(1000)), RiskLimits(Scope.ACCOUNT, account_id=1, drawdown_caution=Decimal(9)))
    book = replace(FLAT, scopes=(ScopeFacts(Scope.GLOBAL, day=LOST), ScopeFacts(Scope.ACCOUNT, day=LOST)))
    assert decide(request(quantity=11), book, rows, NOW).quantity == 5
    assert decide(request(quantity=1), book, rows, NOW).code == "DRAWDOWN"


def test_selling_what_is_not_held_is_short_selling_and_reducing_is_not() -> None:
    limits = {"allow_short_selling": False}
    assert judge(limits, side=Side.SELL).code == "SHORT_SELLING"
    assert judge(limits, HELD, side=Side.SELL).code == "OK"
    assert judge(limits, HELD, side=Side.SELL, quantity=11).code == "SHORT_SELLING"
    assert judge(limits, replace(HELD, ledger_working=1), side=Side.SELL).code == "SHORT_SELLING"
    assert judge(limits).code == "OK"
    assert judge(limits, replace(FLAT, ledger=None), side=Side.SELL).code == "POSITION_UNKNOWN"
    assert judge({"allow_short_selling": True}, side=Side.SELL).code == "OK"


def test_of_two_views_of_a_position_the_lower_counts() -> None:
    book = RiskSnapshot(TradingMode.EXIT_ONLY, 10, 2, ledger=7, ledger_working=1)
    assert decide(request(side=Side.SELL), book, (), NOW).quantity == 6
    assert decide(request(side=Side.SELL), replace(book, position=-10), (), NOW).code == "EXIT_ONLY"


def test_a_reduce_only_order_is_lowered_to_what_can_be_closed_and_then_passes_what_exits_pass() -> None:
    book = replace(facts(day=LOST), reduce_only=True, position=6, ledger=6)
    decision = judge({"max_daily_loss": Decimal(1), "max_quantity_per_order": 2}, book, side=Side.SELL)
    assert (decision.allowed, decision.code, decision.quantity) == (True, "CLAMPED", 6)
    assert judge({}, book).code == "REDUCE_ONLY"
    assert judge({}, replace(book, position=None), side=Side.SELL).code == "POSITION_UNKNOWN"


def test_an_exit_of_the_kill_switch_passes_it_and_a_pause_but_never_opens() -> None:
    killed = replace(FLAT, kills=(KillState(on=True, reason="enough"),), reduce_only=True, position=10, ledger=None)
    exits = replace(killed, killing=True)
    assert judge({}, killed, side=Side.SELL).code == "KILLED"
    assert judge({}, exits, side=Side.SELL).code == "OK"
    assert judge({}, replace(exits, trading_mode=TradingMode.PAUSED), side=Side.SELL).code == "OK"
    assert judge({}, exits, side=Side.SELL, quantity=11).quantity == 10
    assert judge({}, exits).code == "REDUCE_ONLY"


def test_strategies_send_nothing_on_a_disabled_account_and_people_do() -> None:
    closed = replace(HELD, enabled=False)
    assert judge({}, closed).code == "OK"
    assert judge({}, replace(closed, automatic=True), side=Side.SELL).code == "ACCOUNT_DISABLED"


def test_a_rule_that_fails_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(judged: case.Case, left: int) -> Any:
        raise KeyError("no such thing")

    monkeypatch.setattr(gate, "RULES", (*gate.RULES, ("broken", broken)))
    decision = judge({})
    assert (decision.allowed, decision.code, decision.quantity) == (False, "RULE_FAILED", 0)


def test_facts_that_make_no_sense_refuse_instead_of_failing() -> None:
    decision = judge({}, replace(FLAT, lot_size=0, reduce_only=True, position=10))
    assert (decision.allowed, decision.code) == (False, "RULE_FAILED")


def test_two_rules_of_one_name_cannot_be_registered() -> None:
    with pytest.raises(ValueError, match="defined twice"):
        case.rule("max_order_value", case.Place.SIZE)(gate.RULES[0][1])
