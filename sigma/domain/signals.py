"""Signals: messages that came in, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sigma.domain.orders import OrderType, Product, Side

PLACE_OF_SECRET = "YOUR-WEBHOOK-SECRET"  # noqa: S105 - what a person replaces by the secret


class SignalStatus(StrEnum):
    """What became of a received message. MARKED: stored, but it made no order; `note` says why."""

    ACCEPTED = "ACCEPTED"
    DEDUPED = "DEDUPED"
    MARKED = "MARKED"
    IGNORED = "IGNORED"


@dataclass(frozen=True, slots=True)
class ParsedSignal:
    """A message in our words, before it is stored.

    Parameters
    ----------
    listing : str
        Canonical text.
    quantity : int or None
        Units; None when the message sizes by `amount` (rupees).
    price : Decimal or None
        The limit price wanted, rupees; a reference price is `ref_price` and makes no LIMIT order.
    bar_time : datetime or None
        The bar that fired, UTC, as the sender wrote it (TradingView's ``{{time}}`` is the bar's opening).
    external_id : str
        The sender's own id, for dedupe; empty when it has none.
    hints : mapping
        Exits wished for; kept and shown until conditional orders attach them.
    """

    listing: str
    side: Side
    quantity: int | None
    order_type: OrderType
    product: Product
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    amount: Decimal | None = None
    ref_price: Decimal | None = None
    strategy: str = ""
    platform: str = ""
    action: str = ""
    interval: str = ""
    bar_time: datetime | None = None
    external_id: str = ""
    comment: str = ""
    hints: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signal:
    """A stored message. `raw` is the scrubbed payload as it came.

    `bar_time` is when the bar that fired was complete (UTC), at the latest the receipt; None when the sender named none.
    """

    id: int
    user_id: int
    received_at: datetime
    status: SignalStatus
    raw: str
    dedupe_key: str
    listing: str | None = None
    side: Side | None = None
    quantity: int | None = None
    strategy: str = ""
    platform: str = ""
    bar_time: datetime | None = None
    external_id: str = ""
    note: str = ""
    hints: Mapping[str, str] = field(default_factory=dict)
    first_id: int | None = None
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a sender: ``accepted``, ``deduped``, ``ignored`` or ``marked``, with the ids to look it up by."""

    id: int
    status: str
    order_ids: tuple[int, ...] = ()
    message: str = ""


def alert_text(strategy: str, product: str, quantity: str) -> dict[str, object]:
    """Return the message of a TradingView strategy alert; TradingView fills the double braces in."""
    return {
        "secret": PLACE_OF_SECRET,
        "platform": "TRADINGVIEW",
        "strategy_name": strategy,
        "symbol": "{{exchange}}:{{ticker}}",
        "interval": "{{interval}}",
        "bar_time": "{{time}}",
        "trade_details": {
            "order_action": "{{strategy.order.action}}",
            "quantity": quantity,
            "price": "{{strategy.order.price}}",
            "order_type": "MARKET",
            "product": product,
            "comment": "{{strategy.order.comment}}",
            "order_id": "{{strategy.order.id}}",
        },
    }
