"""Reading an exchange's list of shares."""

from __future__ import annotations

import polars as pl

from sigma.adapters import masters
from sigma.adapters.exchanges import ExchangeList
from sigma.domain.instruments import Kind
from sigma.ports.masters import MasterFile


def read(form: ExchangeList, data: bytes) -> MasterFile:
    """Return the rows of a list; a blank after a cell or a header does not matter, nor do surplus commas.

    Raises
    ------
    BrokerUnavailable
        It is another file.
    """
    columns = [name for name in (form.symbol, form.isin, form.name, form.series, form.token) if name]
    raw = masters.csv_frame(masters.unpacked(data, form.title), form.title, columns)
    raw = raw.with_columns(pl.col(columns).str.strip_chars())
    return masters.finished(raw.select(_row(form)), masters.nothing_foreign(), line="line", symbol="symbol")


def _row(form: ExchangeList) -> list[pl.Expr]:
    symbol, token = pl.col(form.symbol), pl.col(form.token) if form.token else pl.lit("")
    wrong: list[masters.Case] = [
        (symbol == "", f"{form.symbol} is missing"),
        (pl.col(form.isin).str.contains(masters.ISIN).not_(), pl.format("its ISIN is '{}'", form.isin)),
    ]
    blank = ("lot_size", "tick_size", "freeze_quantity", "expiry", "strike", "option_type")
    return [
        pl.col("line"),
        masters.complain(wrong).alias("reason"),
        pl.lit(form.exchange.value).alias("exchange"),
        symbol.alias("symbol"),
        (token if form.token else symbol).alias("token"),
        pl.lit(form.exchange.value).alias("exchange_code"),
        token.alias("exchange_token"),
        pl.lit(Kind.EQUITY.value).alias("kind"),
        pl.col(form.name).alias("name"),
        (pl.col(form.series) if form.series else pl.lit("")).alias("series"),
        pl.col(form.isin).alias("isin"),
        pl.lit("").alias("underlying"),
        *(pl.lit(None).alias(name) for name in blank),
    ]
