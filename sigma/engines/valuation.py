"""Valuing stored holdings and positions at newer quotes, so that what a person sees moves between two reads of the broker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Generic, TypeVar

from sigma.domain.market import Quote
from sigma.domain.money import ZERO
from sigma.domain.portfolio import Holding, Position
from sigma.domain.times import next_ist

MIDNIGHT = time()
Held = TypeVar("Held")
Row = TypeVar("Row", Holding, Position)


@dataclass(frozen=True, slots=True)
class Valued(Generic[Held]):
    """Rows at the newest price known; `priced_at` is the oldest quote used (UTC), None where every row is the broker's own."""

    rows: tuple[Held, ...]
    priced_at: datetime | None


def value_holdings(rows: Sequence[Holding], quotes: Mapping[str, Quote], taken_at: datetime) -> Valued[Holding]:
    """Return holdings that the broker gave at `taken_at`, each at its quote where that is newer.

    Yesterday's close comes with the quote; one of a later day without a close leaves it missing, for the stored one is older.
    """
    ends = next_ist(taken_at, MIDNIGHT)

    def newer(quote: Quote) -> bool:
        return quote.at > taken_at

    def priced(row: Holding, quote: Quote) -> Holding:
        close = quote.close or (row.close_price if quote.at < ends else None)
        return replace(row, last_price=quote.last_price, close_price=close)

    return _valued(rows, quotes, newer, priced)


def value_positions(rows: Sequence[Position], quotes: Mapping[str, Quote], taken_at: datetime) -> Valued[Position]:
    """Return positions that the broker gave at `taken_at`, each at its quote where that is newer and of the same day.

    Open profit moves with the price from what the broker said, so its own way of sharing profit between realised and open
    stays. A row without a last price has nothing to move from, and yesterday's positions may be gone: both stay as they are.
    """
    ends = next_ist(taken_at, MIDNIGHT)

    def newer(quote: Quote) -> bool:
        return taken_at < quote.at < ends

    def priced(row: Position, quote: Quote) -> Position:
        if row.last_price <= ZERO:
            return row
        moved = (quote.last_price - row.last_price) * row.quantity * row.multiplier
        return replace(row, last_price=quote.last_price, unrealised=row.unrealised + moved)

    return _valued(rows, quotes, newer, priced)


def _valued(
    rows: Sequence[Row], quotes: Mapping[str, Quote], newer: Callable[[Quote], bool], priced: Callable[[Row, Quote], Row]
) -> Valued[Row]:
    valued: list[Row] = []
    used: list[datetime] = []
    for row in rows:
        quote = quotes.get(row.listing) if row.listing else None
        if quote is not None and quote.last_price > ZERO and newer(quote):
            now = priced(row, quote)
            used += [quote.at] if now is not row else []
            valued.append(now)
        else:
            valued.append(row)
    return Valued(tuple(valued), min(used, default=None))
