"""The page Health: what is broken, since when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import streamlit as st

from pages.ui.badges import Badge, badges, escape, hint
from pages.ui.bar import GLYPHS
from pages.ui.clocks import clocks
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
CALLS = {
    "account": Column("Account", width=130, pinned=True),
    "name": Column("Calls for", width=110),
    "words": Column("Allowed", width=250),
    "calls": Column("Today", "quantity", 80, help="Calls of all programs since midnight IST."),
    "waits": Column("Waited", "right", 130, help="Calls that had to wait for their turn, and how long together."),
    "refused": Column("Given up", "quantity", 90, help="Not asked at all: the wait would have been too long."),
    "limited": Column("Too fast", "quantity", 90, help="How often the broker said today that it was asked too fast."),
    "limited_at": Column("Last time", "moment", 110),
    "now": Column("Now", width=170),
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
    live(_calls, EVERY_S)
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
    looked = f"{show.freshness('looked', read.read_at, now)} · brokers {show.freshness('asked', at, now)}"
    st.caption(clocks(f"{counted(checks)} · {looked}"))
    with st.container(border=True, key="health-checks", gap="xsmall"):
        for check in checks:
            st.markdown(clocks(line(check, marks, now)))
            if check.hint:
                st.markdown(f"→ {hint(check.hint)}")


def waits(number: int, seconds: float) -> str:
    """Return how many calls waited, and how long together."""
    return f"{number:,} ({seconds:,.1f} s)" if number else show.MISSING


def taking(closed_s: float) -> str:
    """Return whether the broker takes such calls now."""
    return f"closed for {show.age(closed_s)}" if closed_s else "open"


def _calls() -> None:
    mine = desk()
    read = kept("calls", None, mine.limits)
    failed(read)
    if read.value is None or read.value.empty:
        return
    st.subheader("Calls to brokers", anchor=False)
    st.caption("Brokers limit how often they may be asked. All programs here keep to it together: calls wait for their turn.")
    calls = read.value.copy()
    calls["waits"] = [waits(number, seconds) for number, seconds in zip(calls["waited"], calls["waited_s"], strict=True)]
    calls["now"] = [taking(seconds) for seconds in calls["closed_s"]]
    calls.index = calls["account"] + " " + calls["name"]
    live_table(calls, CALLS, key="health-calls", select="")


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
