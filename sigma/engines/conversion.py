"""Changing a position's product: what may be converted, and what positions tell of a conversion whose answer was lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sigma.domain.accounts import Capabilities
from sigma.domain.errors import Conflict, InvalidOrder, Unsupported
from sigma.domain.instruments import CASH, split_listing
from sigma.domain.orders import Command, Fill, Order, Product, Side
from sigma.domain.portfolio import Conversion, Position
from sigma.domain.times import ist_date
from sigma.engines.settlement import SECOND, Finding, Judgement, SettleRules, earliest_ns


@dataclass(frozen=True, slots=True)
class Held:
    """Signed units of one listing in the product that is left and in the one that is entered; negative is short."""

    old: int
    new: int

    def less(self, other: Held) -> Held:
        """Return the difference."""
        return Held(self.old - other.old, self.new - other.new)


def products_for(listing: str, capabilities: Capabilities) -> tuple[Product, ...]:
    """Return the products that a position of this listing may have: carried ones only of derivatives, delivery only of shares."""
    exchange, _ = split_listing(listing)
    foreign = {Product.NRML} if exchange in CASH else {Product.CNC, Product.MTF}
    return tuple(product for product in Product if product in capabilities.products and product not in foreign)


def held_of(conversion: Conversion, positions: Sequence[Position]) -> Held:
    """Return what is held of a conversion's two products."""

    def units(product: Product) -> int:
        return sum(row.quantity for row in positions if (row.listing, row.product) == (conversion.listing, product))

    return Held(units(conversion.old), units(conversion.new))


def plan(
    listing: str,
    quantity: int,
    old: Product,
    new: Product,
    positions: Sequence[Position],
    exits: Sequence[Order],
    capabilities: Capabilities,
) -> Conversion:
    """Return the conversion that was asked for.

    Parameters
    ----------
    quantity : int
        Units, above 0 whether the position is long or short.
    exits : sequence of Order
        Orders under way in the old product: those against the position keep their units.

    Raises
    ------
    InvalidOrder, Unsupported, Conflict
        There is nothing to convert, or not so much, or the product is not to be had.
    """
    if quantity <= 0:
        raise InvalidOrder(f"The quantity to convert must be above 0, was {quantity}.")
    offered = products_for(listing, capabilities)
    if old is new or new not in offered:
        there = ", ".join(product for product in offered if product is not old) or "none"
        raise Unsupported(f"{listing} in {old} cannot become {new} at {capabilities.title}.", hint=f"It can become: {there}.")
    rows = [row for row in positions if (row.listing, row.product) == (listing, old) and row.quantity]
    if not rows:
        raise Conflict(f"There is no open position of {listing} in {old}.", hint="Read the positions anew.")
    net, overnight = sum(row.quantity for row in rows), sum(row.overnight_quantity for row in rows)
    side = Side.BUY if net > 0 else Side.SELL
    bound = sum(order.unfilled for order in exits if order.request.side is not side)
    if quantity > abs(net) - bound:
        told = f" and {bound} of them are in orders that close it" if bound else ""
        hint = "Cancel those orders first: in the old product they would open a new position." if bound else ""
        raise Conflict(f"{quantity} of {listing} cannot be converted: {abs(net)} are held in {old}{told}.", hint=hint)
    return Conversion(listing, side, quantity, old, new, _is_overnight(listing, quantity, net, overnight))


def _is_overnight(listing: str, quantity: int, net: int, overnight: int) -> bool:
    """Say which part of the position is meant: today's where it is enough, else the carried one."""
    sign = 1 if net > 0 else -1
    carried = min(max(0, overnight * sign), abs(net))
    today = abs(net) - carried
    if quantity <= today:
        return False
    if quantity <= carried:
        return True
    hint = f"Convert {today} and {carried} one after the other."
    raise Conflict(f"{today} of {listing} are of today and {carried} were carried: brokers convert them apart.", hint=hint)


def moved_by(conversion: Conversion, fills: Sequence[Fill]) -> Held:
    """Return what executions did meanwhile."""

    def units(product: Product) -> int:
        mine = [fill for fill in fills if (fill.listing, fill.product) == (conversion.listing, product)]
        return sum(fill.quantity * fill.side.sign for fill in mine)

    return Held(units(conversion.old), units(conversion.new))


def judge(
    conversion: Conversion, command: Command, before: Held, now: Held, moved: Held, asked_ns: int, rules: SettleRules, today: date
) -> Judgement:
    """Say what positions tell about a conversion without an answer.

    Parameters
    ----------
    before, now : Held
        As committed before the call, and as read at `asked_ns` on the boot clock.
    moved : Held
        What executions changed between the two.
    """
    change, units = now.less(before).less(moved), conversion.quantity * conversion.side.sign
    if change == Held(-units, units):
        return Judgement(Finding.APPLIED, f"{conversion.quantity} moved from {conversion.old} to {conversion.new}")
    if command.claimed_at is not None and today > ist_date(command.claimed_at):
        return Judgement(Finding.DAY_OVER, f"the positions of {ist_date(command.claimed_at):%d %b %Y} are gone")
    if asked_ns < earliest_ns(command, rules):
        return Judgement(Finding.WAIT, "the broker may still show it", absent_reads=command.absent_reads)
    if change != Held(0, 0):
        text = f"positions changed by {change.old} in {conversion.old} and {change.new} in {conversion.new}, which is neither"
        return Judgement(Finding.LOOK_ALIKE, text, look_alikes=("positions",))
    reads = (*command.absent_reads[:1], asked_ns)
    if len(reads) == 2 and asked_ns - reads[0] >= rules.absence_gap * SECOND:
        return Judgement(Finding.NOT_APPLIED, "two reads of the positions do not show it", absent_reads=reads)
    return Judgement(Finding.WAIT, "not in one read of the positions so far", absent_reads=reads[:1])
