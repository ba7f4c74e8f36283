"""Holdings, positions, funds: stored, aged, shared by all who ask at once, and honest about what failed."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import fields
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.errors import BrokerUnavailable, SessionExpired, StaleData
from sigma.domain.orders import Product
from sigma.domain.portfolio import Funds, Holding, Position
from sigma.services.portfolio import from_plain, to_plain
from tests.services.fake_kit import A_DAY
from tests.services.rooms import Rooms
from tests.services.test_instruments import shares

PRICES = st.decimals("0", "1e9", places=6)
COUNTS = st.integers(-(10**9), 10**9)
INFY = Holding("NSE:INFY", "INFY", "NSE", "INE009A01021", 40, 5, 10, Decimal("1421.3575"), Decimal("1498.70"), Decimal("1490"))
STRANGE = Holding(None, "NEWCO-XX", "NSE", None, 1, 0, 0, Decimal(1), Decimal(2), None, product=None)
FLAT = Position("NSE:INFY", "INFY", "NSE", Product.MIS, 0, 0, Decimal(0), Decimal("1498.7"), None, Decimal(5), Decimal(0), 5, 5)


@pytest.fixture
def held(rooms: Rooms) -> int:
    """A connected account with one good, one strange and one unreadable holding; returns its id."""
    rooms.alpha.held, rooms.alpha.bad_rows = (INFY, STRANGE), ("row 3: quantity 'many' is no number",)
    rooms.alpha.open_positions = (FLAT,)
    return rooms.connected().id


def test_the_first_look_asks_the_broker_and_stores_what_it_says(rooms: Rooms, held: int) -> None:
    taken = rooms.portfolio.holdings(held)
    assert taken.rows == (INFY, STRANGE)
    assert taken.bad == ("row 3: quantity 'many' is no number",)
    assert (taken.taken_at, taken.age_s, taken.stale) == (rooms.clock.now(), 0.0, "")


def test_a_second_look_within_a_minute_shows_the_stored_rows_with_their_age(rooms: Rooms, held: int) -> None:
    first = rooms.portfolio.holdings(held)
    rooms.clock.pass_by(59)
    second = rooms.portfolio.holdings(held)
    assert rooms.alpha.calls.count("holdings") == 1
    assert second.rows == first.rows
    assert second.age_s == 59.0
    rooms.clock.pass_by(2)
    assert rooms.portfolio.holdings(held).age_s == 0.0
    assert rooms.alpha.calls.count("holdings") == 2


def test_refresh_asks_now_and_false_never_asks(rooms: Rooms, held: int) -> None:
    with pytest.raises(StaleData, match="No holdings"):
        rooms.portfolio.holdings(held, refresh=False)
    assert "holdings" not in rooms.alpha.calls
    rooms.portfolio.holdings(held, refresh=True)
    rooms.portfolio.holdings(held, refresh=True)
    assert rooms.alpha.calls.count("holdings") == 2
    rooms.clock.pass_by(A_DAY.total_seconds())
    assert rooms.portfolio.holdings(held, refresh=False).age_s == A_DAY.total_seconds()


def test_positions_and_funds_are_kept_the_same_way(rooms: Rooms, held: int) -> None:
    assert rooms.portfolio.positions(held).rows == (FLAT,)
    assert rooms.portfolio.positions(held).rows == (FLAT,)
    assert rooms.portfolio.funds(held).rows[0].available == Decimal("100000.50")
    assert rooms.alpha.calls.count("positions") == 1


def test_a_broker_that_is_away_costs_freshness_and_not_the_view(rooms: Rooms, held: int) -> None:
    rooms.portfolio.holdings(held)
    rooms.clock.pass_by(100)
    rooms.alpha.failures = [BrokerUnavailable("The network is down.")] * 3
    taken = rooms.portfolio.holdings(held)
    assert taken.rows == (INFY, STRANGE)
    assert taken.age_s == 100
    assert "The network is down." in taken.stale


def test_an_ended_login_marks_the_stored_rows_and_says_how_to_log_in(rooms: Rooms, held: int) -> None:
    rooms.portfolio.holdings(held)
    rooms.clock.pass_by(A_DAY.total_seconds())
    assert "sigma login ann" in rooms.portfolio.holdings(held).stale


def test_who_asked_for_fresh_rows_is_told_when_there_are_none(rooms: Rooms, held: int) -> None:
    rooms.portfolio.holdings(held)
    rooms.alpha.failures = [BrokerUnavailable("The network is down.")] * 3
    with pytest.raises(BrokerUnavailable):
        rooms.portfolio.holdings(held, refresh=True)


def test_a_first_look_at_an_account_that_is_not_connected_is_an_error(rooms: Rooms) -> None:
    account = rooms.account()
    with pytest.raises(SessionExpired):
        rooms.portfolio.holdings(account.id)


def until_blocked(threads: list[threading.Thread]) -> None:
    """Return once all these threads stand in the same line of the service, which is where they wait for one another."""
    deadline = time.monotonic() + 10
    last: set[tuple[str, int]] = set()
    while time.monotonic() < deadline:
        frames = sys._current_frames()
        places = {(frames[t.ident].f_code.co_name, frames[t.ident].f_lineno) for t in threads if t.ident in frames}
        if len(places) == 1 and places == last and "_renewed" in next(iter(places)):
            return
        last = places
        threading.Event().wait(0.02)
    raise AssertionError(f"the threads stand at {last}")


def test_refreshes_at_the_same_time_share_one_call(rooms: Rooms, held: int) -> None:
    started, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        started.set()
        assert go_on.wait(10)

    rooms.alpha.slow = hold
    found: list[tuple[Holding, ...]] = []
    threads = [threading.Thread(target=lambda: found.append(rooms.portfolio.holdings(held, refresh=True).rows)) for _ in range(5)]
    threads[0].start()
    assert started.wait(10)
    for thread in threads[1:]:
        thread.start()
    until_blocked(threads[1:])
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert found == [(INFY, STRANGE)] * 5
    assert rooms.alpha.calls.count("holdings") == 1


def test_unreadable_rows_are_an_event_once_and_again_when_others_come(rooms: Rooms, held: int) -> None:
    for _ in range(3):
        rooms.portfolio.holdings(held, refresh=True)
    assert len(rooms.audit("UNREADABLE_ROWS")) == 1
    rooms.alpha.bad_rows = (*rooms.alpha.bad_rows, "row 4: no symbol")
    rooms.portfolio.holdings(held, refresh=True)
    assert len(rooms.audit("UNREADABLE_ROWS")) == 2


def test_holdings_teach_the_instrument_table_their_isin(rooms: Rooms, held: int) -> None:
    rooms.alpha.rows = shares("alpha", "INFY")
    rooms.instruments.refresh(rooms.user, "alpha")
    rooms.portfolio.holdings(held)
    assert rooms.instruments.get("NSE:INFY").isin == "INE009A01021"


@given(
    st.builds(
        Holding,
        st.none() | st.just("NSE:M&M"),
        st.text(max_size=9),
        st.text(max_size=3),
        st.none() | st.text(max_size=12),
        COUNTS,
        COUNTS,
        COUNTS,
        PRICES,
        PRICES,
        st.none() | PRICES,
        COUNTS,
        st.none() | st.sampled_from(Product),
    )
    | st.builds(Funds, PRICES, PRICES, PRICES, st.none() | PRICES, st.none() | PRICES)
)
def test_a_row_comes_back_from_json_as_it_went(row: Holding | Funds) -> None:
    plain = to_plain(row)
    assert all(value is None or isinstance(value, str | int) for value in plain.values())
    again = from_plain(type(row), plain)
    assert again == row
    assert [type(getattr(again, field.name)) for field in fields(row)] == [
        type(getattr(row, field.name)) for field in fields(row)
    ]
