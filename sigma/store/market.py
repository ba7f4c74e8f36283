"""The store of instruments and last prices: readers see one whole publication or the next, never half."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import bindparam, desc, select, update

from sigma.domain.errors import Conflict
from sigma.domain.instruments import Listing, MasterReport
from sigma.domain.market import Quote
from sigma.store.database import Database
from sigma.store.lookups import LISTINGS, SqlLookups
from sigma.store.market_rows import from_quote, to_listing, to_quote, to_report
from sigma.store.market_schema import HEAD, isins, last_quotes, listings, refreshes
from sigma.store.pieces import NOW, add_refresh, in_pieces
from sigma.store.statements import adding, batches, putting

_MANY = 5000  # from here on, reading everything is quicker than asking for each
_SOME_LISTINGS = LISTINGS.where(listings.c.text.in_(bindparam("texts", expanding=True)))
_REPORT = select(refreshes.c.report).where(refreshes.c.broker == bindparam("broker")).order_by(desc(refreshes.c.id)).limit(1)
_ISIN = select(isins.c.isin, isins.c.since).where(isins.c.listing == bindparam("listing"))
_QUOTES = select(last_quotes).where(last_quotes.c.listing.in_(bindparam("texts", expanding=True)))
_SHOW_ISIN = update(isins).where(isins.c.listing == bindparam("of_listing")).values(since=0)


class SqlMarketStore(SqlLookups):
    """Instruments and last prices in one database; safe to use from several threads and processes."""

    def __enter__(self) -> SqlMarketStore:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of all connections."""
        self.database.close()

    def note_refresh(self, report: MasterReport, at: datetime) -> None:
        """Record a refresh that kept the old version."""
        with self.database.write() as link:
            add_refresh(link, report, at, None)

    def last_report(self, broker: str) -> MasterReport | None:
        """Return the report of the last refresh."""
        with self.database.read() as link:
            row = link.first(_REPORT, {"broker": broker})
        return None if row is None else to_report(row.report)

    def listings(self, texts: Sequence[str]) -> Mapping[str, Listing]:
        """Return listings by canonical text; unknown ones are absent."""
        wanted = set(texts)
        with self.database.read() as link:
            if len(wanted) > _MANY:
                return {row.text: to_listing(row) for row in link.all(LISTINGS) if row.text in wanted}
            pieces = [link.all(_SOME_LISTINGS, {"texts": batch}) for batch in batches(sorted(wanted))]
        return {row.text: to_listing(row) for rows in pieces for row in rows}

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
            was_visible = bool(link.connection.execute(select(known.since <= NOW)).scalar_one())
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
