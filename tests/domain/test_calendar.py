from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.calendar import Calendar
from sigma.domain.instruments import Exchange
from sigma.domain.times import IST, ist, ist_date, next_ist, require_utc

FRIDAY = date(2026, 11, 20)
MONDAY = date(2026, 11, 23)
PLAIN = Calendar()


@pytest.mark.parametrize(
    ("clock", "is_open", "session"),
    [
        ((FRIDAY, time(9, 14, 59)), False, FRIDAY),
        ((FRIDAY, time(9, 15)), True, FRIDAY),
        ((FRIDAY, time(15, 29, 59)), True, FRIDAY),
        ((FRIDAY, time(15, 30)), False, MONDAY),
        ((date(2026, 11, 22), time(23, 0)), False, MONDAY),
        ((MONDAY, time(0, 5)), False, MONDAY),
    ],
)
def test_an_order_belongs_to_the_running_session_or_the_next(clock: tuple[date, time], is_open: bool, session: date) -> None:
    now = ist(*clock)
    assert PLAIN.is_open(Exchange.NSE, now) is is_open
    assert PLAIN.session_date(Exchange.NSE, now) == session


def test_a_holiday_is_no_session() -> None:
    closed = Calendar(frozenset({MONDAY}))
    assert closed.session_date(Exchange.BSE, ist(FRIDAY, time(16))) == date(2026, 11, 24)
    assert not closed.is_open(Exchange.BSE, ist(MONDAY, time(11)))


def test_an_exchange_without_hours_here_is_an_error_and_not_open() -> None:
    assert not PLAIN.is_session(Exchange.MCX, FRIDAY)
    with pytest.raises(KeyError):
        PLAIN.is_open(Exchange.MCX, ist(FRIDAY, time(11)))


@given(st.integers(0, 2 * 365 * 24 * 60))
def test_the_next_open_is_in_the_session_and_never_in_the_past(minutes: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    opening = PLAIN.next_open(Exchange.NSE, now)
    assert opening >= now
    assert PLAIN.is_open(Exchange.NSE, opening)
    assert PLAIN.session_date(Exchange.NSE, now) == ist_date(opening)


def test_a_token_obtained_at_one_in_the_night_dies_at_six_the_same_day() -> None:
    assert next_ist(ist(FRIDAY, time(1)), time(6)) == ist(FRIDAY, time(6))
    assert next_ist(ist(FRIDAY, time(6)), time(6)).astimezone(IST).date() == date(2026, 11, 21)


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        require_utc(datetime(2026, 11, 20, 10, tzinfo=UTC).replace(tzinfo=None))


@pytest.mark.parametrize(
    ("clock", "is_open", "today", "next_open"),
    [
        ((FRIDAY, time(8)), False, FRIDAY, (FRIDAY, time(9, 15))),
        ((FRIDAY, time(14)), True, FRIDAY, (FRIDAY, time(14))),
        ((FRIDAY, time(16)), False, FRIDAY, (MONDAY, time(9, 15))),
        ((date(2026, 11, 21), time(14)), False, None, (MONDAY, time(9, 15))),
    ],
)
def test_hours_say_whether_it_is_open_what_today_is_and_when_it_opens_next(
    clock: tuple[date, time], is_open: bool, today: date | None, next_open: tuple[date, time]
) -> None:
    hours = PLAIN.at(Exchange.NSE, ist(*clock))
    assert (hours.open, hours.known, hours.holiday) == (is_open, True, "")
    assert (hours.opens_at, hours.closes_at) == ((ist(today, time(9, 15)), ist(today, time(15, 30))) if today else (None, None))
    assert hours.next_open == ist(*next_open)


def test_the_next_holiday_is_named_and_week_ends_are_none() -> None:
    calendar = Calendar(frozenset({date(2026, 11, 18), date(2026, 11, 21), date(2026, 11, 25), date(2026, 12, 25)}))
    assert calendar.at(Exchange.NSE, ist(FRIDAY, time(11))).holiday == "Wed 25 Nov"
    on_it = calendar.at(Exchange.NSE, ist(date(2026, 11, 25), time(11)))
    assert (on_it.open, on_it.opens_at, on_it.holiday) == (False, None, "Wed 25 Nov")


def test_an_exchange_whose_hours_are_not_known_is_not_called_open() -> None:
    hours = PLAIN.at(Exchange.MCX, ist(FRIDAY, time(11)))
    assert (hours.open, hours.known, hours.opens_at, hours.next_open) == (False, False, None, None)


@given(st.integers(0, 2 * 365 * 24 * 60))
def test_the_last_open_is_in_a_session_and_never_in_the_future(minutes: int) -> None:
    now = datetime(2026, 1, 10, tzinfo=UTC) + timedelta(minutes=minutes)
    opened = PLAIN.last_open(Exchange.NSE, now)
    assert opened <= now
    assert PLAIN.is_open(Exchange.NSE, opened)
    assert PLAIN.next_open(Exchange.NSE, opened + timedelta(days=1)) > now or not PLAIN.is_open(Exchange.NSE, now)
