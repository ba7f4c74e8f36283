"""The calendar on the page Settings: when exchanges trade, which days are not like others, and the owner's changes."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui.badges import escape
from pages.ui.confirm import Question, ask
from pages.ui.dialogs import opens
from pages.ui.kill import is_owner
from pages.ui.rows import rows
from pages.ui.session import desk
from pages.ui.table import Column, live_table
from sigma.desk.calendar import ImportReport
from sigma.domain.days import SessionKind
from sigma.domain.errors import SigmaError
from sigma.domain.instruments import Exchange
from sigma.domain.show import MISSING
from sigma.domain.times import ist_date, to_ist

ROWS_TOLD = 200
EXCHANGES = {
    "exchange": Column("Exchange", width=90, pinned=True),
    "today": Column("Today", width=150),
    "opens": Column("Opens next", width=150),
    "holiday": Column("Next holiday", width=120),
    "ends": Column("Known until", width=120),
}
SESSIONS = {
    "day": Column("Day", width=130, pinned=True),
    "hours": Column("Session", width=150),
    "type": Column("Type", width=140),
    "notes": Column("Notes", width=420),
}
DAYS = {
    "day": Column("Day", width=130, pinned=True),
    "exchange": Column("Exchange", width=90),
    "type": Column("Type", width=140),
    "hours": Column("Hours", width=130),
    "set": Column("Set here", width=80),
    "notes": Column("Notes", width=420),
}
LINES = {
    "line": Column("Line", "quantity", 70),
    "mark": Column("", width=40),
    "day": Column("Day", width=130),
    "exchange": Column("Exchange", width=90),
    "type": Column("Type", width=140),
    "words": Column("What", width=460),
}


def draw() -> None:
    """Draw the part."""
    with st.container(border=True, key="calendar-exchanges"):
        st.subheader("Exchanges", anchor=False)
        live_table(_exchanges(), EXCHANGES, key="calendar-hours", select="")
        _unknown()
    with st.container(border=True, key="calendar-sessions"):
        st.subheader("Coming sessions", anchor=False)
        exchange = st.segmented_control(
            "Exchange", list(Exchange), default=Exchange.NSE, required=True, key="calendar-exchange", label_visibility="collapsed"
        )
        live_table(_sessions(exchange or Exchange.NSE), SESSIONS, key="calendar-coming", select="")
    with st.container(border=True, key="calendar-days"):
        st.subheader("Holidays and other days", anchor=False)
        _days()
    if is_owner():
        with st.container(border=True, key="calendar-set"):
            st.subheader("Set a day", anchor=False)
            _set()
        with st.container(border=True, key="calendar-file"):
            st.subheader("Import", anchor=False)
            _import()


def hours_words(opens: object, closes: object) -> str:
    """Return hours as a person reads them: moments (UTC) or texts on the Indian clock; empty without any."""
    if isinstance(opens, str) or isinstance(closes, str):
        return f"{opens} to {closes}" if opens and closes else ""
    if pd.isna(opens) or pd.isna(closes):  # type: ignore[call-overload]
        return ""
    return f"{to_ist(opens):%H:%M} to {to_ist(closes):%H:%M}"  # type: ignore[arg-type]


def _exchanges() -> pd.DataFrame:
    ends = desk().calendar.ends()
    found = []
    for one in desk().hours():
        today = hours_words(one.opens_at, one.closes_at) or ("closed" if one.known else "not known")
        end = ends[one.exchange]
        found.append(
            {
                "exchange": one.exchange.value,
                "today": today,
                "opens": "open now"
                if one.open
                else MISSING
                if one.next_open is None
                else f"{to_ist(one.next_open):%a %d %b %H:%M}",
                "holiday": one.holiday or MISSING,
                "ends": MISSING if end is None else f"{end:%d %b %Y}",
            }
        )
    return pd.DataFrame(found, index=[row["exchange"] for row in found])


def _moment(at: datetime | None) -> str:
    return MISSING if at is None else f"{to_ist(at):%a %d %b %H:%M}"


def _unknown() -> None:
    missing = [name for name, end in desk().calendar.ends().items() if end is None]
    if missing:
        words = f"No trading day of {', '.join(missing)} is known today: they count as closed and take no order."
        st.error(f"{words} Import the exchanges' lists below.", icon=":material/error:")
    else:
        st.caption("After the last day that is known an exchange counts as closed, until its next list is imported.")


def _sessions(exchange: str) -> pd.DataFrame:
    found = [
        {
            "day": f"{row.date:%a %d %b %Y}",
            "hours": hours_words(row.opens_at, row.closes_at) or ("closed" if row.known else "not known"),
            "type": row.session_type,
            "notes": row.notes,
        }
        for row in rows(desk().calendar.sessions(exchange))
    ]
    return pd.DataFrame(found, index=[row["day"] for row in found])


def _days() -> None:
    found = list(rows(desk().calendar.days(start=ist_date(desk().now()))))
    frame = pd.DataFrame(
        [
            {
                "day": f"{row.date:%a %d %b %Y}",
                "exchange": row.exchange,
                "type": row.session_type,
                "hours": hours_words(row.open_time, row.close_time) or MISSING,
                "set": "yes" if row.own else "",
                "notes": row.notes,
            }
            for row in found
        ],
        index=[f"{row.date} {row.exchange} {row.session_type}" for row in found],
        columns=list(DAYS),
    )
    if not found:
        st.markdown("No day ahead differs from others.")
        return
    chosen = live_table(frame, DAYS, key="calendar-rows", select="single-row" if is_owner() else "")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button("Download", desk().calendar.export(), "calendar.csv", "text/csv", key="calendar-download")
        for row in found:
            if f"{row.date} {row.exchange} {row.session_type}" in chosen and row.own:
                day = (row.date, row.exchange, row.session_type)
                st.button("Take away", key=f"calendar-remove:{'-'.join(map(str, day))}", **opens(take_away, *day))
    st.caption("What is set here lies above the shipped days. Notes that begin with unverified: compare with the exchange.")


def take_away(day: date, exchange: str, kind: str) -> None:
    """Ask whether a day that was set here is to be taken away."""
    what = f"{kind} of {exchange} on {day:%a %d %b %Y}"

    def do() -> str:
        desk().calendar.remove(day, exchange, kind)
        return f"{what} is taken away."

    question = Question(f"Take away {what}?", "What is shipped for that day counts again.", "Keep it", "Take it away")
    ask(question, f"calendar:{day}:{exchange}:{kind}", do)


def _set() -> None:
    with st.form("calendar-set-form", border=False):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            day: Any = st.date_input("Day", value=None, format="DD/MM/YYYY", key="calendar-day", width=140)
            exchange: Any = st.selectbox("Exchange", list(Exchange), key="calendar-of", width=110)
            kind: Any = st.selectbox("Type", list(SessionKind), index=1, key="calendar-kind", width=190)
            opens_at = st.time_input("Opens", value=None, key="calendar-opens", width=120)
            closes_at = st.time_input("Closes", value=None, key="calendar-closes", width=120)
        notes = st.text_input("Notes", key="calendar-notes", placeholder="Occasion, and where it was announced")
        st.caption(
            "Times on the Indian clock, for HALF_DAY and SPECIAL only. SETTLEMENT_ONLY: trading is normal. "
            "COMPLETE: the exchange's list of that year is whole up to this day."
        )
        sent = st.form_submit_button("Set the day", type="primary", key="go_calendar_set")
    if sent:
        _store(day, exchange, kind, opens_at, closes_at, notes)


def _store(day: date | None, exchange: str, kind: str, opens_at: time | None, closes_at: time | None, notes: str) -> None:
    if day is None:
        st.error("Which day? Nothing was stored.", icon=":material/error:")
        return
    try:
        desk().calendar.set(day, exchange, kind, opens_at or "", closes_at or "", notes)
    except SigmaError as error:
        st.error(escape(f"{error.message} {error.hint}".strip()), icon=":material/error:")
        return
    st.toast(f"{exchange} {day:%d %b %Y} is {kind}.", icon=":material/check:")
    st.rerun()


def _import() -> None:
    st.markdown("A CSV file with the columns `date,exchange,session_type,open_time,close_time,notes`; *Download* gives one.")
    file = st.file_uploader("CSV file", type="csv", key="calendar-upload", label_visibility="collapsed")
    if file is None:
        return
    try:
        text = file.getvalue().decode("utf-8-sig")
        report = desk().calendar.check_csv(text)
    except UnicodeDecodeError:
        st.error("This is no text file. Save it as CSV, UTF-8.", icon=":material/error:")
        return
    except SigmaError as error:
        st.error(escape(f"{error.message} {error.hint}".strip()), icon=":material/error:")
        return
    show_report(report)
    label = store_label(report)
    if label:
        st.button(label, type="primary", key="go_calendar_import", **opens(store, text, report))


def show_report(report: ImportReport) -> None:
    """Draw what a file says, line by line: first the bad lines, then the new ones; what the calendar says already is counted."""
    good = len(report.lines) - len(report.bad)
    st.markdown(f"{len(report.new)} new days, {good - len(report.new)} known already, {len(report.bad)} bad lines.")
    told = [row for row in rows(desk().calendar.report(report)) if not row.good or row.new]
    told.sort(key=lambda row: (row.good, row.line))
    if told:
        frame = pd.DataFrame(
            [
                {
                    "line": row.line,
                    "mark": "✓" if row.good else "✕",
                    "day": MISSING if row.date is None else f"{row.date:%a %d %b %Y}",
                    "exchange": row.exchange,
                    "type": row.session_type,
                    "words": row.words,
                }
                for row in told[:ROWS_TOLD]
            ],
            index=[row.line for row in told[:ROWS_TOLD]],
        )
        live_table(frame, LINES, key="calendar-report", select="")
        if len(told) > ROWS_TOLD:
            st.caption(f"{len(told) - ROWS_TOLD} more lines are not shown.")
    for exchange, year in report.unknown:
        st.warning(
            f"The file does not say that the list of {exchange} for {year} is whole: its other days stay unknown. Is it? "
            f"Add the line `{year}-12-31,{exchange},COMPLETE,,,`.",
            icon=":material/warning:",
        )


def store_label(report: ImportReport) -> str:
    """Return what the button says that stores the new days; empty when there is nothing to store."""
    if not report.new:
        return ""
    days = f"{len(report.new)} day{'s' * (len(report.new) > 1)}"
    bad = f"{len(report.bad)} bad line{'s' * (len(report.bad) > 1)}"
    return f"Store {days}, leave {bad} out" if report.bad else f"Store {days}"


def store(text: str, report: ImportReport) -> None:
    """Ask whether the new days of a file are to be stored, and store them together."""

    def do() -> str:
        done = desk().calendar.import_csv(text, good_only=bool(report.bad))
        return f"{done.stored} days are stored."

    label = store_label(report)
    ask(Question(f"{label}?", "Every process follows within seconds.", "Store nothing", label), "calendar-import", do)
