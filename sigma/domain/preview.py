"""What is known of an order before it is placed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sigma.domain.orders import Order
from sigma.domain.risk import RiskDecision


@dataclass(frozen=True, slots=True)
class Estimate:
    """An amount in rupees, or (None) the reason why there is none; never 0 for not known."""

    amount: Decimal | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What would come of an order that was placed, or approved, now. Nothing of it is stored.

    Parameters
    ----------
    account : str or None
        Name of the account; None while none is chosen.
    value : Decimal or None
        Rupees: quantity times `price_used`.
    price_used, quote_at : Decimal or None, datetime or None
        The limit, else the trigger, else the last price, and when that one was quoted.
    decision : RiskDecision or None
        The risk gate's verdict; None while no account is chosen, or when the order does not come that far.
    warnings : tuple of str
        What to know before one says yes; the order can be placed all the same.
    problems : tuple of str
        Why the order would not be taken.
    late : str
        Why the approval asks for a second yes (it is among the warnings too); empty when it does not.
    """

    account: str | None
    value: Decimal | None
    price_used: Decimal | None
    quote_at: datetime | None
    margin: Estimate
    charges: Estimate
    decision: RiskDecision | None
    warnings: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    late: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An order that waits for approval, with what its signal tells: the platform that sent it, and why it counts as late."""

    order: Order
    platform: str = ""
    late: str = ""
