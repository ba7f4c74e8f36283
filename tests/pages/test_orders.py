"""The Orders page: which rows it shows, what their cells say, and the dialogs that act on them."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages.orders import GROUP, GROUP_NAMES, Wanted
from pages.ui import session
from pages.ui.order_acts import look_alikes, unknown_words, values
from pages.ui.order_rows import CHIPS, COLUMNS, as_csv, as_rows, columns, origin, reason, sliced, wish
from pages.ui.order_story import facts, rules
from sigma.desk.entrance import Entrance
from sigma.domain.orders import GROUPS, OrderStatus
from sigma.domain.show import status_chip
from tests.orders.conftest import server, stage, template
from tests.orders.stage import KITE, SMART, Stage
from tests.pages.signed_in import opened

__all__ = ["server", "stage", "template"]

ROW: dict[str, Any] = {
    "status": "OPEN",
    "broker_reason": "",
    "risk_note": "",
    "stale_reason": "",
    "cancel_wanted": False,
    "source": "WEBHOOK",
    "strategy": "",
    "gtt": False,
    "variety": "REGULAR",
    "slices": 0,
    "slice_no": 0,
    "parent_id": None,
}


def lost(stage: Stage) -> int:
    """Return the id of an order whose answer was lost."""
    stage.fault("drop_before_commit", "place")
    order = stage.order()
    stage.send()
    assert stage.get(order).status is OrderStatus.UNKNOWN
    return order.id


def test_the_broker_s_words_stand_alone_and_the_risk_gate_s_are_marked_as_such() -> None:
    told = {**ROW, "broker_reason": "RMS: margin exceeds", "risk_note": "cut to 5", "stale_reason": "too old"}
    assert reason(told) == "RMS: margin exceeds · Risk: cut to 5 · Came back: too old"
    assert reason(ROW) == ""


def test_a_wish_to_cancel_is_told_until_the_order_has_ended() -> None:
    wanted = {**ROW, "cancel_wanted": True}
    assert reason(wanted) == "Cancel is on its way"
    assert reason({**wanted, "status": "FILLED"}) == ""


def test_the_source_names_strategy_and_wish_for_a_trigger() -> None:
    assert origin({**ROW, "strategy": "Dip", "gtt": True}) == "Webhook · Dip · GTT"
    assert origin({**ROW, "slices": 3}) == "Webhook · 3 slices"
    assert origin({**ROW, "slice_no": 2, "parent_id": 7}) == "Webhook · slice 2 of order 7"
    assert origin({**ROW, "source": "CARRIER_PIGEON"}) == "CARRIER_PIGEON", "an unknown word is shown as it is"


def test_every_status_has_a_chip_in_the_table_an_unsettled_one_its_own() -> None:
    chips = {status_chip(status).text for status in OrderStatus} | {status_chip("UNKNOWN", unsettled=True).text}
    assert chips <= set(CHIPS)


def test_every_group_of_orders_has_a_name_on_the_page() -> None:
    assert set(GROUP_NAMES) == set(GROUPS)


def test_a_group_with_days_is_every_order_of_those_days_in_its_states() -> None:
    wanted = Wanted(KITE, "filled", "INFY", None, (date(2026, 11, 2), date(2026, 11, 3)))
    assert wanted.filters("filled") == {
        "account": KITE,
        "text": "INFY",
        "strategy": None,
        "since": datetime(2026, 11, 1, 18, 30, tzinfo=UTC),
        "until": datetime(2026, 11, 3, 18, 30, tzinfo=UTC),
        "status": ["FILLED"],
    }
    assert Wanted(KITE, "filled", "", None, ()).filters("filled")["group"] == "filled"


def test_one_day_is_a_span_of_itself() -> None:
    filters = Wanted(KITE, None, "", None, (date(2026, 11, 2),)).filters(None)
    assert (filters["until"] - filters["since"]).total_seconds() == 86_400


def test_rows_carry_all_columns_and_a_listing_without_a_price_is_missing(stage: Stage) -> None:
    resting, done = stage.resting(), stage.executed()
    rows = as_rows(stage.desk.orders.table(KITE), {"NSE:SBIN": 800.0})
    assert set(COLUMNS) <= set(rows.columns)
    assert rows.loc[resting.id, "done"] == "0 / 5"
    assert rows.loc[done.id, "chip"] == "● Filled"
    assert rows["last_price"].isna().all()
    assert as_rows(stage.desk.orders.table(KITE), {"NSE:INFY": 1500.5}).loc[done.id, "last_price"] == 1500.5


def test_the_file_has_the_account_first_indian_times_and_no_formulas(stage: Stage) -> None:
    stage.resting()
    table = stage.desk.orders.table()
    table.loc[0, "strategy"] = "=HYPERLINK(1)"
    (row,) = csv.DictReader(as_csv(table).decode("utf-8-sig").splitlines())
    assert next(iter(row)) == "account"
    assert row["account"] == KITE
    assert row["strategy"] == "'=HYPERLINK(1)"
    assert row["broker_reason"] == ""
    made = table.loc[0, "created_at"].tz_convert("Asia/Kolkata")
    assert row["created_at"] == f"{made:%Y-%m-%d %H:%M:%S}"


def test_an_unknown_outcome_stands_above_the_working_orders_of_its_account(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = lost(stage)
    newer = stage.order(quantity=3)
    stage.resting(SMART)
    app = opened("orders", stage, monkeypatch, account=KITE)
    shown: pd.DataFrame = app.dataframe[0].value
    assert list(shown["chip"].explode()) == ["? Unknown, checking", "› Approved"]  # noqa: RUF001
    assert app.session_state[GROUP] == "working"
    assert any(caption.value.startswith("2 orders · ") for caption in app.caption)
    assert app.session_state["orders:rows"][1] == [unknown, newer.id]


def test_the_search_narrows_rows_and_counts(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.resting()
    app = opened("orders", stage, monkeypatch, account=KITE)
    app.text_input(key="orders-search").set_value("RELIANCE").run()
    assert not app.exception
    assert not app.dataframe
    assert any("matches" in words.value for words in app.markdown)
    app.button(key="orders-clear-all").click().run()
    assert len(app.dataframe[0].value) == 1


def test_a_cancel_of_several_orders_says_of_each_what_came_of_it(stage: Stage) -> None:
    resting, done = stage.resting(), stage.executed()
    results = stage.desk.orders.cancel_each([resting.id, done.id])
    assert list(results["order_id"]) == [resting.id, done.id]
    assert list(results["done"]) == [True, False]
    assert list(results["words"]) == ["the broker is asked", f"Order {done.id} is FILLED already."]


def test_the_words_for_an_unknown_outcome_ask_for_a_person_only_when_no_book_can_tell(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = lost(stage)
    monkeypatch.setattr("pages.ui.order_acts.badges", tuple)
    told = stage.desk.orders.why(order_id)
    assert look_alikes(told) == ()
    assert "still being looked for" in unknown_words(told)
    stage.overnight()
    stage.sync()
    assert "contract note" in unknown_words(stage.desk.orders.why(order_id))


def test_the_story_shows_the_numbers_that_the_risk_gate_decided_on(stage: Stage) -> None:
    stage.desk.risk.set(max_quantity_per_order=4)
    order = stage.order(quantity=9)
    told = stage.desk.orders.why(order.id)
    lines = rules(told.decisions[0])
    assert any(line.startswith(":red[✕] max quantity per order") and "9" in line and "4" in line for line in lines)
    assert ("Risk", order.risk_note) in facts(told.order)


def test_a_trigger_and_an_after_market_order_are_told_by_a_chip_where_there_is_one(stage: Stage) -> None:
    assert [wish(row) for row in (ROW, {**ROW, "gtt": True}, {**ROW, "variety": "AMO"})] == ["", "GTT", "AMO"]
    stage.resting()
    plain = as_rows(stage.desk.orders.table(KITE), {})
    assert "wish" not in columns(plain)
    assert "wish" in columns(plain.assign(wish="GTT"))


FUTURE, FREEZE, LOT = "NFO:BANKNIFTY26NOVFUT", 600, 30


def cut(stage: Stage) -> int:
    """Return the id of an order that went out as three slices, of which one executed."""
    for account in stage.server.exchange.accounts():
        account.cash = Decimal(10_000_000_000)
    stage.hold(50_000.0, FUTURE)
    whole = stage.desk.orders.submit(account=KITE, listing=FUTURE, side="BUY", quantity=FREEZE * 2 + LOT, product="NRML")
    stage.send()
    stage.settled(whole)
    return whole.id


def test_an_order_that_was_cut_says_how_far_its_slices_are_and_lists_them(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cut(stage)
    slices = stage.desk.orders.slices(whole)
    assert list(slices["slice_no"]) == [1, 2, 3]
    assert sliced(slices) == "3 of 3 slices filled"
    assert sliced(slices.assign(status=["FILLED", "OPEN", "REJECTED"])) == "1 of 3 slices filled"
    app = opened("orders", stage, monkeypatch, account=KITE, group="filled")
    reasons = app.dataframe[0].value["reason"]
    assert "3 of 3 slices filled" in list(reasons)
    app.session_state["orders:rows"] = (7, [whole], [whole])
    keys = [str(one.key) for one in app.run().button]
    assert f"slices-open:{whole}" in keys


ACTS = """
import streamlit as st
from pages.ui.dialogs import draw_wanted, opens
from pages.ui.navigation import menu
from pages.ui.order_acts import cancel
from pages.ui.order_slices import show_slices

menu("owner", {})
draw_wanted()
st.button("Slices", key="slices", **opens(show_slices, st.session_state["order"]))
st.button("Cancel", key="cancel", **opens(cancel, [st.session_state["order"]]))
"""


def acting(stage: Stage, patch: pytest.MonkeyPatch, order_id: int) -> AppTest:
    """Return the dialogs about one order, for the owner."""
    entrance = Entrance(stage.house)
    patch.setattr(session, "entrance", lambda: entrance)
    app = AppTest.from_string(ACTS, default_timeout=60)
    app.session_state[session.SIGN_IN] = entrance.sign_in_owner()
    app.session_state["order"] = order_id
    return app.run()


def test_the_list_of_slices_has_a_row_and_a_reason_for_each(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = acting(stage, monkeypatch, cut(stage))
    app.button(key="slices").click().run()
    assert not app.exception
    assert list(app.dataframe[0].value["done"]) == ["600 / 600", "600 / 600", "30 / 30"]
    assert [one.label for one in app.button if str(one.key).startswith("slice-why")] == [
        "Why slice 1",
        "Why slice 2",
        "Why slice 3",
    ]


def test_a_cancel_names_the_rupees_that_are_not_executed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    order = stage.resting(quantity=4)
    app = acting(stage, monkeypatch, order.id)
    app.button(key="cancel").click().run()
    assert not app.exception
    assert any("about ₹5,800.00 not executed" in one.value for one in app.markdown)
    monkeypatch.setattr("pages.ui.order_acts.desk", lambda: stage.desk)
    assert values([order]) == [Decimal(5800)]
