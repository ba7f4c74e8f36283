"""The store of instruments and last prices: readers see one whole publication or the next, never half."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, bindparam, case, desc, exists, func, select, update

from sigma.domain.errors import Conflict
from sigma.domain.instruments import BrokerInstrument, Kind, Listing, MasterReport
from sigma.domain.market import Quote
from sigma.store.database import Database
from sigma.store.market_rows import from_quote, to_instrument, to_listing, to_quote, to_report
from sigma.store.market_schema import HEAD, broker_instruments, isins, last_quotes, listings, refreshes
from sigma.store.publish import PUBLISHED, Publisher, add_refresh, in_pieces
from sigma.store.statements import adding, batches, putting

_MANY = 5000  # from here on, reading everything is quicker than asking for each
_NOW = PUBLISHED.scalar_subquery()


def _visible(table: Table) -> ColumnElement[bool]:
    return (table.c.since <= _NOW) & (table.c.until > _NOW)


_KNOWN_ISIN = (isins.c.listing == listings.c.text) & (isins.c.since <= _NOW)
_LISTINGS: Select[Any] = (
    select(listings, isins.c.isin).select_from(listings.outerjoin(isins, _KNOWN_ISIN)).where(_visible(listings))
)
_LISTING = _LISTINGS.where(listings.c.text == bindparam("text"))
_SOME_LISTINGS = _LISTINGS.where(listings.c.text.in_(bindparam("texts", expanding=True)))
_NAMES = select(broker_instruments).where(_visible(broker_instruments), broker_instruments.c.broker == bindparam("broker"))
_NAME = _NAMES.where(broker_instruments.c.listing == bindparam("listing")).order_by(broker_instruments.c.id).limit(1)
_BY_CODE = (
    _NAMES.where(broker_instruments.c.exchange_code == bindparam("exchange_code")).order_by(broker_instruments.c.id).limit(1)
)
_BY_SYMBOL = _BY_CODE.where(broker_instruments.c.symbol == bindparam("symbol"))
_BY_TOKEN = _BY_CODE.where(broker_instruments.c.token == bindparam("token"))
_VERSION = select(refreshes.c.published, refreshes.c.at).where(refreshes.c.published.is_not(None)).order_by(desc(refreshes.c.id))
_REPORT = select(refreshes.c.report).where(refreshes.c.broker == bindparam("broker")).order_by(desc(refreshes.c.id)).limit(1)
_ISIN = select(isins.c.isin, isins.c.since).where(isins.c.listing == bindparam("listing"))
_QUOTES = select(last_quotes).where(last_quotes.c.listing.in_(bindparam("texts", expanding=True)))
_SHOW_ISIN = update(isins).where(isins.c.listing == bindparam("of_listing")).values(since=0)

_KINDS = {kind: place for place, kind in enumerate(Kind)}
_NAMED = exists(
    select(broker_instruments.c.id).where(broker_instruments.c.listing == listings.c.text, _visible(broker_instruments))
)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


class SqlMarketStore:
    """Instruments and last prices in one database; safe to use from several threads and processes."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def __enter__(self) -> SqlMarketStore:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all connections."""
        self.database.close()

    def replace_master(
        self,
        broker: str,
        listings: Sequence[Listing],
        instruments: Sequence[BrokerInstrument],
        report: MasterReport,
        at: datetime,
    ) -> int:
        """Publish a new version of a broker's master (`report.version` is ignored) and return its number.

        Listings are merged into the common table (an ISIN once known is kept); `instruments` replace the broker's.
        """
        return Publisher(self.database).replace(broker, listings, instruments, report, at)

    def note_refresh(self, report: MasterReport, at: datetime) -> None:
        """Record a refresh that kept the old version."""
        with self.database.write() as link:
            add_refresh(link, report, at, None)

    def master_version(self, broker: str | None = None) -> tuple[int, datetime] | None:
        """Return number and time of the newest version (of any broker when None)."""
        query = _VERSION if broker is None else _VERSION.where(refreshes.c.broker == broker)
        with self.database.read() as link:
            row = link.first(query.limit(1))
        return None if row is None else (row.published, row.at)

    def last_report(self, broker: str) -> MasterReport | None:
        """Return the report of the last refresh."""
        with self.database.read() as link:
            row = link.first(_REPORT, {"broker": broker})
        return None if row is None else to_report(row.report)

    def listing(self, text: str) -> Listing | None:
        """Return a listing by canonical text."""
        with self.database.read() as link:
            row = link.first(_LISTING, {"text": text})
        return None if row is None else to_listing(row)

    def listings(self, texts: Sequence[str]) -> Mapping[str, Listing]:
        """Return listings by canonical text; unknown ones are absent."""
        wanted = set(texts)
        with self.database.read() as link:
            if len(wanted) > _MANY:
                return {row.text: to_listing(row) for row in link.all(_LISTINGS) if row.text in wanted}
            pieces = [link.all(_SOME_LISTINGS, {"texts": batch}) for batch in batches(sorted(wanted))]
        return {row.text: to_listing(row) for rows in pieces for row in rows}

    def find(self, text: str, *, exchange: str | None = None, kind: Kind | None = None, limit: int = 50) -> Sequence[Listing]:
        """Return listings whose symbol or name contains `text`; exact and prefix matches first.

        Those that no broker lists any more (expired contracts) come last, derivatives after what they derive from.
        """
        word = _escaped(text.strip().upper())
        query = _LISTINGS.where(listings.c.words.like(f"%{word}%", escape="\\"))
        if exchange is not None:
            query = query.where(listings.c.exchange == exchange)
        if kind is not None:
            query = query.where(listings.c.kind == kind)
        exact = listings.c.symbol == text.strip().upper()
        rank = case((exact, 0), (listings.c.words.like(f"{word}%", escape="\\"), 1), else_=2)
        order = (
            case((_NAMED, 0), else_=1),
            rank,
            case(_KINDS, value=listings.c.kind),
            listings.c.expiry.is_not(None),
            listings.c.expiry,
            func.length(listings.c.symbol),
            listings.c.text,
        )
        with self.database.read() as link:
            return [to_listing(row) for row in link.all(query.order_by(*order).limit(limit))]

    def broker_instrument(self, broker: str, listing: str) -> BrokerInstrument | None:
        """Return a broker's name of a listing."""
        return self._name(_NAME, broker=broker, listing=listing)

    def broker_instruments(self, broker: str) -> Sequence[BrokerInstrument]:
        """Return all of a broker's names."""
        with self.database.read() as link:
            return [to_instrument(row) for row in link.all(_NAMES, {"broker": broker})]

    def listing_by_symbol(self, broker: str, exchange_code: str, symbol: str) -> str | None:
        """Return the listing of a broker's symbol."""
        found = self._name(_BY_SYMBOL, broker=broker, exchange_code=exchange_code, symbol=symbol)
        return None if found is None else found.listing

    def listing_by_token(self, broker: str, exchange_code: str, token: str) -> str | None:
        """Return the listing of a broker's token."""
        found = self._name(_BY_TOKEN, broker=broker, exchange_code=exchange_code, token=token)
        return None if found is None else found.listing

    def learn_isin(self, listing: str, isin: str) -> bool:
        """Store an ISIN that a holding taught; True when it was new, Conflict when another one is known."""
        with self.database.write() as link:
            row = {"listing": listing, "isin": isin, "since": 0}
            if link.write(adding(link.dialect, isins, "listing"), row).first() is not None:
                return True
            known = link.connection.execute(_ISIN, {"listing": listing}).one()
            if known.isin != isin:
                raise Conflict(
                    f"{listing} is known with the ISIN {known.isin}, a holding says {isin}.",
                    hint="Compare both with the exchange's list; a share's ISIN changes when it is split or merged.",
                )
            # A master that is being published may have brought it a moment ago, for its own readers only.
            was_visible = bool(link.connection.execute(select(known.since <= _NOW)).scalar_one())
            if not was_visible:
                link.write(_SHOW_ISIN, {"of_listing": listing})
            return not was_visible

    def put_quotes(self, quotes: Sequence[Quote]) -> None:
        """Store what listings traded at last, in commits that hold up nobody; an older quote changes nothing."""
        rows = [from_quote(quote) for quote in quotes]
        statement = putting(self.database.writer.dialect.name, last_quotes, "listing", newer="at")
        in_pieces(self.database, rows, lambda link, piece: link.write(statement, piece))

    def last_quotes(self, texts: Sequence[str]) -> Mapping[str, Quote]:
        """Return the stored last prices by canonical text (price, yesterday's close, time); those never stored are absent."""
        with self.database.read() as link:
            pieces = [link.all(_QUOTES, {"texts": batch}) for batch in batches(sorted(set(texts)))]
        return {row.listing: to_quote(row) for rows in pieces for row in rows}

    def _name(self, query: Select[Any], **values: str) -> BrokerInstrument | None:
        with self.database.read() as link:
            row = link.first(query, values)
        return None if row is None else to_instrument(row)


def open_market(home: Path, *, url: str | None = None) -> SqlMarketStore:
    """Return the store of instruments of the installation in `home`, or of the PostgreSQL database `url`.

    Raises
    ------
    ConfigError
        The database was never made or is of another version (`sigma db upgrade`), or cannot be reached.
    """
    database = Database("market", home, url, durable=False)
    try:
        database.require(HEAD)
    except BaseException:
        database.close()
        raise
    return SqlMarketStore(database)
