"""Tables of limits and of what the risk gate said, made as in desk/frames.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from sigma.desk.cells import FLAG, MAYBE_WHOLE, MOMENT, NUMBER, TEXT, THING, WHOLE, facts, frame
from sigma.desk.risk_words import told
from sigma.domain.risk import EffectiveLimit, GateDay, RiskDecision, RiskLimits

LIMITS = {
    "scope": TEXT,
    "strategy": TEXT,
    "account_id": MAYBE_WHOLE,
    "max_quantity_per_order": MAYBE_WHOLE,
    "max_order_value": NUMBER,
    "allow_short_selling": THING,
    "max_daily_loss": NUMBER,
    "max_open_positions": MAYBE_WHOLE,
    "max_orders_per_minute": MAYBE_WHOLE,
    "max_exposure": NUMBER,
    "allow": THING,
    "deny": THING,
    "products": THING,
    "order_types": THING,
    "entries_until": THING,
    "square_off_at": THING,
    "cooldown_s": MAYBE_WHOLE,
    "drawdown_caution": NUMBER,
    "drawdown_stop": NUMBER,
    "clamp": THING,
}
WHERE = ("scope", "strategy", "account_id", "clamp")
LISTED = {"scope": TEXT, "strategy": TEXT, "account_id": MAYBE_WHOLE, "limit": TEXT, "value": TEXT, "mode": TEXT}
EFFECTIVE = {"limit": TEXT, "value": TEXT, "scopes": TEXT, "mode": TEXT}
DECISIONS = {
    "id": WHOLE,
    "order_id": WHOLE,
    "decided_at": MOMENT,
    "allowed": FLAG,
    "code": TEXT,
    "quantity": WHOLE,
    "text": TEXT,
}
STOPPED = {
    "id": WHOLE,
    "order_id": WHOLE,
    "decided_at": MOMENT,
    "account": TEXT,
    "listing": TEXT,
    "side": TEXT,
    "quantity": WHOLE,
    "strategy": TEXT,
    "code": TEXT,
    "text": TEXT,
}


def limits(rows: Iterable[RiskLimits]) -> pd.DataFrame:
    """Return risk limits as they are stored; missing means not limited there. Sets are sets, times are on the Indian clock."""
    return frame(LIMITS, [facts(LIMITS, row) for row in rows])


def listed(rows: Iterable[RiskLimits]) -> pd.DataFrame:
    """Return each limit that is set as a row of its own, in words; `mode` says what it does beyond it."""
    return frame(
        LISTED,
        [
            facts(LISTED, row, limit=name, value=told(value), mode="CLAMP" if name in row.clamp else "REJECT")
            for row in rows
            for name in LIMITS
            if name not in WHERE and (value := getattr(row, name)) is not None
        ],
    )


def effective(rows: Iterable[EffectiveLimit]) -> pd.DataFrame:
    """Return each limit as it holds, in words; `mode` says what it does beyond it, empty when it is not set."""
    return frame(
        EFFECTIVE,
        [
            {
                "limit": row.name,
                "value": told(row.value) or "not limited",
                "scopes": ", ".join(row.scopes),
                "mode": "" if row.value is None else "CLAMP" if row.clamps else "REJECT",
            }
            for row in rows
        ],
    )


def decisions(rows: Iterable[RiskDecision]) -> pd.DataFrame:
    """Return what the gate decided."""
    return frame(DECISIONS, [facts(DECISIONS, row) for row in rows])


def stopped(day: GateDay, names: Mapping[int, str]) -> pd.DataFrame:
    """Return what the gate stopped today, newest first; `quantity` is what was asked for, `id` the decision's.

    ``attrs``: allowed and stopped, how often it did either today, and since, when that began (UTC).
    """
    rows = [
        facts(
            STOPPED,
            decision,
            order,
            quantity=order.request.quantity,
            side=order.request.side,
            account=names.get(order.account_id or 0),
        )
        for decision, order in day.refusals
    ]
    found = frame(STOPPED, rows)
    found.attrs.update(allowed=day.allowed, stopped=day.stopped, since=day.since)
    return found
