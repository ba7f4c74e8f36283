"""What the risk gate is given and what it answers. Everything is a value, so that any decision can be replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from enum import StrEnum

from sigma.domain.accounts import TradingMode
from sigma.domain.orders import OrderType, Product


class Scope(StrEnum):
    """Where a limit holds."""

    GLOBAL = "GLOBAL"
    STRATEGY = "STRATEGY"
    ACCOUNT = "ACCOUNT"


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """Limits of one scope; None means not limited here.

    Parameters
    ----------
    max_quantity_per_order : int or None
        Units.
    max_order_value : Decimal or None
        Rupees; a market order is valued at the last price.
    allow_short_selling : bool or None
        False: a SELL beyond what is held is refused.
    max_daily_loss : Decimal or None
        Rupees above 0: realised and open loss since the session's start (IST), after charges, at which entries stop.
    max_open_positions : int or None
        Distinct (listing, product), working entries included.
    max_orders_per_minute : int or None
        Orders admitted in any 60 seconds.
    max_exposure : Decimal or None
        Rupees at work in one security (all its listings and derivatives' own listings apart), across the user's accounts.
    allow, deny : frozenset of str or None
        Listings that may, and may not, be entered.
    products, order_types : frozenset or None
        Those that may be entered with.
    entries_until, square_off_at : time or None
        On the Indian clock: no entry from then on; intraday positions of the scope are closed then.
    cooldown_s : int or None
        Seconds without an entry in a listing after a losing round trip there.
    drawdown_caution, drawdown_stop : Decimal or None
        Rupees below the highest point of the scope's result since it began: from the first on entries are halved, from the
        second on there are none.
    clamp : frozenset of str
        Names of those limits that lower a quantity where they can instead of refusing it.
    """

    scope: Scope = Scope.GLOBAL
    strategy: str = ""
    account_id: int | None = None
    max_quantity_per_order: int | None = None
    max_order_value: Decimal | None = None
    allow_short_selling: bool | None = None
    max_daily_loss: Decimal | None = None
    max_open_positions: int | None = None
    max_orders_per_minute: int | None = None
    max_exposure: Decimal | None = None
    allow: frozenset[str] | None = None
    deny: frozenset[str] | None = None
    products: frozenset[Product] | None = None
    order_types: frozenset[OrderType] | None = None
    entries_until: time | None = None
    square_off_at: time | None = None
    cooldown_s: int | None = None
    drawdown_caution: Decimal | None = None
    drawdown_stop: Decimal | None = None
    clamp: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class KillState:
    """Whether new orders are blocked, for whom, since when and why.

    `account_id` None: for all of the user's accounts; `strategy` empty: for all strategies and for people.
    """

    on: bool
    reason: str = ""
    at: datetime | None = None
    by: str = ""
    account_id: int | None = None
    strategy: str = ""


@dataclass(frozen=True, slots=True)
class RiskSnapshot:
    """What the gate looks at, taken in the transaction that decides.

    Parameters
    ----------
    position : int or None
        Signed units held in this listing and product (holdings included for CNC), by fresh facts; None when not known.
    exits_working : int
        Units that orders already at work would take from it, or took after it was read.
    exits_filled : int
        Units that had been executed in the order's direction today, as far as known when the position was read.
    last_price : Decimal or None
        Rupees; None when there is no quote young enough.
    kills : tuple of KillState
        Those that are on and concern this account.
    """

    trading_mode: TradingMode
    position: int | None = None
    exits_working: int = 0
    last_price: Decimal | None = None
    price_at: datetime | None = None
    kills: tuple[KillState, ...] = ()
    exits_filled: int = 0


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule's word: ALLOW, CLAMP (allowed with a lower `quantity`), or REJECT, with a code and the numbers behind it."""

    rule: str
    allowed: bool
    code: str = ""
    text: str = ""
    quantity: int | None = None
    numbers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RiskDecision:
    """The gate's verdict on one order with every rule's word; stored with its inputs.

    `quantity` is what may go (units): below what was asked for when a limit clamped it, 0 when it is refused.
    """

    allowed: bool
    code: str
    text: str
    results: tuple[RuleResult, ...]
    inputs: Mapping[str, object] = field(default_factory=dict)
    decided_at: datetime | None = None
    order_id: int | None = None
    quantity: int = 0
    id: int = 0
