"""Risk limits and the kill switch."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from sigma.domain.risk import KillState, RiskLimits
from sigma.store.database import Link
from sigma.store.schema import kills, risk_limits
from sigma.store.statements import putting

_LIMITS = select(risk_limits).where(risk_limits.c.user_id == bindparam("user_id")).order_by(risk_limits.c.id)
_KILLS = select(kills).where(kills.c.user_id == bindparam("user_id")).order_by(kills.c.account_key)


class SqlRisk:
    """Limits and kill rows in the database; one row per scope, NULLs counted as equal."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def limits(self, user_id: int) -> Sequence[RiskLimits]:
        """Return all limit rows of a user."""
        return [
            RiskLimits(row.scope, row.strategy, row.account_id, row.max_quantity_per_order, row.max_order_value)
            for row in self._link.all(_LIMITS, {"user_id": user_id})
        ]

    def put_limits(self, user_id: int, limits: RiskLimits) -> None:
        """Store the row of one scope, replacing the one there was."""
        row = {
            "user_id": user_id,
            "scope": limits.scope,
            "strategy": limits.strategy,
            "account_id": limits.account_id,
            "account_key": limits.account_id or 0,
            "max_quantity_per_order": limits.max_quantity_per_order,
            "max_order_value": limits.max_order_value,
        }
        self._link.write(putting(self._link.dialect, risk_limits, "user_id", "scope", "strategy", "account_key"), row)

    def kills(self, user_id: int) -> Sequence[KillState]:
        """Return the kill rows of a user (user-wide and per account)."""
        return [
            KillState(row.on, row.reason, row.at, row.by, row.account_id) for row in self._link.all(_KILLS, {"user_id": user_id})
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
        }
        self._link.write(putting(self._link.dialect, kills, "user_id", "account_key"), row)
