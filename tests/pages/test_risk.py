"""The Risk page: what can be lost today, which limits hold and where from, what was stopped and why."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from pages.risk import TABLE
from pages.ui import session
from pages.ui.risk_decision import replayed, spoken, verdict
from pages.ui.risk_edit import in_words
from pages.ui.risk_words import LABELS, Where, changes, loss, tally, where
from sigma.desk.entrance import Entrance
from sigma.domain.errors import Denied
from sigma.domain.ledger import DayResult
from sigma.domain.orders import Order, OrderStatus
from sigma.domain.risk import Replay, RiskDecision, RiskLimits, RuleResult, Scope
from sigma.engines.risk import NAMES
from tests.orders.conftest import server, stage, template
from tests.orders.stage import KITE, SMART, Stage
from tests.pages.signed_in import opened

__all__ = ["server", "stage", "template"]

DRAWERS = """
import streamlit as st
from pages.ui.dialogs import draw_wanted, opens
from pages.ui.navigation import menu
from pages.ui.broker_dialogs import mode_of_all
from pages.ui.risk_decision import show_decision
from pages.ui.risk_edit import edit_limits
from pages.ui.risk_words import Where

menu("owner", {})
draw_wanted()
st.button("Edit", key="edit", **opens(edit_limits, Where()))
st.button("Mode", key="mode", **opens(mode_of_all))
if "decision" in st.session_state:
    st.button("Why", key="why", **opens(show_decision, *st.session_state["decision"]))
"""


@pytest.fixture
def drawers(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The drawers alone, for the owner."""
    entrance = Entrance(stage.house)
    monkeypatch.setattr(session, "entrance", lambda: entrance)
    made = AppTest.from_string(DRAWERS, default_timeout=60)
    made.session_state[session.SIGN_IN] = entrance.sign_in_owner()
    return made.run()


def texts(app: AppTest) -> str:
    assert not app.exception
    kinds = ("markdown", "caption", "error", "warning", "info", "success")
    return "\n".join(str(one.value) for kind in kinds for one in getattr(app, kind)).replace("\\", "")


def field(app: AppTest, kind: str, name: str) -> Any:
    """Return a widget of the drawer by the beginning of its key."""
    return next(one for one in getattr(app, kind) if str(one.key).startswith(name))


def stopped(stage: Stage) -> Order:
    """Return an order that the gate stopped."""
    stage.desk.risk.set(max_quantity_per_order=7)
    order = stage.order(quantity=10)
    assert order.status is OrderStatus.REJECTED_RISK
    return order


def test_every_limit_has_words() -> None:
    assert tuple(LABELS) == NAMES


@given(some.decimals(-1_000_000, 1_000_000, places=2), some.decimals(1, 1_000_000, places=2))
def test_a_loss_never_leaves_its_bar_and_stops_entries_just_as_the_gate_does(total: Decimal, limit: Decimal) -> None:
    found = loss("Everything", DayResult(total, Decimal(0), Decimal(0)), limit)
    assert found.fraction is not None
    assert 0 <= found.fraction <= 1
    assert found.stops == (total <= -limit)


def test_a_loss_is_told_with_its_limit_and_its_part() -> None:
    lost = DayResult(Decimal(-18000), Decimal(0), Decimal(240))
    assert loss("x", lost, Decimal(50_000)).words == "18,240 of 50,000 · 36%"
    assert loss("x", lost, None).words == "▼ −18,240.00, no limit"  # noqa: RUF001 - the true minus
    unknown = loss("x", DayResult(Decimal(0), Decimal(0), Decimal(0), ("NSE:INFY",)), Decimal(50_000))
    assert unknown.words == "Not known: no price or charges of NSE:INFY."
    assert unknown.stops, "a gate that does not know fails closed"
    assert tally(41, 2) == "Today: 41 allowed, 2 stopped"


def test_changes_name_each_limit_before_and_after() -> None:
    before = RiskLimits(max_order_value=Decimal(100_000), entries_until=time(15, 10), clamp=frozenset({"max_order_value"}))
    after = RiskLimits(max_order_value=Decimal(100_000), max_open_positions=4)
    told = changes(in_words(before, before.clamp), in_words(after, after.clamp))
    assert told == [
        "Order value ₹, at most: ₹1,00,000.00, lowers → ₹1,00,000.00, refuses",
        "Open positions, at most: not limited → 4",
        "No entry from (IST): 15:10 IST → not limited",
    ]
    assert changes(in_words(before, before.clamp), in_words(before, before.clamp)) == []


def test_a_scope_is_known_by_what_it_names() -> None:
    assert where(RiskLimits(Scope.ACCOUNT, account_id=3)) == Where(Scope.ACCOUNT, 3)
    assert Where(Scope.ACCOUNT, 3).words({3: "● main"}) == "Account ● main"
    assert Where(Scope.STRATEGY, strategy="ORB").words({}) == "Strategy ORB"
    assert Where().words({}) == "Everything"


def test_a_replay_says_whether_the_gate_of_today_says_the_same() -> None:
    refused = RiskDecision(False, "MAX_ORDER_VALUE", "too much", ())
    passed = RiskDecision(True, "", "", (), quantity=5)
    assert replayed(Replay(refused, refused)) == (True, "Taken again from its stored inputs: the same verdict.")
    same, words = replayed(Replay(passed, refused))
    assert not same
    assert words.endswith("the gate of today stops it (MAX_ORDER_VALUE: too much).")
    assert verdict(passed) == ":green[✓ Let it pass.]"
    assert "MAX_ORDER_VALUE" in verdict(refused)


def test_what_stopped_an_order_is_told_before_what_was_measured_and_the_rest_is_only_named() -> None:
    silent, measured = RuleResult("kill_switch", True), RuleResult("max_daily_loss", True, numbers={"limit": "5"})
    stopping, lowering = RuleResult("deny", False, "DENIED", "no"), RuleResult("max_exposure", True, quantity=3, text="lowered")
    decision = RiskDecision(False, "DENIED", "no", (silent, measured, stopping, lowering))
    assert spoken(decision) == (stopping, lowering, measured)


def test_without_limits_the_page_says_what_stops_orders_all_the_same(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    told = texts(opened("risk", stage, monkeypatch))
    assert "No limit holds here" in told
    assert "0.00, no limit" in told
    assert "Today: 0 allowed, 0 stopped" in told
    assert "Kill switch: nothing is stopped" in told


def test_limits_in_force_name_where_each_comes_from_and_what_it_does(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.desk.strategies.add("ORB")
    stage.desk.risk.set(max_order_value=100_000, max_daily_loss=50_000)
    stage.desk.risk.set("ACCOUNT", account=KITE, max_quantity_per_order=10, clamp_mode="CLAMP")
    stage.desk.risk.set("STRATEGY", strategy="ORB", max_order_value=20_000)
    app = opened("risk", stage, monkeypatch, account=KITE)
    assert "0 of 50,000 · 0%" in str([one.proto.text for one in app.get("progress")])

    def told() -> dict[str, tuple[str, str, str]]:
        frame = app.dataframe[0].value
        return {row["limit"]: (row["value"], "".join(row["beyond"]), row["source"]) for _, row in frame.iterrows()}

    assert told() == {
        "max_order_value": ("₹1,00,000.00", "✕ REJECT", "GLOBAL"),
        "max_daily_loss": ("₹50,000.00", "✕ REJECT", "GLOBAL"),
        "max_quantity_per_order": ("10", "▽ CLAMP", f"ACCOUNT ● {KITE}"),
    }
    app.selectbox(key="risk-strategy").set_value("ORB").run()
    assert told()["max_order_value"] == ("₹20,000.00", "✕ REJECT", "STRATEGY ORB")
    app.toggle(key="risk-everything").set_value(True).run()
    assert set(told()) == set(NAMES)
    app.segmented_control(key="risk-account").set_value(SMART).run()
    assert told()["max_quantity_per_order"][0] == "not limited"


def test_what_was_stopped_today_is_counted_and_leads_to_its_reason(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, drawers: AppTest
) -> None:
    order = stopped(stage)
    assert stage.order(quantity=5).status is OrderStatus.APPROVED
    decision = stage.desk.orders.why(order.id).decisions[-1]
    app = opened("risk", stage, monkeypatch)
    assert "Today: 1 allowed, 1 stopped" in texts(app)
    frame = app.dataframe[0].value
    assert list(frame["code"]) == ["MAX_QUANTITY"]
    assert list(frame["quantity"]) == [10]
    app.session_state[f"{TABLE}:rows"] = (5, [decision.id], [decision.id])
    assert [one.label for one in app.run().button if one.key.startswith("go_risk_why")] == ["Why"]
    drawers.session_state["decision"] = (order.id, decision.id)
    drawers.run().button(key="why").click().run()
    told = texts(drawers)
    assert "Stopped" in told
    assert "MAX_QUANTITY" in told
    assert "the same verdict" in told
    assert '"quantity": 10' in drawers.code[0].value


def test_a_person_sets_limits_and_reads_what_changes_before_saving(stage: Stage, drawers: AppTest) -> None:
    drawers.button(key="edit").click().run()
    assert field(drawers, "button", "go_risk_save").disabled
    field(drawers, "text_input", "risk-max_order_value").set_value("1,00,000")
    field(drawers, "text_input", "risk-max_daily_loss").set_value("₹ 50,000")
    drawers.run()
    field(drawers, "checkbox", "risk-lower-max_order_value").check()
    field(drawers, "time_input", "risk-entries_until").set_value(time(15, 10))
    drawers.run()
    assert "Order value ₹, at most: not limited → ₹1,00,000.00, lowers" in texts(drawers)
    field(drawers, "button", "go_risk_save").click().run()
    assert not drawers.exception
    (row,) = stage.desk.risk.limits()
    assert (row.max_order_value, row.max_daily_loss, row.entries_until) == (Decimal(100_000), Decimal(50_000), time(15, 10))
    assert row.clamp == {"max_order_value"}
    assert row.max_quantity_per_order is None


def test_what_makes_no_sense_is_said_and_not_saved(stage: Stage, drawers: AppTest) -> None:
    drawers.button(key="edit").click().run()
    field(drawers, "text_input", "risk-max_order_value").set_value("a lot").run()
    assert field(drawers, "button", "go_risk_save").disabled
    assert "must be a number" in texts(drawers)
    field(drawers, "text_input", "risk-max_order_value").set_value("-5").run()
    field(drawers, "button", "go_risk_save").click().run()
    assert "must be above 0 rupees" in texts(drawers)
    assert stage.desk.risk.limits() == []


def test_limits_that_changed_meanwhile_are_not_overwritten(stage: Stage, drawers: AppTest) -> None:
    drawers.button(key="edit").click().run()
    field(drawers, "number_input", "risk-max_open_positions").set_value(3).run()
    stage.desk.risk.set(max_open_positions=9, max_daily_loss=1000)
    field(drawers, "button", "go_risk_save").click().run()
    assert "changed meanwhile" in texts(drawers)
    (row,) = stage.desk.risk.limits()
    assert (row.max_open_positions, row.max_daily_loss) == (9, Decimal(1000))


def test_the_drawer_keeps_every_limit_that_it_is_not_asked_to_change(stage: Stage, drawers: AppTest) -> None:
    before = stage.desk.risk.set(
        max_order_value="99999.50",
        max_quantity_per_order=50,
        allow_short_selling=False,
        allow=["NSE:INFY", "NSE:SBIN"],
        deny=["NSE:TCS"],
        products=["MIS"],
        order_types=["LIMIT", "SL"],
        square_off_at="15:07",
        cooldown_s=300,
        drawdown_caution=100,
        drawdown_stop=200,
        clamp=["max_order_value", "allow_short_selling"],
    )
    drawers.button(key="edit").click().run()
    field(drawers, "number_input", "risk-max_open_positions").set_value(3).run()
    assert texts(drawers).count("→") == 1
    field(drawers, "button", "go_risk_save").click().run()
    (after,) = stage.desk.risk.limits()
    assert after == type(before)(**{name: getattr(before, name) for name in (*NAMES, "clamp")} | {"max_open_positions": 3})


def test_listings_are_found_by_the_search_and_an_empty_list_of_allowed_ones_says_what_it_means(
    stage: Stage, drawers: AppTest
) -> None:
    drawers.button(key="edit").click().run()
    field(drawers, "toggle", "risk-allow").set_value(True).run()
    assert "With no listing here, nothing can be entered." in texts(drawers)
    typed = next(one for one in drawers.text_input if str(one.key).startswith("risk-allow") and str(one.key).endswith(":typed"))
    typed.set_value("INFY").run()
    next(one for one in drawers.button if str(one.key).endswith(":add:NSE:INFY")).click().run()
    assert "The only listings to enter: not limited → NSE:INFY" in texts(drawers)
    field(drawers, "button", "go_risk_save").click().run()
    (row,) = stage.desk.risk.limits()
    assert row.allow == {"NSE:INFY"}


def test_the_mode_of_all_accounts_is_changed_after_a_question(stage: Stage, drawers: AppTest) -> None:
    drawers.button(key="mode").click().run()
    drawers.radio(key="choice:mode:all").set_value("EXIT_ONLY").run()
    field(drawers, "button", "go_act:mode:all").click().run()
    assert not drawers.exception
    assert stage.desk.risk.mode() == "EXIT_ONLY"


def test_only_the_stop_that_is_meant_is_lifted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.desk.kill(reason="all of it", cancel=False, flatten=False)
    stage.desk.kill(KITE, reason="this one", cancel=False, flatten=False)
    app = opened("risk", stage, monkeypatch)
    told = texts(app)
    assert "all of it" in told
    assert "this one" in told
    account = stage.account(KITE).id
    arms = [one.key for one in app.button if str(one.key).startswith("risk-arm")]
    assert sorted(arms) == sorted([f"risk-arm:{account}:", "risk-arm:None:"])


def test_a_viewer_sees_and_changes_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.desk.risk.set(max_order_value=5)
    stage.desk.kill(reason="stop", cancel=False, flatten=False)
    app = opened("risk", stage, monkeypatch)
    assert "go_risk_edit" in [one.key for one in app.button]
    with stage.house.store.database.write() as link:
        link.connection.exec_driver_sql("update users set role = 'viewer'")
    with Entrance(stage.another_house()) as fresh:  # ours remembers for two seconds who somebody is
        monkeypatch.setattr(session, "entrance", lambda: fresh)
        app.run()
    assert not [key for key in (str(one.key) for one in app.button) if key.startswith(("go_", "risk-"))]
    assert "Only the owner lets trading go on." in texts(app)
    assert app.dataframe[0].value["limit"].tolist() == ["max_order_value"]
    for change in (lambda: stage.desk.risk.set(max_order_value=9), lambda: stage.desk.risk.set_mode("NORMAL")):
        with pytest.raises(Denied, match="for those who may trade"):
            change()
