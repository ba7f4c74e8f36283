"""`desk.risk`: limits, user-wide trading mode, release of frozen accounts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Unpack

import pandas as pd

from sigma.desk import risk_frames
from sigma.desk.risk_words import LimitWords, clamping, typed_limits
from sigma.desk.words import word
from sigma.domain.accounts import TradingMode
from sigma.domain.risk import KillState, Replay, RiskLimits, Scope

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
        clamp_mode: str = "REJECT",
        clamp: Iterable[str] | None = None,
        **limits: Unpack[LimitWords],
    ) -> RiskLimits:
        """Set the limits of a scope (units, rupees, Indian time); a limit left out is lifted there.

        Parameters
        ----------
        clamp_mode : str
            CLAMP: those of the limits given that can lower a quantity do so; REJECT: they refuse the order.
        clamp : iterable of str, optional
            Names of the limits that lower a quantity, instead of a mode for all of them.
        """
        account_id = None if account is None else self._house.accounts.find(self._user_id, account).id
        typed = typed_limits(limits, lambda text: self._house.instruments.resolve(text, self._user_id).text)
        lowers = clamping(clamp_mode, typed) if clamp is None else frozenset(clamp)
        made = RiskLimits(word(Scope, scope, "scope"), strategy, account_id, **typed, clamp=lowers)
        return self._house.risk.set_limits(self._user_id, made)

    def limits(self) -> list[RiskLimits]:
        """Return all limits, one row for each scope that has some."""
        return list(self._house.risk.limits(self._user_id))

    def table(self) -> pd.DataFrame:
        """Return all limits with the scope each holds for."""
        return risk_frames.limits(self._house.risk.limits(self._user_id))

    def listed(self) -> pd.DataFrame:
        """Return each limit that is set as a row of its own, in words."""
        return risk_frames.listed(self._house.risk.limits(self._user_id))

    def effective(self, strategy: str | None = None, account: str | int | None = None) -> pd.DataFrame:
        """Return each limit as it holds for orders of a strategy (None: a person's) on an account, and where it comes from."""
        account_id = None if account is None else self._house.accounts.find(self._user_id, account).id
        return risk_frames.effective(self._house.risk.effective(self._user_id, strategy or "", account_id))

    def decisions(self, order_id: int) -> pd.DataFrame:
        """Return what the risk gate said of an order, oldest first."""
        return risk_frames.decisions(self._house.risk.decisions(self._user_id, order_id))

    def today(self, limit: int = 50) -> pd.DataFrame:
        """Return what the gate stopped since midnight (IST), newest first; ``attrs``: allowed, stopped (how often), since."""
        names = {account.id: account.name for account in self._house.accounts.list(self._user_id)}
        return risk_frames.stopped(self._house.risk.today(self._user_id, limit), names)

    def replay(self, decision_id: int) -> Replay:
        """Take a stored decision again from its stored inputs; `same` says whether the verdict is the one of then."""
        return self._house.risk.replay(self._user_id, decision_id)

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
