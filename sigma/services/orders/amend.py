"""Modify and cancel: each is a Command of its own, sent by the account's writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sigma.domain.accounts import TradingMode, stricter
from sigma.domain.errors import Conflict, InvalidInput, SigmaError, Unsupported
from sigma.domain.orders import (
    EXPOSED,
    Command,
    CommandKind,
    CommandState,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Outcome,
    Validity,
)
from sigma.engines import lifecycle
from sigma.engines.lifecycle import Act
from sigma.engines.orders import fit, suit, whole
from sigma.engines.triggers import legs_of
from sigma.ports.storage import Unit
from sigma.services.orders.approve import Approval
from sigma.services.orders.gtt import at_work, resting_gtt, rests, want_change, want_order_back
from sigma.services.orders.house import OrderHouse, as_text
from sigma.services.orders.slices import pieces_of, refuse

MODIFIABLE = ("price", "trigger_price", "quantity", "order_type", "validity")
CANCEL_ATTEMPTS = 5


def wanted_request(request: OrderRequest, payload: Mapping[str, str | None]) -> OrderRequest:
    """Return the request that a MODIFY's payload asks for."""
    asked = {name: text for name, text in payload.items() if text}
    order_type = OrderType(asked.get("order_type", request.order_type))
    quantity = int(asked.get("quantity", request.quantity))

    def price(name: str, now: Decimal | None, *, carried: bool) -> Decimal | None:
        if not carried:
            return None
        return Decimal(asked[name]) if name in asked else now

    return replace(
        request,
        order_type=order_type,
        quantity=quantity,
        price=price("price", request.price, carried=order_type.has_price),
        trigger_price=price("trigger_price", request.trigger_price, carried=order_type.has_trigger),
        validity=Validity(asked.get("validity", request.validity)),
        disclosed_quantity=min(request.disclosed_quantity, quantity),
    )


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What an act on one of several orders came to: `done` says that it is done (of a cancel: or on its way)."""

    order: Order
    done: bool
    words: str


class Amendment:
    """Changing and taking back orders that exist."""

    def __init__(self, house: OrderHouse, approval: Approval) -> None:
        self._house = house
        self._approval = approval

    def modify(self, order_id: int, changes: Mapping[str, object], *, user_id: int, version: int | None = None) -> Order:
        """Ask the broker to change a working order; the order shows the new values once the book does.

        Raises
        ------
        Conflict
            The order is not working, or another write of it is under way.
        InvalidOrder, Unsupported
            The change makes no sense, or the broker cannot modify.
        """
        house = self._house
        changes = {name: value for name, value in changes.items() if value is not None}
        unknown = set(changes) - set(MODIFIABLE)
        if unknown or not changes:
            raise InvalidInput(
                f"Cannot modify {', '.join(sorted(unknown)) or 'nothing'}.", hint=f"Give any of {', '.join(MODIFIABLE)}."
            )
        with house.store.read() as tx:
            order = self._modifiable(tx, order_id, user_id, version)
            account = tx.accounts.get(order.account_id or 0)
        capabilities = house.capabilities(account)
        if not capabilities.modify:
            raise Unsupported(f"{capabilities.title} cannot modify orders.", hint="Cancel it and place a new one.")
        payload = {name: as_text(value) if isinstance(value, Decimal | int) else str(value) for name, value in changes.items()}
        listing = house.listings.get(order.listing)
        wanted = whole(fit(suit(wanted_request(at_work(order), payload), capabilities), listing), listing)
        fitted = {
            name: as_text(getattr(wanted, name)) if name in ("price", "trigger_price", "quantity") else payload[name]
            for name in payload
        }
        facts = self._approval.gather(wanted, account, order.strategy, reduce_only=order.reduce_only)
        with house.store.begin() as tx:
            tx.users.lock(user_id)
            order = self._modifiable(tx, order_id, user_id, order.version)
            decision = self._approval.decide(tx, replace(order, request=wanted), tx.accounts.get(account.id), facts)
            tx.orders.add_decision(replace(decision, order_id=order.id))
            if not decision.allowed:
                house.note(tx, order, "MODIFY_REFUSED", f"risk: {decision.text}", code=decision.code)
                return tx.orders.save(replace(order, risk_note=decision.text))
            self._want(tx, order, wanted, fitted)
            told = ", ".join(f"{name} {value}" for name, value in fitted.items())
            return house.save(tx, replace(order, risk_note=""), "MODIFY_WANTED", told)

    def _want(self, tx: Unit, order: Order, wanted: OrderRequest, fitted: Mapping[str, str | None]) -> None:
        """Make the write that changes an order at the broker, or the trigger that it still is there."""
        if rests(order):
            want_change(self._house, tx, resting_gtt(tx, order), legs_of(wanted))
            return
        kind, pending, account = CommandKind.MODIFY, CommandState.PENDING, order.account_id or 0
        tx.commands.add(Command(0, order.id, account, kind, pending, self._house.clock.now(), fitted))

    def _modifiable(self, tx: Unit, order_id: int, user_id: int, version: int | None) -> Order:
        order = self._house.own(tx, order_id, user_id, version)
        refuse(order, "a broker can only modify")
        if not order.status.live or (order.broker_order_id is None and not rests(order)):
            raise Conflict(f"Order {order_id} is {order.status}: only working orders can be modified.")
        if rests(order) and len(resting_gtt(tx, order).legs) > 1:
            raise Conflict(f"The trigger of order {order_id} has two legs.", hint="Change it among the triggers, leg by leg.")
        busy = [command for command in tx.commands.for_order(order_id) if command.state in _BUSY]
        if busy:
            raise Conflict(
                f"A {busy[0].kind.lower()} of order {order_id} is under way ({busy[0].state}).", hint="Wait until it is answered."
            )
        account = tx.accounts.get(order.account_id or 0)
        if stricter(account.trading_mode, TradingMode(tx.users.get(user_id).trading_mode)) is TradingMode.PAUSED:
            raise Conflict(f"Trading on {account.name} is paused: nothing is modified.", hint="Cancelling still works.")
        return order

    def cancel(self, order_id: int, *, user_id: int, version: int | None = None) -> Order:
        """Take an order back: at once while it is still ours, else through the broker; recorded while its id is unknown.

        Raises
        ------
        Conflict
            The order has ended already.
        """
        house = self._house
        with house.store.read() as tx:
            order = house.own(tx, order_id, user_id)
            pieces = [piece.id for piece in pieces_of(tx, order)] if order.slices else []
        with house.store.begin() as tx:
            for piece in pieces:  # locked before their whole, as whoever changes a slice does
                tx.orders.get(piece)
            order = house.own(tx, order_id, user_id, version)
            if order.status.final:
                raise Conflict(f"Order {order_id} is {order.status} already.")
            return self._take_back(tx, order)

    def _take_back(self, tx: Unit, order: Order) -> Order:
        """Take an order that has not ended back; of a cut one, all its slices that have not, the last ones first: they are
        the likeliest to be still ours.
        """
        if order.slices:
            for piece in reversed(pieces_of(tx, order)):
                if not piece.status.final:
                    self._take_back(tx, tx.orders.get(piece.id))
            return tx.orders.get(order.id)
        if order.status in (OrderStatus.WAITING, OrderStatus.APPROVED):
            return self.withdraw(tx, order)
        return want_cancel(self._house, tx, order, insist=True)

    def cancel_all(self, account: str | int, *, user_id: int) -> Sequence[BulkResult]:
        """Take back every order of an account that may still execute, oldest first, each by itself.

        What cannot be taken back is told in its row and holds up no other.
        """
        with self._house.store.read() as tx:
            chosen = self._house.account(tx, account, user_id).id
            orders = tx.orders.list(user_id=user_id, account_id=chosen, statuses=tuple(EXPOSED), newest_first=False)
        return [self._cancelled(order, user_id) for order in orders if not order.unsettled and not order.slices]

    def cancel_each(self, order_ids: Sequence[int], *, user_id: int) -> Sequence[BulkResult]:
        """Take back the orders named, each by itself: what was executed meanwhile stays and changes nothing about the wish."""
        with self._house.store.read() as tx:
            orders = [self._house.own(tx, order_id, user_id) for order_id in order_ids]
        return [self._cancelled(order, user_id) for order in orders]

    def _cancelled(self, order: Order, user_id: int) -> BulkResult:
        try:
            now = self.cancel(order.id, user_id=user_id)
        except SigmaError as error:
            return BulkResult(order, False, str(error))
        if now.status.final:
            return BulkResult(now, True, "taken back before it was sent")
        known = now.status.live and (now.broker_order_id is not None or rests(now))
        return BulkResult(now, True, "the broker is asked" if known else "goes out once the broker's id is known")

    def withdraw(self, tx: Unit, order: Order) -> Order:
        """Take back an order that was never sent (WAITING or APPROVED), in a unit of the caller's."""
        house, now = self._house, self._house.clock.now()
        for command in tx.commands.for_order(order.id):
            if command.state is CommandState.PENDING:
                tx.commands.save(
                    replace(command, state=CommandState.WITHDRAWN, answered_at=now, text="cancelled before it was sent")
                )
        return house.save(tx, lifecycle.move(order, Act.WITHDRAW, now), "CANCELLED", "cancelled before it was sent")


_BUSY = (CommandState.PENDING, CommandState.SENDING, CommandState.UNKNOWN)


def want_cancel(house: OrderHouse, tx: Unit, order: Order, *, insist: bool = False) -> Order:
    """Record the wish to cancel, and make the command as soon as the broker's id is known and no cancel is under way.

    Parameters
    ----------
    insist : bool
        A person asks now: that the broker refused CANCEL_ATTEMPTS times before does not count.
    """
    if rests(order):
        return want_order_back(house, tx, order, insist=insist)
    if not order.cancel_wanted:
        text = "cancel wanted" if order.status.live else "cancel wanted; it goes out once the broker's id is known"
        order = house.save(tx, replace(order, cancel_wanted=True), "CANCEL_WANTED", text)
    if not order.status.live or order.broker_order_id is None:
        return order
    cancels = [command for command in tx.commands.for_order(order.id) if command.kind is CommandKind.CANCEL]
    if any(command.state in _BUSY for command in cancels):
        return order
    refused = sum(command.outcome is Outcome.REFUSED for command in cancels)
    if refused >= CANCEL_ATTEMPTS and not insist:
        return order
    tx.commands.add(Command(0, order.id, order.account_id or 0, CommandKind.CANCEL, CommandState.PENDING, house.clock.now()))
    return order
