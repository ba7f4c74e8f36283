"""Risk limits and the kill switch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, select

from sigma.domain.orders import OrderType, Product
from sigma.domain.risk import KillState, RiskLimits
from sigma.store.database import Link
from sigma.store.schema import kills, risk_limits
from sigma.store.statements import putting

_LIMITS = select(risk_limits).where(risk_limits.c.user_id == bindparam("user_id")).order_by(risk_limits.c.id)
_FIELDS = tuple(one.name for one in fields(RiskLimits))
_WORDS: dict[str, type[StrEnum]] = {"products": Product, "order_types": OrderType}
_SETS = ("allow", "deny", "clamp", *_WORDS)
_KILLS = select(kills).where(kills.c.user_id == bindparam("user_id")).order_by(kills.c.account_key)


class SqlRisk:
    """Limits and kill rows in the database; one row per scope, NULLs counted as equal."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def limits(self, user_id: int) -> Sequence[RiskLimits]:
        """Return all limit rows of a user."""
        return [
            RiskLimits(**{name: _value(name, getattr(row, name)) for name in _FIELDS})
            for row in self._link.all(_LIMITS, {"user_id": user_id})
        ]

    def put_limits(self, user_id: int, limits: RiskLimits) -> None:
        """Store the row of one scope, replacing the one there was."""
        row = {
            "user_id": user_id,
            "account_key": limits.account_id or 0,
            **{name: _stored(getattr(limits, name)) for name in _FIELDS},
        }
        self._link.write(putting(self._link.dialect, risk_limits, "user_id", "scope", "strategy", "account_key"), row)

    def kills(self, user_id: int) -> Sequence[KillState]:
        """Return the kill rows of a user (user-wide and per account)."""
        return [
            KillState(row.on, row.reason, row.at, row.by, row.account_id, row.strategy)
            for row in self._link.all(_KILLS, {"user_id": user_id})
        ]

    def put_kill(self, user_id: int, kill: KillState) -> None:
        """Store the kill row of its scope."""
        row = {
            "user_id": user_id,
            "account_id": kill.account_id,
            "account_key": kill.account_id or 0,
            "on": kill.on,
            "reason": kill.reason,
            "at": kill.at,
            "by": kill.by,
            "strategy": kill.strategy,
        }
        self._link.write(putting(self._link.dialect, kills, "user_id", "account_key", "strategy"), row)


def _value(name: str, stored: Any) -> Any:
    """Return a limit as the domain has it; a set is kept as a list."""
    if name not in _SETS or stored is None:
        return stored
    return frozenset(_WORDS[name](word) if name in _WORDS else word for word in stored)


def _stored(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value
