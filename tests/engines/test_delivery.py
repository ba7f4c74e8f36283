"""What may be sold for delivery: what is held and not on its way out already."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.orders import Fill, OrderStatus, Product, Side
from sigma.domain.portfolio import Holding
from sigma.engines.delivery import sellable
from tests.engines.build import NOW, TODAY, order, request

NAMES = frozenset({"NSE:INFY", "BSE:INFY"})
PRICE = Decimal(1500)


def held(quantity: int, t1: int = 0, listing: str = "NSE:INFY", **more: int) -> Holding:
    """A holding of so many settled units; some more are on their way, and some pledged."""
    return Holding(listing, "INFY", "NSE", "INE1", quantity, t1, more.get("pledged", 0), PRICE, PRICE, PRICE, 0)


def fill(side: Side, quantity: int, at: datetime = NOW, product: Product = Product.CNC) -> Fill:
    """An execution of today."""
    return Fill(0, 1, 1, "NSE", TODAY, "B1", f"{side}{quantity}{at}", "NSE:INFY", side, product, quantity, PRICE, at)


BEFORE, AFTER = NOW - timedelta(minutes=1), NOW + timedelta(minutes=1)


def test_settled_shares_and_those_on_their_way_can_be_sold_and_pledged_ones_cannot() -> None:
    found = sellable([held(100, 20, pledged=10), held(7, listing="NSE:SBIN")], NOW, [], [], NAMES)
    assert (found.quantity, found.words) == (120, "120 settled or on their way")


def test_what_is_being_sold_already_is_not_there_to_be_sold() -> None:
    sale = request(side=Side.SELL, quantity=30)
    orders = [
        order(OrderStatus.OPEN, request=sale, filled_quantity=10),
        order(OrderStatus.OPEN, request=sale, slices=2),
        order(OrderStatus.WAITING, request=sale),
        order(OrderStatus.UNKNOWN, request=request(side=Side.SELL, quantity=5, listing="BSE:INFY")),
        order(OrderStatus.OPEN, request=request(side=Side.SELL, quantity=5, product=Product.MIS)),
    ]
    found = sellable([held(100)], NOW, [], orders, NAMES)
    assert (found.quantity, found.selling) == (75, 25)


def test_the_day_s_sales_count_once_whether_the_list_was_read_before_or_after_them() -> None:
    assert sellable([held(90)], NOW, [fill(Side.SELL, 10, BEFORE)], [], NAMES).quantity == 90
    assert sellable([held(100)], NOW, [fill(Side.SELL, 10, AFTER)], [], NAMES).quantity == 90


def test_what_was_bought_for_delivery_today_can_be_sold_and_an_intraday_purchase_cannot() -> None:
    bought = [fill(Side.BUY, 5, BEFORE), fill(Side.BUY, 50, BEFORE, Product.MIS)]
    assert sellable([held(100)], NOW, bought, [], NAMES).quantity == 105


MOVE = st.tuples(st.sampled_from(list(Side)), st.integers(1, 50))


@given(st.integers(0, 100), st.lists(MOVE, max_size=6), st.integers(0, 6))
def test_what_can_be_sold_does_not_depend_on_when_the_list_was_read(start: int, moves: list[tuple[Side, int]], read: int) -> None:
    fills = [fill(side, units, NOW + timedelta(seconds=10 * number)) for number, (side, units) in enumerate(moves)]
    net = sum(one.quantity * one.side.sign for one in fills)
    shown = sum(one.quantity * one.side.sign for one in fills[:read])
    taken_at = NOW + timedelta(seconds=10 * read - 5)
    found = sellable([held(start + min(0, shown))], taken_at, fills, [], NAMES)
    assert found.held + found.traded == start + net
