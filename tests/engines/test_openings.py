"""What an account held when a session began, from lists that are read later that day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.ledger import Opening
from sigma.domain.orders import Product
from sigma.domain.portfolio import Holding, Position
from sigma.engines.openings import openings
from tests.engines.build import NOW, TODAY

ISINS = {"NSE:INFY": "INE009A01021", "BSE:INFY": "INE009A01021"}
INFY = Holding("NSE:INFY", "INFY", "NSE", "INE009A01021", 7, 2, 1, Decimal(1400), Decimal(1520), Decimal(1500))
FLAT = Position(
    "NSE:INFY", "INFY", "NSE", Product.CNC, 0, 0, Decimal(0), Decimal(1520), None, Decimal(0), Decimal(0), 0, 0
)  # fmt: skip


def opened(holdings: Sequence[Holding], positions: Sequence[Position]) -> list[Opening]:
    return openings(holdings, positions, account_id=1, session=TODAY, taken_at=NOW, isin_of=ISINS.get)


def test_all_shares_owned_are_the_opening_at_yesterdays_close() -> None:
    (line,) = opened([INFY], [])
    assert (line.listing, line.product, line.quantity) == ("NSE:INFY", Product.CNC, 10)
    assert (line.reference_price, line.average_price) == (1500, 1400)


@given(st.integers(0, 10), st.integers(0, 10), st.sampled_from(["NSE:INFY", "BSE:INFY"]))
def test_sales_of_the_day_change_no_opening(sold: int, bought: int, listing: str) -> None:
    left = replace(INFY, quantity=10 - max(0, sold - bought), t1_quantity=0, pledged_quantity=0)
    (line,) = opened([left], [replace(FLAT, listing=listing, quantity=bought - sold)])
    assert (line.listing, line.quantity) == ("NSE:INFY", 10)


def test_shares_of_which_all_were_sold_are_found_by_the_position() -> None:
    (line,) = opened([], [replace(FLAT, quantity=-10, average_price=Decimal(1510))])
    assert (line.quantity, line.reference_price) == (10, 1510)


def test_contracts_count_by_what_was_carried_overnight() -> None:
    future = replace(
        FLAT, listing="NFO:NIFTY26NOVFUT", product=Product.NRML, quantity=75, overnight_quantity=-75, close_price=Decimal(25000)
    )
    (line,) = opened([], [future, replace(future, product=Product.MIS), replace(future, listing=None)])
    assert (line.quantity, line.reference_price) == (-75, 25000)


def test_rows_of_one_listing_are_one_line() -> None:
    (line,) = opened([INFY, replace(INFY, quantity=5, t1_quantity=0, pledged_quantity=0)], [])
    assert line.quantity == 15


def test_a_share_without_close_and_average_counts_from_its_last_price() -> None:
    (line,) = opened([replace(INFY, close_price=None, average_price=Decimal(0))], [])
    assert line.reference_price == line.average_price == 1520
