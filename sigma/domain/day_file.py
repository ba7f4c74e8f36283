"""The calendar as a CSV file: ``date,exchange,session_type,open_time,close_time,notes``, lines with # are remarks."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, time

from sigma.domain.days import SessionDay, SessionKind
from sigma.domain.errors import InvalidInput
from sigma.domain.instruments import Exchange

COLUMNS = ("date", "exchange", "session_type", "open_time", "close_time", "notes")
MOST_CHARACTERS = 2_000_000
_DATE, _TIME = re.compile(r"\d{4}-\d\d-\d\d"), re.compile(r"\d{1,2}:\d\d")


@dataclass(frozen=True, slots=True)
class DayLine:
    """One line of a file: its number (from 1), and either the row it holds or what is wrong with it."""

    number: int
    text: str
    row: SessionDay | None = None
    problem: str = ""


def read_days(text: str) -> list[DayLine]:
    """Return a file line by line; a line that cannot be read says why and stops nothing.

    Raises
    ------
    InvalidInput
        The file is too long, or its first line does not name the columns.
    """
    if len(text) > MOST_CHARACTERS:
        raise InvalidInput(f"The file is longer than {MOST_CHARACTERS:,} characters.", hint="Import a year at a time.")
    lines = [
        (number, line) for number, line in enumerate(_lines(text), 1) if line.strip(", \t") and not line.lstrip().startswith("#")
    ]
    head: list[str] = []
    with suppress(csv.Error, ValueError):
        head = _cells(lines[0][1]) if lines else []
    if tuple(cell.lower() for cell in head) != COLUMNS:
        raise InvalidInput(f"The first line must be {','.join(COLUMNS)}.", hint="Download the calendar to see such a file.")
    read: list[DayLine] = []
    seen: dict[object, int] = {}
    for number, line in lines[1:]:
        one = _line(number, line)
        if one.row is not None:
            before = seen.setdefault(one.row.key, number)
            if before != number:
                one = DayLine(number, line, problem=f"Line {before} says something of this day and exchange already.")
        read.append(one)
    return read


def write_days(rows: Iterable[SessionDay]) -> str:
    """Return rows as a file that `read_days` reads back."""
    written: list[str] = []
    writer = csv.writer(_Lines(written), lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        hours = ["" if at is None else f"{at:%H:%M}" for at in (row.opens, row.closes)]
        writer.writerow([row.day.isoformat(), row.exchange.value, row.kind.value, *hours, row.notes])
    return "".join(written)


def session_day(day: str, exchange: str, kind: str, opens: str = "", closes: str = "", notes: str = "") -> SessionDay:
    """Return a row from its words; case does not matter.

    Raises
    ------
    InvalidInput
        A word is none of ours, or they do not fit together.
    """
    return SessionDay(
        _date(day), _exchange(exchange), _kind(kind), _time(opens, "open_time"), _time(closes, "close_time"), notes.strip()
    )


class _Lines:
    """What csv writes to: domain opens no file."""

    def __init__(self, written: list[str]) -> None:
        self.write = written.append


def _lines(text: str) -> Iterator[str]:
    yield from text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _cells(line: str) -> list[str]:
    """Return the cells of a line; csv.Error when it is none."""
    (cells,) = csv.reader([line], strict=True)
    return [cell.strip() for cell in cells]


def _line(number: int, line: str) -> DayLine:
    try:
        cells = _cells(line)
        if not len(COLUMNS) - 1 <= len(cells) <= len(COLUMNS):
            return DayLine(number, line, problem=f"{len(COLUMNS)} columns are wanted, it has {len(cells)}.")
        return DayLine(number, line, session_day(*cells))
    except InvalidInput as error:
        return DayLine(number, line, problem=str(error))
    except (csv.Error, ValueError) as error:
        return DayLine(number, line, problem=f"It is no line of a CSV file: {error}.")


def _date(text: str) -> date:
    with suppress(ValueError):
        if _DATE.fullmatch(text.strip()):
            return date.fromisoformat(text.strip())
    raise InvalidInput(f"{text!r} is no date.", hint="Write it as YYYY-MM-DD.")


def _time(text: str, name: str) -> time | None:
    words = text.strip()
    if not words:
        return None
    with suppress(ValueError):
        if _TIME.fullmatch(words):
            return time.fromisoformat(words.zfill(5))
    raise InvalidInput(f"{text!r} is no {name}.", hint="Write it as HH:MM on the Indian clock.")


def _exchange(text: str) -> Exchange:
    try:
        return Exchange(text.strip().upper())
    except ValueError:
        raise InvalidInput(f"{text!r} is no exchange.", hint=f"Known exchanges: {', '.join(Exchange)}.") from None


def _kind(text: str) -> SessionKind:
    try:
        return SessionKind(text.strip().upper())
    except ValueError:
        raise InvalidInput(f"{text!r} is no session_type.", hint=f"Use one of {', '.join(SessionKind)}.") from None
