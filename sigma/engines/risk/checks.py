"""Whether limits make sense, before they are stored."""

from __future__ import annotations

from datetime import time
from decimal import Decimal

from sigma.domain.errors import InvalidInput
from sigma.domain.instruments import split_listing
from sigma.domain.money import to_scaled
from sigma.domain.risk import CLAMPABLE, RiskLimits, Scope

LIFT = "None lifts the limit."
COUNTS = {
    "max_quantity_per_order": 10_000_000_000,
    "max_open_positions": 100_000,
    "max_orders_per_minute": 100_000,
    "cooldown_s": 86_400,
}
"""Whole numbers, and the largest that each may be."""
AMOUNTS = ("max_order_value", "max_daily_loss", "max_exposure", "drawdown_caution", "drawdown_stop")
CLOCKS = ("entries_until", "square_off_at")


def check_limits(limits: RiskLimits) -> None:
    """Refuse limits that make no sense.

    Raises
    ------
    InvalidInput
        It says which limit, what it was and what it may be.
    """
    _check_scope(limits)
    for name, most in COUNTS.items():
        count = getattr(limits, name)
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= most):
            raise InvalidInput(f"{name} must be a whole number from 1 to {most:,}, was {count}.", hint=LIFT)
    for name in AMOUNTS:
        _check_amount(name, getattr(limits, name))
    for name in CLOCKS:
        clock = getattr(limits, name)
        if clock is not None and (not isinstance(clock, time) or clock.tzinfo is not None):
            raise InvalidInput(f"{name} must be a time on the Indian clock, was {clock}.", hint="Write it as 15:10.")
    for listing in (limits.allow or frozenset()) | (limits.deny or frozenset()):
        split_listing(listing)
    caution, stop = limits.drawdown_caution, limits.drawdown_stop
    if caution is not None and stop is not None and caution > stop:
        told = f"drawdown_caution ({caution}) must not lie beyond drawdown_stop ({stop}): nothing would be left to halve."
        raise InvalidInput(told, hint="Halve entries first, then stop them.")
    _check_clamp(limits)


def _check_amount(name: str, amount: Decimal | None) -> None:
    if amount is None:
        return
    try:
        scaled = to_scaled(amount)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{name} cannot be kept: {error}.", hint=LIFT) from error
    if scaled <= 0:
        raise InvalidInput(f"{name} must be above 0 rupees, was {amount}.", hint=LIFT)


def _check_scope(limits: RiskLimits) -> None:
    named = {Scope.GLOBAL: True, Scope.STRATEGY: bool(limits.strategy), Scope.ACCOUNT: limits.account_id is not None}
    if not named[limits.scope]:
        raise InvalidInput(f"Limits of scope {limits.scope} need the {limits.scope.lower()} they hold for.")
    strange = (limits.strategy and limits.scope is not Scope.STRATEGY) or (
        limits.account_id is not None and limits.scope is not Scope.ACCOUNT
    )
    if strange:  # a second GLOBAL row would be one that no `set` of the first ever lifts
        hint = "Name the scope: STRATEGY with a strategy, ACCOUNT with an account."
        raise InvalidInput(f"Limits of scope {limits.scope} hold for more than the one strategy or account named.", hint=hint)


def _check_clamp(limits: RiskLimits) -> None:
    unknown = sorted(limits.clamp - CLAMPABLE)
    if unknown:
        hint = f"Those that can are {', '.join(sorted(CLAMPABLE))}."
        raise InvalidInput(f"{', '.join(unknown)} cannot lower a quantity, only refuse it.", hint=hint)
    lifted = sorted(name for name in limits.clamp if getattr(limits, name) is None)
    if lifted:
        raise InvalidInput(f"{', '.join(lifted)} shall lower quantities, but is not set.", hint="Give its value too.")
