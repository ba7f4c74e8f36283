"""`sigma orders margin` and `sigma orders basket`: several orders from a file, looked at together and placed one by one."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.text import Text

from sigma.cli import orders, tables, texts
from sigma.cli.state import Json, Yes, confirm, console, desk, read_text, say
from sigma.cli.table import Column, of, show
from sigma.domain.errors import InvalidOrder
from sigma.domain.show import rupees, when

File = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="CSV with the columns listing, side, quantity, and where they differ from MARKET, MIS and DAY: order_type, product, "
        "price, trigger_price, validity, variety, disclosed_quantity. - is standard input.",
    ),
]
On = Annotated[str, typer.Option("--account", "-a", help="Account that they are meant for; there is no default.")]


def margin(file: File, account: On, raw: Json = False) -> None:
    """Say what orders would hold and cost together, the positions there are considered; nothing is stored or sent."""
    rows = read_basket(file)
    with desk() as opened:
        found = tables.rows(opened.orders.margin(rows, account=account))
        if raw:
            show(console(), found, [], empty="", raw=True)
            return
        _tell(found[0], opened.now())


def basket(
    file: File,
    account: On,
    queue: Annotated[bool, typer.Option("--queue", "-q", help="Only put them into the queue; approve them later.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what the risk gate would say of each.")] = False,
    raw: Json = False,
    yes: Yes = False,
) -> None:
    """Place the orders of a file on an account one by one, bought ones first."""
    rows = read_basket(file)
    with desk() as opened:
        if not (queue or dry_run):
            if not raw:
                _tell(tables.rows(opened.orders.margin(rows, account=account))[0], opened.now())
            confirm(f"Place {len(rows)} orders on {account} now?", yes=yes)
        done = tables.rows(opened.orders.basket(rows, account=account, queue=queue, dry_run=dry_run))
        show(console(), done, _columns(), empty="", note=_note(done, queue=queue, dry_run=dry_run), raw=raw)
    if not all(row["done"] for row in done):
        raise typer.Exit(1)


def read_basket(file: str) -> list[dict[str, Any]]:
    """Return the rows of a CSV file by its column names.

    Raises
    ------
    InvalidOrder
        It has no rows.
    """
    rows = [dict(row) for row in csv.DictReader(io.StringIO(read_text(file)), skipinitialspace=True)]
    if not rows:
        raise InvalidOrder(f"{file} holds no orders.", hint="Its first line names the columns: listing,side,quantity, …")
    return [{str(name).strip().lower(): value for name, value in row.items()} for row in rows]


def _tell(row: dict[str, Any], now: Any) -> None:
    parts = [f"{name} {rupees(row[key])}" for name, key in _PARTS if row[key] is not None]
    told = ", ".join(parts) if row["final_total"] is not None else f"not known: {row['reason']}"
    say(Text.assemble(("Margin   ", "bold"), told))
    charges = rupees(row["charges"]) if row["charges"] is not None else f"not known: {row['charges_reason']}"
    say(Text.assemble(("Charges  ", "bold"), charges))
    if row["available"] is not None:
        short = row["final_total"] is not None and row["final_total"] > row["available"]
        words = f"Free     {rupees(row['available'])} at {when(row['available_at'], now)} IST"
        say(Text(words + (", less than the margin" if short else ""), "yellow" if short else ""))


_PARTS = (
    ("together", "final_total"),
    ("one by one", "total"),
    ("benefit", "benefit"),
    ("SPAN", "span"),
    ("exposure", "exposure"),
    ("option premium", "option_premium"),
)


def _columns() -> list[Column]:
    return [
        of("ID", "order_id", texts.quantity, right=True, rank=1),
        of("Listing", "listing"),
        of("Side", "side", texts.side),
        of("Qty", "quantity", texts.quantity, right=True),
        of("Type", "order_type", rank=4),
        of("Price ₹", "price", texts.price, right=True, rank=3),
        of("Product", "product", rank=5),
        Column("Status", _status),
        of("Why", "why", rank=2, fold=True),
    ]


def _status(row: Any) -> Text:
    if row.get("status") is not None:
        return texts.chip(row["status"])
    return Text("would go", "green") if row.get("done") else Text("stays out", "red")


def _note(done: Sequence[dict[str, Any]], *, queue: bool, dry_run: bool) -> str:
    if dry_run:
        return "nothing was stored or sent"
    return "approve: sigma approve ID --account NAME" if queue and any(row["done"] for row in done) else ""


def register(root: typer.Typer) -> None:
    """Add these commands to `sigma orders`."""
    del root
    orders.app.command()(margin)
    orders.app.command()(basket)
