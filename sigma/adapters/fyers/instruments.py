"""Fyers' cash symbol masters: CSVs without a header, 21 columns, in rupees, with the ISIN in the sixth (wire.md E).

The instrument type in the third column tells what neither Kite's nor SmartAPI's master does: 9 is an ETF, 10 an index.
"""

from __future__ import annotations

import polars as pl

from sigma.adapters import masters
from sigma.domain.instruments import Exchange, Kind
from sigma.ports.masters import MasterFile

COLUMNS = (
    *("fytoken", "details", "kind", "lot", "tick", "isin", "session", "updated", "expiry", "ticker"),
    *("exchange", "segment", "scrip_code", "underlying", "underlying_scrip", "strike", "option", "underlying_token"),
)
_TITLE = "Fyers' symbol master"
_CASH = "10"
_EXCHANGES = {"10": Exchange.NSE.value, "12": Exchange.BSE.value}
_ETF, _INDEX = "9", "10"
_TAIL = r"-([A-Z0-9]+)$"


def read(data: bytes) -> MasterFile:
    """Return the rows of one file (or of several, one behind the other).

    Raises
    ------
    BrokerUnavailable
        It is no symbol master.
    """
    raw = masters.csv_frame(masters.unpacked(data, _TITLE), _TITLE, COLUMNS, header=False)
    ours = (pl.col("segment") == _CASH) & pl.col("exchange").is_in(list(_EXCHANGES))
    foreign = raw.filter(ours.not_()).select(what=pl.format("exchange {} segment {}", "exchange", "segment"))
    rows = raw.filter(ours).select(_row())
    return masters.finished(rows, foreign, line="line", symbol="symbol", covers=sorted(set(rows["exchange"])))


def _row() -> list[pl.Expr]:
    lot, tick = masters.whole("lot"), masters.money("tick")
    exchange = pl.col("exchange").replace_strict(_EXCHANGES, default=None, return_dtype=pl.String)
    index = pl.col("kind") == _INDEX
    symbol = pl.col("ticker").str.splitn(":", 2).struct[1].fill_null("")
    etf = pl.when(pl.col("kind") == _ETF).then(pl.lit(Kind.ETF.value)).otherwise(pl.lit(Kind.EQUITY.value))
    wrong: list[masters.Case] = [
        (pl.col("fytoken").str.contains(r"^\d+$").not_(), pl.format("fytoken is '{}'", "fytoken")),
        (symbol == "", pl.format("ticker is '{}'", "ticker")),
        masters.no_number("lot", lot),
        masters.no_number("tick", tick),
    ]
    return [
        pl.col("line"),
        masters.complain(wrong).alias("reason"),
        exchange.alias("exchange"),
        pl.when(index).then(symbol.str.strip_suffix("-INDEX")).otherwise(symbol).alias("symbol"),
        pl.col("fytoken").alias("token"),
        exchange.alias("exchange_code"),
        pl.col("scrip_code").alias("exchange_token"),
        pl.when(index).then(pl.lit(Kind.INDEX.value)).otherwise(etf).alias("kind"),
        pl.col("details").alias("name"),
        pl.when(index).then(pl.lit("")).otherwise(symbol.str.extract(_TAIL).fill_null("")).alias("series"),
        pl.when(lot == 0).then(1).otherwise(lot).alias("lot_size"),
        tick.alias("tick_size"),
        pl.when(pl.col("isin").str.contains(masters.ISIN)).then("isin").alias("isin"),
        pl.lit("").alias("underlying"),
        *(pl.lit(None).alias(name) for name in ("freeze_quantity", "expiry", "strike", "option_type")),
    ]
