"""Instruments by every key: asked one at a time and often, so by prepared queries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, bindparam, case, desc, exists, func, or_, select, type_coerce

from sigma.domain.instruments import BrokerInstrument, Exchange, Kind, Listing
from sigma.store.database import Database
from sigma.store.market_rows import to_instrument, to_listing
from sigma.store.market_schema import broker_instruments, isins, listings, refreshes
from sigma.store.masters import SqlMasterStore
from sigma.store.pieces import NOW, visible
from sigma.store.prepared import Prepared

_FETCH = 2000  # rows at once, between which other threads have their turn
_SEPARATORS = (" ", "\n", "-", "&")

_KNOWN_ISIN = (isins.c.listing == listings.c.text) & (isins.c.since <= NOW)
LISTINGS: Select[Any] = (
    select(listings, isins.c.isin).select_from(listings.outerjoin(isins, _KNOWN_ISIN)).where(visible(listings))
)
NAMES = select(broker_instruments).where(visible(broker_instruments), broker_instruments.c.broker == bindparam("broker"))
_NAMED = exists(
    select(broker_instruments.c.id).where(broker_instruments.c.listing == listings.c.text, visible(broker_instruments))
)
_KINDS = {kind: place for place, kind in enumerate(Kind)}

_LISTING = LISTINGS.where(listings.c.text == bindparam("text"))
_NAME = NAMES.where(broker_instruments.c.listing == bindparam("listing")).order_by(broker_instruments.c.id).limit(1)
_BY_CODE = NAMES.where(broker_instruments.c.exchange_code == bindparam("exchange_code")).order_by(broker_instruments.c.id)
_BY_SYMBOL = _BY_CODE.where(broker_instruments.c.symbol == bindparam("symbol"))
_BY_TOKEN = _BY_CODE.where(broker_instruments.c.token == bindparam("token"))
_NAMES_OF = (
    select(broker_instruments)
    .where(visible(broker_instruments), broker_instruments.c.listing == bindparam("listing"))
    .order_by(broker_instruments.c.broker, broker_instruments.c.id)
)
_NEXT_CODE = select(func.min(broker_instruments.c.exchange_code).label("code")).where(
    broker_instruments.c.broker == bindparam("broker"), broker_instruments.c.exchange_code > bindparam("after")
)
_VERSION = select(refreshes.c.published, refreshes.c.at).where(refreshes.c.published.is_not(None)).order_by(desc(refreshes.c.id))
_VERSION_OF_ANY = _VERSION.limit(1)
_VERSION_OF = _VERSION.where(refreshes.c.broker == bindparam("broker")).limit(1)

_ON = LISTINGS.where(listings.c.underlying == bindparam("underlying"), listings.c.exchange == bindparam("exchange"), _NAMED)
_CHAIN = _ON.where(listings.c.kind == Kind.OPTION, listings.c.expiry == bindparam("expiry")).order_by(
    listings.c.strike, listings.c.option_type, listings.c.text
)
_FUTURES = _ON.where(listings.c.kind == Kind.FUTURE).order_by(listings.c.expiry, listings.c.text)
_EXPIRIES = (
    select(listings.c.exchange, listings.c.kind, listings.c.expiry)
    .where(visible(listings), listings.c.underlying == bindparam("underlying"), listings.c.expiry.is_not(None), _NAMED)
    .distinct()
    .order_by(listings.c.exchange, listings.c.kind, listings.c.expiry)
)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _has(pattern: str) -> ColumnElement[bool]:
    return listings.c.words.like(pattern, escape="\\")


class SqlLookups(SqlMasterStore):
    """The reading side of instruments."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._prepared: dict[Select[Any], Prepared] = {}

    def master_version(self, broker: str | None = None) -> tuple[int, datetime] | None:
        """Return number and time of the newest version (of any broker when None)."""
        row = self._ask(_VERSION_OF_ANY).first() if broker is None else self._ask(_VERSION_OF).first(broker=broker)
        return None if row is None else (row.published, row.at)

    def listing(self, text: str) -> Listing | None:
        """Return a listing by canonical text."""
        row = self._ask(_LISTING).first(text=text)
        return None if row is None else to_listing(row)

    def find(self, text: str, *, exchange: str | None = None, kind: Kind | None = None, limit: int = 50) -> Sequence[Listing]:
        """Return listings whose symbol or name has all words of `text`, in the order of engines/search.py.

        That is: those that no broker lists any more (expired contracts) last; the symbol itself, symbols that begin with the
        first word, words that do, anything else; cash before contracts, the nearest expiry first.
        """
        words = [_escaped(word) for word in text.upper().split()]
        query = LISTINGS.where(*(_has(f"%{word}%") for word in words))
        if exchange is not None:
            query = query.where(listings.c.exchange == exchange)
        if kind is not None:
            query = query.where(listings.c.kind == kind)
        first = words[0] if words else ""
        rank = case(
            (listings.c.symbol == " ".join(text.upper().split()), 0),
            (_has(f"{first}%"), 1),
            (or_(*(_has(f"%{mark}{first}%") for mark in _SEPARATORS)), 2),
            else_=3,
        )
        with self.database.read() as link:
            unnamed, *rest = self._order()
            return [to_listing(row) for row in link.all(query.order_by(unnamed, rank, *rest).limit(limit))]

    def search_rows(self) -> Iterator[tuple[str, str, str, bool]]:
        """Yield exchange, kind, words (symbol, line break, name; capitals) and whether a broker lists it, the likeliest first."""
        named = case((_NAMED, 1), else_=0)
        plain = (type_coerce(column, String) for column in (listings.c.exchange, listings.c.kind, listings.c.words))
        query = select(*plain, named).where(visible(listings))
        with self.database.read() as link:
            result = link.connection.execute(query.order_by(*self._order()))
            while rows := result.fetchmany(_FETCH):
                for row in rows:
                    yield row[0], row[1], row[2], bool(row[3])

    def chain(self, underlying: str, exchange: Exchange, expiry: date) -> Sequence[Listing]:
        """Return the options on what is written as `underlying` in listings, of one expiry, by strike."""
        rows = self._ask(_CHAIN).all(underlying=underlying, exchange=exchange.value, expiry=expiry)
        return [to_listing(row) for row in rows]

    def futures(self, underlying: str, exchange: Exchange) -> Sequence[Listing]:
        """Return the futures on what is written as `underlying` in listings, by expiry."""
        return [to_listing(row) for row in self._ask(_FUTURES).all(underlying=underlying, exchange=exchange.value)]

    def expiries(self, underlying: str) -> Sequence[tuple[Exchange, Kind, date]]:
        """Return the expiries of the contracts on an underlying that brokers list, past ones included."""
        return [(row.exchange, row.kind, row.expiry) for row in self._ask(_EXPIRIES).all(underlying=underlying)]

    def broker_instrument(self, broker: str, listing: str) -> BrokerInstrument | None:
        """Return a broker's name of a listing."""
        row = self._ask(_NAME).first(broker=broker, listing=listing)
        return None if row is None else to_instrument(row)

    def broker_instruments(self, broker: str) -> Sequence[BrokerInstrument]:
        """Return all of a broker's names."""
        with self.database.read() as link:
            return [to_instrument(row) for row in link.all(NAMES, {"broker": broker})]

    def names_of(self, listing: str) -> Sequence[BrokerInstrument]:
        """Return all brokers' names of a listing."""
        return [to_instrument(row) for row in self._ask(_NAMES_OF).all(listing=listing)]

    def exchange_codes(self, broker: str) -> Sequence[str]:
        """Return the broker's codes of exchanges that its names have."""
        found: list[str] = []
        while (row := self._ask(_NEXT_CODE).first(broker=broker, after=found[-1] if found else "")) and row.code is not None:
            found.append(row.code)
        return found

    def names_by_symbol(self, broker: str, exchange_code: str, symbol: str) -> Sequence[BrokerInstrument]:
        """Return the broker's names with a symbol; more than one only where people said so."""
        return [to_instrument(row) for row in self._symbol(broker, exchange_code, symbol)]

    def names_by_token(self, broker: str, exchange_code: str, token: str) -> Sequence[BrokerInstrument]:
        """Return the broker's names with a token."""
        return [to_instrument(row) for row in self._token(broker, exchange_code, token)]

    def listing_by_symbol(self, broker: str, exchange_code: str, symbol: str) -> str | None:
        """Return the listing of a broker's symbol."""
        rows = self._symbol(broker, exchange_code, symbol)
        return rows[0].listing if rows else None

    def listing_by_token(self, broker: str, exchange_code: str, token: str) -> str | None:
        """Return the listing of a broker's token."""
        rows = self._token(broker, exchange_code, token)
        return rows[0].listing if rows else None

    def _symbol(self, broker: str, exchange_code: str, symbol: str) -> list[Any]:
        return self._ask(_BY_SYMBOL).all(broker=broker, exchange_code=exchange_code, symbol=symbol)

    def _token(self, broker: str, exchange_code: str, token: str) -> list[Any]:
        return self._ask(_BY_TOKEN).all(broker=broker, exchange_code=exchange_code, token=token)

    def _ask(self, query: Select[Any]) -> Prepared:
        found = self._prepared.get(query)
        if found is None:
            found = self._prepared[query] = Prepared(self.database, query)
        return found

    def _order(self) -> tuple[ColumnElement[Any], ...]:
        """Return what finds are ordered by besides the words, the same on both databases."""
        last = listings.c.text if self.database.path else listings.c.text.collate("C")
        return (
            case((_NAMED, 0), else_=1),
            case(_KINDS, value=listings.c.kind),
            listings.c.expiry.is_not(None),
            listings.c.expiry,
            func.length(listings.c.symbol),
            last,
        )
