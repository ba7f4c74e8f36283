"""Kite's instrument dump: a CSV in rupees without ISINs (wire.md E)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from sigma.adapters import masters
from sigma.adapters.transport import Redactor, secrets_of
from sigma.adapters.zerodha.client import kite, needed
from sigma.domain.accounts import BrokerSession
from sigma.domain.instruments import Exchange, Kind
from sigma.ports.broker import AdapterContext
from sigma.ports.masters import MasterFile

COLUMNS = (
    "instrument_token",
    "exchange_token",
    "tradingsymbol",
    "name",
    "last_price",
    "expiry",
    "strike",
    "tick_size",
    "lot_size",
    "instrument_type",
    "segment",
    "exchange",
)
_READ = [name for name in COLUMNS if name != "last_price"]
_TITLE = "Zerodha's instrument list"
# NSE symbols of other series than EQ end in it: ABCLTD-BE. BAJAJ-AUTO and MCDOWELL-N are no series.
_SERIES = r"-([A-Z0-9]{2})$"
# Kite's file does not tell an ETF from a share: both are EQ.
_KINDS = {"EQ": Kind.EQUITY.value, "FUT": Kind.FUTURE.value, "CE": Kind.OPTION.value, "PE": Kind.OPTION.value}


def master(credentials: Mapping[str, str], session: BrokerSession | None, context: AdapterContext) -> MasterFile:
    """Download the dump and read it."""
    needed(credentials, "api_key")
    tokens = session.tokens if session else {}
    patient = replace(context, timeout_s=max(context.timeout_s, masters.DOWNLOAD_S), url=context.master_url or context.url)
    clean = Redactor(secrets_of(credentials, tokens))
    client, line = kite(credentials["api_key"], patient, clean, token=tokens.get("access_token", ""))
    return read(line.ask("the instrument list", client.instruments).body)


def read(data: bytes) -> MasterFile:
    """Return the rows of a dump (plain or in gzip); exchanges that are not ours are counted.

    Raises
    ------
    BrokerUnavailable
        It is no dump of Kite's.
    """
    raw = masters.csv_frame(masters.unpacked(data, _TITLE), _TITLE, COLUMNS).select("line", *_READ)
    foreign = raw.filter(masters.outside("exchange")).select(what=pl.format("exchange '{}'", "exchange"))
    ours = raw.filter(masters.outside("exchange").not_())
    return masters.finished(ours.with_columns(_numbers()).select(_row()), foreign, line="line", symbol="symbol")


def _numbers() -> list[pl.Expr]:
    return [
        masters.whole("instrument_token").alias("number"),
        masters.whole("lot_size").alias("lot"),
        masters.money("tick_size").alias("tick"),
        masters.money("strike").alias("rupees"),
        pl.col("expiry").str.to_date("%Y-%m-%d", strict=False).alias("day"),
        pl.col("instrument_type").replace_strict(_KINDS, default=None, return_dtype=pl.String).alias("kind"),
    ]


def _row() -> list[pl.Expr]:
    index, option = pl.col("segment") == "INDICES", pl.col("kind") == Kind.OPTION.value
    derivative = option | (pl.col("kind") == Kind.FUTURE.value)
    share = (pl.col("exchange") == Exchange.NSE.value) & (pl.col("kind") == Kind.EQUITY.value) & index.not_()
    series = pl.col("tradingsymbol").str.extract(_SERIES).fill_null("EQ")
    wrong: list[masters.Case] = [
        ((pl.col("number").is_null()) | (pl.col("number") < 1), pl.format("instrument_token is '{}'", "instrument_token")),
        (pl.col("kind").is_null(), pl.format("instrument_type is '{}'", "instrument_type")),
        masters.no_number("lot_size", pl.col("lot")),
        masters.no_number("tick_size", pl.col("tick")),
        masters.no_number("strike", pl.col("rupees")),
        (pl.col("day").is_null() & (pl.col("expiry") != ""), pl.format("expiry is '{}', no date", "expiry")),
    ]
    return [
        pl.col("line", "exchange", "exchange_token", "name"),
        masters.complain(wrong).alias("reason"),
        pl.col("tradingsymbol").alias("symbol"),
        pl.col("number").cast(pl.String).alias("token"),
        pl.col("exchange").alias("exchange_code"),
        pl.when(index).then(pl.lit(Kind.INDEX.value)).otherwise("kind").alias("kind"),
        pl.when(share).then(series).otherwise(pl.lit("")).alias("series"),
        pl.when(pl.col("lot") == 0).then(1).otherwise("lot").alias("lot_size"),
        pl.col("tick").alias("tick_size"),
        pl.lit(None).alias("freeze_quantity"),
        pl.lit(None).alias("isin"),
        pl.col("day").alias("expiry"),
        pl.when(option).then("rupees").alias("strike"),
        pl.when(option).then("instrument_type").alias("option_type"),
        pl.when(derivative).then("name").otherwise(pl.lit("")).alias("underlying"),
    ]
