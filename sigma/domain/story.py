"""Why an order happened and what came of it: all that is known of one order, as a chain of steps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sigma.domain.orders import Command, Fill, Order, OrderEvent
from sigma.domain.risk import RiskDecision
from sigma.domain.show import price, quantity
from sigma.domain.signals import Signal
from sigma.domain.strategies import SignalShare

Source = Signal | SignalShare | RiskDecision | Command | OrderEvent | Fill


@dataclass(frozen=True, slots=True)
class Story:
    """Why an order happened: signal, what became of it on each account, decisions, writes, history, executions; oldest first."""

    order: Order
    signal: Signal | None
    decisions: tuple[RiskDecision, ...]
    commands: tuple[Command, ...]
    events: tuple[OrderEvent, ...]
    fills: tuple[Fill, ...]
    shares: tuple[SignalShare, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened: when (UTC), which sort of thing, its words, and the record that tells it."""

    at: datetime
    kind: str
    words: str
    source: Source


def title(order: Order, account: str = "") -> str:
    """Return an order as a person would say it: ``BUY 5 NSE:INFY LIMIT at 1,500.00 CNC on zerodha-main``."""
    request = order.request
    limit = f" at {price(request.price)}" if request.price is not None else ""
    trigger = f" trigger {price(request.trigger_price)}" if request.trigger_price is not None else ""
    place = f" on {account}" if account else ""
    size = quantity(request.quantity)
    return f"{request.side} {size} {request.listing} {request.order_type}{limit}{trigger} {request.product}{place}"


def progress(order: Order) -> str:
    """Return how much of it is filled and at which price; empty while nothing is."""
    if not order.filled_quantity:
        return ""
    paid = f" at {price(order.average_price)}" if order.average_price is not None else ""
    return f"{quantity(order.filled_quantity)} of {quantity(order.request.quantity)}{paid}"


def steps(told: Story) -> list[Step]:
    """Return the chain of a story in the order it happened."""
    found: list[Step] = []
    if told.signal is not None:
        signal = told.signal
        words = f"{signal.platform or 'webhook'} {signal.strategy} {signal.raw}".strip()
        found.append(Step(signal.received_at, "signal", words, signal))
    for share in told.shares:
        found.append(Step(share.updated_at, "share", share.words({}), share))
    for decision in told.decisions:
        verdict = "allowed" if decision.allowed else f"refused ({decision.code})"
        if decision.decided_at is not None:
            words = f"decision {decision.id}: {verdict} {decision.text}".strip()
            found.append(Step(decision.decided_at, "risk", words, decision))
    for command in told.commands:
        said = " ".join(filter(None, (command.code, command.text)))
        words = f"{command.kind} {command.state}{f': {said}' if said else ''}"
        found.append(Step(command.answered_at or command.claimed_at or command.created_at, "broker", words, command))
    found += [Step(event.at, "order", f"{event.kind} ({event.status}): {event.text}", event) for event in told.events]
    for fill in told.fills:
        words = f"{quantity(fill.quantity)} at {price(fill.price)} (fill {fill.fill_id})"
        found.append(Step(late_in_its_second(fill.filled_at), "fill", words, fill))
    return sorted(found, key=lambda step: step.at)


def late_in_its_second(at: datetime) -> datetime:
    """Brokers date executions to the second: put them after what we dated finer within it."""
    return at if at.microsecond else at.replace(microsecond=999_999)
