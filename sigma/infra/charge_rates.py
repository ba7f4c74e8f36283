"""The tables of charges that are shipped, one for each broker."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import date

from sigma.data import charge_texts
from sigma.domain.errors import ConfigError
from sigma.domain.instruments import Exchange
from sigma.domain.money import ZERO, decimal_from
from sigma.domain.rates import Rate, Rates, Segment, Trading

COLUMNS = (
    "exchange",
    "trading",
    "valid_from",
    "valid_to",
    "brokerage_percent",
    "brokerage_rupees",
    "stt_buy",
    "stt_sell",
    "transaction",
    "sebi",
    "stamp_buy",
    "gst",
    "depository_rupees",
    "source",
    "notes",
)
_NUMBERS = ("brokerage_rupees", "stt_buy", "stt_sell", "transaction", "sebi", "stamp_buy", "gst", "depository_rupees")


def shipped_rates() -> Mapping[str, Rates]:
    """Return the table of each broker by its name.

    Raises
    ------
    ConfigError
        A file of the installation is damaged.
    """
    return {broker: read_rates(broker, text) for broker, text in charge_texts().items()}


def read_rates(broker: str, text: str) -> Rates:
    """Return the table that a CSV text holds; lines with # are remarks.

    Raises
    ------
    ConfigError
        A line cannot be read, or two of them say something of the same segment and day.
    """
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line and not line.startswith("#")]
    if not lines or tuple(lines[0][1].split(",")) != COLUMNS:
        raise _damaged(broker, f"its first line must be {','.join(COLUMNS)}")
    rows: list[Rate] = []
    for number, line in lines[1:]:
        try:
            (cells,) = csv.reader([line], strict=True)
            row = _rate(dict(zip(COLUMNS, cells, strict=True)))
        except (ValueError, csv.Error) as error:
            raise _damaged(broker, f"line {number}: {error}") from error
        if any(_overlap(row, other) for other in rows):
            raise _damaged(broker, f"line {number}: an earlier line says something of {row.segment} in these days already")
        rows.append(row)
    return Rates(broker, tuple(rows))


def _rate(cells: Mapping[str, str]) -> Rate:
    numbers = {name: decimal_from(cells[name]) for name in _NUMBERS}
    percent = decimal_from(cells["brokerage_percent"]) if cells["brokerage_percent"] else None
    if any(number < ZERO for number in (*numbers.values(), percent or ZERO)):
        raise ValueError("a rate below 0")
    return Rate(
        segment=Segment(Exchange(cells["exchange"]), Trading(cells["trading"])),
        valid_from=date.fromisoformat(cells["valid_from"]),
        valid_to=date.fromisoformat(cells["valid_to"]) if cells["valid_to"] else None,
        brokerage_percent=percent,
        depository=numbers.pop("depository_rupees"),
        source=cells["source"],
        notes=cells["notes"],
        **numbers,
    )


def _overlap(one: Rate, other: Rate) -> bool:
    return one.segment == other.segment and all(
        early.valid_to is None or early.valid_to >= late.valid_from for early, late in _both_ways(one, other)
    )


def _both_ways(one: Rate, other: Rate) -> Iterator[tuple[Rate, Rate]]:
    yield one, other
    yield other, one


def _damaged(broker: str, problem: str) -> ConfigError:
    return ConfigError(f"The shipped table of charges of {broker} cannot be read: {problem}.", hint="Install SigmaTrader anew.")
