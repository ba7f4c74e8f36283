"""The ticket: it restates what it does, fills in no account by what is looked at, and places one order for two clicks."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import session, ticket
from pages.ui.ticket_gtt import GTT, OCO, SECOND_PRICE, SECOND_TRIGGER
from sigma.desk.entrance import Entrance
from sigma.domain.accounts import Capabilities
from sigma.domain.orders import OrderStatus, Product, Variety
from tests.orders.conftest import server, stage, template
from tests.orders.stage import KITE, SMART, Stage

__all__ = ["server", "stage", "template"]

WISH: dict[str, Any] = {
    "account": KITE,
    "listing": "NSE:INFY",
    "side": "BUY",
    "quantity": 1500,
    "order_type": "LIMIT",
    "price": Decimal("1543.25"),
    "trigger_price": None,
}


def draws_the_ticket() -> None:
    import streamlit as st

    from pages.ui.dialogs import draw_wanted
    from pages.ui.navigation import menu
    from pages.ui.ticket import open_ticket

    menu("owner", {})
    draw_wanted()
    if "given" in st.session_state:
        open_ticket(**st.session_state.pop("given"))


def opened(stage: Stage, patch: pytest.MonkeyPatch, **given: object) -> AppTest:
    """Return the ticket as the owner sees it once it is open."""
    entrance = Entrance(stage.house)
    patch.setattr(session, "entrance", lambda: entrance)
    app = AppTest.from_function(draws_the_ticket, default_timeout=60)
    app.session_state[session.SIGN_IN] = entrance.sign_in_owner()
    app.session_state["given"] = given
    return looked(app)


def looked(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception, app.exception
    return app


def send(app: AppTest) -> AppTest:
    pressed(app, "go_send").click()
    return looked(app)


def not_closed(app: AppTest, **given: object) -> AppTest:
    """Return the drawer as it is for somebody whom its closing did not reach: filled in again, of the same opening."""
    opening = app.session_state[ticket.ID]
    app.session_state["given"] = given
    looked(app)
    app.session_state[ticket.ID] = opening
    return looked(app)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "BUY 1,500 NSE:INFY at 1,543.25, zerodha-main"),
        ({"order_type": "MARKET", "price": None}, "BUY 1,500 NSE:INFY at market, zerodha-main"),
        ({"account": None}, "BUY 1,500 NSE:INFY at 1,543.25"),
        (
            {"order_type": "SL", "trigger_price": Decimal("1540")},
            "BUY 1,500 NSE:INFY at 1,543.25, trigger 1,540.00, zerodha-main",
        ),
        (
            {"order_type": "SL-M", "trigger_price": Decimal("1540")},
            "BUY 1,500 NSE:INFY at market, trigger 1,540.00, zerodha-main",
        ),
    ],
)
def test_the_button_restates_the_order(change: dict[str, Any], words: str) -> None:
    assert ticket.restated({**WISH, "account": "zerodha-main", **change}) == words


def pressed(app: AppTest, act: str) -> Any:
    """Return the button of the ticket that is drawn now, whatever it says."""
    return next(one for one in app.button if str(one.key).startswith(f"{act}:{app.session_state[ticket.ID]}:"))


def test_products_are_those_of_the_broker_that_fit_the_listing() -> None:
    few = Capabilities("any", "Any", frozenset(), frozenset({Product.CNC, Product.NRML}), frozenset(), frozenset(), frozenset())
    assert ticket.products(few, "NSE:INFY") == ["CNC"]
    assert ticket.products(few, "NFO:NIFTY26NOVFUT") == ["NRML"]
    assert ticket.products(None, None) == ["CNC", "MIS", "NRML", "MTF"]


def test_prices_are_written_with_the_decimals_of_their_tick() -> None:
    ticks = (Decimal("1"), Decimal("0.10"), Decimal("0.05"), Decimal("0.0025"))
    assert [ticket.price_format(tick) for tick in ticks] == ["%.2f", "%.2f", "%.2f", "%.4f"]
    assert (ticket.entered(1543.05), ticket.entered(0.0), ticket.entered(None)) == (Decimal("1543.05"), None, None)


def test_two_clicks_place_one_order(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"account": KITE, "listing": "NSE:INFY", "side": "BUY", "quantity": 5, "product": "CNC"}
    app = send(opened(stage, monkeypatch, **given))
    assert not app.button, "it closes"
    send(not_closed(app, **given))
    (order,) = stage.desk.orders.table(KITE).itertuples()
    assert (order.client_order_id, order.source, order.quantity) == (app.session_state[ticket.ID], "PERSON", 5)


def test_a_second_click_on_a_changed_wish_is_a_conflict_and_not_a_second_order(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"account": KITE, "listing": "NSE:INFY", "side": "BUY", "quantity": 5, "product": "CNC"}
    app = not_closed(send(opened(stage, monkeypatch, **given)), **{**given, "quantity": 6})
    send(app)
    assert any("belongs to another order" in error.value for error in app.error)
    assert len(stage.desk.orders.table(KITE)) == 1


def test_no_account_is_filled_in_before_one_was_used_and_then_nothing_can_be_sent_only_queued(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(stage, monkeypatch, listing="NSE:INFY", side="BUY", quantity=5, product="CNC")
    assert app.session_state[ticket.ACCOUNT] is None
    assert pressed(app, "go_send").disabled
    pressed(app, "ticket-queue").click()
    looked(app)
    (order,) = stage.desk.orders.queue().itertuples()
    assert order.status == "WAITING"
    assert pd.isna(order.account)


def test_the_account_used_last_is_filled_in_and_not_the_default_one(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.executed(SMART)
    app = opened(stage, monkeypatch, listing="NSE:INFY")
    assert app.session_state[ticket.ACCOUNT] == SMART
    assert any("used or preferred last" in caption.value for caption in app.caption)


def test_margin_and_charges_are_told_with_what_they_are_made_of(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.desk.funds(KITE, refresh=True)
    app = opened(stage, monkeypatch, account=KITE, listing="NSE:INFY", side="BUY", quantity=5, product="CNC")
    value, margin, charges = app.metric
    assert (value.value, margin.value) == ("₹7,500.00", "₹7,500.00")
    assert charges.value.startswith("₹")
    assert "Estimated by Zerodha" in margin.help
    assert "STT ₹7.50" in charges.help
    assert any(words.value.startswith("Available ₹") for words in app.caption)
    assert not app.warning


def test_what_the_risk_gate_would_stop_cannot_be_sent(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.desk.risk.set(max_quantity_per_order=4)
    app = opened(stage, monkeypatch, account=KITE, listing="NSE:INFY", side="BUY", quantity=5, product="CNC")
    assert pressed(app, "go_send").disabled
    assert any("risk gate would stop it" in error.value for error in app.error)


def test_an_order_that_risk_stops_after_all_leaves_the_drawer_open_for_another(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(stage, monkeypatch, account=KITE, listing="NSE:INFY", side="BUY", quantity=5, product="CNC")
    before = app.session_state[ticket.ID]
    monkeypatch.setattr(ticket, "acceptable", lambda _: True)
    stage.desk.risk.set(max_quantity_per_order=4)
    send(app)
    assert any("Risk stopped it" in error.value for error in app.error)
    assert app.session_state[ticket.ID] != before
    assert list(stage.desk.orders.table(KITE)["status"]) == [OrderStatus.REJECTED_RISK]


def test_a_ticket_that_leaves_a_position_turns_none_around_that_is_gone_meanwhile(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.executed(product="MIS")
    app = opened(stage, monkeypatch, account=KITE, listing="NSE:INFY", side="SELL", quantity=5, product="MIS", leaving=True)
    assert any("only makes the position smaller" in caption.value for caption in app.caption)
    gone = stage.executed(side="SELL", product="MIS")
    send(app)
    late = next(order for order in stage.orders(KITE) if order.request.side == "SELL" and order.id != gone.id)
    assert (late.reduce_only, late.status) == (True, OrderStatus.REJECTED_RISK)
    assert stage.at_exchange(late) == []


def test_a_limit_starts_at_the_price_that_is_asked_for_when_none_is_stored(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(stage, monkeypatch, account=KITE, listing="NSE:INFY")
    assert len(stage.desk.last_quotes(["NSE:INFY"])) == 0
    quoted = stage.desk.quotes(["NSE:INFY"]).loc[0, "last_price"]
    assert app.number_input(key=ticket.PRICE).value == quoted
    app.number_input(key=ticket.PRICE).set_value(None)
    looked(app)
    assert app.number_input(key=ticket.PRICE).value is None, "what the person cleared stays cleared"
    assert any("Give a price" in words.value for words in app.info)


def test_without_any_price_the_ticket_says_so_and_a_limit_is_typed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.fault("drop_before_commit", "quote", times=None)
    app = opened(stage, monkeypatch, account=KITE, listing="NSE:INFY")
    assert any("LTP —" in words.value for words in app.markdown)
    assert app.number_input(key=ticket.PRICE).value is None


def test_a_trigger_is_offered_where_the_broker_keeps_them_and_two_clicks_set_one(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"account": KITE, "listing": "NSE:INFY", "side": "BUY", "quantity": 5, "product": "CNC", "order_type": "LIMIT"}
    app = opened(stage, monkeypatch, **given)
    app.number_input(key=ticket.PRICE).set_value(1400.0)
    app.checkbox(key=ticket.AMO).check()
    looked(app)
    app.checkbox(key=GTT).check()
    looked(app)
    assert ticket.AMO not in [one.key for one in app.checkbox], "what rests places a regular order for the day"
    button = pressed(app, "go_trigger")
    assert button.label == f"GTT BUY 5 NSE:INFY at 1,400.00 when 1,400.00, {KITE}"
    button.click()
    looked(app)
    assert not app.button, "it closes"
    (gtt,) = stage.desk.gtt.table(KITE).itertuples()
    assert (gtt.kind, gtt.status, gtt.quantity) == ("SINGLE", "WANTED", 5)
    order = stage.desk.orders.get(int(gtt.order_id))
    assert order.client_order_id == app.session_state[ticket.ID]
    not_closed(app, **given)
    app.number_input(key=ticket.PRICE).set_value(1400.0)
    app.checkbox(key=GTT).check()
    looked(app)
    pressed(app, "go_trigger").click()
    looked(app)
    assert any("already" in one.value for one in app.error)
    assert len(stage.desk.gtt.table(KITE)) == 1


def test_a_second_trigger_is_asked_for_whole(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.executed(quantity=5, product="CNC")
    given = {"account": KITE, "listing": "NSE:INFY", "side": "SELL", "quantity": 5, "product": "CNC", "order_type": "LIMIT"}
    app = opened(stage, monkeypatch, **given)
    app.number_input(key=ticket.PRICE).set_value(1400.0)
    app.checkbox(key=GTT).check()
    looked(app)
    app.checkbox(key=OCO).check()
    looked(app)
    assert any("a second trigger and a second price" in one.value for one in app.info)
    app.number_input(key=SECOND_TRIGGER).set_value(1600.0)
    app.number_input(key=SECOND_PRICE).set_value(1599.0)
    looked(app)
    button = pressed(app, "go_trigger")
    assert button.label == f"GTT SELL 5 NSE:INFY at 1,400.00 when 1,400.00 or at 1,599.00 when 1,600.00, {KITE}"
    button.click()
    looked(app)
    (gtt,) = stage.desk.gtt.table(KITE).itertuples()
    assert gtt.kind == "OCO"


def test_no_trigger_where_the_order_could_not_rest_or_the_broker_keeps_none(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    market = opened(stage, monkeypatch, account=KITE, listing="NSE:INFY", side="BUY", quantity=5, product="CNC")
    assert GTT not in [one.key for one in market.checkbox]
    stage.desk.accounts.add("paper", name="Practice")
    paper = opened(stage, monkeypatch, account="Practice", listing="NSE:INFY", quantity=5, product="CNC")
    offered = stage.desk.capabilities("Practice")
    assert (GTT in [one.key for one in paper.checkbox]) is offered.gtt_single
    assert (ticket.AMO in [one.key for one in paper.checkbox]) is (Variety.AMO in offered.varieties)
