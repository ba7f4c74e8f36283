"""Values to store."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sigma.domain.accounts import Account, AuthMode, BrokerSession, TradingMode
from sigma.domain.instruments import BrokerInstrument, Exchange, Kind, Listing, MasterReport
from sigma.domain.orders import (
    Command,
    CommandKind,
    CommandState,
    Fill,
    Order,
    OrderEvent,
    OrderMode,
    OrderRequest,
    OrderStatus,
    OrderType,
    Outcome,
    Product,
    Side,
    Source,
    Validity,
    Variety,
)
from sigma.domain.risk import RiskDecision, RuleResult
from sigma.domain.signals import Signal, SignalStatus
from sigma.store import SqlStore

NOW = datetime(2026, 11, 20, 4, 30, 15, 123456, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
OWNER = 1
_NUMBERS = itertools.count(1)


def account(name: str = "zerodha-main", **changes: Any) -> Account:
    plain = Account(0, OWNER, "zerodha", name, None, False, True, TradingMode.NORMAL, AuthMode.MANUAL, NOW)
    return replace(plain, **changes)


def order(account_id: int | None = None, **changes: Any) -> Order:
    plain = Order(
        id=0,
        user_id=OWNER,
        account_id=account_id,
        request=OrderRequest("NSE:INFY", Side.BUY, 5),
        status=OrderStatus.WAITING,
        client_order_id=f"C{next(_NUMBERS):015d}",
        mode=OrderMode.MANUAL,
        source=Source.WEBHOOK,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(plain, **changes)


def full_order(account_id: int, signal_id: int, parent_id: int) -> Order:
    """An order in which no field has its default."""
    return Order(
        id=0,
        user_id=OWNER,
        account_id=account_id,
        request=OrderRequest(
            listing="NFO:NIFTY26FEB25000CE",
            side=Side.SELL,
            quantity=150,
            order_type=OrderType.SL,
            product=Product.NRML,
            price=Decimal("101.05"),
            trigger_price=Decimal("101.1"),
            validity=Validity.IOC,
            variety=Variety.AMO,
            disclosed_quantity=75,
            market_protection=Decimal(-1),
            gtt=True,
            algo_tag="ALGO-7",
        ),
        status=OrderStatus.PARTIALLY_FILLED,
        client_order_id="FULL000000000001",
        mode=OrderMode.AUTO,
        source=Source.NOTEBOOK,
        created_at=NOW,
        updated_at=LATER,
        broker_order_id="261120000000001",
        exchange_order_id="1100000000000001",
        external_id="theirs",
        filled_quantity=75,
        average_price=Decimal("101.08333333"),
        broker_status="OPEN PENDING",
        broker_reason="half \N{RUPEE SIGN}",
        risk_note="clamped",
        strategy="breakout",
        signal_id=signal_id,
        parent_id=parent_id,
        generation=2,
        tags=("a", "b"),
        stale_reason="too old",
        unsettled=True,
        cancel_wanted=True,
        session_date=date(2026, 11, 20),
        lot_size=75,
        tick_size=Decimal("0.10"),
        approved_at=NOW,
        sent_at=LATER,
        final_at=LATER,
        correlation_id="corr",
        reduce_only=True,
        slices=3,
        slice_no=2,
        not_before=LATER,
    )


def command(order_id: int, account_id: int, **changes: Any) -> Command:
    return replace(Command(0, order_id, account_id, CommandKind.PLACE, CommandState.PENDING, NOW), **changes)


def full_command(order_id: int, account_id: int) -> Command:
    """A command in which no field has its default."""
    return Command(
        id=0,
        order_id=order_id,
        account_id=account_id,
        kind=CommandKind.MODIFY,
        state=CommandState.UNKNOWN,
        created_at=NOW,
        payload={"price": "101.05", "quantity": None},
        holder="worker-1",
        claimed_at=NOW,
        send_by_ns=2**62,
        boot_id="boot",
        deadline=LATER,
        answered_at=LATER,
        outcome=Outcome.UNKNOWN,
        code="TIMEOUT",
        text="no answer",
        http_status=504,
        unknown_ns=2**61,
        absent_reads=(1, 2**61),
        look_alikes=("261120000000002",),
    )


def fill(order_id: int, account_id: int, **changes: Any) -> Fill:
    plain = Fill(
        id=0,
        order_id=order_id,
        account_id=account_id,
        exchange="NSE",
        session_date=date(2026, 11, 20),
        broker_order_id="261120000000001",
        fill_id="50000001",
        listing="NSE:INFY",
        side=Side.BUY,
        product=Product.CNC,
        quantity=3,
        price=Decimal("1500.05"),
        filled_at=NOW,
    )
    return replace(plain, **changes)


def order_event(order_id: int, **changes: Any) -> OrderEvent:
    return replace(
        OrderEvent(0, order_id, NOW, "CREATED", OrderStatus.WAITING, "made", {"by": "test", "n": 1}, "corr"), **changes
    )


def decision(order_id: int) -> RiskDecision:
    results = (RuleResult("max_order_value", False, "TOO_MUCH", "above", {"limit": "100000"}),)
    return RiskDecision(False, "TOO_MUCH", "above the limit", results, {"price": "1500.05", "held": [1, None]}, NOW, order_id)


def signal(**changes: Any) -> Signal:
    return replace(Signal(0, OWNER, NOW, SignalStatus.ACCEPTED, '{"a": 1}', "key"), **changes)


def session() -> BrokerSession:
    return BrokerSession("AB1234", {"access_token": "planted-session-token"}, NOW, LATER)


def listing(symbol: str = "INFY", **changes: Any) -> Listing:
    plain = Listing(Exchange.NSE, symbol, Kind.EQUITY, f"{symbol} LIMITED", "EQ", 1, Decimal("0.05"), 100_000)
    return replace(plain, **changes)


def instrument(of: Listing, token: str, broker: str = "zerodha", **changes: Any) -> BrokerInstrument:
    return replace(BrokerInstrument(broker, of.text, of.symbol, token, of.exchange.value, token), **changes)


def report(broker: str = "zerodha", **changes: Any) -> MasterReport:
    return replace(MasterReport(broker, 0, 2, 2, 0, 0, ("NSE:TWICE",), ("row 7: no tick",), 0.5), **changes)


def add_account(store: SqlStore, name: str = "zerodha-main", **changes: Any) -> Account:
    with store.begin() as tx:
        return tx.accounts.add(account(name, **changes))


def add_order(store: SqlStore, account_id: int | None = None, **changes: Any) -> Order:
    with store.begin() as tx:
        return tx.orders.add(order(account_id, **changes))
