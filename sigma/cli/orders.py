"""`sigma orders …`, and the short forms for what a day needs: `queue`, `approve`, `cancel`, `fills`."""

from __future__ import annotations

import time
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from sigma.cli import story, tables
from sigma.cli.state import Account, Json, Yes, complain, confirm, console, desk, names, say
from sigma.cli.table import as_json, show
from sigma.domain.errors import InvalidOrder
from sigma.domain.money import decimal_from, indian
from sigma.domain.orders import Command, CommandKind, CommandState, Order, OrderStatus, OrderType

if TYPE_CHECKING:
    from sigma.desk import Desk

POLL_S = 0.05
ON_ITS_WAY = (OrderStatus.APPROVED, OrderStatus.SENDING, OrderStatus.SENT)
WENT_WRONG = (OrderStatus.REJECTED, OrderStatus.REJECTED_RISK, OrderStatus.FAILED)

Id = Annotated[int, typer.Argument(metavar="ID", help="Number of the order (first column of `sigma orders`).")]
Amount = Annotated[str | None, typer.Option("--price", help="Limit price, rupees.")]
Trigger = Annotated[str | None, typer.Option("--trigger", help="Trigger price, rupees.")]
Wait = Annotated[float, typer.Option("--wait", min=0, max=600, help="Seconds to wait for what comes of it.")]

app = typer.Typer(help="Look at orders, place and change them.", invoke_without_command=True)


@app.callback()
def orders(
    ctx: typer.Context,
    account: Account = None,
    status: Annotated[list[str] | None, typer.Option("--status", "-s", help="WAITING, OPEN, FILLED …; may be repeated.")] = None,
    days: Annotated[float | None, typer.Option(help="Only orders made within so many days.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 50,
    raw: Json = False,
) -> None:
    """List orders, newest first."""
    if ctx.invoked_subcommand is None:
        listing(account, status, days, limit, raw)


@app.command("list")
def list_orders(
    account: Account = None,
    status: Annotated[list[str] | None, typer.Option("--status", "-s", help="WAITING, OPEN, FILLED …; may be repeated.")] = None,
    days: Annotated[float | None, typer.Option(help="Only orders made within so many days.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 50,
    raw: Json = False,
) -> None:
    """List orders, newest first (what `sigma orders` does)."""
    listing(account, status, days, limit, raw)


def listing(account: str | None, status: list[str] | None, days: float | None, limit: int, raw: bool) -> None:
    """Print orders."""
    with desk() as opened:
        now = opened.now()
        since = None if days is None else now - timedelta(days=days)
        rows = tables.rows(opened.orders.table(account, status or None, since, limit=limit))
        empty = (
            "No such orders."
            if account or status or days
            else "No orders yet. A webhook alert or `sigma orders place` makes one."
        )
        show(console(), rows, tables.orders(now), empty=empty, raw=raw)


@app.command("show")
def show_order(order_id: Id, raw: Json = False) -> None:
    """Show one order in full."""
    with desk() as opened:
        order = opened.orders.get(order_id)
        if raw:
            say(as_json(story.as_row(order, names(opened))))
            return
        console().print(story.card(order, names(opened), opened.now()))


@app.command()
def why(order_id: Id, raw: Json = False) -> None:
    """Say why an order happened: signal, decisions, what was sent, what came back, executions."""
    with desk() as opened:
        told = opened.orders.why(order_id)
        if raw:
            say(as_json(story.story_rows(told, names(opened))))
            return
        for part in story.chain(told, names(opened), opened.now()):
            console().print(part)


@app.command()
def place(
    side: Annotated[str, typer.Argument(help="BUY or SELL.")],
    quantity: Annotated[int, typer.Argument(help="Shares (or contract units; never lots).")],
    listing_text: Annotated[str, typer.Argument(metavar="LISTING", help="For example NSE:INFY.")],
    account: Account = None,
    order_type: Annotated[str, typer.Option("--type", "-t", help="MARKET, LIMIT, SL or SL-M.")] = "MARKET",
    product: Annotated[str, typer.Option("--product", "-p", help="CNC, MIS, NRML or MTF.")] = "CNC",
    price: Amount = None,
    trigger: Trigger = None,
    validity: Annotated[str, typer.Option(help="DAY or IOC.")] = "DAY",
    queue: Annotated[bool, typer.Option("--queue", "-q", help="Only put it into the queue; approve it later.")] = False,
    wait: Wait = 5,
    yes: Yes = False,
) -> None:
    """Place an order on an account, or put it into the queue."""
    if account is None and not queue:
        raise InvalidOrder("On which account?", hint="Add --account NAME, or --queue to decide later.")
    limit, stop = _amount(price), _amount(trigger)
    if not queue:
        at = f" at {price}" if price else " at market" if order_type.upper().startswith("MARKET") else ""
        words = f"{side.upper()} {indian(Decimal(quantity), 0)} {listing_text}{at}, {order_type.upper()} {product.upper()}"
        confirm(f"{words}, on {account} now?", yes=yes)
    with desk() as opened:
        order = opened.orders.submit(
            account=account,
            listing=listing_text,
            side=side,
            quantity=quantity,
            order_type=order_type,
            product=product,
            price=limit,
            trigger_price=stop,
            validity=validity,
            queue=queue,
        )
        follow(opened, order.id, wait)


@app.command()
def edit(
    order_id: Id,
    quantity: Annotated[int | None, typer.Option(help="New quantity.")] = None,
    price: Amount = None,
    trigger: Trigger = None,
    order_type: Annotated[str | None, typer.Option("--type", "-t", help="MARKET, LIMIT, SL or SL-M.")] = None,
    product: Annotated[str | None, typer.Option("--product", "-p", help="CNC, MIS, NRML or MTF.")] = None,
) -> None:
    """Change an order that waits in the queue."""
    wanted = {
        "quantity": quantity,
        "price": _amount(price),
        "trigger_price": _amount(trigger),
        "order_type": order_type,
        "product": product,
    }
    with desk() as opened:
        _line(opened, opened.orders.edit(order_id, version=None, **_changes(wanted)))


@app.command()
def modify(
    order_id: Id,
    quantity: Annotated[int | None, typer.Option(help="New total quantity.")] = None,
    price: Amount = None,
    trigger: Trigger = None,
    order_type: Annotated[str | None, typer.Option("--type", "-t", help="MARKET, LIMIT, SL or SL-M.")] = None,
    wait: Wait = 3,
    yes: Yes = False,
) -> None:
    """Ask the broker to change a working order."""
    wanted = {"quantity": quantity, "price": _amount(price), "trigger_price": _amount(trigger), "order_type": order_type}
    changes = _changes(wanted)
    with desk() as opened:
        order = opened.orders.get(order_id)
        told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in changes.items())
        confirm(f"Change {story.title(order, names(opened))} to {told}?", yes=yes)
        changed = opened.orders.modify(order_id, version=None, **changes)
        deadline = time.monotonic() + wait
        while _modifying(opened, changed) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        _line(opened, opened.orders.get(changed.id))
        _tell_modification(opened, changed)


@app.command()
def cancel(order_id: Id, wait: Wait = 5, yes: Yes = False) -> None:
    """Cancel an order, here or at the broker."""
    with desk() as opened:
        order = opened.orders.get(order_id)
        kept = f" {indian(Decimal(order.filled_quantity), 0)} already filled stay." if order.filled_quantity else ""
        confirm(f"Cancel {story.title(order, names(opened))}?{kept}", yes=yes)
        after = opened.orders.cancel(order_id)
        if not after.status.final:
            after = opened.orders.wait(order_id, seconds=wait)
        _line(opened, after)
        if not after.status.final:
            say(Text("  The cancellation is on its way; `sigma orders show` tells when the broker has confirmed it.", "dim"))


@app.command("close-all")
def close_all(
    account: Account = None,
    wait: Annotated[float, typer.Option("--wait", min=1, max=600, help="Seconds to wait until the broker lists all flat.")] = 60,
    yes: Yes = False,
    raw: Json = False,
) -> None:
    """Close every open position of an account at the market; orders on their listings are taken back first."""
    if account is None:
        raise InvalidOrder("On which account?", hint="Add --account NAME.")
    with desk() as opened:
        held = opened.positions(account, refresh=True)
        confirm(f"Close {int((held['quantity'] != 0).sum())} positions of {account} at the market?", yes=yes)
        rows = tables.rows(opened.orders.close_all(account, seconds=wait))
        show(console(), rows, tables.closes(), empty="No open positions.", raw=raw)
        if not all(row["done"] for row in rows):
            raise typer.Exit(1)


@app.command()
def requeue(order_id: Id) -> None:
    """Put a linked copy of an ended order into the queue."""
    with desk() as opened:
        _line(opened, opened.orders.requeue(order_id))


@app.command()
def resolve(
    order_id: Id,
    reason: Annotated[str, typer.Option(help="Where you saw what became of it; kept in its history.")],
    broker_order: Annotated[str | None, typer.Option("--broker-order", help="It is this order at the broker.")] = None,
    executed: Annotated[int | None, typer.Option(help="So much of it was executed.", min=1)] = None,
    average: Annotated[str | None, typer.Option("--average", help="Average price of what was executed, rupees.")] = None,
    not_placed: Annotated[bool, typer.Option("--not-placed", help="The broker never got it.")] = False,
    yes: Yes = False,
) -> None:
    """Close an order whose outcome only a person can tell (see docs/guide/what-unknown-means.md)."""
    if sum((broker_order is not None, executed is not None, not_placed)) != 1:
        hint = "Give exactly one of --broker-order, --executed (with --average) or --not-placed."
        raise InvalidOrder("What became of it?", hint=hint)
    if executed is not None and average is None:
        raise InvalidOrder("At which average price was it executed?", hint="Add --average.")
    with desk() as opened:
        order = opened.orders.get(order_id)
        said = f"it is {broker_order}" if broker_order else f"{executed} executed at {average}" if executed else "never placed"
        confirm(f"Record that of {story.title(order, names(opened))}: {said}?", yes=yes)
        closed = opened.orders.resolve(
            order_id, reason=reason, broker_order_id=broker_order, executed=executed, average_price=_amount(average)
        )
        _line(opened, closed)


def queue(raw: Json = False) -> None:
    """List what waits for approval, oldest first."""
    with desk() as opened:
        rows = tables.rows(opened.orders.queue())
        note = "approve: sigma approve ID --account NAME" if rows else ""
        show(console(), rows, tables.queue(opened.now()), empty="Nothing waits for approval.", note=note, raw=raw)


def approve(
    order_id: Id,
    account: Annotated[str, typer.Option("--account", "-a", help="Account it shall be executed on; there is no default.")],
    late: Annotated[bool, typer.Option("--late", help="Approve although its signal is old.")] = False,
    wait: Wait = 5,
) -> None:
    """Approve a waiting order on an account: it is sent at once."""
    with desk() as opened:
        opened.orders.approve(order_id, account=account, late=late)
        follow(opened, order_id, wait)


def fills(account: Account = None, raw: Json = False) -> None:
    """List executions, oldest first."""
    with desk() as opened:
        rows = tables.rows(opened.orders.fills(account))
        show(console(), rows, tables.fills(opened.now()), empty="No executions yet.", raw=raw)


def follow(opened: Desk, order_id: int, seconds: float) -> None:
    """Wait until an order has arrived somewhere, at the latest `seconds`, and print where; exit code 1 when it was refused."""
    deadline = time.monotonic() + seconds
    order = opened.orders.get(order_id)
    while _on_its_way(order) and time.monotonic() < deadline:
        time.sleep(POLL_S)
        order = opened.orders.get(order_id)
    _line(opened, order)
    if order.status is OrderStatus.APPROVED:
        say(Text("  Approved, but the worker has not taken it: is `sigma up` (or `sigma worker`) running?", "yellow"))
    if order.status in WENT_WRONG:
        raise typer.Exit(1)


def _on_its_way(order: Order) -> bool:
    """Say whether more is about to happen: a market order does not rest, any other one may."""
    return order.status in ON_ITS_WAY or (order.status.live and order.request.order_type is OrderType.MARKET)


def _line(opened: Desk, order: Order) -> None:
    for line in story.lines(order, names(opened)):
        say(line)


def _modifying(opened: Desk, asked: Order) -> bool:
    """Say whether a modification is under way, or accepted and not shown by the broker's book yet."""
    last = _last_modification(opened, asked.id)
    if last is None:
        return False
    if last.state in (CommandState.PENDING, CommandState.SENDING, CommandState.UNKNOWN):
        return True
    now = opened.orders.get(asked.id)
    return last.state is CommandState.ANSWERED and now.status.live and now.request == asked.request


def _last_modification(opened: Desk, order_id: int) -> Command | None:
    """Return the newest MODIFY of an order; None when the risk gate let none out."""
    commands = [command for command in opened.orders.why(order_id).commands if command.kind is CommandKind.MODIFY]
    return commands[-1] if commands else None


def _tell_modification(opened: Desk, asked: Order) -> None:
    """Say what became of a modification; exit code 1 when it was refused."""
    now, last = opened.orders.get(asked.id), _last_modification(opened, asked.id)
    if now.risk_note:
        complain(f"The change was stopped: {now.risk_note}.", "The order works as before.")
        raise typer.Exit(1)
    if last is not None and last.state in (CommandState.REFUSED, CommandState.WITHDRAWN):
        complain(f"The change was refused: {last.text or last.code}.", "The order works as before.")
        raise typer.Exit(1)
    if _modifying(opened, asked):
        say(Text("  The change is on its way; `sigma orders show` tells when the broker shows it.", "dim"))


def _amount(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        return decimal_from(text)
    except ValueError as error:
        raise InvalidOrder(f"A price must be a number: {error}.") from None


def _changes(wanted: dict[str, Any]) -> dict[str, object]:
    given: dict[str, object] = {name: value for name, value in wanted.items() if value is not None}
    if not given:
        raise InvalidOrder("What shall be changed?", hint="Give --quantity, --price, --trigger or --type.")
    return given


def register(root: typer.Typer) -> None:
    """Add these commands to `root`."""
    panel = "Orders"
    root.command(rich_help_panel=panel)(queue)
    root.command(rich_help_panel=panel)(approve)
    root.add_typer(app, name="orders", rich_help_panel=panel)
    root.command(rich_help_panel=panel)(cancel)
    root.command(rich_help_panel=panel)(fills)
