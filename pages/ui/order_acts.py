"""What a person does to an order that exists: cancel, modify, resolve, repeat. Every dialog asks first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import streamlit as st

from pages.ui.badges import badges, escape
from pages.ui.confirm import Outcome, Question, ask
from pages.ui.queue_rows import summed
from pages.ui.rows import rows
from pages.ui.session import desk
from pages.ui.ticket import entered, price_format
from sigma.domain import show
from sigma.domain.orders import Order, OrderType, Validity
from sigma.domain.story import Story, progress, title

BROKERS, EXECUTED, NEVER = "It is an order at the broker", "So much of it was executed", "The broker never got it"


def short(order: Order) -> str:
    """Return what an order wants in three words: ``SELL 1,000 NSE:RELIANCE``."""
    return f"{order.request.side} {show.quantity(order.request.quantity)} {order.listing}"


def account_of(order: Order) -> str:
    """Return the badge of an order's account as Markdown; a dash without one."""
    return next((badge.coloured for badge in badges() if badge.id == order.account_id), show.MISSING)


def cancel(order_ids: Sequence[int]) -> None:
    """Ask whether to take orders back. What was executed meanwhile changes nothing about that wish, so no version is held."""
    orders = [desk().orders.get(one) for one in order_ids]
    value = summed(values(orders))
    if len(orders) == 1:
        order = orders[0]
        stay = f" {show.quantity(order.filled_quantity)} already filled stay." if order.filled_quantity else ""
        body = f"On {account_of(order)}, {value} not executed.{stay}"
        question = Question(f"Cancel {short(order)}?", body, "Keep order", "Cancel order")
    else:
        listed = "  \n".join(f"{escape(short(order))} on {account_of(order)}" for order in orders)
        stay = " What is already filled stays." if any(order.filled_quantity for order in orders) else ""
        body = f"{listed}  \n{value[:1].upper()}{value[1:]} not executed.{stay}"
        question = Question(f"Cancel {len(orders)} orders?", body, "Keep orders", f"Cancel {len(orders)} orders")
    ask(question, "cancel:" + ",".join(map(str, order_ids)), partial(_cancelled, tuple(order_ids)))


def values(orders: Sequence[Order]) -> list[Decimal | None]:
    """Return what each order's unexecuted part is worth in rupees: at its own price, else at the last one that is stored."""
    prices = desk().last_quotes(sorted({order.listing for order in orders}))
    last = {row.listing: show.number(row.last_price) for row in rows(prices)}
    found = []
    for order in orders:
        price = order.request.price or order.request.trigger_price or last.get(order.listing)
        found.append(None if price is None else price * order.unfilled)
    return found


def _cancelled(order_ids: Sequence[int]) -> str | Sequence[Outcome]:
    results = list(rows(desk().orders.cancel_each(order_ids)))
    if all(one.done for one in results):
        first = results[0]
        return (
            f"{first.side} {first.listing}: {first.words}." if len(results) == 1 else f"{len(results)} cancels are on their way."
        )
    return [Outcome(f"Cancel {one.side} {show.quantity(one.quantity)} {one.listing}", one.done, one.words) for one in results]


def modify(order_id: int) -> None:
    """Open the dialog that changes a working order, as it is now."""
    order = desk().orders.get(order_id)
    changes: dict[str, Any] = {}
    body = f"{escape(title(order))} on {account_of(order)}. {progress(order) and f'{progress(order)} filled.'}"
    question = Question(f"Modify {short(order)}?", body, "Leave as it is", "Ask the broker to change it", icon=":material/edit:")
    ask(question, f"modify:{order_id}:{order.version}", partial(_modified, order, changes), partial(_wanted, order, changes))


def _wanted(order: Order, changes: dict[str, Any]) -> bool:
    """Draw what can be changed; leave in `changes` what differs from the order, and say whether anything does."""
    request, key = order.request, f"{order.id}:{order.version}"
    capabilities = desk().capabilities(_account_name(order))
    types = [kind.value for kind in OrderType if kind in capabilities.order_types]
    valid = [one.value for one in Validity if one in capabilities.validities]
    left, right = st.columns(2, wrap=False)
    kind = OrderType(left.selectbox("Type", types, index=types.index(request.order_type), key=f"modify-type:{key}"))
    validity = right.selectbox("Validity", valid, index=valid.index(request.validity), key=f"modify-validity:{key}")
    quantity = left.number_input(
        "Quantity", min_value=1, value=request.quantity, step=order.lot_size, key=f"modify-quantity:{key}"
    )
    step: dict[str, Any] = {"min_value": 0.0, "step": float(order.tick_size), "format": price_format(order.tick_size)}
    wish: dict[str, Any] = {"order_type": kind, "validity": validity, "quantity": quantity}
    for name, label, asked in (("price", "Price ₹", kind.has_price), ("trigger_price", "Trigger ₹", kind.has_trigger)):
        if asked:
            now = getattr(request, name)
            value = right.number_input(label, value=None if now is None else float(now), key=f"modify-{name}:{key}", **step)
            wish[name] = entered(value)
    changes.clear()
    changes.update({name: value for name, value in wish.items() if value != getattr(request, name)})
    return bool(changes) and None not in changes.values()


def _account_name(order: Order) -> str:
    return next(badge.name for badge in badges() if badge.id == order.account_id)


def _modified(order: Order, changes: Mapping[str, Any]) -> str | Sequence[Outcome]:
    after = desk().orders.modify(order.id, version=order.version, **changes)
    if after.risk_note:
        return [Outcome(f"Modify {short(order)}", False, f"Risk stopped it: {after.risk_note}. The order stays as it was.")]
    told = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in changes.items())
    return f"{short(order)}: the broker is asked for {told}."


def repeat(order_id: int) -> None:
    """Ask whether to put a copy of an ended order into the queue."""
    order = desk().orders.get(order_id)
    rest = order.unfilled or order.request.quantity
    body = f"A copy of {show.quantity(rest)} waits in the queue until you approve it. The ended order stays as it is."
    question = Question(f"Repeat {short(order)}?", body, "No", "Put a copy in the queue", icon=":material/repeat:")
    ask(question, f"repeat:{order_id}", partial(_repeated, order_id))


def _repeated(order_id: int) -> str:
    return f"{short(desk().orders.requeue(order_id))}: a copy waits in the queue."


def resolve(order_id: int) -> None:
    """Open the dialog in which a person says what became of an order whose outcome no book tells."""
    told = desk().orders.why(order_id)
    answer: dict[str, Any] = {}
    question = Question(
        f"What became of {short(told.order)}?", unknown_words(told), "Not now", "Record it", icon=":material/help:"
    )
    key = f"resolve:{order_id}:{told.order.version}"
    ask(question, key, partial(_resolved, order_id, answer), partial(_answered, told, answer, key))


def unknown_words(told: Story) -> str:
    """Return in plain words why an order's outcome is unknown, and what only a person can do about it."""
    order = told.order
    words = f"{escape(title(order))} on {account_of(order)}: the broker's answer was lost"
    if order.unsettled:
        return f"{words}, and its order book of that day is gone. Look at positions, holdings or the contract note."
    if look_alikes(told):
        return f"{words}. Its order book shows an order that could be this one. Look there and say whether it is."
    return (
        f"{words}. It is still being looked for in the order book, usually for less than a minute. "
        "Record something only if you have seen at the broker what became of it."
    )


def look_alikes(told: Story) -> tuple[str, ...]:
    """Return the broker's ids of orders that could be this one."""
    return tuple(dict.fromkeys(one for command in told.commands for one in command.look_alikes))


def _answered(told: Story, answer: dict[str, Any], key: str) -> bool:
    """Draw the answers there are; leave the one given in `answer`, and say whether it is complete."""
    order = told.order
    answer.clear()
    which = st.radio("What you have seen", [BROKERS, EXECUTED, NEVER], index=None, key=f"which:{key}")
    if which == BROKERS:
        answer["broker_order_id"] = _broker_id(look_alikes(told), key)
    elif which == EXECUTED:
        left, right = st.columns(2, wrap=False)
        least, most = max(1, order.filled_quantity), order.request.quantity
        answer["executed"] = left.number_input("Executed quantity", least, most, value=most, key=f"executed:{key}")
        paid = right.number_input("Average price ₹", min_value=0.0, value=None, format="%.2f", key=f"average:{key}")
        answer["average_price"] = entered(paid)
    answer["reason"] = st.text_input("Where you saw it", placeholder="Kept in the order's history", key=f"reason:{key}").strip()
    return which is not None and all(answer.values())


def _broker_id(found: Sequence[str], key: str) -> str:
    if found:
        chosen = st.selectbox("Order at the broker", found, index=None, accept_new_options=True, key=f"broker:{key}")
        return (chosen or "").strip()
    return st.text_input("Broker's order id", key=f"broker:{key}").strip()


def _resolved(order_id: int, answer: Mapping[str, Any]) -> str:
    after = desk().orders.resolve(order_id, **answer)
    return f"{short(after)}: recorded as {show.status_chip(after.status).text}."


ACTS: Mapping[str, Callable[[int], None]] = {"Resolve": resolve, "Repeat": repeat}
"""What the menu behind "More" does with one order."""
