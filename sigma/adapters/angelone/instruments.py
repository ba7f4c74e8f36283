"""SmartAPI's instrument master: one long JSON list, numbers as texts, strikes and ticks in paise, no ISIN (wire.md E)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import polars as pl

from sigma.adapters import masters
from sigma.adapters.rows import Row
from sigma.domain.errors import BrokerUnavailable
from sigma.domain.instruments import Exchange, Kind, OptionType
from sigma.domain.money import SCALE
from sigma.ports.broker import AdapterContext
from sigma.ports.masters import MasterFile

MASTER_URL = "https://margincalculator.angelone.in/OpenAPI_File/files/OpenAPIScripMaster.json"
_MASTER_PATH = "/OpenAPI_File/files/OpenAPIScripMaster.json"
_TITLE = "AngelOne's instrument list"
_KEYS = ("token", "symbol", "name", "expiry", "strike", "lotsize", "instrumenttype", "exch_seg", "tick_size")
_TEXTS = {key: pl.String() for key in _KEYS}
_PAISE = SCALE // 100
# Currency: strike x 10^7 [O]; that the tick is scaled alike is unverified.
_CURRENCY = SCALE // 10_000_000
_CURRENCIES = [Exchange.CDS.value, Exchange.BCD.value]
_SERIES = r"-([A-Z0-9]{2})$"
_DAY = r"^\d{2}[A-Za-z]{3}\d{4}$"
_INDEX = "AMXIDX"
_PIECE = 1 << 20


def master(context: AdapterContext) -> MasterFile:
    """Download the master (no login needed) and read it; BrokerUnavailable when it did not arrive whole."""
    url = context.master_url or (f"{context.url.rstrip('/')}{_MASTER_PATH}" if context.url else MASTER_URL)
    return read(masters.download(url, context, _TITLE))


def read(data: bytes) -> MasterFile:
    """Return the rows of a master; what is not ours is counted.

    Raises
    ------
    BrokerUnavailable
        It is no JSON list, or is cut short.
    """
    raw, odd = _texts(masters.unpacked(data, _TITLE))
    kind = pl.col("instrumenttype")
    strange = kind.is_in(["", _INDEX]).not_() & kind.str.contains("^(?:FUT|OPT)").not_()
    what = (
        pl.when(masters.outside("exch_seg") & (pl.col("exch_seg") != ""))
        .then(pl.format("exchange {}", "exch_seg"))
        .when((pl.col("exch_seg") != "") & strange)
        .then(pl.format("{} {}", "exch_seg", "instrumenttype"))
    )
    raw = raw.with_columns(what=what)
    foreign = raw.filter(pl.col("what").is_not_null()).select("what")
    ours = raw.filter(pl.col("what").is_null()).with_columns(_numbers())
    found = masters.finished(ours.select(_row()), foreign, line="row", symbol="symbol")
    return MasterFile(found.rows, (*odd, *found.bad))


def _texts(data: bytes) -> tuple[pl.DataFrame, list[str]]:
    """Return the list as a frame of texts, and what in it is no such row."""
    if not (data.startswith(b"[") and data.endswith(b"]")):
        raise BrokerUnavailable("AngelOne's instrument list is no list, or is cut short.", hint="Try again later.")
    try:
        # One object a line: read so, a list of 200,000 takes a third of the memory.
        return _numbered(pl.read_ndjson(_lines(data), schema=_TEXTS)), []
    except pl.exceptions.PolarsError:
        rows, odd = _one_by_one(data.decode("utf-8", errors="replace"))
        return _numbered(rows).filter(pl.any_horizontal(pl.col(key) != "" for key in _KEYS)), odd


def _lines(data: bytes) -> bytes:
    """Return a list's members on a line each. Piece by piece: other threads stand still while bytes are replaced."""
    pieces, start, end = [], 1, len(data) - 1
    while start < end:
        found = data.find(b"},{", min(start + _PIECE, end))
        stop = end if found < 0 else found + 1
        pieces.append(data[start:stop].replace(b"},{", b"}\n{"))
        start = stop + 1
    return b"\n".join(pieces)


def _numbered(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.col(_KEYS).fill_null("").str.strip_chars()).with_row_index("line", 1)


def _one_by_one(text: str) -> tuple[pl.DataFrame, list[str]]:
    """Return the same from a list in another layout or with odd members, which stay as empty rows."""
    cells, odd = [], []
    for number, item in enumerate(_objects(text), start=1):
        try:
            row = Row(item)
            cells.append(tuple(row.text(key) for key in _KEYS))
        except ValueError as error:
            odd.append(f"row {number} ({item.get('symbol') if isinstance(item, dict) else item}): {error}")
            cells.append(("",) * len(_KEYS))
    return pl.DataFrame(cells, schema=_TEXTS, orient="row"), odd


def _objects(text: str) -> Iterator[object]:
    """Yield the members of a JSON list one by one."""
    decoder, position = json.JSONDecoder(), _skip(text, 1)
    while text[position : position + 1] != "]":
        try:
            item, position = decoder.raw_decode(text, position)
        except ValueError:
            raise BrokerUnavailable("AngelOne's instrument list is cut short or damaged.", hint="Try again later.") from None
        yield item
        position = _skip(text, position, ", \t\r\n")


def _skip(text: str, position: int, what: str = " \t\r\n") -> int:
    while position < len(text) and text[position] in what:
        position += 1
    return position


def _numbers() -> list[pl.Expr]:
    currency = pl.col("exch_seg").is_in(_CURRENCIES)
    kind = pl.col("instrumenttype")
    derivative = (
        pl.when(kind.str.starts_with("FUT"))
        .then(pl.lit(Kind.FUTURE.value))
        .when(kind.str.starts_with("OPT"))
        .then(pl.lit(Kind.OPTION.value))
    )
    other = pl.when(kind == _INDEX).then(pl.lit(Kind.INDEX.value)).otherwise(pl.lit(Kind.EQUITY.value))
    return [
        masters.whole("lotsize").alias("lot"),
        *(
            pl.when(currency).then(masters.money(name, _CURRENCY)).otherwise(masters.money(name, _PAISE)).alias(f"{name}_rupees")
            for name in ("strike", "tick_size")
        ),
        pl.when(pl.col("expiry").str.contains(_DAY)).then(pl.col("expiry").str.to_date("%d%b%Y", strict=False)).alias("day"),
        pl.coalesce(derivative, other).alias("kind"),
        # A contract is known by name, expiry, strike and these two letters; the rest of its symbol is never parsed.
        pl.col("symbol").str.tail(2).alias("letters"),
    ]


def _row() -> list[pl.Expr]:
    option = pl.col("kind") == Kind.OPTION.value
    derivative = option | (pl.col("kind") == Kind.FUTURE.value)
    share = (pl.col("exch_seg") == Exchange.NSE.value) & (pl.col("kind") == Kind.EQUITY.value)
    tick = pl.col("tick_size_rupees")
    letters = pl.format("ends in '{}', neither CE nor PE", "letters")
    wrong: list[masters.Case] = [
        *((pl.col(name) == "", f"{name} is missing") for name in ("exch_seg", "symbol", "token")),
        masters.no_number("lotsize", pl.col("lot")),
        masters.no_number("tick_size", tick),
        (derivative & pl.col("day").is_null(), pl.format("expiry is '{}', no date", "expiry")),
        (option & pl.col("strike_rupees").is_null(), pl.format("strike is '{}', not a number", "strike")),
        (option & pl.col("letters").is_in([each.value for each in OptionType]).not_(), letters),
    ]
    return [
        pl.col("line", "symbol", "token", "name", "kind"),
        masters.complain(wrong).alias("reason"),
        pl.col("exch_seg").alias("exchange"),
        pl.col("exch_seg").alias("exchange_code"),
        pl.col("token").alias("exchange_token"),
        pl.when(share).then(pl.col("symbol").str.extract(_SERIES)).fill_null("").alias("series"),
        pl.when(pl.col("lot") == 0).then(1).otherwise("lot").alias("lot_size"),
        pl.when(tick > 0).then(tick).otherwise(0).alias("tick_size"),
        pl.lit(None).alias("freeze_quantity"),
        pl.lit(None).alias("isin"),
        pl.when(derivative).then("day").alias("expiry"),
        pl.when(option).then("strike_rupees").alias("strike"),
        pl.when(option).then("letters").alias("option_type"),
        pl.when(derivative).then("name").otherwise(pl.lit("")).alias("underlying"),
    ]
