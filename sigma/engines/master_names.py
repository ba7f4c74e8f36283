"""Canonical names of a master's rows (docs/instruments.md), from the rows' own words, as expressions over a frame."""

from __future__ import annotations

from functools import reduce

import polars as pl

from sigma.domain.instruments import SPOT_EXCHANGE, Exchange, Kind
from sigma.domain.money import PLACES, SCALE
from sigma.engines.index_names import INDEX_ALIASES
from sigma.engines.master_frame import DERIVATIVES

REGULAR_SERIES = "EQ"
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKLY_MONTHS = "123456789OND"

_ALIASES = {f"{exchange}:{name}": f"{exchange}:{symbol}" for (exchange, name), symbol in INDEX_ALIASES.items()}

_exchange, _kind = pl.col("exchange"), pl.col("kind")
_underlying = pl.col("underlying").str.strip_chars().str.to_uppercase()
_day = pl.col("expiry").dt
_is_derivative = _kind.is_in(DERIVATIVES)
_is_option = _kind == Kind.OPTION.value


def plain(name: pl.Expr) -> pl.Expr:
    """Return a name in capitals with single blanks."""
    return name.str.strip_chars().str.to_uppercase().str.replace_all(r"\s+", " ")


def index_text(exchange: pl.Expr, name: pl.Expr) -> pl.Expr:
    """Return the canonical text of an index, or of a share by its plain symbol."""
    return pl.concat_str([exchange, plain(name)], separator=":").replace(_ALIASES)


def with_names(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows with their canonical `text` and, where they have none, the `reason`."""
    return rows.with_columns(reason=_reason()).with_columns(text=pl.when(pl.col("reason").is_null()).then(_text()))


def underlying_text() -> pl.Expr:
    """Return the canonical text of what a derivative is written on, or its plain name where no listing is it; null for none."""
    spots = {future.value: spot.value for future, spot in SPOT_EXCHANGE.items()}
    spot = _exchange.replace_strict(spots, default=None, return_dtype=pl.String)
    name = plain(pl.col("underlying"))
    there = pl.when(spot.is_not_null()).then(index_text(spot, pl.col("underlying"))).otherwise(name)
    return pl.when(_is_derivative & (name != "")).then(there)


def _reason() -> pl.Expr:
    named = (pl.col("symbol").str.strip_chars() == "") | (pl.col("token").str.strip_chars() == "")
    traded = (_kind != Kind.INDEX.value) & ((pl.col("lot_size") < 1) | (pl.col("tick_size") <= 0))
    size = pl.format("has lot size {} and tick size {}", pl.col("lot_size"), _number(pl.col("tick_size")))
    contract = _is_derivative & ((_underlying == "") | pl.col("expiry").is_null())
    strike = pl.col("strike")
    option = _is_option & (strike.is_null() | (strike <= 0) | pl.col("option_type").is_null())
    return (
        pl.when(named)
        .then(pl.lit("has no symbol or no token"))
        .when(traded)
        .then(size)
        .when(contract)
        .then(pl.lit("has no underlying or no expiry"))
        .when(option)
        .then(pl.lit("is an option without strike or type"))
    )


def _text() -> pl.Expr:
    """Return the name: cash symbols with their series unless EQ, contracts by underlying, expiry and strike.

    BSE's groups are no series: a share is in one of them only, and they are left out.
    """
    symbol, series = pl.col("symbol").str.strip_chars().str.to_uppercase(), pl.col("series").str.strip_chars().str.to_uppercase()
    tail = pl.concat_str([pl.lit("-"), series])
    long = (series != "") & symbol.str.ends_with(tail)
    base = pl.when(long).then(symbol.str.head(symbol.str.len_chars().cast(pl.Int64) - tail.str.len_chars())).otherwise(symbol)
    regular = (_exchange == Exchange.BSE.value) | series.is_in(["", REGULAR_SERIES])
    cash = pl.when(regular).then(base).otherwise(pl.concat_str([base, tail]))
    name = pl.when(_is_derivative).then(_contract()).otherwise(cash)
    listing = pl.concat_str([_exchange, name], separator=":")
    return pl.when(_kind == Kind.INDEX.value).then(index_text(_exchange, pl.col("symbol"))).otherwise(listing)


def _contract() -> pl.Expr:
    """Return ``NIFTY26FEB25000CE`` for a month's last expiry of its underlying, ``NIFTY2621025000CE`` for any other."""
    year, month = _day.year(), _day.month()
    last = pl.col("expiry").max().over([_exchange, _underlying, year, month])
    numbers = list(range(1, 13))
    monthly = month.replace_strict(numbers, MONTHS, default=None, return_dtype=pl.String)
    letter = month.replace_strict(numbers, list(WEEKLY_MONTHS), default=None, return_dtype=pl.String)
    weekly = pl.concat_str([letter, _day.to_string("%d")])
    when = pl.concat_str([_day.to_string("%y"), pl.when(pl.col("expiry") == last).then(monthly).otherwise(weekly)])
    what = pl.when(_is_option).then(pl.concat_str([_number(pl.col("strike")), pl.col("option_type")])).otherwise(pl.lit("FUT"))
    return pl.concat_str([_underlying, when, what])


def _number(scaled: pl.Expr) -> pl.Expr:
    """Return rupees as people write them: ``25000``, ``83.5``."""
    whole, part = (scaled // SCALE).cast(pl.String), scaled % SCALE
    digits = part.cast(pl.String).str.zfill(PLACES).str.strip_chars_end("0")
    return pl.when(part == 0).then(whole).otherwise(pl.concat_str([whole, pl.lit("."), digits]))


def first_true(*cases: tuple[pl.Expr, pl.Expr], otherwise: pl.Expr) -> pl.Expr:
    """Return the value of the first case that holds; an unknown condition does not hold."""
    return reduce(lambda rest, case: pl.when(case[0]).then(case[1]).otherwise(rest), reversed(cases), otherwise)
