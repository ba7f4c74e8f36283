"""The ticket: a drawer that says what an order would come to, and places it when the person says so.

Every opening has an id that becomes the order's client_order_id, so that two clicks place one order. A person's wish lives
in the widgets' own keys (``ticket-…``); what is chosen before the drawer opens is written into them then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

import streamlit as st

from pages.ui.badges import Badge, badges, escape
from pages.ui.clocks import clocks
from pages.ui.dialogs import close_dialog, pressed, show_dialog
from pages.ui.kill import may_trade
from pages.ui.preview import acceptable, show_preview
from pages.ui.prices import last_price
from pages.ui.rows import rows
from pages.ui.session import desk
from pages.ui.ticket_gtt import (
    CLEAN,
    Leg,
    chosen_legs,
    lacking,
    refused,
    set_trigger,
    trigger_choices,
    trigger_words,
)
from sigma.domain import show
from sigma.domain.accounts import Capabilities
from sigma.domain.errors import SigmaError
from sigma.domain.instruments import CASH, Listing
from sigma.domain.orders import Order, OrderStatus, OrderType, Product, Side, Validity, Variety
from sigma.domain.preview import Preview
from sigma.domain.show import SIDE_TONES

WIDTH = 420
MOST_FOUND = 6
ID, LISTING, TYPED, PRICED, QUOTED = "ticket-id", "ticket-listing", "ticket-search", "ticket-priced", "ticket-quoted"
ACCOUNT, SIDE, QUANTITY, PRODUCT, TYPE = "ticket-account", "ticket-side", "ticket-quantity", "ticket-product", "ticket-type"
PRICE, TRIGGER, VALIDITY, AMO, PRESET = "ticket-price", "ticket-trigger", "ticket-validity", "ticket-amo", "ticket-preset"
LEAVES = "ticket-leaves"
DERIVATIVE_PRODUCTS = frozenset({Product.MIS, Product.NRML})
CASH_PRODUCTS = frozenset(Product) - {Product.NRML}


def open_ticket(
    account: str | None = None,
    listing: str | None = None,
    side: str | None = None,
    quantity: int | None = None,
    product: str | None = None,
    order_type: str | None = None,
    leaving: bool = False,
) -> None:
    """Open the ticket; everything given is filled in, and everything can be changed.

    Without an order type: with a side it is about something the person has (a position, a holding) and starts as a market
    order; else as a limit order at the last price.

    Parameters
    ----------
    account : str
        The account to preselect: only where the person acts on something of that account. Without one it is
        `desk.orders.preset_account()`; the account that a page shows never chooses where an order goes.
    listing : str
        Canonical text, ``NSE:INFY``.
    quantity : int
        Units.
    leaving : bool
        It is to leave a position: while listing, side and product stay, the order may only make that smaller, for the position
        may change as long as the ticket is open.
    """
    preset = account or desk().orders.preset_account()
    filled: dict[str, Any] = {
        ID: desk().orders.new_id(),
        LISTING: listing,
        TYPED: "",
        PRICED: None,
        QUOTED: {},
        ACCOUNT: preset,
        PRESET: None if account else preset,
        SIDE: side or Side.BUY.value,
        QUANTITY: quantity,
        PRODUCT: product,
        TYPE: order_type or (OrderType.MARKET if side else OrderType.LIMIT).value,
        PRICE: None,
        TRIGGER: None,
        VALIDITY: Validity.DAY.value,
        AMO: False,
        LEAVES: (listing, side, product) if leaving else None,
        **CLEAN,
    }
    first = partial(st.session_state.update, filled)
    show_dialog("New order", draw_ticket, first=first, width=WIDTH, position="right", icon=":material/add_shopping_cart:")


def products(capabilities: Capabilities | None, listing: str | None) -> list[str]:
    """Return the products that an account's broker takes for a listing; without either, nothing is narrowed by it."""
    offered = frozenset(Product) if capabilities is None else capabilities.products
    if listing is not None:
        offered &= CASH_PRODUCTS if listing.partition(":")[0] in CASH else DERIVATIVE_PRODUCTS
    return [product.value for product in Product if product in offered]


def price_format(tick: Decimal) -> str:
    """Return how a field for prices writes them: with two decimals, or as many as a tick has."""
    return f"%.{max(2, -int(tick.normalize().as_tuple().exponent))}f"


def entered(value: float | None) -> Decimal | None:
    """Return what a person wrote into a field for rupees; None for nothing, and for zero, which is no price."""
    return Decimal(str(round(value, 4))) if value else None


def restated(wish: Mapping[str, Any]) -> str:
    """Return what the button does: ``BUY 5 NSE:INFY at 1,543.25, zerodha-main``."""
    kind = OrderType(wish["order_type"])
    at = f"at {show.price(wish['price'])}" if kind.has_price else "at market"
    trigger = f", trigger {show.price(wish['trigger_price'])}" if kind.has_trigger else ""
    where = f", {wish['account']}" if wish["account"] else ""
    return f"{wish['side']} {show.quantity(wish['quantity'])} {wish['listing']} {at}{trigger}{where}"


def draw_ticket() -> None:
    """Draw the wish as far as it is known, what it would come to, and the buttons that place it."""
    if not may_trade():
        st.error("Your role may look at orders, not place them.")
        return
    with st.container():  # what comes below keeps its place, and what is being typed, while the words here come and go
        account = _account()
    capabilities = desk().capabilities(account.name) if account else None
    with st.container():  # the search goes with its place: else a run between two others leaves it below the ticket
        listing = _listing()
    if listing is None:
        return
    last = last_price(listing.text, st.session_state[QUOTED])
    _facts(listing, last)
    _numbers(capabilities, listing, last)
    wish = _wish(account, listing)
    legs = chosen_legs(capabilities, wish, entered)
    if legs is not None:  # what rests places a regular order for the day
        wish = {**wish, "validity": Validity.DAY.value, "variety": Variety.REGULAR.value}
    missing = _missing(wish) or lacking(legs)
    if missing:
        st.info(f"Give {missing}.", icon=":material/edit:")
        return
    preview = desk().orders.preview(**wish)
    show_preview(preview)
    if legs is None:
        _acts(wish, preview)
    else:
        _trigger_act(wish, legs, preview)


def _account() -> Badge | None:
    found = {badge.name: badge for badge in badges()}
    if st.session_state[ACCOUNT] not in (None, *found):  # a value that is set without need takes back a click made meanwhile
        st.session_state[ACCOUNT] = None
    show_as = {name: badge.coloured for name, badge in found.items()}
    name = st.segmented_control("Account", list(found), format_func=show_as.__getitem__, key=ACCOUNT)
    if name is None:
        st.caption("Choose where the order goes, or put it into the queue and decide at its approval.")
    elif name == st.session_state[PRESET]:
        st.caption("Filled in because it was used or preferred last.")
    return found.get(name or "")


def _listing() -> Listing | None:
    """Return what is to be traded, or draw the search for it."""
    chosen = st.session_state[LISTING]
    if chosen is not None:
        try:
            return desk().instruments.get(chosen)
        except SigmaError as error:
            st.error(f"**{error.message}** {error.hint}".strip())
            st.session_state[LISTING] = None
    typed = st.text_input("Listing", key=TYPED, type="search", placeholder="INFY, NIFTY 26000 CE", live="250ms")
    if not (typed or "").strip():
        return None
    found = desk().instruments.find(str(typed).strip(), limit=MOST_FOUND)
    if found.empty:
        st.caption("No listing has that in its symbol or name.")
    for row in rows(found):
        lot = f" · lot {show.quantity(row.lot_size)}" if row.lot_size > 1 else ""
        label = f"**{row.listing}** {row.name}{lot}"
        st.button(label, key=f"ticket-take:{row.listing}", on_click=_take, args=(row.listing,), type="tertiary", wrap=False)
    return None


def _take(listing: str | None) -> None:
    """Choose a listing (None: search again); lot, tick, product and price follow from it."""
    for key in (QUANTITY, PRICE, TRIGGER, PRICED, PRODUCT):
        st.session_state[key] = None
    st.session_state[LISTING] = listing


def _facts(listing: Listing, last: Any) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="ticket-chosen"):
        lot = f" · lot {show.quantity(listing.lot_size)}" if listing.lot_size > 1 else ""
        price = f" · LTP {show.price(last.last_price)} ({show.when(last.at, desk().now())} IST)" if last else " · LTP —"
        st.markdown(clocks(f"**{escape(listing.text)}** {escape(listing.name)}{lot}{price}"))
        st.button("Change", key="ticket-change", type="tertiary", on_click=_take, args=(None,))


def _numbers(capabilities: Capabilities | None, listing: Listing, last: Any) -> None:
    types = [kind.value for kind in OrderType if capabilities is None or kind in capabilities.order_types]
    offered = products(capabilities, listing.text)
    _keep(TYPE, types, types[0])
    _keep(PRODUCT, offered, offered[0] if offered else None)
    _keep(SIDE, list(Side), Side.BUY)
    with st.columns(2, wrap=False)[0]:
        sides = {side.value: f":{SIDE_TONES[side]}[{side.value}]" for side in Side}
        st.segmented_control("Side", list(sides), format_func=sides.__getitem__, required=True, key=SIDE)
    left, right = st.columns(2, wrap=False)
    left.segmented_control("Product", offered, required=True, key=PRODUCT)
    kind = OrderType(right.selectbox("Type", types, key=TYPE))
    left, right = st.columns(2, wrap=False)
    if st.session_state[QUANTITY] is None:
        st.session_state[QUANTITY] = listing.lot_size
    lots = f"In lots of {show.quantity(listing.lot_size)}." if listing.lot_size > 1 else None
    left.number_input("Quantity", min_value=1, step=listing.lot_size, key=QUANTITY, help=lots)
    _preset_price(listing, last, kind)
    step: dict[str, Any] = {
        "min_value": 0.0,
        "value": None,
        "step": float(listing.tick_size),
        "format": price_format(listing.tick_size),
    }
    if kind.has_price:
        right.number_input("Price ₹", key=PRICE, **step)
    if kind.has_trigger:
        (left if kind.has_price else right).number_input("Trigger ₹", key=TRIGGER, **step)
    if capabilities is not None:
        _session_choices(capabilities, listing, kind, step)


def _session_choices(capabilities: Capabilities, listing: Listing, kind: OrderType, field: Mapping[str, Any]) -> None:
    with st.expander("Validity and session"):
        if trigger_choices(capabilities, listing, kind, field):
            return
        valid = [one.value for one in Validity if one in capabilities.validities]
        _keep(VALIDITY, valid, valid[0])
        st.segmented_control("Validity", valid, required=True, key=VALIDITY)
        if Variety.AMO in capabilities.varieties:
            st.checkbox("After-market order: it goes in when the next session opens", key=AMO)


def _keep(key: str, offered: list[Any], otherwise: Any) -> None:
    """Let a choice stand only where it is offered."""
    if st.session_state.get(key) not in offered:
        st.session_state[key] = otherwise


def _preset_price(listing: Listing, last: Any, kind: OrderType) -> None:
    """Start a limit price at the last price, once for each listing; what the person wrote or cleared stays."""
    if kind.has_price and last is not None and st.session_state[PRICED] != listing.text:
        st.session_state[PRICED] = listing.text
        if st.session_state.get(PRICE) is None:
            st.session_state[PRICE] = float(last.last_price)


def _wish(account: Badge | None, listing: Listing) -> dict[str, Any]:
    state = st.session_state
    kind = OrderType(state[TYPE])
    return {
        "account": account.name if account else None,
        "listing": listing.text,
        "side": state[SIDE],
        "quantity": state[QUANTITY],
        "order_type": kind.value,
        "product": state[PRODUCT],
        "price": entered(state.get(PRICE)) if kind.has_price else None,
        "trigger_price": entered(state.get(TRIGGER)) if kind.has_trigger else None,
        "validity": state.get(VALIDITY) or Validity.DAY.value,
        "variety": (Variety.AMO if state.get(AMO) else Variety.REGULAR).value,
    }


def _missing(wish: Mapping[str, Any]) -> str:
    kind = OrderType(wish["order_type"])
    wanted = {"quantity": True, "product": True, "price": kind.has_price, "trigger_price": kind.has_trigger}
    absent = [name.replace("_", " ") for name, needed in wanted.items() if needed and not wish[name]]
    return " and ".join(f"a {name}" for name in absent)


def _acts(wish: Mapping[str, Any], preview: Preview) -> None:
    ticket, words = st.session_state[ID], restated(wish)
    send = pressed(  # its key holds its words: a click on words that a price still being typed has made old means nothing
        words,
        key=f"go_send:{ticket}:{words}",
        type="primary",
        width="stretch",
        disabled=wish["account"] is None or not acceptable(preview),
    )
    queue = pressed("Put in queue instead", key=f"ticket-queue:{ticket}:{words}", width="stretch")
    leaves = (wish["listing"], wish["side"], wish["product"]) == st.session_state.get(LEAVES)
    only = "It only makes the position smaller: more than is held then is not sent. " if leaves else ""
    st.caption(f"{only}The first button sends an order to the broker. In the queue it waits for your approval.")
    if not (send or queue):
        return
    try:
        order = desk().orders.submit(**wish, queue=queue, client_order_id=ticket, reduce_only=leaves)
    except SigmaError as error:
        st.error(f"**{error.message}** {error.hint}".strip(), icon=":material/error:")
        return
    _placed(order, wish)


def _trigger_act(wish: Mapping[str, Any], legs: Sequence[Leg], preview: Preview) -> None:
    """Draw the button that sets a trigger; it goes to the broker at once, for nothing is executed yet."""
    ticket, words = st.session_state[ID], trigger_words(wish, legs)
    acted = pressed(words, key=f"go_trigger:{ticket}:{words}", type="primary", width="stretch", disabled=not acceptable(preview))
    st.caption("The button sets a trigger at the broker. What is above is about the order that it places.")
    if not acted:
        return
    try:
        gtt = set_trigger(wish, legs, ticket)
    except SigmaError as error:
        st.error(f"**{escape(error.message)}** {escape(error.hint)}".strip(), icon=":material/error:")
        return
    if why := refused(gtt):
        st.session_state[ID] = desk().orders.new_id()
        st.error(f"**Risk stopped it:** {escape(why)}. Nothing was sent; change the trigger and try again.")
        return
    st.toast(f"On its way: {words}.", icon=":material/check:")
    close_dialog()


def _placed(order: Order, wish: Mapping[str, Any]) -> None:
    """Say what came of it and close; an order that the risk gate stopped leaves the drawer open for another one."""
    if order.status is OrderStatus.REJECTED_RISK:
        st.session_state[ID] = desk().orders.new_id()
        st.error(f"**Risk stopped it:** {order.risk_note}. Nothing was sent; change the order and try again.")
        return
    waits = order.status is OrderStatus.WAITING
    st.toast(f"{'Waits in the queue' if waits else 'On its way'}: {restated(wish)}.", icon=":material/check:")
    close_dialog()
