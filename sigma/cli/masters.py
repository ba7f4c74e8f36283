"""`sigma instruments refresh, load, quarantine, settle …`: where listings come from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from sigma.cli import tables, texts
from sigma.cli.state import Json, console, desk, say
from sigma.cli.table import Column, as_json, of, show
from sigma.domain.instruments import MasterReport

MOST_SHOWN = 5
Source = Annotated[str | None, typer.Argument(help="A broker or list (default: all).")]
Force = Annotated[bool, typer.Option("--force", help="Take a list that is much shorter than the old one, or the same.")]


def refresh(
    name: Annotated[str | None, typer.Argument(help="A broker, an account, fyers, nse (default: every broker).")] = None,
    force: Force = False,
    raw: Json = False,
) -> None:
    """Download the brokers' instrument lists; a failed download keeps the old one."""
    with desk() as opened:
        found = opened.instruments.refresh(name, force=force)
    _end((found,) if isinstance(found, MasterReport) else found, raw)


def load(
    source: Annotated[str, typer.Argument(help="Whose file it is: a broker, fyers, nse or bse.")],
    file: Annotated[Path, typer.Argument(help="The saved file, plain or in gzip.")],
    force: Force = False,
    raw: Json = False,
) -> None:
    """Take a saved instrument list instead of a download."""
    with desk() as opened:
        report = opened.instruments.load(source, file, force=force)
    _end((report,), raw)


def quarantine(
    source: Source = None,
    everything: Annotated[bool, typer.Option("--all", help="Also rows that the newest files no longer have.")] = False,
    raw: Json = False,
) -> None:
    """Show rows that contradict one another; none of them is anything's name until it is settled."""
    with desk() as opened:
        rows = tables.rows(opened.instruments.quarantine(source, present=not everything))
        show(console(), rows, _quarantine(opened.now()), empty="Nothing is set aside.", raw=raw)


def overrides(source: Source = None, raw: Json = False) -> None:
    """Show what people said rows are."""
    with desk() as opened:
        rows = tables.rows(opened.instruments.overrides(source))
    show(console(), rows, _overrides(), empty="Nobody settled anything.", raw=raw)


def settle(
    source: str,
    exchange_code: str,
    symbol: str,
    token: str,
    listing: Annotated[str | None, typer.Argument(help="For example NSE:INFY.")] = None,
    leave_out: Annotated[bool, typer.Option("--leave-out", help="The row is nothing of ours.")] = False,
    note: Annotated[str, typer.Option("--note", help="Why, for later.")] = "",
) -> None:
    """Say which listing a row of `sigma instruments quarantine` is, from the next refresh on."""
    with desk() as opened:
        said = opened.instruments.settle(source, exchange_code, symbol, token, listing, leave_out=leave_out, note=note)
    say(f"{symbol} is {said.listing or 'left out'} from the next `sigma instruments refresh {source}` on.")


def unsettle(source: str, exchange_code: str, symbol: str, token: str) -> None:
    """Take back what was said of a row."""
    with desk() as opened:
        opened.instruments.unsettle(source, exchange_code, symbol, token)
    say(f"{symbol} is judged by the masters again from the next `sigma instruments refresh {source}` on.")


def add_to(app: typer.Typer) -> None:
    """Add these commands to `sigma instruments`."""
    for command in (refresh, load, quarantine, settle, unsettle, overrides):
        app.command()(command)


def _end(reports: Sequence[MasterReport], raw: bool) -> None:
    """Tell of reports; exit 1 when an old list stays."""
    if raw:
        say(as_json([{key: getattr(report, key) for key in report.__dataclass_fields__} for report in reports]))
    for report in [] if raw else reports:
        _told(report)
    if any(report.kept_old for report in reports):
        raise typer.Exit(1)


def _told(report: MasterReport) -> None:
    if report.kept_old:
        say(Text(f"{report.broker}: the old list stays: {report.kept_old}", "yellow"))
        return
    changes = f"{report.added:,} added, {report.gone:,} gone, {report.changed:,} changed"
    what = "nothing new" if report.unchanged else changes
    say(f"{report.broker}: {report.rows:,} instruments in {report.seconds:.1f} s ({what})")
    for label, words in (("set aside as ambiguous", report.ambiguous), ("unreadable", report.bad)):
        if words:
            more = f" and {len(words) - MOST_SHOWN} more" if len(words) > MOST_SHOWN else ""
            say(Text(f"  {label}: {'; '.join(words[:MOST_SHOWN])}{more}", "yellow"))


def _row() -> list[Column]:
    names = {"source": "Source", "exchange_code": "Code", "symbol": "Symbol", "token": "Token"}
    return [of(title, key) for key, title in names.items()]


def _quarantine(now: datetime) -> list[Column]:
    since = of("Since", "first_seen", lambda value: texts.when(value, now), rank=2)
    return [*_row(), of("Reason", "reason", fold=True), since]


def _overrides() -> list[Column]:
    said = of("Is", "listing", lambda value: texts.plain(value or "left out"))
    return [*_row(), said, of("By", "by", rank=1), of("Note", "note", rank=2, fold=True)]
