"""One decision of the risk gate: every rule's word with its numbers, what it was decided on, and the same taken again."""

from __future__ import annotations

import json
from dataclasses import replace

import streamlit as st

from pages.ui.badges import escape
from pages.ui.clocks import clocks
from pages.ui.dialogs import opens, show_dialog
from pages.ui.order_acts import account_of
from pages.ui.order_story import rule_words, rules, show_story
from pages.ui.session import desk
from sigma.domain import show
from sigma.domain.errors import StaleData
from sigma.domain.risk import Replay, RiskDecision, RuleResult
from sigma.domain.story import title

WIDTH = 520


def show_decision(order_id: int, decision_id: int) -> None:
    """Open the drawer that tells why the gate said what it said of an order."""
    show_dialog("Why did the gate say so?", _draw, order_id, decision_id, width=WIDTH, position="right", icon=":material/shield:")


def _draw(order_id: int, decision_id: int) -> None:
    mine = desk()
    told = mine.orders.why(order_id)
    decision = next(one for one in told.decisions if one.id == decision_id)
    st.markdown(f"**{escape(title(told.order))}** on {account_of(told.order)}")
    st.markdown(verdict(decision))
    st.caption(clocks(f"Decided {show.when(decision.decided_at, mine.now())} IST."))
    st.markdown("  \n".join(rules(replace(decision, results=spoken(decision), inputs={}))))
    silent = [rule_words(one.rule) for one in decision.results if one not in spoken(decision)]
    if silent:
        st.caption(f"Passed without measuring anything: {escape(', '.join(silent))}.")
    try:
        same, words = replayed(mine.risk.replay(decision_id))
    except StaleData as error:
        same, words = False, error.message
    (st.success if same else st.warning)(escape(words), icon=":material/replay:")
    with st.expander("What it was decided on"):
        st.code(json.dumps(decision.inputs, indent=1, default=str), language="json", wrap_lines=True)
    st.button("All of this order", key=f"risk-story:{order_id}", icon=":material/account_tree:", **opens(show_story, order_id))


def spoken(decision: RiskDecision) -> tuple[RuleResult, ...]:
    """Return the rules that stopped, lowered or measured something, those that did not let it pass as it was first."""
    said = [one for one in decision.results if not one.allowed or one.text or one.numbers]
    return tuple(sorted(said, key=lambda one: one.allowed and one.quantity is None))


def verdict(decision: RiskDecision) -> str:
    """Return a decision in Markdown: let pass, lowered, or stopped with its code and words."""
    if not decision.allowed:
        return f":red[✕ Stopped] `{decision.code}` {escape(decision.text)}"
    lowered = f" {escape(decision.text)}" if decision.text else ""
    return f":green[✓ Let it pass.]{lowered}"


def replayed(replay: Replay) -> tuple[bool, str]:
    """Say whether the same inputs give the same verdict now, and in words what they give."""
    if replay.same:
        return True, "Taken again from its stored inputs: the same verdict."
    again = replay.again
    now = "lets it pass" if again.allowed else f"stops it ({again.code}: {again.text})"
    return False, f"Taken again from its stored inputs the verdict is different: the gate of today {now}."
