"""Writes of triggers that rest at a broker: placing, changing and removing one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from sigma.domain.accounts import Account
from sigma.domain.answers import WriteAnswer
from sigma.domain.errors import InvalidOrder, StaleData
from sigma.domain.gtt import BrokerGtt, Gtt, GttStatus
from sigma.domain.limits import CallKind
from sigma.domain.orders import Command, Order, OrderStatus, Outcome
from sigma.domain.portfolio import Rows
from sigma.engines import lifecycle
from sigma.engines.lifecycle import Act
from sigma.engines.triggers import as_request, check_legs, largest
from sigma.ports.broker import Broker
from sigma.ports.storage import Unit
from sigma.services.orders.approve import Approval
from sigma.services.orders.gtt import MODIFY, PLACE, REMOVE, commands_of, gtt_of, is_removal, want_order_back, wanted_legs
from sigma.services.orders.house import OrderHouse
from sigma.services.orders.way import READ_PATIENCE_S, Claimed
from sigma.services.orders.writes import OPEN, refused, return_to_queue, standing_obstacle, unsent_too_long


class GttWrites:
    """The Way of GTT (way.py)."""

    def __init__(self, house: OrderHouse, approval: Approval) -> None:
        self._house = house
        self._approval = approval

    def before(self, command: Command) -> Mapping[str, str]:
        """Read what is listed (a new trigger is told by the difference, for none carries a tag) and the last price.

        Raises
        ------
        BrokerError
            The list could not be read.
        StaleData
            There is no last price, which brokers want to be told.
        InvalidOrder
            There are as many active triggers as the broker takes, or a leg is above the freeze quantity.
        """
        if is_removal(command):
            return {}
        house = self._house
        with house.store.read() as tx:
            gtt = gtt_of(tx, command)
        quote = house.prices.last_quote(gtt.listing, gtt.account_id)
        if quote is None:
            told = f"There is no price of {gtt.listing} to set a trigger by."
            raise StaleData(told, hint="Connect the source of quotes.", retryable=True)
        seen = {"last_price": str(quote.last_price)}
        legs = wanted_legs(command.payload) if command.payload["act"] == MODIFY else gtt.legs
        self._check(gtt, largest(legs).quantity)
        check_legs(legs, quote.last_price)
        if command.payload["act"] != PLACE:
            return seen
        rows = house.connected.read(command.account_id, CallKind.OTHER, _listed, attempts=1, patience_s=READ_PATIENCE_S)
        if rows.bad:
            raise StaleData(f"The broker's triggers cannot be told apart: {rows.bad[0]}", hint="Set it at the broker.")
        self._room(command, rows)
        return {**seen, "seen": ",".join(row.broker_gtt_id for row in rows.rows)}

    def _check(self, gtt: Gtt, quantity: int) -> None:
        freeze = self._house.listings.get(gtt.listing).freeze_quantity
        if freeze is not None and quantity > freeze:
            hint = f"Set several triggers of at most {freeze}."
            raise InvalidOrder(f"{quantity} of {gtt.listing} exceeds the freeze quantity, and a trigger is not cut.", hint=hint)

    def _room(self, command: Command, rows: Rows[BrokerGtt]) -> None:
        with self._house.store.read() as tx:
            capabilities = self._house.capabilities(tx.accounts.get(command.account_id))
        active = sum(row.status is GttStatus.ACTIVE for row in rows.rows)
        if active >= capabilities.gtt_limit:
            text = f"{active} triggers are active at {capabilities.title}, which takes {capabilities.gtt_limit} and no more."
            raise InvalidOrder(text, hint="Remove one first.")

    def blocked(self, tx: Unit, command: Command) -> bool:
        """Say whether another write of this trigger is claimed or unknown."""
        return any(other.id != command.id and other.state in OPEN for other in commands_of(tx, gtt_of(tx, command)))

    def obstacle(self, tx: Unit, command: Command, account: Account) -> str:
        """Say why it may not go any more, empty when it may."""
        house, gtt, act = self._house, gtt_of(tx, command), command.payload["act"]
        if act == REMOVE:
            return "" if gtt.status is GttStatus.ACTIVE else f"the trigger is {gtt.status}"
        stands = standing_obstacle(tx, account)
        order = _order(tx, gtt)
        if stands or order is None:
            return stands or "it was made elsewhere"
        if act == PLACE:
            return unsent_too_long(house, order) or self._approval.decide_again(tx, order, account)
        if gtt.status is not GttStatus.ACTIVE:
            return f"the trigger is {gtt.status}"
        wanted = replace(order, request=as_request(order.request, wanted_legs(command.payload)))
        return self._approval.decide_again(tx, wanted, account)

    def withdrawn(self, tx: Unit, command: Command, why: str) -> None:
        """Put an approved wish back into the queue; tell of the others."""
        gtt = gtt_of(tx, command)
        order = _order(tx, gtt)
        if order is None:
            return
        if command.payload["act"] == PLACE and order.status is OrderStatus.APPROVED:
            return_to_queue(self._house, tx, order, why)
        else:
            self._house.note(tx, order, "NOT_SENT", f"{_doing(command)} of the trigger was not sent: {why}")

    def claimed(self, tx: Unit, command: Command, account: Account) -> Claimed:
        """Move a wish that goes out to SENDING; what was listed before is committed with the claim."""
        house, now = self._house, self._house.clock.now()
        gtt = gtt_of(tx, command)
        order = _order(tx, gtt)
        if command.payload["act"] == PLACE and order is not None:
            seen = tuple(filter(None, (command.payload["seen"] or "").split(",")))
            gtt = tx.gtts.save(replace(gtt, seen_before=seen, last_price=_last_price(command), updated_at=now))
            order = replace(lifecycle.move(order, Act.CLAIM, now), sent_at=now, session_date=None)
            order = house.save(tx, order, "CLAIMED", "goes out now, as a trigger", command=command.id)
        elif order is not None:
            house.note(tx, order, "CLAIMED", f"{_doing(command)} of the trigger goes out now", command=command.id)
        return Claimed(command, account, order, gtt)

    def found(self, tx: Unit, command: Command, account: Account) -> Claimed:
        """Return a claim whose commit had lost its answer."""
        gtt = gtt_of(tx, command)
        return Claimed(command, account, _order(tx, gtt), gtt)

    def call(self, broker: Broker, claimed: Claimed) -> WriteAnswer:
        """Make the one call."""
        command, gtt = claimed.command, claimed.gtt
        if gtt is None:
            raise TypeError("a write of a trigger without the trigger")
        by = command.send_by_ns
        if command.payload["act"] == PLACE:
            return broker.place_gtt(gtt, send_by_ns=by)
        if command.payload["act"] == REMOVE:
            return broker.cancel_gtt(gtt, send_by_ns=by)
        wanted = replace(gtt, legs=wanted_legs(command.payload), last_price=_last_price(command))
        return broker.modify_gtt(wanted, send_by_ns=by)

    def answered(self, tx: Unit, command: Command, answer: WriteAnswer) -> None:
        """Record an answer that proves something."""
        act, gtt = command.payload["act"], gtt_of(tx, command)
        if act == PLACE:
            self._placed(tx, gtt, answer)
        elif answer.outcome is Outcome.ACCEPTED:
            take_over(self._house, tx, gtt, command, answer.text)
        elif (order := _order(tx, gtt)) is not None:
            words = f"{_doing(command)} of the trigger {answer.outcome.lower()}: {answer.text}".rstrip(": ")
            self._house.note(tx, order, f"GTT_{answer.outcome}", words, code=answer.code)

    def _placed(self, tx: Unit, gtt: Gtt, answer: WriteAnswer) -> None:
        house, order = self._house, _order(tx, gtt)
        if answer.outcome is Outcome.ACCEPTED:
            rest(house, tx, gtt, answer.broker_order_id or "")
            return
        status = GttStatus.REJECTED if answer.outcome is Outcome.REFUSED else GttStatus.FAILED
        tx.gtts.save(replace(gtt, status=status, broker_reason=answer.text, updated_at=house.clock.now()))
        if order is not None:
            refused(house, tx, order, answer)

    def late(self, tx: Unit, command: Command, answer: WriteAnswer) -> None:
        """Record an answer after settlement; a trigger's id is a fact, unless another one here has it by now."""
        house, gtt = self._house, gtt_of(tx, command)
        order = _order(tx, gtt)
        if order is None:
            return
        house.note(tx, order, "LATE_ANSWER", f"answer after settlement: {answer.outcome} {answer.broker_order_id or ''}".rstrip())
        if command.payload["act"] != PLACE or answer.outcome is not Outcome.ACCEPTED or gtt.broker_gtt_id is not None:
            return
        known = {other.broker_gtt_id for other in tx.gtts.list(account_id=gtt.account_id)}
        if answer.broker_order_id in known:
            account = tx.accounts.get(gtt.account_id)
            text = f"Trigger {answer.broker_order_id} was taken for one made elsewhere, and it is that of order {order.id}."
            house.alarm(tx, account, "GTT_TWICE", text, order_id=order.id)
        else:
            rest(house, tx, gtt, answer.broker_order_id or "")

    def lost(self, tx: Unit, command: Command, answer: WriteAnswer) -> None:
        """Record that nobody knows; the list of triggers will show it."""
        house, gtt = self._house, gtt_of(tx, command)
        order, now = _order(tx, gtt), house.clock.now()
        placing = command.payload["act"] == PLACE
        if placing:
            tx.gtts.save(replace(gtt, status=GttStatus.UNKNOWN, broker_reason=answer.text, updated_at=now))
        if order is None:
            return
        if placing and order.status is OrderStatus.SENDING:
            house.save(tx, lifecycle.move(order, Act.LOST, now), "UNKNOWN", f"no clear answer: {answer.text}", code=answer.code)
        else:
            house.note(tx, order, "GTT_UNKNOWN", f"no clear answer to the {_doing(command)} of the trigger: {answer.text}")


def rest(house: OrderHouse, tx: Unit, gtt: Gtt, broker_gtt_id: str) -> Gtt:
    """Record that a trigger rests at the broker under this id."""
    now = house.clock.now()
    gtt = tx.gtts.save(replace(gtt, status=GttStatus.ACTIVE, broker_gtt_id=broker_gtt_id, broker_reason="", updated_at=now))
    order = _order(tx, gtt)
    if order is not None and order.broker_order_id is None and order.status is not OrderStatus.TRIGGER_PENDING:
        order = house.save(tx, lifecycle.rests(order, now), "RESTS", f"it rests at the broker as trigger {broker_gtt_id}")
    if order is not None and order.cancel_wanted:
        want_order_back(house, tx, order)
    return gtt


def take_over(house: OrderHouse, tx: Unit, gtt: Gtt, command: Command, why: str) -> None:
    """Record that a change or a removal happened."""
    if command.payload["act"] == MODIFY:
        changed = replace(gtt, last_price=_last_price(command))
        take_over_legs(house, tx, replace(changed, legs=wanted_legs(command.payload)), "GTT_CHANGED", "its trigger was changed")
        return
    now, order = house.clock.now(), _order(tx, gtt)
    tx.gtts.save(replace(gtt, status=GttStatus.DELETED, updated_at=now))
    if order is not None and not order.status.final and order.broker_order_id is None:
        house.save(tx, lifecycle.move(order, Act.REMOVED, now), "CANCELLED", f"its trigger was removed {why}".rstrip())


def take_over_legs(house: OrderHouse, tx: Unit, gtt: Gtt, kind: str, text: str) -> Gtt:
    """Store a trigger with new legs, and its order as it stands now."""
    now = house.clock.now()
    stored = tx.gtts.save(replace(gtt, updated_at=now))
    order = _order(tx, stored)
    if order is not None and order.broker_order_id is None and not order.status.final:
        told = ", ".join(f"{leg.quantity} at ₹{leg.price} when ₹{leg.trigger_price} is reached" for leg in stored.legs)
        request = as_request(order.request, stored.legs)
        house.save(tx, replace(order, request=request, updated_at=now), kind, f"{text}: {told}")
    return stored


def _listed(broker: Broker) -> Rows[BrokerGtt]:
    return broker.gtts()


def _order(tx: Unit, gtt: Gtt) -> Order | None:
    return None if gtt.order_id is None else tx.orders.get(gtt.order_id)


def _last_price(command: Command) -> Decimal:
    return Decimal(command.payload["last_price"] or 0)


def _doing(command: Command) -> str:
    return {PLACE: "placing", MODIFY: "change", REMOVE: "removal"}[command.payload["act"] or ""]
