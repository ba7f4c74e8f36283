"""Reading the rows of a broker's lists: exact numbers, Indian times, and a bad row marked instead of a lost list."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Generic, TypeVar

from sigma.adapters.transport import Redactor
from sigma.domain.answers import BadRow
from sigma.domain.errors import BrokerUnavailable
from sigma.domain.money import ZERO, decimal_from
from sigma.domain.orders import OrderStatus
from sigma.domain.times import IST, ist
from sigma.ports.broker import InstrumentLookup

T = TypeVar("T")
_RAW_LIMIT = 2000
_MOST_DIGITS = 18
_MONTHS = {
    name: number
    for number, name in enumerate(("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"), start=1)
}


class RowError(ValueError):
    """A row cannot be read; the text says which key and why."""


class Row:
    """One JSON object of a broker's list. Every accessor names the key that is wrong in a RowError."""

    def __init__(self, data: object) -> None:
        if not isinstance(data, dict):
            raise RowError(f"is no object but {type(data).__name__}")
        self.data: Mapping[str, object] = data

    def text(self, key: str) -> str:
        """Return a text, empty when the key is missing or null."""
        value = self.data.get(key)
        if value is None:
            return ""
        if isinstance(value, bool | dict | list):
            raise RowError(f"{key} is {value!r}, not a text")
        return str(value).strip()

    def word(self, key: str) -> str:
        """Return a text that must be there."""
        if not (text := self.text(key)):
            raise RowError(f"{key} is missing")
        return text

    def maybe(self, key: str) -> Decimal | None:
        """Return a number, written as one or as text; None when the key is missing, null or empty."""
        value = self.data.get(key)
        if value is None or value == "":
            return None
        if isinstance(value, str | int | Decimal):
            try:
                number = decimal_from(value)
            except ValueError as error:
                raise RowError(f"{key}: {error}") from None
            if number.adjusted() >= _MOST_DIGITS:
                raise RowError(f"{key} is absurdly large")
            return number
        raise RowError(f"{key} is {value!r}, not a number")

    def number(self, key: str) -> Decimal:
        """Return a number that must be there."""
        if (value := self.maybe(key)) is None:
            raise RowError(f"{key} is missing")
        return value

    def positive(self, key: str) -> Decimal | None:
        """Return a number above 0, else None: both brokers write 0 (or -1) for "none"."""
        value = self.maybe(key)
        return value if value is not None and value > ZERO else None

    def whole(self, key: str) -> int:
        """Return a whole number that must be there."""
        return _whole(key, self.number(key))

    def whole_or(self, key: str, otherwise: int = 0) -> int:
        """Return a whole number, `otherwise` when it is missing."""
        value = self.maybe(key)
        return otherwise if value is None else _whole(key, value)

    def child(self, key: str) -> Row:
        """Return the object below a key; an empty one when it is missing."""
        return Row(self.data.get(key) or {})

    def items(self, key: str) -> list[object]:
        """Return the list below a key; empty when it is missing."""
        value = self.data.get(key) or []
        if not isinstance(value, list):
            raise RowError(f"{key} is no list")
        return value

    def moment(self, key: str) -> datetime | None:
        """Return a time in UTC (naive ones are Indian time), None when it is missing."""
        text = self.text(key)
        try:
            return ist_moment(text) if text else None
        except ValueError as error:
            raise RowError(f"{key}: {error}") from None


def _whole(key: str, value: Decimal) -> int:
    if value != value.to_integral_value():
        raise RowError(f"{key} is {value}, not a whole number")
    return int(value)


def ist_moment(text: str) -> datetime:
    """Return a broker's time in UTC: ``2026-02-27 10:05:09`` or ``27-Feb-2026 10:05:09`` (Indian time), or ISO with zone.

    Raises
    ------
    ValueError
        The text is none of them.
    """
    head, space, clock = text.strip().partition(" ")
    if space and len(head.split("-")) == 3 and not head[:4].isdigit():
        return ist(day_of(head.replace("-", "")), time.fromisoformat(clock))
    moment = datetime.fromisoformat(text.strip())
    return moment.replace(tzinfo=IST).astimezone(UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@lru_cache(maxsize=4096)
def day_of(text: str) -> date:
    """Return the date of ``27FEB2026``, whatever the machine's language is.

    Raises
    ------
    ValueError
        The text is no such date.
    """
    number, month, year = text[:-7], text[-7:-4].upper(), text[-4:]
    if month not in _MONTHS or not (number.isdigit() and year.isdigit()):
        raise ValueError(f"{text!r} is no date")
    return date(int(year), _MONTHS[month], int(number))


@dataclass(frozen=True, slots=True)
class ReadRows(Generic[T]):
    """What could be read of a list, and what could not."""

    rows: tuple[T, ...]
    bad: tuple[BadRow, ...]

    @property
    def complaints(self) -> tuple[str, ...]:
        """The unreadable rows as texts."""
        return tuple(f"{row.what}: {row.reason}: {row.raw}" for row in self.bad)


def read_rows(what: str, data: object, reader: Callable[[Row], T], clean: Redactor, id_key: str = "") -> ReadRows[T]:
    """Read each row of a broker's list with `reader`; an unreadable one is marked. Null is an empty list.

    Parameters
    ----------
    what : str
        One row's name in messages ("order").
    id_key : str
        Where a row has its order id, for marking it.

    Raises
    ------
    BrokerUnavailable
        The data is no list at all.
    """
    if data is None or data == "":
        return ReadRows((), ())
    if not isinstance(data, list):
        raise BrokerUnavailable(f"The list of {what}s came as {type(data).__name__}, not as a list.", hint="Try again.")
    rows: list[T] = []
    bad: list[BadRow] = []
    for number, item in enumerate(data, start=1):
        try:
            rows.append(reader(Row(item)))
        except (ValueError, ArithmeticError) as error:
            raw = clean(json.dumps(item, default=str), _RAW_LIMIT)
            identity = item.get(id_key) if isinstance(item, dict) and id_key else None
            name = str(identity) if isinstance(identity, str | int) else None
            bad.append(BadRow(f"{what} {number}", clean(str(error)), raw, broker_order_id=name))
    return ReadRows(tuple(rows), tuple(bad))


def with_fills(status: OrderStatus | None, filled: int, quantity: int) -> OrderStatus | None:
    """Return PARTIALLY_FILLED for a working order of which a part is executed: no broker has a word for it."""
    working = status in (OrderStatus.SENT, OrderStatus.OPEN, OrderStatus.TRIGGER_PENDING)
    return OrderStatus.PARTIALLY_FILLED if working and 0 < filled < quantity else status


def listing_of(lookup: InstrumentLookup, broker: str, exchange: str, symbol: str, token: str = "") -> str | None:
    """Return the canonical text of a broker's instrument: by token where the row has one, else by symbol."""
    found = lookup.listing_by_token(broker, exchange, token) if token else None
    return found or (lookup.listing_by_symbol(broker, exchange, symbol) if symbol else None)


def plain(number: Decimal) -> str:
    """Return a number as brokers want it: no exponent, no superfluous zeros."""
    return f"{number.normalize():f}"
