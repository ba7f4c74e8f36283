"""`sigma strategies …`: what may trade for you, and the messages that drive it."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import typer
from rich.text import Text

from sigma.cli import tables, texts
from sigma.cli.state import Json, Yes, confirm, console, desk, names, say
from sigma.cli.table import Column, Row, of, show
from sigma.domain.errors import InvalidInput
from sigma.domain.money import decimal_from
from sigma.domain.strategies import Strategy

app = typer.Typer(help="What may trade for you: by itself (AUTO) or after your approval (MANUAL).", invoke_without_command=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a strategy (`sigma strategies` lists them).")]
Accounts = Annotated[
    list[str] | None,
    typer.Option("--account", "-a", help="Where it executes: NAME, or NAME=0.5 to multiply quantities there. Once for each."),
]
Description = Annotated[str | None, typer.Option("--description", "-d", help="What it is for.")]
Product = Annotated[str | None, typer.Option("--product", "-p", help="For signals that say none: CNC, MIS, NRML or MTF.")]
OrderType = Annotated[str | None, typer.Option("--type", help="For signals that say none: MARKET or LIMIT.")]
OffHours = Annotated[str | None, typer.Option("--off-hours", help="When the market is closed: FAIL, AMO, WAIT or GTT.")]
Form = Annotated[str, typer.Option("--form", help="NESTED, FLAT, SIGNAL or SIGNAL_6.")]


@app.callback()
def strategies(
    ctx: typer.Context,
    archived: Annotated[bool, typer.Option("--all", help="Those that were removed too.")] = False,
    raw: Json = False,
) -> None:
    """List your strategies."""
    if ctx.invoked_subcommand is not None:
        return
    with desk() as opened:
        rows = tables.rows(opened.strategies.table(archived=archived))
        empty = "No strategies. Make one: sigma strategies add NAME --account ACCOUNT"
        show(console(), rows, _columns(opened.now()), empty=empty, raw=raw)


@app.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As the alerts call it; it never changes.")],
    account: Accounts = None,
    description: Description = None,
    product: Product = None,
    order_type: OrderType = None,
    off_hours: OffHours = None,
) -> None:
    """Make a strategy. Its orders wait for your approval until you set it to AUTO."""
    with desk() as opened:
        made = opened.strategies.add(
            name,
            accounts=_shares(account or []),
            description=description or "",
            product=product or "",
            order_type=order_type or "",
            off_hours=off_hours or "FAIL",
        )
        _say(made, names(opened), "made")


@app.command("set")
def change(
    name: Name,
    account: Accounts = None,
    description: Description = None,
    product: Product = None,
    order_type: OrderType = None,
    off_hours: OffHours = None,
) -> None:
    """Change a strategy; what you leave out stays. The accounts named take the place of those it has."""
    with desk() as opened:
        changed = opened.strategies.update(
            name,
            accounts=_shares(account) if account else None,
            description=description,
            product=product,
            order_type=order_type,
            off_hours=off_hours,
        )
        _say(changed, names(opened), "changed")


@app.command()
def auto(name: Name, yes: Yes = False) -> None:
    """Let a strategy execute by itself: its orders go through the risk gate and out, without anybody asked."""
    with desk() as opened:
        where = opened.strategies.get(name).places(names(opened)) or "no account"
        confirm(f"Let {name} place orders by itself on {where}?", yes=yes)
        _say(opened.strategies.update(name, mode="AUTO"), names(opened), "executes by itself now")


@app.command()
def manual(name: Name) -> None:
    """Let a strategy's orders wait for your approval."""
    with desk() as opened:
        _say(opened.strategies.update(name, mode="MANUAL"), names(opened), "waits for approval now")


@app.command()
def enable(name: Name) -> None:
    """Let a strategy's signals act again."""
    with desk() as opened:
        _say(opened.strategies.enable(name), names(opened), "enabled")


@app.command()
def disable(name: Name) -> None:
    """Let a strategy's signals wait in the queue, whatever its mode."""
    with desk() as opened:
        _say(opened.strategies.disable(name), names(opened), "disabled")


@app.command()
def remove(name: Name, yes: Yes = False) -> None:
    """Take a strategy off the list; its orders and fills stay."""
    with desk() as opened:
        found = opened.strategies.get(name)
        confirm(f"Remove the strategy {found.name}?", yes=yes)
        _say(opened.strategies.remove(found.name), names(opened), "removed")


@app.command()
def payload(
    name: Name,
    form: Form = "NESTED",
    product: Annotated[str, typer.Option("--product", "-p", help="Left out: the strategy's own, else MIS.")] = "",
    quantity: Annotated[str, typer.Option(help="A number, or TradingView's own size.")] = "{{strategy.order.contracts}}",
) -> None:
    """Print the text to paste into a TradingView alert; put your secret in where it says so."""
    with desk() as opened:
        message = opened.strategies.payload(name, version=form, product=product, quantity=quantity)
        say(json.dumps(message, indent=2))


@app.command("test")
def send_test(
    name: Name,
    listing: Annotated[str, typer.Argument(metavar="LISTING", help="For example NSE:INFY.")],
    action: Annotated[str, typer.Argument(help="BUY, SELL, EXIT_LONG …")] = "BUY",
    quantity: Annotated[int, typer.Option("--quantity", "-q", min=1, help="Units.")] = 1,
    product: Annotated[str, typer.Option("--product", "-p", help="Left out: the strategy's own, else MIS.")] = "",
    form: Form = "NESTED",
    yes: Yes = False,
) -> None:
    """Send a message as TradingView would. Its orders are real: a MANUAL strategy's wait for you, an AUTO strategy's go out."""
    with desk() as opened:
        if opened.strategies.get(name).acts:
            confirm(f"{name} executes by itself: place real orders?", yes=yes)
        sent = opened.strategies.test(
            name, listing=listing, action=action, quantity=quantity, product=product, version=form, confirm=True
        )
        orders = ", ".join(map(str, sent.order_ids)) or "none yet"
        say(f"Signal {sent.id} {sent.status}. Orders: {orders}.")
        if sent.message:
            say(Text(f"  {sent.message}", "yellow"))


def _shares(given: list[str]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for text in given:
        name, _, times = text.partition("=")
        try:
            found[name.strip()] = decimal_from(times) if times else Decimal(1)
        except ValueError:
            raise InvalidInput(f"{text!r} is no account with a multiplier.", hint="Write NAME, or NAME=0.5.") from None
    return found


def _say(strategy: Strategy, known: dict[int, str], done: str) -> None:
    state = "" if strategy.enabled else ", disabled"
    where = strategy.places(known) or "no account"
    say(f"{strategy.name} {done}: {strategy.mode}{state}, on {where}.")


def _columns(now: datetime) -> list[Column]:
    def state(row: Row) -> Text:
        if row["archived"]:
            return Text("removed", "dim")
        return Text("enabled", "green") if row["enabled"] else Text("disabled", "yellow")

    return [
        of("Name", "name"),
        of("Mode", "mode"),
        Column("State", state),
        of("Accounts", "accounts", fold=True),
        of("Product", "product", rank=2),
        of("Type", "order_type", rank=3),
        of("Off hours", "off_hours", rank=3),
        of("Description", "description", rank=4, fold=True),
        of("Made", "created_at", lambda value: texts.when(value, now), rank=5),
    ]


def register(root: typer.Typer) -> None:
    """Add these commands to `root`."""
    root.add_typer(app, name="strategies", rich_help_panel="Signals and instruments")
