"""`sigma instruments …`: what can be traded, and the download of each broker's list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from sigma.cli import tables
from sigma.cli.state import Json, console, desk, say
from sigma.cli.table import as_json, show
from sigma.domain.instruments import MasterReport

if TYPE_CHECKING:
    from sigma.desk import Desk

MOST_SHOWN = 5

app = typer.Typer(help="Instruments: download, search.", no_args_is_help=True)


@app.command()
def refresh(
    name: Annotated[str | None, typer.Argument(help="A broker or an account (default: every connected one).")] = None,
    force: Annotated[bool, typer.Option("--force", help="Take a list that is much shorter than the old one.")] = False,
    raw: Json = False,
) -> None:
    """Download the brokers' instrument lists; a failed download keeps the old one."""
    with desk() as opened:
        reports = _reports(opened, name, force)
        if raw:
            say(as_json([{key: getattr(report, key) for key in report.__dataclass_fields__} for report in reports]))
        for report in [] if raw else reports:
            _told(report)
    if any(report.kept_old for report in reports):
        raise typer.Exit(1)


def _reports(opened: Desk, name: str | None, force: bool) -> tuple[MasterReport, ...]:
    found = opened.instruments.refresh(name, force=force)
    return (found,) if isinstance(found, MasterReport) else tuple(found)


def _told(report: MasterReport) -> None:
    if report.kept_old:
        say(Text(f"{report.broker}: the old list stays: {report.kept_old}", "yellow"))
        return
    changes = f"{report.added:,} added, {report.gone:,} gone, {report.changed:,} changed"
    say(f"{report.broker}: {report.rows:,} instruments in {report.seconds:.1f} s ({changes})")
    for label, texts in (("set aside as ambiguous", report.ambiguous), ("unreadable", report.bad)):
        if texts:
            more = f" and {len(texts) - MOST_SHOWN} more" if len(texts) > MOST_SHOWN else ""
            say(Text(f"  {label}: {'; '.join(texts[:MOST_SHOWN])}{more}", "yellow"))


@app.command()
def find(
    text: Annotated[str, typer.Argument(help="Part of a symbol or name.")],
    exchange: Annotated[str | None, typer.Option("--exchange", "-e", help="NSE, BSE, NFO, BFO.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", "-k", help="EQUITY, ETF, INDEX, FUTURE, OPTION.")] = None,
    raw: Json = False,
) -> None:
    """Search by symbol or name."""
    with desk() as opened:
        rows = tables.rows(opened.instruments.find(text, exchange=exchange, kind=kind))
        show(console(), rows, tables.listings(), empty=f"Nothing is called {text!r}.", raw=raw)


@app.command("show")
def show_listing(
    listing: Annotated[str, typer.Argument(metavar="LISTING", help="For example NSE:INFY.")],
    raw: Json = False,
) -> None:
    """Show one listing in full."""
    with desk() as opened:
        found = opened.instruments.get(listing)
        facts = {"listing": found.text, **{key: getattr(found, key) for key in found.__dataclass_fields__}}
        if raw:
            say(as_json(facts))
            return
        for key, value in facts.items():
            if value not in (None, ""):
                say(Text.assemble((f"{key.replace('_', ' '):<16}", "dim"), str(value)))


def register(root: typer.Typer) -> None:
    """Add these commands to `root`."""
    root.add_typer(app, name="instruments", rich_help_panel="Signals and instruments")
