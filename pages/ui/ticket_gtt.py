"""The part of the ticket for triggers that rest at the broker (GTT): offered only where the account's broker keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import streamlit as st

from pages.ui.session import desk
from sigma.domain import show
from sigma.domain.accounts import Capabilities
from sigma.domain.gtt import Gtt, GttStatus
from sigma.domain.instruments import Listing
from sigma.domain.orders import OrderType

GTT, OCO = "ticket-gtt", "ticket-oco"
SECOND_TRIGGER, SECOND_PRICE = "ticket-second-trigger", "ticket-second-price"
CLEAN: Mapping[str, Any] = {GTT: False, OCO: False, SECOND_TRIGGER: None, SECOND_PRICE: None}
"""What a new ticket begins with."""
KINDS = (OrderType.LIMIT, OrderType.SL)
Leg = dict[str, Decimal | None]


def trigger_choices(capabilities: Capabilities, listing: Listing, kind: OrderType, field: Mapping[str, Any]) -> bool:
    """Draw the choice of a trigger, and of a second one where the broker lets one cancel the other; say whether one is wanted.

    Parameters
    ----------
    field : mapping
        How a field for rupees of this listing is drawn.
    """
    if not capabilities.gtt_single or kind not in KINDS:
        return False
    if not st.checkbox("GTT: it rests at the broker until the price is reached", key=GTT):
        return False
    how = "its price is the trigger" if kind is OrderType.LIMIT else "its trigger is its own"
    st.caption(f"It places a limit order of {listing.text} then; {how}.")
    if capabilities.gtt_oco and st.checkbox("A second trigger (OCO): the first to fire cancels the other", key=OCO):
        left, right = st.columns(2, wrap=False)
        left.number_input("Second trigger ₹", key=SECOND_TRIGGER, **field)
        right.number_input("Second price ₹", key=SECOND_PRICE, **field)
    return True


def chosen_legs(capabilities: Capabilities | None, wish: Mapping[str, Any], entered: Any) -> list[Leg] | None:
    """Return the legs of the trigger that is wanted, as far as they are given; None for an order that is no trigger."""
    state = st.session_state
    if capabilities is None or not capabilities.gtt_single or wish["order_type"] not in KINDS or not state.get(GTT):
        return None
    legs = [{"trigger": wish["trigger_price"] or wish["price"], "price": wish["price"]}]
    if capabilities.gtt_oco and state.get(OCO):
        legs.append({"trigger": entered(state.get(SECOND_TRIGGER)), "price": entered(state.get(SECOND_PRICE))})
    return legs


def lacking(legs: Sequence[Leg] | None) -> str:
    """Return what the second leg lacks; empty when nothing is."""
    second = legs[1] if legs and len(legs) > 1 else {}
    return " and ".join(f"a second {name}" for name, value in second.items() if value is None)


def trigger_words(wish: Mapping[str, Any], legs: Sequence[Leg]) -> str:
    """Return what the button sets: ``GTT BUY 5 NSE:INFY at 1,480.00 when 1,485.00, zerodha-main``."""
    each = " or ".join(f"at {show.price(leg['price'])} when {show.price(leg['trigger'])}" for leg in legs)
    return f"GTT {wish['side']} {show.quantity(wish['quantity'])} {wish['listing']} {each}, {wish['account']}"


def set_trigger(wish: Mapping[str, Any], legs: Sequence[Leg], ticket: str) -> Gtt:
    """Set the trigger; the ticket's id makes two clicks one trigger."""
    given = [{name: value for name, value in leg.items() if value is not None} for leg in legs]
    return desk().gtt.add(
        account=wish["account"],
        listing=wish["listing"],
        side=wish["side"],
        quantity=wish["quantity"],
        product=wish["product"],
        legs=given,
        client_order_id=ticket,
    )


def refused(gtt: Gtt) -> str:
    """Return why the risk gate stopped a trigger; empty when it did not."""
    return gtt.broker_reason if gtt.status is GttStatus.FAILED else ""
