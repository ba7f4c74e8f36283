"""Listings, brokers' names of them, and last prices: rows to values and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from sigma.domain.instruments import BrokerInstrument, Listing, MasterReport, split_listing
from sigma.domain.market import Quote
from sigma.store.types import storable


def to_listing(row: Row[Any]) -> Listing:
    """Return the listing of a row (of `listings` joined with `isins`)."""
    return Listing(
        exchange=row.exchange,
        symbol=row.symbol,
        kind=row.kind,
        name=row.name,
        series=row.series,
        lot_size=row.lot_size,
        tick_size=row.tick_size,
        freeze_quantity=row.freeze_quantity,
        isin=row.isin,
        expiry=row.expiry,
        strike=row.strike,
        option_type=row.option_type,
        underlying=row.underlying,
    )


def from_listing(listing: Listing) -> dict[str, Any]:
    """Return the row of a listing, without its ISIN (kept apart) and its versions."""
    return {
        "text": listing.text,
        "exchange": listing.exchange,
        "symbol": listing.symbol,
        "kind": listing.kind,
        "name": listing.name,
        "series": listing.series,
        "lot_size": listing.lot_size,
        "tick_size": listing.tick_size,
        "freeze_quantity": listing.freeze_quantity,
        "expiry": listing.expiry,
        "strike": listing.strike,
        "option_type": listing.option_type,
        "underlying": listing.underlying,
        "words": f"{listing.symbol}\n{listing.name}".upper(),
    }


def to_instrument(row: Row[Any]) -> BrokerInstrument:
    """Return a broker's name of a listing."""
    return BrokerInstrument(
        broker=row.broker,
        listing=row.listing,
        symbol=row.symbol,
        token=row.token,
        exchange_code=row.exchange_code,
        exchange_token=row.exchange_token,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )


def from_instrument(instrument: BrokerInstrument) -> dict[str, Any]:
    """Return the row of a broker's name, without its versions."""
    return {
        "broker": instrument.broker,
        "listing": instrument.listing,
        "symbol": instrument.symbol,
        "token": instrument.token,
        "exchange_code": instrument.exchange_code,
        "exchange_token": instrument.exchange_token,
        "valid_from": instrument.valid_from,
        "valid_to": instrument.valid_to,
        "exchange": split_listing(instrument.listing)[0].value,
    }


def to_report(blob: dict[str, Any]) -> MasterReport:
    """Return the report of a refresh."""
    return MasterReport(**(blob | {"ambiguous": tuple(blob["ambiguous"]), "bad": tuple(blob["bad"])}))


def from_report(report: MasterReport) -> dict[str, Any]:
    """Return a report as JSON."""
    return asdict(report)


def to_quote(row: Row[Any]) -> Quote:
    """Return a stored last price; what else a quote holds is not kept."""
    return Quote(row.listing, row.last_price, row.at, close=row.close)


def from_quote(quote: Quote) -> dict[str, Any]:
    """Return the row of a last price."""
    close = None if quote.close is None else storable(quote.close)
    return {"listing": quote.listing, "last_price": storable(quote.last_price), "close": close, "at": quote.at}
