"""What the risk gate is given and what it answers. Everything is a value, so that any decision can be replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sigma.domain.accounts import TradingMode


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
    """

    scope: Scope = Scope.GLOBAL
    strategy: str = ""
    account_id: int | None = None
    max_quantity_per_order: int | None = None
    max_order_value: Decimal | None = None


@dataclass(frozen=True, slots=True)
class KillState:
    """Whether new orders are blocked, for whom, since when and why. `account_id` None: for all of the user's accounts."""

    on: bool
    reason: str = ""
    at: datetime | None = None
    by: str = ""
    account_id: int | None = None


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
    """One rule's word: ALLOW, or REJECT with a code and the numbers behind it."""

    rule: str
    allowed: bool
    code: str = ""
    text: str = ""
    numbers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RiskDecision:
    """The gate's verdict on one order with every rule's word; stored with its inputs."""

    allowed: bool
    code: str
    text: str
    results: tuple[RuleResult, ...]
    inputs: Mapping[str, object] = field(default_factory=dict)
    decided_at: datetime | None = None
    order_id: int | None = None
    id: int = 0
