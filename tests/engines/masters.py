"""Masters' rows and what is known, as the tests of merging build them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from sigma.domain.instruments import Exchange, Kind, MasterRow, OptionType
from sigma.engines.instruments import INSTRUMENT, OVERRIDE, Known, Merged, merge
from sigma.engines.master_frame import frame_of

TODAY = date(2026, 2, 2)
WEEKLY, MONTHLY = date(2026, 2, 10), date(2026, 2, 24)


def share(symbol: str, token: str, broker: str = "one", **changes: Any) -> MasterRow:
    """A share's row; the series is EQ."""
    row = MasterRow(broker, Exchange.NSE, symbol, token, "NSE", token, Kind.EQUITY, name=symbol, series="EQ")
    return replace(row, **changes)


def option(
    symbol: str, token: str, expiry: date = MONTHLY, strike: str = "25000", broker: str = "one", **changes: Any
) -> MasterRow:
    """A NIFTY call's row."""
    row = MasterRow(
        broker,
        Exchange.NFO,
        symbol,
        token,
        "NFO",
        token,
        Kind.OPTION,
        lot_size=75,
        expiry=expiry,
        strike=Decimal(strike),
        option_type=OptionType.CALL,
        underlying="NIFTY",
    )
    return replace(row, **changes)


def index(symbol: str, token: str, broker: str = "one", exchange: Exchange = Exchange.NSE) -> MasterRow:
    """An index's row, without lot and tick, as masters give it."""
    return MasterRow(broker, exchange, symbol, token, exchange, token, Kind.INDEX, lot_size=0, tick_size=Decimal(0))


def merged(rows: list[MasterRow], known: Known | None = None, *, names: bool = True) -> Merged:
    """The rows as one broker's new master."""
    return merge(frame_of(rows), known or Known(), TODAY, names=names)


Settled = list[tuple[str, str, str, str | None]]


def as_known(result: Merged, previous: Merged | None = None, settled: Settled | None = None) -> Known:
    """What a merged master teaches the next one, as the store puts it together."""
    indices = result.listings.filter(pl.col("kind") == "INDEX")["text"].implode()
    tokens = result.instruments.filter(~pl.col("listing").is_in(indices)).select("exchange", "exchange_token", "listing")
    overrides = pl.DataFrame(settled or [], schema=OVERRIDE, orient="row")
    before = previous.instruments if previous else pl.DataFrame(schema=INSTRUMENT)
    return Known(tokens, result.listings, before, overrides)


def texts(result: Merged) -> list[str]:
    return result.listings["text"].to_list()


def only(frame: pl.DataFrame) -> dict[str, Any]:
    """The one row there is."""
    (row,) = frame.iter_rows(named=True)
    return row
