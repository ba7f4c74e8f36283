"""What commands share: the desk, the consoles, and the ways to ask a person."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from sigma.domain.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from sigma.desk import Desk

WIDTH_WITHOUT_TERMINAL = 160

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Account = Annotated[str | None, typer.Option("--account", "-a", help="Name of an account (`sigma accounts` lists them).")]


@contextmanager
def desk() -> Iterator[Desk]:
    """Open the desk of SIGMA_HOME, and close it."""
    import sigma

    opened = sigma.open(source="CLI")
    try:
        yield opened
    finally:
        opened.close()


def names(opened: Desk) -> dict[int, str]:
    """Return the accounts' names by id."""
    table = opened.accounts.table()
    return {int(number): str(name) for number, name in zip(table["id"], table["name"], strict=True)}


def console(*, errors: bool = False) -> Console:
    """Return the terminal. Without one, lines are wide, so that pipes and logs get whole rows."""
    stream = sys.stderr if errors else sys.stdout
    width = None if stream.isatty() or os.environ.get("COLUMNS") else WIDTH_WITHOUT_TERMINAL
    return Console(stderr=errors, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


def say(text: str | Text) -> None:
    """Print a line."""
    console().print(text, soft_wrap=True)


def complain(message: str, hint: str = "") -> None:
    """Print what went wrong and what to do next."""
    err = console(errors=True)
    err.print(Text.assemble(("✕ ", "bold red"), message), soft_wrap=True)
    if hint:
        err.print(Text(f"  {hint}", "dim"), soft_wrap=True)


def read_text(file: str) -> str:
    """Return the text of a file; ``-`` is standard input.

    Raises
    ------
    InvalidInput
        It is no text.
    """
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{file} is no text file.", hint="Save it as CSV, UTF-8.") from None


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be taken back.

    Raises
    ------
    Conflict
        The person said no, or there is nobody to ask.
    """
    if yes:
        return
    sys.stdout.write(f"{question} [y/N] ")
    sys.stdout.flush()
    answer = sys.stdin.readline() if sys.stdin is not None else ""
    if not answer:
        sys.stdout.write("\n")
        raise Conflict("Nothing was done: nobody is there to say yes.", hint="Add --yes.", code="NOT_CONFIRMED")
    if answer.strip().lower() not in ("y", "yes"):
        raise Conflict("Nothing was done.", code="NOT_CONFIRMED")


def ask_secret(label: str) -> str:
    """Read one line without showing it; from standard input as it is when that is no terminal."""
    if sys.stdin is not None and sys.stdin.isatty():
        return getpass.getpass(f"{label} (hidden): ").strip()
    return (sys.stdin.readline() if sys.stdin is not None else "").strip()


def credentials(fields: Sequence[str], given: Sequence[str], *, ask: bool = True) -> dict[str, str]:
    """Return what was entered for each field: from KEY=VALUE arguments, else SIGMA_CREDENTIAL_<FIELD>, else asked for, hidden.

    Fields left empty are absent.

    Raises
    ------
    InvalidInput
        An argument is not KEY=VALUE.
    """
    entered: dict[str, str] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise InvalidInput("A credential is given as KEY=VALUE.", hint=f"KEY is one of {', '.join(fields) or 'none'}.")
        entered[key.strip()] = value
    for field in fields:
        if field not in entered:
            value = os.environ.get(f"SIGMA_CREDENTIAL_{field.upper()}", "")
            entered[field] = value or (ask_secret(field.replace("_", " ")) if ask else "")
    return {key: value for key, value in entered.items() if value}
