"""Orders, their history, fills and risk decisions: rows to values and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from sigma.domain.orders import Fill, Order, OrderEvent, OrderRequest
from sigma.domain.risk import RiskDecision, RuleResult
from sigma.store.types import storable


def to_order(row: Row[Any]) -> Order:
    """Return the order of a row."""
    return Order(
        id=row.id,
        user_id=row.user_id,
        account_id=row.account_id,
        request=to_request(row),
        status=row.status,
        client_order_id=row.client_order_id,
        mode=row.mode,
        source=row.source,
        created_at=row.created_at,
        updated_at=row.updated_at,
        broker_order_id=row.broker_order_id,
        exchange_order_id=row.exchange_order_id,
        external_id=row.external_id,
        filled_quantity=row.filled_quantity,
        average_price=row.average_price,
        broker_status=row.broker_status,
        broker_reason=row.broker_reason,
        risk_note=row.risk_note,
        strategy=row.strategy,
        signal_id=row.signal_id,
        parent_id=row.parent_id,
        generation=row.generation,
        tags=tuple(row.tags),
        stale_reason=row.stale_reason,
        unsettled=row.unsettled,
        cancel_wanted=row.cancel_wanted,
        session_date=row.session_date,
        lot_size=row.lot_size,
        tick_size=row.tick_size,
        approved_at=row.approved_at,
        sent_at=row.sent_at,
        final_at=row.final_at,
        correlation_id=row.correlation_id,
        reduce_only=row.reduce_only,
        slices=row.slices,
        slice_no=row.slice_no,
        not_before=row.not_before,
        version=row.version,
    )


def to_request(row: Row[Any]) -> OrderRequest:
    """Return what an order's row says is wanted."""
    return OrderRequest(
        listing=row.listing,
        side=row.side,
        quantity=row.quantity,
        order_type=row.order_type,
        product=row.product,
        price=row.price,
        trigger_price=row.trigger_price,
        validity=row.validity,
        variety=row.variety,
        disclosed_quantity=row.disclosed_quantity,
        market_protection=row.market_protection,
        gtt=row.gtt,
        algo_tag=row.algo_tag,
    )


def from_order(order: Order) -> dict[str, Any]:
    """Return the row of an order."""
    request = order.request
    return {
        "id": order.id,
        "user_id": order.user_id,
        "account_id": order.account_id,
        "listing": request.listing,
        "side": request.side,
        "quantity": request.quantity,
        "order_type": request.order_type,
        "product": request.product,
        "price": request.price,
        "trigger_price": request.trigger_price,
        "validity": request.validity,
        "variety": request.variety,
        "disclosed_quantity": request.disclosed_quantity,
        "market_protection": request.market_protection,
        "gtt": request.gtt,
        "algo_tag": request.algo_tag,
        "status": order.status,
        "client_order_id": order.client_order_id,
        "mode": order.mode,
        "source": order.source,
        "created_at": order.created_at,
        "updated_at": order.updated_at,
        "broker_order_id": order.broker_order_id,
        "exchange_order_id": order.exchange_order_id,
        "external_id": order.external_id,
        "filled_quantity": order.filled_quantity,
        "average_price": order.average_price,
        "broker_status": order.broker_status,
        "broker_reason": order.broker_reason,
        "risk_note": order.risk_note,
        "strategy": order.strategy,
        "signal_id": order.signal_id,
        "parent_id": order.parent_id,
        "generation": order.generation,
        "tags": order.tags,
        "stale_reason": order.stale_reason,
        "unsettled": order.unsettled,
        "cancel_wanted": order.cancel_wanted,
        "session_date": order.session_date,
        "lot_size": order.lot_size,
        "tick_size": order.tick_size,
        "approved_at": order.approved_at,
        "sent_at": order.sent_at,
        "final_at": order.final_at,
        "correlation_id": order.correlation_id,
        "reduce_only": order.reduce_only,
        "slices": order.slices,
        "slice_no": order.slice_no,
        "not_before": order.not_before,
        "version": order.version,
    }


def with_storable_average(order: Order) -> Order:
    """Return the order as it will be read back: an average is derived, and kept to eight decimals."""
    return order if order.average_price is None else replace(order, average_price=storable(order.average_price))


def to_order_event(row: Row[Any]) -> OrderEvent:
    """Return one line of an order's history."""
    return OrderEvent(row.id, row.order_id, row.at, row.kind, row.status, row.text, row.detail, row.correlation_id)


def from_order_event(event: OrderEvent) -> dict[str, Any]:
    """Return the row of one line of history."""
    return {
        "order_id": event.order_id,
        "at": event.at,
        "kind": event.kind,
        "status": event.status,
        "text": event.text,
        "detail": event.detail,
        "correlation_id": event.correlation_id,
    }


def to_fill(row: Row[Any]) -> Fill:
    """Return the execution of a row."""
    return Fill(
        id=row.id,
        order_id=row.order_id,
        account_id=row.account_id,
        exchange=row.exchange,
        session_date=row.session_date,
        broker_order_id=row.broker_order_id,
        fill_id=row.fill_id,
        listing=row.listing,
        side=row.side,
        product=row.product,
        quantity=row.quantity,
        price=row.price,
        filled_at=row.filled_at,
    )


def from_fill(fill: Fill) -> dict[str, Any]:
    """Return the row of an execution, without `user_id`."""
    return {
        "order_id": fill.order_id,
        "account_id": fill.account_id,
        "exchange": fill.exchange,
        "session_date": fill.session_date,
        "broker_order_id": fill.broker_order_id,
        "fill_id": fill.fill_id,
        "listing": fill.listing,
        "side": fill.side,
        "product": fill.product,
        "quantity": fill.quantity,
        "price": storable(fill.price),
        "filled_at": fill.filled_at,
    }


def to_decision(row: Row[Any]) -> RiskDecision:
    """Return the risk decision of a row."""
    return RiskDecision(
        allowed=row.allowed,
        code=row.code,
        text=row.text,
        results=tuple(RuleResult(**result) for result in row.results),
        inputs=row.inputs,
        decided_at=row.decided_at,
        order_id=row.order_id,
        quantity=row.quantity,
        id=row.id,
    )


def from_decision(decision: RiskDecision) -> dict[str, Any]:
    """Return the row of a risk decision."""
    results = [
        {
            "rule": one.rule,
            "allowed": one.allowed,
            "code": one.code,
            "text": one.text,
            "quantity": one.quantity,
            "numbers": dict(one.numbers),
        }
        for one in decision.results
    ]
    return {
        "order_id": decision.order_id,
        "allowed": decision.allowed,
        "code": decision.code,
        "text": decision.text,
        "results": results,
        "inputs": dict(decision.inputs),
        "decided_at": decision.decided_at,
        "quantity": decision.quantity,
    }
