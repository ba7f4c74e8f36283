from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.market import Level
from sigma.domain.orders import OrderType, Side, Validity
from sigma.engines.matching import (
    AUTOMATIC,
    MarketView,
    WorkingOrder,
    automatic_protection,
    is_triggered,
    match,
    protected_price,
)

D = Decimal
TICK = D("0.05")


def view(last: str = "100.00", bids: int = 10, asks: int = 10) -> MarketView:
    """Three levels a side: asks 100.00, 100.05, 100.10; bids 99.95, 99.90, 99.85."""
    price = D(last)
    return MarketView(
        price,
        tuple(Level(price - TICK * (n + 1), bids) for n in range(3)),
        tuple(Level(price + TICK * n, asks) for n in range(3)),
        TICK,
        price * D("0.8"),
        price * D("1.2"),
    )


def limit(side: Side, quantity: int, price: str, **more: object) -> WorkingOrder:
    return replace(WorkingOrder(side, quantity, OrderType.LIMIT, D(price)), **more)


def test_a_buy_limit_takes_every_level_at_or_below_it_at_the_levels_prices() -> None:
    result = match(limit(Side.BUY, 15, "100.05"), view())
    assert [(one.quantity, one.price) for one in result.executions] == [(10, D("100.00")), (5, D("100.05"))]
    assert result.order.remaining == 0


def test_what_depth_does_not_fill_rests_and_fills_when_the_price_comes() -> None:
    first = match(limit(Side.BUY, 25, "100.00"), view())
    assert (first.filled, first.order.remaining, first.cancelled) == (10, 15, 0)
    assert match(first.order, first.view).executions == ()
    assert match(first.order, view("99.90")).filled == 15


def test_a_sell_limit_above_the_bids_rests() -> None:
    assert match(limit(Side.SELL, 5, "100.00"), view()).executions == ()


def test_an_ioc_order_gives_back_what_does_not_fill_at_once() -> None:
    result = match(limit(Side.BUY, 40, "100.05", validity=Validity.IOC), view())
    assert (result.filled, result.cancelled, result.order.remaining) == (20, 20, 0)


def test_a_market_order_becomes_a_limit_order_at_its_protected_price() -> None:
    order = WorkingOrder(Side.BUY, 50, OrderType.MARKET, market_protection=D(1))
    result = match(order, view())
    assert result.order.order_type is OrderType.LIMIT
    assert result.order.price == D("101.00")
    assert (result.filled, result.order.remaining) == (30, 20)


@pytest.mark.parametrize(("side", "last", "goes_off"), [("BUY", "101", True), ("BUY", "99.95", False), ("SELL", "99", True)])
def test_a_stop_goes_off_at_or_beyond_its_trigger(side: str, last: str, goes_off: bool) -> None:
    assert is_triggered(Side(side), D("100"), D(last)) is goes_off
    assert is_triggered(Side(side), D("100"), D("100"))


def test_a_stop_limit_waits_for_its_trigger_and_then_keeps_its_limit() -> None:
    order = WorkingOrder(Side.BUY, 5, OrderType.SL, D("100.00"), D("100.00"))
    assert match(order, view("99.00")).order == order
    gone_off = match(order, view("100.05"))
    assert gone_off.order.triggered
    assert gone_off.order.order_type is OrderType.LIMIT
    assert gone_off.executions == ()  # the market has jumped over the limit


def test_a_stop_market_executes_once_it_has_gone_off() -> None:
    order = WorkingOrder(Side.SELL, 5, OrderType.SL_M, trigger_price=D("100.00"))
    assert match(order, view("100.00")).filled == 5


@pytest.mark.parametrize(
    ("price", "option", "percent"),
    [("99", False, "2"), ("499", False, "1"), ("500", False, "0.5"), ("9", True, "5"), ("99", True, "3"), ("500", True, "1")],
)
def test_the_exchanges_own_protection_follows_its_slabs(price: str, option: bool, percent: str) -> None:
    assert automatic_protection(D(price), option=option) == D(percent)


def test_a_protected_price_stays_inside_the_circuit() -> None:
    assert protected_price(Side.BUY, D(100), view()) == D("120.0")
    assert protected_price(Side.SELL, None, view()) == D("80.0")


quantities = st.integers(1, 500)
prices = st.integers(1_900, 2_100).map(lambda steps: steps * TICK)
levels = st.lists(st.integers(1, 200), max_size=5)


@st.composite
def views(draw: st.DrawFn) -> MarketView:
    last = draw(prices)
    bids = tuple(Level(last - TICK * (n + 1), quantity) for n, quantity in enumerate(draw(levels)))
    asks = tuple(Level(last + TICK * n, quantity) for n, quantity in enumerate(draw(levels)))
    return MarketView(last, bids, asks, TICK, D(80), D(120))


@st.composite
def orders(draw: st.DrawFn) -> WorkingOrder:
    kind = draw(st.sampled_from(list(OrderType)))
    return WorkingOrder(
        side=draw(st.sampled_from(list(Side))),
        remaining=draw(quantities),
        order_type=kind,
        price=draw(prices) if kind.has_price else None,
        trigger_price=draw(prices) if kind.has_trigger else None,
        validity=draw(st.sampled_from(list(Validity))),
        market_protection=draw(st.sampled_from([AUTOMATIC, None, D(1), D(5)])),
    )


@given(orders(), views())
def test_filled_left_and_cancelled_add_up_to_the_quantity(order: WorkingOrder, market: MarketView) -> None:
    result = match(order, market)
    assert result.filled + result.order.remaining + result.cancelled == order.remaining
    assert all(one.quantity > 0 for one in result.executions)


@given(orders(), views())
def test_no_execution_is_worse_than_the_limit(order: WorkingOrder, market: MarketView) -> None:
    result = match(order, market)
    bound = order.price if order.price is not None else result.order.price
    for one in result.executions:
        assert bound is not None
        assert one.price <= bound if order.side is Side.BUY else one.price >= bound


@given(orders(), views())
def test_depth_loses_exactly_what_was_filled(order: WorkingOrder, market: MarketView) -> None:
    result = match(order, market)
    offered = sum(level.quantity for level in (market.asks if order.side is Side.BUY else market.bids))
    left = sum(level.quantity for level in (result.view.asks if order.side is Side.BUY else result.view.bids))
    assert offered - left == result.filled
    assert (result.view.bids if order.side is Side.BUY else result.view.asks) == (
        market.bids if order.side is Side.BUY else market.asks
    )


@given(orders(), views())
def test_looking_again_at_the_same_market_changes_nothing(order: WorkingOrder, market: MarketView) -> None:
    first = match(order, market)
    again = match(first.order, first.view)
    assert again.executions == ()
    assert again.order == first.order


@given(orders(), st.lists(views(), max_size=8))
def test_an_order_never_executes_more_than_its_quantity_over_any_markets(order: WorkingOrder, markets: list[MarketView]) -> None:
    filled, current = 0, order
    for market in markets:
        result = match(current, market)
        filled, current = filled + result.filled, result.order
    assert 0 <= filled <= order.remaining
