"""An order's way after acceptance, and the day of the exchange, as events on its clock.

Nothing here runs by itself: `advance` processes whatever fell due up to a moment, in order and at the moment it was due,
so a clock that jumps hours passes square-off, close and night on the way.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from random import Random
from typing import Protocol
from uuid import UUID

from sigma.domain.calendar import Calendar
from sigma.domain.instruments import Exchange
from sigma.domain.money import ZERO
from sigma.domain.orders import OrderType, Product, Side, Variety
from sigma.domain.times import ist, ist_date, next_ist, to_ist
from sigma.engines.matching import AUTOMATIC, Execution, MarketView, WorkingOrder, match
from sigma.simulator.checks import rejection
from sigma.simulator.config import SimConfig
from sigma.simulator.depth import Depth
from sigma.simulator.ledger import apply_fill, overnight
from sigma.simulator.model import Change, PlaceRequest, SimAccount, SimFill, SimOrder, State, Twist
from sigma.simulator.prices import PriceProcess
from sigma.simulator.securities import Security, Universe

ROLL_AT, SQUARE_OFF_AT = time(6, 0), time(15, 20)
_SWEEP_S, _MAX_SAMPLES = 0.2, 64


@dataclass(slots=True)
class Floor:
    """What the exchange consists of; guarded by the lock of `Exchange`."""

    config: SimConfig
    calendar: Calendar
    universe: Universe
    prices: PriceProcess
    depth: Depth
    accounts: list[SimAccount]
    random: Random
    orders: dict[str, SimOrder] = field(default_factory=dict)
    fills: list[SimFill] = field(default_factory=list)
    numbers: count[int] = field(default_factory=lambda: count(100_001))
    listeners: list[Callable[[SimOrder], None]] = field(default_factory=list)
    watchers: list[Watcher] = field(default_factory=list)

    def heard(self, look: SimOrder) -> None:
        """Pass on that an order looks new."""
        for listener in self.listeners:
            listener(look)

    def view(self, now: datetime) -> Callable[[Security], MarketView]:
        """Return the market at `now` as a function of the security."""
        return lambda security: self.depth.view(security, now)

    def last(self, now: datetime) -> Callable[[Security], Decimal]:
        """Return last prices at `now` as a function of the security."""
        return lambda security: self.prices.last(security, now)


class Watcher(Protocol):
    """What looks at prices beside the orders at the exchange."""

    @property
    def waiting(self) -> bool:
        """Whether there is anything to look for."""

    def look(self, at: datetime) -> None:
        """Look at the prices of a moment."""


class Lifecycle:
    """Moves orders and days along the exchange's clock."""

    def __init__(self, floor: Floor, now: datetime) -> None:
        self._floor = floor
        self._events: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._sequence = count()
        self._swept = now
        self._done = now
        self._closed_session: date | None = None
        self._owners = {(account.broker, account.client_id): account for account in floor.accounts}
        self._plan_day(now)

    # -- the clock -------------------------------------------------------------------------------------------------

    def advance(self, now: datetime, *, force: bool = False) -> None:
        """Process everything due up to `now`; `force` also matches resting orders that were matched just now."""
        while self._events and self._events[0][0] <= now:
            due, _, act = heapq.heappop(self._events)
            self._sweep(due, force=False)
            act(due)
        self._sweep(now, force=force)
        self._done = max(self._done, now)

    def next_due(self) -> datetime | None:
        """Return when something is due next."""
        return self._events[0][0] if self._events else None

    @property
    def reached(self) -> datetime:
        """Up to when everything has been processed."""
        return self._done

    def _after(self, at: datetime, seconds: float, act: Callable[[datetime], None]) -> None:
        heapq.heappush(self._events, (at + timedelta(seconds=seconds), next(self._sequence), act))

    def _plan_day(self, after: datetime) -> None:
        """Plan what is left of the day that `after` falls into, up to and including the next roll."""
        calendar, day = self._floor.calendar, ist_date(after)
        self._after(next_ist(after, ROLL_AT), 0, self._roll)
        hours = calendar.session(Exchange.NSE, day)
        if to_ist(after).time() < ROLL_AT or hours is None:
            return
        plan = ((hours.opens, self._release_amo), (SQUARE_OFF_AT, self._square_off), (hours.closes, self._close))
        for at, act in plan:
            if ist(day, at) > after:
                self._after(ist(day, at), 0, act)

    # -- the way of an order ---------------------------------------------------------------------------------------

    def accept(
        self, account: SimAccount, security: Security, request: PlaceRequest, now: datetime, request_ns: int, twist: Twist
    ) -> SimOrder:
        """Give a checked request an id, put it into the book and send it on its way."""
        floor, amo = self._floor, request.variety is Variety.AMO
        visible = now + timedelta(seconds=max(twist.visible_after_s, floor.config.book_visibility_s))
        order = SimOrder(
            order_id=f"{to_ist(now):%y%m%d}{next(floor.numbers):09d}",
            unique_id=str(UUID(int=floor.random.getrandbits(128), version=4)),
            broker=account.broker, client_id=account.client_id, security=security, side=request.side, quantity=request.quantity,
            order_type=request.order_type, requested_type=request.order_type, product=request.product, variety=request.variety,
            validity=request.validity, price=request.price, trigger_price=request.trigger_price,
            disclosed_quantity=request.disclosed_quantity, market_protection=request.market_protection, tag=request.tag,
            placed_at=now, updated_at=now, visible_at=visible, session_date=floor.calendar.session_date(security.exchange, now),
            request_ns=request_ns, working=_working(request), tag_lost=twist.lose_tag, reject_message=twist.reject_message,
            heard=floor.heard,
        )  # fmt: skip
        floor.orders[order.order_id] = order
        account.book[order.order_id] = order
        account.live[order.order_id] = order
        order.enter(State.AMO_RECEIVED if amo else State.RECEIVED, now)
        if not amo:
            self._after(now, floor.config.accept_delay_s, lambda at: self._validate(order, at))
        return order

    def change(self, order: SimOrder, change: Change, now: datetime) -> None:
        """Send a checked modification on its way."""
        order.modifications += 1
        if order.state is State.AMO_RECEIVED:
            _apply(order, change)
            order.enter(State.AMO_RECEIVED, now)
            return
        order.pending_change = change
        order.enter(State.MODIFY_VALIDATING, now)
        self._after(now, self._floor.config.step_delay_s, lambda at: self._modifying(order, at))

    def cancel(self, order: SimOrder, now: datetime, *, lose_to_fill: bool) -> None:
        """Send a cancellation on its way; with `lose_to_fill` the order executes completely instead."""
        order.fill_instead_of_cancel = lose_to_fill
        order.enter(State.CANCELLING, now)
        self._after(now, self._floor.config.step_delay_s, lambda at: self._cancelled(order, at))

    def _account(self, order: SimOrder) -> SimAccount:
        return self._owners[order.broker, order.client_id]

    def _validate(self, order: SimOrder, at: datetime) -> None:
        if not order.state.final:
            order.enter(State.VALIDATING, at)
            self._after(at, self._floor.config.step_delay_s, lambda then: self._opening(order, then))

    def _opening(self, order: SimOrder, at: datetime) -> None:
        if order.state.final:
            return
        message = order.reject_message or self._rejection(order, at)
        if message:
            self._finish(order, State.REJECTED, at, message)
            return
        order.enter(State.OPENING, at)
        self._after(at, self._floor.config.step_delay_s, lambda then: self._open(order, then))

    def _rejection(self, order: SimOrder, at: datetime) -> str:
        if order.product is Product.MIS and to_ist(at).time() >= SQUARE_OFF_AT:
            return "RMS:Rule: MIS orders are not allowed after the square-off time."
        floor = self._floor
        return rejection(self._account(order), order, floor.depth.view(order.security, at), floor.last(at), floor.view(at))

    def _open(self, order: SimOrder, at: datetime) -> None:
        if order.state.final:
            return
        if not self._floor.calendar.is_open(order.security.exchange, at):
            self._finish(order, State.REJECTED, at, "16388 : Markets are closed.")
            return
        order.exchange_order_id = f"13{next(self._floor.numbers):014d}"
        order.exchange_at = at
        self._rest(order, at)

    def _rest(self, order: SimOrder, at: datetime) -> None:
        order.enter(State.TRIGGER_PENDING if order.working.awaits_trigger else State.OPEN, at)
        self._match(order, at)

    def _modifying(self, order: SimOrder, at: datetime) -> None:
        if order.state is State.MODIFY_VALIDATING:
            order.enter(State.MODIFYING, at)
            self._after(at, self._floor.config.step_delay_s, lambda then: self._modified(order, then))

    def _modified(self, order: SimOrder, at: datetime) -> None:
        change = order.pending_change
        if order.state is not State.MODIFYING or change is None:
            return
        before = order.quantity, order.price, order.trigger_price, order.order_type, order.validity, order.working
        order.pending_change = None
        _apply(order, change)
        message = self._rejection(order, at)
        if message:
            order.quantity, order.price, order.trigger_price, order.order_type, order.validity, order.working = before
            order.message = message
        else:
            order.enter(State.MODIFIED, at)
        if order.pending == 0:
            self._finish(order, State.COMPLETE, at)
        else:
            self._rest(order, at)

    def _cancelled(self, order: SimOrder, at: datetime) -> None:
        if order.state is not State.CANCELLING:
            return
        if order.fill_instead_of_cancel and order.exchange_order_id:
            self._fill_whole(order, at)
            return
        order.cancelled = order.pending
        self._finish(order, State.CANCELLED, at)

    def _finish(self, order: SimOrder, state: State, at: datetime, message: str | None = None) -> None:
        self._account(order).live.pop(order.order_id, None)
        order.working = replace(order.working, remaining=0)
        order.enter(state, at, message)

    # -- matching --------------------------------------------------------------------------------------------------

    def _sweep(self, now: datetime, *, force: bool) -> None:
        gap = (now - self._swept).total_seconds()
        if gap < _SWEEP_S and not force:
            return
        resting = [order for account in self._floor.accounts for order in account.live.values() if order.state.at_exchange]
        steps = max(1, min(_MAX_SAMPLES, int(gap)))
        watching = [watcher for watcher in self._floor.watchers if watcher.waiting]
        for step in range(1, steps + 1) if resting or watching else ():
            at = now if step == steps else self._swept + timedelta(seconds=gap * step / steps)
            for order in resting:
                if order.state.at_exchange and self._worth_matching(order, at):
                    self._match(order, at)
            for watcher in watching:
                watcher.look(at)
        self._swept = max(now, self._swept)

    def _worth_matching(self, order: SimOrder, at: datetime) -> bool:
        if not self._floor.calendar.is_open(order.security.exchange, at):
            return False
        if order.working.awaits_trigger or order.working.price is None:
            return True
        distance = (order.working.price - self._floor.prices.last(order.security, at)) * order.side.sign
        return distance > -2 * order.security.tick

    def _match(self, order: SimOrder, at: datetime) -> None:
        if not self._floor.calendar.is_open(order.security.exchange, at):
            return
        view = self._floor.depth.view(order.security, at)
        result = match(order.working, view)
        went_off = result.order.triggered and not order.working.triggered
        order.working = result.order
        priced = order.order_type is OrderType.MARKET and result.order.price is not None
        if priced and result.order.price is not None:
            order.order_type, order.price = OrderType.LIMIT, result.order.price
        if went_off and order.state is State.TRIGGER_PENDING:
            order.enter(State.OPEN, at)
        if result.executions:
            self._floor.depth.take(order.security, at, view, result.view)
            self._book(order, result.executions, at)
        if order.filled == order.quantity:
            self._finish(order, State.COMPLETE, at)
        elif result.cancelled:
            order.cancelled = result.cancelled
            self._finish(order, State.CANCELLED, at)
        elif result.executions or priced:
            order.enter(order.state, at)

    def _book(self, order: SimOrder, executions: tuple[Execution, ...], at: datetime) -> None:
        account = self._account(order)
        for execution in executions:
            fill = SimFill(
                fill_id=str(next(self._floor.numbers) + 75_000_000), order_id=order.order_id,
                exchange_order_id=order.exchange_order_id or "", broker=order.broker, client_id=order.client_id,
                security=order.security, side=order.side, product=order.product, quantity=execution.quantity,
                price=execution.price, at=at, ordered_at=order.placed_at,
                session_date=self._floor.calendar.session_date(order.security.exchange, at),
            )  # fmt: skip
            order.filled += execution.quantity
            order.value += execution.quantity * execution.price
            apply_fill(account, fill)
            account.fills.append(fill)
            self._floor.fills.append(fill)

    def _fill_whole(self, order: SimOrder, at: datetime) -> None:
        price = order.working.price or self._floor.prices.last(order.security, at)
        self._book(order, (Execution(order.pending, price),), at)
        self._finish(order, State.COMPLETE, at)

    # -- the day ---------------------------------------------------------------------------------------------------

    def _release_amo(self, at: datetime) -> None:
        for account in self._floor.accounts:
            for order in list(account.live.values()):
                if order.state is State.AMO_RECEIVED:
                    self._validate(order, at)

    def _square_off(self, at: datetime) -> None:
        for account in self._floor.accounts:
            for order in list(account.live.values()):
                if order.product is Product.MIS and order.state is not State.AMO_RECEIVED:
                    self._lapse(order, at)
            for position in list(account.positions.values()):
                if position.product is Product.MIS and position.net:
                    self._close_out(account, position.security, position.net, at)

    def _close_out(self, account: SimAccount, security: Security, net: int, at: datetime) -> None:
        side = Side.SELL if net > 0 else Side.BUY
        request = PlaceRequest(security.listing, side, abs(net), OrderType.MARKET, Product.MIS)
        order = self.accept(account, security, request, at, 0, Twist())
        order.exchange_order_id, order.exchange_at = f"13{next(self._floor.numbers):014d}", at
        self._fill_whole(order, at)

    def _lapse(self, order: SimOrder, at: datetime) -> None:
        order.cancelled = order.pending
        self._finish(order, State.CANCELLED, at)

    def _close(self, at: datetime) -> None:
        for account in self._floor.accounts:
            for order in list(account.live.values()):
                if order.state is not State.AMO_RECEIVED:
                    self._lapse(order, at)
        self._closed_session = ist_date(at)

    def _roll(self, at: datetime) -> None:
        if self._closed_session is not None:
            following = self._floor.calendar.next_session(Exchange.NSE, self._closed_session)
            for account in self._floor.accounts:
                overnight(account, following, self._floor.last(at))
            self._closed_session = None
        self._empty_books()
        self._floor.universe.refresh(ist_date(at))
        self._plan_day(at)

    def _empty_books(self) -> None:
        for account in self._floor.accounts:
            account.book = {key: order for key, order in account.book.items() if not order.state.final}
            account.fills = []


def _working(request: PlaceRequest) -> WorkingOrder:
    return WorkingOrder(
        side=request.side, remaining=request.quantity, order_type=request.order_type,
        price=request.price if request.order_type.has_price else None,
        trigger_price=request.trigger_price if request.order_type.has_trigger else None,
        validity=request.validity, market_protection=request.market_protection or AUTOMATIC,
    )  # fmt: skip


def _apply(order: SimOrder, change: Change) -> None:
    """Make `order` what `change` wants; a quantity below what has executed becomes what has executed."""
    order.quantity = max(order.filled, order.quantity if change.quantity is None else change.quantity)
    order.order_type = change.order_type or order.order_type
    order.validity = change.validity or order.validity
    order.price = order.price if change.price is None else change.price
    order.trigger_price = order.trigger_price if change.trigger_price is None else change.trigger_price
    if change.disclosed_quantity is not None:
        order.disclosed_quantity = change.disclosed_quantity
    if change.market_protection is not None:
        order.market_protection = change.market_protection
    if not order.order_type.has_price:
        order.price = ZERO
    triggered = order.working.triggered and change.trigger_price is None
    price = order.price or (order.working.price if triggered else None)
    order.working = WorkingOrder(
        side=order.side, remaining=order.quantity - order.filled,
        order_type=order.working.order_type if triggered else order.order_type, price=price or None,
        trigger_price=order.trigger_price if order.order_type.has_trigger else None,
        validity=order.validity, market_protection=order.market_protection or AUTOMATIC, triggered=triggered,
    )  # fmt: skip
