"""The page Activity: why did this happen."""

from __future__ import annotations

from datetime import date, time, timedelta

import streamlit as st

from pages.ui.activity_rows import KINDS, ORDER, SIGNAL_CHIPS, STATES, Day, moment, opened, sources, timeline
from pages.ui.badges import Badge, badges, escape
from pages.ui.clocks import clocks
from pages.ui.order_story import draw_story
from pages.ui.rows import rows, text
from pages.ui.session import desk
from pages.ui.shell import head
from pages.ui.signal_came import came
from pages.ui.states import empty, failed, kept
from pages.ui.table import Column, forget, live_table, paged, reach
from sigma.domain import show
from sigma.domain.errors import SigmaError
from sigma.domain.signals import Signal
from sigma.domain.times import ist, ist_date

TITLE = "Activity"
TABLE, PAGE, SOURCE = "activity", "activity-page", "activity-source"
EVERYWHERE, EVERY_SOURCE = "All accounts", "All sources"
OPENED = ("order", "signal")
LONGEST_NUMBER = 18
COLUMNS = {
    "time": Column("Time IST", width=75, pinned=True),
    "kind": Column("Kind", "chip", 72, chips=KINDS),
    "account": Column("Account", width=120),
    "what": Column("What", width=330),
    "state": Column("State", "chip", 150, chips=STATES),
    "why": Column("Why", width=260),
    "source": Column("Source", width=140),
}


def render() -> None:
    """Draw the list, or the story that the address names (``?order=``, ``?signal=``)."""
    head(TITLE)
    asked = next(((kind, st.query_params[kind]) for kind in OPENED if kind in st.query_params), None)
    if asked is None:
        _list()
        return
    if st.button("All activity", icon=":material/arrow_back:", key="activity-back"):
        for kind in OPENED:
            st.query_params.pop(kind, None)
        st.rerun()
    try:
        _story(*asked)
    except SigmaError as error:
        st.error(f"**{error.message}** {error.hint}".strip(), icon=":material/error:")


def _story(kind: str, number: str) -> None:
    if not number.isdecimal() or len(number) > LONGEST_NUMBER:
        st.error(f"**There is no {kind} {escape(number)}.** The address names one by its number.", icon=":material/error:")
    elif kind == "order":
        draw_story(desk().orders.why(int(number)))
    else:
        _signal(desk().signals.get(int(number)))


def _signal(signal: Signal) -> None:
    st.subheader(f"Signal {signal.id}", anchor=False)
    chip = SIGNAL_CHIPS[signal.status]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.badge(chip.text, color=str(chip.tone))  # type: ignore[arg-type]
        st.markdown(escape(signal.note))
        if signal.first_id is not None and st.button(f"The first was signal {signal.first_id}", key=f"first:{signal.first_id}"):
            st.query_params["signal"] = str(signal.first_id)
            st.rerun()
    bar = f", for the bar that closed at {moment(signal.bar_time)}" if signal.bar_time else ""
    told = " ".join(escape(word) for word in (signal.platform, signal.strategy) if word)
    st.markdown(clocks(f"Received {moment(signal.received_at)} from {told or 'a sender without a name'}{bar}."))
    st.caption("As it came, without its secret:")
    st.code(signal.raw, language=None, wrap_lines=True)
    lines = came(signal.id)
    if lines:
        st.markdown("**On the accounts**  \n" + "  \n".join(lines))
    orders = desk().orders.table(signal_id=signal.id)
    if orders.empty:
        st.markdown("It made no order.")
    for order_id in orders["id"]:
        with st.container(border=True):
            draw_story(desk().orders.why(int(order_id)))


def _list() -> None:
    found = badges()
    today = ist_date(desk().now())
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picked: date | None = st.date_input(
            "Day (IST)", today, max_value=today, key="activity-day", format="DD/MM/YYYY", width=140, persist_state="page"
        )
        account = _account(found)
        kinds = st.pills("Kind", list(KINDS), selection_mode="multi", key="activity-kinds", persist_state="page")
        source = st.empty()
        st.button("Read again", icon=":material/refresh:", key="activity-again")
    day = today if picked is None else picked  # a field that was cleared
    # A busy day has thousands of orders. Without a filter that looks at each, those of the pages before this one suffice.
    narrowed = account is not None or st.session_state.get(SOURCE, EVERY_SOURCE) != EVERY_SOURCE
    most = None if narrowed else reach(PAGE)
    read = kept("activity", (day, account, most), lambda: _day(day, account, most))
    failed(read)
    if read.value is None:
        return
    lines = timeline(read.value, found, account=account)
    offered = [EVERY_SOURCE, *sources(read.value, lines)]
    if st.session_state.get(SOURCE) not in offered:
        st.session_state[SOURCE] = EVERY_SOURCE
    chosen = source.selectbox("Source", offered, key=SOURCE, width=190, persist_state="page")
    if kinds:
        lines = lines[lines["kind"].isin(kinds)]
    if chosen != EVERY_SOURCE:
        lines = lines[lines["source"] == chosen]
    whose = "" if account is None else f" of {escape(account)}"
    there = len(lines) + (read.value.unread if not kinds or ORDER in kinds else 0)
    number = f"{there} line{'' if there == 1 else 's'}"
    st.caption(clocks(f"{number} of {day:%a %d %b %Y}{whose} · {show.freshness('read', read.read_at, desk().now())}"))
    if lines.empty:
        empty(f"Nothing of this kind happened on {day:%a %d %b %Y}{whose}. Choose another day, or fewer filters.")
        return
    page = paged(there, PAGE)
    for key in live_table(lines[page], COLUMNS, key=TABLE, select="single-row"):
        _open(key, read.value)


def _account(found: tuple[Badge, ...]) -> str | None:
    texts = {badge.name: badge.text for badge in found}
    chosen = st.selectbox(
        "Account",
        [EVERYWHERE, *texts],
        format_func=lambda name: texts.get(name, name),
        key="activity-account",
        width=190,
        persist_state="page",
    )
    return chosen if chosen in texts else None


def _day(day: date, account: str | None, most: int | None) -> Day:
    """Read a day, of its orders the newest so many."""
    mine = desk()
    since, until = ist(day, time()), ist(day + timedelta(days=1), time())
    return Day(
        mine.signals.table(since, None, until=until),
        mine.orders.table(account, since=since, until=until, limit=most),
        mine.orders.fills(account, since, until),
        mine.events(account=account, since=since, until=until, limit=None),
        None if most is None else mine.orders.origins(since, until),
    )


def _open(key: str, day: Day) -> None:
    """Open the story that a ticked line belongs to; an event is its own."""
    where = opened(key, day)
    if where is not None:
        forget(TABLE)
        st.query_params[where[0]] = where[1]
        st.rerun()
    for event in rows(day.events[day.events["id"] == int(key.partition(":")[2])]):
        with st.container(border=True):
            st.markdown(clocks(f"**{escape(event.kind)}** at {moment(event.at)}: {escape(event.text)}"))
            said = {**event.detail, "request": text(event.correlation_id)}
            for name, value in said.items():
                if value not in (None, ""):
                    st.caption(f"{escape(name)}: {escape(str(value))}")
