"""`sigma db …`, `sigma backup`, `sigma restore`: the databases themselves."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from sigma.cli.state import Yes, confirm, say
from sigma.domain.errors import SigmaError

app = typer.Typer(help="Make, upgrade and inspect the databases.", no_args_is_help=True)


class Which(StrEnum):
    """The two databases."""

    SIGMA = "sigma"
    MARKET = "market"


@app.command()
def upgrade() -> None:
    """Make the installation, or bring it up to date; the first time it makes the owner and shows the webhook secret."""
    from sigma.bootstrap import prepare

    made = prepare()
    say(f"The installation in {made.home} is up to date.")
    if made.webhook_secret is not None:
        say("The webhook secret for your TradingView alerts (it is not shown again):")
        say(f"  {made.webhook_secret}")
        say(Text("  Next: `sigma up`, then open the address it prints and choose the owner's password", "dim"))


@app.command()
def downgrade(
    database: Annotated[Which, typer.Argument(help="Which of the two.")],
    revision: Annotated[str, typer.Argument(help="Target revision, `base` for nothing; see `sigma db status`.")],
    yes: Yes = False,
) -> None:
    """Bring one database back to an older schema; what only newer ones keep is lost. Stop everything first."""
    from sigma import bootstrap

    confirm(f"Bring the database {database.value} back to {revision}? Make a backup first (`sigma backup FILE`).", yes=yes)
    bootstrap.downgrade(database=database.value, revision=revision)
    say(f"The database {database.value} is at {revision}.")


@app.command()
def status() -> None:
    """Say where the databases are and whether their schemas are current; exit code 1 when they are not."""
    from sigma import bootstrap

    found = bootstrap.database_status()
    say(f"Home: {found.home}")
    for name, revision, newest in found.revisions:
        words = "current" if revision == newest else "not made yet" if revision is None else f"needs {newest}"
        say(Text.assemble(f"  {name:<8}{revision or '—':<16}", (words, "green" if revision == newest else "yellow")))
    if not found.current:
        say(Text("  `sigma db upgrade` brings them up to date.", "dim"))
        raise typer.Exit(1)


@app.command("erase-credentials")
def erase_credentials(yes: Yes = False) -> None:
    """Erase credentials and logins whose key is lost for good; accounts, orders and fills stay. Stop everything first."""
    from sigma import bootstrap

    confirm("Erase all stored credentials and logins? They must be entered anew.", yes=yes)
    erased = bootstrap.erase_unreadable_credentials()
    say(f"Erased: {erased}. Nothing of the accounts themselves was changed.")
    say(Text("  Next: enter each account's anew with `sigma accounts update NAME --credentials`, then `sigma login NAME`", "dim"))


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="ZIP file to write; it is written in one step.")],
    with_key: Annotated[
        bool, typer.Option("--with-key", help="Put the key in: whoever gets the file can then read your credentials.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Copy the databases into one file, while everything goes on running."""
    from sigma import bootstrap

    if file.exists():
        confirm(f"Replace {file}?", yes=yes)
    written = bootstrap.backup(file.expanduser().absolute(), with_key=with_key)
    say(f"Written: {written} ({written.stat().st_size / 1e6:.1f} MB).")
    if not with_key:
        say(Text("  The key is not in it. Keep a copy of it elsewhere: without it the credentials cannot be read.", "dim"))


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `sigma backup` wrote.", exists=True, dir_okay=False)],
    replace: Annotated[bool, typer.Option("--replace", help="Move the installation that is there aside.")] = False,
    yes: Yes = False,
) -> None:
    """Put a backup in place. Stop everything first; nothing is sent before the brokers' books have been compared."""
    from sigma import bootstrap

    confirm(f"Put {file} in place{' of the installation that is there (it is moved aside)' if replace else ''}?", yes=yes)
    report = bootstrap.restore(file.expanduser().absolute(), replace=replace)
    say(f"Restored. {report.calmed.orders_waiting} approved orders wait for approval again.")
    if report.calmed.orders_unknown:
        say(f"  {report.calmed.orders_unknown} orders that were at work are of unknown outcome until their books are read.")
    if report.kept is not None:
        say(f"  What was there before is in {report.kept}.")
    try:
        bootstrap.open_house().close()  # says so when the key is another one's or missing
    except SigmaError as error:
        say(Text(f"  {error}", "yellow"))


def register(root: typer.Typer) -> None:
    """Add these commands to `root`."""
    panel = "Installation"
    root.add_typer(app, name="db", rich_help_panel=panel)
    root.command(rich_help_panel=panel)(backup)
    root.command(rich_help_panel=panel)(restore)
