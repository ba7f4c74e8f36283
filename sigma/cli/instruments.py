"""`sigma instruments …`: what can be traded, and the download of each broker's list."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text

from sigma.cli import masters, tables, texts
from sigma.cli.state import Json, console, desk, say
from sigma.cli.table import Column, as_json, of, show

app = typer.Typer(help="Instruments: download, search.", no_args_is_help=True)
masters.add_to(app)


@app.command()
def find(
    text: Annotated[str, typer.Argument(help="Parts of a symbol or name: `nifty 25000 ce`.")],
    exchange: Annotated[str | None, typer.Option("--exchange", "-e", help="NSE, BSE, NFO, BFO, CDS, BCD, MCX, NCO.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", "-k", help="EQUITY, ETF, INDEX, FUTURE, OPTION.")] = None,
    raw: Json = False,
) -> None:
    """Search by symbol or name."""
    with desk() as opened:
        rows = tables.rows(opened.instruments.find(text, exchange=exchange, kind=kind))
        show(console(), rows, tables.listings(), empty=f"Nothing is called {text!r}.", raw=raw)


@app.command("show")
def show_listing(
    listing: Annotated[str, typer.Argument(metavar="LISTING", help="For example NSE:INFY, NIFTY or NSE:NIFTY1!.")],
    raw: Json = False,
) -> None:
    """Show one listing in full, and what each broker calls it."""
    with desk() as opened:
        found = opened.instruments.get(listing)
        names = tables.rows(opened.instruments.at_brokers(found.text))
    facts = {"listing": found.text, **{key: getattr(found, key) for key in found.__dataclass_fields__}}
    if raw:
        say(as_json({**facts, "brokers": names}))
        return
    for key, value in facts.items():
        if value not in (None, ""):
            say(Text.assemble((f"{key.replace('_', ' '):<16}", "dim"), str(value)))
    for name in names:
        say(Text.assemble((f"{name['broker']:<16}", "dim"), f"{name['symbol']} (token {name['token']}, {name['exchange_code']})"))


@app.command()
def chain(
    underlying: Annotated[str, typer.Argument(help="For example NIFTY, NSE:RELIANCE or MCX:GOLD.")],
    expiry: Annotated[datetime | None, typer.Option("--expiry", formats=["%Y-%m-%d"], help="Default: the nearest.")] = None,
    around: Annotated[str | None, typer.Option("--around", help="A price in rupees: only strikes near it.")] = None,
    strikes: Annotated[int, typer.Option("--strikes", help="How many on either side of it.")] = 10,
    expiries: Annotated[bool, typer.Option("--expiries", help="Show when contracts expire instead.")] = False,
    raw: Json = False,
) -> None:
    """Show the options on an underlying by strike, or the expiries there are."""
    with desk() as opened:
        if expiries:
            rows = tables.rows(opened.instruments.expiries(underlying))
            show(console(), rows, _expiries(), empty="Nothing expires.", raw=raw)
            return
        day = None if expiry is None else expiry.date()
        found = opened.instruments.chain(underlying, day, around=around, strikes=strikes)
        if not raw:
            say(Text(f"{found.attrs['underlying']}, expires {found.attrs['expiry']} ({found.attrs['cycle'].lower()})", "dim"))
        show(console(), tables.rows(found), _chain(), empty="There are no options.", raw=raw)


def _chain() -> list[Column]:
    lots = [of("Lot", "call_lot", texts.quantity, right=True, rank=1)]
    return [of("Call", "call"), of("Strike ₹", "strike", texts.price, right=True), of("Put", "put"), *lots]


def _expiries() -> list[Column]:
    kinds = [of("Futures", "futures", texts.yes), of("Options", "options", texts.yes)]
    return [of("Expiry", "expiry"), of("Cycle", "cycle"), of("Exchange", "exchange"), *kinds]


def register(root: typer.Typer) -> None:
    """Add these commands to `root`."""
    root.add_typer(app, name="instruments", rich_help_panel="Signals and instruments")
