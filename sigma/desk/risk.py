"""`desk.risk`: limits, user-wide trading mode, release of frozen accounts."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pandas as pd

from sigma.desk import frames
from sigma.desk.words import amount, whole, word
from sigma.domain.accounts import TradingMode
from sigma.domain.risk import KillState, RiskLimits, Scope

if TYPE_CHECKING:
    from sigma.bootstrap import House


class RiskDesk:
    """The risk gate's settings of one user."""

    def __init__(self, house: House, user_id: int) -> None:
        self._house = house
        self._user_id = user_id

    def set(
        self,
        scope: str = "GLOBAL",
        *,
        strategy: str = "",
        account: str | int | None = None,
        max_quantity_per_order: int | None = None,
        max_order_value: Decimal | float | str | None = None,
    ) -> RiskLimits:
        """Set the limits of a scope (units, rupees); a limit left out is lifted there."""
        account_id = None if account is None else self._house.accounts.find(self._user_id, account).id
        value = None if max_order_value is None else amount(max_order_value, "max_order_value")
        quantity = None if max_quantity_per_order is None else whole(max_quantity_per_order, "max_quantity_per_order")
        limits = RiskLimits(word(Scope, scope, "scope"), strategy, account_id, quantity, value)
        return self._house.risk.set_limits(self._user_id, limits)

    def table(self) -> pd.DataFrame:
        """Return all limits with the scope each holds for."""
        return frames.limits(self._house.risk.limits(self._user_id))

    def kills(self) -> list[KillState]:
        """Return the kill switches that are on."""
        return list(self._house.risk.kills(self._user_id))

    def mode(self) -> TradingMode:
        """Return the user-wide trading mode; the stricter of it and an account's applies."""
        return self._house.risk.user_mode(self._user_id)

    def set_mode(self, mode: str) -> None:
        """Set the user-wide trading mode: NORMAL, EXIT_ONLY or PAUSED."""
        self._house.risk.set_user_mode(self._user_id, word(TradingMode, mode, "trading mode"))

    def release(self, account: str, *, reason: str) -> None:
        """Let a frozen account send again."""
        self._house.risk.release(self._user_id, account, reason)
