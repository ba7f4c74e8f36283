"""`sigma doctor`: a read-only look at everything that must be right before orders go out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import httpx
import typer
from rich.text import Text

from sigma.cli import tables
from sigma.cli.processes import GATEWAY_PORT, LOOPBACK
from sigma.cli.state import Account, Json, console
from sigma.cli.table import as_json
from sigma.domain.errors import SigmaError
from sigma.domain.health import Check, Mark, worst_first

if TYPE_CHECKING:
    from sigma.desk import Desk

STATIC_IP = (
    "Brokers take orders only from the static IP address that is registered with them. Register this machine's outgoing "
    "address on the broker's developer page; sending from elsewhere is refused."
)
_LOOKS = {Mark.GOOD: ("●", "green"), Mark.NOTE: ("i", "blue"), Mark.WARNING: ("!", "yellow"), Mark.BAD: ("✕", "bold red")}


def doctor(
    account: Account = None,
    gateway: Annotated[
        str, typer.Option(envvar="SIGMA_GATEWAY", help="Address of the webhook gateway.")
    ] = f"http://{LOOPBACK}:{GATEWAY_PORT}",
    raw: Json = False,
) -> None:
    """Check home, key, databases, processes and each account's login at its broker. Changes and sends nothing."""
    out = console()
    with nullcontext() if raw else out.status("Asking the brokers …"):
        checks = worst_first(_with_address(list(_examine(account, gateway))))
    bad, warned = (sum(check.mark is mark for check in checks) for mark in (Mark.BAD, Mark.WARNING))
    if raw:
        out.file.write(as_json([asdict(check) for check in checks]) + "\n")
    else:
        for check in checks:
            _print(out.print, check)
        well = "All well." if not bad and not warned else f"{bad} to mend, {warned} to look at."
        out.print(Text(well, "bold green" if not bad and not warned else "bold"))
    if bad:
        raise typer.Exit(1)


def _print(write: Callable[..., None], check: Check) -> None:
    sign, style = _LOOKS[check.mark]
    what = f"{check.account} {check.what}" if check.account else check.what
    write(Text.assemble((f"{sign} ", style), (f"{what:<24} ", "bold"), check.words), soft_wrap=True)
    if check.hint:
        write(Text(f"  {check.hint}", "dim"), soft_wrap=True)


def _examine(account: str | None, gateway: str) -> Iterator[Check]:
    import sigma
    from sigma.desk.state import place_checks

    try:
        opened = sigma.open(source="CLI")
    except SigmaError as error:
        yield from place_checks()
        yield Check(Mark.BAD, "installation", error.message, error.hint)
    else:
        with opened as mine:
            yield from _inside(mine, account)
    yield _gateway(gateway)


def _with_address(checks: list[Check]) -> list[Check]:
    """Return checks with the rule for addresses, unless an account's own check tells it."""
    told = any(check.what == "static IP" for check in checks)
    return checks if told else [*checks, Check(Mark.NOTE, "static IP", STATIC_IP)]


def _inside(mine: Desk, account: str | None) -> Iterator[Check]:
    """Ask the brokers first: what they answer is stored, and then all checks know it."""
    names = [account] if account else [str(row["name"]) for row in tables.rows(mine.accounts.table())]
    asked = [check for name in names for check in mine.ask(name)]
    yield from asked
    known = {(check.what, check.account) for check in asked}
    for check in mine.checks():
        if (check.what, check.account) not in known and (account is None or check.account in (None, account)):
            yield check


def _gateway(address: str) -> Check:
    """Ask the gateway itself whether it is well; its sign of life says only that it runs."""
    try:
        answer = httpx.get(f"{address}/health", timeout=3, trust_env=False)
        body: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        words = f"does not answer at {address} ({type(error).__name__})."
        return Check(Mark.WARNING, "webhook", words, "Start it: `sigma up`, or name it: --gateway.")
    mark = Mark.GOOD if answer.status_code == 200 else Mark.BAD
    return Check(mark, "webhook", f"{body.get('status')} at {address}, environment {body.get('environment')}")


def register(root: typer.Typer) -> None:
    """Add the command to `root`."""
    root.command(rich_help_panel="Run")(doctor)
