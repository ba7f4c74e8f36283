"""Whether limits make sense, and which hold after all."""

from __future__ import annotations

from datetime import time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from sigma.domain.errors import InvalidInput
from sigma.domain.risk import RiskLimits, Scope
from sigma.engines.risk import NAMES, decide, effective
from sigma.engines.risk.checks import check_limits
from tests.engines.build import NOW
from tests.engines.test_risk_laws import books, limits, orders

IST = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"max_quantity_per_order": 0}, "max_quantity_per_order must be a whole number from 1 to 10,000,000,000, was 0"),
        ({"max_quantity_per_order": True}, "was True"),
        ({"max_open_positions": -1}, "max_open_positions must be"),
        ({"max_orders_per_minute": Decimal("1.5")}, "max_orders_per_minute must be"),
        ({"cooldown_s": 86_401}, "cooldown_s must be a whole number from 1 to 86,400"),
        ({"max_order_value": Decimal(0)}, "max_order_value must be above 0 rupees, was 0"),
        ({"max_daily_loss": Decimal(-5)}, "max_daily_loss must be above 0 rupees"),
        ({"max_exposure": Decimal("0.000000001")}, "max_exposure cannot be kept"),
        ({"max_exposure": Decimal("Infinity")}, "max_exposure cannot be kept"),
        ({"drawdown_stop": 5.0}, "drawdown_stop cannot be kept"),
        ({"drawdown_caution": Decimal(9), "drawdown_stop": Decimal(8)}, "must not lie beyond drawdown_stop"),
        ({"entries_until": time(15, tzinfo=IST)}, "entries_until must be a time on the Indian clock"),
        ({"square_off_at": "15:10"}, "square_off_at must be a time"),
        ({"allow": frozenset({"INFY"})}, "'INFY' is no listing"),
        ({"deny": frozenset({"MARS:INFY"})}, "is no exchange"),
        ({"cooldown_s": 5, "clamp": frozenset({"cooldown_s"})}, "cooldown_s cannot lower a quantity"),
        ({"clamp": frozenset({"max_order_value"})}, "max_order_value shall lower quantities, but is not set"),
        ({"scope": Scope.STRATEGY}, "need the strategy"),
        ({"scope": Scope.ACCOUNT}, "need the account"),
        ({"strategy": "A"}, "hold for more than"),
        ({"scope": Scope.STRATEGY, "strategy": "A", "account_id": 1}, "hold for more than"),
    ],
)
def test_limits_that_make_no_sense_are_refused_by_name(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        check_limits(RiskLimits(**wrong))


def test_limits_of_every_kind_that_make_sense_are_taken() -> None:
    amounts = dict.fromkeys(("max_order_value", "max_daily_loss", "max_exposure", "drawdown_caution"), Decimal("0.01"))
    counts = dict.fromkeys(("max_quantity_per_order", "max_open_positions", "max_orders_per_minute", "cooldown_s"), 1)
    given: dict[str, Any] = {**amounts, **counts, "allow": frozenset({"NSE:M&M"}), "deny": frozenset(), "square_off_at": time(15)}
    assert check_limits(RiskLimits(**given, clamp=frozenset({"max_order_value", "max_exposure"}))) is None


def test_of_numbers_the_strictest_holds_and_of_lists_all_of_them() -> None:
    rows = (
        RiskLimits(cooldown_s=60, deny=frozenset({"NSE:A"}), entries_until=time(15), clamp=frozenset()),
        RiskLimits(Scope.ACCOUNT, account_id=1, cooldown_s=30, deny=frozenset({"NSE:B"}), entries_until=time(14)),
    )
    held = {limit.name: (limit.value, limit.scopes) for limit in effective(rows)}
    assert held["cooldown_s"] == (60, (Scope.GLOBAL,))
    assert held["entries_until"] == (time(14), (Scope.ACCOUNT,))
    assert held["deny"] == (frozenset({"NSE:A", "NSE:B"}), (Scope.GLOBAL, Scope.ACCOUNT))
    assert held["max_exposure"] == (None, ())


def test_a_limit_refuses_when_any_scope_of_its_value_does() -> None:
    name = "max_order_value"
    lowers = RiskLimits(max_order_value=Decimal(5), clamp=frozenset({name}))
    refuses = RiskLimits(Scope.ACCOUNT, account_id=1, max_order_value=Decimal(5))
    mode = {limit.name: limit.clamps for limit in effective((lowers, refuses))}
    assert (mode[name], dict(zip(NAMES, effective((lowers,)), strict=True))[name].clamps) == (False, True)


@given(orders(), books, limits)
def test_what_is_shown_to_hold_is_what_the_gate_holds_to(order: Any, book: Any, rows: tuple[RiskLimits, ...]) -> None:
    """Limits on counts, lists and times give one verdict as stored in three scopes and as shown in one."""
    names = ("allow", "deny", "products", "order_types", "entries_until", "square_off_at", "max_quantity_per_order")
    kept = tuple(
        RiskLimits(row.scope, row.strategy, row.account_id, **{name: getattr(row, name) for name in names}) for row in rows
    )
    shown = RiskLimits(**{limit.name: limit.value for limit in effective(kept)})
    assert decide(order, book, kept, NOW).quantity == decide(order, book, (shown,), NOW).quantity
