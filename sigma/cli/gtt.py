"""`sigma gtt …`: triggers that rest at a broker; and `sigma convert`: a position into another product."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from sigma.cli import tables, texts
from sigma.cli.state import Account, Json, Yes, complain, confirm, console, desk, say
from sigma.cli.table import Column, of, show
from sigma.domain.errors import InvalidOrder
from sigma.domain.gtt import GttStatus
from sigma.domain.orders import CommandState

if TYPE_CHECKING:
    from sigma.desk import Desk

POLL_S = 0.05
UNDER_WAY = (CommandState.PENDING, CommandState.SENDING)
Id = Annotated[int, typer.Argument(metavar="ID", help="Number of the trigger (first column of `sigma gtt`).")]
Wait = Annotated[float, typer.Option("--wait", min=0, max=600, help="Seconds to wait for what comes of it.")]
Legs = Annotated[
    list[str],
    typer.Option("--leg", "-l", help="TRIGGER:PRICE or TRIGGER:PRICE:QUANTITY, rupees; give two for OCO.", show_default=False),
]

app = typer.Typer(help="Triggers that rest at a broker (GTT).", invoke_without_command=True)


@app.callback()
def gtt(ctx: typer.Context, account: Account = None, raw: Json = False) -> None:
    """List triggers that may still fire, newest first."""
    if ctx.invoked_subcommand is None:
        _listing(account, resting=True, raw=raw)


@app.command("list")
def list_triggers(
    account: Account = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that ended.")] = False,
    raw: Json = False,
) -> None:
    """List triggers, newest first."""
    _listing(account, resting=not everything, raw=raw)


def _listing(account: str | None, *, resting: bool, raw: bool) -> None:
    with desk() as opened:
        rows = tables.rows(opened.gtt.table(account, resting=resting))
        show(console(), rows, _columns(opened.now()), empty="No triggers rest.", raw=raw)


@app.command()
def add(
    side: Annotated[str, typer.Argument(help="BUY or SELL.")],
    quantity: Annotated[int, typer.Argument(help="Units of a leg that names none.")],
    listing: Annotated[str, typer.Argument(metavar="LISTING", help="For example NSE:INFY.")],
    leg: Legs,
    account: Account = None,
    product: Annotated[str, typer.Option("--product", "-p", help="CNC, MIS or NRML.")] = "CNC",
    wait: Wait = 5,
    yes: Yes = False,
) -> None:
    """Set a trigger: each leg places a limit order when its price is reached."""
    if account is None:
        raise InvalidOrder("On which account?", hint="Add --account NAME.")
    legs = [_leg(text) for text in leg]
    told = " or ".join(f"at {one['price']} when {one['trigger']} is reached" for one in legs)
    confirm(f"{side.upper()} {quantity} {listing} {product.upper()} {told}, as a trigger at the broker of {account}?", yes=yes)
    with desk() as opened:
        made = opened.gtt.add(account=account, listing=listing, side=side, quantity=quantity, legs=legs, product=product)
        _follow(opened, made.id, lambda now: now is not GttStatus.WANTED, wait)


@app.command()
def modify(gtt_id: Id, leg: Legs, wait: Wait = 5, yes: Yes = False) -> None:
    """Change a resting trigger; all of its legs are given, each with its quantity."""
    confirm(f"Change trigger {gtt_id} to {', '.join(leg)}?", yes=yes)
    with desk() as opened:
        opened.gtt.modify(gtt_id, [_leg(text) for text in leg])
        _follow(opened, gtt_id, lambda _: False, min(wait, 1))


@app.command()
def cancel(gtt_id: Id, wait: Wait = 5, yes: Yes = False) -> None:
    """Take a resting trigger away at its broker, whoever made it."""
    confirm(f"Take trigger {gtt_id} away?", yes=yes)
    with desk() as opened:
        opened.gtt.cancel(gtt_id)
        _follow(opened, gtt_id, lambda now: not now.resting, wait)


@app.command()
def resolve(
    gtt_id: Id,
    reason: Annotated[str, typer.Option(help="Where you saw what became of it; kept in its history.")],
    broker_id: Annotated[str | None, typer.Option("--broker-id", help="It is this trigger at the broker.")] = None,
    not_placed: Annotated[bool, typer.Option("--not-placed", help="The broker never got it.")] = False,
) -> None:
    """Close a trigger whose outcome only a person can tell."""
    if (broker_id is not None) == not_placed:
        raise InvalidOrder("What became of it?", hint="Give exactly one of --broker-id and --not-placed.")
    with desk() as opened:
        closed = opened.gtt.resolve(gtt_id, reason=reason, broker_gtt_id=broker_id)
        say(f"Trigger {closed.id} is {closed.status}.")


def convert(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Name of the account.")],
    listing: Annotated[str, typer.Argument(metavar="LISTING", help="For example NSE:INFY.")],
    quantity: Annotated[int, typer.Argument(help="Units of the open position.")],
    old: Annotated[str, typer.Option("--from", help="Product that it has: MIS, CNC, NRML or MTF.")],
    new: Annotated[str, typer.Option("--to", help="Product that it shall have.")],
    wait: Wait = 5,
    yes: Yes = False,
) -> None:
    """Move units of an open position into another product."""
    confirm(f"Convert {quantity} {listing} of {account} from {old.upper()} to {new.upper()}?", yes=yes)
    with desk() as opened:
        command = opened.convert(account, listing, quantity, old=old, new=new)
        deadline = time.monotonic() + wait
        while command.state in UNDER_WAY and time.monotonic() < deadline:
            time.sleep(POLL_S)
            command = opened.conversion(command.id)
        words = f": {command.text}" if command.text else ""
        if command.state in (CommandState.REFUSED, CommandState.WITHDRAWN):
            complain(f"Conversion {command.id} did not happen{words}.", "The position is as it was.")
            raise typer.Exit(1)
        done = {CommandState.ANSWERED: "done", CommandState.UNKNOWN: "nobody knows yet; the positions are read"}
        say(f"Conversion {command.id}: {done.get(command.state, 'on its way')}{words}.")


def _follow(opened: Desk, gtt_id: int, done: Callable[[GttStatus], bool], seconds: float) -> None:
    """Wait for what became of a trigger and print it; exit code 1 when it came to nothing."""
    deadline = time.monotonic() + seconds
    now = opened.gtt.get(gtt_id)
    while not done(now.status) and time.monotonic() < deadline:
        time.sleep(POLL_S)
        now = opened.gtt.get(gtt_id)
    why = f": {now.broker_reason}" if now.broker_reason else ""
    order = f" (order {now.order_id})" if now.order_id else ""
    say(f"Trigger {now.id}{order} is {now.status}{why}.")
    if now.status in (GttStatus.REJECTED, GttStatus.FAILED):
        raise typer.Exit(1)


def _leg(text: str) -> dict[str, str]:
    parts = text.split(":")
    if len(parts) not in (2, 3):
        raise InvalidOrder(f"{text!r} is no leg.", hint="Write TRIGGER:PRICE, for example 1400:1402.")
    return dict(zip(("trigger", "price", "quantity"), parts, strict=False))


def _columns(now: datetime) -> list[Column]:
    return [
        of("ID", "id", texts.quantity, right=True),
        of("Account", "account", rank=2),
        of("Kind", "label", rank=4),
        of("Listing", "listing"),
        of("Side", "side", texts.side),
        of("Legs", "legs", fold=True),
        of("Product", "product", rank=5),
        of("Status", "status"),
        of("Order", "order_id", texts.quantity, right=True, rank=3),
        of("Broker id", "broker_gtt_id", rank=6),
        Column("Until", lambda row: texts.when(row.get("expires_at"), now), rank=7),
        of("Why", "broker_reason", rank=1, fold=True),
    ]


def register(root: typer.Typer) -> None:
    """Add these commands to `root`."""
    root.add_typer(app, name="gtt", rich_help_panel="Orders")
    root.command(rich_help_panel="Portfolio")(convert)
