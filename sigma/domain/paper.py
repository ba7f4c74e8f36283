"""The book of a paper account: imaginary money, orders and shares, kept as an exchange and a clearing house would keep them.

All of it is frozen values, so that a book can be advanced without being written and compared with what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from sigma.domain.instruments import Kind
from sigma.domain.money import ZERO
from sigma.domain.orders import OrderRequest, OrderStatus, OrderType, Product, Side


@dataclass(frozen=True, slots=True)
class PaperRules:
    """How a paper account is treated; settings.

    Parameters
    ----------
    start_cash : Decimal
        Rupees that a new book begins with.
    slippage_ticks, slippage_percent : int, Decimal
        By how much every price of the depth is worse for us than it is quoted; both add up.
    price_max_age_s : float
        An order does not execute at a quote older than this (seconds); it waits.
    """

    start_cash: Decimal = Decimal(1_000_000)
    slippage_ticks: int = 0
    slippage_percent: Decimal = ZERO
    price_max_age_s: float = 30.0


@dataclass(frozen=True, slots=True)
class PaperTerms:
    """What of a listing counts for its orders and positions, as it was when the order came: rupees and units."""

    kind: Kind
    lot: int = 1
    tick: Decimal = Decimal("0.05")
    strike: Decimal | None = None
    expiry: date | None = None


@dataclass(frozen=True, slots=True)
class PaperOrder:
    """An order as the paper exchange holds it.

    Parameters
    ----------
    number : int
        Its place in the account's sequence; earlier orders go first.
    request : OrderRequest
        What is wanted now, modifications included.
    before : OrderRequest or None
        What was wanted before a modification that is not admitted yet.
    status : OrderStatus
        SENT until admitted; never PARTIALLY_FILLED, which `filled` tells.
    shown_on : date
        Day in India up to which the book shows it: its session, or the day on which it was found to be over.
    value : Decimal
        Rupees executed (quantity times price).
    charges : Decimal
        Rupees booked for its executions so far.
    limit : Decimal or None
        The protected price that a market order became, rupees.
    valued_at : Decimal or None
        Rupees per unit that its margin is counted at; None until admitted.
    system : bool
        The account itself placed it: a square-off, an expiry.
    """

    broker_order_id: str
    number: int
    tag: str
    request: OrderRequest
    terms: PaperTerms
    status: OrderStatus
    shown_on: date
    placed_at: datetime
    updated_at: datetime
    before: OrderRequest | None = None
    admitted: bool = False
    triggered: bool = False
    limit: Decimal | None = None
    valued_at: Decimal | None = None
    filled: int = 0
    value: Decimal = ZERO
    charges: Decimal = ZERO
    cancelled: int = 0
    reason: str = ""
    system: bool = False

    @property
    def pending(self) -> int:
        """Units that may still execute."""
        return 0 if self.status.final else self.request.quantity - self.filled

    @property
    def works(self) -> bool:
        """Whether more is to be expected of it."""
        return not self.status.final

    @property
    def kind_now(self) -> OrderType:
        """Its type as it works: a stop that went off is what is left of it."""
        fired = {OrderType.SL: OrderType.LIMIT, OrderType.SL_M: OrderType.MARKET}
        kind = fired.get(self.request.order_type, self.request.order_type) if self.triggered else self.request.order_type
        return OrderType.LIMIT if kind is OrderType.MARKET and self.limit is not None else kind


@dataclass(frozen=True, slots=True)
class PaperFill:
    """One execution of a paper order: units, rupees per unit, and the rupees charged for it.

    Parameters
    ----------
    filled_at, session_date : datetime, date
        When it happened, and in which session: what nobody was there to square off counts for the session that it ended with.
    shown_on : date
        Day in India whose list of executions shows it.
    """

    fill_id: str
    broker_order_id: str
    listing: str
    side: Side
    product: Product
    quantity: int
    price: Decimal
    filled_at: datetime
    session_date: date
    shown_on: date
    charges: Decimal


@dataclass(frozen=True, slots=True)
class PaperLot:
    """Open units of one execution (signed), what was paid or got for each, and on which session."""

    quantity: int
    price: Decimal
    day: date


@dataclass(frozen=True, slots=True)
class PaperPosition:
    """What is held of a listing and product.

    Parameters
    ----------
    lots : tuple of PaperLot
        Open units, the oldest first; shares in demat are lots of earlier days.
    paid : bool
        Bought in full and sold for cash (delivery, option premium); else only margin is held and results are booked.
    opening : int
        Signed units when the day began.
    opening_settled, opening_t1 : int
        Delivery shares when the day began: in demat, and on their way.
    opening_average : Decimal
        Rupees per unit of those.
    bought, sold, bought_value, sold_value : int, Decimal
        Executed today: units and rupees.
    realised : Decimal
        Rupees gained today, first in first out, before charges.
    mark : Decimal
        The last price known, rupees.
    """

    listing: str
    product: Product
    paid: bool
    terms: PaperTerms
    lots: tuple[PaperLot, ...] = ()
    opening: int = 0
    opening_settled: int = 0
    opening_t1: int = 0
    opening_average: Decimal = ZERO
    bought: int = 0
    sold: int = 0
    bought_value: Decimal = ZERO
    sold_value: Decimal = ZERO
    realised: Decimal = ZERO
    mark: Decimal = ZERO

    @property
    def key(self) -> tuple[str, Product]:
        """What it is of."""
        return self.listing, self.product

    @property
    def quantity(self) -> int:
        """Signed units, shares in demat included."""
        return sum(lot.quantity for lot in self.lots)

    @property
    def cost(self) -> Decimal:
        """Rupees paid for what is open, negative for what was got."""
        return sum((lot.price * lot.quantity for lot in self.lots), ZERO)


@dataclass(frozen=True, slots=True)
class PaperTaken:
    """What ours took of the depth of the quote of one moment: units by price. The next quote's depth is whole again."""

    at: datetime
    bids: Mapping[str, int] = field(default_factory=dict)
    asks: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PaperBook:
    """Money and positions of one paper account.

    Parameters
    ----------
    start_cash, cash : Decimal
        Rupees at the beginning and now; margin is held, not taken from it.
    charges : Decimal
        Rupees of charges since the beginning.
    day : date
        Day in India for which day counters count.
    next_number : int
        Number of the next order or execution; it never begins anew, so that ids stay unique.
    first_number : int
        The first number since the beginning: executions before it belong to an earlier book.
    """

    start_cash: Decimal
    cash: Decimal
    day: date
    charges: Decimal = ZERO
    positions: tuple[PaperPosition, ...] = ()
    next_number: int = 1
    first_number: int = 1
    taken: Mapping[str, PaperTaken] = field(default_factory=dict)

    def position(self, listing: str, product: Product) -> PaperPosition | None:
        """Return what is held of a listing and product; None when it was never touched."""
        return next((one for one in self.positions if one.key == (listing, product)), None)

    def with_position(self, changed: PaperPosition) -> tuple[PaperPosition, ...]:
        """Return the positions with this one in its place, new ones last."""
        if self.position(*changed.key) is None:
            return (*self.positions, changed)
        return tuple(changed if one.key == changed.key else one for one in self.positions)


@dataclass(frozen=True, slots=True)
class PaperState:
    """A book with the orders that work or that today's book shows, by number, and today's executions."""

    book: PaperBook
    orders: tuple[PaperOrder, ...] = ()
    fills: tuple[PaperFill, ...] = ()

    @property
    def working(self) -> tuple[PaperOrder, ...]:
        """The orders of which more is to be expected."""
        return tuple(order for order in self.orders if order.works)


def new_book(cash: Decimal, day: date) -> PaperBook:
    """Return a book that holds nothing but `cash` rupees."""
    return PaperBook(start_cash=cash, cash=cash, day=day)
