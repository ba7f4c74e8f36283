"""What an order would come to, drawn the same way wherever somebody is about to say yes."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages.ui.badges import escape
from pages.ui.clocks import clocks
from pages.ui.session import desk
from sigma.domain import show
from sigma.domain.preview import Estimate, Preview
from sigma.domain.risk import RiskDecision

NOT_KNOWN = "N/A"


def show_preview(preview: Preview) -> None:
    """Draw value, margin, charges, the risk gate's verdict with its numbers, and what warns or speaks against the order."""
    with st.container(horizontal=True, key="preview"):
        st.metric("Value", NOT_KNOWN if preview.value is None else show.rupees(preview.value))
        st.metric("Margin", estimate(preview.margin), help=made_of(preview.margin))
        st.metric("Charges", estimate(preview.charges), help=made_of(preview.charges))
    available = free(preview.available, preview.available_at)
    if available:
        st.caption(clocks(available))
    if preview.quote_at is not None and preview.price_used is not None:
        quoted = show.freshness("quoted", preview.quote_at, desk().now())
        st.caption(clocks(f"At the last price, {show.price(preview.price_used)}: {quoted}."))
    if preview.decision is not None:
        (st.markdown if preview.decision.allowed else st.error)(verdict(preview.decision))
    if preview.problems:
        st.error("  \n".join(escape(words) for words in preview.problems), icon=":material/block:")
    if preview.warnings:
        st.warning("  \n".join(escape(words) for words in preview.warnings), icon=":material/warning:")


def acceptable(preview: Preview) -> bool:
    """Say whether the order would be taken: nothing speaks against it, and the risk gate allows it."""
    return not preview.problems and preview.decision is not None and preview.decision.allowed


def estimate(found: Estimate) -> str:
    """Return an amount, or that it is not known; never 0 for not known."""
    return NOT_KNOWN if found.amount is None else show.rupees(found.amount)


def made_of(found: Estimate) -> str:
    """Return in Markdown what an amount is made of and whose estimate it is, or why it is not known."""
    if found.amount is None:
        return escape(f"Not known: {found.reason}.")
    parts = "".join(f"  \n{escape(name)} {show.rupees(amount)}" for name, amount in found.parts.items())
    return f"Estimated by {escape(found.source)}.{parts}"


def free(available: object, at: object) -> str:
    """Return what money there is by the account's stored funds; empty when they were never read."""
    if show.number(available) is None or show.moment(at) is None:
        return ""
    return f"Available {show.rupees(available)}, {show.freshness('read', at, desk().now())}."


def verdict(decision: RiskDecision) -> str:
    """Return the risk gate's word as Markdown, with the numbers of the rules that measured something."""
    measured = "".join(f"  \n{_words(one.rule)}: {_numbers(one.numbers)}" for one in decision.results if one.numbers)
    if decision.allowed:
        smaller = f" {show.quantity(decision.quantity)} of it: {escape(decision.text)}." if decision.text else " it pass."
        return f":green[✓] The risk gate lets{smaller}{measured}"
    return f"**✕ The risk gate would stop it:** {escape(decision.text)}.{measured}"


def _numbers(numbers: Mapping[str, str]) -> str:
    return ", ".join(f"{_words(name)} {escape(as_number(value))}" for name, value in numbers.items())


def as_number(text: str) -> str:
    """Return a number that a rule told as people read it, grouped; what is none as it is."""
    found = show.number(text)
    return text if found is None else show.price(found, 0 if found == found.to_integral_value() else 2)


def _words(name: str) -> str:
    return name.replace("_", " ")
