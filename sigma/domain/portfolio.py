"""Holdings, positions and funds of one account, and the stored snapshots of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

from sigma.domain.orders import Command, Product, Side

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Holding:
    """Shares settled in demat, with what is still on its way (T1) and what is pledged.

    Parameters
    ----------
    quantity : int
        Settled and free shares (pledged ones excluded); `t1_quantity` arrives, `pledged_quantity` is collateral.
    average_price, last_price, close_price : Decimal
        Rupees; `close_price` is yesterday's close.
    """

    listing: str | None
    symbol: str
    exchange: str
    isin: str | None
    quantity: int
    t1_quantity: int
    pledged_quantity: int
    average_price: Decimal
    last_price: Decimal
    close_price: Decimal | None
    authorised_quantity: int = 0
    product: Product | None = Product.CNC

    @property
    def total(self) -> int:
        """All shares owned."""
        return self.quantity + self.t1_quantity + self.pledged_quantity

    @property
    def value(self) -> Decimal:
        """Rupees at the last price."""
        return self.last_price * self.total

    @property
    def pnl(self) -> Decimal:
        """Rupees gained since purchase."""
        return (self.last_price - self.average_price) * self.total

    @property
    def pnl_percent(self) -> Decimal | None:
        """Percent since purchase; missing at average 0."""
        return (self.last_price - self.average_price) / self.average_price * 100 if self.average_price else None

    @property
    def day_change(self) -> Decimal | None:
        """Rupees per share since yesterday's close."""
        return self.last_price - self.close_price if self.close_price else None


@dataclass(frozen=True, slots=True)
class Position:
    """Open net per listing and product. Negative `quantity` is short; flat ones are kept for the day's sums."""

    listing: str | None
    symbol: str
    exchange: str
    product: Product | None
    quantity: int
    overnight_quantity: int
    average_price: Decimal
    last_price: Decimal
    close_price: Decimal | None
    realised: Decimal
    unrealised: Decimal
    buy_quantity: int
    sell_quantity: int
    multiplier: int = 1

    @property
    def pnl(self) -> Decimal:
        """Rupees, realised and open."""
        return self.realised + self.unrealised

    @property
    def pnl_percent(self) -> Decimal | None:
        """Percent of the average price; missing at average 0."""
        if not self.average_price or not self.quantity:
            return None
        move = (self.last_price - self.average_price) / self.average_price * 100
        return move if self.quantity > 0 else -move


@dataclass(frozen=True, slots=True)
class Conversion:
    """A change of a position's product. `side` is that of the position (BUY: long), `quantity` the units to convert.

    `overnight` says whether they were carried from an earlier day.
    """

    listing: str
    side: Side
    quantity: int
    old: Product
    new: Product
    overnight: bool = False


def conversion_of(command: Command) -> Conversion:
    """Return what a CONVERT command is to do."""
    said = {name: text or "" for name, text in command.payload.items()}
    return Conversion(
        listing=said["listing"],
        side=Side(said["side"]),
        quantity=int(said["quantity"]),
        old=Product(said["old"]),
        new=Product(said["new"]),
        overnight=said["overnight"] == "yes",
    )


@dataclass(frozen=True, slots=True)
class Funds:
    """Money of an account in rupees. None: the broker did not say."""

    available: Decimal
    used: Decimal
    total: Decimal
    collateral: Decimal | None = None
    m2m_unrealized: Decimal | None = None
    m2m_realized: Decimal | None = None
    utilised_debits: Decimal | None = None
    cash: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Rows(Generic[Row]):
    """A broker's list in our words, with the rows that could not be read marked, not lost."""

    rows: tuple[Row, ...]
    bad: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A stored list of one account: `kind` is ``holdings``, ``positions`` or ``funds``; `rows` are JSON-able dicts."""

    account_id: int
    kind: str
    taken_at: datetime
    rows: tuple[Mapping[str, object], ...] = field(default_factory=tuple)
    bad: tuple[str, ...] = ()
