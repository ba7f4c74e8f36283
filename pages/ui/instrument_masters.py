"""Where listings come from: each source's table, its refresh, and files given by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.ui.badges import escape
from pages.ui.confirm import Outcome, Question, ask, lines
from pages.ui.dialogs import opens
from pages.ui.kill import is_owner
from pages.ui.rows import rows, text
from pages.ui.session import desk
from pages.ui.table import Column, live_table, no_selection, selection_bar
from sigma.domain import show
from sigma.domain.errors import SigmaError
from sigma.domain.instruments import MasterReport

TABLE, TOLD, SOURCE, FORCE, ROUND = "masters-table", "masters-told", "masters-source", "masters-force", "masters-round"
MOST_LINES = 50
COLUMNS = {
    "title": Column("Source", width=170, pinned=True),
    "at": Column("In force since", "moment", 115, help="When the table that is in force was downloaded or given, IST."),
    "age": Column("Age", "right", 75),
    "rows": Column("Listings", "quantity", 85),
    "added": Column("Added", "quantity", 75),
    "gone": Column("Gone", "quantity", 70),
    "changed": Column("Changed", "quantity", 80, help="Under another symbol, token, lot or tick than before."),
    "aside": Column("Set aside", "quantity", 85, help="Rows that contradict one another: see Quarantine."),
    "unread": Column("Unread", "quantity", 75, help="Rows that could not be read."),
    "said": Column("Last refresh", width=360),
}


def draw() -> None:
    """Draw the part."""
    found = desk().instruments.masters()
    table = as_rows(found, desk().now())
    titles = dict(zip(found["source"], found["title"], strict=True))
    refreshed = False
    if is_owner():
        with st.container(horizontal=True, vertical_alignment="center", key="masters-controls"):
            refreshed = st.button("Refresh", key="go_masters_refresh", type="primary", icon=":material/download:")
            st.caption("Downloads the lists of your accounts' brokers. The worker does so each morning by itself.")
    place = st.empty()
    outcomes: Sequence[Outcome] = st.session_state.get(TOLD, ())
    if outcomes:
        with place.container(border=True, key="masters-told"):
            lines(outcomes)
    ticked = live_table(table, COLUMNS, key=TABLE, select="multi-row")
    for source in ticked:
        _story(next(row for row in rows(found) if row.source == source))
    if ticked and is_owner():
        _acts(ticked, titles)
    else:
        no_selection()
        if not ticked:
            st.caption("Tick a source to see what of its last file was set aside or could not be read.")
    if refreshed:
        brokers = sorted(set(desk().accounts.table()["broker"]))
        with place.container():
            _tell(refresh_each(brokers, titles))
    if is_owner():
        _file(titles)


def as_rows(found: pd.DataFrame, now: Any) -> pd.DataFrame:
    """Return the sources, indexed by name, with the cells that `COLUMNS` names."""
    table = found.set_index("source", drop=False)
    table["age"] = [show.age((now - at).total_seconds()) if at == at else show.MISSING for at in found["at"]]
    never = table["rows"].isna()
    for name, column in (("aside", "ambiguous"), ("unread", "bad")):
        table[name] = pd.array([len(told) for told in table[column]], dtype="Int64")
        table.loc[never, name] = pd.NA
    table["said"] = [said(row) for row in rows(found)]
    return table


def said(row: Any) -> str:
    """Return how a source's last refresh ended."""
    if row.rows is pd.NA:
        return "never"
    if text(row.kept_old):
        return f"✕ not taken: {row.kept_old}"
    return "✓ nothing new" if row.unchanged else "✓ taken"


def report_words(report: MasterReport) -> str:
    """Return what a refresh did: ``1,699 listings, 12 added, 3 gone, 4 changed, 2 set aside``."""
    if report.kept_old:
        stays = f"the old table of {show.quantity(report.rows)} listings stays" if report.version else "there is no older table"
        return f"{report.kept_old}; {stays}"
    if report.unchanged:
        return f"{show.quantity(report.rows)} listings, nothing new"
    counts = {
        "added": report.added,
        "gone": report.gone,
        "changed": report.changed,
        "set aside": len(report.ambiguous),
        "unread": len(report.bad),
    }
    told = [f"{show.quantity(count)} {word}" for word, count in counts.items() if count]
    return ", ".join([f"{show.quantity(report.rows)} listings", *told])


def outcome(title: str, do: Callable[[], MasterReport]) -> Outcome:
    """Refresh one source and say what came of it."""
    try:
        report = do()
    except SigmaError as error:
        return Outcome(escape(title), False, escape(f"{error.message} {error.hint}".strip()))
    return Outcome(escape(title), not report.kept_old, escape(report_words(report)))


def refresh_each(sources: Sequence[str], titles: dict[str, str], *, force: bool = False) -> tuple[Outcome, ...]:
    """Refresh sources one after another, and say how far it is."""
    if not sources:
        return (Outcome("Nothing was downloaded", False, "there is no account whose broker could give a list"),)
    told: list[Outcome] = []
    progress = st.progress(0.0, "Downloading …")
    for place, source in enumerate(sources):
        what = f"{escape(titles[source])} ({place + 1} of {len(sources)}) is downloaded and merged …"
        progress.progress(place / len(sources), what)
        told.append(_refresh(source, titles[source], force))
    progress.progress(1.0, "Done.")
    return tuple(told)


def _refresh(source: str, title: str, force: bool) -> Outcome:
    return outcome(title, lambda: desk().instruments.refresh(source, force=force))


def _tell(outcomes: Sequence[Outcome]) -> None:
    """Keep what came of it for the next run, and begin that."""
    st.session_state[TOLD] = outcomes
    st.rerun()


def _story(row: Any) -> None:
    """Draw what a source's last refresh set aside, could not read, or why it was not taken."""
    with st.container(border=True, key=f"masters-story-{row.source}"):
        st.markdown(f"**{escape(row.title)}** · {escape(said(row))}")
        for label, told in (("Set aside", row.ambiguous), ("Could not be read, or is not ours", row.bad)):
            if told:
                with st.expander(f"{label} ({show.quantity(len(told))})"):
                    st.code("\n".join([*told[:MOST_LINES], *(["…"] if len(told) > MOST_LINES else [])]), language=None)


def _acts(ticked: Sequence[str], titles: dict[str, str]) -> None:
    key = ",".join(ticked)
    what = escape(titles[ticked[0]]) if len(ticked) == 1 else f"{len(ticked)} sources"
    with selection_bar(TABLE, what):
        again = st.button("Refresh", key=f"masters-refresh:{key}", icon=":material/download:")
        asks = opens(_whatever, tuple(ticked), titles)
        st.button("Take even if shorter", key=f"masters-force:{key}", **asks)
    if again:
        _tell(refresh_each(ticked, titles))


def _whatever(sources: Sequence[str], titles: dict[str, str]) -> None:
    """Ask before a download is taken that may be much shorter than the last one."""

    def do() -> Sequence[Outcome]:
        done = refresh_each(sources, titles, force=True)
        st.session_state[TOLD] = done
        return done

    body = (
        "A list that is much shorter than the last one is usually cut short, and then the old one stays. This downloads it again "
        "and takes it all the same, and merges it anew if nothing in it changed."
    )
    question = Question("Take the list whatever it is?", body, "Keep the old table", "Download and take it")
    ask(question, f"masters-force:{','.join(sources)}", do)


def _file(titles: dict[str, str]) -> None:
    """Draw the way to give a file that was saved by hand."""
    with st.container(border=True, key="masters-file"):
        st.subheader("From a file", anchor=False)
        st.markdown("A saved list, plain or in gzip, in place of a download: EQUITY_L.csv of the NSE, or a broker's own file.")
        source: str | None = st.selectbox(
            "Whose file is it?", list(titles), index=None, format_func=titles.__getitem__, key=SOURCE, width=280
        )
        rounds = st.session_state.get(ROUND, 0)
        file = st.file_uploader(
            "File", type=["csv", "json", "txt", "gz"], key=f"masters-upload:{rounds}", label_visibility="collapsed"
        )
        force = st.checkbox("Take it even if it is much shorter than the last one, or the same", key=FORCE)
        if file is None or source is None:
            return
        label = f"Load {escape(file.name)} as {escape(titles[source])}"
        if st.button(label, key="go_masters_load", type="primary"):
            with st.spinner("It is read and merged …"):
                told = outcome(titles[source], lambda: desk().instruments.load(source, file.getvalue(), force=force))
            st.session_state[ROUND] = rounds + 1
            _tell((told,))
