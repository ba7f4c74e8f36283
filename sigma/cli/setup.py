"""`sigma settings …` and `sigma events`: how the installation behaves, and what happened in it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from sigma.cli import tables
from sigma.cli.state import Account, Json, console, desk, say
from sigma.cli.table import show

app = typer.Typer(help="Settings, each with its bounds and default.", invoke_without_command=True)


@app.callback()
def settings(
    ctx: typer.Context,
    advanced: Annotated[bool, typer.Option("--all", help="Also the advanced ones.")] = False,
    raw: Json = False,
) -> None:
    """List settings."""
    if ctx.invoked_subcommand is not None:
        return
    with desk() as opened:
        found = tables.rows(opened.settings.table())
        rows = [row for row in found if advanced or raw or not row["advanced"] or row["changed"]]
        hidden = len(found) - len(rows)
        note = f"{hidden} advanced ones: sigma settings --all" if hidden else ""
        show(console(), rows, tables.settings(), empty="No settings.", note=note, raw=raw)


@app.command("get")
def get_setting(name: Annotated[str, typer.Argument(help="For example sync.active.")]) -> None:
    """Print one setting's value."""
    with desk() as opened:
        say(str(opened.settings.get(name)))


@app.command("set")
def set_setting(
    name: Annotated[str, typer.Argument(help="For example sync.active.")],
    value: Annotated[str, typer.Argument(help="Its new value.")],
) -> None:
    """Change one setting; running processes follow within seconds."""
    with desk() as opened:
        say(f"{name} is {opened.settings.set(name, value)}")


def events(
    account: Account = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind, for example SESSION_CONNECTED.")] = None,
    days: Annotated[float | None, typer.Option(help="Only those of so many days.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many.")] = 50,
    raw: Json = False,
) -> None:
    """List audit and system events, newest first."""
    with desk() as opened:
        now = opened.now()
        since = None if days is None else now - timedelta(days=days)
        rows = tables.rows(opened.events(account=account, kind=kind, since=since, limit=limit))
        show(console(), rows, tables.events(now), empty="No events.", raw=raw)


def register(root: typer.Typer) -> None:
    """Add these commands to `root`."""
    panel = "Risk and settings"
    root.add_typer(app, name="settings", rich_help_panel=panel)
    root.command(rich_help_panel=panel)(events)
