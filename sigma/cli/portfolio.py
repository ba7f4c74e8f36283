"""`sigma holdings | positions | funds | day | quotes | sync`: what an account has, and what listings trade at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from sigma.cli import tables, texts
from sigma.cli.state import Json, console, desk, say
from sigma.cli.table import Column, Row, as_json, show

if TYPE_CHECKING:
    import pandas as pd

Name = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Name of the account.")]
Refresh = Annotated[
    bool | None, typer.Option("--refresh/--stored", help="Ask the broker now, or show what is stored (default: by its age).")
]


def _note(frame: pd.DataFrame) -> str:
    """Say how old a list is, and what could not be read."""
    facts = frame.attrs
    age = facts.get("age_s")
    parts = [f"as of {texts.age(float(age))} ago"] if isinstance(age, int | float) else []
    parts += [str(facts["stale"])] if facts.get("stale") else []
    unreadable = facts.get("bad") or ()
    parts += [f"{len(unreadable)} rows could not be read"] if unreadable else []
    return "; ".join(parts)


def _show(frame: pd.DataFrame, columns: list[Column], empty: str, raw: bool) -> Sequence[Row]:
    rows = tables.rows(frame)
    show(console(), rows, columns, empty=empty, note=_note(frame), raw=raw)
    return rows


def holdings(account: Name, refresh: Refresh = None, raw: Json = False) -> None:
    """Shares in demat of one account."""
    with desk() as opened:
        rows = _show(opened.holdings(account, refresh=refresh), tables.holdings(), f"No holdings on {account}.", raw)
        if rows and not raw:
            say(tables.sums(rows, "value", "worth"))


def positions(
    account: Name,
    refresh: Refresh = None,
    flat: Annotated[bool, typer.Option("--flat", help="Also those that were closed today.")] = False,
    raw: Json = False,
) -> None:
    """Open positions of one account."""
    with desk() as opened:
        frame = opened.positions(account, refresh=refresh)
        shown = frame if flat or frame.empty else frame[frame["quantity"] != 0]
        shown.attrs = frame.attrs
        rows = _show(shown, tables.positions(), f"No open positions on {account}.", raw)
        if not raw and len(frame):
            hidden = len(frame) - len(rows)
            closed = f" ({hidden} closed today counted, --flat shows them)" if hidden else ""
            say(tables.sums(tables.rows(frame), None, f"today{closed}"))


def funds(account: Name, refresh: Refresh = None, raw: Json = False) -> None:
    """Money of one account, rupees."""
    with desk() as opened:
        _show(opened.funds(account, refresh=refresh), tables.funds(), f"No funds of {account} known.", raw)


def quotes(
    listings: Annotated[list[str], typer.Argument(metavar="LISTING…", help="For example NSE:INFY BSE:TCS.")], raw: Json = False
) -> None:
    """What listings trade at now."""
    with desk() as opened:
        frame = opened.quotes(listings)
        missing = ", ".join(frame.attrs.get("missing", ()))
        note = f"no quote of {missing}" if missing else ""
        show(console(), tables.rows(frame), tables.quotes(opened.now()), empty=f"No quotes ({missing}).", note=note, raw=raw)


def day(
    account: Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="One account (default: all live ones).")] = None,
    strategy: Annotated[str | None, typer.Option(help="Only this strategy's own fills.")] = None,
    raw: Json = False,
) -> None:
    """What today came to so far, by your executions: realised, open, estimated charges."""
    with desk() as opened:
        found = opened.day(account, strategy)
    parts = {"realised": found.realised, "open": found.open, "charges": found.charges, "total": found.total}
    if raw:
        say(as_json({**parts, "missing": list(found.missing)}))
        return
    for name, rupees in parts.items():
        shown = texts.price(rupees) if name == "charges" else texts.gain(rupees)
        say(Text.assemble(f"{name.capitalize():<10}", shown))
    if found.missing:
        say(f"Not known as a whole: no price, or no known charges, of {', '.join(found.missing)}.")


def sync(account: Name) -> None:
    """Read an account's order book now (the worker does it by itself every few seconds)."""
    with desk() as opened:
        report = opened.sync(account)
        say(f"{report.account}: {report.rows} orders in the book, {report.changed} changed, {report.new_fills} new executions.")
        if report.adopted:
            say(f"  {report.adopted} were placed outside SigmaTrader and are shown from now on.")
        if report.unknown:
            say(f"  {report.unknown} outcomes are still open.")
        for text in report.bad:
            say(f"  unreadable: {text}")


def register(root: typer.Typer) -> None:
    """Add these commands to `root`."""
    for command in (holdings, positions, funds, day, quotes, sync):
        root.command(rich_help_panel="Portfolio")(command)
