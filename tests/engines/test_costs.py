"""What orders cost, by worked examples whose arithmetic stands beside them, and by laws."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.charges import Charges
from sigma.domain.errors import InvalidInput, NotFound
from sigma.domain.instruments import Exchange, Kind
from sigma.domain.orders import Product, Side
from sigma.domain.rates import NO_RATES, Segment, Trading, segment_of
from sigma.engines.costs import Executed, charges, of_orders
from sigma.infra.charge_rates import shipped_rates

RATES = shipped_rates()
ZERODHA = RATES["zerodha"]
NOVEMBER, MARCH = date(2026, 11, 20), date(2026, 3, 20)
DELIVERY, INTRADAY = (Segment(Exchange.NSE, one) for one in (Trading.DELIVERY, Trading.INTRADAY))
FUTURES, OPTIONS = (Segment(Exchange.NFO, one) for one in (Trading.FUTURES, Trading.OPTIONS))
PRODUCT = {DELIVERY: Product.CNC, INTRADAY: Product.MIS, FUTURES: Product.NRML, OPTIONS: Product.NRML}
segments = st.sampled_from(list(PRODUCT))
sides = st.sampled_from(list(Side))
prices = st.decimals("0.05", "50000", places=2)


def cost(side: Side, segment: Segment, quantity: int, price: str | Decimal, on: date = NOVEMBER) -> Charges:
    return charges(side, PRODUCT[segment], segment, quantity, Decimal(price), ZERODHA, on)


def test_intraday_shares_as_the_public_calculators_count_them() -> None:
    """Buy 400 at 1,000, sell at 1,100.

    Brokerage min(0.03 % of 400,000 = 120, 20) = 20 on each side. STT 0.025 % of 440,000 = 110 on the sale. NSE 0.00307 % of
    400,000 = 12.28 and of 440,000 = 13.508. SEBI 10 a crore: 0.40 and 0.44. Stamp 0.003 % of 400,000 = 12. GST 18 % of
    20 + 0.40 + 12.28 = 5.8824 and of 20 + 0.44 + 13.51 = 6.111. Together 50.56 + 150.06.
    """
    bought, sold = cost(Side.BUY, INTRADAY, 400, "1000"), cost(Side.SELL, INTRADAY, 400, "1100")
    assert bought == Charges(*map(Decimal, ("20.00", "0", "12.28", "0.40", "12.00", "5.88", "0")))
    assert sold == Charges(*map(Decimal, ("20.00", "110", "13.51", "0.44", "0", "6.11", "0")))
    assert (bought + sold).total == Decimal("200.62")


def test_delivery_costs_no_brokerage_and_a_fee_of_the_depository_when_sold() -> None:
    """100 at 1,500: STT 0.1 % of 150,000 = 150; NSE 4.605, SEBI 0.15, stamp 0.015 % = 22.50, GST 18 % of 4.76 = 0.8568."""
    bought, sold = cost(Side.BUY, DELIVERY, 100, "1500"), cost(Side.SELL, DELIVERY, 100, "1500")
    assert bought == Charges(*map(Decimal, ("0.00", "150", "4.61", "0.15", "22.50", "0.86", "0")))
    assert (sold.stamp, sold.other) == (0, ZERODHA.at(DELIVERY, NOVEMBER).depository)


@pytest.mark.parametrize(
    ("segment", "on", "stt"),
    [(FUTURES, MARCH, 375), (FUTURES, NOVEMBER, 938), (OPTIONS, MARCH, 1875), (OPTIONS, NOVEMBER, 2813)],
)
def test_the_tax_on_contracts_is_that_of_the_day(segment: Segment, on: date, stt: int) -> None:
    """75 at 25,000 is 1,875,000: 0.02 %, 0.05 % (937.50, rounded up), 0.1 % and 0.15 % (2,812.50) of it, on the sale only."""
    assert cost(Side.SELL, segment, 75, "25000", on).stt == stt
    assert cost(Side.BUY, segment, 75, "25000", on).stt == 0


def test_an_option_costs_twenty_rupees_of_brokerage_however_small() -> None:
    assert cost(Side.BUY, OPTIONS, 75, "0.05").brokerage == 20
    assert cost(Side.BUY, FUTURES, 75, "100").brokerage == Decimal("2.25")


def test_a_day_before_the_table_is_not_known() -> None:
    with pytest.raises(NotFound, match="NSE delivery on 30 Sep 2024") as caught:
        cost(Side.BUY, DELIVERY, 1, "100", date(2024, 9, 30))
    assert caught.value.code == NO_RATES


def test_a_segment_without_rates_is_not_known() -> None:
    with pytest.raises(NotFound, match="MCX futures"):
        ZERODHA.at(Segment(Exchange.MCX, Trading.FUTURES), NOVEMBER)


@pytest.mark.parametrize(("quantity", "price"), [(0, "100"), (-1, "100"), (1, "0"), (1, "-5"), (1, "NaN")])
def test_charges_of_nothing_are_refused(quantity: int, price: str) -> None:
    with pytest.raises(InvalidInput, match="nothing to charge"):
        cost(Side.BUY, DELIVERY, quantity, price)


def test_shares_are_delivered_unless_the_product_is_intraday() -> None:
    assert segment_of(Exchange.NSE, Kind.EQUITY, Product.CNC) == segment_of(Exchange.NSE, Kind.ETF, Product.MTF) == DELIVERY
    assert segment_of(Exchange.NSE, Kind.EQUITY, Product.MIS) == INTRADAY
    assert segment_of(Exchange.NFO, Kind.OPTION, Product.MIS) == OPTIONS
    assert segment_of(Exchange.NFO, Kind.FUTURE, Product.NRML) == FUTURES
    with pytest.raises(InvalidInput, match="cannot be traded"):
        segment_of(Exchange.NSE, Kind.INDEX, Product.CNC)
    with pytest.raises(InvalidInput, match="no NSE delivery"):
        charges(Side.BUY, Product.MIS, DELIVERY, 1, Decimal(1), ZERODHA, NOVEMBER)


def test_the_depository_asks_once_a_day_and_listing() -> None:
    sale = Executed("NSE:INFY", Side.SELL, Product.CNC, DELIVERY, 5, Decimal(1500), NOVEMBER)
    other = Executed("NSE:TCS", Side.SELL, Product.CNC, DELIVERY, 5, Decimal(3000), NOVEMBER)
    fee = ZERODHA.at(DELIVERY, NOVEMBER).depository
    assert of_orders([sale, sale, other], ZERODHA).other == 2 * fee
    assert of_orders([], ZERODHA) == Charges()


@given(st.sampled_from(sorted(RATES)), sides, segments, st.integers(1, 100_000), prices)
def test_no_part_is_ever_below_zero(broker: str, side: Side, segment: Segment, quantity: int, price: Decimal) -> None:
    made = charges(side, PRODUCT[segment], segment, quantity, price, RATES[broker], NOVEMBER)
    parts = [getattr(made, one.name) for one in fields(made)]
    assert min(parts) >= 0
    assert made.total == sum(parts)


@given(sides, segments, st.integers(1, 5000), st.integers(1, 5000), prices)
def test_one_order_costs_what_its_parts_cost_up_to_rounding(
    side: Side, segment: Segment, one: int, other: int, price: Decimal
) -> None:
    parts = cost(side, segment, one, price) + cost(side, segment, other, price)
    whole = cost(side, segment, one + other, price)
    assert abs(whole.stt - parts.stt) <= Decimal("1.5")
    for name in ("transaction", "sebi", "stamp"):
        assert abs(getattr(whole, name) - getattr(parts, name)) <= Decimal("0.015")
    assert whole.brokerage <= parts.brokerage + Decimal("0.015")
