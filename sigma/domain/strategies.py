"""Strategies: what may trade for a person, where, with which share, and what it does when the market is closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sigma.domain.ledger import DayResult
from sigma.domain.orders import OrderMode, OrderType, Product

LONGEST_NAME, LONGEST_DESCRIPTION = 60, 500


class OffHours(StrEnum):
    """What becomes of an order that a broker refuses because the market is closed.

    AMO: a linked after-market order. GTT: a resting trigger where the broker has one. WAIT: a linked order that is decided
    and sent when the exchange opens. FAIL: the broker's refusal stands.
    """

    AMO = "AMO"
    GTT = "GTT"
    WAIT = "WAIT"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class StrategyShare:
    """An account that a strategy executes on.

    Parameters
    ----------
    multiplier : Decimal
        What a signal's quantity is multiplied with here, then floored to whole lots.
    """

    account_id: int
    multiplier: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class Strategy:
    """What may trade for a person.

    Parameters
    ----------
    name : str
        Unique among the user's strategies whatever its case; orders, fills and limits carry it, so it never changes.
    enabled : bool
        False: its signals wait in the queue for a person.
    mode : OrderMode
        AUTO executes by itself through the risk gate; MANUAL waits for approval.
    product, order_type : Product, OrderType or None
        For signals that say none.
    archived : bool
        Deleted for people, kept for its history.
    """

    id: int
    user_id: int
    name: str
    created_at: datetime
    description: str = ""
    enabled: bool = True
    mode: OrderMode = OrderMode.MANUAL
    shares: tuple[StrategyShare, ...] = ()
    product: Product | None = None
    order_type: OrderType | None = None
    off_hours: OffHours = OffHours.FAIL
    archived: bool = False
    version: int = 1

    @property
    def acts(self) -> bool:
        """Whether it executes by itself."""
        return self.enabled and self.mode is OrderMode.AUTO and not self.archived

    def places(self, names: Mapping[int, str]) -> str:
        """Return its accounts in words, by their names: ``main, huf x 0.5``; empty without one."""
        return ", ".join(
            names.get(share.account_id, f"account {share.account_id}")
            + ("" if share.multiplier == 1 else f" x {share.multiplier.normalize():f}")
            for share in self.shares
        )


@dataclass(frozen=True, slots=True)
class StrategyPosition:
    """What a strategy holds by its own fills: signed units.

    Parameters
    ----------
    last_price : Decimal or None
        Rupees, of the moment `priced_at` (UTC); None when no price is known.
    """

    strategy: str
    account_id: int
    listing: str
    product: Product
    quantity: int
    last_price: Decimal | None = None
    priced_at: datetime | None = None

    @property
    def value(self) -> Decimal | None:
        """Rupees at the last price, 0 or more; None without one."""
        return None if self.last_price is None else abs(self.quantity) * self.last_price


@dataclass(frozen=True, slots=True)
class StrategyDay:
    """What a session came to for a strategy: on live accounts, and apart from them on simulated ones."""

    strategy: str
    live: DayResult
    simulated: DayResult

    @property
    def sides(self) -> tuple[tuple[bool, DayResult], tuple[bool, DayResult]]:
        """Both with whether it is the simulated one."""
        return (False, self.live), (True, self.simulated)


class ShareState(StrEnum):
    """What became of a signal on one account.

    PENDING: an exit without a quantity, which the worker sizes by what is held. DONE: its order is stored. SKIPPED: there is
    none, and the note says why. FAILED: it could not be made out, and the note says why.
    """

    PENDING = "PENDING"
    DONE = "DONE"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class SignalShare:
    """One account's part of a signal: unique by (signal, account). `quantity` is units, None while PENDING."""

    id: int
    user_id: int
    signal_id: int
    account_id: int
    state: ShareState
    updated_at: datetime
    quantity: int | None = None
    order_id: int | None = None
    note: str = ""
    version: int = 1

    def words(self, names: Mapping[int, str]) -> str:
        """Return what became of it, by the accounts' names: ``main: order 5``, ``huf: skipped, nothing held``."""
        place = names.get(self.account_id, f"account {self.account_id}")
        came = f"order {self.order_id}" if self.order_id is not None else ", ".join(filter(None, (self.state.lower(), self.note)))
        return f"{place}: {came}"
