"""The command's root: its groups, its common options, and how errors reach a person."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import sigma
from sigma.cli import (
    accounts,
    bars,
    baskets,
    calendar,
    data,
    doctor,
    groups,
    gtt,
    instruments,
    kill,
    orders,
    people,
    portfolio,
    processes,
    risk,
    setup,
    signals,
    strategies,
    ticks,
)
from sigma.cli.demo import command as demo
from sigma.cli.state import complain, say
from sigma.domain.errors import SigmaError


class SigmaGroup(TyperGroup):
    """Prints every error of ours as message and hint, and ends with exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except SigmaError as error:
            complain(error.message, error.hint)
        except OSError as error:
            if error.errno == errno.EPIPE or error.strerror is None:
                raise
            complain(f"{error.filename or 'This machine'}: {error.strerror}.", _what_next(error))
        raise typer.Exit(1)


def _what_next(error: OSError) -> str:
    hints = {errno.ENOSPC: "Free some disk space; nothing is lost meanwhile.", errno.EACCES: "Check who owns the folder."}
    return hints.get(error.errno or 0, "")


app = typer.Typer(
    cls=SigmaGroup,
    help="SigmaTrader: one desk for accounts at several Indian brokers. Try `sigma demo`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        say(f"sigma {sigma.__version__}")
        raise typer.Exit


@app.callback()
def root(
    home: Annotated[
        Path | None, typer.Option("--home", help="Folder of the data (default: SIGMA_HOME, else ~/.sigma).", show_default=False)
    ] = None,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """SigmaTrader: one desk for accounts at several Indian brokers. Try `sigma demo`."""
    if home is not None:
        os.environ["SIGMA_HOME"] = str(home.expanduser().absolute())


for topic in (
    demo,
    processes,
    doctor,
    orders,
    baskets,
    gtt,
    portfolio,
    accounts,
    signals,
    strategies,
    instruments,
    bars,
    ticks,
    groups,
    risk,
    kill,
    setup,
    calendar,
    people,
    data,
):
    topic.register(app)
