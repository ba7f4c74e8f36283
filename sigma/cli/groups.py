"""`sigma groups …`: watchlists and baskets of listings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from sigma.cli import tables, texts
from sigma.cli.state import Json, Yes, complain, confirm, console, desk, read_text, say
from sigma.cli.table import Column, Row, of, show
from sigma.domain.groups import Group

app = typer.Typer(help="Watchlists and baskets of listings.", invoke_without_command=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a group (`sigma groups` lists them).")]
Listing = Annotated[str, typer.Argument(metavar="LISTING", help="For example NSE:INFY.")]
Heading = "Heading of the column with the "


@app.callback()
def groups(ctx: typer.Context, raw: Json = False) -> None:
    """List your groups."""
    if ctx.invoked_subcommand is not None:
        return
    with desk() as opened:
        rows = tables.rows(opened.groups.table())
        show(console(), rows, _groups(), empty="No groups. Make one: sigma groups add NAME NSE:INFY …", raw=raw)


@app.command("show")
def show_group(name: Name, raw: Json = False) -> None:
    """Show what is in a group, with the last prices that are stored."""
    with desk() as opened:
        members = opened.groups.members(name)
        prices = opened.last_quotes(list(members["listing"]))
        rows = tables.rows(members.merge(prices, on="listing", how="left"))
        show(console(), rows, _members(), empty=f"Nothing is in {name}.", raw=raw)


@app.command()
def add(
    name: Name,
    listings: Annotated[list[str] | None, typer.Argument(metavar="LISTING …", help="What goes in.")] = None,
    description: Annotated[str, typer.Option("--description", "-d", help="What it is for.")] = "",
) -> None:
    """Make a group."""
    with desk() as opened:
        _say(opened.groups.add(name, listings or [], description=description), "made")


@app.command()
def edit(
    name: Name,
    new_name: Annotated[str | None, typer.Option("--name", help="New name.")] = None,
    description: Annotated[str | None, typer.Option("--description", "-d", help="New description.")] = None,
) -> None:
    """Rename a group, or describe it."""
    with desk() as opened:
        _say(opened.groups.update(name, new_name=new_name, description=description), "changed")


@app.command()
def put(
    name: Name,
    listing: Listing,
    weight: Annotated[str | None, typer.Option(help="Wanted part in percent.")] = None,
    quantity: Annotated[int | None, typer.Option(help="Wanted units.")] = None,
    note: Annotated[str, typer.Option(help="Your own words.")] = "",
) -> None:
    """Add a listing to a group, or change what is said of it there."""
    with desk() as opened:
        _say(opened.groups.put(name, listing, weight=weight, quantity=quantity, note=note), "changed")


@app.command()
def take(name: Name, listings: Annotated[list[str], typer.Argument(metavar="LISTING …", help="What goes.")]) -> None:
    """Take listings out of a group."""
    with desk() as opened:
        _say(opened.groups.take(name, *listings), "changed")


@app.command()
def move(name: Name, listing: Listing, position: Annotated[int, typer.Argument(metavar="PLACE", help="Counted from 1.")]) -> None:
    """Put a listing at another place."""
    with desk() as opened:
        _say(opened.groups.move(name, listing, position), "changed")


@app.command()
def remove(name: Name, yes: Yes = False) -> None:
    """Delete a group."""
    with desk() as opened:
        group = opened.groups.get(name)
        confirm(f"Delete the group {group.name} with {_count(group)}?", yes=yes)
        _say(opened.groups.remove(group.id, version=group.version), "deleted")


@app.command("import")
def import_file(
    name: Name,
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV, its first line names the columns; - for standard input.")],
    symbol: Annotated[str, typer.Option(help=f"{Heading}symbol.")] = "",
    exchange: Annotated[str, typer.Option(help=f"{Heading}exchange.")] = "",
    weight: Annotated[str, typer.Option(help=f"{Heading}weight in percent.")] = "",
    quantity: Annotated[str, typer.Option(help=f"{Heading}units.")] = "",
    note: Annotated[str, typer.Option(help=f"{Heading}note.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="What the file does not name leaves the group.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only say what would be done.")] = False,
    raw: Json = False,
) -> None:
    """Put what a file holds into a group (made when there is none), and say row by row what was not found, with near names."""
    text = read_text(file)
    given = {"symbol": symbol, "exchange": exchange, "weight": weight, "quantity": quantity, "note": note}
    with desk() as opened:
        mine = opened.groups
        columns = {**mine.headings(text)[1], **{field: heading for field, heading in given.items() if heading}}
        act = mine.check_csv if check else mine.import_csv
        report = act(name, text, columns, replace=replace)
        show(console(), tables.rows(mine.report(report)), _report(), empty="The file has no rows.", raw=raw)
    if not raw:
        done = "would be " * check
        say(f"{len(report.new)} {done}added, {len(report.changed)} {done}changed, {len(report.gone)} {done}taken out.")
    if report.bad:
        complain(
            f"{len(report.bad)} of {len(report.rows)} rows name no listing and were left out.", "Mend them and import again."
        )
        raise typer.Exit(1)


@app.command()
def export(
    name: Name,
    file: Annotated[Path | None, typer.Argument(help="Where to (default: standard output).")] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON instead of CSV.")] = False,
) -> None:
    """Write a group as a file; a CSV file can be imported again."""
    with desk() as opened:
        text = opened.groups.export(name, "json" if json else "csv")
    if file is None:
        sys.stdout.write(text)
        return
    file.write_text(text, encoding="utf-8")
    say(f"{name} written to {file}.")


def _say(group: Group, done: str) -> None:
    say(f"{group.name} {done}: {_count(group)}.")


def _count(group: Group) -> str:
    return f"{len(group.members)} listing{'s' * (len(group.members) != 1)}"


def _groups() -> list[Column]:
    return [
        of("Name", "name"),
        of("Listings", "listings", texts.quantity, right=True),
        of("Weights %", "weight", texts.price, right=True, rank=1),
        of("Description", "description", rank=2, fold=True),
    ]


def _members() -> list[Column]:
    return [
        of("#", "position", right=True, rank=3),
        of("Listing", "listing"),
        of("LTP ₹", "last_price", texts.price, right=True),
        of("Day %", "change_percent", texts.percent, right=True),
        of("Weight %", "weight", texts.price, right=True, rank=1),
        of("Qty", "quantity", texts.quantity, right=True, rank=2),
        of("Note", "note", rank=4, fold=True),
    ]


def _report() -> list[Column]:
    def near(row: Row) -> Text:
        return Text(" or ".join(row["near"]))

    return [
        of("Line", "line", right=True),
        Column("", lambda row: Text("✓", "green") if row["good"] else Text("✕", "red")),
        of("Written", "written"),
        of("Listing", "listing", rank=1),
        of("Weight %", "weight", texts.price, right=True, rank=3),
        of("Qty", "quantity", texts.quantity, right=True, rank=3),
        of("What", "words", fold=True),
        Column("Near", near, rank=2),
    ]


def register(root: typer.Typer) -> None:
    """Add these commands to `root`."""
    root.add_typer(app, name="groups", rich_help_panel="Signals and instruments")
