"""`desk.calendar`, and what orders do where the calendar ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pandas as pd
import pytest

from sigma.desk.calendar import DAYS, LINES, SESSIONS
from sigma.domain.calendar import CALENDAR_ENDS
from sigma.domain.day_file import COLUMNS
from sigma.domain.days import SessionDay, SessionKind
from sigma.domain.errors import ConfigError, InvalidInput, InvalidOrder
from sigma.domain.instruments import Exchange
from sigma.domain.orders import CommandState, OrderStatus
from tests.orders.stage import KITE, Stage

HEAD = ",".join(COLUMNS)
TODAY = date(2026, 11, 20)


def has_columns(frame: pd.DataFrame, columns: dict[str, str]) -> bool:
    return {name: str(kind) for name, kind in frame.dtypes.items()} == columns and list(frame.columns) == list(columns)


def test_sessions_are_a_frame_of_days_with_their_hours(stage: Stage) -> None:
    frame = stage.desk.calendar.sessions("nse", "2026-11-20", "2026-11-25")
    assert has_columns(frame, SESSIONS)
    assert list(frame["open"]) == [True, False, False, True, False, True]
    assert frame["opens_at"][0] == datetime(2026, 11, 20, 3, 45, tzinfo=UTC)
    assert frame["notes"][4] == "Guru Nanak Jayanti"
    assert pd.isna(frame["opens_at"][4])
    beyond = stage.desk.calendar.sessions("NSE", date(2027, 1, 1), date(2027, 1, 1))
    assert (bool(beyond["known"][0]), beyond["session_type"][0]) == (False, "")
    assert len(stage.desk.calendar.sessions("MCX")) == 14
    with pytest.raises(InvalidOrder, match="no exchange"):
        stage.desk.calendar.sessions("NYSE")
    with pytest.raises(InvalidInput, match="no date"):
        stage.desk.calendar.sessions("NSE", "tomorrow")


def test_days_are_set_listed_and_taken_away(stage: Stage) -> None:
    mine = stage.desk.calendar
    mine.set("2026-11-23", "nse", "special", "18:00", time(19, 0), "trial")
    frame = mine.days("NSE", "2026-11-20", "2026-11-30")
    assert has_columns(frame, DAYS)
    assert frame[["open_time", "close_time", "own"]].to_numpy().tolist() == [["18:00", "19:00", True], ["", "", False]]
    nse = next(one for one in stage.desk.hours() if one.exchange is Exchange.NSE)
    assert nse.next_open is not None
    mine.remove("2026-11-23", "NSE")
    assert not mine.days("NSE", "2026-11-20", "2026-11-23")["own"].any()
    with pytest.raises(InvalidInput, match="needs its opening"):
        mine.set(date(2026, 11, 23), "NSE", "SPECIAL")


def test_a_file_is_imported_with_a_report_and_exported_again(stage: Stage) -> None:
    mine = stage.desk.calendar
    text = f"{HEAD}\n2026-11-23,NSE,CLOSED,,,a strike\n2026-11-24,NSE,CLOSED,,,Guru Nanak Jayanti\n2026-11-40,NSE,CLOSED,,,\n"
    report = mine.report(mine.import_csv(text))
    assert has_columns(report, LINES)
    assert report[["line", "good", "new"]].to_numpy().tolist() == [[2, True, True], [3, True, False], [4, False, False]]
    assert list(report["words"][:2]) == ["new", "the calendar says so already"]
    assert "is no date" in report["words"][2]
    done = mine.import_csv(text, good_only=True)
    assert done.stored == 1
    assert "2026-11-23,NSE,CLOSED,,,a strike\n" in mine.export()
    assert mine.ends()["NFO"] == date(2026, 12, 31)


def ends_today(stage: Stage) -> None:
    """Make the calendar say that today's session is over, and that none is known to follow."""
    closed = [date.fromordinal(TODAY.toordinal() + days) for days in range(1, 40)]
    with stage.house.store.begin() as tx:
        tx.calendar.put([SessionDay(day, Exchange.NSE, SessionKind.CLOSED) for day in closed])
    stage.desk.calendar.set(TODAY, "NSE", "SPECIAL", "09:00", "09:01")


def test_an_order_is_refused_with_a_sentence_where_no_session_is_known(stage: Stage) -> None:
    ends_today(stage)
    with pytest.raises(ConfigError, match="calendar has no session of NSE") as told:
        stage.order(KITE)
    assert told.value.code == CALENDAR_ENDS
    assert "Settings, Calendar" in told.value.hint
    assert not [order for order in stage.orders(KITE) if order.status is OrderStatus.APPROVED]
    assert stage.desk.overview().accounts, "pages that sum go on"


def test_an_order_that_was_approved_before_goes_back_to_the_queue(stage: Stage) -> None:
    order = stage.order(KITE)
    assert order.status is OrderStatus.APPROVED
    ends_today(stage)
    assert stage.send(KITE) == 0
    assert stage.get(order).status is OrderStatus.WAITING
    assert "calendar has no session" in stage.get(order).stale_reason
    assert stage.command(order).state is CommandState.WITHDRAWN
    assert not stage.at_exchange(order)
