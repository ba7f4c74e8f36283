"""What a signal comes to on each account of its strategy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.accounts import Account, AuthMode, TradingMode
from sigma.domain.errors import InvalidOrder
from sigma.domain.instruments import Exchange, Kind, Listing
from sigma.domain.orders import OrderMode, OrderType, Product, Side
from sigma.domain.signals import ParsedSignal
from sigma.domain.strategies import ShareState, Strategy, StrategyShare
from sigma.engines.signal_shares import plan, scaled, size, usual_of

NOW = datetime(2026, 11, 20, 9, 45, tzinfo=UTC)
INFY = Listing(Exchange.NSE, "INFY", Kind.EQUITY, "INFOSYS", tick_size=Decimal("0.05"))
FUTURE = Listing(Exchange.NFO, "NIFTY26DECFUT", Kind.FUTURE, "NIFTY", lot_size=75, tick_size=Decimal("0.05"))
INDEX = Listing(Exchange.NSE, "NIFTY 50", Kind.INDEX, "NIFTY 50")
SIGNAL = ParsedSignal("NSE:INFY", Side.BUY, 10, OrderType.MARKET, Product.MIS, strategy="ORB")
STRATEGY = Strategy(7, 1, "ORB", NOW, mode=OrderMode.AUTO, shares=(StrategyShare(1), StrategyShare(2, Decimal("0.5"))))


def account(number: int, *, enabled: bool = True) -> Account:
    return Account(number, 1, "alpha", f"a{number}", None, False, enabled, TradingMode.NORMAL, AuthMode.MANUAL, NOW)


ACCOUNTS = {1: account(1), 2: account(2)}


@given(st.integers(1, 10**9), st.decimals("0.0001", "1000", places=4), st.sampled_from([1, 15, 75, 1250]))
def test_a_multiplied_quantity_is_the_largest_whole_lots_below(quantity: int, multiplier: Decimal, lot: int) -> None:
    units = scaled(quantity, multiplier, lot)
    assert units % lot == 0
    assert units <= quantity * multiplier < units + lot


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.sampled_from([1, 75]))
def test_an_amount_never_buys_more_than_it_pays_for(rupees: int, paise: int, lot: int) -> None:
    signal = replace(SIGNAL, quantity=None, amount=Decimal(rupees), ref_price=Decimal(paise) / 100)
    listing = replace(INFY, lot_size=lot)
    try:
        units = size(signal, listing)
    except InvalidOrder:
        units = 0
    assert units is not None
    assert units * Decimal(paise) / 100 <= rupees
    assert (units + lot) * Decimal(paise) / 100 > rupees


def test_each_account_gets_its_multiple() -> None:
    parts = plan(SIGNAL, INFY, STRATEGY, ACCOUNTS).parts
    assert [part.request and part.request.quantity for part in parts] == [10, 5]


def test_a_quantity_is_floored_to_whole_lots_and_what_is_less_than_one_is_skipped() -> None:
    one, two = plan(replace(SIGNAL, quantity=149), FUTURE, STRATEGY, ACCOUNTS).parts
    assert (one.request and one.request.quantity, two.state) == (75, ShareState.SKIPPED)
    assert "less than one lot" in two.note


def test_a_disabled_or_removed_account_is_skipped_and_the_other_is_not() -> None:
    parts = plan(SIGNAL, INFY, STRATEGY, {1: account(1, enabled=False), 2: account(2)}).parts
    assert [part.state for part in parts] == [ShareState.SKIPPED, ShareState.DONE]
    assert "removed" in plan(SIGNAL, INFY, STRATEGY, {2: account(2)}).parts[0].note


def test_with_no_account_to_take_it_the_order_waits_alone_with_the_reason() -> None:
    found = plan(SIGNAL, INFY, STRATEGY, {1: account(1, enabled=False)})
    assert found.request is not None
    assert found.request.quantity == 10
    assert "a1 is disabled" in found.notes[0]


@pytest.mark.parametrize(
    ("strategy", "told"),
    [
        (None, "no strategy 'ORB'"),
        (replace(STRATEGY, enabled=False), "disabled"),
        (replace(STRATEGY, shares=()), "has no account"),
    ],
)
def test_without_a_strategy_that_decides_the_order_waits_alone(strategy: Strategy | None, told: str) -> None:
    found = plan(SIGNAL, INFY, strategy, ACCOUNTS)
    assert (found.parts, found.marked) == ((), "")
    assert found.request is not None
    assert told in found.notes[0]
    leaving = plan(replace(SIGNAL, quantity=None, exits=True), INFY, strategy, ACCOUNTS)
    assert leaving.request is None
    assert told in leaving.marked


def test_an_exit_of_what_is_held_is_left_to_each_account() -> None:
    parts = plan(replace(SIGNAL, quantity=None, exits=True, side=None), INFY, STRATEGY, ACCOUNTS).parts
    assert [part.state for part in parts] == [ShareState.PENDING, ShareState.PENDING]


def test_what_can_never_be_an_order_is_marked() -> None:
    assert "index" in plan(SIGNAL, INDEX, STRATEGY, ACCOUNTS).marked
    assert "no price" in plan(replace(SIGNAL, quantity=None, amount=Decimal(5000)), INFY, STRATEGY, ACCOUNTS).marked


def test_a_strategys_words_hold_where_it_has_some() -> None:
    assert usual_of(None).order_type is OrderType.MARKET
    usual = usual_of(replace(STRATEGY, product=Product.NRML))
    assert (usual.order_type, usual.product) == (OrderType.MARKET, Product.NRML)
