"""What a broker says, in our words: its answer to a write, the rows of its order book and of its list of executions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sigma.domain.orders import OrderStatus, OrderType, Outcome, Product, Side, Validity, Variety

ADDRESS_REFUSED = "the broker takes writes only from the address that is registered with it, and this machine's is not"
"""Part of the text of a refusal for the address that a write came from, behind the broker's own words."""


@dataclass(frozen=True, slots=True)
class WriteAnswer:
    """What came back from one write. Only a listed refusal is REFUSED; whatever proves nothing is UNKNOWN.

    Parameters
    ----------
    code, text : str
        The broker's (or the network's) own words.
    retry_after : float or None
        Seconds, when the broker refused for rate and said so.
    server_time : datetime or None
        The `Date` header, UTC.
    """

    outcome: Outcome
    broker_order_id: str | None = None
    code: str = ""
    text: str = ""
    http_status: int | None = None
    retry_after: float | None = None
    server_time: datetime | None = None
    session_expired: bool = False
    rate_limited: bool = False


@dataclass(frozen=True, slots=True)
class BrokerOrder:
    """One row of a broker's order book in our words. `status` is None for a word we do not know (kept verbatim).

    Parameters
    ----------
    listing : str or None
        None when the broker's symbol is not in the instrument table; `symbol` says what it was.
    tag : str
        The tag as echoed, without any prefix of the broker's; empty when it has none.
    """

    broker_order_id: str
    tag: str
    status: OrderStatus | None
    broker_status: str
    exchange: str
    symbol: str
    listing: str | None
    side: Side
    quantity: int
    filled_quantity: int
    order_type: OrderType | None
    product: Product | None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    average_price: Decimal | None = None
    cancelled_quantity: int = 0
    reason: str = ""
    exchange_order_id: str | None = None
    placed_at: datetime | None = None
    updated_at: datetime | None = None
    variety: Variety = Variety.REGULAR
    validity: Validity | None = None
    parent_id: str | None = None


@dataclass(frozen=True, slots=True)
class BrokerFill:
    """One row of a broker's list of executions in our words."""

    broker_order_id: str
    fill_id: str
    exchange: str
    symbol: str
    listing: str | None
    side: Side
    product: Product | None
    quantity: int
    price: Decimal
    filled_at: datetime


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row of a broker's list that could not be read: where, why, and the row itself as text (no secrets)."""

    what: str
    reason: str
    raw: str
    broker_order_id: str | None = None


@dataclass(frozen=True, slots=True)
class BookRead:
    """One successful read of an order book: rows, unreadable rows, and when it was asked for and answered (UTC)."""

    rows: tuple[BrokerOrder, ...]
    bad: tuple[BadRow, ...]
    asked_at: datetime
    answered_at: datetime
    server_time: datetime | None = None

    @property
    def ahead_s(self) -> float | None:
        """Seconds that our clock is ahead of the broker's, whose own word is exact to one; None: it did not say."""
        return None if self.server_time is None else (self.answered_at - self.server_time).total_seconds()
