"""The ledger: what we know of positions from openings and fills alone, so that it can be rebuilt at any time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sigma.domain.money import ZERO
from sigma.domain.orders import Product, Side
from sigma.domain.portfolio import Conversion


@dataclass(frozen=True, slots=True)
class Opening:
    """What an account held of a listing and product when a session began, adopted from the broker.

    Parameters
    ----------
    quantity : int
        Signed units (holdings, T1 and pledged included for CNC).
    reference_price : Decimal
        Rupees: yesterday's close, else the average price. The day's result counts from it.
    average_price : Decimal
        Rupees paid (or got) for a unit.
    """

    account_id: int
    session_date: date
    listing: str
    product: Product
    quantity: int
    reference_price: Decimal
    average_price: Decimal
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class Execution:
    """A fill as the ledger reads it: `strategy` is its order's, empty for a person's. Rupees and units."""

    fill_id: int
    order_id: int
    account_id: int
    strategy: str
    listing: str
    product: Product
    side: Side
    quantity: int
    price: Decimal
    session_date: date
    filled_at: datetime


@dataclass(frozen=True, slots=True)
class Moved:
    """A conversion that the broker made, as the ledger reads it: it counts from when its write was claimed (UTC)."""

    command_id: int
    account_id: int
    conversion: Conversion
    session_date: date
    moved_at: datetime


@dataclass(frozen=True, slots=True)
class Lot:
    """Units of one entry that are still open (signed), at what price and since when."""

    quantity: int
    price: Decimal
    opened_at: datetime
    order_id: int | None = None


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """Units that were entered and left, first in first out. `side` and `strategy` are the entry's; rupees, before charges."""

    account_id: int
    strategy: str
    listing: str
    product: Product
    side: Side
    quantity: int
    entry_price: Decimal
    exit_price: Decimal
    opened_at: datetime
    closed_at: datetime
    entry_order_id: int | None
    exit_order_id: int | None

    @property
    def gross(self) -> Decimal:
        """Rupees gained, before charges."""
        return (self.exit_price - self.entry_price) * self.quantity * self.side.sign


@dataclass(frozen=True, slots=True)
class LedgerPosition:
    """What is held by the ledger in one (account, strategy, listing, product): signed units, and rupees realised so far."""

    account_id: int
    strategy: str
    listing: str
    product: Product
    lots: tuple[Lot, ...]
    realised: Decimal = ZERO

    @property
    def quantity(self) -> int:
        """Signed units."""
        return sum(lot.quantity for lot in self.lots)

    @property
    def average_price(self) -> Decimal | None:
        """Rupees per open unit, None when flat."""
        units = self.quantity
        return sum((lot.price * lot.quantity for lot in self.lots), ZERO) / units if units else None


@dataclass(frozen=True, slots=True)
class DayResult:
    """The result of a scope since its session began (IST), rupees.

    Parameters
    ----------
    charges : Decimal
        Estimated charges of the day's fills (0 or more).
    missing : tuple of str
        Listings whose open part has no price: the result is not known then, and gates fail closed.
    low_by : Decimal or None
        How far the scope's result since it began lies below its highest point (0 or more); None when not known.
    """

    realised: Decimal
    open: Decimal
    charges: Decimal
    missing: tuple[str, ...] = ()
    low_by: Decimal | None = None

    @property
    def total(self) -> Decimal:
        """Rupees after charges."""
        return self.realised + self.open - self.charges
