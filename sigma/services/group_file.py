"""Groups as CSV and JSON files. Which column of a CSV file is which is the person's choice; known headings are recognised."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sigma.domain.errors import InvalidInput
from sigma.domain.groups import MOST_MEMBERS, Group
from sigma.domain.money import decimal_from, to_float

SYMBOL, EXCHANGE, WEIGHT, QUANTITY, NOTE = FIELDS = ("symbol", "exchange", "weight", "quantity", "note")
HEADINGS: Mapping[str, tuple[str, ...]] = {
    SYMBOL: ("symbol", "listing", "tradingsymbol", "trading symbol", "ticker", "scrip", "stock", "instrument", "stock symbol"),
    EXCHANGE: ("exchange", "exch", "segment", "market"),
    WEIGHT: ("weight", "weight %", "weight (%)", "weightage", "weightage %", "weightage (%)", "allocation", "allocation %"),
    QUANTITY: ("quantity", "qty", "qty.", "units", "shares"),
    NOTE: ("note", "notes", "remark", "remarks", "comment", "comments"),
}
MOST_CHARACTERS = 1_000_000
MOST_ROWS = 5 * MOST_MEMBERS
DELIMITERS = (",", ";", "\t")
_NUMBER = re.compile(r"[+-]?(\d+|\d{1,3}(,\d{2,3})*,\d{3})(\.\d+)?")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""What a spreadsheet would take for a formula; an apostrophe before it says that it is none."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row of a file: its line (from 1), and what stands in the columns that were mapped, by our field."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FileRows:
    """A file: its headings, which of them is which field, and its rows."""

    headings: tuple[str, ...]
    columns: Mapping[str, str]
    rows: tuple[FileRow, ...]


def headings(text: str) -> tuple[str, ...]:
    """Return the headings of a CSV file (commas, semicolons or tabs), in order.

    Raises
    ------
    InvalidInput
        It is empty, too long, or no such file; or two headings are the same.
    """
    table = _table(text)
    found = tuple(cell.strip() for cell in table[0][1])
    named = [name.casefold() for name in found if name]
    if len(set(named)) < len(named):
        raise InvalidInput("Two columns have the same heading.", hint="Name each column differently.")
    return found


def guess(found: Sequence[str]) -> dict[str, str]:
    """Return which heading is which of our fields, as far as it can be told."""
    return {
        field: heading
        for field, known in HEADINGS.items()
        for heading in [next((one for name in known for one in found if one.casefold() == name), "")]
        if heading
    }


def read(text: str, columns: Mapping[str, str] | None = None) -> FileRows:
    """Return a file's rows by our fields.

    Parameters
    ----------
    columns : mapping
        Heading by field (symbol, exchange, weight, quantity, note); None: as far as headings are recognised.

    Raises
    ------
    InvalidInput
        It is no such file, a column named is not in it, or nothing says which column is the symbol.
    """
    found = headings(text)
    chosen = guess(found) if columns is None else {field: heading for field, heading in columns.items() if heading}
    for field, heading in chosen.items():
        if field not in FIELDS:
            raise InvalidInput(f"{field!r} is no field of a group.", hint=f"Fields: {', '.join(FIELDS)}.")
        if heading not in found:
            raise InvalidInput(f"The file has no column {heading!r}.", hint=f"It has {', '.join(found)}.")
    if SYMBOL not in chosen:
        raise InvalidInput("Which column holds the symbol?", hint=f"The file has {', '.join(found)}.")
    places = {field: found.index(heading) for field, heading in chosen.items()}
    rows = []
    for line, cells in _table(text)[1:]:
        mapped = {field: cells[place].strip() if place < len(cells) else "" for field, place in places.items()}
        if any(mapped.values()):
            rows.append(FileRow(line, mapped))
    if len(rows) > MOST_ROWS:
        raise InvalidInput(f"The file has {len(rows):,} rows.", hint=f"At most {MOST_ROWS:,}.")
    return FileRows(found, chosen, tuple(rows))


def number(text: str, what: str) -> Decimal | None:
    """Return a number as people write it (``1,250``, ``12.5%``); None for an empty cell.

    Raises
    ------
    InvalidInput
        It is none.
    """
    plain = text.strip().removesuffix("%").strip()
    if not plain:
        return None
    if not _NUMBER.fullmatch(plain):
        raise InvalidInput(f"{text!r} is no {what}.", hint="Write it with a point: 12.5.")
    return decimal_from(plain)


def units(text: str) -> int | None:
    """Return whole units; None for an empty cell.

    Raises
    ------
    InvalidInput
        It is no whole number.
    """
    found = number(text, "quantity")
    if found is not None and found != int(found):
        raise InvalidInput(f"{text!r} is no quantity.", hint="Units are whole.")
    return None if found is None else int(found)


def note(text: str) -> str:
    """Return a note as it was before `as_csv` guarded it."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def as_csv(group: Group) -> str:
    """Return a group as a CSV file that `read` reads; a note that a spreadsheet would run begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(FIELDS)
    for member in group.members:
        exchange, _, symbol = member.listing.partition(":")
        guarded = f"'{member.note}" if _FORMULA.match(member.note) else member.note
        weight = "" if member.weight is None else f"{member.weight.normalize():f}"
        writer.writerow([symbol, exchange, weight, "" if member.quantity is None else member.quantity, guarded])
    return out.getvalue()


def as_json(group: Group) -> str:
    """Return a group as JSON: name, description, created_at (UTC), members with listing, weight (percent), quantity, note."""
    members = [
        {
            "listing": member.listing,
            "weight": None if member.weight is None else to_float(member.weight),
            "quantity": member.quantity,
            "note": member.note,
        }
        for member in group.members
    ]
    whole = {
        "name": group.name,
        "description": group.description,
        "created_at": group.created_at.isoformat(),
        "members": members,
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _table(text: str) -> list[tuple[int, list[str]]]:
    """Return the lines that hold anything, each with its number and cells; the first is the headings."""
    if len(text) > MOST_CHARACTERS:
        raise InvalidInput(f"The file is longer than {MOST_CHARACTERS:,} characters.", hint="Import it in parts.")
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    first = next((line for line in plain.split("\n") if line.strip()), "")
    if "\0" in plain or not first:
        raise InvalidInput("This is no CSV file.", hint="Its first line names the columns.")
    reader = csv.reader(io.StringIO(plain), delimiter=max(DELIMITERS, key=first.count), strict=True)
    table: list[tuple[int, list[str]]] = []
    try:
        begin = 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                table.append((begin, cells))
            begin = reader.line_num + 1
    except csv.Error as error:
        raise InvalidInput(f"Line {reader.line_num} is no line of a CSV file: {error}.", hint="Look at its quotes.") from None
    return table
