"""`sigma calendar …`: when exchanges trade, and the days that make the calendar."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from sigma.cli import tables, texts
from sigma.cli.state import Json, complain, console, desk, read_text, say
from sigma.cli.table import Column, Row, of, show
from sigma.domain.days import SessionKind
from sigma.domain.times import to_ist

app = typer.Typer(help="Trading days: sessions, holidays, import.", invoke_without_command=True)

Day = Annotated[str, typer.Argument(metavar="DATE", help="YYYY-MM-DD.")]
Where = Annotated[str, typer.Argument(metavar="EXCHANGE", help="NSE, BSE, NFO, BFO, CDS, BCD, MCX, NCO.")]


@app.callback()
def calendar(
    ctx: typer.Context,
    exchange: Annotated[str, typer.Option("--exchange", "-e", help="Whose days.")] = "NSE",
    start: Annotated[str | None, typer.Option(help="First day, YYYY-MM-DD (default: today).")] = None,
    end: Annotated[str | None, typer.Option(help="Last day (default: two weeks on).")] = None,
    raw: Json = False,
) -> None:
    """Show the sessions of an exchange; `sigma calendar days` shows what makes the calendar."""
    if ctx.invoked_subcommand is not None:
        return
    with desk() as opened:
        rows = tables.rows(opened.calendar.sessions(exchange, start, end))
        ends = opened.calendar.ends()[rows[0]["exchange"]]
        note = f"known until {ends:%d %b %Y}" if ends else "today is not known: nothing counts as open (sigma calendar import)"
        show(console(), rows, _sessions(), empty="No days.", note=note, raw=raw)


@app.command()
def days(
    exchange: Annotated[str | None, typer.Option("--exchange", "-e", help="Only this one.")] = None,
    start: Annotated[str | None, typer.Option(help="First day, YYYY-MM-DD (default: today).")] = None,
    end: Annotated[str | None, typer.Option(help="Last day.")] = None,
    raw: Json = False,
) -> None:
    """List the days that are not like others: holidays, half days, special sessions."""
    with desk() as opened:
        rows = tables.rows(opened.calendar.days(exchange, start or to_ist(opened.now()).date(), end))
        show(console(), rows, _days(), empty="No such day.", raw=raw)


@app.command("import")
def import_file(
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV (sigma calendar export shows one), - for standard input.")],
    good_only: Annotated[
        bool, typer.Option("--good-only", help="Leave bad lines out; else one bad line stores nothing.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only say what would be done.")] = False,
    raw: Json = False,
) -> None:
    """Store days from a file, and say line by line what is wrong; running processes follow within seconds."""
    text = read_text(file)
    with desk() as opened:
        mine = opened.calendar
        report = mine.check_csv(text) if check else mine.import_csv(text, good_only=good_only)
        rows = tables.rows(mine.report(report))
        told = rows if raw else [row for row in rows if not row["good"] or row["new"]]
        show(console(), told, _lines(), empty="The calendar says all of it already.", raw=raw)
        for one, year in report.unknown if not raw else ():
            say(
                Text(f"{one} {year} stays unknown: add the line {year}-12-31,{one},COMPLETE,,, when the list is whole.", "yellow")
            )
    if not raw:
        say(f"{report.stored} days stored." if not check else f"{len(report.new)} days would be stored.")
    if report.bad and not report.stored:
        complain(f"{len(report.bad)} bad lines: nothing was stored.", "Mend them, or add --good-only.")
        raise typer.Exit(1)


@app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to (default: standard output).")] = None,
) -> None:
    """Write the calendar in force as a CSV file."""
    with desk() as opened:
        text = opened.calendar.export()
    if file is None:
        sys.stdout.write(text)
        return
    file.write_text(text, encoding="utf-8")
    say(f"{len(text.splitlines()) - 1} days written to {file}.")


@app.command("set")
def set_day(
    day: Day,
    exchange: Where,
    session_type: Annotated[str, typer.Argument(metavar="TYPE", help=", ".join(SessionKind))],
    opens: Annotated[str, typer.Option(help="HH:MM IST, for SPECIAL and HALF_DAY.")] = "",
    closes: Annotated[str, typer.Option(help="HH:MM IST, for SPECIAL and HALF_DAY.")] = "",
    notes: Annotated[str, typer.Option(help="Occasion and source.")] = "",
) -> None:
    """Say what one day is; running processes follow within seconds."""
    with desk() as opened:
        opened.calendar.set(day, exchange, session_type, opens, closes, notes)
        say(f"{exchange.upper()} {day}: {session_type.upper()}.")


@app.command()
def remove(
    day: Day,
    exchange: Where,
    session_type: Annotated[str, typer.Argument(metavar="[TYPE]", help="COMPLETE, to take away how far a list goes.")] = "",
) -> None:
    """Take away a day that was set or imported; the shipped one counts again."""
    with desk() as opened:
        opened.calendar.remove(day, exchange, session_type)
        say(f"{exchange.upper()} {day}: taken away.")


def _sessions() -> list[Column]:
    return [
        of("Date", "date"),
        of("Day", "weekday"),
        of("Exchange", "exchange", rank=2),
        Column("Session", _hours),
        of("Type", "session_type", rank=1),
        of("Notes", "notes", rank=3, fold=True),
    ]


def _hours(row: Row) -> Text:
    if not row["known"]:
        return Text("not known", "yellow")
    if not row["open"]:
        return Text("closed", "dim")
    return Text(f"{to_ist(row['opens_at']):%H:%M} to {to_ist(row['closes_at']):%H:%M}")


def _days() -> list[Column]:
    return [
        of("Date", "date"),
        of("Day", "weekday", rank=3),
        of("Exchange", "exchange"),
        of("Type", "session_type"),
        of("Opens", "open_time", rank=1),
        of("Closes", "close_time", rank=1),
        of("Set here", "own", texts.yes, rank=2),
        of("Notes", "notes", rank=4, fold=True),
    ]


def _lines() -> list[Column]:
    def words(value: Any) -> Text:
        return Text(texts.word(value))

    return [
        of("Line", "line", right=True),
        Column("", lambda row: Text("✓", "green") if row["good"] else Text("✕", "red")),
        of("Date", "date"),
        of("Exchange", "exchange"),
        of("Type", "session_type", rank=1),
        of("What", "words", words, fold=True),
    ]


def register(root: typer.Typer) -> None:
    """Add these commands to `root`."""
    root.add_typer(app, name="calendar", rich_help_panel="Risk and settings")
