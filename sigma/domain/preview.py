"""What is known of an order before it is placed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sigma.domain.charges import Margin
from sigma.domain.orders import Order, OrderRequest
from sigma.domain.risk import RiskDecision


@dataclass(frozen=True, slots=True)
class Estimate:
    """An amount in rupees, or (None) the reason why there is none; never 0 for not known.

    Parameters
    ----------
    parts : mapping of str to Decimal
        What it is made of, rupees by name, as far as that was told.
    source : str
        Whose estimate it is: a broker's title, or that it follows our own table of rates.
    """

    amount: Decimal | None
    reason: str = ""
    parts: Mapping[str, Decimal] = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True, slots=True)
class Funding:
    """What orders on an account would hold and cost together, beside the money there is.

    Parameters
    ----------
    held : Margin or None
        The broker's answer as a whole, where there is one.
    available, available_at : Decimal or None, datetime or None
        Rupees free by the stored funds of the account, and when those were read (UTC).
    """

    margin: Estimate
    charges: Estimate
    held: Margin | None = None
    available: Decimal | None = None
    available_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """One order of a basket, in the order in which they go in.

    Parameters
    ----------
    order : Order or None
        What was stored; None when nothing was, or it was only looked at.
    decision : RiskDecision or None
        The risk gate's verdict where it was only looked at.
    why : str
        Why there is no order, or what the risk gate said; empty when nothing is to be said.
    """

    request: OrderRequest
    order: Order | None = None
    decision: RiskDecision | None = None
    why: str = ""


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
    available, available_at : Decimal or None, datetime or None
        Rupees free by the stored funds of the account, and when those were read (UTC).
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
    available: Decimal | None = None
    available_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """An order that waits for approval, with what its signal tells: the platform that sent it, and why it counts as late."""

    order: Order
    platform: str = ""
    late: str = ""
