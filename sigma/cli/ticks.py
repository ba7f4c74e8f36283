"""`sigma ticks …`: recorded ticks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer
from rich.text import Text

from sigma.cli import tables
from sigma.cli.state import Json, console, desk, say
from sigma.cli.table import of, show
from sigma.domain.errors import InvalidInput
from sigma.domain.market import Quote
from sigma.domain.times import to_ist

app = typer.Typer(help="Recorded ticks: which days there are, and playing one again.", no_args_is_help=True)
COLUMNS = (of("Day", "day"), of("Account", "account"), of("Ticks", "ticks", right=True), of("MB", "size_mb", right=True))


@app.command("list")
def list_days(raw: Json = False) -> None:
    """Days recorded (`sigma settings set market.record_ticks on` begins)."""
    with desk() as opened:
        show(console(), tables.rows(opened.ticks.days()), COLUMNS, empty="No ticks are recorded.", raw=raw)


@app.command()
def replay(
    day: Annotated[str, typer.Argument(help="The day, for example 2026-11-20.")],
    account: Annotated[str | None, typer.Option("--account", help="Whose feed (default: your source of market data).")] = None,
    speed: Annotated[float, typer.Option("--speed", min=0, help="10: ten times as fast; 0: without a pause.")] = 1.0,
) -> None:
    """Play a day's ticks again, one line each."""

    def tell(quotes: Mapping[str, Quote]) -> None:
        for listing, quote in quotes.items():
            console().print(f"{to_ist(quote.at):%H:%M:%S}  {listing:<24} {quote.last_price:>12}", highlight=False)

    with desk() as opened:
        try:
            played = opened.ticks.replay(day, tell, account=account, speed=speed)
        except ValueError as error:
            raise InvalidInput(f"{day!r} is no day: {error}", hint="Write it as 2026-11-20.") from error
    say(Text(f"{played:,} ticks.", "dim"))


def register(root: typer.Typer) -> None:
    """Add these commands to `root`."""
    root.add_typer(app, name="ticks", rich_help_panel="Signals and instruments")
