"""`sigma user …`: the owner's password, for when nobody can sign in."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer

from sigma.cli.state import say
from sigma.domain.errors import InvalidInput
from sigma.domain.people import require_good_password

app = typer.Typer(help="Who may sign in to the pages.", no_args_is_help=True)


@app.callback()
def user() -> None:
    """Who may sign in to the pages."""


@app.command()
def password(
    stdin: Annotated[bool, typer.Option("--stdin", help="Read it as one line from standard input.")] = False,
) -> None:
    """Set the owner's password; every browser that is signed in is signed out."""
    import sigma

    chosen = sys.stdin.readline().rstrip("\r\n") if stdin else _asked()
    require_good_password(chosen)
    with sigma.entrance(process="") as entrance:
        ended = entrance.set_owner_password(chosen)
    say(f"The owner's password is set. Signed out: {ended}.")


def _asked() -> str:
    """Read the new password twice, hidden.

    Raises
    ------
    InvalidInput
        There is no terminal to ask at, or the two differ.
    """
    if sys.stdin is None or not sys.stdin.isatty():
        raise InvalidInput("There is no terminal to type a password at.", hint="Pass it by standard input: --stdin.")
    first = getpass.getpass("New password (hidden): ")
    require_good_password(first)
    if getpass.getpass("The same again (hidden): ") != first:
        raise InvalidInput("The two passwords differ.", hint="Nothing was changed; try again.")
    return first


def register(root: typer.Typer) -> None:
    """Add these commands to `root`."""
    root.add_typer(app, name="user", rich_help_panel="Risk and settings")
