"""Listings of a group from a CSV file: which column is what, what each row means, and what will change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd
import streamlit as st

from pages.ui.badges import escape
from pages.ui.confirm import Question, ask
from pages.ui.dialogs import opens
from pages.ui.group_dialogs import listings_words, trouble
from pages.ui.rows import rows
from pages.ui.session import desk
from pages.ui.table import Column, live_table
from sigma.desk.groups import FIELDS, ImportReport
from sigma.domain.errors import SigmaError
from sigma.domain.groups import Group

ROWS_TOLD, MOST_ASKED = 200, 20
ABSENT = ""
LABELS = {"symbol": "Symbol", "exchange": "Exchange", "weight": "Weight %", "quantity": "Quantity", "note": "Note"}
LINES = {
    "line": Column("Line", "quantity", 60),
    "mark": Column("", width=36),
    "written": Column("In the file", width=170),
    "listing": Column("Listing", width=170),
    "weight": Column("Weight %", "price", 85),
    "quantity": Column("Qty", "quantity", 80),
    "words": Column("What", width=360),
}
_ROUND = "groups-upload"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person chose about a file."""

    text: str
    columns: Mapping[str, str]
    fixes: Mapping[int, str] = field(default_factory=dict)
    replace: bool = False


def draw(group: Group, then: Callable[[], None]) -> None:
    """Draw the part.

    Parameters
    ----------
    then : callable
        Called after the file's listings were stored.
    """
    st.markdown("A CSV file whose first line names its columns. Without an exchange, a symbol is looked for on your default one.")
    rounds = st.session_state.get(_ROUND, 0)
    file = st.file_uploader("CSV file", type=["csv", "txt"], key=f"groups-file:{group.id}:{rounds}", label_visibility="collapsed")
    if file is None:
        return
    try:
        draw_file(group, file.getvalue().decode("utf-8-sig"), file.file_id, then)
    except UnicodeDecodeError:
        st.error("This is no text file. Save it as CSV, UTF-8.", icon=":material/error:")
    except SigmaError as error:
        trouble(error)


def draw_file(group: Group, text: str, key: str, then: Callable[[], None]) -> None:
    """Draw what is to be chosen about a file, and what it would do."""
    columns = _columns(text, key)
    if "symbol" not in columns:
        st.info("Which column holds the symbol?", icon=":material/edit:")
        return
    replace = st.checkbox("Take out of the group what the file does not name", key=f"groups-replace:{key}")
    first = desk().groups.check_csv(group.id, text, columns, replace=replace)
    fixes = _fixes(first, key)
    wish = Wish(text, columns, fixes, replace)
    report = desk().groups.check_csv(group.id, text, columns, fixes=fixes, replace=replace) if fixes else first
    show_report(report)
    label = store_label(report)
    if not label:
        return
    name = f"go_group_import:{group.id}"
    if report.gone:
        st.button(label, type="primary", key=name, **opens(ask_first, group, wish, report, then))
    else:
        st.button(label, type="primary", key=name, on_click=_press, args=(group, wish, then))


def _columns(text: str, key: str) -> dict[str, str]:
    """Draw which column is what, as far as it can be told filled in, and return it."""
    found, guessed = desk().groups.headings(text)
    offered = [ABSENT, *(heading for heading in found if heading)]
    chosen: dict[str, str] = {}
    with st.container(horizontal=True, key="groups-columns"):
        for one in FIELDS:
            place = offered.index(guessed.get(one, ABSENT))
            heading = st.selectbox(
                LABELS[one],
                offered,
                index=place,
                format_func=lambda name: name or "not in the file",
                key=f"groups-column-{one}:{key}",
                width=150,
            )
            if heading:
                chosen[one] = heading
    return chosen


def _fixes(report: ImportReport, key: str) -> dict[int, str]:
    """Draw for each row that names no listing what it may mean, and return what the person said."""
    doubtful = [row for row in report.bad if row.near][:MOST_ASKED]
    if not doubtful:
        return {}
    said: dict[int, str] = {}
    with st.container(border=True, key="groups-fixes"):
        st.markdown("**Did you mean …?** What you leave open is left out.")
        with st.container(horizontal=True):
            for row in doubtful:
                answer = st.selectbox(
                    f"Line {row.line}: {escape(row.written)}",
                    row.near,
                    index=None,
                    placeholder="Leave it out",
                    key=f"groups-fix-{row.line}:{key}",
                    width=220,
                )
                if answer:
                    said[row.line] = answer
    return said


def show_report(report: ImportReport) -> None:
    """Draw what a file says, row by row: first the rows that name no listing."""
    found, missed = len(report.good), len(report.bad)
    st.markdown(f"{found} row{'s' * (found != 1)} found, {missed} not." if missed else f"All {found} rows are found.")
    told = sorted(rows(desk().groups.report(report)), key=lambda row: (row.good, row.line))
    if not told:
        return
    frame = pd.DataFrame(
        [
            {
                "line": row.line,
                "mark": "✓" if row.good else "✕",
                "written": row.written,
                "listing": row.listing,
                "weight": row.weight,
                "quantity": None if pd.isna(row.quantity) else int(row.quantity),
                "words": f"{row.words} Near: {', '.join(row.near)}." if row.near else row.words,
            }
            for row in told[:ROWS_TOLD]
        ],
        index=[row.line for row in told[:ROWS_TOLD]],
    )
    live_table(frame, LINES, key="groups-report", select="")
    if len(told) > ROWS_TOLD:
        st.caption(f"{len(told) - ROWS_TOLD} more rows are not shown.")


def store_label(report: ImportReport) -> str:
    """Return what the button says that stores the file's listings; empty when nothing would change."""
    parts = {"add": report.new, "change": report.changed, "take out": report.gone}
    said = [f"{verb} {len(which)}" for verb, which in parts.items() if which]
    if not said or not report.good:
        return ""
    left = f", leave {len(report.bad)} row{'s' * (len(report.bad) != 1)} out" if report.bad else ""
    words = ", ".join(said) + left
    return words[:1].upper() + words[1:]


def ask_first(group: Group, wish: Wish, report: ImportReport, then: Callable[[], None]) -> None:
    """Ask before listings leave the group."""

    def do() -> str:
        words = _store(group, wish)
        then()
        return words

    body = f"{listings_words(len(report.gone))} that the file does not name leave {escape(group.name)}."
    question = Question(f"{store_label(report)}?", body, "Change nothing", store_label(report))
    ask(question, f"group-import:{group.id}", do)


def _press(group: Group, wish: Wish, then: Callable[[], None]) -> None:
    try:
        words = _store(group, wish)
    except SigmaError as error:
        st.toast(escape(str(error)), icon=":material/error:")
        return
    st.toast(words, icon=":material/check:")
    then()


def _store(group: Group, wish: Wish) -> str:
    """Store a file's listings, and be ready for another file."""
    done = desk().groups.import_csv(
        group.id, wish.text, wish.columns, fixes=wish.fixes, replace=wish.replace, version=group.version
    )
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
    return f"{escape(group.name)}: {len(done.new)} added, {len(done.changed)} changed, {len(done.gone)} taken out."
