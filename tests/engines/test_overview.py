"""Sums over accounts: what is not known stays unknown, is named, and is never 0."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.accounts import SessionState
from sigma.domain.orders import Product
from sigma.domain.overview import AccountSum
from sigma.domain.portfolio import Funds, Holding, Position
from sigma.engines.overview import Lists, TradingDay, account_sum, largest, shares, totals
from tests.engines.build import NOW, TODAY
from tests.engines.test_health import ACCOUNT

INFY = Holding("NSE:INFY", "INFY", "NSE", None, 40, 5, 10, Decimal(1400), Decimal(1500), Decimal(1490))
NEWCO = Holding(None, "NEWCO", "NSE", None, 1, 0, 0, Decimal(1), Decimal(2), None)
SOLD = Position(
    "NSE:TCS", "TCS", "NSE", Product.MIS, 0, 0, Decimal(0), Decimal(4000), None, Decimal("-120.50"), Decimal(20), 5, 5
)
FUNDS = Funds(Decimal(900), Decimal(0), Decimal(900), cash=Decimal("1000.25"))
DAY = TradingDay(TODAY, NOW - timedelta(seconds=60))
CLOSED = TradingDay(TODAY, None)


@dataclass(frozen=True)
class Kept:
    """A list as the store would give it."""

    rows: tuple[Any, ...]
    taken_at: datetime = NOW
    priced_at: datetime | None = None


FULL = Lists(Kept((INFY,)), Kept((SOLD,)), Kept((FUNDS,)))


def summed(lists: Lists = FULL, day: TradingDay = DAY) -> AccountSum:
    return account_sum(ACCOUNT, SessionState.CONNECTED, lists, 2, day)


def test_a_known_account_is_summed_to_the_paisa() -> None:
    got = summed()
    assert got.day_pnl == Decimal("-100.50") + 10 * 55
    assert (got.holdings_value, got.positions_pnl, got.cash) == (Decimal(1500) * 55, Decimal("-100.50"), Decimal("1000.25"))
    assert (got.working, got.taken_at, got.stale, got.missing) == (2, NOW, False, ())


@pytest.mark.parametrize(
    ("lists", "unknown", "missing"),
    [
        (replace(FULL, holdings=None), {"day_pnl", "holdings_value"}, ("holdings",)),
        (replace(FULL, positions=None), {"day_pnl", "positions_pnl"}, ("positions",)),
        (replace(FULL, funds=None), {"cash"}, ("cash",)),
        (replace(FULL, funds=Kept((replace(FUNDS, cash=None),))), {"cash"}, ("cash",)),
        (
            Lists(None, None, None),
            {"day_pnl", "holdings_value", "positions_pnl", "cash", "taken_at"},
            ("holdings", "positions", "cash"),
        ),
    ],
)
def test_what_was_never_read_is_unknown_and_named_and_not_zero(lists: Lists, unknown: set[str], missing: tuple[str, ...]) -> None:
    got = summed(lists)
    values = {name: getattr(got, name) for name in ("day_pnl", "holdings_value", "positions_pnl", "cash", "taken_at")}
    assert {name for name, value in values.items() if value is None} == unknown
    assert got.missing == missing


@pytest.mark.parametrize("held", [Kept((INFY,)), Kept((INFY,), NOW - timedelta(days=1)), None])
def test_holdings_left_out_are_in_no_sum_and_not_missed(held: Kept | None) -> None:
    got = account_sum(ACCOUNT, SessionState.CONNECTED, replace(FULL, holdings=held), 2, DAY, holdings=False)
    assert (got.day_pnl, got.holdings_value, got.stale, got.missing) == (Decimal("-100.50"), None, False, ())
    old = replace(FULL, holdings=held, positions=Kept((SOLD,), NOW - timedelta(days=1)))
    yesterday = account_sum(ACCOUNT, SessionState.CONNECTED, old, 2, DAY, holdings=False)
    assert (yesterday.day_pnl, yesterday.missing) == (None, ("positions of the day",))


def test_an_account_without_shares_or_positions_made_nothing_and_that_is_known() -> None:
    got = summed(Lists(Kept(()), Kept(()), Kept((FUNDS,))))
    assert (got.day_pnl, got.holdings_value, got.positions_pnl, got.missing) == (0, 0, 0, ())


def test_a_share_without_yesterdays_close_is_left_out_of_the_day_and_named() -> None:
    got = summed(replace(FULL, holdings=Kept((INFY, NEWCO, replace(NEWCO, symbol="GONE", quantity=0)))))
    assert got.day_pnl == Decimal("-100.50") + 550
    assert got.missing == ("day change of NEWCO",)
    many = summed(replace(FULL, holdings=Kept((NEWCO,) * 4)))
    assert many.missing == ("day change of 4 holdings",)


def test_lists_of_an_earlier_day_make_no_gain_of_this_one() -> None:
    before = NOW - timedelta(days=1)
    got = summed(replace(FULL, positions=Kept((SOLD,), before)))
    assert (got.day_pnl, got.positions_pnl, got.stale) == (None, Decimal("-100.50"), True)
    assert got.missing == ("positions of the day",)
    assert summed(replace(FULL, holdings=Kept((INFY,), before))).missing == ("holdings of the day",)
    assert summed(replace(FULL, holdings=Kept((INFY,), before, NOW))).day_pnl is not None, "priced today, changed today"


@pytest.mark.parametrize(
    ("lists", "day", "stale"),
    [
        (FULL, DAY, False),
        (replace(FULL, positions=Kept((SOLD,), NOW - timedelta(seconds=61))), DAY, True),
        (replace(FULL, positions=Kept((SOLD,), NOW - timedelta(hours=1), NOW)), DAY, False),
        (replace(FULL, positions=Kept((), NOW - timedelta(hours=1))), DAY, False),
        (replace(FULL, funds=Kept((FUNDS,), NOW - timedelta(hours=1))), DAY, False),
        (replace(FULL, positions=Kept((SOLD,), NOW - timedelta(hours=1))), CLOSED, False),
        (replace(FULL, funds=Kept((FUNDS,), NOW - timedelta(days=1))), CLOSED, True),
    ],
)
def test_stale_is_what_is_of_another_day_or_priced_too_long_ago_while_exchanges_are_open(
    lists: Lists, day: TradingDay, stale: bool
) -> None:
    assert summed(lists, day).stale is stale


def test_totals_add_what_is_known_and_name_what_they_lack() -> None:
    known, unknown = summed(), replace(summed(Lists(None, None, None)), name="paper")
    both = totals([known, unknown])
    assert (both.day_pnl, both.cash) == (known.day_pnl, known.cash)
    assert both.missing == ("paper: holdings", "paper: positions", "paper: cash")
    assert totals([unknown]).day_pnl is None
    assert totals([]).cash is None


@given(st.lists(st.none() | st.decimals("-1e9", "1e9", places=2), max_size=6))
def test_a_total_is_the_sum_of_the_known_or_unknown_when_there_is_none(values: list[Decimal | None]) -> None:
    base = summed()
    known = [value for value in values if value is not None]
    got = totals([replace(base, cash=value) for value in values]).cash
    assert got == (sum(known) if known else None)


def test_the_largest_holdings_come_first_and_two_accounts_stay_two_rows() -> None:
    small = [replace(INFY, listing=f"NSE:S{number}", last_price=Decimal(number)) for number in range(1, 12)]
    gone = replace(INFY, quantity=0, t1_quantity=0, pledged_quantity=0)
    rows = largest([*shares("main", [NEWCO, *small, INFY]), *shares("huf", [INFY, gone])])
    assert [(share.listing, share.account) for share in rows[:3]] == [
        ("NSE:INFY", "main"),
        ("NSE:INFY", "huf"),
        ("NSE:S11", "main"),
    ]
    assert len(rows) == 10
    assert [share.listing for share in shares("main", [NEWCO, gone])] == ["NEWCO"]
