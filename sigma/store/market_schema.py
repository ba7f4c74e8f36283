"""Tables of instruments and their last prices (market.db; on PostgreSQL the schema `market`).

Each row of a master is visible from one publication up to another: `since` <= published < `until`. A refresh writes the
rows of the next publication in small commits that nobody sees, and then moves the published number in one step.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, Index, Integer, MetaData, Table, UniqueConstraint

from sigma.domain.instruments import Exchange, Kind, OptionType
from sigma.store.columns import NAMES, flag, key, moment, text_column, whole
from sigma.store.types import Json, Money, Word, Words

HEAD = "market_0002"
FOREVER = 2**62
metadata = MetaData(naming_convention=NAMES)


def _row_key() -> tuple[Column[Any], ...]:
    """Return the columns that say which row of a source's file is meant."""
    return tuple(text_column(name) for name in ("source", "exchange_code", "symbol", "token"))


publication = Table(
    "publication",
    metadata,
    Column("id", Integer(), CheckConstraint("id = 1", name="single"), primary_key=True, autoincrement=False),
    whole("published"),
)

# No CHECKs on words here: they take half the time of writing 150,000 rows, and only merged masters are ever written.
listings = Table(
    "listings",
    metadata,
    key(),
    text_column("text"),
    Column("exchange", Word(Exchange), nullable=False),
    text_column("symbol"),
    Column("kind", Word(Kind), nullable=False),
    text_column("name"),
    text_column("series"),
    whole("lot_size"),
    Column("tick_size", Money(), nullable=False),
    whole("freeze_quantity", nullable=True),
    Column("expiry", Date(), nullable=True),
    Column("strike", Money(), nullable=True),
    Column("option_type", Word(OptionType), nullable=True),
    text_column("underlying", nullable=True),
    text_column("words"),  # symbol and name in capitals, for searching
    whole("since"),
    whole("until"),
    UniqueConstraint("text", "since", name="uq_listings_version"),
    Index("ix_listings_underlying", "underlying", "expiry"),
)

isins = Table(
    "isins",
    metadata,
    Column("listing", Words(), primary_key=True),
    text_column("isin"),
    whole("since"),
)

former_isins = Table(
    "former_isins",
    metadata,
    key(),
    text_column("listing"),
    text_column("isin"),
    Column("valid_to", Date(), nullable=False),  # the day on which another one took its place
    Index("ix_former_isins_listing", "listing"),
)

broker_instruments = Table(
    "broker_instruments",
    metadata,
    key(),
    text_column("broker"),
    text_column("listing"),
    text_column("symbol"),
    text_column("token"),
    text_column("exchange_code"),
    text_column("exchange_token"),
    Column("valid_from", Date(), nullable=True),
    Column("valid_to", Date(), nullable=True),
    text_column("exchange"),  # of the listing
    whole("since"),
    whole("until"),
    Index("ix_broker_instruments_listing", "listing", "broker"),
    Index("ix_broker_instruments_symbol", "broker", "exchange_code", "symbol"),
    Index("ix_broker_instruments_token", "broker", "exchange_code", "token"),
)

# Names that a broker gave up: tokens of contracts are used anew after expiry.
former_names = Table(
    "former_names",
    metadata,
    key(),
    text_column("broker"),
    text_column("exchange_code"),
    text_column("token"),
    text_column("symbol"),
    text_column("listing"),
    Column("valid_from", Date(), nullable=False),
    Column("valid_to", Date(), nullable=False),
    UniqueConstraint("broker", "exchange_code", "token", "listing", "valid_from", name="uq_former_names_name"),
    Index("ix_former_names_valid_to", "valid_to"),
)

# The newest file of each source: digests of its rows, and of what else its merge depended on.
master_states = Table(
    "master_states",
    metadata,
    Column("source", Words(), primary_key=True),
    text_column("content"),
    text_column("basis"),
)

quarantine = Table(
    "quarantine",
    metadata,
    key(),
    *_row_key(),
    text_column("exchange"),
    text_column("name"),
    text_column("reason"),
    text_column("says", nullable=True),
    text_column("elsewhere", nullable=True),
    moment("first_seen"),
    moment("last_seen"),
    flag("present"),
    UniqueConstraint("source", "exchange_code", "symbol", "token", name="uq_quarantine_row"),
)

overrides = Table(
    "overrides",
    metadata,
    key(),
    *_row_key(),
    text_column("listing", nullable=True),  # none: the row is left out
    text_column("note"),
    text_column("by"),
    moment("at"),
    UniqueConstraint("source", "exchange_code", "symbol", "token", name="uq_overrides_row"),
)

refreshes = Table(
    "refreshes",
    metadata,
    key(),
    text_column("broker"),
    moment("at"),
    Column("published", BigInteger(), nullable=True),  # none: the old version was kept
    Column("report", Json(), nullable=False),
    Index("ix_refreshes_broker", "broker"),
)

last_quotes = Table(
    "last_quotes",
    metadata,
    Column("listing", Words(), primary_key=True),
    Column("last_price", Money(), nullable=False),
    Column("close", Money(), nullable=True),
    moment("at"),
)
