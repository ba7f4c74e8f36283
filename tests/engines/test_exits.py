"""Exits: what closes a position, and no unit more."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.orders import OrderStatus, OrderType, Product, Side
from sigma.domain.portfolio import Position
from sigma.engines.exits import plan_exits
from tests.engines.build import order, request


def position(quantity: int, listing: str | None = "NSE:INFY", product: Product | None = Product.MIS) -> Position:
    """A position of so many units."""
    paid = Decimal(100)
    return Position(listing, "INFY", "NSE", product, quantity, 0, paid, paid, paid, paid, paid, 0, 0)


def working(side: Side, quantity: int, **changes: object) -> object:
    return order(
        OrderStatus.OPEN,
        request=request(side=side, quantity=quantity, product=Product.MIS, order_type=OrderType.MARKET, price=None),
        **changes,
    )


def test_each_position_is_closed_at_the_market_in_its_own_product_the_largest_first() -> None:
    found = plan_exits([position(5), position(-20, "NFO:NIFTY26NOVFUT", Product.NRML), position(0, "NSE:SBIN")], [])
    assert [(plan.listing, plan.side, plan.quantity, plan.product) for plan in found] == [
        ("NFO:NIFTY26NOVFUT", Side.BUY, 20, Product.NRML),
        ("NSE:INFY", Side.SELL, 5, Product.MIS),
    ]
    assert {plan.order_type for plan in found} == {OrderType.MARKET}


def test_a_position_that_has_no_name_here_has_no_exit() -> None:
    assert plan_exits([position(5, None), position(5, product=None)], []) == []


def test_what_orders_at_work_would_take_is_left_to_them_and_a_cut_order_counts_through_its_slices() -> None:
    exits = [working(Side.SELL, 3), working(Side.BUY, 50), working(Side.SELL, 3, slices=2)]
    (found,) = plan_exits([position(5)], exits)  # type: ignore[arg-type]
    assert (found.side, found.quantity) == (Side.SELL, 2)


@given(st.integers(-1000, 1000), st.lists(st.integers(1, 400), max_size=5))
def test_exits_and_what_works_already_never_turn_a_position(held: int, quantities: list[int]) -> None:
    side = Side.SELL if held > 0 else Side.BUY
    at_work = [working(side, quantity) for quantity in quantities]
    planned = sum(plan.quantity for plan in plan_exits([position(held)], at_work))  # type: ignore[arg-type]
    assert planned == max(0, abs(held) - sum(quantities))
