"""Small builders of domain values for the tests of engines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sigma.domain.answers import BookRead, BrokerOrder
from sigma.domain.orders import (
    Command,
    CommandKind,
    CommandState,
    Order,
    OrderMode,
    OrderRequest,
    OrderStatus,
    OrderType,
    Product,
    Side,
    Source,
)

NOW = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
TODAY = date(2026, 11, 20)
TAG = "ABCDEFGH01234567"


def request(**changes: Any) -> OrderRequest:
    """A CNC limit order to buy 10 NSE:INFY at 1,500 rupees, changed as wanted."""
    wanted: dict[str, Any] = {
        "listing": "NSE:INFY",
        "side": Side.BUY,
        "quantity": 10,
        "order_type": OrderType.LIMIT,
        "product": Product.CNC,
        "price": Decimal(1500),
    }
    return OrderRequest(**(wanted | changes))


def order(status: OrderStatus = OrderStatus.SENDING, **changes: Any) -> Order:
    """An order of `request()` on account 1."""
    made = Order(
        id=1,
        user_id=1,
        account_id=1,
        request=request(),
        status=status,
        client_order_id=TAG,
        mode=OrderMode.MANUAL,
        source=Source.PERSON,
        created_at=NOW,
        updated_at=NOW,
        session_date=TODAY,
    )
    return replace(made, **changes)


def row(**changes: Any) -> BrokerOrder:
    """The broker's row of `order()`."""
    shown = BrokerOrder(
        broker_order_id="B1",
        tag=TAG,
        status=OrderStatus.OPEN,
        broker_status="OPEN",
        exchange="NSE",
        symbol="INFY",
        listing="NSE:INFY",
        side=Side.BUY,
        quantity=10,
        filled_quantity=0,
        order_type=OrderType.LIMIT,
        product=Product.CNC,
        price=Decimal(1500),
    )
    return replace(shown, **changes)


def book(*rows: BrokerOrder, at: datetime = NOW, bad: tuple[Any, ...] = ()) -> BookRead:
    """A successful read of these rows."""
    return BookRead(rows, bad, at, at)


def command(kind: CommandKind = CommandKind.PLACE, **changes: Any) -> Command:
    """A command whose answer was lost at boot second 100."""
    made = Command(
        id=7,
        order_id=1,
        account_id=1,
        kind=kind,
        state=CommandState.UNKNOWN,
        created_at=NOW,
        claimed_at=NOW,
        send_by_ns=95 * 10**9,
        unknown_ns=100 * 10**9,
        boot_id="boot",
    )
    return replace(made, **changes)
