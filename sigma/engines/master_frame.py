"""A master as a frame: one row a security, the columns of MasterRow, money as whole numbers of 1/100,000,000 rupees."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import polars as pl

from sigma.domain.instruments import Exchange, Kind, MasterRow, OptionType
from sigma.domain.money import from_scaled, to_scaled

Schema = dict[str, pl.DataType]
SCHEMA: Schema = {
    "exchange": pl.String(),
    "symbol": pl.String(),
    "token": pl.String(),
    "exchange_code": pl.String(),
    "exchange_token": pl.String(),
    "kind": pl.String(),
    "name": pl.String(),
    "series": pl.String(),
    "lot_size": pl.Int64(),
    "tick_size": pl.Int64(),
    "freeze_quantity": pl.Int64(),
    "isin": pl.String(),
    "expiry": pl.Date(),
    "strike": pl.Int64(),
    "option_type": pl.String(),
    "underlying": pl.String(),
}
"""An exchange's list of shares knows neither lots nor ticks: null there."""

EXCHANGES = [exchange.value for exchange in Exchange]
CASH_KINDS = [Kind.EQUITY.value, Kind.ETF.value]
DERIVATIVES = [Kind.FUTURE.value, Kind.OPTION.value]


def empty() -> pl.DataFrame:
    """Return a master without rows."""
    return pl.DataFrame(schema=SCHEMA)


def frame_of(rows: Iterable[MasterRow]) -> pl.DataFrame:
    """Return rows as a frame; whose file they are of is not in it."""
    cells = [
        (
            *(row.exchange.value, row.symbol, row.token, row.exchange_code, row.exchange_token, row.kind.value, row.name),
            *(row.series, row.lot_size, to_scaled(row.tick_size), row.freeze_quantity, row.isin, row.expiry),
            *(None if row.strike is None else to_scaled(row.strike), row.option_type and row.option_type.value, row.underlying),
        )
        for row in rows
    ]
    return pl.DataFrame(cells, schema=SCHEMA, orient="row")


def rows_of(broker: str, frame: pl.DataFrame) -> list[MasterRow]:
    """Return the rows of a broker's frame as values, for small ones."""
    return [
        MasterRow(
            broker=broker,
            exchange=Exchange(row["exchange"]),
            symbol=row["symbol"],
            token=row["token"],
            exchange_code=row["exchange_code"],
            exchange_token=row["exchange_token"],
            kind=Kind(row["kind"]),
            name=row["name"],
            series=row["series"],
            lot_size=row["lot_size"],
            tick_size=from_scaled(row["tick_size"]),
            freeze_quantity=row["freeze_quantity"],
            isin=row["isin"],
            expiry=row["expiry"],
            strike=None if row["strike"] is None else from_scaled(row["strike"]),
            option_type=None if row["option_type"] is None else OptionType(row["option_type"]),
            underlying=row["underlying"],
        )
        for row in frame.iter_rows(named=True)
    ]


def digest(frame: pl.DataFrame) -> str:
    """Return a short text that is the same for the same rows in whatever order."""
    hashes = frame.hash_rows(seed=7).sort().to_numpy()
    return blake2b(hashes.tobytes(), digest_size=16).hexdigest()
