"""Laws of the gate, over limits, orders and facts of every kind."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import time, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sigma.domain.accounts import TradingMode
from sigma.domain.ledger import DayResult
from sigma.domain.orders import OrderRequest, OrderType, Product, Side
from sigma.domain.risk import CLAMPABLE, KillState, RiskDecision, RiskLimits, RiskSnapshot, Scope, ScopeFacts
from sigma.engines.risk import decide, replay
from tests.engines.build import NOW, request

LISTINGS = ("NSE:INFY", "NSE:TCS", "BSE:INFY")
UPWARDS = frozenset({"cooldown_s"})
"""Limits of which more is stricter; of the other numbers and times less is."""

units = st.integers(0, 40)
rupees = st.decimals(0, 60_000, places=2, allow_nan=False, allow_infinity=False)
above = st.decimals(1, 60_000, places=2, allow_nan=False, allow_infinity=False)
clocks = st.times(time(9), time(16)).map(lambda at: at.replace(microsecond=0))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "max_quantity_per_order": st.integers(1, 40),
    "max_order_value": above,
    "allow_short_selling": st.booleans(),
    "max_daily_loss": above,
    "max_open_positions": st.integers(1, 5),
    "max_orders_per_minute": st.integers(1, 5),
    "max_exposure": above,
    "allow": st.frozensets(st.sampled_from(LISTINGS)),
    "deny": st.frozensets(st.sampled_from(LISTINGS)),
    "products": st.frozensets(st.sampled_from(Product)),
    "order_types": st.frozensets(st.sampled_from(OrderType)),
    "entries_until": clocks,
    "square_off_at": clocks,
    "cooldown_s": st.integers(1, 120),
    "drawdown_caution": above,
    "drawdown_stop": above,
}
clamps = st.frozensets(st.sampled_from(sorted(CLAMPABLE)))


SIZES = frozenset({*CLAMPABLE, "drawdown_caution"})


def rows(scope: Scope, names: frozenset[str], **named: Any) -> st.SearchStrategy[RiskLimits]:
    optional = {name: st.none() | st.none() | values for name, values in VALUES.items() if name in names}
    return st.builds(
        RiskLimits, scope=st.just(scope), clamp=clamps, **optional, **{key: st.just(value) for key, value in named.items()}
    )


def three(names: frozenset[str]) -> st.SearchStrategy[tuple[RiskLimits, ...]]:
    """Limits of all three scopes."""
    return st.tuples(
        rows(Scope.GLOBAL, names), rows(Scope.STRATEGY, names, strategy="A"), rows(Scope.ACCOUNT, names, account_id=1)
    )


# A few limits at a time: with all of them set next to nothing passes, and there is little left to compare.
chosen = st.frozensets(st.sampled_from(sorted(VALUES)), max_size=3)
limits = chosen.flatmap(three)
sizes = st.frozensets(st.sampled_from(sorted(SIZES)), min_size=1, max_size=1).flatmap(three)
days = st.builds(
    DayResult,
    rupees.map(lambda value: value - 30_000),
    rupees.map(lambda value: value - 30_000),
    rupees,
    st.sampled_from(((), ("NSE:TCS",))),
    st.none() | rupees,
)
moments = st.integers(0, 200).map(lambda seconds: NOW - timedelta(seconds=seconds))


def scope_facts(scope: Scope) -> st.SearchStrategy[ScopeFacts]:
    small = st.none() | st.integers(0, 5)
    return st.builds(ScopeFacts, st.just(scope), small, small, st.none() | days, st.none() | moments)


books = st.builds(
    RiskSnapshot,
    trading_mode=st.sampled_from((TradingMode.NORMAL, TradingMode.NORMAL, TradingMode.EXIT_ONLY)),
    position=st.none() | st.integers(-40, 40),
    exits_working=units,
    last_price=st.none() | above,
    price_at=st.just(NOW),
    kills=st.sampled_from(((), (), (KillState(on=True, reason="drill", at=NOW),))),
    ledger=st.none() | st.integers(-40, 40),
    ledger_working=units,
    lot_size=st.sampled_from((1, 1, 5)),
    reduce_only=st.booleans(),
    killing=st.booleans(),
    automatic=st.booleans(),
    amending=st.booleans(),
    raises=st.booleans(),
    unsettled=st.sampled_from((0, 0, 1)),
    exposure=st.none() | rupees,
    scopes=st.tuples(*(scope_facts(scope) for scope in Scope)),
)


@st.composite
def orders(draw: st.DrawFn) -> OrderRequest:
    kind = draw(st.sampled_from(OrderType))
    return request(
        listing=draw(st.sampled_from(LISTINGS)),
        side=draw(st.sampled_from(Side)),
        quantity=draw(st.integers(1, 8)) * 5,
        order_type=kind,
        product=draw(st.sampled_from(Product)),
        price=draw(above) if kind.has_price else None,
        trigger_price=draw(above) if kind.has_trigger else None,
    )


@st.composite
def tightened(draw: st.DrawFn, name: str) -> tuple[Any, Any]:
    """A value of a limit (or none), and one that is at least as strict."""
    loose, tight = draw(st.none() | VALUES[name]), draw(VALUES[name])
    if loose is None or name == "allow_short_selling":
        return loose, tight if loose is None or loose else False
    if name == "deny":
        return loose, loose | tight
    if isinstance(loose, frozenset):
        return loose, loose & tight
    return loose, max(loose, tight) if name in UPWARDS else min(loose, tight)


def replayed(decision: RiskDecision) -> RiskDecision:
    """Take a decision again from what a JSON column gives back."""
    return replay(replace(decision, inputs=json.loads(json.dumps(dict(decision.inputs)))))


def compare(data: st.DataObject, names: frozenset[str], order: OrderRequest, book: RiskSnapshot, before: Any) -> None:
    """Tighten one limit of one scope, and see that it accepts no more."""
    name, place = data.draw(st.sampled_from(sorted(names))), data.draw(st.integers(0, 2))
    loose, tight = data.draw(tightened(name))
    old, new = (
        tuple(replace(row, **{name: value}) if number == place else row for number, row in enumerate(before))
        for value in (loose, tight)
    )
    first, second = decide(order, book, old, NOW), decide(order, book, new, NOW)
    assert second.allowed <= first.allowed
    assert second.quantity <= first.quantity


@given(st.data(), orders(), books, limits)
def test_tightening_any_limit_never_accepts_what_was_refused_nor_enlarges(
    data: st.DataObject, order: OrderRequest, book: RiskSnapshot, before: tuple[RiskLimits, ...]
) -> None:
    compare(data, frozenset(VALUES), order, book, before)


@settings(max_examples=400)
@given(st.data(), st.sampled_from(Side), st.integers(1, 40), st.integers(0, 20_000), st.booleans(), sizes)
def test_tightening_a_size_never_lets_through_what_another_size_refused(
    data: st.DataObject, side: Side, quantity: int, there: int, cautious: bool, before: tuple[RiskLimits, ...]
) -> None:
    order = request(side=side, quantity=quantity, order_type=OrderType.MARKET, price=None)
    day = DayResult(Decimal(0), Decimal(0), Decimal(0), low_by=Decimal(60_000 if cautious else 0))
    scopes = tuple(ScopeFacts(scope, day=day) for scope in Scope)
    book = RiskSnapshot(TradingMode.NORMAL, last_price=Decimal(800), ledger=5, exposure=Decimal(there), scopes=scopes)
    compare(data, SIZES, order, book, before)


@given(orders(), books, limits)
def test_sizing_never_enlarges_and_leaves_whole_lots(order: OrderRequest, book: RiskSnapshot, rules: Any) -> None:
    decision = decide(order, book, rules, NOW)
    assert 0 <= decision.quantity <= order.quantity
    assert decision.quantity % book.lot_size == 0
    assert decision.allowed is (decision.quantity > 0)


@given(orders(), books, limits)
def test_a_decision_replays_to_itself_through_json(order: OrderRequest, book: RiskSnapshot, rules: Any) -> None:
    decision = decide(order, book, rules, NOW)
    again = replayed(decision)
    assert (again.allowed, again.code, again.text, again.quantity) == (
        decision.allowed,
        decision.code,
        decision.text,
        decision.quantity,
    )
    assert again.results == decision.results


@given(orders(), books, limits)
def test_an_order_that_only_reduces_is_never_lowered_nor_held_up_by_a_limit(
    order: OrderRequest, book: RiskSnapshot, rules: Any
) -> None:
    held = -order.quantity * order.side.sign
    exits = replace(book, position=held, exits_working=0, ledger=held, ledger_working=0, kills=(), automatic=False)
    decision = decide(order, exits, rules, NOW)
    assert (decision.code, decision.quantity) == ("OK", order.quantity)


@given(orders(), books)
def test_what_may_only_reduce_never_exceeds_what_can_be_closed(order: OrderRequest, book: RiskSnapshot) -> None:
    decision = decide(order, replace(book, reduce_only=True), (), NOW)
    closable = book.closable(order.side)
    assert decision.quantity <= (closable or 0)


def test_every_limit_is_among_those_that_the_laws_tighten() -> None:
    assert {one.name for one in fields(RiskLimits)} == {*VALUES, "scope", "strategy", "account_id", "clamp"}


def test_a_price_of_paise_survives_the_store() -> None:
    decision = decide(request(price=Decimal("1500.05")), RiskSnapshot(TradingMode.NORMAL, last_price=Decimal("0.05")), (), NOW)
    assert replayed(decision).inputs == json.loads(json.dumps(dict(decision.inputs)))
