"""Limits, modes and results of the risk gate as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sigma.domain import show
from sigma.domain.ledger import DayResult
from sigma.domain.risk import RiskLimits, Scope
from sigma.domain.show import Chip, Tone

NOT_LIMITED = "not limited"
MOST_NAMED = 3
LABELS: Mapping[str, str] = {
    "max_quantity_per_order": "Units in one order, at most",
    "max_order_value": "Order value ₹, at most",
    "allow_short_selling": "Short selling",
    "max_daily_loss": "Loss of a day ₹, at most",
    "max_open_positions": "Open positions, at most",
    "max_orders_per_minute": "Orders in any minute, at most",
    "max_exposure": "At work in one security ₹, at most",
    "allow": "The only listings to enter",
    "deny": "Listings never to enter",
    "products": "The only products to enter with",
    "order_types": "The only order types to enter with",
    "entries_until": "No entry from (IST)",
    "square_off_at": "Intraday positions are closed at (IST)",
    "cooldown_s": "Pause in a listing after a loss, seconds",
    "drawdown_caution": "Below its best ₹: entries are halved",
    "drawdown_stop": "Below its best ₹: no entries",
}
"""Each limit in words, in the order in which the gate's settings are told."""
LOWERS, REFUSES = Chip("▽ CLAMP", Tone.MOVES), Chip("✕ REJECT", Tone.STOPPED)


@dataclass(frozen=True, slots=True)
class Where:
    """What limits hold for: everything, one account, or one strategy."""

    scope: Scope = Scope.GLOBAL
    account_id: int | None = None
    strategy: str = ""

    @property
    def key(self) -> str:
        """Identity for widgets."""
        return f"{self.scope}:{self.account_id}:{self.strategy}"

    def words(self, accounts: Mapping[int, str]) -> str:
        """Return the scope with its name; `accounts` are badges by id."""
        if self.scope is Scope.ACCOUNT:
            return f"Account {accounts.get(self.account_id or 0, self.account_id)}"
        return f"Strategy {self.strategy}" if self.scope is Scope.STRATEGY else "Everything"


def where(row: RiskLimits) -> Where:
    """Return what a row of limits holds for."""
    return Where(row.scope, row.account_id, row.strategy)


@dataclass(frozen=True, slots=True)
class Loss:
    """How much of a scope's daily loss is used up.

    Parameters
    ----------
    lost : Decimal or None
        Rupees, 0 for a day that won; None when the result is not known.
    limit : Decimal or None
        Rupees at which entries stop; None when there is none.
    """

    label: str
    lost: Decimal | None
    limit: Decimal | None
    total: Decimal
    missing: tuple[str, ...] = ()

    @property
    def fraction(self) -> float | None:
        """How much of the limit is lost, from 0 to 1; None without a limit or a result."""
        if self.lost is None or not self.limit:
            return None
        return float(min(Decimal(1), self.lost / self.limit))

    @property
    def words(self) -> str:
        """The loss as ``18,240 of 50,000 36%``, or why it is not known."""
        if self.lost is None:
            named = ", ".join(self.missing[:MOST_NAMED]) + (" and more" if len(self.missing) > MOST_NAMED else "")
            return f"Not known: no price or charges of {named}."
        if not self.limit:
            return f"{show.gain(self.total)}, no limit"
        return f"{show.quantity(self.lost)} of {show.quantity(self.limit)} · {self.lost / self.limit:.0%}"

    @property
    def stops(self) -> bool:
        """Whether entries are stopped by it: the limit is reached, or the result is not known."""
        return bool(self.limit) and (self.lost is None or self.lost >= (self.limit or 0))


def loss(label: str, day: DayResult, limit: Decimal | None) -> Loss:
    """Return how much of a daily loss is used up by a day's result."""
    total = day.total
    return Loss(label, None if day.missing else max(Decimal(0), -total), limit, total, day.missing)


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return in words what saving would change; both are limits in words by name, empty where there is none."""
    return [
        f"{LABELS[name]}: {before.get(name) or NOT_LIMITED} → {after.get(name) or NOT_LIMITED}"
        for name in LABELS
        if (before.get(name) or "") != (after.get(name) or "")
    ]


def tally(allowed: int, stopped: int) -> str:
    """Return what the gate did today: ``Today: 41 allowed, 2 stopped``."""
    return f"Today: {show.quantity(allowed)} allowed, {show.quantity(stopped)} stopped"
