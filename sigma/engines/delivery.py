"""How many shares may be sold for delivery, and what of them their owner has authorised at the depository."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sigma.domain.orders import Fill, Order, Product, Side, counts_as_exposure
from sigma.domain.portfolio import Holding

STAMP = timedelta(seconds=1)
"""How exact the brokers' times of executions are: what is stamped with a second happened somewhere within it."""


@dataclass(frozen=True, slots=True)
class Sellable:
    """What of a security may be sold for delivery now, in units.

    Parameters
    ----------
    held : int
        Settled and free, and on their way (T1), when the broker was read; pledged ones are in neither.
    traded : int
        Bought less sold for delivery today, as far as the broker's list of holdings does not show it.
    selling : int
        What delivery sales at work may still take.
    authorised : int
        What the owner has authorised at the depository, by the broker's word.
    """

    held: int
    traded: int
    selling: int
    authorised: int

    @property
    def quantity(self) -> int:
        """What may be sold, never below 0."""
        return max(0, self.held + self.traded - self.selling)

    @property
    def words(self) -> str:
        """The numbers behind it."""
        parts = [f"{self.held} settled or on their way"]
        if self.traded:
            parts.append(f"{abs(self.traded)} {'bought' if self.traded > 0 else 'sold'} today")
        if self.selling:
            parts.append(f"{self.selling} being sold already")
        return ", ".join(parts)


def sellable(
    holdings: Sequence[Holding], taken_at: datetime, fills: Sequence[Fill], orders: Sequence[Order], names: frozenset[str]
) -> Sellable:
    """Return what may be sold of one security.

    A broker's list of holdings shows the day's sales at once and its purchases tomorrow. So of today's fills those count that
    the list does not show: purchases whenever they were, and sales of held shares after it was taken. A sale within the second
    of the reading counts as not shown: too little is said to be there until the next reading, never too much.

    Parameters
    ----------
    holdings : sequence of Holding
        The account's, read at `taken_at` (UTC).
    fills : sequence of Fill
        The account's of the session, delivery or not.
    orders : sequence of Order
        The account's that may still execute.
    names : frozenset of str
        The security's listings, on whichever exchange.
    """
    rows = [row for row in holdings if row.listing in names and row.product is not Product.MTF]
    ours = [fill for fill in fills if fill.listing in names and fill.product is Product.CNC]
    net = sum(fill.quantity * fill.side.sign for fill in ours)
    seen = sum(fill.quantity * fill.side.sign for fill in ours if fill.filled_at + STAMP <= taken_at)
    return Sellable(
        held=sum(row.quantity + row.t1_quantity for row in rows),
        traded=net + max(0, -seen),
        selling=sum(
            order.unfilled
            for order in orders
            if counts_as_exposure(order)
            and order.listing in names
            and (order.request.side, order.request.product) == (Side.SELL, Product.CNC)
        ),
        authorised=sum(row.authorised_quantity for row in rows),
    )
