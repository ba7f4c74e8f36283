"""The simulated exchange trades by the shipped calendar, and goes on in years that it has no list of."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest

from sigma.domain.calendar import Calendar
from sigma.domain.days import DayTable
from sigma.domain.instruments import Exchange
from sigma.domain.times import ist, ist_date
from sigma.infra.exchange_days import shipped_calendar
from sigma.simulator.checks import amo_window
from sigma.simulator.clock import ROOM, default_start
from sigma.simulator.days import exchange_days, shipped_days
from sigma.simulator.exchange import Exchange as Simulated

LATEST = date(2026, 11, 26)


def test_exchange_and_installation_know_the_same_days_of_a_shipped_year() -> None:
    theirs, ours = exchange_days(), shipped_calendar()
    days = [date(2026, 1, 1) + timedelta(days=count) for count in range(365)]
    for exchange in Exchange:
        assert [theirs.session(exchange, day) for day in days] == [ours.session(exchange, day) for day in days]
    assert theirs.is_session(Exchange.NSE, date(2031, 1, 1))
    assert not shipped_days().knows(Exchange.NSE, date(2031, 1, 1))


@pytest.mark.parametrize(
    ("now", "start"),
    [
        (ist(date(2026, 11, 20), time(11)), ist(date(2026, 11, 20), time(11))),
        (ist(date(2026, 11, 24), time(11)), ist(date(2026, 11, 23), time(10))),
        (ist(date(2026, 11, 8), time(20)), ist(date(2026, 11, 6), time(10))),
        (ist(date(2026, 12, 24), time(11)), ist(LATEST, time(10))),
        (ist(date(2029, 6, 1), time(11)), ist(LATEST, time(10))),
    ],
)
def test_a_demo_starts_in_a_regular_session_with_known_days_ahead(now: datetime, start: datetime) -> None:
    begun = default_start(now, shipped_days())
    assert begun == start
    end = shipped_calendar().known_until(Exchange.NSE, ist_date(begun))
    assert end is not None
    assert end - ist_date(begun) >= ROOM


def test_without_any_known_session_there_is_no_start() -> None:
    with pytest.raises(ValueError, match="knows no session"):
        default_start(ist(LATEST, time(11)), Calendar(DayTable()))


def test_a_roll_passes_over_a_holiday_and_stops_at_muhurat() -> None:
    monday = Simulated(7, ist(date(2026, 11, 23), time(11)))
    assert ist_date(monday.roll()) == date(2026, 11, 25)
    friday = Simulated(7, ist(date(2026, 11, 6), time(11)))
    assert ist_date(friday.roll()) == date(2026, 11, 8)
    assert ist_date(friday.roll()) == date(2026, 11, 9)


@pytest.mark.parametrize(
    ("at", "taken"), [((17, 41), True), ((17, 42), False), ((18, 30), False), ((19, 14), False), ((19, 15), True)]
)
def test_after_market_orders_keep_clear_of_a_special_session(at: tuple[int, int], taken: bool) -> None:
    assert amo_window(exchange_days(), Exchange.NSE, ist(date(2026, 11, 8), time(*at))) is taken
