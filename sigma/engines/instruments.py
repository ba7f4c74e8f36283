"""Sources' instrument masters merged into one table: canonical names, joins, quarantine, and what changed.

Rules (wire.md E): rows of different sources are one listing when exchange and exchange token agree; else when the ISIN
and series do; else when symbol and series do. Indices share no token and join by name. Derivatives join by contract:
their tokens are used anew after expiry. What contradicts itself is quarantined with the reason, never guessed, and stays
there until a person says what it is (an override) or the sources agree.

Kinds: Kite and SmartAPI call an ETF a share. It is an ETF when one source says so (Fyers' instrument type 9) or its ISIN
begins with INF (units of a fund) and it trades as a share does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from sigma.domain.instruments import BrokerInstrument, Exchange, Kind, Listing, split_listing
from sigma.domain.money import SCALE, to_scaled
from sigma.engines.master_frame import CASH_KINDS, DERIVATIVES, SCHEMA, Schema
from sigma.engines.master_names import REGULAR_SERIES, first_true, underlying_text, with_names

NO_TICK = SCALE // 20
"""Masters give an index no tick and no lot: it is not traded. In 1/100,000,000 rupees, as all money here."""

LOWEST_SHARE = 0.8
FEW = 20
"""An exchange with fewer rows than this is not judged by itself."""

FORMAT = "1"
"""Goes up when the rules here change, so that an unchanged file is merged anew once."""

LISTING: Schema = {
    "text": pl.String(),
    "exchange": pl.String(),
    "symbol": pl.String(),
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
INSTRUMENT: Schema = {
    "listing": pl.String(),
    "symbol": pl.String(),
    "token": pl.String(),
    "exchange_code": pl.String(),
    "exchange_token": pl.String(),
    "valid_from": pl.Date(),
    "valid_to": pl.Date(),
    "exchange": pl.String(),
}
TOKEN: Schema = {"exchange": pl.String(), "exchange_token": pl.String(), "listing": pl.String()}
OVERRIDE: Schema = {"exchange_code": pl.String(), "symbol": pl.String(), "token": pl.String(), "listing": pl.String()}
SWAP: Schema = {"text": pl.String(), "isin": pl.String(), "was": pl.String()}
QUARANTINE: Schema = {
    name: pl.String() for name in ("exchange", "exchange_code", "symbol", "token", "name", "reason", "says", "elsewhere")
}
_ROW = ["exchange_code", "symbol", "token"]
_LOTS_OF_ONE = [exchange.value for exchange in (Exchange.CDS, Exchange.BCD, Exchange.MCX, Exchange.NCO)]


def nothing(schema: Schema) -> pl.DataFrame:
    """Return a frame without rows."""
    return pl.DataFrame(schema=schema)


@dataclass(frozen=True, slots=True)
class Known:
    """What other sources' masters, people, and this source's last master taught.

    Parameters
    ----------
    tokens : frame, columns TOKEN
        Exchange tokens by the other sources, indices left out (their numbers are the broker's own).
    listings : frame, columns LISTING
        What the common table holds now.
    previous : frame, columns INSTRUMENT
        This source's last published names.
    overrides : frame, columns OVERRIDE
        What people said rows of this source are; a null listing leaves the row out.
    """

    tokens: pl.DataFrame = field(default_factory=lambda: nothing(TOKEN))
    listings: pl.DataFrame = field(default_factory=lambda: nothing(LISTING))
    previous: pl.DataFrame = field(default_factory=lambda: nothing(INSTRUMENT))
    overrides: pl.DataFrame = field(default_factory=lambda: nothing(OVERRIDE))


@dataclass(frozen=True, slots=True)
class Merged:
    """One source's master in canonical terms: frames with the columns LISTING, INSTRUMENT and QUARANTINE."""

    listings: pl.DataFrame
    instruments: pl.DataFrame
    quarantined: pl.DataFrame

    @classmethod
    def empty(cls) -> Merged:
        """Return what nothing is merged into."""
        return cls(nothing(LISTING), nothing(INSTRUMENT), nothing(QUARANTINE))

    @property
    def ambiguous(self) -> tuple[str, ...]:
        """The quarantined rows in words."""
        words = pl.format("{}:{} (token {}) {}", "exchange", "symbol", "token", "reason")
        return tuple(self.quarantined.select(words.alias("words"))["words"])


@dataclass(frozen=True, slots=True)
class Difference:
    """Numbers of listings that a new master has more, fewer, and under another symbol, token, lot or tick than the last."""

    added: int
    gone: int
    changed: int


def merge(rows: pl.DataFrame, known: Known, today: date, *, names: bool = True) -> Merged:
    """Return a source's master (columns master_frame.SCHEMA) joined with what is known.

    Parameters
    ----------
    today : date
        Indian date from which new names are valid.
    names : bool
        Whether the source is a broker, whose symbols and tokens name listings. An exchange's list adds no listing: it only
        says more (name, ISIN) of those known.
    """
    # Lazily as far as it goes: what one step alone needs is dropped before the next.
    judged = _unique(_joined(_overridden(with_names(rows.lazy()), known.overrides), known)).collect()
    refused = judged.filter(pl.col("reason").is_not_null()).select(list(QUARANTINE))
    kept = judged.lazy().filter(pl.col("reason").is_null())
    del judged
    instruments = _instruments(kept, known.previous, today).collect() if names else nothing(INSTRUMENT)
    return Merged(_listings(kept, known.listings, names=names).collect(), instruments, refused)


def compare(known: Known, merged: Merged) -> Difference:
    """Count what a new master adds, loses and changes: another symbol, token, lot or tick."""
    before, after = known.previous, merged.instruments
    both = after.join(before, on="listing", suffix="_was")
    parts = ("symbol", "token", "exchange_code", "exchange_token")
    renamed = both.filter(pl.any_horizontal(pl.col(part) != pl.col(f"{part}_was") for part in parts))["listing"]
    traded = merged.listings.join(known.listings.select("text", "lot_size", "tick_size"), on="text", suffix="_was")
    resized = traded.filter((pl.col("lot_size") != pl.col("lot_size_was")) | (pl.col("tick_size") != pl.col("tick_size_was")))
    changed = resized.join(before, left_on="text", right_on="listing", how="semi")["text"]
    return Difference(
        added=after.join(before, on="listing", how="anti").height,
        gone=before.join(after, on="listing", how="anti").height,
        changed=pl.concat([renamed, changed]).n_unique(),
    )


def compare_list(known: Known, merged: Merged) -> Difference:
    """Count the ISINs that an exchange's list adds to known listings, and those that take another's place."""
    was = known.listings.select("text", was="isin")
    found = merged.listings.filter(pl.col("isin").is_not_null()).join(was, on="text")
    return Difference(found["was"].null_count(), 0, isin_changes(known, merged).height)


def isin_changes(known: Known, merged: Merged) -> pl.DataFrame:
    """Return listings whose ISIN another one replaces (a face value was split): columns text, isin, was."""
    was = known.listings.select("text", was="isin")
    found = merged.listings.select("text", "isin").join(was, on="text")
    return found.filter(pl.col("isin") != pl.col("was"))


def shrunken(previous: pl.DataFrame, new: pl.DataFrame, today: date) -> str:
    """Say why a new master looks truncated, or return an empty text. Contracts that expired meanwhile are not missed.

    Parameters
    ----------
    previous, new : frame with the columns exchange and (previous) valid_to
    """
    living = previous.filter(pl.col("valid_to").is_null() | (pl.col("valid_to") >= today))
    if not new.height:
        return "the download holds no usable row"
    if new.height < living.height * LOWEST_SHARE:
        return f"the download holds {new.height} rows, the last one had {living.height}"
    after = dict(new.group_by("exchange").len().iter_rows())
    for exchange, count in living.group_by("exchange").len().sort("exchange").iter_rows():
        if count >= FEW and after.get(exchange, 0) < count * LOWEST_SHARE:
            return f"the download holds {after.get(exchange, 0)} rows of {exchange}, the last one had {count}"
    return ""


def shrunken_list(before: int, after: int) -> str:
    """Say why an exchange's list looks truncated, or return an empty text; numbers of listings it says something of."""
    if not after:
        return "the list says nothing of any listing in the table"
    return f"the list is about {after} listings, the last one was about {before}" if after < before * LOWEST_SHARE else ""


def _overridden(named: pl.LazyFrame, overrides: pl.DataFrame) -> pl.LazyFrame:
    """Give rows the listing that a person said they are, and drop those to be left out. What names nothing stays refused."""
    told = overrides.lazy().select(*_ROW, told="listing", settled=pl.lit(value=True))
    rows = named.join(told, on=_ROW, how="left", maintain_order="left")
    rows = rows.filter(pl.col("settled").is_null() | pl.col("told").is_not_null())
    settled = pl.col("settled").is_not_null() & pl.col("reason").is_null()
    return rows.with_columns(settled=settled, says="text", text=pl.when(settled).then("told").otherwise("text")).drop("told")


def _joined(named: pl.LazyFrame, known: Known) -> pl.LazyFrame:
    """Give each row the text that it is known under elsewhere, else its own; a reason where the two contradict each other."""
    parts = ("kind", "expiry", "strike", "option_type", "underlying")
    elsewhere = known.listings.lazy().select(
        *(pl.col(part).alias(f"other_{part}") for part in parts), other="text", other_isin="isin"
    )
    # Where two sources contradict each other about a token, the first one's word counts.
    tokens = known.tokens.lazy().filter(pl.col("exchange_token") != "").unique(["exchange", "exchange_token"], keep="first")
    before = known.previous.lazy().select("exchange_code", "token", old_symbol="symbol")
    rows = (
        named.join(tokens.rename({"listing": "other"}), on=["exchange", "exchange_token"], how="left", maintain_order="left")
        .join(_by_isin(known.listings), left_on=["exchange", "isin", _series()], right_on=["exchange", "isin", "series"],
              how="left", maintain_order="left")
        .join(elsewhere, on="other", how="left", maintain_order="left")
        .join(before.unique(["exchange_code", "token"]), on=["exchange_code", "token"], how="left", maintain_order="left")
        .with_columns(own_underlying=underlying_text())
    )  # fmt: skip
    own, other = pl.col("text"), pl.col("other")
    mine = {part: pl.col("own_underlying" if part == "underlying" else part) for part in parts}
    same = pl.all_horizontal(cell.eq_missing(pl.col(f"other_{part}")) for part, cell in mine.items())
    taken = own.is_in(known.tokens["listing"].unique().implode())
    differs = pl.col("isin") != pl.col("other_isin")
    derivative = pl.col("kind").is_in(DERIVATIVES) | pl.col("other_kind").is_in(DERIVATIVES)
    renamed = pl.col("old_symbol") != pl.col("symbol")
    apart = pl.col("settled") | (pl.col("kind") == Kind.INDEX.value) | renamed
    known_as = pl.coalesce("by_isin", "text")
    chosen = first_true(
        (apart, own),
        (other.is_null(), pl.when(pl.col("kind").is_in(CASH_KINDS)).then(known_as).otherwise(own)),
        ((other == own) | pl.col("other_kind").is_null() | (pl.col("other_kind") == Kind.INDEX.value), own),
        (derivative, pl.when(same).then(other).otherwise(own)),
        otherwise=other,
    )
    apart_from = pl.format("its token is {} elsewhere, its symbol says {}", other, own)
    other_isin = pl.format("its token is {} elsewhere, whose ISIN is {}, not {}", other, "other_isin", "isin")
    replaced = (chosen != own) & other.is_not_null() & derivative.not_()
    reason = first_true(
        (pl.col("reason").is_not_null(), pl.col("reason")),
        (replaced & taken, apart_from),
        (replaced & differs, other_isin),
        otherwise=pl.lit(None, pl.String),
    )
    told = rows.with_columns(text=chosen, reason=reason, elsewhere=other)
    return told.select(*SCHEMA, "text", "reason", "settled", "says", "elsewhere")


def _series() -> pl.Expr:
    return pl.when(pl.col("exchange") == Exchange.BSE.value).then(pl.lit("")).otherwise(pl.col("series"))


def _by_isin(listings: pl.DataFrame) -> pl.LazyFrame:
    """Return canonical texts by (exchange, ISIN, series) where one listing alone has them."""
    keys = ["exchange", "isin", "series"]
    known = listings.lazy().filter(pl.col("isin").is_not_null() & pl.col("kind").is_in(CASH_KINDS))
    return known.select("exchange", "isin", by_isin="text", series=_series()).unique(keys, keep="none")


def _unique(joined: pl.LazyFrame) -> pl.LazyFrame:
    """Refuse rows that are not alone with their text or their token; the same row twice counts once."""
    rows = joined.unique(["text", "reason", *_ROW], keep="last", maintain_order=True)
    fine, settled = pl.col("reason").is_null(), pl.col("settled")
    count = fine.sum().over("text")
    chosen = (fine & settled).sum().over("text") == 1
    shared = fine.sum().over("exchange_code", "token") > 1
    alone = pl.format("is one of {} rows that would all be {}", count, pl.col("text"))
    reason = first_true(
        (fine.not_(), pl.col("reason")),
        (chosen & settled.not_(), pl.format("would be {}, which a person gave to another row", "text")),
        ((count > 1) & chosen.not_(), alone),
        (shared, pl.lit("shares its token with another row")),
        otherwise=pl.lit(None, pl.String),
    )
    return rows.with_columns(reason=reason)


def _listings(kept: pl.LazyFrame, known: pl.DataFrame, *, names: bool) -> pl.LazyFrame:
    """Return the rows as listings, with what another master said better, so that sources do not overwrite one another in turn.

    Lot and tick are the newest word, except that a lot of 1 for a currency or commodity only says that a broker counts in
    lots. The longer name tells more. An ISIN once known changes only for another one.
    """
    derivative, option = pl.col("kind").is_in(DERIVATIVES), pl.col("kind") == Kind.OPTION.value
    was = known.lazy().select(
        "text",
        *(pl.col(name).alias(f"was_{name}") for name in ("kind", "name", "series", "lot_size", "tick_size", "freeze_quantity")),
        was_isin="isin",
    )
    rows = kept.join(was, on="text", how="left" if names else "inner", maintain_order="left")
    isin, name = pl.coalesce("isin", "was_isin"), pl.col("name").str.strip_chars()
    lot, lot_was = pl.col("lot_size"), pl.col("was_lot_size")
    in_lots = pl.col("exchange").is_in(_LOTS_OF_ONE) & (lot == 1) & (lot_was > 1)
    longer = pl.col("was_name").str.len_chars() > name.str.len_chars()
    series = pl.col("series").str.strip_chars().str.to_uppercase()
    tick = pl.when(pl.col("tick_size") != 0).then("tick_size")
    traded = series.is_in(["", REGULAR_SERIES]) | (pl.col("exchange") == Exchange.BSE.value)
    a_fund = isin.str.starts_with("INF") & traded
    cash = pl.col("kind").is_in(CASH_KINDS)
    says_etf = (pl.col("kind") == Kind.ETF.value) | (pl.col("was_kind") == Kind.ETF.value)
    return rows.select(
        "text",
        "exchange",
        symbol=pl.col("text").str.splitn(":", 2).struct[1],
        kind=pl.when(cash & (says_etf | a_fund)).then(pl.lit(Kind.ETF.value)).otherwise("kind"),
        name=pl.when(longer).then("was_name").otherwise(name),
        series=pl.when(series != "").then(series).otherwise(pl.col("was_series").fill_null("")),
        lot_size=first_true((lot.is_null() | in_lots, lot_was), (lot < 1, pl.lit(1, pl.Int64)), otherwise=lot),
        tick_size=pl.coalesce(tick, "was_tick_size", pl.lit(NO_TICK, pl.Int64)),
        freeze_quantity=pl.coalesce("freeze_quantity", "was_freeze_quantity"),
        isin=isin,
        expiry=pl.when(derivative).then("expiry"),
        strike=pl.when(option).then("strike"),
        option_type=pl.when(option).then("option_type"),
        underlying=underlying_text(),
    )


def _instruments(kept: pl.LazyFrame, previous: pl.DataFrame, today: date) -> pl.LazyFrame:
    """Return the rows as names; one that the source had before keeps the day from which it is valid."""
    since = previous.lazy().select("token", "valid_from", text="listing").unique(["text", "token"])
    rows = kept.join(since, on=["text", "token"], how="left", maintain_order="left")
    return rows.select(
        "symbol",
        "token",
        "exchange_code",
        "exchange_token",
        "exchange",
        listing="text",
        valid_from=pl.col("valid_from").fill_null(pl.lit(today)),
        valid_to=pl.when(pl.col("kind").is_in(DERIVATIVES)).then("expiry"),
    ).select(list(INSTRUMENT))


def frames_of(listings: Sequence[Listing], instruments: Sequence[BrokerInstrument]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return listings and names as frames (columns LISTING and INSTRUMENT), for small ones."""
    listed = [
        (
            *(row.text, row.exchange.value, row.symbol, row.kind.value, row.name, row.series, row.lot_size),
            *(to_scaled(row.tick_size), row.freeze_quantity, row.isin, row.expiry),
            *(None if row.strike is None else to_scaled(row.strike), row.option_type and row.option_type.value, row.underlying),
        )
        for row in listings
    ]
    named = [
        (
            *(row.listing, row.symbol, row.token, row.exchange_code, row.exchange_token, row.valid_from, row.valid_to),
            split_listing(row.listing)[0].value,
        )
        for row in instruments
    ]
    return pl.DataFrame(listed, schema=LISTING, orient="row"), pl.DataFrame(named, schema=INSTRUMENT, orient="row")
