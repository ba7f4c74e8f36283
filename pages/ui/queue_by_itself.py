"""What waits without anybody's yes: orders of AUTO strategies that are about to be decided, or wait for the market's opening."""

from __future__ import annotations

from functools import partial

import streamlit as st

from pages.ui.badges import escape
from pages.ui.clocks import clocks
from pages.ui.confirm import Question, ask
from pages.ui.dialogs import opens
from pages.ui.kill import may_trade
from pages.ui.order_acts import account_of, short
from pages.ui.rows import rows
from pages.ui.session import desk
from pages.ui.states import kept
from sigma.domain import show
from sigma.domain.orders import Order
from sigma.domain.story import title

MOST_NAMED = 8


def draw_by_itself() -> None:
    """Draw how many go by themselves, since when the oldest waits, and a way to take each back; nothing without one."""
    read = kept("queue-auto", None, lambda: desk().orders.table(status="WAITING", mode="AUTO").iloc[::-1])
    if read.value is None or read.value.empty:
        return
    now, number = desk().now(), len(read.value)
    oldest = read.value["created_at"].iloc[0]
    with st.container(border=True, key="queue-by-itself"):
        what = "1 order goes by itself" if number == 1 else f"{show.quantity(number)} orders go by themselves"
        since = f"since {show.when(oldest, now)} IST ({show.age((now - oldest).total_seconds())})"
        st.markdown(clocks(f":blue[»] **{what}**, the oldest {since}. The risk gate decides; nobody is asked."))
        for row in rows(read.value.head(MOST_NAMED)):
            _one(desk().orders.get(int(row.id)))
        if number > MOST_NAMED:
            st.caption(f"and {number - MOST_NAMED} more")


def _one(order: Order) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"queue-auto-{order.id}"):
        rests = f", waits until {show.when(order.not_before, desk().now())} IST" if order.not_before else ""
        named = f"{escape(short(order))} on {account_of(order)} · {escape(order.strategy or 'no strategy')}"
        st.markdown(clocks(f"{named}{rests}"))
        if may_trade():
            st.button(
                "Cancel", key=f"cancel-auto:{order.id}", icon=":material/close:", type="tertiary", **opens(take_back, order.id)
            )


def take_back(order_id: int) -> None:
    """Ask before an order that would go by itself is taken back."""
    order = desk().orders.get(order_id)
    body = f"{escape(title(order))} on {account_of(order)}, for {escape(order.strategy or 'no strategy')}. It was not sent yet."
    question = Question(f"Cancel {escape(short(order))}?", body, "Keep order", "Cancel order")
    ask(question, f"queue-auto-cancel:{order.id}", partial(_taken_back, order))


def _taken_back(order: Order) -> str:
    desk().orders.cancel(order.id, version=order.version)
    return f"{escape(short(order))} was cancelled."
