"""Column types that keep their word on both databases: exact money, moments with a zone, known words, JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Numeric, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from sigma.domain.money import PLACES, from_scaled, to_scaled
from sigma.domain.times import require_utc

_STEP = Decimal(1).scaleb(-PLACES)
_WIDE = Context(prec=60)

Id = BigInteger().with_variant(Integer(), "sqlite")


def storable(value: Decimal) -> Decimal:
    """Return a derived figure (an average) rounded half-even to the eight decimals that are kept."""
    return value.quantize(_STEP, rounding=ROUND_HALF_EVEN, context=_WIDE)


class Money(TypeDecorator[Decimal]):
    """Rupees as Decimal: a scaled integer on SQLite (it knows only floats), NUMERIC on PostgreSQL. Refuses what does not fit."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column's type by database."""
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else Numeric(11 + PLACES, PLACES))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | Decimal | None:
        """Check, and scale where the database counts."""
        if value is None:
            return None
        scaled = to_scaled(value)
        return scaled if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:
        """Give back the same Decimal from either database."""
        if value is None:
            return None
        return from_scaled(value if dialect.name == "sqlite" else to_scaled(value))


class Utc(TypeDecorator[datetime]):
    """An aware moment, kept and given back in UTC. Refuses naive ones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn to UTC; SQLite stores the text without its zone."""
        if value is None:
            return None
        moment = require_utc(value)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give SQLite's text its zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text from anywhere. What no database can keep (NUL, half a surrogate pair) is replaced: the fact counts, not the byte."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace what cannot be stored."""
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


class Word(TypeDecorator[StrEnum]):
    """One of an enum's words. Anything else is refused on the way in and raises ValueError on the way out."""

    impl = String
    cache_ok = True

    def __init__(self, enum: type[StrEnum]) -> None:
        super().__init__()
        self.enum = enum
        self._members: dict[str, StrEnum] = {member.value: member for member in enum}

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        """Take the enum's text."""
        return None if value is None else self.enum(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """Give the member back."""
        if value is None:
            return None
        return self._members.get(value) or self.enum(value)  # the enum itself says what is wrong with an unknown word


def _jsonable(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return require_utc(value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be stored as JSON: {value!r}")


def json_text(value: object) -> str:
    """Return `value` as JSON; Decimals, moments and dates as their texts, NaN refused."""
    return json.dumps(value, default=_jsonable, allow_nan=False, separators=(",", ":"))


class Json(TypeDecorator[Any]):
    """Mappings and lists as JSON text, escaped to ASCII so that either database can keep any character."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:
        """Write the text."""
        return None if value is None else json_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any | None:
        """Read the text."""
        return None if value is None else json.loads(value)
