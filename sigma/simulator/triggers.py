"""Triggers that rest at a broker (Kite's GTT): they outlive the day, and place a limit order when a price is reached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import count
from typing import TYPE_CHECKING

from sigma.domain.money import on_tick
from sigma.domain.orders import OrderType, Product, Side
from sigma.simulator.checks import check_product, check_request
from sigma.simulator.model import PLAIN, PlaceRequest, Refusal, SimAccount, SimOrder, Twist
from sigma.simulator.securities import Security

if TYPE_CHECKING:
    from sigma.simulator.exchange import Exchange

MOST_ACTIVE = 250
LIFE = timedelta(days=365)
_NEAREST, _NEAREST_CHEAP, _CHEAP = Decimal("0.0025"), Decimal("0.09"), Decimal(50)
"""A trigger lies a quarter of a percent from the last price, below 50 rupees nine paise (support.zerodha.com)."""

Accept = Callable[[SimAccount, Security, PlaceRequest, datetime, int, Twist], SimOrder]


class TriggerState(StrEnum):
    """Where a trigger is."""

    ACTIVE = "active"
    TRIGGERED = "triggered"
    DISABLED = "disabled"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class SimLeg:
    """A limit order that waits for a price: rupees, units."""

    trigger_price: Decimal
    price: Decimal
    quantity: int


@dataclass(frozen=True, slots=True)
class Fired:
    """What became of a leg's order: its id, or why there is none."""

    leg: int
    at: datetime
    price: Decimal
    order_id: str = ""
    rejection: str = ""


@dataclass(frozen=True, slots=True)
class TriggerWish:
    """What a request asks for; `last_price` is what the client says it was."""

    listing: str
    side: Side
    product: Product
    legs: tuple[SimLeg, ...]
    last_price: Decimal


@dataclass(slots=True)
class SimTrigger:
    """One trigger of an account."""

    id: int
    account: SimAccount
    security: Security
    wish: TriggerWish
    created_at: datetime
    updated_at: datetime
    visible_at: datetime
    expires_at: datetime
    state: TriggerState = TriggerState.ACTIVE
    fired: Fired | None = field(default=None)


class Triggers:
    """The triggers of all accounts. They are looked at whenever the exchange matches; all acts take its lock."""

    def __init__(self, exchange: Exchange, accept: Accept) -> None:
        self._exchange = exchange
        self._accept = accept
        self._all: dict[int, SimTrigger] = {}
        self._numbers = count(112_127)

    @property
    def waiting(self) -> bool:
        """Whether any may still fire."""
        return any(one.state is TriggerState.ACTIVE for one in self._all.values())

    def place(self, account: SimAccount, wish: TriggerWish, twist: Twist = PLAIN) -> SimTrigger:
        """Keep a new trigger.

        Raises
        ------
        Refusal
            ``unknown_listing``, ``product``, ``price``, ``tick``, ``quantity``, ``trigger`` or ``too_many_triggers``.
        """
        exchange = self._exchange
        with exchange.lock:
            now = exchange.catch_up()
            security = self._checked(wish)
            active = [one for one in self._all.values() if one.account is account and one.state is TriggerState.ACTIVE]
            if len(active) >= MOST_ACTIVE:
                raise Refusal("too_many_triggers", f"{MOST_ACTIVE} triggers are active")
            made = SimTrigger(
                next(self._numbers), account, security, wish, now, now, now + timedelta(seconds=twist.visible_after_s), now + LIFE
            )
            self._all[made.id] = made
            return replace(made)

    def modify(self, account: SimAccount, trigger_id: int, wish: TriggerWish) -> SimTrigger:
        """Change an active trigger into what is wanted.

        Raises
        ------
        Refusal
            ``unknown_trigger``, or as for a new one.
        """
        with self._exchange.lock:
            now = self._exchange.catch_up()
            found = self._active(account, trigger_id)
            if (wish.listing, wish.side) != (found.wish.listing, found.wish.side):
                raise Refusal("trigger", "the instrument of a trigger cannot be changed")
            self._checked(wish)
            found.wish, found.updated_at = wish, now
            return replace(found)

    def delete(self, account: SimAccount, trigger_id: int) -> SimTrigger:
        """Take an active trigger away; Refusal ``unknown_trigger`` when it is none."""
        with self._exchange.lock:
            now = self._exchange.catch_up()
            found = self._active(account, trigger_id)
            found.state, found.updated_at = TriggerState.DELETED, now
            return replace(found)

    def end(self, trigger_id: int, state: TriggerState) -> SimTrigger | None:
        """End an active trigger as the broker would by itself; None when there is none."""
        with self._exchange.lock:
            found = self._all.get(trigger_id)
            if found is None or found.state is not TriggerState.ACTIVE:
                return None
            found.state, found.updated_at = state, self._exchange.catch_up()
            return replace(found)

    def of(self, account: SimAccount, *, hidden: bool = False) -> Sequence[SimTrigger]:
        """Return an account's triggers, oldest first, those that ended too; one not visible yet only with `hidden`."""
        with self._exchange.lock:
            now = self._exchange.catch_up()
            mine = [one for one in self._all.values() if one.account is account]
            return [replace(one) for one in mine if hidden or one.visible_at <= now]

    def look(self, at: datetime) -> None:
        """Let fire what has reached its price at `at`, and expire what is too old. Called under the lock."""
        for one in self._all.values():
            if one.state is not TriggerState.ACTIVE:
                continue
            if at >= one.expires_at:
                one.state, one.updated_at = TriggerState.EXPIRED, at
            elif self._exchange.calendar.is_open(one.security.exchange, at):
                self._watch(one, at)

    def _watch(self, one: SimTrigger, at: datetime) -> None:
        price, base = self._exchange.price_at(one.security, at), one.wish.last_price
        for number, leg in enumerate(one.wish.legs):
            rising = leg.trigger_price > base
            if price >= leg.trigger_price if rising else price <= leg.trigger_price:
                self._fire(one, number, leg, price, at)
                return

    def _fire(self, one: SimTrigger, number: int, leg: SimLeg, price: Decimal, at: datetime) -> None:
        exchange, wish = self._exchange, one.wish
        one.state, one.updated_at = TriggerState.TRIGGERED, at
        request = PlaceRequest(wish.listing, wish.side, leg.quantity, OrderType.LIMIT, wish.product, price=leg.price)
        try:
            security = check_request(request, exchange.universe, exchange.calendar, at)
        except Refusal as refusal:
            one.fired = Fired(number, at, price, rejection=refusal.message)
            return
        order = self._accept(one.account, security, request, at, 0, PLAIN)
        one.fired = Fired(number, at, price, order_id=order.order_id)

    def _active(self, account: SimAccount, trigger_id: int) -> SimTrigger:
        found = self._all.get(trigger_id)
        if found is None or found.account is not account or found.state is not TriggerState.ACTIVE:
            raise Refusal("unknown_trigger", f"trigger {trigger_id} is not active")
        return found

    def _checked(self, wish: TriggerWish) -> Security:
        security = self._exchange.universe.get(wish.listing)
        if security is None:
            raise Refusal("unknown_listing", f"{wish.listing} is not in the table of securities")
        check_product(wish.product, security)
        last = self._exchange.price_at(security, self._exchange.now())
        for leg in wish.legs:
            if leg.quantity <= 0 or leg.quantity % security.lot:
                raise Refusal("quantity", f"quantity must be a multiple of {security.lot}, was {leg.quantity}")
            if leg.price <= 0 or not on_tick(leg.price, security.tick) or not on_tick(leg.trigger_price, security.tick):
                raise Refusal("tick", f"prices must be multiples of {security.tick}")
            nearest = _NEAREST_CHEAP if last < _CHEAP else last * _NEAREST
            if abs(leg.trigger_price - last) < nearest:
                raise Refusal("trigger", f"trigger {leg.trigger_price} is too near to the last price {last}")
        prices = [leg.trigger_price for leg in wish.legs]
        if len(prices) == 2 and not prices[0] < last < prices[1]:
            raise Refusal("trigger", f"the triggers {prices[0]} and {prices[1]} must lie on both sides of {last}")
        return security
