"""Resting triggers (GTT): their legs, what they come to as an order, and what a broker's list says of a lost write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from sigma.domain.accounts import Capabilities
from sigma.domain.answers import BrokerOrder
from sigma.domain.errors import InvalidOrder, Unsupported
from sigma.domain.gtt import BrokerGtt, Gtt, GttKind, GttLeg, GttStatus
from sigma.domain.orders import Command, OrderRequest, OrderType, Validity, Variety
from sigma.engines.settlement import SECOND, Finding, SettleRules, earliest_ns


@dataclass(frozen=True, slots=True)
class Told:
    """What a list of triggers says about a write without an answer; `row` is the one that it is."""

    finding: Finding
    reason: str
    row: BrokerGtt | None = None
    absent_reads: tuple[int, ...] = ()
    look_alikes: tuple[str, ...] = ()


def check_wish(request: OrderRequest, capabilities: Capabilities) -> None:
    """Check that a broker can keep a request as a trigger.

    Raises
    ------
    Unsupported
        The broker keeps no triggers for us.
    InvalidOrder
        It is no limit order for the day: nothing else may rest.
    """
    if not capabilities.gtt_single:
        text = f"{capabilities.title} keeps no resting triggers (GTT), and triggers that are watched from here do not exist yet."
        raise Unsupported(text, hint="Take the GTT wish away, or choose an account at a broker that keeps them.")
    if request.order_type not in (OrderType.LIMIT, OrderType.SL):
        hint = "Make it LIMIT (the price is the trigger) or SL (with a trigger of its own)."
        raise InvalidOrder(
            f"A resting trigger places a limit order; {request.listing} was wanted {request.order_type}.", hint=hint
        )
    if request.validity is not Validity.DAY or request.variety is not Variety.REGULAR:
        raise InvalidOrder("A resting trigger places a regular order for the day.", hint="Leave validity and variety out.")


def legs_of(request: OrderRequest) -> tuple[GttLeg, ...]:
    """Return the one leg of a request; without a trigger of its own, its limit price is the trigger."""
    if request.price is None:
        raise InvalidOrder(f"A resting trigger of {request.listing} needs a limit price.")
    return (GttLeg(request.trigger_price or request.price, request.price, request.quantity),)


def largest(legs: Sequence[GttLeg]) -> GttLeg:
    """Return the leg that counts: of two only one executes."""
    return max(legs, key=lambda leg: leg.quantity)


def as_request(request: OrderRequest, legs: Sequence[GttLeg]) -> OrderRequest:
    """Return a wish as an order shows it: the largest leg."""
    leg = largest(legs)
    kind = request.order_type if len(legs) == 1 and leg.trigger_price == leg.price else OrderType.SL
    trigger = leg.trigger_price if kind is OrderType.SL else None
    return replace(request, order_type=kind, price=leg.price, trigger_price=trigger, quantity=leg.quantity)


def capped(legs: Sequence[GttLeg], quantity: int) -> tuple[GttLeg, ...]:
    """Return legs of at most `quantity` units each, which is what the risk gate left."""
    return tuple(replace(leg, quantity=min(leg.quantity, quantity)) for leg in legs)


def check_legs(legs: Sequence[GttLeg], last_price: Decimal | None = None) -> tuple[GttLeg, ...]:
    """Return legs by ascending trigger.

    Raises
    ------
    InvalidOrder
        There are not one or two; two do not lie on both sides of the last price; one stands at the last price.
    """
    ordered = tuple(sorted(legs, key=lambda leg: leg.trigger_price))
    if len(ordered) not in (1, 2):
        raise InvalidOrder(f"A trigger has one leg or two, {len(ordered)} were given.")
    for leg in ordered:
        if leg.trigger_price <= 0 or leg.price <= 0 or leg.quantity <= 0:
            raise InvalidOrder(f"A leg's trigger, price and quantity must be above 0, was {leg}.")
    if last_price is None:
        return ordered
    if any(leg.trigger_price == last_price for leg in ordered):
        raise InvalidOrder(f"A trigger stands at the last price {last_price} already.", hint="Place the order instead.")
    if len(ordered) == 2 and not ordered[0].trigger_price < last_price < ordered[1].trigger_price:
        text = f"{ordered[0].trigger_price} and {ordered[1].trigger_price} must lie on both sides of the last price {last_price}."
        raise InvalidOrder(f"The triggers {text}", hint="One below it, one above it.")
    return ordered


def could_have_fired(gtt: Gtt, row: BrokerOrder) -> bool:
    """Say whether an untagged row of the book could be what a trigger has placed: same listing, side, and a leg's quantity."""
    same = (row.listing, row.side) == (gtt.listing, gtt.side) and not row.tag
    return same and gtt.status.resting and row.quantity in {leg.quantity for leg in gtt.legs}


def same_wish(gtt: Gtt, row: BrokerGtt) -> bool:
    """Say whether a listed trigger is for exactly what was wanted."""
    named = (row.listing, row.side, row.kind, row.product) == (gtt.listing, gtt.side, gtt.kind, gtt.product)
    return named and same_legs(gtt.legs, row.legs)


def same_legs(one: Sequence[GttLeg], other: Sequence[GttLeg]) -> bool:
    """Say whether two sets of legs are the same; their order does not matter."""
    return Counter(one) == Counter(other)


def judge_place(
    gtt: Gtt,
    command: Command,
    rows: Sequence[BrokerGtt],
    taken: Collection[str],
    asked_ns: int,
    rules: SettleRules,
    complete: bool,
) -> Told:
    """Say what became of a new trigger without an answer: what is listed now and was not before.

    Parameters
    ----------
    taken : collection of str
        Broker ids that belong to other triggers here.
    asked_ns : int
        When the list was asked for, on the boot clock.
    complete : bool
        Whether every row of the list could be read.
    """
    fresh = [row for row in rows if row.broker_gtt_id not in taken and row.broker_gtt_id not in gtt.seen_before]
    alike = [row for row in fresh if (row.listing, row.side) in ((gtt.listing, gtt.side), (None, gtt.side))]
    exact = [row for row in alike if same_wish(gtt, row)]
    if len(alike) == len(exact) == 1:
        return Told(Finding.FOUND, f"the list shows it as {exact[0].broker_gtt_id}", exact[0])
    if alike:
        ids = tuple(row.broker_gtt_id for row in alike)
        return Told(Finding.LOOK_ALIKE, f"it may be {' or '.join(ids)}", look_alikes=ids)
    if asked_ns < earliest_ns(command, rules):
        return Told(Finding.WAIT, "the broker may still list it", absent_reads=command.absent_reads)
    if not complete:
        return Told(Finding.WAIT, "a row of the list could not be read", absent_reads=command.absent_reads)
    reads = (*command.absent_reads[:1], asked_ns)
    if len(reads) == 2 and asked_ns - reads[0] >= rules.absence_gap * SECOND:
        return Told(Finding.ABSENT, "two lists of the triggers do not show it", absent_reads=reads)
    return Told(Finding.WAIT, "absent from one list so far", absent_reads=reads[:1])


def judge_modify(wanted: Sequence[GttLeg], command: Command, row: BrokerGtt | None, asked_ns: int, rules: SettleRules) -> Told:
    """Say whether a change without an answer was applied."""
    if row is None:
        return Told(Finding.WAIT, "the list does not show the trigger")
    if same_legs(wanted, row.legs):
        return Told(Finding.APPLIED, "the list shows the new values", row)
    if row.status is not None and not row.status.resting:
        return Told(Finding.NOT_APPLIED, f"it ended {row.status} before", row)
    if asked_ns < earliest_ns(command, rules):
        return Told(Finding.WAIT, "the broker may still apply it", row)
    return Told(Finding.NOT_APPLIED, "the list still shows the old values", row)


def judge_removal(command: Command, row: BrokerGtt | None, asked_ns: int, complete: bool) -> Told:
    """Say whether a removal without an answer took; one that still rests after the read may be removed again."""
    if asked_ns < (command.unknown_ns or 0) or not complete:
        return Told(Finding.WAIT, "read before the answer was lost, or not whole", row)
    if row is None:
        return Told(Finding.APPLIED, "it is listed no more")
    if row.status is None:
        return Told(Finding.WAIT, f"the broker calls it {row.broker_status}", row)
    if row.status is not GttStatus.ACTIVE:
        return Told(Finding.APPLIED, f"it ended {row.status}", row)
    return Told(Finding.NOT_APPLIED, "it still rests", row)


def kind_of(legs: Sequence[GttLeg]) -> GttKind:
    """Return OCO for two legs."""
    return GttKind.OCO if len(legs) == 2 else GttKind.SINGLE
