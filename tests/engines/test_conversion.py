"""Conversions: what may be converted, and what positions tell of one whose answer was lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sigma.adapters.zerodha.capabilities import CAPABILITIES
from sigma.domain.errors import Conflict, InvalidOrder, Unsupported
from sigma.domain.orders import Command, CommandKind, CommandState, Product, Side
from sigma.domain.portfolio import Conversion, Position
from sigma.engines.conversion import Held, held_of, judge, plan, products_for
from sigma.engines.settlement import SECOND, Finding, SettleRules

NOW, TODAY = datetime(2026, 11, 20, 5, tzinfo=UTC), date(2026, 11, 20)
RULES = SettleRules(call_timeout=1, visibility_delay=2, absence_gap=1)
COMMAND = Command(1, None, 1, CommandKind.CONVERT, CommandState.UNKNOWN, NOW, claimed_at=NOW, send_by_ns=0, unknown_ns=0)
LATE = 10 * SECOND
NOTHING = Held(0, 0)
units = some.integers(-500, 500)
sides = some.sampled_from(Side)


def position(quantity: int, overnight: int = 0, product: Product = Product.MIS, listing: str = "NSE:INFY") -> Position:
    zero = Decimal(0)
    return Position(listing, "INFY", "NSE", product, quantity, overnight, zero, zero, None, zero, zero, 0, 0)


def planned(quantity: int, *rows: Position, old: Product = Product.MIS, new: Product = Product.CNC) -> Conversion:
    return plan("NSE:INFY", quantity, old, new, rows, (), CAPABILITIES)


@given(units.filter(bool), some.integers(1, 500))
def test_no_more_is_converted_than_is_held(held: int, quantity: int) -> None:
    if quantity > abs(held):
        with pytest.raises(Conflict, match="are held in MIS"):
            planned(quantity, position(held))
    else:
        made = planned(quantity, position(held))
        assert (made.side.sign * held > 0, made.quantity, made.overnight) == (True, quantity, False)


@pytest.mark.parametrize(("quantity", "overnight"), [(3, False), (5, True)])
def test_units_of_today_go_first_and_carried_ones_apart(quantity: int, overnight: bool) -> None:
    assert planned(quantity, position(8, 5)).overnight is overnight
    with pytest.raises(Conflict, match="3 of NSE:INFY are of today and 5 were carried"):
        planned(7, position(8, 5))


def test_a_short_position_is_counted_on_its_own_side() -> None:
    made = planned(5, position(-8, -5), new=Product.MTF)
    assert (made.side, made.overnight) == (Side.SELL, True)


@pytest.mark.parametrize(
    ("quantity", "old", "new", "error"),
    [
        (0, Product.MIS, Product.CNC, InvalidOrder),
        (1, Product.MIS, Product.MIS, Unsupported),
        (1, Product.MIS, Product.NRML, Unsupported),
        (1, Product.CNC, Product.MIS, Conflict),
    ],
)
def test_what_makes_no_sense_is_refused(quantity: int, old: Product, new: Product, error: type[Exception]) -> None:
    with pytest.raises(error):
        planned(quantity, position(8), old=old, new=new)


def test_shares_are_never_carried_and_derivatives_never_delivered() -> None:
    assert products_for("NSE:INFY", CAPABILITIES) == (Product.CNC, Product.MIS, Product.MTF)
    assert products_for("NFO:NIFTY26NOVFUT", CAPABILITIES) == (Product.MIS, Product.NRML)


@given(sides, some.integers(1, 100), units, units, units, units)
def test_the_shift_alone_tells_that_it_happened_whatever_was_held_or_executed(
    side: Side, quantity: int, old: int, new: int, moved_old: int, moved_new: int
) -> None:
    wish = Conversion("NSE:INFY", side, quantity, Product.MIS, Product.CNC)
    shift = quantity * side.sign
    before, moved = Held(old, new), Held(moved_old, moved_new)
    after = Held(old + moved_old - shift, new + moved_new + shift)
    assert judge(wish, COMMAND, before, after, moved, 0, RULES, TODAY).finding is Finding.APPLIED
    same = Held(old + moved_old, new + moved_new)
    assert judge(wish, COMMAND, before, same, moved, LATE, RULES, TODAY).finding is Finding.WAIT
    once = replace(COMMAND, absent_reads=(LATE,))
    assert judge(wish, once, before, same, moved, LATE + SECOND, RULES, TODAY).finding is Finding.NOT_APPLIED


@given(sides, some.integers(1, 100), units, units)
def test_any_other_difference_is_for_a_person_once_the_wait_is_over(side: Side, quantity: int, one: int, other: int) -> None:
    wish, shift = Conversion("NSE:INFY", side, quantity, Product.MIS, Product.CNC), quantity * side.sign
    if Held(one, other) in (NOTHING, Held(-shift, shift)):
        return
    late = judge(wish, COMMAND, NOTHING, Held(one, other), NOTHING, LATE, RULES, TODAY)
    soon = judge(wish, COMMAND, NOTHING, Held(one, other), NOTHING, 0, RULES, TODAY)
    assert (late.finding, soon.finding) == (Finding.LOOK_ALIKE, Finding.WAIT)


def test_another_day_s_positions_prove_nothing_but_that_it_happened() -> None:
    wish = Conversion("NSE:INFY", Side.BUY, 5, Product.MIS, Product.CNC)
    tomorrow = date(2026, 11, 21)
    assert judge(wish, COMMAND, Held(5, 0), Held(5, 0), NOTHING, LATE, RULES, tomorrow).finding is Finding.DAY_OVER
    assert judge(wish, COMMAND, Held(5, 0), Held(0, 5), NOTHING, LATE, RULES, tomorrow).finding is Finding.APPLIED


def test_only_the_two_products_of_the_listing_count() -> None:
    wish = Conversion("NSE:INFY", Side.BUY, 5, Product.MIS, Product.CNC)
    rows = [position(3), position(4, product=Product.CNC), position(9, product=Product.MTF), position(7, listing="NSE:TCS")]
    assert held_of(wish, rows) == Held(3, 4)
