"""The page Health: what is broken, since when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import streamlit as st

from pages.ui.badges import Badge, badges, escape
from pages.ui.bar import GLYPHS
from pages.ui.every import live
from pages.ui.session import desk
from pages.ui.shell import head
from pages.ui.states import failed, kept
from pages.ui.table import Column, live_table
from sigma.domain import show
from sigma.domain.errors import SigmaError
from sigma.domain.health import CLOCK_KEY, SYNCED_KEY, Check, Mark, worst_first

TITLE = "Health"
EVERY_S = 10
ASKED = "health-asked"
MOST_RUNS = 50
WORDS = {Mark.BAD: "Broken", Mark.WARNING: "Look at this", Mark.NOTE: "Note", Mark.GOOD: "Well"}
COUNTED = {Mark.BAD: "broken", Mark.WARNING: "to look at", Mark.NOTE: "to know", Mark.GOOD: "well"}
PROCESSES = {
    "process": Column("Process", width=110, pinned=True),
    "sign": Column("Last sign of life", width=230),
    "pid": Column("Pid", width=80),
    "doing": Column("Says", width=420),
}
RUNS = {
    "job": Column("Job", width=150, pinned=True),
    "outcome": Column("Outcome", width=220),
    "started_at": Column("Began", "moment", 110),
    "ended_at": Column("Ended", "moment", 110),
    "took": Column("Took", width=90),
}


def render() -> None:
    """Draw the page."""
    head(TITLE)
    with st.container(horizontal=True, vertical_alignment="center"):
        asked = st.button("Check now", icon=":material/troubleshoot:", key="go_health-check", type="primary")
        st.caption("Asks every account's broker for its login and order book. Nothing is changed or sent.")
    progress = st.empty()
    live(_checks, EVERY_S)
    live(_processes, EVERY_S)
    if asked:
        with progress:
            st.session_state[ASKED] = (ask_all(badges()), desk().now())
        st.toast("Every broker was asked.", icon=":material/check:")
        st.rerun()


def ask_all(found: Sequence[Badge]) -> tuple[Check, ...]:
    """Ask the broker of each account that is switched on, one after another, and say how far it is."""
    wanted = [badge for badge in found if badge.enabled]
    answers: list[Check] = []
    progress = st.progress(0.0, "Asking the brokers …")
    for place, badge in enumerate(wanted):
        progress.progress(place / len(wanted), f"Asking the broker of {badge.coloured} ({place + 1} of {len(wanted)}) …")
        try:
            answers += desk().ask(badge.name)
        except SigmaError as error:
            answers.append(Check(Mark.BAD, "broker", error.message, error.hint, account=badge.name))
    return tuple(answers)


def merged(stored: Iterable[Check], asked: Iterable[Check]) -> tuple[Check, ...]:
    """Return what is stored, and of what brokers were asked that which is not stored; worst first.

    What an answer changed is stored by then, and may have changed again since.
    """
    stored = tuple(stored)
    known = {(check.what, check.account) for check in stored}
    return worst_first([*stored, *(check for check in asked if (check.what, check.account) not in known)])


def counted(checks: Sequence[Check]) -> str:
    """Return how many checks came out how, the worst first."""
    numbers = {word: sum(check.mark is mark for check in checks) for mark, word in COUNTED.items()}
    return ", ".join(f"{number} {word}" for word, number in numbers.items() if number) or "Nothing was looked at"


def since(check: Check, now: datetime) -> str:
    """Return both ways since when it is so; what is well was seen to be so then."""
    if check.since is None:
        return ""
    age, at = show.age((now - check.since).total_seconds()), show.when(check.since, now)
    return f"{age} ago ({at} IST)" if check.mark is Mark.GOOD else f"for {age}, since {at} IST"


def line(check: Check, marks: Mapping[str, str], now: datetime) -> str:
    """Return a check in Markdown: mark with its word, the thing and whose, how it is, since when."""
    whose = f" {marks.get(check.account, escape(check.account))}" if check.account else ""
    dated = f" :gray[· {since(check, now)}]" if check.since else ""
    return f"{GLYPHS[check.mark]} **{WORDS[check.mark]}** · **{escape(check.what)}**{whose} {escape(check.words)}{dated}"


def hint(words: str) -> str:
    """Return what to do in Markdown: what stands between backticks is a command, and nothing else is markup."""
    parts = words.split("`")
    return "".join(f"`{part}`" if place % 2 and part else escape(part) for place, part in enumerate(parts))


def says(detail: Mapping[str, object]) -> str:
    """Return what a process says of itself; how far clocks are off is a check of its own, and accounts are synced on Brokers."""
    elsewhere = (CLOCK_KEY, SYNCED_KEY)
    told = {name: value for name, value in detail.items() if value not in (None, "") and not name.startswith(elsewhere)}
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in told.items())


def _checks() -> None:
    mine = desk()
    now = mine.now()
    asked, at = st.session_state.get(ASKED, ((), None))
    read = kept("health", None, mine.checks)
    failed(read)
    checks = merged(read.value or (), asked)
    marks = {badge.name: badge.coloured for badge in badges()}
    st.caption(f"{counted(checks)} · {show.freshness('looked', read.read_at, now)} · brokers {show.freshness('asked', at, now)}")
    with st.container(border=True, key="health-checks", gap="xsmall"):
        for check in checks:
            st.markdown(line(check, marks, now))
            if check.hint:
                st.markdown(f"→ {hint(check.hint)}")


def _processes() -> None:
    mine = desk()
    now = mine.now()
    read = kept("processes", None, lambda: (mine.health(), mine.runs(MOST_RUNS)))
    failed(read)
    if read.value is None:
        return
    beats, runs = read.value
    st.subheader("Processes", anchor=False)
    beats = beats.set_index("process", drop=False)
    beats["sign"] = [show.freshness("seen", at, now) for at in beats["at"]]
    beats["doing"] = [says(detail) for detail in beats["detail"]]
    beats["pid"] = beats["pid"].astype(str)
    live_table(beats, PROCESSES, key="health-processes", select="")
    st.subheader("Job runs", anchor=False)
    if runs.empty:
        st.caption("No job has run here yet.")
        return
    spent = runs["ended_at"] - runs["started_at"]
    runs["took"] = [show.MISSING if span != span else f"{span.total_seconds():.2f} s" for span in spent]
    runs["outcome"] = runs["outcome"].where(runs["ended_at"].notna(), "running")
    live_table(runs, RUNS, key="health-runs", select="")
