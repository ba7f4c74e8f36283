"""The Queue page: what it says of waiting orders, and that a yes means the order and the account that were looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import preview as shown
from pages.ui import queue_rows
from pages.ui.queue_approve import APPROVING, changes
from pages.ui.queue_edit import missing, told
from pages.ui.queue_rows import EVERYTHING, NO_ACCOUNT
from pages.ui.rows import rows
from pages.web import state
from sigma.domain.orders import Order, OrderStatus
from sigma.domain.preview import Estimate
from sigma.domain.risk import RiskDecision, RuleResult
from sigma.domain.show import Tone
from tests.orders.conftest import environment, server, template
from tests.orders.conftest import stage as furnished
from tests.orders.stage import KITE, PRICE, SMART, Stage

__all__ = ["furnished", "server", "template"]

PASSED = RiskDecision(True, "OK", "", (RuleResult("max_order_value", True, numbers={"value": "7500", "limit": "100000.50"}),))
REFUSED = RiskDecision(False, "PAUSED", "trading is paused", (RuleResult("trading_mode", False, "PAUSED", "trading is paused"),))
UNPRICED = RiskDecision(False, "NO_PRICE", "no price young enough", ())


@pytest.fixture
def stage(furnished: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """The installation that the pages of this process show."""
    for name, value in environment(furnished.server, furnished.home).items():
        monkeypatch.setenv(name, value)
    state.entrance.cache_clear()
    yield furnished
    state.entrance().close()
    state.entrance.cache_clear()


def draws_the_page() -> None:
    from pages import queue
    from pages.ui.navigation import menu

    menu("owner", {})
    queue.render()


def draws_the_approval() -> None:
    import streamlit as st

    from pages.ui.dialogs import draw_wanted
    from pages.ui.navigation import menu
    from pages.ui.queue_approve import open_approval

    menu("owner", {})
    draw_wanted()
    if st.session_state.pop("ask", False):
        open_approval(st.session_state["ids"])


def draws_the_edit() -> None:
    import streamlit as st

    from pages.ui.dialogs import draw_wanted
    from pages.ui.navigation import menu
    from pages.ui.queue_edit import open_edit

    menu("owner", {})
    draw_wanted()
    if st.session_state.pop("ask", False):
        open_edit(st.session_state["ids"][0])


def draws_the_cancel() -> None:
    import streamlit as st

    from pages.ui import queue_acts
    from pages.ui.dialogs import draw_wanted
    from pages.ui.navigation import menu
    from pages.ui.queue_rows import as_rows
    from pages.ui.session import desk

    menu("owner", {})
    draw_wanted()
    if st.session_state.pop("ask", False):
        queue_acts.cancel(as_rows(desk().orders.queue(), {}, (), desk().now()))


def drawn(script: object, *orders: Order) -> AppTest:
    """Return what the owner sees."""
    seen = AppTest.from_function(script, default_timeout=60)  # type: ignore[arg-type]
    seen.session_state["sign-in"] = state.entrance().sign_in_owner()
    seen.session_state["ids"] = [order.id for order in orders]
    seen.session_state["ask"] = True
    return looked(seen)


def looked(seen: AppTest) -> AppTest:
    seen.run()
    assert not seen.exception, seen.exception
    return seen


def clicked(seen: AppTest, key: str) -> AppTest:
    next(button for button in seen.button if (button.key or "").startswith(key)).click()
    return looked(seen)


def button(seen: AppTest, key: str) -> object:
    return next(one for one in seen.button if (one.key or "").startswith(key))


def words(seen: AppTest) -> str:
    """Return all text that is drawn, without the escapes of Markdown."""
    kinds = (seen.markdown, seen.caption, seen.error, seen.warning, seen.info, seen.metric)
    return "\n".join(str(one.value) for kind in kinds for one in kind).replace("\\", "")


def waiting(stage: Stage, account: str | None = None, **more: object) -> Order:
    return stage.order(account, queue=True, **more)


def alerted(stage: Stage, **more: object) -> Order:
    """Return the order that an alert made."""
    trade = {"order_action": "BUY", "quantity": 5, "product": "CNC"}
    message = {"platform": "TRADINGVIEW", "strategy_name": "RSI", "symbol": "NSE:INFY", "trade_details": trade, **more}
    receipt = stage.desk.signals.receive(json.dumps({**message, "secret": stage.secret}))
    return stage.desk.orders.get(receipt.order_ids[0])


def choose(seen: AppTest, name: str | None) -> AppTest:
    """Choose the account of the approval."""
    group = next(one for one in seen.button_group if (one.key or "").startswith("approve-account"))
    group.set_value(name)
    return looked(seen)


ACT = "go_approve_act"


def test_rows_say_where_an_order_came_from_and_what_it_is_worth(stage: Stage) -> None:
    alert, own = alerted(stage), waiting(stage, SMART, price=1450, quantity=4)
    queue = stage.desk.orders.queue()
    table = queue_rows.as_rows(queue, {"NSE:INFY": PRICE}, (), stage.desk.now())
    assert list(table.index) == [alert.id, own.id]
    assert list(table["origin"]) == ["TradingView · RSI", "You"]
    assert list(table["value"]) == [5 * PRICE, 4 * 1450]
    assert queue_rows.counted(table) == {EVERYTHING: 2, "TradingView": 1, "You": 1}


def test_filters_narrow_by_source_strategy_account_and_words(stage: Stage) -> None:
    alert, own = alerted(stage), waiting(stage, SMART)
    table = queue_rows.as_rows(stage.desk.orders.queue(), {}, (), stage.desk.now())

    def left(came_by: str = EVERYTHING, strategy: str | None = None, account: str | None = None, text: str = "") -> list[int]:
        return list(queue_rows.narrowed(table, came_by, strategy, account, text).index)

    assert left() == [alert.id, own.id]
    assert left(came_by="TradingView") == left(strategy="RSI") == left(account=NO_ACCOUNT) == left(text=" rsi ") == [alert.id]
    assert left(came_by="You") == left(account=SMART) == left(text=own.client_order_id) == [own.id]
    assert left(text="[") == []


def test_a_row_says_the_worst_that_a_yes_would_meet(stage: Stage) -> None:
    alerted(stage)
    stage.advance(16 * 60)
    waiting(stage)
    old, fresh = rows(queue_rows.as_rows(stage.desk.orders.queue(), {}, (), stage.desk.now()))
    assert queue_rows.risk(fresh, PASSED) is queue_rows.PASSES
    assert queue_rows.risk(fresh, None) is queue_rows.risk(fresh, UNPRICED) is queue_rows.ASKED
    assert queue_rows.risk(old, PASSED) is queue_rows.LATE
    assert queue_rows.risk(old, REFUSED) is queue_rows.STOPPED
    assert queue_rows.note(old, REFUSED).startswith("Risk: trading is paused · late: ")
    assert queue_rows.note(fresh, PASSED) == ""
    assert queue_rows.COLUMNS["risk"].chips is not None
    assert queue_rows.COLUMNS["risk"].chips[queue_rows.STOPPED.text] is Tone.STOPPED


def test_a_sum_never_counts_what_is_not_known_as_nothing() -> None:
    assert queue_rows.summed([Decimal(7500)]) == "about ₹7,500.00"
    assert queue_rows.summed([Decimal(100_000), Decimal(50)]) == "about ₹1,00,050.00 in all"
    assert queue_rows.summed([Decimal(50), None]) == "about ₹50.00 in all, without 1 whose value is not known"
    assert queue_rows.summed([None, None]) == "value not known"


def test_a_verdict_is_told_with_its_numbers() -> None:
    assert shown.verdict(PASSED).endswith("max order value: value 7,500, limit 1,00,000.50")
    assert shown.verdict(REFUSED) == "**✕ The risk gate would stop it:** trading is paused."
    assert shown.estimate(Estimate(None, "no reason")) == "N/A"
    assert shown.estimate(Estimate(Decimal(0))) == "₹0.00"


def test_an_amount_says_what_it_is_made_of_or_why_it_is_not_known() -> None:
    told = shown.made_of(Estimate(Decimal(5), "", {"SPAN": Decimal(3), "exposure": Decimal(2)}, "Zerodha"))
    assert told == "Estimated by Zerodha.  \nSPAN ₹3.00  \nexposure ₹2.00"
    assert shown.made_of(Estimate(None, "no account is chosen")) == "Not known\\: no account is chosen."
    assert shown.free(None, None) == ""


def test_the_gate_at_a_glance_is_of_the_own_or_preset_account_and_asks_no_broker(stage: Stage) -> None:
    own, nobodys = waiting(stage, KITE), waiting(stage)
    glance = stage.desk.orders.glance([own.id, nobodys.id])
    assert set(glance) == {own.id}
    assert glance[own.id].allowed
    stage.desk.settings.set("orders.preferred_account", SMART)
    stage.desk.risk.set_mode("PAUSED")
    stage.desk.accounts.disconnect(KITE)
    stage.desk.accounts.disconnect(SMART)
    glance = stage.desk.orders.glance([own.id, nobodys.id])
    assert [verdict.code for verdict in glance.values()] == ["PAUSED", "PAUSED"]


def test_an_empty_queue_says_how_alerts_arrive(stage: Stage) -> None:
    assert "Nothing waits for your yes." in words(drawn(draws_the_page))


def test_the_page_lists_what_waits_and_the_address_ticks_a_row(stage: Stage) -> None:
    alert, own = alerted(stage), waiting(stage)
    page = drawn(draws_the_page)
    assert "2 orders wait for your yes" in words(page)
    assert not [one for one in page.button if (one.key or "").startswith("go_approve")]
    page.query_params["order"] = str(own.id)
    looked(page)
    assert [one.key for one in page.button if (one.key or "").startswith("go_approve")] == [f"go_approve:{own.id}"]
    assert "BUY 5 NSE:INFY · You" in words(page)
    assert alert.id != own.id


def test_the_address_of_an_order_that_does_not_wait_says_where_it_is(stage: Stage) -> None:
    gone = waiting(stage)
    stage.desk.orders.cancel(gone.id)
    page = drawn(draws_the_page)
    page.query_params["order"] = str(gone.id)
    assert f"Order {gone.id} does not wait any more: – Cancelled." in words(looked(page))  # noqa: RUF001
    page.query_params["order"] = "x"
    assert "There is no order x of yours." in words(looked(page))


def test_no_account_is_chosen_for_the_person_and_without_one_nothing_can_be_approved(stage: Stage) -> None:
    order = waiting(stage)
    dialog = drawn(draws_the_approval, order)
    assert button(dialog, ACT).disabled
    assert button(dialog, ACT).label == "Approve BUY 5 NSE:INFY"
    assert "Choose the account that it goes to." in words(dialog)
    choose(dialog, SMART)
    assert button(dialog, ACT).label == "Approve BUY 5 NSE:INFY on smart"
    assert "₹7,500.00" in words(dialog)
    assert "₹1,500.00" in words(dialog), "the margin"
    assert "not known" not in words(dialog)
    clicked(dialog, ACT)
    approved = stage.get(order)
    assert (approved.status, approved.account_id) == (OrderStatus.APPROVED, stage.account(SMART).id)


def test_the_orders_own_account_is_preset_and_else_none_never_the_default(stage: Stage) -> None:
    own, nobodys = waiting(stage, SMART), waiting(stage)
    assert drawn(draws_the_approval, own).session_state[APPROVING].account == SMART
    assert drawn(draws_the_approval, nobodys).session_state[APPROVING].account is None
    assert drawn(draws_the_approval, own, nobodys).session_state[APPROVING].account is None


def test_the_preferred_account_is_preset_for_an_order_without_one(stage: Stage) -> None:
    stage.desk.settings.set("orders.preferred_account", KITE)
    dialog = drawn(draws_the_approval, waiting(stage))
    assert button(dialog, ACT).label == "Approve BUY 5 NSE:INFY on kite"


def test_a_late_signal_wants_a_second_yes(stage: Stage) -> None:
    order = alerted(stage)
    stage.advance(16 * 60)
    dialog = choose(drawn(draws_the_approval, order), KITE)
    assert button(dialog, ACT).disabled
    assert "The signal is late" in words(dialog)
    dialog.checkbox[0].check()
    assert not button(looked(dialog), ACT).disabled
    clicked(dialog, ACT)
    assert stage.get(order).status is OrderStatus.APPROVED


def test_an_order_that_changes_between_look_and_click_is_not_sent_and_the_change_is_shown(stage: Stage) -> None:
    order = waiting(stage)
    dialog = choose(drawn(draws_the_approval, order), KITE)
    stage.desk.orders.edit(order.id, quantity=500)
    clicked(dialog, ACT)
    assert stage.get(order).status is OrderStatus.WAITING
    assert [one.value for one in dialog.error]
    assert button(dialog, ACT).label == "Not approved", "nothing is on its way any more"
    clicked(dialog, "approve-look")
    assert "Changed meanwhile: BUY 5 NSE:INFY MARKET MIS is now BUY 500 NSE:INFY MARKET MIS." in words(dialog)
    assert button(dialog, ACT).label == "Approve BUY 500 NSE:INFY on kite"


def test_what_the_core_refuses_stays_in_the_dialog_in_its_words(stage: Stage) -> None:
    order = waiting(stage)
    dialog = choose(drawn(draws_the_approval, order), KITE)
    stage.desk.accounts.disconnect(KITE)
    clicked(dialog, ACT)
    assert stage.get(order).status is OrderStatus.WAITING
    assert "kite" in dialog.error[-1].value
    assert button(looked(dialog), ACT).disabled


def test_several_are_approved_on_one_account_and_each_has_its_own_outcome(stage: Stage) -> None:
    first, second, third = waiting(stage), waiting(stage), waiting(stage)
    dialog = choose(drawn(draws_the_approval, first, second, third), KITE)
    assert "3 orders, about ₹22,500.00 in all." in words(dialog)
    assert button(dialog, ACT).label == "Approve 3 orders on kite"
    stage.desk.orders.cancel(second.id)
    clicked(dialog, ACT)
    statuses = [stage.get(order).status for order in (first, second, third)]
    assert statuses == [OrderStatus.APPROVED, OrderStatus.CANCELLED, OrderStatus.APPROVED]
    assert [one.label for one in dialog.button] == ["Close"]
    assert words(dialog).count(":green[✓] BUY 5 NSE:INFY") == 2
    assert ":red[✕] BUY 5 NSE:INFY: **Order" in words(dialog)


def test_several_are_told_what_they_hold_and_cost_together_by_one_question(stage: Stage) -> None:
    first, second = waiting(stage, price=1450), waiting(stage, price=1450, product="CNC")
    stage.desk.funds(KITE, refresh=True)
    dialog = choose(drawn(draws_the_approval, first, second), KITE)
    told = next(one.value for one in dialog.markdown if "Margin" in one.value).replace("\\", "")
    assert told.startswith("Margin ₹8,700.00, charges ₹")
    assert "Available ₹" in told
    stage.fault("html_504", "margin", times=None)
    stage.desk.orders.edit(second.id, quantity=6)
    assert "Margin not known: Zerodha did not answer" in words(looked(dialog))


def test_an_approval_says_what_is_not_known_and_can_be_given_all_the_same(stage: Stage) -> None:
    stage.fault("garbage", "margin", times=None)
    stage.fault("garbage", "charges", times=None)
    order = waiting(stage, price=1450)
    dialog = choose(drawn(draws_the_approval, order), KITE)
    assert [one.value for one in dialog.metric] == ["₹7,250.00", "N/A", "N/A"]
    assert "Margin not known: " in words(dialog)
    clicked(dialog, ACT)
    assert stage.get(order).status is OrderStatus.APPROVED


def test_what_the_gate_would_stop_stays_in_the_queue_when_several_are_approved(stage: Stage) -> None:
    small, big = waiting(stage), waiting(stage, quantity=900)
    stage.desk.risk.set(max_quantity_per_order=100)
    dialog = choose(drawn(draws_the_approval, small, big), KITE)
    clicked(dialog, ACT)
    assert stage.get(small).status is OrderStatus.APPROVED
    assert stage.get(big).status is OrderStatus.WAITING
    assert "stays in the queue: ₹13,50,000.00, ✕ the risk gate would stop it" in words(dialog)


def test_an_edit_sends_what_changed_and_restates_it(stage: Stage) -> None:
    order = waiting(stage)
    dialog = drawn(draws_the_edit, order)
    assert button(dialog, "go_edit").disabled
    dialog.selectbox[0].set_value("LIMIT")
    looked(dialog)
    assert button(dialog, "go_edit").disabled
    assert "Give a price." in words(dialog)
    dialog.number_input[0].set_value(7)
    dialog.number_input[1].set_value(1444.5)
    looked(dialog)
    assert "To save: quantity 5 → 7, order type MARKET → LIMIT, price none → 1,444.50." in words(dialog)
    clicked(dialog, "go_edit")
    request = stage.get(order).request
    assert (request.quantity, request.order_type, request.price) == (7, "LIMIT", Decimal("1444.50"))


def test_an_edit_of_an_order_that_changed_meanwhile_is_refused_and_says_what_changed(stage: Stage) -> None:
    order = waiting(stage)
    dialog = drawn(draws_the_edit, order)
    dialog.number_input[0].set_value(7)
    looked(dialog)
    stage.desk.orders.edit(order.id, quantity=9)
    clicked(dialog, "go_edit")
    assert stage.get(order).request.quantity == 9
    assert "Changed meanwhile: BUY 5 NSE:INFY MARKET MIS is now BUY 9 NSE:INFY MARKET MIS." in words(dialog)
    clicked(looked(dialog), "go_edit")
    assert stage.get(order).request.quantity == 7


def test_several_are_cancelled_and_one_that_changed_meanwhile_stays(stage: Stage) -> None:
    first, second = waiting(stage, price=1450), waiting(stage, price=1451)
    dialog = drawn(draws_the_cancel)
    assert "2 orders, about ₹14,505.00 in all. They wait here and were not sent." in words(dialog)
    stage.desk.orders.edit(second.id, quantity=6)
    clicked(dialog, "go_act:queue-cancel")
    assert stage.get(first).status is OrderStatus.CANCELLED
    assert stage.get(second).status is OrderStatus.WAITING
    assert ":green[✓] Cancel BUY 5 NSE:INFY" in words(dialog)
    assert ":red[✕] Cancel BUY 6 NSE:INFY: Order" in words(dialog)


def test_the_words_of_changes(stage: Stage) -> None:
    order = waiting(stage)
    edited = stage.desk.orders.edit(order.id, quantity=6)
    gone = stage.desk.orders.cancel(order.id)
    assert changes(order, order) == []
    assert changes(edited, gone) == ["BUY 6 NSE:INFY: – Cancelled. It does not wait any more."]  # noqa: RUF001
    assert told(order.request, {"product": "CNC", "gtt": True}) == "product MIS → CNC, gtt no → yes"
    assert missing({"order_type": "SL", "quantity": 5, "price": None, "trigger_price": None}) == "a price and a trigger price"


def test_what_goes_by_itself_is_told_apart_and_can_be_taken_back_after_a_question(stage: Stage) -> None:
    stage.desk.strategies.add("ORB", accounts=[KITE])
    stage.desk.strategies.update("ORB", mode="AUTO")
    receipt = stage.desk.strategies.test("ORB", listing="NSE:INFY", quantity=5, confirm=True)
    (number,) = receipt.order_ids
    page = drawn(draws_the_page)
    assert "Nothing waits for your yes." in words(page)
    assert "1 order goes by itself" in words(page)
    assert "BUY 5 NSE:INFY on :blue[●] kite · ORB" in words(page)
    taking = AppTest.from_function(draws_the_taking_back, default_timeout=60)
    taking.session_state["sign-in"] = state.entrance().sign_in_owner()
    taking.session_state["ids"], taking.session_state["ask"] = [number], True
    looked(taking)
    assert "It was not sent yet." in words(taking)
    clicked(taking, "go_act:queue-auto-cancel")
    assert stage.desk.orders.get(number).status is OrderStatus.CANCELLED


def draws_the_taking_back() -> None:
    import streamlit as st

    from pages.ui.dialogs import draw_wanted
    from pages.ui.navigation import menu
    from pages.ui.queue_by_itself import take_back

    menu("owner", {})
    draw_wanted()
    if st.session_state.pop("ask", False):
        take_back(st.session_state["ids"][0])


def test_why_an_auto_order_came_back_is_in_its_row(stage: Stage) -> None:
    stage.desk.strategies.add("ORB", accounts=[KITE])
    stage.desk.strategies.update("ORB", mode="AUTO")
    stage.desk.strategies.test("ORB", listing="NSE:INFY", quantity=5, confirm=True)
    stage.desk.strategies.disable("ORB")
    stage.house.auto(stage.account(KITE).id).run()
    (row,) = rows(queue_rows.as_rows(stage.desk.orders.queue(), {}, (), stage.desk.now()))
    assert queue_rows.risk(row, PASSED) is queue_rows.BACK
    assert queue_rows.note(row, PASSED) == "strategy ORB is disabled"
