"""Stored rows at newer prices: only the price, and what follows from it, moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.market import Quote
from sigma.domain.orders import Product
from sigma.domain.portfolio import Holding, Position
from sigma.engines.valuation import value_holdings, value_positions
from tests.engines.build import NOW

LATER, A_DAY = NOW + timedelta(seconds=5), timedelta(days=1)
HELD = Holding("NSE:INFY", "INFY", "NSE", "INE009A01021", 40, 5, 10, Decimal(1400), Decimal(1500), Decimal(1490))
LONG = Position("NSE:INFY", "INFY", "NSE", Product.MIS, 5, 0, Decimal(1500), Decimal(1510), None, Decimal(7), Decimal(50), 8, 3)

PRICES = st.decimals("0.05", "100000", places=2)
LISTINGS = st.none() | st.sampled_from(["NSE:INFY", "NSE:TCS", "NSE:M&M"])
MOMENTS = st.integers(-7200, 7200).map(lambda seconds: NOW + timedelta(seconds=seconds))
QUOTES = st.dictionaries(
    st.sampled_from(["NSE:INFY", "NSE:TCS"]), st.tuples(PRICES, MOMENTS, st.none() | PRICES), max_size=2
).map(lambda found: {text: Quote(text, price, at, close=close) for text, (price, at, close) in found.items()})
HOLDINGS = st.builds(
    replace, st.just(HELD), listing=LISTINGS, quantity=st.integers(0, 10**6), last_price=PRICES, close_price=st.none() | PRICES
)
POSITIONS = st.builds(
    replace,
    st.just(LONG),
    listing=LISTINGS,
    quantity=st.integers(-(10**6), 10**6),
    last_price=st.just(Decimal(0)) | PRICES,
    realised=PRICES,
    unrealised=st.decimals("-1e6", "1e6", places=2),
    multiplier=st.sampled_from([1, 100]),
)


def quoted(price: int, at=LATER, listing: str = "NSE:INFY", close: int | None = None) -> dict[str, Quote]:
    return {listing: Quote(listing, Decimal(price), at, close=None if close is None else Decimal(close))}


def test_a_holding_takes_the_newer_price_and_its_close() -> None:
    valued = value_holdings([HELD], quoted(1520, close=1495), NOW)
    assert valued.rows == (replace(HELD, last_price=Decimal(1520), close_price=Decimal(1495)),)
    assert valued.rows[0].pnl == Decimal(120 * 55)
    assert valued.priced_at == LATER


def test_a_quote_without_a_close_keeps_the_stored_one_of_its_own_day_only() -> None:
    assert value_holdings([HELD], quoted(1520), NOW).rows[0].close_price == Decimal(1490)
    next_day = value_holdings([HELD], quoted(1520, NOW + A_DAY), NOW).rows[0]
    assert (next_day.last_price, next_day.close_price, next_day.day_change) == (Decimal(1520), None, None)


@pytest.mark.parametrize(("quantity", "unrealised"), [(5, 100), (-5, 0), (0, 50)])
def test_open_profit_moves_with_the_price_and_realised_profit_stays(quantity: int, unrealised: int) -> None:
    row = value_positions([replace(LONG, quantity=quantity)], quoted(1520), NOW).rows[0]
    assert (row.last_price, row.unrealised, row.realised) == (Decimal(1520), Decimal(unrealised), Decimal(7))


def test_a_contract_moves_by_its_multiplier() -> None:
    row = value_positions([replace(LONG, multiplier=100)], quoted(1511), NOW).rows[0]
    assert row.unrealised == Decimal(50 + 5 * 100)


@pytest.mark.parametrize("at", [NOW, NOW - timedelta(seconds=1)])
def test_a_quote_that_is_not_newer_than_the_list_changes_nothing(at) -> None:
    assert value_holdings([HELD], quoted(1520, at), NOW).rows == (HELD,)
    assert value_positions([LONG], quoted(1520, at), NOW).priced_at is None


def test_yesterday_s_positions_and_rows_without_a_price_are_left_alone() -> None:
    assert value_positions([LONG], quoted(1520, NOW + A_DAY), NOW).rows == (LONG,)
    unpriced = replace(LONG, last_price=Decimal(0))
    assert value_positions([unpriced], quoted(1520), NOW) == value_positions([unpriced], {}, NOW)
    assert value_holdings([HELD], quoted(0), NOW).rows == (HELD,), "a price of 0 says that nothing traded"
    strange = replace(HELD, listing=None)
    assert value_holdings([strange], quoted(1520), NOW).rows == (strange,)


def test_the_oldest_quote_used_is_told() -> None:
    quotes = quoted(1520) | quoted(3000, LATER + timedelta(seconds=9), "NSE:TCS") | quoted(1, NOW + timedelta(1 / 86400), "NSE:X")
    assert value_holdings([HELD, replace(HELD, listing="NSE:TCS")], quotes, NOW).priced_at == LATER


@given(st.lists(HOLDINGS, max_size=5), QUOTES)
def test_holdings_keep_their_shares_and_what_they_cost(rows: list[Holding], quotes: dict[str, Quote]) -> None:
    valued = value_holdings(rows, quotes, NOW)
    assert [replace(after, last_price=1, close_price=1) for after in valued.rows] == [
        replace(before, last_price=1, close_price=1) for before in rows
    ]
    assert value_holdings(valued.rows, quotes, NOW) == valued
    assert (valued.priced_at is None) == (not any(q.at > NOW and text in {r.listing for r in rows} for text, q in quotes.items()))


@given(st.lists(POSITIONS, max_size=5), QUOTES, QUOTES)
def test_only_the_last_price_counts_not_the_way_there(
    rows: list[Position], first: dict[str, Quote], second: dict[str, Quote]
) -> None:
    newer = {text: replace(quote, at=LATER) for text, quote in second.items()}
    first = {text: replace(first[text], at=LATER) for text in newer.keys() & first.keys()}
    assert value_positions(value_positions(rows, first, NOW).rows, newer, NOW).rows == value_positions(rows, newer, NOW).rows


@given(st.lists(POSITIONS, max_size=5), QUOTES)
def test_profit_moves_by_exactly_the_move_of_the_price(rows: list[Position], quotes: dict[str, Quote]) -> None:
    for before, after in zip(rows, value_positions(rows, quotes, NOW).rows, strict=True):
        assert after.pnl - before.pnl == (after.last_price - before.last_price) * before.quantity * before.multiplier
        assert replace(after, last_price=before.last_price, unrealised=before.unrealised) == before
