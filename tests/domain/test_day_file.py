from __future__ import annotations

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.day_file import COLUMNS, read_days, session_day, write_days
from sigma.domain.days import MOST_NOTES, SessionDay, SessionKind
from sigma.domain.errors import InvalidInput
from sigma.domain.instruments import Exchange

HEAD = ",".join(COLUMNS)
minutes = st.builds(time, st.integers(0, 23), st.integers(0, 59))
notes = st.text(max_size=MOST_NOTES).map(lambda text: "".join(one for one in text if one.isprintable()).strip())


@st.composite
def rows(draw: st.DrawFn) -> SessionDay:
    day, exchange, kind = draw(st.dates()), draw(st.sampled_from(list(Exchange))), draw(st.sampled_from(list(SessionKind)))
    if not kind.has_hours:
        return SessionDay(day, exchange, kind, notes=draw(notes))
    opens, closes = sorted(draw(st.lists(minutes, min_size=2, max_size=2, unique=True)))
    return SessionDay(day, exchange, kind, opens, closes, draw(notes))


@given(st.lists(rows(), max_size=20, unique_by=lambda row: row.key))
def test_what_is_written_is_read_back(days: list[SessionDay]) -> None:
    read = read_days(write_days(days))
    assert [line.row for line in read] == days


@given(st.text(max_size=300))
def test_any_text_below_the_heading_is_read_or_told_line_by_line(text: str) -> None:
    for line in read_days(f"{HEAD}\n{text}"):
        assert (line.row is None) == bool(line.problem)
        assert line.number > 1


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("2026-13-01,NSE,CLOSED,,,", "no date"),
        ("01-12-2026,NSE,CLOSED,,,", "YYYY-MM-DD"),
        ("2026-12-01,NYSE,CLOSED,,,", "no exchange"),
        ("2026-12-01,NSE,SHUT,,,", "no session_type"),
        ("2026-12-01,NSE,SPECIAL,,,", "needs its opening"),
        ("2026-12-01,NSE,SPECIAL,18:00,17:00,", "open before it closes"),
        ("2026-12-01,NSE,SPECIAL,6pm,19:00,", "no open_time"),
        ("2026-12-01,NSE,HALF_DAY,09:15,24:30,", "no close_time"),
        ("2026-12-01,NSE,CLOSED,09:15,15:30,", "no hours of its own"),
        ("2026-12-01,NSE,CLOSED", "6 columns"),
        ('2026-12-01,NSE,CLOSED,,,"a', "no line of a CSV"),
        ("2026-12-01,NSE,CLOSED,,,a\x07b", "one line"),
    ],
)
def test_a_bad_line_says_why_and_the_good_ones_stay(line: str, why: str) -> None:
    bad, good = read_days(f"{HEAD}\n{line}\n2026-12-02,NSE,CLOSED,,,fine\n")
    assert bad.row is None
    assert why in bad.problem
    assert (bad.number, good.number) == (2, 3)
    assert good.row == SessionDay(date(2026, 12, 2), Exchange.NSE, SessionKind.CLOSED, notes="fine")


def test_a_day_named_twice_is_told_with_the_line_that_came_first() -> None:
    text = f"{HEAD}\n2026-12-31,NSE,CLOSED,,,\n2026-12-31,NSE,COMPLETE,,,\n2026-12-31,nse,regular,,,\n"
    assert [line.problem for line in read_days(text)] == ["", "", "Line 2 says something of this day and exchange already."]


def test_remarks_empty_lines_a_byte_order_mark_and_old_line_ends_are_no_trouble() -> None:
    text = f"\ufeff# of the exchange\r\n{HEAD.upper()}\r\n,,,,,\r\n\r\n 2026-12-02 ,nse,Half_Day, 9:15 ,13:00, early \r\n"
    (line,) = read_days(text)
    assert line.row == SessionDay(date(2026, 12, 2), Exchange.NSE, SessionKind.HALF_DAY, time(9, 15), time(13), "early")


@pytest.mark.parametrize("text", ["", "date;exchange", "2026-12-02,NSE,CLOSED,,,", f'"{HEAD}', "x" * 2_000_001])
def test_what_is_no_calendar_file_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_days(text)


def test_a_day_is_made_of_words() -> None:
    assert session_day("2026-12-02", " mcx ", "special", "17:00", "23:30", " x ").notes == "x"
    with pytest.raises(InvalidInput, match="one line"):
        SessionDay(date(2026, 12, 2), Exchange.NSE, SessionKind.CLOSED, notes="a\nb")
