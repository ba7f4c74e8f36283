"""Tables that fit the terminal: what matters least leaves first when it is narrow, and the caption says so."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sigma.cli import texts

Row = Mapping[str, Any]
WIDEST_CELL = 60
NARROWEST_FOLD = 16
EMPTY = ("", texts.MISSING)
BETWEEN = 2
"""Characters that rich puts between two columns of this box."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Parameters
    ----------
    cell : callable
        Makes the cell from a whole row.
    right : bool
        Numbers are aligned to the right.
    rank : int
        0 always stays; of the others the highest leaves first when the terminal is narrow, and one without any value is
        not drawn at all.
    fold : bool
        A text that may take several lines rather than leave.
    """

    header: str
    cell: Callable[[Row], Text]
    right: bool = False
    rank: int = 0
    fold: bool = False


def of(header: str, key: str, read: Callable[[object], Text] = texts.plain, **more: Any) -> Column:
    """Return a column that shows one value of the row."""
    return Column(header, lambda row: read(row.get(key)), **more)


def build(
    rows: Sequence[Row], columns: Sequence[Column], *, width: int, title: str = "", note: str = "", tell: bool = True
) -> Table:
    """Return the table of `rows` with the columns that fit into `width` characters; `tell` names those that do not."""
    cells = {column: [column.cell(row) for row in rows] for column in columns}
    widths = {column: _width(column, cells[column]) for column in columns}
    telling = [column for column in columns if not column.rank or any(cell.plain not in EMPTY for cell in cells[column])]
    shown = _fitting(telling, widths, width)
    hidden = [column.header for column in telling if column not in shown]
    left_out = f"not shown: {', '.join(hidden)} (wider terminal, or --json)" if hidden and tell else ""
    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        title=title or None,
        title_justify="left",
        caption_justify="left",
    )
    table.caption = "; ".join(filter(None, (note, left_out))) or None
    cramped = _total(shown, widths) > width
    for column in shown:
        table.add_column(
            column.header,
            justify="right" if column.right else "left",
            no_wrap=not (column.fold or cramped),
            overflow="fold",
            min_width=2,
            max_width=None if column.fold else WIDEST_CELL,
        )
    for index in range(len(rows)):
        table.add_row(*(cells[column][index] for column in shown))
    return table


def _width(column: Column, cells: Sequence[Text]) -> int:
    longest = max((cell_len(cell.plain) for cell in cells), default=0)
    return max(cell_len(column.header), min(longest, NARROWEST_FOLD if column.fold else WIDEST_CELL))


def _fitting(columns: Sequence[Column], widths: Mapping[Column, int], width: int) -> list[Column]:
    """Drop the highest ranks, rightmost first, until the rest fits."""
    shown = list(columns)
    while _total(shown, widths) > width:
        droppable = [column for column in shown if column.rank]
        if not droppable:
            break
        worst = max(column.rank for column in droppable)
        shown.remove([column for column in droppable if column.rank == worst][-1])
    return shown


def _total(columns: Sequence[Column], widths: Mapping[Column, int]) -> int:
    return sum(widths[column] + BETWEEN for column in columns) - BETWEEN


def as_json(value: object) -> str:
    """Return rows (or a value) as JSON: amounts as text, moments as ISO in UTC, missing as null."""
    return json.dumps(_plain(value), indent=2, ensure_ascii=False)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if value is None or value != value:
        return None
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bool | int | float | str):
        return value
    item = getattr(value, "item", None)  # numpy's scalars
    return _plain(item()) if callable(item) else str(value)


def show(
    console: Console,
    rows: Sequence[Row],
    columns: Sequence[Column],
    *,
    empty: str,
    note: str = "",
    raw: bool = False,
) -> None:
    """Print rows as a table, as JSON when `raw`, or the sentence `empty` when there are none."""
    if raw:
        console.file.write(as_json([dict(row) for row in rows]) + "\n")
    elif rows:
        console.print(build(rows, columns, width=console.width, note=note))
    else:
        console.print(Text(empty))
