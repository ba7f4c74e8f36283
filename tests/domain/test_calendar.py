from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.data import calendar_texts
from sigma.domain.calendar import CALENDAR_ENDS, Calendar, weekdays
from sigma.domain.day_file import read_days
from sigma.domain.days import DayTable, SessionDay, SessionKind
from sigma.domain.errors import ConfigError
from sigma.domain.instruments import Exchange
from sigma.domain.times import IST, ist, ist_date, next_ist, require_utc

FRIDAY = date(2026, 11, 20)
MONDAY = date(2026, 11, 23)
GURU_NANAK = date(2026, 11, 24)
LAST = date(2026, 12, 31)
MUHURAT, BUDGET = date(2026, 11, 8), date(2026, 2, 1)
SHIPPED = [line.row for text in calendar_texts() for line in read_days(text) if line.row is not None]
PLAIN = weekdays()
NSE, MCX = Exchange.NSE, Exchange.MCX

exchanges = st.sampled_from(list(Exchange))
within_2026 = st.integers(0, 339 * 86_400).map(lambda seconds: datetime(2026, 1, 15, tzinfo=UTC) + timedelta(seconds=seconds))


def shipped(*rows: SessionDay) -> Calendar:
    """The shipped calendar with rows of a person on top."""
    return Calendar(DayTable(SHIPPED, rows))


CALENDAR = shipped()


def closed(day: date, exchange: Exchange = NSE) -> SessionDay:
    return SessionDay(day, exchange, SessionKind.CLOSED)


@pytest.mark.parametrize(
    ("clock", "is_open", "session"),
    [
        ((FRIDAY, time(9, 14, 59)), False, FRIDAY),
        ((FRIDAY, time(9, 15)), True, FRIDAY),
        ((FRIDAY, time(15, 29, 59)), True, FRIDAY),
        ((FRIDAY, time(15, 30)), False, MONDAY),
        ((date(2026, 11, 22), time(23, 0)), False, MONDAY),
        ((MONDAY, time(0, 5)), False, MONDAY),
        ((MONDAY, time(16)), False, date(2026, 11, 25)),
    ],
)
def test_an_order_belongs_to_the_running_session_or_the_next(clock: tuple[date, time], is_open: bool, session: date) -> None:
    now = ist(*clock)
    assert CALENDAR.is_open(NSE, now) is is_open
    assert CALENDAR.session_date(NSE, now) == session


@given(exchanges, within_2026)
def test_the_session_of_an_order_is_never_before_the_day_it_is_placed(exchange: Exchange, now: datetime) -> None:
    session = CALENDAR.session_date(exchange, now)
    assert session >= ist_date(now)
    assert CALENDAR.is_session(exchange, session)
    assert ist(session, CALENDAR.hours(exchange, session).closes) > now


@given(exchanges, within_2026)
def test_the_next_open_is_in_the_session_and_never_in_the_past(exchange: Exchange, now: datetime) -> None:
    opening = CALENDAR.next_open(exchange, now)
    assert opening is not None
    assert opening >= now
    assert CALENDAR.is_open(exchange, opening)
    assert CALENDAR.session_date(exchange, now) == ist_date(opening)


@given(exchanges, within_2026)
def test_the_last_open_is_in_a_session_and_never_in_the_future(exchange: Exchange, now: datetime) -> None:
    opened = CALENDAR.last_open(exchange, now)
    assert opened is not None
    assert opened <= now
    assert CALENDAR.is_open(exchange, opened)
    day = ist_date(opened)
    while day < ist_date(now):
        day += timedelta(days=1)
        hours = CALENDAR.session(exchange, day)
        assert hours is None or ist(day, hours.opens) > now, "no later session has opened"


@given(exchanges, st.integers(-3000, 3000).filter(lambda days: abs(days) > 366), st.integers(0, 86_399))
def test_what_the_calendar_does_not_know_is_closed_and_said(exchange: Exchange, days: int, second: int) -> None:
    day = date(2026, 7, 1) + timedelta(days=days)
    now = ist(day, time()) + timedelta(seconds=second)
    assert not CALENDAR.knows(exchange, day)
    assert not CALENDAR.is_session(exchange, day)
    assert not CALENDAR.is_open(exchange, now)
    assert CALENDAR.next_open(exchange, now) is None
    assert CALENDAR.last_open(exchange, now) is None
    assert CALENDAR.known_until(exchange, day) is None
    hours = CALENDAR.at(exchange, now)
    assert (hours.open, hours.known, hours.opens_at, hours.next_open, hours.ends) == (False, False, None, None, None)
    with pytest.raises(ConfigError) as told:
        CALENDAR.session_date(exchange, now)
    assert told.value.code == CALENDAR_ENDS
    assert "sigma calendar import" in told.value.hint


def test_after_the_last_close_the_next_session_is_not_known_and_the_end_is_named() -> None:
    evening = ist(LAST, time(16))
    assert CALENDAR.session_date(NSE, ist(LAST, time(15))) == LAST
    with pytest.raises(ConfigError, match=r"The calendar of NSE ends on 31 Dec 2026"):
        CALENDAR.session_date(NSE, evening)
    with pytest.raises(ConfigError, match=r"ends on 31 Dec 2026"):
        CALENDAR.session_date(NSE, ist(date(2027, 1, 20), time(11)))
    hours = CALENDAR.at(NSE, evening)
    assert (hours.known, hours.open, hours.next_open, hours.ends) == (True, False, None, LAST)


def test_a_list_that_is_complete_opens_the_days_up_to_its_end_and_no_others() -> None:
    republic = closed(date(2027, 1, 26))
    assert not shipped(republic).is_session(NSE, date(2027, 1, 25)), "a holiday alone makes no list"
    upto_june = shipped(republic, SessionDay(date(2027, 6, 30), NSE, SessionKind.COMPLETE))
    assert upto_june.session_date(NSE, ist(LAST, time(16))) == date(2027, 1, 1)
    assert upto_june.session_date(NSE, ist(date(2027, 1, 25), time(16))) == date(2027, 1, 27)
    assert upto_june.known_until(NSE, FRIDAY) == date(2027, 6, 30)
    assert upto_june.is_session(Exchange.NFO, date(2027, 6, 30)), "the derivatives follow"
    assert not upto_june.is_session(NSE, date(2027, 7, 1))
    assert not upto_june.knows(Exchange.BSE, date(2027, 1, 4))


def test_a_days_own_row_counts_where_no_list_goes() -> None:
    monday = date(2027, 1, 4)
    one = shipped(SessionDay(monday, NSE, SessionKind.REGULAR))
    assert one.is_open(NSE, ist(monday, time(11)))
    assert not one.knows(NSE, monday + timedelta(days=1))


def test_a_persons_row_lies_above_the_shipped_one() -> None:
    assert not CALENDAR.is_session(NSE, GURU_NANAK)
    reopened = shipped(SessionDay(GURU_NANAK, NSE, SessionKind.REGULAR))
    assert reopened.is_open(NSE, ist(GURU_NANAK, time(11)))
    assert reopened.is_open(Exchange.NFO, ist(GURU_NANAK, time(11)))
    assert not reopened.is_session(Exchange.BSE, GURU_NANAK)


def test_derivatives_keep_the_days_of_their_cash_market_until_they_have_a_row() -> None:
    for follower, lead in ((Exchange.NFO, NSE), (Exchange.BFO, Exchange.BSE), (Exchange.BCD, Exchange.CDS)):
        days = [date(2026, 1, 1) + timedelta(days=count) for count in range(365)]
        assert [CALENDAR.session(follower, day) for day in days] == [CALENDAR.session(lead, day) for day in days]
    apart = shipped(closed(MONDAY, Exchange.NFO))
    assert apart.is_session(NSE, MONDAY)
    assert not apart.is_session(Exchange.NFO, MONDAY)


def test_commodities_trade_in_the_evening_and_longer_while_new_york_is_on_winter_time() -> None:
    summer, winter = date(2026, 7, 15), FRIDAY
    assert CALENDAR.is_open(MCX, ist(summer, time(23, 29)))
    assert not CALENDAR.is_open(MCX, ist(summer, time(23, 30)))
    assert CALENDAR.is_open(MCX, ist(winter, time(23, 54)))
    assert not CALENDAR.is_open(MCX, ist(winter, time(23, 55)))
    assert [CALENDAR.hours(MCX, date(2026, 3, day)).closes for day in (6, 9)] == [time(23, 55), time(23, 30)]
    assert [CALENDAR.hours(MCX, day).closes for day in (date(2026, 10, 30), date(2026, 11, 2))] == [time(23, 30), time(23, 55)]


def test_a_morning_holiday_leaves_the_evening_and_the_other_way_round() -> None:
    assert not CALENDAR.is_open(MCX, ist(GURU_NANAK, time(11)))
    assert CALENDAR.is_open(MCX, ist(GURU_NANAK, time(17)))
    assert CALENDAR.session_date(MCX, ist(GURU_NANAK, time(11))) == GURU_NANAK
    new_year = date(2026, 1, 1)
    assert CALENDAR.is_open(MCX, ist(new_year, time(16, 59)))
    assert not CALENDAR.is_open(MCX, ist(new_year, time(17)))


def test_currencies_close_at_five() -> None:
    assert CALENDAR.is_open(Exchange.CDS, ist(FRIDAY, time(16, 59)))
    assert not CALENDAR.is_open(Exchange.CDS, ist(FRIDAY, time(17)))
    assert CALENDAR.is_open(Exchange.BCD, ist(FRIDAY, time(9)))


def test_muhurat_is_a_session_on_a_sunday_evening() -> None:
    assert MUHURAT.weekday() == 6
    assert not CALENDAR.is_open(NSE, ist(MUHURAT, time(11)))
    assert CALENDAR.is_open(NSE, ist(MUHURAT, time(18, 30)))
    assert CALENDAR.session_date(NSE, ist(date(2026, 11, 7), time(12))) == MUHURAT
    assert CALENDAR.next_open(NSE, ist(date(2026, 11, 6), time(16))) == ist(MUHURAT, time(18))
    assert CALENDAR.session_date(NSE, ist(MUHURAT, time(19))) == date(2026, 11, 9)


def test_the_budget_sunday_is_a_full_session_of_shares_and_none_of_currencies() -> None:
    assert BUDGET.weekday() == 6
    for exchange in (NSE, Exchange.BSE, Exchange.NFO, Exchange.BFO):
        assert CALENDAR.is_open(exchange, ist(BUDGET, time(15, 29)))
    assert CALENDAR.is_open(MCX, ist(BUDGET, time(16, 59)))
    assert not CALENDAR.is_open(MCX, ist(BUDGET, time(17)))
    assert not CALENDAR.is_session(Exchange.CDS, BUDGET)


def test_trading_is_normal_on_a_day_without_settlement() -> None:
    bank_closing = date(2026, 4, 1)
    found = CALENDAR.table().row(NSE, bank_closing)
    assert found is not None
    assert found.kind is SessionKind.SETTLEMENT_ONLY
    assert CALENDAR.is_open(NSE, ist(bank_closing, time(15, 29)))
    assert CALENDAR.at(NSE, ist(bank_closing, time(8))).holiday == "Fri 03 Apr"
    sunday = SessionDay(date(2026, 4, 5), NSE, SessionKind.SETTLEMENT_ONLY)
    assert not shipped(sunday).is_session(NSE, sunday.day), "normal for a Sunday is none"


def test_thirty_days_without_a_session_are_a_mistake_that_is_told() -> None:
    shut = shipped(*(closed(FRIDAY + timedelta(days=count)) for count in range(1, 32)))
    with pytest.raises(ConfigError, match="no session of NSE in the 30 days"):
        shut.session_date(NSE, ist(FRIDAY, time(16)))


def test_a_calendar_asks_for_the_days_in_force_each_time() -> None:
    tables = [DayTable(SHIPPED)]
    live = Calendar(lambda: tables[-1])
    assert live.is_open(NSE, ist(MONDAY, time(11)))
    tables.append(DayTable(SHIPPED, [closed(MONDAY)]))
    assert not live.is_open(NSE, ist(MONDAY, time(11)))


def test_a_plain_calendar_takes_every_weekday_of_any_year_for_a_session() -> None:
    for year in (1999, 2026, 2040):
        days = [date(year, 3, 1) + timedelta(days=count) for count in range(14)]
        assert [PLAIN.is_session(NSE, day) for day in days] == [day.weekday() < 5 for day in days]


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
    hours = CALENDAR.at(NSE, ist(*clock))
    assert (hours.open, hours.known, hours.holiday, hours.ends) == (is_open, True, "Tue 24 Nov", LAST)
    assert (hours.opens_at, hours.closes_at) == ((ist(today, time(9, 15)), ist(today, time(15, 30))) if today else (None, None))
    assert hours.next_open == ist(*next_open)


def test_the_next_holiday_is_named_and_week_ends_are_none() -> None:
    more = shipped(closed(date(2026, 11, 18)), closed(date(2026, 11, 21)), closed(MONDAY))
    assert more.at(NSE, ist(FRIDAY, time(11))).holiday == "Mon 23 Nov"
    on_it = more.at(NSE, ist(MONDAY, time(11)))
    assert (on_it.open, on_it.opens_at, on_it.holiday) == (False, None, "Mon 23 Nov")
    assert more.at(NSE, ist(date(2026, 12, 26), time(11))).holiday == ""
    assert more.at(MCX, ist(FRIDAY, time(11))).holiday == "Fri 25 Dec", "half a day is no holiday"
