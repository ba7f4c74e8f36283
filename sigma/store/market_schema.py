"""Tables of instruments and their last prices (market.db; on PostgreSQL the schema `market`).

Each row of a master is visible from one publication up to another: `since` <= published < `until`. A refresh writes the
rows of the next publication in small commits that nobody sees, and then moves the published number in one step.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, Index, Integer, MetaData, Table, UniqueConstraint

from sigma.domain.instruments import Exchange, Kind, OptionType
from sigma.store.columns import NAMES, key, moment, text_column, whole, word
from sigma.store.types import Json, Money, Words

HEAD = "market_0001"
FOREVER = 2**62
metadata = MetaData(naming_convention=NAMES)

publication = Table(
    "publication",
    metadata,
    Column("id", Integer(), CheckConstraint("id = 1", name="single"), primary_key=True, autoincrement=False),
    whole("published"),
)

listings = Table(
    "listings",
    metadata,
    key(),
    text_column("text"),
    word("exchange", Exchange),
    text_column("symbol"),
    word("kind", Kind),
    text_column("name"),
    text_column("series"),
    whole("lot_size"),
    Column("tick_size", Money(), nullable=False),
    whole("freeze_quantity", nullable=True),
    Column("expiry", Date(), nullable=True),
    Column("strike", Money(), nullable=True),
    word("option_type", OptionType, nullable=True),
    text_column("underlying", nullable=True),
    text_column("words"),  # symbol and name in capitals, for searching
    whole("since"),
    whole("until"),
    UniqueConstraint("text", "since", name="uq_listings_version"),
    Index("ix_listings_until", "until"),
    Index("ix_listings_since", "since"),
)

isins = Table(
    "isins",
    metadata,
    Column("listing", Words(), primary_key=True),
    text_column("isin"),
    whole("since"),
    Index("ix_isins_since", "since"),
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
    Index("ix_broker_instruments_until", "until"),
    Index("ix_broker_instruments_since", "since"),
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
