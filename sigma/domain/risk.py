"""What the risk gate is given and what it answers. Everything is a value, so that any decision can be replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from enum import StrEnum

from sigma.domain.accounts import TradingMode
from sigma.domain.ledger import DayResult
from sigma.domain.orders import Order, OrderType, Product, Side


class Scope(StrEnum):
    """Where a limit holds."""

    GLOBAL = "GLOBAL"
    STRATEGY = "STRATEGY"
    ACCOUNT = "ACCOUNT"


CLAMPABLE = frozenset({"max_quantity_per_order", "max_order_value", "max_exposure", "allow_short_selling"})
"""Limits that can lower a quantity. The others say yes or no (drawdown_caution always halves)."""


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
        Names of those limits that lower a quantity instead of refusing it; of CLAMPABLE.
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


LimitValue = int | Decimal | bool | time | frozenset[str] | None


@dataclass(frozen=True, slots=True)
class EffectiveLimit:
    """One limit as it holds for an order: the strictest of its scopes, None when none sets it.

    Parameters
    ----------
    scopes : tuple of Scope
        Where the value comes from.
    clamps : bool
        It lowers a quantity instead of refusing it.
    """

    name: str
    value: LimitValue = None
    scopes: tuple[Scope, ...] = ()
    clamps: bool = False


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

    def stops(self, account_id: int | None, strategy: str) -> bool:
        """Say whether it is on and concerns what a strategy (empty: a person) does on an account, whatever the name's case."""
        mine = self.account_id in (None, account_id) and self.strategy.casefold() in ("", strategy.casefold())
        return self.on and mine


@dataclass(frozen=True, slots=True)
class ScopeFacts:
    """What the gate knows of one scope; None: no limit asked for it, or it is not known.

    Parameters
    ----------
    positions : int or None
        Distinct (listing, product) that are open or being entered, without the one of the order.
    orders : int or None
        Other orders admitted in the last 60 seconds.
    day : DayResult or None
        Rupees since the session began; of what has no price the first few listings are named.
    last_loss : datetime or None
        When the last losing round trip in the order's listing was closed.
    """

    scope: Scope
    positions: int | None = None
    orders: int | None = None
    day: DayResult | None = None
    last_loss: datetime | None = None


@dataclass(frozen=True, slots=True)
class RiskSnapshot:
    """What the gate looks at, taken in the transaction that decides.

    Parameters
    ----------
    position : int or None
        Signed units held in this listing and product (holdings included for CNC), read from the broker just before; None when
        it was not read.
    exits_working : int
        Units that orders already at work would take from it, or took after it was read.
    last_price : Decimal or None
        Rupees; None when there is no quote young enough.
    kills : tuple of KillState
        Those that are on and concern this account and strategy.
    exits_filled : int
        Units that had been executed in the order's direction today, as far as known when the position was read.
    ledger : int or None
        The same by openings and fills; None when no limit asks, or where the broker was asked and counts alone: this session's
        opening was never adopted, or it is an exit of a stop or a square-off.
    ledger_working : int
        Units that orders already at work would take from `ledger`.
    lot_size : int
        Units; what is lowered is floored to whole lots.
    filled : int
        Units that the order itself has executed (it is to be modified).
    reduce_only : bool
        It may only make the position smaller: it is capped at what can be closed.
    killing : bool
        It is an exit of a kill switch that is on: neither the switch nor PAUSED stops it.
    automatic : bool
        A strategy sends it by itself, no person approved it.
    enabled : bool
        Whether strategies may send on this account.
    amending : bool
        A modify of an order that works: nothing is lowered, what would be is refused.
    raises : bool
        It raises exposure; False only for a modify that asks for no more than what works already.
    unsettled : int
        Orders of the user whose outcome only a person can close: positions and results are not known.
    exposure : Decimal or None
        Rupees at work in the security without this order, over the user's accounts; None when no limit asks or it cannot be
        valued.
    scopes : tuple of ScopeFacts
        Of the scopes that have limits.
    """

    trading_mode: TradingMode
    position: int | None = None
    exits_working: int = 0
    last_price: Decimal | None = None
    price_at: datetime | None = None
    kills: tuple[KillState, ...] = ()
    exits_filled: int = 0
    ledger: int | None = None
    ledger_working: int = 0
    lot_size: int = 1
    filled: int = 0
    reduce_only: bool = False
    killing: bool = False
    automatic: bool = False
    enabled: bool = True
    amending: bool = False
    raises: bool = True
    unsettled: int = 0
    exposure: Decimal | None = None
    scopes: tuple[ScopeFacts, ...] = ()

    def of(self, scope: Scope) -> ScopeFacts:
        """Return what is known of a scope."""
        for facts in self.scopes:
            if facts.scope is scope:
                return facts
        return ScopeFacts(scope)

    def closable(self, side: Side) -> int | None:
        """Return how many units of this direction would only reduce, by the lower of the views there are; None without one."""
        views = [
            max(0, -held * side.sign - working)
            for held, working in ((self.position, self.exits_working), (self.ledger, self.ledger_working))
            if held is not None
        ]
        return min(views) if views else None


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


@dataclass(frozen=True, slots=True)
class GateDay:
    """What the gate said since midnight (IST, `since` in UTC): how often it allowed and stopped, and the newest refusals."""

    since: datetime
    allowed: int
    stopped: int
    refusals: tuple[tuple[RiskDecision, Order], ...] = ()


@dataclass(frozen=True, slots=True)
class Replay:
    """A stored decision, and the same taken again from what was stored with it."""

    stored: RiskDecision
    again: RiskDecision

    @property
    def same(self) -> bool:
        """Whether both say the same: the verdict, and each rule that spoke then.

        Rules that came later do not count against it, nor does a quantity that an older version did not store.
        """
        old, new = self.stored, self.again
        words = {result.rule: result for result in new.results}
        kept = all(_word(result) == _word(words.get(result.rule)) for result in old.results)
        quantity = old.quantity == new.quantity or (old.allowed and not old.quantity)
        return kept and quantity and (old.allowed, old.code) == (new.allowed, new.code)


def _word(result: RuleResult | None) -> tuple[object, ...] | None:
    return None if result is None else (result.allowed, result.code, result.quantity)
