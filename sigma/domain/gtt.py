"""Triggers that rest at a broker (GTT): single, and two of which one cancels the other (OCO)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sigma.domain.orders import Product, Side


class GttKind(StrEnum):
    """SINGLE: one trigger. OCO: one below and one above the last price; the first to fire cancels the other."""

    SINGLE = "SINGLE"
    OCO = "OCO"


class GttStatus(StrEnum):
    """Where a resting trigger is. WANTED: not confirmed by the broker yet. UNKNOWN: the answer was lost."""

    WANTED = "WANTED"
    ACTIVE = "ACTIVE"
    TRIGGERED = "TRIGGERED"
    DISABLED = "DISABLED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    DELETED = "DELETED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"

    @property
    def resting(self) -> bool:
        """Whether it may still fire."""
        return self in (GttStatus.WANTED, GttStatus.ACTIVE, GttStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class GttLeg:
    """A limit order that is placed when the last price reaches the trigger: units, rupees."""

    trigger_price: Decimal
    price: Decimal
    quantity: int


@dataclass(frozen=True, slots=True)
class Gtt:
    """A trigger that rests at a broker.

    Parameters
    ----------
    order_id : int or None
        Our order that wished for it; None when it was made elsewhere.
    broker_gtt_id : str or None
        The broker's id, None until it is known.
    broker_status, broker_reason : str
        The broker's own words.
    seen_before : tuple of str
        Broker ids that were listed before it was placed: a new one is told by the difference, for triggers carry no tag.
    """

    id: int
    user_id: int
    account_id: int
    listing: str
    side: Side
    product: Product
    kind: GttKind
    legs: tuple[GttLeg, ...]
    last_price: Decimal
    status: GttStatus
    created_at: datetime
    updated_at: datetime
    order_id: int | None = None
    broker_gtt_id: str | None = None
    broker_status: str = ""
    broker_reason: str = ""
    expires_at: datetime | None = None
    seen_before: tuple[str, ...] = ()
    version: int = 1


@dataclass(frozen=True, slots=True)
class BrokerGtt:
    """One row of a broker's list of triggers. `status` is None for a word we do not know (kept verbatim).

    `broker_order_ids` are those of the orders that its legs placed, one for each leg, empty where none was.
    """

    broker_gtt_id: str
    status: GttStatus | None
    broker_status: str
    kind: GttKind
    exchange: str
    symbol: str
    listing: str | None
    side: Side
    product: Product | None
    legs: tuple[GttLeg, ...]
    created_at: datetime | None = None
    updated_at: datetime | None = None
    expires_at: datetime | None = None
    broker_order_ids: tuple[str, ...] = field(default_factory=tuple)
    reason: str = ""
