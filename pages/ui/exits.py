"""Leaving positions: one through the ticket, several at the market after a question that names each."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import partial

import pandas as pd

from pages.ui.badges import Badge, escape
from pages.ui.confirm import Outcome, Question, ask
from pages.ui.portfolio import row_ids
from pages.ui.rows import rows
from pages.ui.session import desk
from pages.ui.ticket import open_ticket
from sigma.domain import show
from sigma.domain.errors import SigmaError
from sigma.domain.orders import EXPOSED, GROUPS, Side


@dataclass(frozen=True, slots=True)
class Leg:
    """One position to leave.

    Parameters
    ----------
    row_id : str
        What the position is known by.
    held : int
        Units when the person was asked; negative when short.
    value : float
        Rupees at the last price, positive.
    order_id : str
        The client_order_id: pressed twice, one order is placed.
    """

    row_id: str
    listing: str
    product: str
    held: int
    value: float
    order_id: str

    @property
    def side(self) -> str:
        """What takes the position to zero."""
        return (Side.SELL if self.held > 0 else Side.BUY).value

    @property
    def words(self) -> str:
        """The order that leaves it."""
        return f"{self.side} {show.quantity(abs(self.held))} {self.listing} {self.product}"


def legs(picked: pd.DataFrame, order_ids: Sequence[str]) -> list[Leg]:
    """Return what leaves each of the positions picked."""
    return [
        Leg(row.Index, row.listing, row.product, int(row.quantity), abs(row.quantity * row.last_price * row.multiplier), order_id)
        for row, order_id in zip(rows(picked), order_ids, strict=True)
    ]


def exit_positions(badge: Badge, picked: pd.DataFrame) -> None:
    """Open the ticket with the order that leaves one position, or ask about several at once."""
    wanted = legs(picked, [desk().orders.new_id() for _ in range(len(picked))])
    if len(wanted) == 1:
        leg = wanted[0]
        open_ticket(badge.name, leg.listing, leg.side, abs(leg.held), leg.product, leaving=True)
        return
    ask(question(wanted, badge), f"exit:{badge.id}", partial(leave, badge.name, wanted))


def question(wanted: Sequence[Leg], badge: Badge) -> Question:
    """Return what is asked before several positions are left."""
    many = f"{len(wanted)} positions"
    lines = "".join(f"\n- {escape(leg.words)}" for leg in wanted)
    body = f"About {show.rupees(sum(leg.value for leg in wanted))} at the last prices.\n{lines}"
    return Question(f"Exit {many} on {badge.text} at market?", body, f"Keep {many}", f"Exit {many}", icon=":material/logout:")


def leave(account: str, wanted: Sequence[Leg]) -> list[Outcome]:
    """Place the orders, against what the broker says is held now.

    A position that is not what the person was asked about is left alone, and so is one that an order leaves already: the list
    on the page is some seconds old, and a second exit would turn the position around.

    Raises
    ------
    BrokerError
        The broker does not say what is held; nothing was sent.
    """
    mine = desk()
    at_work = mine.orders.table(account, status=sorted(EXPOSED))
    now = mine.positions(account, refresh=True)
    held = dict(zip(row_ids(now), now["quantity"], strict=True))
    leaving = {(row.listing, row.product, row.side) for row in rows(at_work)}
    return [_left(account, leg, int(held.get(leg.row_id, 0)), leaving) for leg in wanted]


def _left(account: str, leg: Leg, held: int, leaving: Set[tuple[str, str, str]]) -> Outcome:
    if held != leg.held:
        told = f"nothing was sent, for the position is {show.quantity(held)} now and was {show.quantity(leg.held)}"
        return Outcome(leg.words, False, told)
    if (leg.listing, leg.product, leg.side) in leaving:
        return Outcome(leg.words, False, "nothing was sent, for an order that leaves it is at work already")
    try:
        order = desk().orders.submit(
            account=account,
            listing=leg.listing,
            side=leg.side,
            quantity=abs(leg.held),
            product=leg.product,
            client_order_id=leg.order_id,
            reduce_only=True,
        )
    except SigmaError as error:
        return Outcome(leg.words, False, f"{error.message} {error.hint}".strip())
    return Outcome(leg.words, order.status not in GROUPS["attention"], order.risk_note)
