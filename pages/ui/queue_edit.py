"""The dialog that changes an order before it is approved."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

import streamlit as st

from pages.ui.badges import badges, escape
from pages.ui.dialogs import close_dialog, pressed, show_dialog
from pages.ui.kill import may_trade
from pages.ui.order_acts import short
from pages.ui.queue_approve import changes
from pages.ui.session import desk
from pages.ui.ticket import products
from sigma.domain import show
from sigma.domain.accounts import Capabilities
from sigma.domain.errors import Conflict, SigmaError
from sigma.domain.orders import Order, OrderRequest, OrderType
from sigma.domain.story import title

EDITING = "queue-editing"
FIELDS = ("type", "product", "quantity", "price", "trigger_price", "gtt")


def open_edit(order_id: int) -> None:
    """Open the dialog for a waiting order, as it is now."""
    order = desk().orders.get(order_id)
    named = f"Edit {order.request.side} {order.listing}"
    show_dialog(named, draw_edit, first=partial(_start, order), icon=":material/edit:")


def _start(order: Order) -> None:
    """Begin with the order as it is; what was typed and left at an earlier opening is forgotten."""
    st.session_state[EDITING] = order
    for name in FIELDS:
        st.session_state.pop(f"edit-{name}:{order.id}", None)


def draw_edit() -> None:
    """Draw what the dialog shows."""
    if not may_trade():
        st.error("Your role may look at orders, not change them.")
        return
    order: Order = st.session_state[EDITING]
    st.markdown(f"{escape(title(order))}. It waits; nothing was sent.")
    wanted = _wanted(order)
    changed = {name: value for name, value in wanted.items() if value != getattr(order.request, name)}
    complete = not missing(wanted)
    if not complete:
        st.caption(f"Give {missing(wanted)}.")
    elif changed:
        st.markdown(f"To save: {escape(told(order.request, changed))}.")
    with st.container(horizontal=True, horizontal_alignment="right"):
        st.button("Leave as it is", key=f"edit-keep:{order.id}", on_click=close_dialog)
        key = f"go_edit:{order.id}:{order.version}"
        saved = pressed("Save", key=key, type="primary", disabled=not (changed and complete))
    if saved:
        _save(order, changed)


def _wanted(order: Order) -> dict[str, Any]:
    """Draw what can be changed and return it; `order` is the one that the person saw first, or saw change."""
    request, key = order.request, order.id
    offered = _capabilities(order)
    types = [kind.value for kind in OrderType if kind is request.order_type or any(kind in one.order_types for one in offered)]
    traded = {product for one in offered for product in products(one, order.listing)} | {request.product.value}
    kept = [product for product in products(None, None) if product in traded]
    left, right = st.columns(2, wrap=False)
    kind = OrderType(left.selectbox("Type", types, index=types.index(request.order_type), key=f"edit-type:{key}"))
    product = right.selectbox("Product", kept, index=kept.index(request.product), key=f"edit-product:{key}")
    lots = f"In lots of {show.quantity(order.lot_size)}." if order.lot_size > 1 else None
    size: dict[str, Any] = {"min_value": 1, "step": order.lot_size, "help": lots}
    left, right = st.columns(2, wrap=False)
    quantity = left.number_input("Quantity", value=request.quantity, key=f"edit-quantity:{key}", **size)
    wanted: dict[str, Any] = {"quantity": quantity, "order_type": kind.value, "product": product}
    for name, label, asked in (("price", "Price ₹", kind.has_price), ("trigger_price", "Trigger ₹", kind.has_trigger)):
        wanted[name] = _price(order, name, label, right if name == "price" or not kind.has_price else left) if asked else None
    if request.gtt or any(one.gtt_single for one in offered):
        wanted["gtt"] = st.checkbox("As a trigger that rests at the broker (GTT)", value=request.gtt, key=f"edit-gtt:{key}")
    return wanted


def _price(order: Order, name: str, label: str, place: Any) -> Decimal | None:
    now = getattr(order.request, name)
    places = max(2, -int(order.tick_size.normalize().as_tuple().exponent))
    key = f"edit-{name}:{order.id}"
    step: dict[str, Any] = {"min_value": 0.0, "step": float(order.tick_size), "format": f"%.{places}f"}
    value = place.number_input(label, value=None if now is None else float(now), key=key, **step)
    return Decimal(str(round(value, 4))) if value else None


def _capabilities(order: Order) -> list[Capabilities]:
    """Return what the order's account can do; of an order without one, what each of the person's accounts can."""
    return [desk().capabilities(one.name) for one in badges() if order.account_id in (None, one.id)]


def missing(wanted: dict[str, Any]) -> str:
    """Return what an order of the wanted type still needs."""
    kind = OrderType(wanted["order_type"])
    needed = {"quantity": True, "price": kind.has_price, "trigger_price": kind.has_trigger}
    return " and ".join(f"a {name.replace('_', ' ')}" for name, needs in needed.items() if needs and not wanted[name])


def told(request: OrderRequest, changed: dict[str, Any]) -> str:
    """Return changes in words: ``quantity 5 → 6``."""
    return ", ".join(f"{name.replace('_', ' ')} {_word(getattr(request, name))} → {_word(new)}" for name, new in changed.items())


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (
        show.quantity(value)
        if isinstance(value, int)
        else show.price(value)
        if isinstance(value, Decimal)
        else str(value or "none")
    )


def _save(order: Order, changed: dict[str, Any]) -> None:
    try:
        after = desk().orders.edit(order.id, version=order.version, **changed)
    except Conflict as error:
        now = desk().orders.get(order.id)
        st.session_state[EDITING] = now
        st.error(f"**{escape(error.message)}** {escape(error.hint)}".strip(), icon=":material/error:")
        for words in changes(order, now):
            st.warning(escape(words), icon=":material/published_with_changes:")
        return
    except SigmaError as error:
        st.error(f"**{escape(error.message)}** {escape(error.hint)}".strip(), icon=":material/error:")
        return
    st.toast(f"{escape(short(after))}: saved.", icon=":material/check:")
    close_dialog()
