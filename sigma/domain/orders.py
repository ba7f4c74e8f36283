"""Orders: what is wanted (OrderRequest), what is tracked (Order), each write to a broker (Command), each execution (Fill)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sigma.domain.errors import InvalidOrder
from sigma.domain.instruments import split_listing
from sigma.domain.money import ZERO


class Side(StrEnum):
    """Direction of an order."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for BUY, -1 for SELL."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """How an order is priced."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    SL = "SL"
    SL_M = "SL-M"

    @property
    def has_price(self) -> bool:
        """Whether it carries a limit price."""
        return self in (OrderType.LIMIT, OrderType.SL)

    @property
    def has_trigger(self) -> bool:
        """Whether it carries a trigger price."""
        return self in (OrderType.SL, OrderType.SL_M)


class Product(StrEnum):
    """What becomes of the position: delivery, intraday, carried derivative, margin-funded delivery."""

    CNC = "CNC"
    MIS = "MIS"
    NRML = "NRML"
    MTF = "MTF"


class Variety(StrEnum):
    """In which session an order goes in: the running one, or the next (after-market order)."""

    REGULAR = "REGULAR"
    AMO = "AMO"


class Validity(StrEnum):
    """How long an order works."""

    DAY = "DAY"
    IOC = "IOC"


class OrderMode(StrEnum):
    """Whether a person approves the order."""

    AUTO = "AUTO"
    MANUAL = "MANUAL"


class Source(StrEnum):
    """Which way an order came."""

    PERSON = "PERSON"
    NOTEBOOK = "NOTEBOOK"
    CLI = "CLI"
    WEBHOOK = "WEBHOOK"
    KILL = "KILL"
    BROKER = "BROKER"


class OrderStatus(StrEnum):
    """Where an order is. The transitions are in engines/lifecycle.py."""

    WAITING = "WAITING"
    APPROVED = "APPROVED"
    SENDING = "SENDING"
    SENT = "SENT"
    OPEN = "OPEN"
    TRIGGER_PENDING = "TRIGGER_PENDING"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    UNKNOWN = "UNKNOWN"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"
    REJECTED_RISK = "REJECTED_RISK"

    @property
    def final(self) -> bool:
        """Whether nothing more is expected to happen."""
        return self in FINAL

    @property
    def live(self) -> bool:
        """Whether it is known to be at the broker and not final."""
        return self in LIVE

    @property
    def exposed(self) -> bool:
        """Whether its unfilled quantity counts as a risk reservation."""
        return self in EXPOSED


FINAL = frozenset(
    {
        OrderStatus.FILLED,
        OrderStatus.CANCELLED,
        OrderStatus.REJECTED,
        OrderStatus.EXPIRED,
        OrderStatus.FAILED,
        OrderStatus.REJECTED_RISK,
    }
)
LIVE = frozenset({OrderStatus.SENT, OrderStatus.OPEN, OrderStatus.TRIGGER_PENDING, OrderStatus.PARTIALLY_FILLED})
EXPOSED = LIVE | {OrderStatus.APPROVED, OrderStatus.SENDING, OrderStatus.UNKNOWN}
_FAULTY = frozenset({OrderStatus.REJECTED, OrderStatus.FAILED, OrderStatus.REJECTED_RISK})
GROUPS: Mapping[str, frozenset[OrderStatus]] = {
    "working": EXPOSED - {OrderStatus.UNKNOWN},
    "attention": _FAULTY | {OrderStatus.UNKNOWN},
    "filled": frozenset({OrderStatus.FILLED}),
    "ended": FINAL - {OrderStatus.FILLED},
}
"""What a page shows together. WAITING is in none (it is in the queue), what went wrong is in two."""


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What is wanted. Cross-field rules are checked when it is built.

    Parameters
    ----------
    listing : str
        Canonical text, ``NSE:INFY``.
    quantity, disclosed_quantity : int
        Units (shares, or contract units; never lots).
    price, trigger_price : Decimal or None
        Rupees per unit.
    market_protection : Decimal or None
        Percent; -1 asks for the exchange's own band.
    gtt : bool
        The person wants a resting trigger (a GTT wish).
    algo_tag : str
        The registered algo id that the regulation may ask for.

    Raises
    ------
    InvalidOrder
        A field is missing, superfluous or absurd for the order type.
    """

    listing: str
    side: Side
    quantity: int
    order_type: OrderType = OrderType.MARKET
    product: Product = Product.MIS
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    validity: Validity = Validity.DAY
    variety: Variety = Variety.REGULAR
    disclosed_quantity: int = 0
    market_protection: Decimal | None = None
    gtt: bool = False
    algo_tag: str = ""

    def __post_init__(self) -> None:
        split_listing(self.listing)
        if isinstance(self.quantity, bool) or not isinstance(self.quantity, int) or not 0 < self.quantity <= 10_000_000_000:
            raise InvalidOrder(f"Quantity of {self.listing} must be a whole number above 0, was {self.quantity!r}.")
        if not 0 <= self.disclosed_quantity <= self.quantity:
            raise InvalidOrder(f"Disclosed quantity must lie between 0 and {self.quantity}, was {self.disclosed_quantity}.")
        _price("Limit price", self.price, self.order_type.has_price, self)
        _price("Trigger price", self.trigger_price, self.order_type.has_trigger, self)


def _price(name: str, price: Decimal | None, wanted: bool, request: OrderRequest) -> None:
    kind = request.order_type.value
    if price is None:
        if wanted:
            raise InvalidOrder(f"{name} is missing: a {kind} order of {request.listing} needs one.")
        return
    if not wanted:
        raise InvalidOrder(f"{name} {price} makes no sense on a {kind} order of {request.listing}.", hint="Leave it out.")
    if not price.is_finite() or not 0 < price < 100_000_000:
        raise InvalidOrder(f"{name} of {request.listing} must lie between 0 and 10 crore rupees, was {price}.")


@dataclass(frozen=True, slots=True)
class Order:
    """What is tracked: a request, its way to the broker, and what came of it.

    Parameters
    ----------
    filled_quantity, average_price : int, Decimal or None
        From our Fill rows where we have them, else by the broker's word; rupees.
    broker_status, broker_reason : str
        The broker's own words, verbatim.
    risk_note : str
        What the risk gate changed or said; kept apart from the broker's words.
    unsettled : bool
        The broker's book of that day is gone and the outcome still unknown: only a person can close it.
    stale_reason : str
        Why an approved order came back to the queue (too old, signal late), empty otherwise.
    lot_size, tick_size : int, Decimal
        Snapshot of the listing when the order was made.
    generation : int
        Counts deliberate repeats (requeue, AMO).
    reduce_only : bool
        It may only make a position smaller: the gate caps it at what is held, and it never opens or turns one.
    slices, slice_no : int
        Of an order above the freeze quantity: into how many orders of their own it was cut (0: not cut), and which of them this
        one is (1 for the first; 0 when it is none). A cut order sends nothing itself; its status is that of its slices.
    not_before : datetime or None
        An approved wish that waits for the market to open: the worker decides and sends it then.
    """

    id: int
    user_id: int
    account_id: int | None
    request: OrderRequest
    status: OrderStatus
    client_order_id: str
    mode: OrderMode
    source: Source
    created_at: datetime
    updated_at: datetime
    broker_order_id: str | None = None
    exchange_order_id: str | None = None
    external_id: str | None = None
    filled_quantity: int = 0
    average_price: Decimal | None = None
    broker_status: str = ""
    broker_reason: str = ""
    risk_note: str = ""
    strategy: str = ""
    signal_id: int | None = None
    parent_id: int | None = None
    generation: int = 0
    tags: tuple[str, ...] = ()
    stale_reason: str = ""
    unsettled: bool = False
    cancel_wanted: bool = False
    session_date: date | None = None
    lot_size: int = 1
    tick_size: Decimal = Decimal("0.05")
    approved_at: datetime | None = None
    sent_at: datetime | None = None
    final_at: datetime | None = None
    correlation_id: str = ""
    reduce_only: bool = False
    slices: int = 0
    slice_no: int = 0
    not_before: datetime | None = None
    version: int = 1

    @property
    def listing(self) -> str:
        """The canonical text of what is traded."""
        return self.request.listing

    @property
    def unfilled(self) -> int:
        """Units not executed yet."""
        return max(0, self.request.quantity - self.filled_quantity)

    def __repr__(self) -> str:
        price = f" at {self.request.price}" if self.request.price is not None else ""
        return (
            f"<Order {self.id} {self.request.side} {self.filled_quantity}/{self.request.quantity} {self.listing} "
            f"{self.request.order_type}{price} {self.request.product}: {self.status}>"
        )


class CommandKind(StrEnum):
    """Which write a command is."""

    PLACE = "PLACE"
    MODIFY = "MODIFY"
    CANCEL = "CANCEL"
    CONVERT = "CONVERT"
    GTT = "GTT"


class CommandState(StrEnum):
    """Where one write is. WITHDRAWN: taken back before anything was claimed."""

    PENDING = "PENDING"
    SENDING = "SENDING"
    ANSWERED = "ANSWERED"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"
    WITHDRAWN = "WITHDRAWN"


class Outcome(StrEnum):
    """What an answer to a write proves."""

    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    NOT_SENT = "NOT_SENT"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Command:
    """One write to a broker.

    Parameters
    ----------
    order_id : int or None
        The order that is written about; None for a CONVERT, whose payload says everything, and for the removal (GTT) of a
        trigger that was made elsewhere.
    payload : mapping
        What a MODIFY wants: ``price``, ``trigger_price``, ``quantity``, ``order_type``, ``validity`` (texts or None). Of a
        CONVERT ``listing``, ``side``, ``quantity``, ``old``, ``new``, ``overnight``; from the claim on also ``before`` (units
        held in the old and the new product), ``before_at`` and ``fills`` (the newest execution known then). Of a GTT ``act``
        (PLACE, MODIFY, CANCEL), ``gtt`` (our id), of a change ``legs``; from the claim on also ``last_price`` and ``seen``
        (ids that were listed before).
    send_by_ns, boot_id : int, str
        Latest instant of the call on the boot clock of the claiming machine, and which boot that was.
    deadline : datetime or None
        The same instant plus the client's time-out on the wall clock, for judging from elsewhere.
    unknown_ns : int or None
        Boot-clock instant at which the outcome was declared unknown (the call had returned, or its process was dead).
    absent_reads : tuple of int
        Boot-clock instants of reads after the loss that did not settle it: for a PLACE complete same-day reads without
        the order, for a MODIFY the last one, which showed the old values.
    look_alikes : tuple of str
        Broker ids of untagged rows that could be this order; they block proof of absence.
    """

    id: int
    order_id: int | None
    account_id: int
    kind: CommandKind
    state: CommandState
    created_at: datetime
    payload: Mapping[str, str | None] = field(default_factory=dict)
    holder: str = ""
    claimed_at: datetime | None = None
    send_by_ns: int | None = None
    boot_id: str = ""
    deadline: datetime | None = None
    answered_at: datetime | None = None
    outcome: Outcome | None = None
    code: str = ""
    text: str = ""
    http_status: int | None = None
    unknown_ns: int | None = None
    absent_reads: tuple[int, ...] = ()
    look_alikes: tuple[str, ...] = ()
    version: int = 1


@dataclass(frozen=True, slots=True)
class Origins:
    """How many orders came one way: from where, for which strategy, and whether they wish to rest at the broker."""

    source: Source
    strategy: str
    gtt: bool
    orders: int


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution; unique by (account, exchange, session_date, broker_order_id, fill_id)."""

    id: int
    order_id: int
    account_id: int
    exchange: str
    session_date: date
    broker_order_id: str
    fill_id: str
    listing: str
    side: Side
    product: Product
    quantity: int
    price: Decimal
    filled_at: datetime


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One line of an order's append-only history."""

    id: int
    order_id: int
    at: datetime
    kind: str
    status: OrderStatus
    text: str
    detail: Mapping[str, str | int | None] = field(default_factory=dict)
    correlation_id: str = ""


def average(fills: list[Fill]) -> Decimal | None:
    """Return the quantity-weighted average price in rupees, None without fills."""
    quantity = sum(fill.quantity for fill in fills)
    return sum((fill.price * fill.quantity for fill in fills), ZERO) / quantity if quantity else None


def counts_as_exposure(order: Order) -> bool:
    """Say whether what an order has not executed yet may still be: a cut order counts through its slices alone."""
    return order.status.exposed and not order.slices
