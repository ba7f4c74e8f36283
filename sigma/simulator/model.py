"""Values of the simulated exchange: accounts, orders, executions, refusals. Rupees are Decimal, moments aware UTC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sigma.domain.money import ZERO
from sigma.domain.orders import OrderType, Product, Side, Validity, Variety
from sigma.engines.matching import AUTOMATIC, WorkingOrder
from sigma.simulator.securities import Security


class State(StrEnum):
    """Where an order is; each front door has its own word for each (wire.md D)."""

    RECEIVED = "RECEIVED"
    AMO_RECEIVED = "AMO_RECEIVED"
    VALIDATING = "VALIDATING"
    OPENING = "OPENING"
    OPEN = "OPEN"
    TRIGGER_PENDING = "TRIGGER_PENDING"
    MODIFY_VALIDATING = "MODIFY_VALIDATING"
    MODIFYING = "MODIFYING"
    MODIFIED = "MODIFIED"
    CANCELLING = "CANCELLING"
    COMPLETE = "COMPLETE"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"

    @property
    def final(self) -> bool:
        """Whether nothing more happens to the order."""
        return self in _FINAL

    @property
    def at_exchange(self) -> bool:
        """Whether the exchange holds the order, so that it can execute."""
        return self in _AT_EXCHANGE


_FINAL = frozenset({State.COMPLETE, State.CANCELLED, State.REJECTED})
_AT_EXCHANGE = frozenset(
    {State.OPEN, State.TRIGGER_PENDING, State.MODIFY_VALIDATING, State.MODIFYING, State.MODIFIED, State.CANCELLING}
)


class Refusal(Exception):
    """An order (or a change of one) that is refused before it gets an id; the door words it.

    Parameters
    ----------
    code : str
        One of the words in `checks.py`, stable for doors to map.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class PlaceRequest:
    """What a door has understood of a place request. Prices are 0 where they do not apply, as on the wire."""

    listing: str
    side: Side
    quantity: int
    order_type: OrderType
    product: Product
    variety: Variety = Variety.REGULAR
    validity: Validity = Validity.DAY
    price: Decimal = ZERO
    trigger_price: Decimal = ZERO
    disclosed_quantity: int = 0
    market_protection: Decimal = AUTOMATIC
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What a modification wants; None leaves a value as it is."""

    quantity: int | None = None
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    order_type: OrderType | None = None
    validity: Validity | None = None
    disclosed_quantity: int | None = None
    market_protection: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Twist:
    """How a fault bends what an otherwise normal call does. The plain one bends nothing."""

    visible_after_s: float = 0.0
    lose_tag: bool = False
    twin: bool = False
    reject_message: str = ""
    fill_instead_of_cancel: bool = False
    drop_rows: int = 0
    drop_oldest: bool = False
    empty: bool = False


PLAIN = Twist()


@dataclass(slots=True, eq=False)
class SimOrder:
    """One order from acceptance to its end. `history` holds earlier looks of it, oldest first, the present one last.

    Parameters
    ----------
    tag, tag_lost : str, bool
        The tag as requested; when lost, doors show none (use `wire_tag`).
    order_type, price : OrderType, Decimal
        As the book shows them: a market order shows as LIMIT with its protected price once the exchange has it.
    requested_type : OrderType
        As requested.
    value : Decimal
        Rupees executed (price times quantity).
    working : WorkingOrder
        The order as the matching engine holds it.
    heard : callable
        Told of each new look.
    rendered : dict
        A place for doors to keep what a look of the order is on their wire; looks do not change any more.
    """

    order_id: str
    unique_id: str
    broker: str
    client_id: str
    security: Security
    side: Side
    quantity: int
    order_type: OrderType
    requested_type: OrderType
    product: Product
    variety: Variety
    validity: Validity
    price: Decimal
    trigger_price: Decimal
    disclosed_quantity: int
    market_protection: Decimal
    tag: str
    placed_at: datetime
    updated_at: datetime
    visible_at: datetime
    session_date: date
    request_ns: int
    working: WorkingOrder
    tag_lost: bool = False
    state: State = State.RECEIVED
    message: str = ""
    filled: int = 0
    value: Decimal = ZERO
    cancelled: int = 0
    exchange_order_id: str | None = None
    exchange_at: datetime | None = None
    modifications: int = 0
    pending_change: Change | None = None
    reject_message: str = ""
    fill_instead_of_cancel: bool = False
    history: list[SimOrder] = field(default_factory=list, repr=False)
    rendered: dict[str, str] = field(default_factory=dict, repr=False)
    heard: Callable[[SimOrder], None] | None = field(default=None, repr=False)

    @property
    def wire_tag(self) -> str:
        """The tag that doors show; empty when there is none or it was lost."""
        return "" if self.tag_lost else self.tag

    @property
    def pending(self) -> int:
        """Units neither executed nor cancelled."""
        return max(0, self.quantity - self.filled - self.cancelled)

    @property
    def average_price(self) -> Decimal:
        """Rupees per executed unit, 0 before the first execution."""
        return self.value / self.filled if self.filled else ZERO

    def enter(self, state: State, at: datetime, message: str | None = None) -> None:
        """Move to `state` and keep a look of it in the history."""
        self.state, self.updated_at = state, at
        if message is not None:
            self.message = message
        look = replace(self, history=[], rendered={}, heard=None)
        self.history.append(look)
        if self.heard is not None:
            self.heard(look)

    @property
    def look(self) -> SimOrder:
        """The order as it is now, in a copy that does not change any more."""
        return self.history[-1]


@dataclass(frozen=True, slots=True)
class SimFill:
    """One execution."""

    fill_id: str
    order_id: str
    exchange_order_id: str
    broker: str
    client_id: str
    security: Security
    side: Side
    product: Product
    quantity: int
    price: Decimal
    at: datetime
    ordered_at: datetime
    session_date: date


@dataclass(slots=True)
class SimHolding:
    """Shares of one ISIN in an account.

    Parameters
    ----------
    quantity : int
        Settled and free at the start of the day (`pledged` ones excluded).
    t1 : int
        Bought in the session before, not delivered yet.
    authorised : int
        Released for sale at the depository today; only asked for in accounts without a standing authorisation.
    """

    security: Security
    quantity: int
    average_price: Decimal
    t1: int = 0
    pledged: int = 0
    authorised: int = 0

    @property
    def total(self) -> int:
        """All shares owned at the start of the day."""
        return self.quantity + self.t1 + self.pledged


@dataclass(slots=True)
class SimPosition:
    """What an account has traded today, and carried over, of one listing in one product. Values in rupees."""

    security: Security
    product: Product
    overnight: int = 0
    overnight_price: Decimal = ZERO
    close_price: Decimal = ZERO
    day_buy: int = 0
    day_buy_value: Decimal = ZERO
    day_sell: int = 0
    day_sell_value: Decimal = ZERO

    @property
    def net(self) -> int:
        """Units held now; negative when short."""
        return self.overnight + self.day_buy - self.day_sell

    @property
    def buy_quantity(self) -> int:
        """Units bought, carried ones included."""
        return self.day_buy + max(0, self.overnight)

    @property
    def sell_quantity(self) -> int:
        """Units sold, carried ones included."""
        return self.day_sell + max(0, -self.overnight)

    @property
    def buy_value(self) -> Decimal:
        """Rupees paid, carried units at their price."""
        return self.day_buy_value + max(0, self.overnight) * self.overnight_price

    @property
    def sell_value(self) -> Decimal:
        """Rupees received, carried units at their price."""
        return self.day_sell_value + max(0, -self.overnight) * self.overnight_price

    @property
    def buy_price(self) -> Decimal:
        """Average rupees of all buys, 0 without."""
        return self.buy_value / self.buy_quantity if self.buy_quantity else ZERO

    @property
    def sell_price(self) -> Decimal:
        """Average rupees of all sells, 0 without."""
        return self.sell_value / self.sell_quantity if self.sell_quantity else ZERO

    @property
    def average_price(self) -> Decimal:
        """Average rupees of what is open, 0 when flat."""
        if self.net == 0:
            return ZERO
        return self.buy_price if self.net > 0 else self.sell_price

    @property
    def realised(self) -> Decimal:
        """Rupees made by what was opened and closed."""
        closed = min(self.buy_quantity, self.sell_quantity)
        return (self.sell_price - self.buy_price) * closed

    def pnl(self, last: Decimal) -> Decimal:
        """Return rupees made at the last price, realised and open."""
        return self.sell_value - self.buy_value + self.net * last


@dataclass(slots=True, eq=False)
class SimAccount:
    """One login at one broker, with its money, shares and live orders.

    Parameters
    ----------
    secrets : dict
        What logging in needs: ``api_secret`` (Kite); ``pin`` and ``totp_secret`` (SmartAPI).
    demat_consent : bool
        Whether sales need no authorisation at the depository.
    """

    broker: str
    client_id: str
    name: str
    email: str
    api_key: str
    secrets: dict[str, str] = field(repr=False)
    cash: Decimal
    collateral: Decimal = ZERO
    demat_consent: bool = True
    redirect_url: str = ""
    holdings: dict[str, SimHolding] = field(default_factory=dict)
    positions: dict[tuple[str, Product], SimPosition] = field(default_factory=dict)
    live: dict[str, SimOrder] = field(default_factory=dict)
    book: dict[str, SimOrder] = field(default_factory=dict)
    fills: list[SimFill] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SimFunds:
    """Money of an account in rupees.

    Parameters
    ----------
    net : Decimal
        What is left to trade with: cash, collateral, realised profit and 80 percent of today's sales, less `used`.
    used : Decimal
        Delivery buys of today, margin of positions (`span` and `exposure`), net option premium, and what live `orders` block.
    """

    net: Decimal
    cash: Decimal
    collateral: Decimal
    used: Decimal
    delivery: Decimal
    span: Decimal
    exposure: Decimal
    option_premium: Decimal
    orders: Decimal
    holding_sales: Decimal
    realised: Decimal
    unrealised: Decimal
    turnover: Decimal
