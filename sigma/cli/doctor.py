"""`sigma doctor`: a read-only look at everything that must be right before orders go out."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import httpx
import typer
from rich.text import Text

from sigma.cli import tables, texts
from sigma.cli.processes import GATEWAY_PORT, LOOPBACK
from sigma.cli.state import Account, Json, console, desk
from sigma.cli.table import as_json
from sigma.domain.accounts import SessionState, TradingMode
from sigma.domain.errors import SigmaError

if TYPE_CHECKING:
    from sigma.bootstrap import House
    from sigma.desk import Desk

PRIVATE = 0o077
LITTLE_BYTES, TOO_LITTLE_BYTES = 2_000_000_000, 200_000_000
SILENT_BEATS = 5.0
STATIC_IP = (
    "Brokers take orders only from the static IP address that is registered with them. Register this machine's outgoing "
    "address on the broker's developer page; sending from elsewhere is refused."
)


class Mark(StrEnum):
    """How a check came out."""

    GOOD = "good"
    NOTE = "note"
    WARNING = "warning"
    BAD = "bad"


_LOOKS = {Mark.GOOD: ("●", "green"), Mark.NOTE: ("i", "blue"), Mark.WARNING: ("!", "yellow"), Mark.BAD: ("✕", "bold red")}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    mark: Mark
    what: str
    words: str
    hint: str = ""


def doctor(
    account: Account = None,
    gateway: Annotated[
        str, typer.Option(envvar="SIGMA_GATEWAY", help="Address of the webhook gateway.")
    ] = f"http://{LOOPBACK}:{GATEWAY_PORT}",
    raw: Json = False,
) -> None:
    """Check home, key, databases, processes and each account's login at its broker. Changes and sends nothing."""
    findings: list[Finding] = []
    out = console()
    for finding in _examine(account, gateway):
        findings.append(finding)
        if not raw:
            _print(out.print, finding)
    if raw:
        out.file.write(as_json([asdict(finding) for finding in findings]) + "\n")
    bad = [finding for finding in findings if finding.mark is Mark.BAD]
    warned = [finding for finding in findings if finding.mark is Mark.WARNING]
    if not raw:
        well = "All well." if not bad and not warned else f"{len(bad)} to mend, {len(warned)} to look at."
        out.print(Text(well, "bold green" if not bad and not warned else "bold"))
    if bad:
        raise typer.Exit(1)


def _print(write: Callable[..., None], finding: Finding) -> None:
    sign, style = _LOOKS[finding.mark]
    write(Text.assemble((f"{sign} ", style), (f"{finding.what:<20} ", "bold"), finding.words), soft_wrap=True)
    if finding.hint:
        write(Text(f"  {finding.hint}", "dim"), soft_wrap=True)


def _examine(account: str | None, gateway: str) -> Iterator[Finding]:
    from sigma.bootstrap import home_folder, open_house

    home = home_folder()
    yield from _home(home)
    try:
        opened = open_house(home)
    except SigmaError as error:
        yield Finding(Mark.BAD, "installation", error.message, error.hint)
        return
    try:
        with desk() as mine:
            where = "PostgreSQL" if os.environ.get("SIGMA_DATABASE_URL") else f"SQLite in {home}"
            yield Finding(Mark.GOOD, "databases", f"current ({where})")
            yield from _switches(mine)
            yield from _orders(mine)
            yield from _processes(mine, gateway)
            for row in tables.rows(mine.accounts.table()):
                if account in (None, row["name"]):
                    yield from _account(mine, opened, row)
            if account is not None:
                mine.accounts.status(account)  # an unknown name is said here
    finally:
        opened.close()
    yield Finding(Mark.NOTE, "static IP", STATIC_IP)


def _home(home: Path) -> Iterator[Finding]:
    if not home.is_dir():
        yield Finding(Mark.BAD, "home", f"{home} does not exist.", "`sigma db upgrade` makes it.")
        return
    yield _private("home", home)
    if os.environ.get("SIGMA_KEY"):
        yield Finding(Mark.GOOD, "key", "from SIGMA_KEY")
    elif (home / "key").exists():
        yield _private("key", home / "key")
    else:
        yield Finding(Mark.BAD, "key", f"{home / 'key'} is missing.", "`sigma db upgrade` makes one for a new installation.")
    free = shutil.disk_usage(home).free
    mark = Mark.GOOD if free > LITTLE_BYTES else Mark.WARNING if free > TOO_LITTLE_BYTES else Mark.BAD
    hint = "" if mark is Mark.GOOD else "A full disk stops sending: nothing goes out that cannot be recorded."
    yield Finding(mark, "disk", f"{free / 1e9:.1f} GB free", hint)


def _private(what: str, path: Path) -> Finding:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & PRIVATE:
        return Finding(Mark.BAD, what, f"{path} can be read by others (mode {mode:04o}).", f"chmod go= {path}")
    return Finding(Mark.GOOD, what, f"{path} (mode {mode:04o})")


def _switches(mine: Desk) -> Iterator[Finding]:
    if mine.signals.has_secret():
        yield Finding(Mark.GOOD, "webhook secret", "is set")
    else:
        yield Finding(Mark.WARNING, "webhook secret", "is not set: no alert is taken.", "`sigma webhook secret --rotate`")
    warning = mine.instruments.warning()
    yield Finding(Mark.WARNING if warning else Mark.GOOD, "instruments", warning or "downloaded and young enough")
    for kill in mine.risk.kills():
        yield Finding(Mark.WARNING, "kill switch", f"is ON: {kill.reason}", "`sigma kill off --reason …` allows orders again.")


def _orders(mine: Desk) -> Iterator[Finding]:
    unknown = tables.rows(mine.orders.table(status="UNKNOWN"))
    for row in unknown:
        words = f"order {row['id']} ({row['side']} {row['quantity']} {row['listing']} on {row['account']}): outcome unknown"
        hint = f"`sigma orders resolve {row['id']}`" if row["unsettled"] else "It is being looked for in the broker's book."
        yield Finding(Mark.BAD if row["unsettled"] else Mark.WARNING, "order", words, hint)


def _processes(mine: Desk, gateway: str) -> Iterator[Finding]:
    beats = {row["process"]: row for row in tables.rows(mine.health())}
    oldest = SILENT_BEATS * float(mine.settings.get("worker.heartbeat"))
    beat = beats.get("worker")
    if beat is None:
        yield Finding(Mark.BAD, "worker", "has never run here: nothing is sent.", "Start it: `sigma up`.")
    elif beat["age_s"] > oldest:
        yield Finding(
            Mark.BAD,
            "worker",
            f"gave its last sign of life {texts.age(beat['age_s'])} ago: nothing is sent.",
            "Start it: `sigma up`.",
        )
    else:
        yield Finding(Mark.GOOD, "worker", f"alive {texts.age(beat['age_s'])} ago (pid {beat['pid']})")
        stopped = str((beat["detail"] or {}).get("stopped") or "")
        if stopped:
            yield Finding(Mark.BAD, "worker", f"sends nothing for: {stopped}", "Restart it once the cause is mended.")
    yield _gateway(gateway)


def _gateway(address: str) -> Finding:
    try:
        answer = httpx.get(f"{address}/health", timeout=3, trust_env=False)
        body: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        words = f"does not answer at {address} ({type(error).__name__})."
        return Finding(Mark.WARNING, "gateway", words, "Start it: `sigma up`, or name it: --gateway.")
    mark = Mark.GOOD if answer.status_code == 200 else Mark.BAD
    return Finding(mark, "gateway", f"{body.get('status')} at {address}, environment {body.get('environment')}")


def _account(mine: Desk, house: House, row: dict[str, Any]) -> Iterator[Finding]:
    name = str(row["name"])
    status = mine.accounts.status(name, refresh=True)
    if status.state is SessionState.CONNECTED:
        until = texts.when(status.expires_at, mine.now()).plain
        yield Finding(Mark.GOOD, name, f"connected as {status.client_id} ({status.user_name}), until {until} IST")
        yield _skew(mine, house, int(row["id"]), name)
    else:
        words = f"{status.state.value}{f': {status.error}' if status.error else ''}"
        mark = Mark.WARNING if status.state is SessionState.NEVER else Mark.BAD
        yield Finding(mark, name, words, f"`sigma login {name}`")
    if row["frozen_reason"]:
        yield Finding(Mark.BAD, name, f"is frozen: {row['frozen_reason']}", f"`sigma accounts release {name} --reason …`")
    if row["trading_mode"] != TradingMode.NORMAL:
        hint = f"`sigma accounts update {name} --mode NORMAL`"
        yield Finding(Mark.WARNING, name, f"trading mode is {row['trading_mode']}", hint)


def _skew(mine: Desk, house: House, account_id: int, name: str) -> Finding:
    """Compare our clock with the broker's `Date`, which is exact to a second."""
    try:
        book = house.connections.read(account_id, "order_book", lambda broker: broker.order_book())
    except SigmaError as error:
        return Finding(Mark.BAD, name, f"its order book cannot be read: {error.message}", error.hint)
    if book.server_time is None:
        return Finding(Mark.NOTE, name, "the broker did not say what time it is")
    off = (book.answered_at - book.server_time).total_seconds()
    most = float(mine.settings.get("orders.max_clock_skew"))
    words = f"order book read ({len(book.rows)} orders); our clock is {'ahead' if off > 0 else 'behind'} by {abs(off):.0f} s"
    if abs(off) > most:
        return Finding(Mark.BAD, name, words, f"Beyond {most:g} s nothing is sent: let the machine follow a time server (NTP).")
    return Finding(Mark.GOOD, name, words)


def register(root: typer.Typer) -> None:
    """Add the command to `root`."""
    root.command(rich_help_panel="Run")(doctor)
