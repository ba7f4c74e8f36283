"""One order in words: a line, a card, and the chain from its signal to its executions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from rich import box
from rich.table import Table
from rich.text import Text

from sigma.cli import texts
from sigma.domain.money import indian
from sigma.domain.orders import Command, Fill, Order, OrderEvent, OrderStatus
from sigma.domain.risk import RiskDecision
from sigma.domain.signals import Signal

Names = Mapping[int, str]

HELP = {
    OrderStatus.UNKNOWN: "The broker's answer was lost. It is being looked for in the order book: do not place it again.",
    OrderStatus.WAITING: "It waits for approval: `sigma approve {id} --account NAME`.",
}
UNSETTLED_HELP = "The broker's book of that day is gone: a person must say what became of it (`sigma orders resolve {id}`)."


class Story(Protocol):
    """What `desk.orders.why` gives: everything that is known about why an order happened and what came of it."""

    @property
    def order(self) -> Order:
        """The order as it is now."""

    @property
    def signal(self) -> Signal | None:
        """The message that asked for it."""

    @property
    def decisions(self) -> tuple[RiskDecision, ...]:
        """The risk gate's verdicts."""

    @property
    def commands(self) -> tuple[Command, ...]:
        """What was written to the broker."""

    @property
    def events(self) -> tuple[OrderEvent, ...]:
        """Its history."""

    @property
    def fills(self) -> tuple[Fill, ...]:
        """Its executions."""


def title(order: Order, names: Names) -> str:
    """Return an order as a person would say it: ``BUY 5 NSE:INFY LIMIT at 1,500.00 CNC on zerodha-main``."""
    request = order.request
    price = f" at {indian(request.price)}" if request.price is not None else ""
    trigger = f" trigger {indian(request.trigger_price)}" if request.trigger_price is not None else ""
    place = f" on {names.get(order.account_id, f'account {order.account_id}')}" if order.account_id is not None else ""
    size = indian(Decimal(request.quantity), 0)
    return f"{request.side} {size} {request.listing} {request.order_type}{price}{trigger} {request.product}{place}"


def progress(order: Order) -> str:
    """Return how much of it is filled and at which price; empty while nothing is."""
    if not order.filled_quantity:
        return ""
    price = f" at {indian(order.average_price)}" if order.average_price is not None else ""
    return f"{indian(Decimal(order.filled_quantity), 0)} of {indian(Decimal(order.request.quantity), 0)}{price}"


def lines(order: Order, names: Names) -> Iterator[Text]:
    """Yield what to print after a command did something to an order."""
    chip = texts.chip(order.status, unsettled=order.unsettled)
    yield Text.assemble((f"Order {order.id}", "bold"), f": {title(order, names)}  ", chip, f" {progress(order)}")
    for label, words in (("broker", order.broker_reason), ("risk", order.risk_note), ("note", order.stale_reason)):
        if words:
            yield Text(f"  {label}: {words}", "yellow")
    hint = UNSETTLED_HELP if order.unsettled else HELP.get(order.status, "")
    if hint:
        yield Text(f"  {hint.format(id=order.id)}", "dim")


def card(order: Order, names: Names, now: datetime) -> Table:
    """Return everything about one order, a line each; what it has not is left out."""
    request = order.request
    facts: list[tuple[str, str | Text]] = [
        ("what", title(order, names)),
        ("status", texts.chip(order.status, unsettled=order.unsettled)),
        ("filled", progress(order) or "nothing yet"),
        ("broker says", " ".join(filter(None, (order.broker_status, order.broker_reason)))),
        ("risk", order.risk_note),
        ("note", order.stale_reason),
        ("validity", request.validity.value),
        ("variety", "" if request.variety.value == "REGULAR" else request.variety.value),
        ("broker id", order.broker_order_id or ""),
        ("exchange id", order.exchange_order_id or ""),
        ("our tag", order.client_order_id),
        ("sender's id", order.external_id or ""),
        ("source", f"{order.source.value}{f', strategy {order.strategy}' if order.strategy else ''}"),
        ("signal", str(order.signal_id or "")),
        ("copy of", f"order {order.parent_id}" if order.parent_id else ""),
        ("made", texts.when(order.created_at, now)),
        ("approved", texts.when(order.approved_at, now) if order.approved_at else ""),
        ("sent", texts.when(order.sent_at, now) if order.sent_at else ""),
        ("ended", texts.when(order.final_at, now) if order.final_at else ""),
    ]
    table = Table(box=None, show_header=False, title=f"Order {order.id}", title_justify="left", pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        if value:
            table.add_row(name, value)
    return table


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened: when (UTC), which sort of thing, and its words."""

    at: datetime
    kind: str
    words: str


def steps(told: Story) -> list[Step]:
    """Return the chain of a story in the order it happened."""
    found: list[Step] = []
    if told.signal is not None:
        signal = told.signal
        found.append(Step(signal.received_at, "signal", f"{signal.platform or 'webhook'} {signal.strategy} {signal.raw}".strip()))
    for decision in told.decisions:
        verdict = "allowed" if decision.allowed else f"refused ({decision.code})"
        if decision.decided_at is not None:
            found.append(Step(decision.decided_at, "risk", f"{verdict} {decision.text}".strip()))
    for command in told.commands:
        said = " ".join(filter(None, (command.code, command.text)))
        words = f"{command.kind} {command.state}{f': {said}' if said else ''}"
        found.append(Step(command.answered_at or command.claimed_at or command.created_at, "broker", words))
    found += [Step(event.at, "order", f"{event.kind} ({event.status}): {event.text}") for event in told.events]
    found += [
        Step(
            _late_in_its_second(fill.filled_at),
            "fill",
            f"{indian(Decimal(fill.quantity), 0)} at {indian(fill.price)} (fill {fill.fill_id})",
        )
        for fill in told.fills
    ]
    return sorted(found, key=lambda step: step.at)


def _late_in_its_second(at: datetime) -> datetime:
    """Brokers date executions to the second: put them after what we dated finer within it."""
    return at if at.microsecond else at.replace(microsecond=999_999)


def chain(told: Story, names: Names, now: datetime) -> Iterator[Text | Table]:
    """Yield what `sigma orders why` prints."""
    yield from lines(told.order, names)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("time (IST)", no_wrap=True)
    table.add_column("what", no_wrap=True, style="bold")
    table.add_column("words", overflow="fold")
    for step in steps(told):
        table.add_row(texts.when(step.at, now), step.kind, Text(step.words))
    yield table


def as_row(order: Order, names: Names) -> dict[str, object]:
    """Return an order as one flat row for JSON."""
    row = asdict(order)
    request = row.pop("request")
    return {**row, **request, "account": names.get(order.account_id or 0)}


def story_rows(told: Story, names: Names) -> dict[str, object]:
    """Return a story for JSON."""
    return {
        "order": as_row(told.order, names),
        "signal": asdict(told.signal) if told.signal else None,
        "decisions": [asdict(decision) for decision in told.decisions],
        "commands": [asdict(command) for command in told.commands],
        "events": [asdict(event) for event in told.events],
        "fills": [asdict(fill) for fill in told.fills],
    }
