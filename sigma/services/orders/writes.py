"""Writes of orders: PLACE, MODIFY and CANCEL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sigma.domain.accounts import Account, TradingMode, stricter
from sigma.domain.answers import WriteAnswer
from sigma.domain.calendar import CALENDAR_ENDS
from sigma.domain.errors import ConfigError
from sigma.domain.orders import Command, CommandKind, CommandState, Order, OrderStatus, Outcome
from sigma.engines import lifecycle
from sigma.engines.lifecycle import Act
from sigma.engines.orders import suit
from sigma.ports.broker import Broker
from sigma.ports.storage import Unit
from sigma.services.orders.amend import want_cancel, wanted_request
from sigma.services.orders.approve import Approval
from sigma.services.orders.gtt import at_work
from sigma.services.orders.house import OrderHouse
from sigma.services.orders.slices import paused
from sigma.services.orders.way import Claimed

OPEN = (CommandState.SENDING, CommandState.UNKNOWN)


def order_of(tx: Unit, command: Command) -> Order:
    """Return the order that a command writes about."""
    return tx.orders.get(command.order_id or 0)


def return_to_queue(house: OrderHouse, tx: Unit, order: Order, why: str) -> Order:
    """Put an approved order whose write will not go back into the queue."""
    back = replace(lifecycle.move(order, Act.RETURN, house.clock.now()), stale_reason=why)
    return house.save(tx, back, "RETURNED", f"back in the queue: {why}")


def frozen(account: Account) -> str:
    """Return why an account sends nothing new."""
    return f"account {account.name} is frozen: {account.frozen_reason}"


def standing_obstacle(tx: Unit, account: Account) -> str:
    """Say why nothing is changed on an account now, empty when it may be."""
    if account.frozen_reason:
        return frozen(account)
    mode = stricter(account.trading_mode, TradingMode(tx.users.get(account.user_id).trading_mode))
    return f"trading on {account.name} is paused" if mode is TradingMode.PAUSED else ""


def unsent_too_long(house: OrderHouse, order: Order) -> str:
    """Say why an order that shall be sent may not be sent any more: it is not APPROVED, or approved too long ago."""
    if order.status is not OrderStatus.APPROVED or order.approved_at is None:
        return f"the order is {order.status}"
    age = (house.clock.now() - order.approved_at).total_seconds()
    return f"approved {age:.0f} s ago and not sent" if age > house.seconds("orders.approval_max_age") else ""


class OrderWrites:
    """The Way of PLACE, MODIFY and CANCEL (way.py)."""

    def __init__(self, house: OrderHouse, approval: Approval) -> None:
        self._house = house
        self._approval = approval

    def before(self, command: Command) -> Mapping[str, str]:
        """Read nothing: an order is found again by its tag."""
        return {}

    def blocked(self, tx: Unit, command: Command) -> bool:
        """Say whether another write of this order is in the way, or another slice of the order that it is a slice of.

        A CANCEL may follow an UNKNOWN MODIFY once the book was read after its answer was lost.
        """
        if command.kind is CommandKind.PLACE and paused(tx, order_of(tx, command)):
            return True
        others = [other for other in tx.commands.for_order(command.order_id or 0) if other.id != command.id]
        in_the_way = [other for other in others if other.state in OPEN]
        if command.kind is CommandKind.CANCEL:
            in_the_way = [other for other in in_the_way if other.kind is not CommandKind.MODIFY or not other.absent_reads]
        return bool(in_the_way)

    def obstacle(self, tx: Unit, command: Command, account: Account) -> str:
        """Say why a command may not go at all any more, empty when it may."""
        order = order_of(tx, command)
        if command.kind is CommandKind.CANCEL:
            return "" if order.status.live else f"the order is {order.status}"
        if account.frozen_reason:
            return frozen(account)
        if command.kind is CommandKind.MODIFY:
            return self._modify_obstacle(tx, order, command, account)
        late = unsent_too_long(self._house, order) or self._unknown_session(order)
        return late or self._approval.decide_again(tx, order, account)

    def _unknown_session(self, order: Order) -> str:
        """Say why it is not known in which session the order would trade, empty when it is."""
        try:
            self._house.session_of(order.request, self._house.clock.now())
        except ConfigError as error:
            if error.code != CALENDAR_ENDS:
                raise
            return error.message
        return ""

    def _modify_obstacle(self, tx: Unit, order: Order, command: Command, account: Account) -> str:
        if not order.status.live:
            return f"the order is {order.status}"
        if stands := standing_obstacle(tx, account):
            return stands
        wanted = replace(order, request=wanted_request(order.request, command.payload))
        return self._approval.decide_again(tx, wanted, account)

    def withdrawn(self, tx: Unit, command: Command, why: str) -> None:
        """Put an approved order back into the queue; tell of the others."""
        order = order_of(tx, command)
        if command.kind is CommandKind.PLACE and order.status is OrderStatus.APPROVED:
            return_to_queue(self._house, tx, order, why)
        else:
            self._house.note(tx, order, "NOT_SENT", f"{command.kind.lower()} was not sent: {why}")

    def claimed(self, tx: Unit, command: Command, account: Account) -> Claimed:
        """Move an order that goes out to SENDING, in the session in which it would trade."""
        house, now = self._house, self._house.clock.now()
        order = order_of(tx, command)
        if command.kind is CommandKind.PLACE:
            order = replace(lifecycle.move(order, Act.CLAIM, now), sent_at=now, session_date=house.session_of(order.request, now))
            order = house.save(tx, order, "CLAIMED", "goes out now", command=command.id)
        else:
            house.note(tx, order, "CLAIMED", f"{command.kind.lower()} goes out now", command=command.id)
        return Claimed(command, account, order)

    def found(self, tx: Unit, command: Command, account: Account) -> Claimed:
        """Return a claim whose commit had lost its answer."""
        return Claimed(command, account, order_of(tx, command))

    def call(self, broker: Broker, claimed: Claimed) -> WriteAnswer:
        """Make the one call. What a trigger's firing has placed is changed like any other order: it is no wish any more."""
        command, order = claimed.command, claimed.order
        if order is None:
            raise TypeError("a write of an order without its order")
        by = command.send_by_ns
        if command.kind is CommandKind.PLACE:
            return broker.place(order.request, order.client_order_id, send_by_ns=by)
        if command.kind is CommandKind.CANCEL:
            return broker.cancel(order, send_by_ns=by)
        wanted = suit(wanted_request(at_work(order), command.payload), self._house.capabilities(claimed.account))
        return broker.modify(order, wanted, send_by_ns=by)

    def answered(self, tx: Unit, command: Command, answer: WriteAnswer) -> None:
        """Record an answer that proves something."""
        order = order_of(tx, command)
        if command.kind is CommandKind.PLACE:
            self._placed(tx, order, answer)
        else:
            words = f"{command.kind.lower()} {answer.outcome.lower()}: {answer.text}".rstrip(": ")
            self._house.note(tx, order, f"{command.kind}_{answer.outcome}", words, code=answer.code)

    def late(self, tx: Unit, command: Command, answer: WriteAnswer) -> None:
        """Record an answer after settlement: fences guard calls, never facts, so that an id is kept."""
        order = order_of(tx, command)
        self._house.note(tx, order, "LATE_ANSWER", f"answer after settlement: {answer.outcome}")
        if command.kind is CommandKind.PLACE and answer.outcome is Outcome.ACCEPTED:
            self._placed(tx, order, answer)

    def _placed(self, tx: Unit, order: Order, answer: WriteAnswer) -> None:
        house, now = self._house, self._house.clock.now()
        if answer.outcome is Outcome.ACCEPTED:
            moved = lifecycle.accepted(order, answer.broker_order_id, now)
            accepted = house.save(tx, moved, "ACCEPTED", f"the broker gave it the id {answer.broker_order_id}")
            if accepted.cancel_wanted:
                want_cancel(house, tx, accepted)
            return
        refused(house, tx, order, answer)

    def lost(self, tx: Unit, command: Command, answer: WriteAnswer) -> None:
        """Record that nobody knows whether the write happened."""
        house, order = self._house, order_of(tx, command)
        if command.kind is CommandKind.PLACE and order.status is OrderStatus.SENDING:
            moved = lifecycle.move(order, Act.LOST, house.clock.now())
            house.save(tx, moved, "UNKNOWN", f"no clear answer: {answer.text}", code=answer.code)
        else:
            house.note(tx, order, f"{command.kind}_UNKNOWN", f"no clear answer to the {command.kind.lower()}: {answer.text}")


def refused(house: OrderHouse, tx: Unit, order: Order, answer: WriteAnswer) -> Order:
    """Record that an order which was being sent was refused, or never left."""
    if order.status is not OrderStatus.SENDING:
        house.note(tx, order, "REFUSAL_IGNORED", f"{answer.outcome}: {answer.text}", code=answer.code)
        return order
    act = Act.REFUSED if answer.outcome is Outcome.REFUSED else Act.NOT_SENT
    moved = replace(lifecycle.move(order, act, house.clock.now()), broker_reason=answer.text)
    return house.save(tx, moved, str(answer.outcome), answer.text, code=answer.code)
