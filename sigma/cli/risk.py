"""`sigma risk …`: the limits, the mode."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from sigma.cli import tables, texts
from sigma.cli.state import Account, Json, Yes, complain, confirm, console, desk, names, say
from sigma.cli.table import Row, show
from sigma.domain.errors import InvalidInput
from sigma.domain.money import decimal_from
from sigma.domain.risk import CLAMPABLE, KillState, Replay, RiskLimits, RuleResult

if TYPE_CHECKING:
    from sigma.desk import Desk

NONE = "none"
ANSWERS = {"yes": True, "no": False}

app = typer.Typer(help="Limits and trading mode.", no_args_is_help=True)


@app.command("show")
def show_limits(raw: Json = False) -> None:
    """Show limits and kill switches."""
    with desk() as opened:
        rows = tables.rows(opened.risk.table() if raw else opened.risk.listed())
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
        scope = f"strategy {kill.strategy} on {scope}" if kill.strategy else scope
        since = texts.when(kill.at, now)
        say(Text.assemble(("Kill switch ON", "bold red"), f" for {scope} since ", since, f" IST: {kill.reason}"))


@app.command("set")
def set_limits(
    max_quantity: Annotated[str | None, typer.Option(help="Most units in one order.")] = None,
    max_value: Annotated[str | None, typer.Option(help="Most rupees in one order.")] = None,
    short_selling: Annotated[str | None, typer.Option(help="yes or no: may more be sold than is held.")] = None,
    max_daily_loss: Annotated[str | None, typer.Option(help="Rupees lost today at which entries stop.")] = None,
    max_positions: Annotated[str | None, typer.Option(help="Most open positions.")] = None,
    max_per_minute: Annotated[str | None, typer.Option(help="Most orders in any minute.")] = None,
    max_exposure: Annotated[str | None, typer.Option(help="Most rupees at work in one security.")] = None,
    allow: Annotated[str | None, typer.Option(help="The only listings that may be entered, with commas.")] = None,
    deny: Annotated[str | None, typer.Option(help="Listings that may not be entered, with commas.")] = None,
    products: Annotated[str | None, typer.Option(help="The only products to enter with, with commas.")] = None,
    order_types: Annotated[str | None, typer.Option(help="The only order types to enter with, with commas.")] = None,
    entries_until: Annotated[str | None, typer.Option(help="No entry from this time on (IST).")] = None,
    square_off_at: Annotated[str | None, typer.Option(help="Intraday positions are closed at this time (IST).")] = None,
    cooldown: Annotated[str | None, typer.Option(help="Seconds without an entry where a round trip lost.")] = None,
    drawdown_caution: Annotated[str | None, typer.Option(help="Rupees below the highest result: entries are halved.")] = None,
    drawdown_stop: Annotated[str | None, typer.Option(help="Rupees below the highest result: entries stop.")] = None,
    clamp: Annotated[
        bool | None,
        typer.Option("--clamp/--reject", help="Beyond the limits given: lower an order where that can be, or refuse."),
    ] = None,
    scope: Annotated[str | None, typer.Option(help="GLOBAL, STRATEGY or ACCOUNT (default: by what you name).")] = None,
    strategy: Annotated[str, typer.Option(help="For this strategy only.")] = "",
    account: Account = None,
    yes: Yes = False,
) -> None:
    """Set the limits of one scope; a limit left out stays as it is, `none` lifts one."""
    values = (
        *(max_quantity, max_value, short_selling, max_daily_loss, max_positions, max_per_minute),
        *(max_exposure, allow, deny, products, order_types, entries_until),
        *(square_off_at, cooldown, drawdown_caution, drawdown_stop),
    )
    given = {name: value for name, value in zip(OPTIONS, values, strict=True) if value is not None}
    if not given:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in OPTIONS)
        raise InvalidInput("Which limit?", hint=f"Give any of {options}; `none` lifts a limit.")
    where = (scope or ("ACCOUNT" if account else "STRATEGY" if strategy else "GLOBAL")).upper()
    with desk() as opened:
        stored = _limits_of(opened, where, strategy, account)
        changed = {OPTIONS[name]: _read(OPTIONS[name], value) for name, value in given.items()}
        limits = {name: value for name in OPTIONS.values() if (value := {**_values(stored), **changed}.get(name)) is not None}
        lowers = set(stored.clamp if stored else ()) & set(limits)
        if clamp is not None:
            lowers = lowers - set(changed) | (CLAMPABLE.intersection(changed, limits) if clamp else set())
        if None in changed.values():
            confirm(f"Lift a limit of scope {where}?", yes=yes)
        opened.risk.set(where, strategy=strategy, account=account, clamp=lowers, **limits)
        show(console(), tables.rows(opened.risk.listed()), tables.limits(names(opened)), empty="No limits.")


OPTIONS = {
    "max_quantity": "max_quantity_per_order",
    "max_value": "max_order_value",
    "short_selling": "allow_short_selling",
    "max_daily_loss": "max_daily_loss",
    "max_positions": "max_open_positions",
    "max_per_minute": "max_orders_per_minute",
    "max_exposure": "max_exposure",
    "allow": "allow",
    "deny": "deny",
    "products": "products",
    "order_types": "order_types",
    "entries_until": "entries_until",
    "square_off_at": "square_off_at",
    "cooldown": "cooldown_s",
    "drawdown_caution": "drawdown_caution",
    "drawdown_stop": "drawdown_stop",
}
"""Which limit each option of `sigma risk set` is."""
TEXTS = frozenset({"allow", "deny", "products", "order_types", "entries_until", "square_off_at"})
"""Limits that are words; the others are numbers."""


def _limits_of(opened: Desk, scope: str, strategy: str, account: str | None) -> RiskLimits | None:
    """Return the limits that stand in one scope, None when none do."""
    numbers = {name: number for number, name in names(opened).items()}
    where = (scope, strategy.casefold(), numbers.get(account or ""))
    rows = opened.risk.limits()
    return next((row for row in rows if (row.scope, row.strategy.casefold(), row.account_id) == where), None)


def _values(stored: RiskLimits | None) -> dict[str, Any]:
    return {} if stored is None else {name: getattr(stored, name) for name in OPTIONS.values()}


def _read(name: str, given: str) -> object:
    """Return a limit as the desk takes it, None for `none`."""
    if given.strip().lower() == NONE:
        return None
    if name in TEXTS:
        return given
    if name == "allow_short_selling":
        if given.strip().lower() not in ANSWERS:
            raise InvalidInput(f"--short-selling is yes, no or {NONE}, was {given!r}.")
        return ANSWERS[given.strip().lower()]
    try:
        return decimal_from(given)
    except ValueError:
        raise InvalidInput(f"A limit is a number or {NONE}, was {given!r}.") from None


@app.command()
def effective(
    strategy: Annotated[str, typer.Option(help="For orders of this strategy (default: a person's).")] = "",
    account: Account = None,
    raw: Json = False,
) -> None:
    """Show the limits that hold after all for a strategy on an account, and where each comes from."""
    with desk() as opened:
        rows = tables.rows(opened.risk.effective(strategy, account))
        show(console(), rows if raw else [row for row in rows if row["mode"]], tables.effective(), empty="No limits.", raw=raw)


def replay_decision(
    decision: Annotated[int, typer.Argument(help="Number of a risk decision (an order's page shows it).")],
) -> None:
    """Take a stored risk decision again from what was stored with it, and show both; 1 when they differ."""
    with desk() as opened:
        replay = opened.risk.replay(decision)
    show(console(), _rules(replay), tables.rules(), empty="No rule spoke.")
    for when, verdict in (("Then", replay.stored), ("Again", replay.again)):
        what = f"allowed, {verdict.quantity} units" if verdict.allowed else "refused"
        say(f"{when}: {what} ({verdict.code}){': ' if verdict.text else ''}{verdict.text}")
    if not replay.same:
        complain("The two differ.", "The rules changed since the decision was taken, or what was stored was.")
        raise typer.Exit(1)


def _rules(replay: Replay) -> list[Row]:
    """Return what each rule said, then and again."""
    then, again = ({one.rule: one for one in verdict.results} for verdict in (replay.stored, replay.again))
    rows: list[Row] = []
    for rule in dict.fromkeys((*again, *then)):
        numbers = (again.get(rule) or then[rule]).numbers
        measured = ", ".join(f"{name} {value}" for name, value in numbers.items())
        rows.append({"rule": rule, "then": _word(then.get(rule)), "again": _word(again.get(rule)), "numbers": measured})
    return rows


def _word(result: RuleResult | None) -> str:
    if result is None:
        return "did not speak"
    return f"{result.code}: {result.text}" if result.text else "passes"


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


def register(root: typer.Typer) -> None:
    """Add these commands to `root`."""
    panel = "Risk and settings"
    root.add_typer(app, name="risk", rich_help_panel=panel)
    root.command("replay-decision", rich_help_panel=panel)(replay_decision)
