"""Baskets at the desk: their rows as a person gives them, and the frames of what they hold and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from sigma.desk.cells import FLAG, MAYBE_WHOLE, MOMENT, NUMBER, TEXT, WHOLE, facts, frame
from sigma.domain.errors import InvalidOrder
from sigma.domain.orders import OrderRequest
from sigma.domain.preview import Funding, Leg

Row = Mapping[str, Any]
"""One order as `desk.orders.submit` takes it: listing, side, quantity, and what differs from MARKET, MIS, DAY, REGULAR."""

NEEDED = ("listing", "side", "quantity")
TAKEN = (*NEEDED, "order_type", "product", "price", "trigger_price", "validity", "variety", "disclosed_quantity")
MARGIN = {
    "account": TEXT,
    "orders": WHOLE,
    "total": NUMBER,
    "final_total": NUMBER,
    "benefit": NUMBER,
    "span": NUMBER,
    "exposure": NUMBER,
    "option_premium": NUMBER,
    "reason": TEXT,
    "charges": NUMBER,
    "charges_reason": TEXT,
    "available": NUMBER,
    "available_at": MOMENT,
}
LEGS = {
    "listing": TEXT,
    "side": TEXT,
    "quantity": WHOLE,
    "order_type": TEXT,
    "product": TEXT,
    "price": NUMBER,
    "trigger_price": NUMBER,
    "done": FLAG,
    "order_id": MAYBE_WHOLE,
    "status": TEXT,
    "why": TEXT,
}


def read_rows(rows: Iterable[Row], make: Callable[..., OrderRequest]) -> list[OrderRequest]:
    """Return the orders that rows name; `make` is told the named values of each.

    Raises
    ------
    InvalidOrder
        A row lacks what is needed, names what no order has, or can never be an order; the text says which row, from 1.
    """
    found = []
    for number, row in enumerate(rows, start=1):
        given = {name: value for name, value in row.items() if value is not None and value == value and value != ""}
        missing, strange = [name for name in NEEDED if name not in given], [name for name in given if name not in TAKEN]
        if missing or strange:
            told = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(map(str, strange))}, which no order has"
            raise InvalidOrder(f"Order {number} of the basket {told}.", hint=f"Give {', '.join(TAKEN)}.")
        try:
            found.append(make(**given))
        except InvalidOrder as error:
            raise InvalidOrder(f"Order {number} of the basket: {error.message}", hint=error.hint) from error
    return found


def margins(account: str, orders: int, found: Funding) -> pd.DataFrame:
    """Return what orders hold together, one row; an amount that is not known is NaN, and `reason` says why."""
    held = found.held
    told = {name: getattr(held, name, None) for name in ("total", "final_total", "benefit", "span", "exposure", "option_premium")}
    row = facts(
        MARGIN,
        found,
        account=account,
        orders=orders,
        **told,
        reason=found.margin.reason,
        charges=found.charges.amount,
        charges_reason=found.charges.reason,
    )
    return frame(MARGIN, [row])


def legs(rows: Sequence[Leg]) -> pd.DataFrame:
    """Return what became of a basket's orders, or would, in the order in which they go in."""
    return frame(LEGS, [_leg(row) for row in rows])


def _leg(leg: Leg) -> dict[str, Any]:
    order = leg.order
    return facts(
        LEGS,
        leg.request,
        done=not leg.why,
        order_id=order.id if order else None,
        status=order.status if order else None,
        why=leg.why,
    )
