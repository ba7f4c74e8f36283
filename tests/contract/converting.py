"""The contract of converting positions."""

from __future__ import annotations

from decimal import Decimal

import pytest

from sigma.domain.orders import OrderStatus, OrderType, Outcome, Product, Side
from sigma.domain.portfolio import Conversion
from tests.contract.stage import Stage, buy


def held(stage: Stage, product: Product) -> int:
    """Return the open units of a product."""
    rows = stage.broker.positions().rows
    return sum(row.quantity for row in rows if (row.listing, row.product) == ("NSE:INFY", product))


def bought(stage: Stage, quantity: int = 5, side: Side = Side.BUY) -> None:
    """Open an intraday position."""
    protection = Decimal(-1) if stage.kit.capabilities.market_protection else None
    request = buy(quantity, side=side, order_type=OrderType.MARKET, price=None, market_protection=protection)
    order, _ = stage.placed(request)
    stage.row(order, lambda row: row.status is OrderStatus.FILLED)


def wanted(quantity: int, side: Side = Side.BUY, new: Product = Product.CNC, *, overnight: bool = False) -> Conversion:
    """Return a conversion of an intraday position."""
    return Conversion("NSE:INFY", side, quantity, Product.MIS, new, overnight)


class ConversionContract:
    """Converting positions."""

    def test_a_conversion_moves_units_between_products(self, stage: Stage) -> None:
        intraday, delivery = held(stage, Product.MIS), held(stage, Product.CNC)
        bought(stage)
        answer = stage.broker.convert(wanted(3))
        assert (answer.outcome, answer.broker_order_id) == (Outcome.ACCEPTED, None)
        assert (held(stage, Product.MIS), held(stage, Product.CNC)) == (intraday + 2, delivery + 3)

    def test_more_than_is_held_is_refused(self, stage: Stage) -> None:
        bought(stage)
        answer = stage.broker.convert(wanted(held(stage, Product.MIS) + 1))
        assert answer.outcome is Outcome.REFUSED, answer

    def test_units_of_today_are_not_those_carried_over(self, stage: Stage) -> None:
        bought(stage)
        assert stage.broker.convert(wanted(1, overnight=True)).outcome is Outcome.REFUSED

    @pytest.mark.parametrize("kind", ["drop_after_commit", "html_504_after_commit", "garbage"])
    def test_a_lost_answer_is_unknown_and_the_units_moved_once(self, stage: Stage, kind: str) -> None:
        bought(stage)
        before = held(stage, Product.CNC)
        stage.control.fault(kind, broker=stage.name, endpoint="convert")
        assert stage.broker.convert(wanted(2)).outcome is Outcome.UNKNOWN
        assert held(stage, Product.CNC) == before + 2

    def test_a_listing_on_an_exchange_without_orders_is_not_sent(self, stage: Stage) -> None:
        other = Conversion("MCX:GOLD", Side.BUY, 1, Product.MIS, Product.NRML)
        assert stage.broker.convert(other).outcome is Outcome.NOT_SENT
