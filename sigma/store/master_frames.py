"""Instruments in bulk: frames read from and written to the tables without an object for each row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import BigInteger, ColumnElement, Date, Numeric, Select, String, Table, cast, select, type_coerce

from sigma.domain.instruments import Kind
from sigma.domain.money import PLACES, SCALE
from sigma.engines.instruments import INSTRUMENT, LISTING, OVERRIDE, TOKEN
from sigma.engines.master_frame import Schema
from sigma.ports.masters import MasterSnapshot
from sigma.store.market_schema import FOREVER, broker_instruments, isins, listings, overrides
from sigma.store.pieces import NOW, PUBLISHED, visible
from sigma.store.types import Money

if TYPE_CHECKING:
    from sigma.store.database import Link

_FETCH = 2000  # rows at once: each piece is made while the interpreter is held
_LISTED = [column.name for column in listings.c if column.name not in ("id", "since", "until")]
_NAMED = [column.name for column in broker_instruments.c if column.name not in ("id", "since", "until")]
ID: Schema = {"id": pl.Int64()}


def _plain(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """Return a column as the driver's text, whole number or day, past SQLAlchemy's types."""
    if isinstance(column.type, Money):
        return column if dialect == "sqlite" else cast(type_coerce(column, Numeric()) * SCALE, BigInteger)
    if isinstance(column.type, Date):
        return type_coerce(column, String) if dialect == "sqlite" else column
    return column


def _frame(link: Link, query: Select[Any], schema: Schema) -> pl.DataFrame:
    """Return the rows of a query whose columns are plain ones in the schema's order."""
    read = {name: pl.String() if kind == pl.Date and link.dialect == "sqlite" else kind for name, kind in schema.items()}
    result = link.connection.execute(query)
    cursor, pieces = result.cursor, [pl.DataFrame(schema=read)]
    while cursor is not None and (rows := cursor.fetchmany(_FETCH)):
        pieces.append(pl.DataFrame(rows, schema=read, orient="row"))
    result.close()
    days = [pl.col(name).str.to_date("%Y-%m-%d") for name, kind in schema.items() if kind == pl.Date]
    whole = pl.concat(pieces)
    return whole.with_columns(days) if link.dialect == "sqlite" else whole


def read_snapshot(link: Link, source: str, since: date | None) -> MasterSnapshot:
    """Return what is published, for a merge of this source; of contracts those that expire on `since` or later."""
    indices = link.connection.execute(select(listings.c.text).where(visible(listings), listings.c.kind == Kind.INDEX))
    return MasterSnapshot(
        published=link.connection.execute(PUBLISHED).scalar_one(),
        names=_names(link, source),
        tokens=_tokens(link, source, list(indices.scalars())),
        listings=_listings(link, since),
    )


def _listings(link: Link, since: date | None) -> pl.DataFrame:
    schema = ID | LISTING
    columns = [_plain(isins.c.isin if name == "isin" else listings.c[name], link.dialect).label(name) for name in schema]
    known = (isins.c.listing == listings.c.text) & (isins.c.since <= NOW)
    query = select(*columns).select_from(listings.outerjoin(isins, known)).where(visible(listings))
    if since is not None:
        query = query.where(listings.c.expiry.is_(None) | (listings.c.expiry >= since))
    return _frame(link, query, schema)


def _names(link: Link, source: str) -> pl.DataFrame:
    schema = ID | INSTRUMENT
    columns = [_plain(broker_instruments.c[name], link.dialect).label(name) for name in schema]
    query = select(*columns).where(visible(broker_instruments), broker_instruments.c.broker == source)
    return _frame(link, query, schema)


def _tokens(link: Link, source: str, indices: Sequence[str]) -> pl.DataFrame:
    """Return the other sources' exchange tokens in the order of the sources' names."""
    names = broker_instruments.c
    query = (
        select(*(names[name] for name in TOKEN))
        .where(visible(broker_instruments), names.broker != source, names.exchange_token != "", names.listing.not_in(indices))
        .order_by(names.broker, names.id)
    )
    return _frame(link, query, TOKEN)


def read_overrides(link: Link, source: str) -> pl.DataFrame:
    """Return what people said rows of a source are (columns OVERRIDE)."""
    return _frame(link, select(*(overrides.c[name] for name in OVERRIDE)).where(overrides.c.source == source), OVERRIDE)


def listing_cells(frame: pl.DataFrame, dialect: str) -> pl.DataFrame:
    """Return listings as rows of their table, without the versions."""
    words = pl.concat_str(["symbol", "name"], separator="\n").str.to_uppercase()
    return _cells(frame.with_columns(words=words), listings, _LISTED, dialect)


def name_cells(frame: pl.DataFrame, source: str, dialect: str) -> pl.DataFrame:
    """Return names as rows of their table, without the versions."""
    return _cells(frame.with_columns(broker=pl.lit(source)), broker_instruments, _NAMED, dialect)


def _cells(frame: pl.DataFrame, table: Table, names: Sequence[str], dialect: str) -> pl.DataFrame:
    return frame.select(_cell(table.c[name], dialect) for name in names)


def _cell(column: Any, dialect: str) -> pl.Expr:
    cell = pl.col(column.name)
    if isinstance(column.type, Date):
        return cell.dt.to_string("%Y-%m-%d") if dialect == "sqlite" else cell
    if isinstance(column.type, Money) and dialect != "sqlite":
        return pl.format("{}.{}", cell // SCALE, (cell % SCALE).cast(pl.String).str.zfill(PLACES)).alias(column.name)
    return cell


def insert_rows(link: Link, table: Table, rows: pl.DataFrame, since: int) -> None:
    """Insert rows whose cells are the database's own, visible from the publication `since` on.

    By the driver: an executemany on SQLite, a COPY on PostgreSQL.
    """
    names = ", ".join(f'"{name}"' for name in rows.columns) + ", since, until"
    link.dirty = True
    if link.dialect == "sqlite":
        marks = ", ".join("?" * len(rows.columns))
        insert = f"INSERT INTO {table.name} ({names}) VALUES ({marks}, {since}, {FOREVER})"  # noqa: S608
        link.connection.exec_driver_sql(insert, rows.rows())
        return
    driver: Any = link.connection.connection.dbapi_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in rows.iter_rows():
            copy.write_row((*row, since, FOREVER))
