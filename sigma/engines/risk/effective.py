"""Which limits hold for an order after all: the strictest of its scopes, and where each comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sigma.domain.risk import EffectiveLimit, RiskLimits

WHERE = ("scope", "strategy", "account_id", "clamp")
NAMES = tuple(one.name for one in fields(RiskLimits) if one.name not in WHERE)
"""All limits, in the order in which they are shown."""
MORE_IS_STRICTER = frozenset({"cooldown_s"})


def effective(limits: Sequence[RiskLimits]) -> tuple[EffectiveLimit, ...]:
    """Return every limit as it holds over these scopes; one that is set nowhere has no value.

    Of numbers and times the strictest holds, a listing must be in every list of allowed ones and in none of the denied ones.
    It lowers a quantity only when each scope that it comes from says so.
    """
    return tuple(_one(name, [row for row in limits if getattr(row, name) is not None]) for name in NAMES)


def _one(name: str, rows: Sequence[RiskLimits]) -> EffectiveLimit:
    if not rows:
        return EffectiveLimit(name)
    values = [getattr(row, name) for row in rows]
    value = _strictest(name, values)
    whole = isinstance(value, frozenset)
    sources = [row for row, own in zip(rows, values, strict=True) if whole or own == value]
    return EffectiveLimit(
        name,
        value,
        tuple(row.scope for row in sources),
        clamps=all(name in row.clamp for row in sources),
    )


def _strictest(name: str, values: Sequence[Any]) -> Any:
    if name == "deny":
        return frozenset().union(*values)
    if isinstance(values[0], frozenset):
        return frozenset.intersection(*values)
    return max(values) if name in MORE_IS_STRICTER else min(values)
