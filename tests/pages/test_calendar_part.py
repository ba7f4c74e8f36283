"""The calendar on the page Settings: what is shown, and what the owner changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import calendar_part as part
from pages.ui import session
from sigma.desk.entrance import Entrance
from sigma.domain.day_file import COLUMNS
from tests.orders.conftest import server, stage, template
from tests.orders.stage import Stage

__all__ = ["server", "stage", "template"]
HEAD = ",".join(COLUMNS)
MONDAY = date(2026, 11, 23)


def draws_the_part() -> None:
    from pages.ui.calendar_part import draw
    from pages.ui.dialogs import draw_wanted

    draw_wanted()
    draw()


def takes_away() -> None:
    from datetime import date

    import streamlit as st

    from pages.ui.calendar_part import take_away
    from pages.ui.dialogs import draw_wanted, opens

    draw_wanted()
    st.button("open", key="open", **opens(take_away, date(2026, 11, 23), "NSE", "CLOSED"))


def stores() -> None:
    import streamlit as st

    from pages.ui.calendar_part import show_report, store, store_label
    from pages.ui.dialogs import draw_wanted, opens
    from pages.ui.session import desk

    draw_wanted()
    text = st.session_state["text"]
    report = desk().calendar.check_csv(text)
    show_report(report)
    st.button(store_label(report) or "nothing", key="open", **opens(store, text, report))


def opened(script: object, stage: Stage, patch: pytest.MonkeyPatch, **state: object) -> AppTest:
    entrance = Entrance(stage.house)
    patch.setattr(session, "entrance", lambda: entrance)
    app = AppTest.from_function(script, default_timeout=60)  # type: ignore[arg-type]
    app.session_state[session.SIGN_IN] = entrance.sign_in_owner()
    for name, value in state.items():
        app.session_state[name] = value
    app.run()
    assert not app.exception
    return app


def table(app: AppTest, column: str) -> list[object]:
    """Return a column of the first table that has it."""
    return next(list(one.value[column]) for one in app.dataframe if column in one.value)


def test_every_exchange_is_shown_with_its_hours_and_how_far_it_is_known(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(draws_the_part, stage, monkeypatch)
    assert table(app, "exchange") == ["NSE", "BSE", "NFO", "BFO", "CDS", "BCD", "MCX", "NCO"]
    assert table(app, "today")[::6] == ["09:15 to 15:30", "09:00 to 23:55"]
    assert set(table(app, "ends")) == {"31 Dec 2026"}
    assert "Tue 24 Nov" in table(app, "holiday")
    app.button_group(key="calendar-exchange").set_value("MCX").run()
    coming = next(one.value for one in app.dataframe if list(one.value.columns) == list(part.SESSIONS))
    assert "17:00 to 23:55" in list(coming["hours"])


def test_where_the_calendar_ends_the_page_says_so(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage.house.clock, "now", lambda: datetime(2027, 1, 5, 5, tzinfo=UTC))
    entrance = Entrance(stage.house)
    monkeypatch.setattr(session, "entrance", lambda: entrance)
    app = opened(draws_the_part, stage, monkeypatch)
    assert any("they count as closed and take no order" in error.value for error in app.error)
    assert set(table(app, "today")) == {"not known"}


def test_the_owner_sets_a_day_and_a_wrong_one_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(draws_the_part, stage, monkeypatch)
    app.button(key="go_calendar_set").click().run()
    assert "Which day?" in app.error[-1].value
    app.date_input(key="calendar-day").set_value(MONDAY)
    app.selectbox(key="calendar-kind").set_value("SPECIAL")
    app.button(key="go_calendar_set").click().run()
    assert "needs its opening" in app.error[-1].value
    app.time_input(key="calendar-opens").set_value(time(18))
    app.time_input(key="calendar-closes").set_value(time(19))
    app.button(key="go_calendar_set").click().run()
    assert not app.exception
    rows = stage.desk.calendar.days("NSE", MONDAY, MONDAY)
    assert rows[["open_time", "close_time", "own"]].to_numpy().tolist() == [["18:00", "19:00", True]]


def test_whoever_does_not_own_the_installation_changes_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "is_owner", lambda: False)
    app = opened(draws_the_part, stage, monkeypatch)
    assert "go_calendar_set" not in {button.key for button in app.button}
    assert table(app, "exchange")


def test_a_day_is_taken_away_after_a_yes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.desk.calendar.set(MONDAY, "NSE", "CLOSED")
    app = opened(takes_away, stage, monkeypatch)
    app.button(key="open").click().run()
    assert stage.desk.calendar.days("NSE", MONDAY, MONDAY)["own"].all()
    (act,) = [button for button in app.button if str(button.key).startswith("go_act:")]
    act.click().run()
    assert not app.exception
    assert not len(stage.desk.calendar.days("NSE", MONDAY, MONDAY))


def test_a_file_is_reported_line_by_line_and_stored_after_a_yes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"{HEAD}\n2027-01-26,NSE,CLOSED,,,Republic Day\n2027-02-30,NSE,CLOSED,,,\n2026-11-24,NSE,CLOSED,,,Guru Nanak Jayanti\n"
    app = opened(stores, stage, monkeypatch, text=text)
    assert any("1 new days, 1 known already, 1 bad lines" in one.value for one in app.markdown)
    assert table(app, "line") == [3, 2], "what is wrong comes first"
    assert any("2027-12-31,NSE,COMPLETE" in one.value for one in app.warning)
    assert app.button(key="open").label == "Store 1 day, leave 1 bad line out"
    app.button(key="open").click().run()
    assert not len(stage.desk.calendar.days("NSE", "2027-01-01"))
    (act,) = [button for button in app.button if str(button.key).startswith("go_act:")]
    act.click().run()
    assert not app.exception
    assert list(stage.desk.calendar.days("NSE", "2027-01-01")["date"]) == [date(2027, 1, 26)]
    assert app.button(key="open").label == "nothing"
