"""Strategies: who may trade where is told truly, and nothing that can execute happens without its question."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages import strategies
from pages.ui import session, strategy_rows
from pages.ui.badges import Badge
from pages.ui.rows import rows
from pages.ui.strategy_rows import EXITING, PARTLY, PAUSED, RUNNING, STOPPED, Seen
from sigma.desk.entrance import Entrance
from sigma.desk.strategies import DAYS, PLACES, POSITIONS, STRATEGIES
from sigma.domain.orders import Order, OrderMode, OrderStatus
from sigma.domain.risk import KillState
from sigma.domain.signals import Action
from sigma.domain.strategies import OffHours, ShareState
from tests.orders.conftest import server, stage, template
from tests.orders.stage import KITE, SMART, Stage
from tests.pages.signed_in import opened as page

__all__ = ["server", "stage", "template"]
PAGE = """
from pages.strategies import render
from pages.ui.dialogs import draw_wanted
from pages.ui.navigation import menu

menu("owner", {})
draw_wanted()
render()
"""
Open = Callable[..., AppTest]
MAIN = Badge(1, "main", "●", "blue", "connected", "NORMAL", True, True, "zerodha")
HUF = Badge(2, "huf", "■", "violet", "connected", "EXIT_ONLY", True, False, "angelone")
TOY = Badge(3, "toy", "◇", "gray", "connected", "NORMAL", True, False, "paper")


@pytest.fixture
def opened(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open the page as the owner, in a browser session of its own."""
    entrance = Entrance(stage.house)
    monkeypatch.setattr(session, "entrance", lambda: entrance)

    def open_page(**query: str) -> AppTest:
        app = AppTest.from_string(PAGE, default_timeout=60)
        app.session_state[session.SIGN_IN] = entrance.sign_in_owner()
        for name, value in query.items():
            app.query_params[name] = value
        return run(app)

    return open_page


def run(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception, app.exception
    return app


def press(app: AppTest, begins: str) -> AppTest:
    """Press the one button whose key begins like this."""
    (found,) = [button for button in app.button if str(button.key).startswith(begins)]
    found.click()
    return run(app)


def offered(app: AppTest) -> set[str]:
    return {str(button.key).partition(":")[0] for button in app.button}


def texts(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.warning, app.error, app.info, app.toast)
    return " ".join(str(one.value) for kind in kinds for one in kind).replace("\\", "")


def plain(app: AppTest) -> str:
    """Return what is written without bold type and colours."""
    return re.sub(r":[\w-]+\[([^\]]*)\]", r"\1", texts(app).replace("**", ""))


def chosen(app: AppTest, act: str) -> AppTest:
    """Choose something of the menu of the ticked strategy."""
    app.menu_button[0].click(act)
    return run(app)


def cell(app: AppTest, column: str) -> Any:
    return next(one.value[column].iloc[0] for one in app.dataframe if column in one.value)


def orb(stage: Stage, **more: Any) -> None:
    stage.desk.strategies.add("ORB", accounts={KITE: 1, SMART: "0.5"}, **more)


def bought(stage: Stage) -> Order:
    """Let ORB buy ten on the first account."""
    receipt = stage.desk.strategies.test("ORB", listing="NSE:INFY", quantity=10)
    order = stage.desk.orders.get(receipt.order_ids[0])
    stage.desk.orders.approve(order.id, account=KITE)
    stage.send(KITE)
    return stage.settled(order, KITE)


def seen(*kills: KillState, totals: tuple[float | None, float | None] = (5.0, 7.0), **row: Any) -> Seen:
    """Return one strategy as it is stored, on a live account and one of paper."""
    facts = {"id": 1, "name": "ORB", "enabled": True, "mode": "AUTO", "off_hours": "FAIL", "description": "", "version": 1, **row}
    places = [
        {"strategy": "ORB", "account": name, "multiplier": times} for name, times in row.get("places", {"main": 1.0}).items()
    ]
    days = [{"strategy": "ORB", "simulated": bool(paper), "total": totals[paper], "missing": ""} for paper in (0, 1)]
    return Seen(
        pd.DataFrame([facts], columns=[*STRATEGIES]),
        pd.DataFrame(places, columns=[*PLACES]),
        pd.DataFrame([], columns=[*POSITIONS]),
        pd.DataFrame(days, columns=[*DAYS]),
        kills,
    )


def row_of(found: Seen) -> Any:
    return strategy_rows.as_rows(found, (MAIN, HUF, TOY)).iloc[0]


def test_accounts_are_named_with_what_restricts_them_and_their_multiplier() -> None:
    row = row_of(seen(places={"main": 1.0, "huf": 0.5}))
    assert row["places"] == "● main, ■ huf · EXIT_ONLY × 0.5"  # noqa: RUF001
    assert row_of(seen(places={}))["places"] == "—"
    assert strategy_rows.place(Badge(4, "off", "★", "gray", "", "NORMAL", False, False, ""), 2) == "★ off · disabled × 2"  # noqa: RUF001


def test_what_paper_made_is_never_in_the_column_of_money() -> None:
    both, live, paper = (row_of(seen(places=dict.fromkeys(names, 1.0))) for names in (("main", "toy"), ("main",), ("toy",)))
    assert (both["day_pnl"], both["paper_pnl"]) == (5.0, 7.0)
    assert live["day_pnl"] == 5.0
    quiet = row_of(seen(places={"toy": 1.0}, totals=(0.0, 7.0)))
    assert (pd.isna(quiet["day_pnl"]), quiet["paper_pnl"]) == (True, 7.0)
    assert paper["day_pnl"] == 5.0, "live fills of earlier accounts stay visible"
    unknown = row_of(seen(totals=(None, None)))
    assert pd.isna(unknown["day_pnl"])


def test_a_column_that_says_nothing_is_not_drawn() -> None:
    frame = strategy_rows.as_rows(seen(totals=(1.0, 0.0)), (MAIN,))
    assert "paper_pnl" not in strategy_rows.columns(frame)
    assert "description" not in strategy_rows.columns(frame)


def test_a_state_says_the_most_that_holds_a_strategy_back() -> None:
    row = next(rows(seen().table))
    paused = next(rows(seen(enabled=False).table))
    own, all_of_it, elsewhere = KillState(True, strategy="ORB"), KillState(True), KillState(True, strategy="Other")
    here = KillState(True, account_id=1)
    assert strategy_rows.state(row, [1, 2], []) is RUNNING
    assert strategy_rows.state(row, [1, 2], [elsewhere]) is RUNNING
    assert strategy_rows.state(row, [1, 2], [own]) is strategy_rows.state(row, [1, 2], [all_of_it]) is STOPPED
    assert strategy_rows.state(row, [1, 2], [here]) is PARTLY
    assert strategy_rows.state(row, [1], [here]) is STOPPED
    assert strategy_rows.state(paused, [1], []) is PAUSED
    assert strategy_rows.state(paused, [1], [], exiting=True) is EXITING


def test_every_off_hours_policy_is_explained() -> None:
    assert set(strategy_rows.OFF_HOURS) == set(OffHours)


def test_without_a_strategy_the_page_says_what_one_is_and_makes_one(opened: Open, stage: Stage) -> None:
    app = opened()
    assert "No strategy yet" in texts(app)
    press(app, "go_strategy_new")
    assert next(one for one in app.button if one.key == "go_strategy_save").disabled
    app.text_input(key="strategy-name").set_value(" ORB ")
    app.multiselect(key="strategy-accounts").set_value([KITE, SMART])
    run(app)
    app.number_input(key=f"strategy-times:{SMART}").set_value(0.5)
    app.selectbox(key="strategy-closed").set_value(OffHours.WAIT)
    app.selectbox(key="strategy-product").set_value("CNC")
    run(app)
    press(app, "go_strategy_save")
    made = stage.desk.strategies.get("ORB")
    assert (made.mode, made.off_hours, made.product) == (OrderMode.MANUAL, OffHours.WAIT, "CNC")
    assert [share.multiplier for share in made.shares] == [1, Decimal("0.5")]
    assert "1 strategy, none executes by itself" in texts(app)
    assert cell(app, "mode") == ["◔ MANUAL"]
    assert cell(app, "places") == "● kite, ■ smart × 0.5"  # noqa: RUF001
    press(app, "go_strategy_new")
    app.text_input(key="strategy-name").set_value("orb")
    run(app)
    press(app, "go_strategy_save")
    assert "already" in texts(app)


def test_the_address_ticks_a_strategy_and_the_bar_names_it_with_its_accounts(opened: Open, stage: Stage) -> None:
    orb(stage)
    app = opened(strategy="orb")
    assert "ORB · ◔ MANUAL on ● kite, ■ smart × 0.5" in texts(app)  # noqa: RUF001
    assert {"pause", "payload", "test"} <= offered(app)
    assert "exit" not in offered(app), "it holds nothing"
    assert "It holds nothing." in texts(app)


def test_a_strategy_becomes_auto_only_after_a_question_that_names_accounts_and_limits(opened: Open, stage: Stage) -> None:
    orb(stage)
    stage.desk.risk.set("ACCOUNT", account=SMART, max_quantity_per_order=50)
    app = chosen(opened(strategy="ORB"), "Set to AUTO")
    assert "● kite: ▲ no limit is set" in plain(app)
    assert "■ smart × 0.5: max quantity per order 50 (REJECT, ACCOUNT" in plain(app)  # noqa: RUF001
    assert stage.desk.strategies.get("ORB").mode is OrderMode.MANUAL
    press(app, "go_act:strategy-auto")
    assert stage.desk.strategies.get("ORB").acts
    assert "1 strategy, 1 executes by itself" in texts(app)
    chosen(app, "Set to MANUAL")
    assert stage.desk.strategies.get("ORB").mode is OrderMode.MANUAL


def test_editing_the_mode_to_auto_stores_the_rest_and_asks_first(opened: Open, stage: Stage) -> None:
    orb(stage)
    stage.desk.risk.set(max_order_value=100_000)
    app = chosen(opened(strategy="ORB"), "Edit")
    app.radio(key="strategy-mode").set_value(OrderMode.AUTO)
    app.text_area(key="strategy-about:1").set_value("Opening range")
    run(app)
    press(app, "go_strategy_save")
    assert (stage.desk.strategies.get("ORB").mode, stage.desk.strategies.get("ORB").description) == ("MANUAL", "Opening range")
    assert "● kite: max order value ₹1,00,000" in plain(app)
    assert "■ smart × 0.5" in texts(app)  # noqa: RUF001
    press(app, "go_act:strategy-auto")
    assert stage.desk.strategies.get("ORB").acts


def test_the_drawer_is_filled_with_what_is_stored(opened: Open, stage: Stage) -> None:
    orb(stage, description="Opening range", product="CNC", order_type="LIMIT", off_hours="AMO")
    app = chosen(opened(strategy="ORB"), "Edit")
    assert app.text_area(key="strategy-about:1").value == "Opening range"
    assert app.multiselect(key="strategy-accounts").value == [KITE, SMART]
    assert app.number_input(key=f"strategy-times:{SMART}").value == 0.5
    assert (app.selectbox(key="strategy-product").value, app.selectbox(key="strategy-type").value) == ("CNC", "LIMIT")
    assert app.selectbox(key="strategy-closed").value is OffHours.AMO
    assert "after-market order is sent at once" in texts(app)
    before = stage.desk.strategies.get("ORB")
    press(app, "go_strategy_save")
    assert stage.desk.strategies.get("ORB") == before


def test_a_pause_and_a_resume_ask_and_say_what_they_mean(opened: Open, stage: Stage) -> None:
    orb(stage)
    app = press(opened(strategy="ORB"), "pause:1")
    assert "All its signals, exits among them, wait in the queue" in texts(app)
    press(app, "go_act:strategy-pause")
    assert not stage.desk.strategies.get("ORB").enabled
    assert cell(app, "state") == ["– Paused"]  # noqa: RUF001
    press(app, "resume:1")
    press(app, "go_act:strategy-resume")
    assert stage.desk.strategies.get("ORB").enabled


def test_an_exit_names_accounts_and_rupees_and_pauses_when_wanted(opened: Open, stage: Stage) -> None:
    orb(stage)
    bought(stage)
    stage.desk.positions(KITE, refresh=True)
    stage.house.quotes.poll()
    app = press(opened(strategy="ORB"), "exit:1")
    assert "About ₹15,000.00 at the last prices." in texts(app)
    assert "● kite: SELL 10 NSE:INFY MIS, about ₹15,000.00" in plain(app)
    press(app, "go_act:strategy-exit")
    assert not stage.desk.strategies.get("ORB").enabled
    assert list(stage.desk.kill_runs(True)["strategy"]) == ["ORB"]
    assert cell(app, "state") == ["◑ Exiting"]


def test_a_test_alert_of_a_manual_strategy_waits_and_its_outcome_is_told(opened: Open, stage: Stage) -> None:
    orb(stage)
    app = press(opened(strategy="ORB"), "test:1")
    assert "wait in the queue on ● kite, ■ smart × 0.5 for your yes" in plain(app)  # noqa: RUF001
    app.text_input(key="strategy-test-typed").set_value("INFY")
    run(app)
    press(app, "strategy-test-take:NSE:INFY")
    app.number_input(key="strategy-test-units").set_value(10)
    run(app)
    press(app, "go_strategy_test")
    assert "✓ Accepted" in texts(app)
    assert list(stage.desk.orders.queue()["quantity"]) == [10, 5]
    assert texts(app).count("◔ Waiting") >= 2


def test_a_test_alert_of_an_auto_strategy_needs_a_second_yes(opened: Open, stage: Stage) -> None:
    orb(stage)
    stage.desk.strategies.update("ORB", mode="AUTO")
    app = press(opened(strategy="ORB"), "test:1")
    assert "executes by itself" in texts(app)
    app.text_input(key="strategy-test-typed").set_value("INFY")
    run(app)
    press(app, "strategy-test-take:NSE:INFY")
    assert next(one for one in app.button if one.key == "go_strategy_test").disabled
    app.number_input(key="strategy-test-units").set_value(10)
    app.checkbox(key="strategy-test-sure").check()
    press(run(app), "go_strategy_test")
    assert list(stage.desk.orders.table(mode="AUTO")["status"]) == [OrderStatus.WAITING] * 2


@pytest.mark.parametrize("form", ["NESTED", "FLAT", "SIGNAL", "SIGNAL_6"])
@pytest.mark.parametrize("action", ["BUY", "EXIT"])
def test_every_form_of_the_test_message_is_understood(stage: Stage, form: str, action: str) -> None:
    orb(stage)
    units = None if Action(action).exits else 10
    receipt = stage.desk.strategies.test("ORB", listing="NSE:INFY", action=action, quantity=units, version=form)
    assert receipt.status == "accepted"


def test_a_delete_is_refused_in_words_while_orders_work_and_keeps_history(opened: Open, stage: Stage) -> None:
    orb(stage)
    bought(stage)
    app = chosen(opened(strategy="ORB"), "Delete")
    app.text_input(key="typed:strategy-delete:1").set_value("ORB")
    run(app)
    press(app, "go_act:strategy-delete")
    assert "holds positions in NSE:INFY" in texts(app)
    assert stage.desk.strategies.get("ORB")


def test_a_viewer_sees_strategies_and_can_do_nothing(opened: Open, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    orb(stage)
    monkeypatch.setattr(strategies, "may_trade", lambda: False)
    app = opened(strategy="ORB")
    assert cell(app, "name") == "ORB"
    assert not offered(app) & {"pause", "resume", "exit", "test", "payload", "go_strategy_new"}


def test_what_messages_could_not_do_is_told_with_the_account_and_in_their_story(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    orb(stage)
    small = {"strategy_name": "ORB", "symbol": "NSE:INFY", "side": "BUY", "amount": "10", "ref_price": 1500}
    marked = stage.desk.signals.receive({"meta": {"version": "1.0"}, "signal": small, "hints": {}}, stage.secret)
    sent = stage.desk.strategies.test("ORB", listing="NSE:INFY", quantity=10)
    with stage.house.store.begin() as tx:
        share = tx.shares.of_signal(sent.id)[1]
        tx.shares.save(replace(share, state=ShareState.FAILED, order_id=None, note="no such product there"))
    found = stage.desk.signals.lost(stage.desk.now() - timedelta(hours=1))
    assert list(zip(found["id"], found["account"].fillna(""), strict=True)) == [(sent.id, SMART), (marked.id, "")]
    assert found["note"].str.len().min() > 0
    assert stage.desk.signals.lost(stage.desk.now() + timedelta(hours=1)).empty
    story = page("activity", stage, monkeypatch, signal=str(sent.id))
    told = plain(story)
    assert "● kite ◔ Waiting BUY 10 NSE:INFY" in told
    assert "■ smart ✕ Failed no such product there" in told
    assert "2 signals made no order today" in plain(page("home", stage, monkeypatch))
