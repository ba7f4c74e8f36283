"""The intent behind a trigger that rests at a broker: wanting, changing and removing one are Commands like any write.

One of our triggers always has an Order: the wish, whose life it is. While it rests, the order is TRIGGER_PENDING without a
broker's order id; when it fires, the order gets the id of what was placed, and the book carries on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from sigma.domain.errors import Conflict
from sigma.domain.gtt import Gtt, GttLeg, GttStatus
from sigma.domain.money import ZERO
from sigma.domain.orders import Command, CommandKind, CommandState, Order, OrderRequest, Outcome
from sigma.engines.triggers import capped, kind_of, largest, legs_of
from sigma.ports.storage import Unit

if TYPE_CHECKING:
    from sigma.services.orders.house import OrderHouse

PLACE, MODIFY, REMOVE = "PLACE", "MODIFY", "CANCEL"
BUSY = (CommandState.PENDING, CommandState.SENDING, CommandState.UNKNOWN)
REMOVAL_ATTEMPTS = 5


def rests(order: Order) -> bool:
    """Say whether an order is a wish that its broker keeps as a trigger, or shall: nothing of it is in the book yet."""
    return order.request.gtt and order.broker_order_id is None


def at_work(order: Order) -> OrderRequest:
    """Return the request of a working order: what a trigger's firing has placed is an order like any other, and no wish."""
    return order.request if rests(order) else replace(order.request, gtt=False)


def resting_gtt(tx: Unit, order: Order) -> Gtt:
    """Return the trigger that a wish is at its broker.

    Raises
    ------
    Conflict
        There is none.
    """
    gtt = tx.gtts.of_order(order.id)
    if gtt is None:
        raise Conflict(f"Order {order.id} is {order.status} and has no trigger.")
    return gtt


def is_removal(command: Command) -> bool:
    """Say whether a write takes a trigger back."""
    return command.kind is CommandKind.GTT and command.payload.get("act") == REMOVE


def want_gtt(house: OrderHouse, tx: Unit, order: Order, text: str) -> Order:
    """Store an order that the gate just approved as a trigger that is wanted, with the write that places it.

    Its session ends with no day. A trigger with two legs was stored with its wish; what was edited meanwhile is checked.

    Raises
    ------
    Conflict
        The wish was edited into something that its two legs do not say.
    """
    stored = house.save(tx, replace(order, session_date=None), "APPROVED", f"{text}, as a trigger that rests at the broker")
    known, now = tx.gtts.of_order(order.id), house.clock.now()
    legs = _wanted_legs(order, known)
    if known is not None and known.account_id == order.account_id and known.status is GttStatus.WANTED:
        gtt = tx.gtts.save(replace(known, legs=legs, updated_at=now))
    else:
        if known is not None and known.status is GttStatus.WANTED:
            tx.gtts.save(replace(known, status=GttStatus.FAILED, broker_reason="approved on another account", updated_at=now))
        gtt = tx.gtts.add(new_gtt(house, stored, legs))
    _command(house, tx, gtt, PLACE, {})
    return stored


def _wanted_legs(order: Order, known: Gtt | None) -> tuple[GttLeg, ...]:
    if known is None or len(known.legs) == 1:
        return legs_of(order.request)
    leg, request = largest(known.legs), order.request
    if (leg.price, leg.trigger_price) != (request.price, request.trigger_price) or request.quantity > leg.quantity:
        raise Conflict(f"Order {order.id} was edited, and its trigger has two legs.", hint="Take it back and add it anew.")
    return capped(known.legs, request.quantity)


def new_gtt(house: OrderHouse, order: Order, legs: Sequence[GttLeg]) -> Gtt:
    """Return the trigger that an order wishes for, not stored yet; its last price is not known before it is sent."""
    now, request = house.clock.now(), order.request
    return Gtt(
        id=0,
        user_id=order.user_id,
        account_id=order.account_id or 0,
        listing=request.listing,
        side=request.side,
        product=request.product,
        kind=kind_of(legs),
        legs=tuple(legs),
        last_price=ZERO,
        status=GttStatus.WANTED,
        created_at=now,
        updated_at=now,
        order_id=order.id,
    )


def want_removal(house: OrderHouse, tx: Unit, gtt: Gtt, *, insist: bool = False) -> None:
    """Make the write that takes a trigger back, once the broker's id is known and no other write of it is under way.

    Parameters
    ----------
    insist : bool
        A person asks now: that the broker refused REMOVAL_ATTEMPTS times before does not count.
    """
    if gtt.status is not GttStatus.ACTIVE:
        return
    writes = commands_of(tx, gtt)
    removals = [command for command in writes if is_removal(command)]
    if any(command.state in BUSY for command in removals):
        return
    refused = sum(command.outcome is Outcome.REFUSED for command in removals)
    if refused < REMOVAL_ATTEMPTS or insist:
        _command(house, tx, gtt, REMOVE, {})


def want_order_back(house: OrderHouse, tx: Unit, order: Order, *, insist: bool = False) -> Order:
    """Record the wish to take an order back that rests as a trigger; its removal goes out once the broker's id is known."""
    if not order.cancel_wanted:
        order = house.save(tx, replace(order, cancel_wanted=True), "CANCEL_WANTED", "its trigger shall be removed")
    gtt = tx.gtts.of_order(order.id)
    if gtt is not None:
        want_removal(house, tx, gtt, insist=insist)
    return order


def want_change(house: OrderHouse, tx: Unit, gtt: Gtt, legs: Sequence[GttLeg]) -> None:
    """Make the write that changes a trigger's legs.

    Raises
    ------
    Conflict
        It does not rest, or another write of it is under way.
    """
    if gtt.status is not GttStatus.ACTIVE:
        raise Conflict(f"Trigger {gtt.id} is {gtt.status}: only a resting one can be changed.")
    busy = [command for command in commands_of(tx, gtt) if command.state in BUSY]
    if busy:
        raise Conflict(f"Another write of trigger {gtt.id} is under way ({busy[0].state}).", hint="Wait until it is answered.")
    _command(house, tx, gtt, MODIFY, {"legs": legs_text(legs)})


def commands_of(tx: Unit, gtt: Gtt) -> list[Command]:
    """Return the writes of a trigger that are known by its order; one made elsewhere has those under way only."""
    if gtt.order_id is not None:
        writes = tx.commands.for_order(gtt.order_id)
    else:
        writes = (*tx.commands.pending(gtt.account_id), *tx.commands.open(gtt.account_id))
    return [one for one in writes if one.kind is CommandKind.GTT and one.payload.get("gtt") == str(gtt.id)]


def gtt_of(tx: Unit, command: Command) -> Gtt:
    """Return the trigger that a GTT command writes about."""
    return tx.gtts.get(int(command.payload["gtt"] or 0))


def legs_text(legs: Sequence[GttLeg]) -> str:
    """Return legs as a command's payload keeps them."""
    return json.dumps([[str(leg.trigger_price), str(leg.price), leg.quantity] for leg in legs])


def wanted_legs(payload: Mapping[str, str | None]) -> tuple[GttLeg, ...]:
    """Return the legs that a MODIFY wants."""
    return tuple(GttLeg(Decimal(one[0]), Decimal(one[1]), int(one[2])) for one in json.loads(payload["legs"] or "[]"))


def _command(house: OrderHouse, tx: Unit, gtt: Gtt, act: str, more: Mapping[str, str]) -> Command:
    payload = {"act": act, "gtt": str(gtt.id), **more}
    pending = CommandState.PENDING
    return tx.commands.add(Command(0, gtt.order_id, gtt.account_id, CommandKind.GTT, pending, house.clock.now(), payload))
