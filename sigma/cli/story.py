"""One order in words: a line, a card, and the chain from its signal to its executions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime

from rich import box
from rich.table import Table
from rich.text import Text

from sigma.cli import texts
from sigma.domain import story
from sigma.domain.orders import Order, OrderStatus
from sigma.domain.story import Story
from sigma.domain.strategies import SignalShare

Names = Mapping[int, str]

HELP = {
    OrderStatus.UNKNOWN: "The broker's answer was lost. It is being looked for in the order book: do not place it again.",
    OrderStatus.WAITING: "It waits for approval: `sigma approve {id} --account NAME`.",
}
UNSETTLED_HELP = "The broker's book of that day is gone: a person must say what became of it (`sigma orders resolve {id}`)."


def title(order: Order, names: Names) -> str:
    """Return an order as a person would say it, with the account it is on."""
    place = "" if order.account_id is None else names.get(order.account_id, f"account {order.account_id}")
    return story.title(order, place)


def lines(order: Order, names: Names) -> Iterator[Text]:
    """Yield what to print after a command did something to an order."""
    chip = texts.chip(order.status, unsettled=order.unsettled)
    yield Text.assemble((f"Order {order.id}", "bold"), f": {title(order, names)}  ", chip, f" {story.progress(order)}")
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
        ("filled", story.progress(order) or "nothing yet"),
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


def chain(told: Story, names: Names, now: datetime) -> Iterator[Text | Table]:
    """Yield what `sigma orders why` prints."""
    yield from lines(told.order, names)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("time (IST)", no_wrap=True)
    table.add_column("what", no_wrap=True, style="bold")
    table.add_column("words", overflow="fold")
    for step in story.steps(told):
        words = step.source.words(names) if isinstance(step.source, SignalShare) else step.words
        table.add_row(texts.when(step.at, now), step.kind, Text(words))
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
        "shares": [asdict(share) for share in told.shares],
        "decisions": [asdict(decision) for decision in told.decisions],
        "commands": [asdict(command) for command in told.commands],
        "events": [asdict(event) for event in told.events],
        "fills": [asdict(fill) for fill in told.fills],
    }
