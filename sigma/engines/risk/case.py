"""What a rule is given (a Case), how rules are registered, and the three words that a rule can say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from functools import cache
from typing import Any

from sigma.domain.accounts import TradingMode
from sigma.domain.orders import OrderRequest, Side
from sigma.domain.risk import RiskLimits, RiskSnapshot, RuleResult


@dataclass(frozen=True, slots=True)
class Case:
    """One order before the gate.

    Parameters
    ----------
    limits : sequence of RiskLimits
        Those that concern the order: global, then its strategy's, then its account's.
    remaining : int
        Units that are still to be executed of what was asked for.
    closable : int or None
        Units of this direction that would only reduce; None when the position is not known.
    asked : int
        `remaining`, or what of it can be closed where only exits are allowed. Limits that refuse judge this, whatever a
        clamp left: else a tighter clamp could let through what was refused before.
    reduces : bool
        It only reduces a position, or is a modify that asks for no more than what works already: limits on entries pass it.
    """

    order: OrderRequest
    book: RiskSnapshot
    limits: Sequence[RiskLimits]
    now: datetime
    remaining: int
    closable: int | None
    asked: int
    reduces: bool

    def set(self, name: str) -> list[tuple[RiskLimits, Any]]:
        """Return the scopes in which a limit on entries is set, with its value; none when the order is no entry."""
        if self.reduces:
            return []
        return [(row, value) for row in self.limits if (value := getattr(row, name)) is not None]

    def lots(self, units: int) -> int:
        """Return `units` floored to whole lots."""
        return units - units % self.book.lot_size


def case_of(order: OrderRequest, book: RiskSnapshot, limits: Sequence[RiskLimits], now: datetime) -> Case:
    """Return an order with what follows from the facts alone."""
    remaining, closable = order.quantity - book.filled, book.closable(order.side)
    asked = remaining
    if book.trading_mode is TradingMode.EXIT_ONLY or book.reduce_only:
        asked = min(remaining, closable or 0)
        if book.amending and asked < remaining:
            asked = 0  # a modify asks for one quantity and no other
        asked -= asked % book.lot_size
    reduces = (closable is not None and asked <= closable) or (book.amending and not book.raises)
    return Case(order, book, limits, now, remaining, closable, asked, reduces)


Rule = Callable[[Case, int], RuleResult]
"""Takes a case and the units that the rules before left."""


class Place(IntEnum):
    """When a rule speaks: the first refusal gives the verdict its code, and clamps see what those before left."""

    STANDING = 1
    ENTRY = 2
    RESULT = 3
    SIZE = 4


_REGISTERED: dict[str, tuple[Place, Rule]] = {}


def rule(name: str, place: Place) -> Callable[[Rule], Rule]:
    """Register a rule under `name`; rules of one place run in the order of their definition."""

    def register(function: Rule) -> Rule:
        if name in _REGISTERED:
            raise ValueError(f"risk rule {name} is defined twice")
        _REGISTERED[name] = (place, function)
        return function

    return register


def in_order() -> tuple[tuple[str, Rule], ...]:
    """Return the registered rules in the order in which they run."""
    rules = sorted(_REGISTERED.items(), key=lambda item: item[1][0])
    return tuple((name, function) for name, (_, function) in rules)


def allow(name: str, **numbers: object) -> RuleResult:
    """Return a rule's consent."""
    if not numbers:
        return _plainly(name)
    return RuleResult(name, True, numbers={key: str(value) for key, value in numbers.items()})


@cache
def _plainly(name: str) -> RuleResult:
    return RuleResult(name, True)


def reject(name: str, code: str, text: str, **numbers: object) -> RuleResult:
    """Return a rule's refusal."""
    return RuleResult(name, False, code, text, numbers={key: str(value) for key, value in numbers.items()})


def lowered(name: str, code: str, text: str, to: int, **numbers: object) -> RuleResult:
    """Return a rule's consent to fewer units."""
    return RuleResult(name, True, code, text, to, {key: str(value) for key, value in numbers.items()})


def bounded(
    case: Case,
    left: int,
    name: str,
    code: str,
    room: Sequence[tuple[RiskLimits, int]],
    words: Callable[[], str],
    **numbers: object,
) -> RuleResult:
    """Return a rule's word on a quantity that may be at most so many units in each scope.

    Parameters
    ----------
    room : sequence of (RiskLimits, int)
        A scope and its bound in units. It lowers `left` to whole lots when the scope says so for the limit `name`; else it
        refuses what was asked for beyond it.
    words : callable
        Gives what the bound is, to follow "quantity 12 ".
    """
    after = left
    for row, most in room:
        if name in row.clamp and not case.book.amending:
            after = min(after, case.lots(max(0, most))) if most < after else after
        elif case.asked > most:
            return reject(name, code, f"quantity {case.asked} {words()}", scope=row.scope, quantity=case.asked, **numbers)
    if after >= left:
        return allow(name, quantity=left, **numbers)
    lower = f"quantity {left} {words()}"
    if after <= 0:
        return reject(name, code, f"{lower}, and less than one lot would be left", quantity=left, **numbers)
    return lowered(name, code, f"{lower}: lowered to {after}", after, quantity=left, **numbers)


def unit_price(order: OrderRequest, last: Decimal | None) -> Decimal | None:
    """Return what a unit of an order is valued at, rupees; None when that needs a last price and there is none.

    A market order is valued at the last price, a stop at the higher of its prices, a SELL limit at the higher of its limit
    and the last price, since it executes there.
    """
    if last is None and not order.order_type.has_price:
        return None
    prices = [price for price in (order.price, order.trigger_price) if price is not None]
    if last is not None and (order.side is Side.SELL or not prices):
        prices.append(last)
    return max(prices)
