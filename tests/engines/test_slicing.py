"""Slices: what is cut sums to the whole, and what is told of the whole is what its slices say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.errors import InvalidOrder
from sigma.domain.instruments import Exchange, Kind, Listing
from sigma.domain.orders import FINAL, Order, OrderStatus, counts_as_exposure
from sigma.engines.slicing import MOST_SLICES, cut, derive, slice_id, slices_of
from tests.engines.build import NOW, order, request

LISTING = Listing(Exchange.NSE, "INFY", Kind.EQUITY, lot_size=25, freeze_quantity=1810)
S = OrderStatus
LATER = NOW + timedelta(seconds=5)


@st.composite
def cuts(draw: st.DrawFn) -> tuple[int, int, int]:
    """Give a quantity, a freeze quantity and a lot size that go together."""
    lot = draw(st.integers(1, 500))
    freeze = draw(st.integers(lot, lot * 50))
    return lot * draw(st.integers(1, freeze // lot * MOST_SLICES)), freeze, lot


@given(cuts())
def test_slices_sum_to_the_whole_and_each_is_whole_lots_within_the_freeze_quantity(given_: tuple[int, int, int]) -> None:
    quantity, freeze, lot = given_
    pieces = cut(quantity, freeze, lot)
    assert sum(pieces) == quantity
    assert all(0 < piece <= freeze and piece % lot == 0 for piece in pieces)
    assert len(pieces) <= MOST_SLICES


def test_what_is_within_the_freeze_quantity_or_has_none_is_not_cut() -> None:
    assert cut(1800, 1810, 25) == (1800,)
    assert cut(1_000_000, None, 25) == (1_000_000,)


def test_a_cut_into_too_many_is_refused_with_the_most_that_goes_at_once() -> None:
    with pytest.raises(InvalidOrder, match="more than 20 orders") as told:
        cut(1800 * MOST_SLICES + 25, 1810, 25)
    assert "36000" in told.value.hint


def test_slices_carry_the_wish_and_the_approval_and_ids_that_are_always_the_same() -> None:
    whole = order(S.APPROVED, request=request(quantity=4000, disclosed_quantity=1000), approved_at=NOW, strategy="swing")
    pieces = slices_of(whole, LISTING, LATER)
    assert [piece.request.quantity for piece in pieces] == [1800, 1800, 400]
    assert [piece.request.disclosed_quantity for piece in pieces] == [1000, 1000, 400]
    assert [(piece.parent_id, piece.slice_no, piece.slices) for piece in pieces] == [(1, 1, 0), (1, 2, 0), (1, 3, 0)]
    assert {(piece.status, piece.approved_at, piece.strategy) for piece in pieces} == {(S.APPROVED, NOW, "swing")}
    ids = [piece.client_order_id for piece in pieces]
    assert ids == [slice_id(whole.client_order_id, number) for number in (1, 2, 3)]
    assert len({one[:14] for one in ids}) == 1
    assert len(set(ids)) == 3


def test_a_cut_order_counts_as_exposure_through_its_slices_alone() -> None:
    assert counts_as_exposure(order(S.OPEN))
    assert not counts_as_exposure(order(S.OPEN, slices=3))
    assert not counts_as_exposure(order(S.WAITING))


def pieces(*what: tuple[OrderStatus, int]) -> list[Order]:
    """Return slices of 100 with a status and what they executed at 10, 20, 30 rupees."""
    return [
        order(
            status,
            id=number,
            slice_no=number,
            parent_id=9,
            request=request(quantity=100),
            filled_quantity=filled,
            average_price=Decimal(10 * number) if filled else None,
        )
        for number, (status, filled) in enumerate(what, start=1)
    ]


def whole_of(slices: list[Order]) -> Order:
    """Return a cut order of those slices, as it was approved."""
    return order(S.APPROVED, id=9, slices=len(slices), request=request(quantity=100 * len(slices)))


@pytest.mark.parametrize(
    ("slices", "status", "filled"),
    [
        ([(S.FILLED, 100), (S.FILLED, 100)], S.FILLED, 200),
        ([(S.FILLED, 100), (S.UNKNOWN, 0)], S.UNKNOWN, 100),
        ([(S.FILLED, 100), (S.APPROVED, 0)], S.PARTIALLY_FILLED, 100),
        ([(S.OPEN, 0), (S.APPROVED, 0)], S.OPEN, 0),
        ([(S.SENDING, 0), (S.APPROVED, 0)], S.SENDING, 0),
        ([(S.REJECTED, 0), (S.WAITING, 0)], S.APPROVED, 0),
        ([(S.FILLED, 100), (S.REJECTED, 0)], S.REJECTED, 100),
        ([(S.CANCELLED, 40), (S.CANCELLED, 0)], S.CANCELLED, 40),
        ([(S.CANCELLED, 0), (S.FAILED, 0)], S.FAILED, 0),
    ],
)
def test_a_whole_is_what_its_slices_are(slices: list[tuple[OrderStatus, int]], status: OrderStatus, filled: int) -> None:
    made = pieces(*slices)
    known = derive(whole_of(made), made, LATER)
    assert (known.status, known.filled_quantity) == (status, filled)
    assert (known.final_at is not None) == status.final
    assert derive(known, made, LATER + timedelta(seconds=1)) == known


def test_the_average_of_a_whole_is_weighted_by_what_each_slice_executed() -> None:
    made = pieces((S.FILLED, 100), (S.PARTIALLY_FILLED, 50))
    assert derive(whole_of(made), made, LATER).average_price == (Decimal(10) * 100 + Decimal(20) * 50) / 150


PIECE = st.tuples(st.sampled_from(list(S)), st.integers(0, 100))


@given(st.lists(PIECE, min_size=1, max_size=6), st.integers(0, 5), st.integers(0, 100))
def test_what_a_whole_executed_grows_with_its_slices_and_never_exceeds_it(
    what: list[tuple[OrderStatus, int]], which: int, more: int
) -> None:
    made = pieces(*what)
    before = derive(whole_of(made), made, LATER)
    one = which % len(made)
    made[one] = replace(made[one], filled_quantity=max(made[one].filled_quantity, more), average_price=Decimal(1))
    after = derive(before, made, LATER)
    assert before.filled_quantity <= after.filled_quantity <= after.request.quantity
    assert after.status.final == all(piece.status in FINAL for piece in made)
