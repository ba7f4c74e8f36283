"""What TradingView's charts call things, read into our words.

Continuous futures are ``NIFTY1!`` (the nearest by expiry) and ``NIFTY2!`` (the next); one month's future is
``NIFTYX2026`` (the exchanges' month letter and the year), an option ``NIFTY261124C25000`` (expiry as YYMMDD). Shares and
contracts alike write ``_`` for ``&`` and ``-``.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sigma.domain.instruments import OptionType

_SEPARATORS = "_&-"
_MOST_UNDERSCORES = 4
_MONTH_LETTERS = "FGHJKMNQUVXZ"
_CONTINUOUS = re.compile(r"(?P<name>.+?)(?P<place>[1-9])!")
_MONTH = re.compile(rf"(?P<name>.+?)(?P<letter>[{_MONTH_LETTERS}])(?P<year>20\d\d)")
_OPTION = re.compile(r"(?P<name>.+?)(?P<expiry>\d{6})(?P<type>[CP])(?P<strike>\d+(?:\.\d+)?)")
_TYPES = {"C": OptionType.CALL, "P": OptionType.PUT}


@dataclass(frozen=True, slots=True)
class ContinuousFuture:
    """The `place`-th future by expiry on what is called `name` (1: the nearest)."""

    name: str
    place: int


@dataclass(frozen=True, slots=True)
class MonthFuture:
    """The future on `name` that expires in a month."""

    name: str
    year: int
    month: int


@dataclass(frozen=True, slots=True)
class OneOption:
    """An option on `name`; `strike` in rupees."""

    name: str
    expiry: date
    option_type: OptionType
    strike: Decimal


ChartContract = ContinuousFuture | MonthFuture | OneOption


def chart_contract(symbol: str) -> ChartContract | None:
    """Return the contract that a chart's symbol (capitals, without exchange) stands for, None when it is none."""
    if found := _CONTINUOUS.fullmatch(symbol):
        return ContinuousFuture(found["name"], int(found["place"]))
    if found := _OPTION.fullmatch(symbol):
        try:
            expiry = date(2000 + int(found["expiry"][:2]), int(found["expiry"][2:4]), int(found["expiry"][4:]))
        except ValueError:
            return None
        return OneOption(found["name"], expiry, _TYPES[found["type"]], Decimal(found["strike"]))
    if found := _MONTH.fullmatch(symbol):
        return MonthFuture(found["name"], int(found["year"]), _MONTH_LETTERS.index(found["letter"]) + 1)
    return None


def spellings(symbol: str) -> list[str]:
    """Return a symbol and what TradingView's underscores in it may stand for."""
    count = symbol.count("_")
    if not 0 < count <= _MOST_UNDERSCORES:
        return [symbol]
    pieces = symbol.split("_")
    joined = []
    for marks in itertools.product(_SEPARATORS, repeat=count):
        joined.append("".join(itertools.chain.from_iterable(zip(pieces, (*marks, ""), strict=True))))
    return joined
