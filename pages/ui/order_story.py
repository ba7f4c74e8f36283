"""Why an order happened: a drawer with signal, risk decision, what was written, what came back, executions."""

from __future__ import annotations

import streamlit as st

from pages.ui.badges import badges, escape
from pages.ui.dialogs import show_dialog
from pages.ui.order_rows import SOURCES
from pages.ui.preview import as_number
from pages.ui.session import desk
from sigma.domain import show
from sigma.domain.errors import SigmaError
from sigma.domain.orders import Command, Fill, Order, OrderEvent
from sigma.domain.risk import RiskDecision
from sigma.domain.show import Tone
from sigma.domain.signals import Signal
from sigma.domain.story import Step, Story, progress, steps, title
from sigma.domain.strategies import SignalShare
from sigma.domain.times import to_ist

WIDTH = 520
KINDS = {
    "signal": "Signal",
    "share": "On the accounts",
    "risk": "Risk gate",
    "broker": "To the broker",
    "order": "Order",
    "fill": "Fill",
}
TONES = {
    "signal": Tone.WAITS,
    "share": Tone.MOVES,
    "risk": Tone.STOPPED,
    "broker": Tone.MOVES,
    "order": Tone.OVER,
    "fill": Tone.GOOD,
}


def show_story(order_id: int) -> None:
    """Open the drawer that tells why an order happened and what came of it."""
    show_dialog("Why this order?", _story, order_id, width=WIDTH, position="right", icon=":material/account_tree:")


def _story(order_id: int) -> None:
    try:
        told = desk().orders.why(order_id)
    except SigmaError as error:
        st.error(f"**{error.message}** {error.hint}".strip())
        return
    draw_story(told)


def draw_story(told: Story) -> None:
    """Draw what the order is, then each step with its moment on the Indian clock."""
    order = told.order
    chip = show.status_chip(order.status, unsettled=order.unsettled)
    account = next((badge.coloured for badge in badges() if badge.id == order.account_id), "no account")
    st.markdown(f"**{escape(title(order))}** on {account}")
    st.badge(chip.text, color=chip.tone.value)
    st.markdown("  \n".join(f":gray[{label}] {escape(value)}" for label, value in facts(order)))
    for number, step in enumerate(steps(told)):
        with st.container(gap="xxsmall", key=f"step-{order.id}-{number}"):
            st.markdown(f"`{at(step)}` :{TONES[step.kind].value}[**{KINDS[step.kind]}**]  \n{escape(words(step))}")
            _numbers(step)
    st.caption("All times are IST.")


def facts(order: Order) -> list[tuple[str, str]]:
    """Return what is worth a line above the chain; what the order has not is left out."""
    came = SOURCES[order.source.value] + (f", strategy {order.strategy}" if order.strategy else "")
    found = [
        ("Filled", progress(order)),
        ("Broker says", " ".join(filter(None, (order.broker_status, order.broker_reason)))),
        ("Risk", order.risk_note),
        ("Came back", order.stale_reason),
        ("Came from", f"{came}, {order.mode.value}"),
        ("Cut into", f"{order.slices} orders: more than the exchange takes in one" if order.slices else ""),
        ("Slice", f"{order.slice_no} of order {order.parent_id}" if order.slice_no else ""),
        ("Copy of", f"order {order.parent_id}" if order.parent_id and not order.slice_no else ""),
        ("Broker's id", order.broker_order_id or ""),
        ("Our tag", order.client_order_id),
    ]
    return [(label, value) for label, value in found if value]


def at(step: Step) -> str:
    """Return the whole moment on the Indian clock: the day, and the time to the thousandth where it is known that well."""
    moment = to_ist(step.at)
    if isinstance(step.source, Fill):
        return f"{to_ist(step.source.filled_at):%d %b %Y %H:%M:%S}"
    return f"{moment:%d %b %Y %H:%M:%S}.{moment.microsecond // 1000:03d}"


def words(step: Step) -> str:
    """Return what happened in a person's words; the sender's and the broker's words stay as they came."""
    source = step.source
    if isinstance(source, Signal):
        parts = (
            source.platform or "webhook",
            source.strategy,
            f"{source.side or ''} {source.listing or ''}".strip(),
            source.note,
        )
        return " · ".join(part for part in parts if part)
    if isinstance(source, SignalShare):
        return source.words({badge.id: badge.name for badge in badges()})
    if isinstance(source, RiskDecision):
        passed = f"✓ Let {source.quantity} pass: {source.text}" if source.text else "✓ Let it pass."
        return passed if source.allowed else f"✕ Stopped it ({source.code}): {source.text}"
    if isinstance(source, Command):
        said = " ".join(filter(None, (source.code, source.text)))
        return f"{source.kind.capitalize()}: {source.state.lower()}{f', {said}' if said else ''}"
    if isinstance(source, OrderEvent):
        return f"{source.text} → {show.status_chip(source.status).text}"
    return step.words


def _numbers(step: Step) -> None:
    """Draw what a step was decided on: the message as it came, the numbers of the risk gate, what a change asked for."""
    source = step.source
    if isinstance(source, Signal):
        with st.expander("The message as it came"):
            st.code(source.raw, language=None, wrap_lines=True)
    elif isinstance(source, RiskDecision):
        st.markdown("  \n".join(rules(source)))
    elif isinstance(source, Command) and source.payload:
        asked = (f"{name.replace('_', ' ')} {value}" for name, value in source.payload.items() if value)
        st.caption(escape(", ".join(asked)))


def rules(decision: RiskDecision) -> list[str]:
    """Return a line for each rule with its numbers, then what was known of position, price and limits."""
    found = []
    for one in decision.results:
        numbers = ", ".join(f"{_plain(name)} {as_number(value)}" for name, value in one.numbers.items())
        mark = ":green[✓]" if one.allowed else ":red[✕]"
        said = " · ".join(filter(None, (one.text, numbers)))
        found.append(f"{mark} {rule_words(one.rule)}{f': {escape(said)}' if said else ''}")
    book = decision.inputs.get("book")
    if isinstance(book, dict):
        known = {name: value for name, value in book.items() if value not in (None, [], ())}
        found.append(":gray[" + escape("Known: " + ", ".join(f"{_plain(name)} {value}" for name, value in known.items())) + "]")
    return found


def rule_words(rule: str) -> str:
    """Return the name of a rule of the risk gate in words: ``cooldown`` for ``cooldown_s``."""
    return _plain(rule.removesuffix("_s"))


def _plain(name: str) -> str:
    return str(name).replace("_", " ")
