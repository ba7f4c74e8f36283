"""`sigma kill` and `sigma risk …`: the switch, the limits, the mode."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from sigma.cli import tables, texts
from sigma.cli.state import Account, Json, Yes, confirm, console, desk, names, say
from sigma.cli.table import Row, show
from sigma.domain.errors import InvalidInput
from sigma.domain.money import decimal_from
from sigma.domain.risk import KillState

if TYPE_CHECKING:
    from sigma.desk import Desk

NONE = "none"

app = typer.Typer(help="Limits and trading mode.", no_args_is_help=True)


class Switch(StrEnum):
    """Positions of the kill switch."""

    ON = "on"
    OFF = "off"


@app.command("show")
def show_limits(raw: Json = False) -> None:
    """Show limits and kill switches."""
    with desk() as opened:
        rows = tables.rows(opened.risk.table())
        empty = "No limits. Set one: `sigma risk set --max-value 100000`."
        show(console(), rows, tables.limits(names(opened)), empty=empty, raw=raw)
        if not raw:
            _kills(opened.risk.kills(), names(opened), opened.now())
            say(f"Trading mode of all accounts: {opened.risk.mode()} (an account's own may be stricter: `sigma accounts`).")


def _kills(kills: list[KillState], known: dict[int, str], now: datetime) -> None:
    if not kills:
        say("Kill switch: off.")
    for kill in kills:
        scope = "all accounts" if kill.account_id is None else known.get(kill.account_id, f"account {kill.account_id}")
        since = texts.when(kill.at, now)
        say(Text.assemble(("Kill switch ON", "bold red"), f" for {scope} since ", since, f" IST: {kill.reason}"))


@app.command("set")
def set_limits(
    max_quantity: Annotated[str | None, typer.Option(help="Most units in one order; none lifts this limit.")] = None,
    max_value: Annotated[str | None, typer.Option(help="Most rupees in one order; none lifts this limit.")] = None,
    scope: Annotated[str | None, typer.Option(help="GLOBAL, STRATEGY or ACCOUNT (default: by what you name).")] = None,
    strategy: Annotated[str, typer.Option(help="For this strategy only.")] = "",
    account: Account = None,
    yes: Yes = False,
) -> None:
    """Set the limits of one scope; a limit left out stays as it is."""
    if max_quantity is None and max_value is None:
        raise InvalidInput("Which limit?", hint="Give --max-quantity, --max-value or both; `none` lifts a limit.")
    where = (scope or ("ACCOUNT" if account else "STRATEGY" if strategy else "GLOBAL")).upper()
    with desk() as opened:
        known = names(opened)
        before = _limits_of(opened, where, strategy, account)
        quantity = _limit(max_quantity, before.get("max_quantity_per_order"))
        value = _limit(max_value, before.get("max_order_value"))
        if NONE in (max_quantity, max_value):
            confirm(f"Lift a limit of scope {where}?", yes=yes)
        whole = None if quantity is None else int(quantity)
        opened.risk.set(where, strategy=strategy, account=account, max_quantity_per_order=whole, max_order_value=value)
        show(console(), tables.rows(opened.risk.table()), tables.limits(known), empty="No limits.")


def _limits_of(opened: Desk, scope: str, strategy: str, account: str | None) -> Row:
    """Return the limits that stand in one scope, empty when none do."""
    numbers = {name: number for number, name in names(opened).items()}
    where = (scope, strategy, numbers.get(account or ""))
    rows = tables.rows(opened.risk.table())
    return next((row for row in rows if (row["scope"], row["strategy"] or "", row["account_id"]) == where), {})


def _limit(given: str | None, before: object) -> Decimal | None:
    """Return a limit as it shall be: what was given, nothing for `none`, else what it was."""
    if given == NONE:
        return None
    try:
        return texts.number(before) if given is None else decimal_from(given)
    except ValueError:
        raise InvalidInput(f"A limit is a number or {NONE}, was {given!r}.") from None


@app.command()
def mode(
    to: Annotated[
        str, typer.Argument(metavar="MODE", help="NORMAL, EXIT_ONLY (only what reduces) or PAUSED (nothing goes out).")
    ],
) -> None:
    """Set the trading mode of everything; the stricter of this and an account's own applies."""
    with desk() as opened:
        opened.risk.set_mode(to)
        say(f"Trading mode of all accounts: {to.upper()}.")


def kill(
    to: Annotated[Switch, typer.Argument(metavar="on|off", help="on blocks every new order; cancelling still works.")],
    reason: Annotated[str, typer.Option(help="Kept in the audit trail.")],
    account: Account = None,
    yes: Yes = False,
) -> None:
    """Block new orders at once, on all accounts or one; `off` allows them again."""
    whom = account or "all accounts"
    with desk() as opened:
        if to is Switch.OFF:
            confirm(f"Allow new orders on {whom} again?", yes=yes)
        opened.kill(account or "all", reason=reason, on=to is Switch.ON)
        if to is Switch.ON:
            say(Text(f"Kill switch ON for {whom}: no new order goes out. Cancelling still works.", "bold red"))
        else:
            say(f"Kill switch off for {whom}.")


def register(root: typer.Typer) -> None:
    """Add these commands to `root`."""
    panel = "Risk and settings"
    root.command(rich_help_panel=panel)(kill)
    root.add_typer(app, name="risk", rich_help_panel=panel)
