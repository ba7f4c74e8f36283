from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.money import RoundTo, decimal_from, indian, on_tick, round_to_tick

prices = st.decimals(Decimal("0.01"), Decimal(1_000_000), places=4)
ticks = st.sampled_from([Decimal("0.01"), Decimal("0.05"), Decimal("0.0025"), Decimal(1), Decimal("0.5")])


@given(prices, ticks, st.sampled_from(list(RoundTo)))
def test_rounding_to_the_tick_lands_on_the_grid_and_is_idempotent(price: Decimal, tick: Decimal, to: RoundTo) -> None:
    rounded = round_to_tick(price, tick, to)
    assert on_tick(rounded, tick)
    assert round_to_tick(rounded, tick, to) == rounded
    assert abs(rounded - price) < tick


@given(prices, ticks)
def test_up_never_goes_below_and_down_never_above(price: Decimal, tick: Decimal) -> None:
    assert round_to_tick(price, tick, RoundTo.DOWN) <= price <= round_to_tick(price, tick, RoundTo.UP)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_a_float_comes_in_as_it_is_written(value: float) -> None:
    assert float(decimal_from(value)) == value


@pytest.mark.parametrize("value", ["", "abc", "nan", "inf", float("nan"), float("inf"), True, "1.2.3"])
def test_what_is_no_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="number"):
        decimal_from(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "text"),
    [("1204711.7", "12,04,711.70"), ("-35564.03", "-35,564.03"), ("999", "999.00"), ("100000", "1,00,000.00"), ("0", "0.00")],
)
def test_rupees_are_grouped_the_indian_way(value: str, text: str) -> None:
    assert indian(Decimal(value)) == text


@given(st.decimals(-(10**12), 10**12, places=2))
def test_grouping_changes_no_digit(value: Decimal) -> None:
    assert Decimal(indian(value).replace(",", "")) == value
