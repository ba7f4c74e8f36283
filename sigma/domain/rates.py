"""What brokers, exchanges and the state charge, as dated tables. The numbers are data; engines/costs.py counts with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from sigma.domain.errors import InvalidInput, NotFound
from sigma.domain.instruments import CASH, Exchange, Kind
from sigma.domain.orders import Product

NO_RATES = "NO_RATES"
"""Code of the error that says that nothing is known of what a segment costs on a day."""


class Trading(StrEnum):
    """How an order counts for what it costs."""

    DELIVERY = "DELIVERY"
    INTRADAY = "INTRADAY"
    FUTURES = "FUTURES"
    OPTIONS = "OPTIONS"


@dataclass(frozen=True, slots=True)
class Segment:
    """An exchange, and how an order there counts: shares by product, contracts by what they are."""

    exchange: Exchange
    trading: Trading

    def __str__(self) -> str:
        return f"{self.exchange} {self.trading.lower()}"


def segment_of(exchange: Exchange, kind: Kind, product: Product) -> Segment:
    """Return the segment of an order: shares are delivered unless the product is MIS.

    Raises
    ------
    InvalidInput
        An index is not traded.
    """
    if kind is Kind.INDEX:
        raise InvalidInput(f"An index of {exchange} cannot be traded, so that it costs nothing.")
    if kind in (Kind.FUTURE, Kind.OPTION):
        return Segment(exchange, Trading.FUTURES if kind is Kind.FUTURE else Trading.OPTIONS)
    if exchange not in CASH:
        raise InvalidInput(f"{exchange} trades contracts, not shares.")
    return Segment(exchange, Trading.INTRADAY if product is Product.MIS else Trading.DELIVERY)


@dataclass(frozen=True, slots=True)
class Rate:
    """What one segment costs at one broker in a stretch of days; percents are of the order's value.

    Parameters
    ----------
    valid_to : date or None
        The last day; None while nothing newer is known.
    brokerage_percent, brokerage_rupees : Decimal or None, Decimal
        The lower of the two for each order; None: the rupees whatever the value.
    stt_buy, stt_sell, stamp_buy : Decimal
        Percent on that side only.
    transaction, sebi, gst : Decimal
        Percent on both sides; GST is percent of brokerage, SEBI fee and transaction charge.
    depository : Decimal
        Rupees, GST included, for a listing's delivery sales of a day together.
    """

    segment: Segment
    valid_from: date
    valid_to: date | None
    brokerage_percent: Decimal | None
    brokerage_rupees: Decimal
    stt_buy: Decimal
    stt_sell: Decimal
    transaction: Decimal
    sebi: Decimal
    stamp_buy: Decimal
    gst: Decimal
    depository: Decimal
    source: str = ""
    notes: str = ""

    @property
    def unverified(self) -> bool:
        """Whether a part of it is not confirmed by a source at hand; `notes` say which."""
        return "unverified" in self.notes


@dataclass(frozen=True, slots=True)
class Rates:
    """One broker's table."""

    broker: str
    rows: tuple[Rate, ...]

    def at(self, segment: Segment, on: date) -> Rate:
        """Return what is in force on a day.

        Raises
        ------
        NotFound
            The table has nothing for that segment and day (code NO_RATES).
        """
        for row in self.rows:
            if row.segment == segment and row.valid_from <= on and (row.valid_to is None or on <= row.valid_to):
                return row
        raise no_rates(self.broker, f"{segment} on {on:%d %b %Y}")


def no_rates(broker: str, what: str) -> NotFound:
    """Return the error that says that charges are not known."""
    return NotFound(f"What {what} costs at {broker} is not known.", hint="It counts as N/A.", code=NO_RATES)
