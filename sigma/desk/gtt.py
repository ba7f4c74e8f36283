"""`desk.gtt`: triggers that rest at a broker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import pandas as pd

from sigma.desk.cells import MAYBE_WHOLE, MOMENT, TEXT, WHOLE, facts, frame
from sigma.desk.words import amount, whole, word
from sigma.domain import show
from sigma.domain.errors import InvalidOrder
from sigma.domain.gtt import Gtt, GttLeg
from sigma.domain.orders import Product, Side, Source
from sigma.engines.triggers import largest
from sigma.services.orders.gtt_sync import TriggerReport
from sigma.services.orders.submit import Origin

if TYPE_CHECKING:
    from sigma.bootstrap import House

Number = Decimal | int | float | str
GTTS = {
    "id": WHOLE,
    "account": TEXT,
    "label": TEXT,
    "listing": TEXT,
    "side": TEXT,
    "quantity": WHOLE,
    "product": TEXT,
    "kind": TEXT,
    "legs": TEXT,
    "status": TEXT,
    "order_id": MAYBE_WHOLE,
    "broker_gtt_id": TEXT,
    "broker_status": TEXT,
    "broker_reason": TEXT,
    "created_at": MOMENT,
    "updated_at": MOMENT,
    "expires_at": MOMENT,
}
"""The columns of `table`: `quantity` is that of the largest leg, without `order_id` it was made elsewhere."""


class GttDesk:
    """One user's triggers. Quantities are units, prices rupees; a leg is ``{"trigger": …, "price": …, "quantity": …}``."""

    def __init__(self, house: House, user_id: int, source: Source) -> None:
        self._house = house
        self._user_id = user_id
        self._source = source

    def add(
        self,
        *,
        account: str | int,
        listing: str,
        side: str,
        legs: Sequence[Mapping[str, Number]],
        quantity: int | None = None,
        product: str = "CNC",
        client_order_id: str | None = None,
    ) -> Gtt:
        """Set a trigger: one leg, or two of which the first to fire cancels the other. Each places a limit order.

        A leg without a quantity of its own has `quantity`. A refusal by the risk gate is a status, not an exception.

        Raises
        ------
        InvalidOrder, NotFound, Unsupported, SessionExpired
            Nothing was stored or sent.
        Conflict
            There is an order with this `client_order_id` already: the same trigger is not set twice.
        """
        text = self._house.instruments.resolve(listing, self._user_id).text
        words = word(Side, side, "side"), word(Product, product, "product")
        add, made = self._house.orders.triggers.add, [_leg(leg, quantity) for leg in legs]
        origin = Origin(self._source)
        return add(account, text, *words, made, user_id=self._user_id, origin=origin, client_order_id=client_order_id)

    def modify(self, gtt_id: int, legs: Sequence[Mapping[str, Number]]) -> Gtt:
        """Ask the broker to change a resting trigger of ours; all of its legs are given."""
        return self._house.orders.triggers.modify(gtt_id, [_leg(leg, None) for leg in legs], user_id=self._user_id)

    def cancel(self, gtt_id: int) -> Gtt:
        """Take a resting trigger away at its broker, whoever made it."""
        return self._house.orders.triggers.cancel(gtt_id, user_id=self._user_id)

    def get(self, gtt_id: int) -> Gtt:
        """Return one trigger."""
        return self._house.orders.triggers.get(gtt_id, user_id=self._user_id)

    def resolve(self, gtt_id: int, *, reason: str, broker_gtt_id: str | None = None) -> Gtt:
        """Say what a trigger of unknown outcome is at the broker, or (without an id) that it was never placed."""
        resolve = self._house.orders.triggers.resolve
        return resolve(gtt_id, broker_gtt_id=broker_gtt_id, reason=reason, user_id=self._user_id)

    def sync(self, account: str | int) -> TriggerReport:
        """Read an account's triggers now; the worker does it by itself."""
        return self._house.orders.sync.triggers.sync(self._house.accounts.find(self._user_id, account).id)

    def table(self, account: str | int | None = None, *, resting: bool = False) -> pd.DataFrame:
        """Return triggers, newest first; columns: `GTTS`, times are UTC. `resting`: those that may still fire."""
        rows = self._house.orders.triggers.select(user_id=self._user_id, account=account, resting=resting)
        owners = {one.id: one for one in self._house.accounts.list(self._user_id)}
        labels = {one.id: self._house.orders.triggers.label(one) for one in owners.values()}
        return frame(GTTS, [_row(row, owners[row.account_id].name, labels[row.account_id]) for row in rows])


def _row(row: Gtt, account: str, label: str) -> Mapping[str, object]:
    legs = " · ".join(f"{leg.quantity} at {show.price(leg.price)} when {show.price(leg.trigger_price)}" for leg in row.legs)
    return facts(GTTS, row, account=account, label=label, legs=legs, quantity=largest(row.legs).quantity)


def _leg(given: Mapping[str, Number], quantity: int | None) -> GttLeg:
    """Return a leg that a person gave."""
    unknown = sorted(set(given) - {"trigger", "price", "quantity"})
    if unknown:
        raise InvalidOrder(f"A leg has no {', '.join(unknown)}.", hint="Give trigger, price and perhaps quantity.")
    units = whole(given.get("quantity", quantity), "quantity")
    return GttLeg(amount(given.get("trigger"), "trigger"), amount(given.get("price"), "price"), units)
