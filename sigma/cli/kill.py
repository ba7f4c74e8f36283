"""`sigma kill`, `sigma rearm` and `sigma stops`: the kill switch, and how far its runs got."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.text import Text

from sigma.cli import tables, texts
from sigma.cli.state import Account, Json, Yes, confirm, console, desk, say
from sigma.cli.table import Column, Row, of, show

Strategy = Annotated[str, typer.Option("--strategy", "-s", help="Only this strategy: its orders, and what its own fills hold.")]
Reason = Annotated[str, typer.Option(help="Kept in the audit trail.")]


class Switch(StrEnum):
    """Positions of the kill switch."""

    ON = "on"
    OFF = "off"


def kill(
    to: Annotated[Switch, typer.Argument(metavar="on|off", help="on blocks every new order; cancelling still works.")],
    reason: Reason,
    account: Account = None,
    strategy: Strategy = "",
    cancel: Annotated[bool, typer.Option("--cancel", help="Also cancel every working order.")] = False,
    flatten: Annotated[bool, typer.Option("--flatten", help="Also close every position at the market (shares stay).")] = False,
    yes: Yes = False,
) -> None:
    """Stop trading on all accounts or one; the worker cancels, flattens and verifies. `off` allows it again."""
    if to is Switch.OFF:
        _rearm(account, strategy, reason, yes=yes)
        return
    whom = _whom(account, strategy)
    with desk() as opened:
        if flatten:
            confirm(f"Close every position of {whom} at the market?", yes=yes)
        opened.kill(account or "all", strategy=strategy, reason=reason, cancel=cancel, flatten=flatten)
        say(Text(f"Kill switch ON for {whom}: no new order goes out. Cancelling still works.", "bold red"))
        if cancel or flatten:
            say("The worker does the rest; `sigma stops` shows how far it is.")


def rearm(reason: Reason, account: Account = None, strategy: Strategy = "", yes: Yes = False) -> None:
    """Let trading go on after a stop: the owner alone, with a reason. Nothing else ever does."""
    _rearm(account, strategy, reason, yes=yes)


def _rearm(account: str | None, strategy: str, reason: str, *, yes: bool) -> None:
    whom = _whom(account, strategy)
    with desk() as opened:
        confirm(f"Allow new orders on {whom} again?", yes=yes)
        opened.kill(account or "all", strategy=strategy, reason=reason, on=False)
        say(f"Kill switch off for {whom}.")


def stops(
    all_runs: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False, raw: Json = False
) -> None:
    """Show what stops and square-offs are doing on each account, and how they ended."""
    with desk() as opened:
        rows = tables.rows(opened.kill_runs(None if all_runs else True))
        empty = "Nothing is being stopped. `sigma stops --all` shows what was."
        show(console(), rows, _columns(opened.now()), empty=empty, raw=raw)


def _columns(now: datetime) -> list[Column]:
    return [
        of("Account", "account"),
        of("Strategy", "strategy", rank=3),
        of("Since", "started_at", lambda value: texts.when(value, now)),
        Column("State", _state),
        Column("Cancelled", lambda row: _progress(row, "cancelled", "to_cancel"), right=True),
        Column("Closed", lambda row: _progress(row, "flattened", "to_flatten"), right=True),
        of("Unknown", "unknown", texts.quantity, right=True, rank=1),
        of("By", "by", rank=4),
        of("Reason", "reason", rank=2, fold=True),
        of("Notes", "notes", rank=1, fold=True),
    ]


def _state(row: Row) -> Text:
    if row["verdict"] == "RUNNING":
        return Text(str(row["step"]).lower())
    words = str(row["verdict"]).replace("_", " ").lower()
    return Text(words, "bold red" if row["verdict"] == "NOT_VERIFIED" else "")


def _progress(row: Row, done: str, of_all: str) -> Text:
    return Text(f"{row[done]} of {row[of_all]}" if row[of_all] else texts.MISSING)


def _whom(account: str | None, strategy: str) -> str:
    where = account or "all accounts"
    return f"strategy {strategy} on {where}" if strategy else where


def register(root: typer.Typer) -> None:
    """Add these commands to `root`."""
    panel = "Risk and settings"
    for command in (kill, rearm, stops):
        root.command(rich_help_panel=panel)(command)
