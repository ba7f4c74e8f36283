"""What a person sees of the demo: a live screen in a terminal, lines where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from sigma.cli import tables, texts
from sigma.cli.demo.stage import ACCOUNTS, Stage, clock_line
from sigma.cli.table import Column, Row, build

CHROME_LINES = 18
FEWEST_ROWS = 3


def short(path: Path) -> str:
    """Return a path with the home folder as a tilde."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def instructions(stage: Stage, waiting: list[dict[str, Any]]) -> list[Text]:
    """Return what to type in another terminal: the first line once, the second for each order."""
    first, second = ACCOUNTS
    number = waiting[0]["id"] if waiting else "ID"
    return [
        Text.assemble(("In another terminal, once:   ", "dim"), (f". {short(stage.home.folder / 'env')}", "bold cyan")),
        Text.assemble(
            ("to approve one:              ", "dim"),
            (f"sigma approve {number} --account {first}", "bold cyan"),
            ("   or ", "dim"),
            (second, "cyan"),
        ),
        Text.assemble(("to look around:              ", "dim"), ("sigma orders   sigma holdings angel   sigma doctor", "cyan")),
    ]


def picture(stage: Stage, console: Console, note: str) -> RenderableType:
    """Return the screen of this moment."""
    now, desk = stage.now(), stage.desk
    waiting = tables.rows(desk.orders.queue())
    orders = [row for row in tables.rows(desk.orders.table(limit=50)) if row["status"] != "WAITING"]
    fills = tables.rows(desk.orders.fills())[::-1]
    room = max(FEWEST_ROWS, (console.height - CHROME_LINES) // 3)
    head = Text.assemble(
        ("SigmaTrader demo  ", "bold"),
        clock_line(now),
        "\nOpen ",
        (stage.app_url, "bold cyan"),
        (f"   webhook {stage.url}/webhook/tradingview   ", "dim"),
        (note, "dim"),
    )
    parts: list[RenderableType] = [
        Panel(head, expand=True),
        _part("Queue", "nothing waits", waiting, tables.queue(now), room, console.width),
        _part("Orders", "none sent yet: approve one", orders, tables.orders(now), room, console.width),
        _part("Fills", "none yet", fills, tables.fills(now), room, console.width),
        *instructions(stage, waiting),
        Text("Ctrl-C ends everything.", "dim"),
    ]
    return Group(*parts)


def _part(title: str, empty: str, rows: list[dict[str, Any]], columns: list[Column], room: int, width: int) -> RenderableType:
    if not rows:
        return Text.assemble((f" {title}: ", "bold"), (empty, "dim"))
    more = f"{len(rows) - room} more" if len(rows) > room else ""
    return build(rows[:room], columns, width=width, title=f"{title} ({len(rows)})", note=more, tell=False)


class Lines:
    """Says in lines what changed since it last looked; what is there when it is made is known."""

    def __init__(self, stage: Stage) -> None:
        self._orders: dict[int, tuple[object, object]] = {}
        for _ in self.changes(stage):
            continue

    def changes(self, stage: Stage) -> Iterator[str]:
        """Yield one line for each order that is new or went on."""
        now = stage.now()
        for row in reversed(tables.rows(stage.desk.orders.table(limit=100))):
            state = (row["status"], row["filled_quantity"])
            if self._orders.get(row["id"]) != state:
                self._orders[row["id"]] = state
                yield order_line(row, now)


def order_line(row: Row, now: datetime) -> str:
    """Return one order as a line of a log."""
    wish = f"{row['side']} {row['quantity']} {row['listing']}"
    filled = f" {row['filled_quantity']}/{row['quantity']}" if row["filled_quantity"] else ""
    average = f" at {texts.price(row['average_price']).plain}" if row["average_price"] else ""
    where = f" on {row['account']}" if row["account"] else ""
    words = texts.word(row["broker_reason"]) or texts.word(row["risk_note"])
    chip = texts.chip(row["status"]).plain
    said = f" ({words})" if words else ""
    return f"{texts.when(now, now).plain} order {row['id']}: {wish}{where}: {chip}{filled}{average}{said}"
