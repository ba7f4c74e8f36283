"""`sigma webhook …` and `sigma signals`: the way in for TradingView, and what came through it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Annotated

import typer
from rich.text import Text

from sigma.cli import tables
from sigma.cli.state import Json, Yes, confirm, console, desk, say
from sigma.cli.table import show
from sigma.domain.signals import alert_text

app = typer.Typer(help="The webhook that TradingView alerts are sent to.", no_args_is_help=True)


@app.command()
def secret(
    rotate: Annotated[bool, typer.Option("--rotate", help="Make a new one; the old one stops working at once.")] = False,
    yes: Yes = False,
) -> None:
    """Say whether the secret is set, or make a new one and show it this once."""
    with desk() as opened:
        if not rotate:
            words = "is set" if opened.signals.has_secret() else "is not set"
            say(f"The webhook secret {words}. Only its hash is kept, so it cannot be shown.")
            say(Text("  A new one, shown once: `sigma webhook secret --rotate`", "dim"))
            return
        confirm("Make a new webhook secret? Every alert that carries the old one is refused from then on.", yes=yes)
        say("The new webhook secret (it is not shown again):")
        say(f"  {opened.signals.rotate_secret()}")


@app.command()
def payload(
    strategy: Annotated[str, typer.Option(help="Name that its orders shall carry.")] = "TV-01",
    product: Annotated[str, typer.Option("--product", "-p", help="CNC (delivery) or MIS (intraday).")] = "MIS",
    quantity: Annotated[str, typer.Option(help="A number, or TradingView's own size.")] = "{{strategy.order.contracts}}",
) -> None:
    """Print the text to paste into a TradingView alert; put your secret in where it says so."""
    say(json.dumps(alert_text(strategy, product, quantity), indent=2))


def signals(
    days: Annotated[float | None, typer.Option(help="Only those of so many days.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 50,
    raw: Json = False,
) -> None:
    """List the messages that came in and what became of them, newest first."""
    with desk() as opened:
        now = opened.now()
        since = None if days is None else now - timedelta(days=days)
        rows = tables.rows(opened.signals.table(since, limit))
        empty = "No signals yet. `sigma webhook payload` prints the text for a TradingView alert."
        show(console(), rows, tables.signals(now), empty=empty, raw=raw)


def register(root: typer.Typer) -> None:
    """Add these commands to `root`."""
    panel = "Signals and instruments"
    root.add_typer(app, name="webhook", rich_help_panel=panel)
    root.command(rich_help_panel=panel)(signals)
