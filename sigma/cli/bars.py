"""`sigma bars show | download | gaps`: bars of listings, and what is stored of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sigma.cli import tables, texts
from sigma.cli.state import Json, console, desk, say
from sigma.cli.table import Column, of, show

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer(help="Bars: show, download, gaps.", no_args_is_help=True)

Frame = Annotated[str, typer.Option("--timeframe", "-t", metavar="LENGTH", help="1m 3m 5m 15m 30m 1h 1d 1w 1mo.")]
Since = Annotated[
    str | None, typer.Option("--start", "-s", metavar="TIME", help="Since when: 2026-01-01 or 2026-11-20T10:15, IST.")
]
Until = Annotated[str | None, typer.Option("--end", "-e", metavar="TIME", help="Until when (default: now).")]
Must = Annotated[str, typer.Option("--start", "-s", metavar="TIME", help="Since when: 2026-01-01 or 2026-11-20T10:15, IST.")]


@contextmanager
def _drawn() -> Iterator[Callable[[int, int, str], None]]:
    """Draw a progress bar on the error stream, so that the table itself can be piped."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console(errors=True), transient=True) as progress:
        task = progress.add_task("bars", total=None)
        yield lambda done, total, words: progress.update(task, completed=done, total=total, description=words)


@app.command("show")
def show_bars(
    listing: Annotated[str, typer.Argument(metavar="LISTING", help="For example NSE:INFY.")],
    timeframe: Frame = "1d",
    start: Since = None,
    end: Until = None,
    last: Annotated[int, typer.Option("--last", "-n", help="How many, the newest ones; 0 for all.")] = 30,
    raw: Json = False,
) -> None:
    """Show a listing's bars; what is not stored yet is fetched and kept."""
    with desk() as opened:
        with _drawn() as progress:
            frame = opened.bars(listing, timeframe, start, end, progress=progress)
        shown = frame.tail(last) if last else frame
        shown.attrs = frame.attrs
        facts = frame.attrs
        note = "; ".join(filter(None, (f"from {facts['source']}", str(facts["stale"]))))
        empty = f"No bars of {facts['listing']} in this time."
        show(console(), tables.rows(shown), _bars(opened.now()), empty=empty, note=note, raw=raw)


@app.command()
def download(
    listings: Annotated[list[str], typer.Argument(metavar="LISTING…", help="For example NSE:INFY BSE:TCS.")],
    start: Must,
    timeframe: Frame = "1m",
    end: Until = None,
    raw: Json = False,
) -> None:
    """Fetch and keep bars of several listings; a second run goes on where the first one ended."""
    with desk() as opened:
        with _drawn() as progress:
            frame = opened.download_bars(listings, timeframe, start, end, progress=progress)
        rows = tables.rows(frame)
        columns = [of("Listing", "listing"), of("Calls", "calls", texts.quantity, right=True)]
        columns += [of("New bars", "bars", texts.quantity, right=True), of("Failed", "error", rank=1, fold=True)]
        show(console(), rows, columns, empty="Nothing was asked for.", raw=raw)
    if any(row["error"] for row in rows):
        raise typer.Exit(1)


@app.command()
def gaps(
    listing: Annotated[str, typer.Argument(metavar="LISTING", help="For example NSE:INFY.")],
    start: Must,
    timeframe: Frame = "1m",
    end: Until = None,
    raw: Json = False,
) -> None:
    """Show what is missing of the stored minutes or days; no broker is asked."""
    with desk() as opened:
        rows = tables.rows(opened.gaps(listing, timeframe, start, end))
        now = opened.now()
        columns = [
            of("After", "start", lambda value: texts.when(value, now)),
            of("Until", "end", lambda value: texts.when(value, now)),
        ]
        columns += [of("Bars", "bars", texts.quantity, right=True), of("Kind", "kind")]
        show(console(), rows, columns, empty="Nothing is missing.", raw=raw)
        if rows and not raw:
            say("NOT_FETCHED: never asked for. MISSING: asked for once. CONFIRMED: asked for twice, the source has none.")


def _bars(now: datetime) -> list[Column]:
    prices = [of(f"{name.title()} ₹", name, texts.price, right=True, rank=rank) for name, rank in _PRICES]
    return [
        of("Closed", "at", lambda value: texts.when(value, now)),
        *prices,
        of("Volume", "volume", texts.quantity, right=True, rank=1),
        of("OI", "open_interest", texts.quantity, right=True, rank=3),
        of("Forming", "forming", texts.yes, rank=1),
    ]


_PRICES = (("open", 2), ("high", 2), ("low", 2), ("close", 0))


def register(root: typer.Typer) -> None:
    """Add these commands to `root`."""
    root.add_typer(app, name="bars", rich_help_panel="Signals and instruments")
