"""Listings: what can be traded, under one name whichever broker it is reached through.

The canonical text is ``EXCHANGE:SYMBOL``. Cash symbols are the exchange's own, with the series appended when it is not
EQ (``NSE:ABCLTD-BE``); derivatives are written as ``NFO:NIFTY26FEB25000CE`` (monthly) and ``NFO:NIFTY2621025000CE``
(weekly: YY, month digit or O/N/D, DD).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from sigma.domain.errors import InvalidInput


class Exchange(StrEnum):
    """An exchange's segment as the brokers in India name it."""

    NSE = "NSE"
    BSE = "BSE"
    NFO = "NFO"
    BFO = "BFO"
    CDS = "CDS"
    BCD = "BCD"
    MCX = "MCX"
    NCO = "NCO"


class Kind(StrEnum):
    """What sort of instrument a listing is."""

    EQUITY = "EQUITY"
    ETF = "ETF"
    INDEX = "INDEX"
    FUTURE = "FUTURE"
    OPTION = "OPTION"


class OptionType(StrEnum):
    """Call or put."""

    CALL = "CE"
    PUT = "PE"


CASH = frozenset({Exchange.NSE, Exchange.BSE})
SPOT_EXCHANGE = {Exchange.NFO: Exchange.NSE, Exchange.BFO: Exchange.BSE}
"""Where that trades on which a segment's contracts are written."""


def listing_text(exchange: Exchange | str, symbol: str) -> str:
    """Return the canonical text of a listing."""
    return f"{Exchange(exchange).value}:{symbol}"


def split_listing(text: str) -> tuple[Exchange, str]:
    """Return exchange and symbol of a canonical text.

    Raises
    ------
    InvalidInput
        The text has no exchange or an unknown one.
    """
    head, colon, symbol = text.partition(":")
    if not colon or not symbol.strip():
        raise InvalidInput(f"{text!r} is no listing.", hint="Write it as EXCHANGE:SYMBOL, for example NSE:INFY.")
    try:
        return Exchange(head.strip().upper()), symbol.strip().upper()
    except ValueError:
        known = ", ".join(Exchange)
        raise InvalidInput(f"{head!r} in {text!r} is no exchange.", hint=f"Known exchanges: {known}.") from None


@dataclass(frozen=True, slots=True)
class Listing:
    """A security on one exchange. Two listings are equal when exchange and symbol are.

    Parameters
    ----------
    lot_size : int
        Units in one lot (1 in the cash market).
    tick_size : Decimal
        Smallest price step in rupees.
    freeze_quantity : int or None
        Largest quantity the exchange takes in one order; None when not known.
    isin : str or None
        None while unknown (neither Kite's nor AngelOne's master carries it; holdings teach it).
    """

    exchange: Exchange
    symbol: str
    kind: Kind = field(compare=False)
    name: str = field(default="", compare=False)
    series: str = field(default="", compare=False)
    lot_size: int = field(default=1, compare=False)
    tick_size: Decimal = field(default=Decimal("0.05"), compare=False)
    freeze_quantity: int | None = field(default=None, compare=False)
    isin: str | None = field(default=None, compare=False)
    expiry: date | None = field(default=None, compare=False)
    strike: Decimal | None = field(default=None, compare=False)
    option_type: OptionType | None = field(default=None, compare=False)
    underlying: str | None = field(default=None, compare=False)

    @property
    def text(self) -> str:
        """The canonical text, ``NSE:INFY``."""
        return listing_text(self.exchange, self.symbol)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class BrokerInstrument:
    """How one broker names a listing; `token` is unique within (broker, exchange_code) on a trading date."""

    broker: str
    listing: str
    symbol: str
    token: str
    exchange_code: str
    exchange_token: str = ""
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class MasterRow:
    """One row of a broker's instrument master in our words, before masters are merged.

    Parameters
    ----------
    underlying : str
        Name of the underlying as the master gives it (``NIFTY``); empty in the cash market.
    strike, tick_size : Decimal
        Rupees, whatever the file's scaling was.
    """

    broker: str
    exchange: Exchange
    symbol: str
    token: str
    exchange_code: str
    exchange_token: str
    kind: Kind
    name: str = ""
    series: str = ""
    lot_size: int = 1
    tick_size: Decimal = Decimal("0.05")
    freeze_quantity: int | None = None
    isin: str | None = None
    expiry: date | None = None
    strike: Decimal | None = None
    option_type: OptionType | None = None
    underlying: str = ""


@dataclass(frozen=True, slots=True)
class MasterReport:
    """What a refresh of one source's master did. `ambiguous` rows are quarantined, never guessed.

    Parameters
    ----------
    kept_old : str
        Why the old version stays; empty when the new one is published.
    unchanged : bool
        The file holds the same rows as the last one, so that nothing was published anew.
    """

    broker: str
    version: int
    rows: int
    added: int
    gone: int
    changed: int
    ambiguous: tuple[str, ...]
    bad: tuple[str, ...]
    seconds: float
    kept_old: str = ""
    unchanged: bool = False
