"""Positions: what counts in the day, how rows are known, and which order leaves a position."""

from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some
from streamlit.testing.v1 import AppTest

from pages import positions
from pages.positions import as_rows, columns, counted, not_exitable
from pages.ui import session
from pages.ui.badges import Badge
from pages.ui.close_all import told
from pages.ui.conversion import convertible
from pages.ui.exits import Leg, leave, legs, question
from pages.ui.portfolio import caption, matching, old_words, row_ids
from sigma.desk import frames
from sigma.desk.entrance import Entrance
from sigma.domain.calendar import Hours
from sigma.domain.instruments import Exchange
from tests.orders.conftest import FRIDAY, server, stage, template
from tests.orders.stage import KITE, Stage
from tests.pages.signed_in import opened

__all__ = ["server", "stage", "template"]
BADGE = Badge(1, KITE, "●", "blue", "connected", "NORMAL", True, True, "zerodha")
BLANK = {
    "account": KITE,
    "exchange": "NSE",
    "product": "MIS",
    "quantity": 0,
    "overnight_quantity": 0,
    "buy_quantity": 0,
    "sell_quantity": 0,
    "multiplier": 1,
}


def frame(*rows: dict[str, object]) -> pd.DataFrame:
    """Return positions as the desk gives them."""
    full = [{name: None for name in frames.POSITIONS} | BLANK | row for row in rows]
    return pd.DataFrame(full, columns=list(frames.POSITIONS)).astype(
        {name: kind for name, kind in frames.POSITIONS.items() if kind != frames.TEXT}
    )


def row(symbol: str, quantity: int, **more: object) -> dict[str, object]:
    return {"listing": f"NSE:{symbol}", "symbol": symbol, "quantity": quantity, **more}


def hours(opens_at: datetime | None, *, is_open: bool) -> list[Hours]:
    return [Hours(Exchange.NSE, is_open, opens_at, None, None, "", True)]


def test_flat_positions_are_counted_in_the_day_though_they_are_not_shown() -> None:
    all_of_them = frame(row("INFY", 5), row("SBIN", 0), row("TCS", -3))
    rows = as_rows(all_of_them)
    assert counted(all_of_them, rows[rows["quantity"] != 0]) == "2 positions, 1 flat today"
    assert counted(all_of_them, rows) == "2 positions, 1 flat today"
    assert counted(all_of_them, rows[rows["listing"] == "NSE:TCS"]) == "1 of 2 positions, 1 flat today"
    assert counted(frame(), as_rows(frame())) == "0 positions"


def test_open_positions_come_first_and_each_row_says_what_is_of_today() -> None:
    rows = as_rows(frame(row("TCS", 0), row("SBIN", -75, overnight_quantity=-50), row("INFY", 5)))
    assert list(rows["listing"]) == ["NSE:INFY", "NSE:SBIN", "NSE:TCS"]
    assert list(rows["day_overnight"]) == ["5 / 0", "-25 / -50", "0 / 0"]


@given(some.lists(some.tuples(some.sampled_from(["INFY", "SBIN"]), some.sampled_from(["MIS", "CNC", None])), max_size=8))
def test_no_two_rows_are_known_by_the_same_id(found: list[tuple[str, str | None]]) -> None:
    ids = row_ids(frame(*(row(symbol, 1, product=product) for symbol, product in found)))
    assert len(set(ids)) == len(found)


def test_a_row_without_a_listing_goes_by_the_brokers_name_and_is_not_exited_from_here() -> None:
    rows = as_rows(frame(row("ODD", 3, listing=None), row("INFY", 5), row("TCS", 0), row("SBIN", 4, product=None)))
    assert "NSE:ODD MIS" in rows.index
    assert "NSE:ODD" in not_exitable(rows.loc[["NSE:ODD MIS"]])
    assert "NSE:SBIN" in not_exitable(rows.loc[["NSE:SBIN"]]), "without its product an order would open another position"
    assert "flat" in not_exitable(rows.loc[["NSE:TCS MIS", "NSE:INFY MIS"]])
    assert not not_exitable(rows.loc[["NSE:INFY MIS"]])


def test_currency_is_drawn_with_four_decimals() -> None:
    rows = as_rows(frame({**row("USDINR26NOVFUT", 1), "listing": "CDS:USDINR26NOVFUT", "exchange": "CDS"}))
    assert columns(rows)["last_price"].kind == "price4"
    assert columns(as_rows(frame(row("INFY", 1))))["last_price"].kind == "price"


def test_the_caption_says_both_ages_both_ways() -> None:
    told = caption("2 positions", FRIDAY - timedelta(minutes=11), FRIDAY - timedelta(seconds=3), FRIDAY)
    assert told == "2 positions · read 11 min ago (10:19:00 IST) · priced 3 s ago (10:29:57 IST)"
    assert "priced" not in caption("2 positions", FRIDAY, None, FRIDAY)


@pytest.mark.parametrize(
    ("newest", "opens_at", "is_open", "words"),
    [
        (FRIDAY - timedelta(seconds=59), FRIDAY - timedelta(minutes=45), True, ""),
        (FRIDAY - timedelta(minutes=11), FRIDAY - timedelta(minutes=45), True, "Last priced 10:19:00 IST, 11 min ago"),
        (FRIDAY - timedelta(minutes=11), FRIDAY - timedelta(minutes=45), False, ""),
        (FRIDAY - timedelta(days=1), FRIDAY - timedelta(minutes=45), False, "a day that is over"),
        (FRIDAY - timedelta(days=1), FRIDAY + timedelta(minutes=45), False, ""),
        (FRIDAY - timedelta(days=1), None, False, ""),
    ],
)
def test_a_list_is_old_when_its_prices_stand_still_in_the_session_or_a_session_began_after_it(
    newest: datetime, opens_at: datetime | None, is_open: bool, words: str
) -> None:
    found = old_words(newest, FRIDAY, hours(opens_at, is_open=is_open), 60)
    assert words in found
    assert bool(words) == bool(found)


def test_a_search_takes_words_in_any_order() -> None:
    assert matching(["NFO:NIFTY26NOVFUT", "NSE:INFY"], "fut nifty") == [True, False]
    assert matching(["NSE:INFY"], "") == [True]


@given(some.integers(-10_000, 10_000).filter(bool))
def test_the_order_that_leaves_a_position_takes_it_to_zero(held: int) -> None:
    picked = as_rows(frame(row("INFY", held, last_price=100.0)))
    (leg,) = legs(picked, ["id"])
    assert held + (abs(leg.held) if leg.side == "BUY" else -abs(leg.held)) == 0
    assert (leg.product, leg.value) == ("MIS", abs(held) * 100.0)


def test_leaving_several_names_the_account_the_amount_and_every_order() -> None:
    picked = as_rows(frame(row("INFY", 1000, last_price=400.0), row("SBIN", -5, last_price=2460.0)))
    asked = question(legs(picked, ["a", "b"]), BADGE)
    assert asked.title == f"Exit 2 positions on ● {KITE} at market?"
    assert "About ₹4,12,300.00" in asked.body
    assert "SELL 1,000 NSE" in asked.body
    assert "BUY 5 NSE" in asked.body
    assert (asked.keep, asked.act) == ("Keep 2 positions", "Exit 2 positions")


def test_a_position_that_changed_meanwhile_is_left_alone_and_the_others_go(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.ui.exits.desk", lambda: stage.desk)
    stage.executed(product="MIS")
    stage.desk.positions(KITE, refresh=True)
    wanted = Leg("NSE:INFY MIS", "NSE:INFY", "MIS", 5, 7500.0, stage.desk.orders.new_id())
    gone = Leg("NSE:SBIN MIS", "NSE:SBIN", "MIS", 7, 100.0, stage.desk.orders.new_id())
    done, left = leave(KITE, [wanted, gone])
    assert done.done
    assert not left.done
    assert "is 0 now and was 7" in left.words
    leave(KITE, [wanted])
    sells = [order for order in stage.orders(KITE) if order.request.side == "SELL"]
    assert [(order.request.quantity, order.reduce_only) for order in sells] == [(5, True)], "asked twice, one order"


def test_a_position_that_an_order_leaves_already_is_not_left_twice(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.ui.exits.desk", lambda: stage.desk)
    stage.executed(product="MIS")
    first, second = (Leg("NSE:INFY MIS", "NSE:INFY", "MIS", 5, 7500.0, stage.desk.orders.new_id()) for _ in range(2))
    assert leave(KITE, [first])[0].done
    assert "at work already" in leave(KITE, [second])[0].words
    stage.send()
    stage.settled(stage.orders(KITE)[0])
    assert "is 0 now and was 5" in leave(KITE, [second])[0].words, "the broker is asked anew once the first one is done"
    assert [order.request.quantity for order in stage.orders(KITE) if order.request.side == "SELL"] == [5]


def test_what_was_never_read_is_read_when_the_person_says_so(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened("positions", stage, monkeypatch, account=KITE)
    assert any("never read" in text.value for text in app.markdown)
    app.button(key="go_first:positions:1").click().run()
    assert not app.exception
    assert {metric.value for metric in app.metric} == {"₹0.00"}
    assert any("No open position" in text.value for text in app.markdown)


def test_rows_stay_and_the_reason_stands_when_the_broker_does_not_answer(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.executed(product="MIS")
    stage.desk.positions(KITE, refresh=True)
    app = opened("positions", stage, monkeypatch, account=KITE)
    assert [metric.value for metric in app.metric][-1] == "—", "funds were never read"
    stage.exchange.post("faults", kind="html_504", broker="zerodha", endpoint="positions")
    app.button(key="positions-refresh:1").click().run()
    app.run()
    assert not app.exception
    assert any("did not answer the positions" in error.value for error in app.error)
    assert len(app.dataframe[0].value) == 1


def test_a_position_is_narrowed_away_by_its_product_and_stays_in_the_sums(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.executed(product="MIS")
    stage.desk.positions(KITE, refresh=True)
    app = opened("positions", stage, monkeypatch, account=KITE)
    before = [metric.value for metric in app.metric]
    app.session_state[positions.PRODUCT] = "CNC"
    app.run()
    assert not app.dataframe
    assert any("No position matches" in text.value for text in app.markdown)
    assert [metric.value for metric in app.metric] == before


def test_a_viewer_sees_positions_and_can_tick_none(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.executed(product="MIS")
    stage.desk.positions(KITE, refresh=True)
    monkeypatch.setattr(positions, "may_trade", lambda: False)
    monkeypatch.setattr(session, "entrance", lambda: Entrance(stage.house))
    app = opened("positions", stage, monkeypatch, account=KITE)
    assert len(app.dataframe[0].value) == 1
    assert "positions-table:rows" not in app.session_state


def test_a_position_is_offered_the_products_that_its_broker_has_for_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.ui.conversion.desk", lambda: stage.desk)
    held = as_rows(frame(row("INFY", 5), row("SBIN", 0), row("TCS", 3, product=None), row("ODD", 3, listing=None)))
    assert convertible(BADGE, held.loc["NSE:INFY MIS"]) == ("CNC", "MTF")
    assert [convertible(BADGE, held.iloc[place]) for place in range(1, 4)] == [(), (), ()]


CONVERSION = """
from pages.ui.badges import badges
from pages.ui.conversion import convert_position
from pages.ui.dialogs import draw_wanted, opens
from pages.ui.navigation import menu

menu("owner", {})
draw_wanted()
import streamlit as st
(badge,) = [one for one in badges() if one.name == "kite"]
st.button("Open", key="open", **opens(convert_position, badge, "NSE:INFY", "MIS", 5, ("CNC", "MTF")))
"""


def test_a_position_is_converted_from_a_dialog_and_a_refusal_stays_in_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.executed(product="MIS")
    entrance = Entrance(stage.house)
    monkeypatch.setattr(session, "entrance", lambda: entrance)
    app = AppTest.from_string(CONVERSION, default_timeout=60)
    app.session_state[session.SIGN_IN] = entrance.sign_in_owner()
    app.run()
    app.button(key="open").click().run()
    app.number_input(key="convert-units:1:NSE:INFY:MIS").set_value(3).run()
    app.button(key="go_conversion:1:NSE:INFY:MIS").click().run()
    assert not app.exception
    (command,) = stage.house.orders.conversions.under_way(KITE, user_id=stage.user_id)
    assert [command.payload[name] for name in ("listing", "old", "new", "quantity")] == ["NSE:INFY", "MIS", "CNC", "3"]
    app.button(key="open").click().run()
    app.button(key="go_conversion:1:NSE:INFY:MIS").click().run()
    assert any("under way" in error.value for error in app.error)


def test_one_ticked_position_can_be_converted_and_two_cannot(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.executed(product="MIS")
    stage.executed(product="CNC")
    stage.desk.positions(KITE, refresh=True)
    app = opened("positions", stage, monkeypatch, account=KITE)
    assert tick(app, [0]) == ["go_convert:NSE:INFY MIS"]
    assert tick(app, [0, 1]) == []


def tick(app: AppTest, places: list[int]) -> list[str]:
    """Tick rows as the browser reports it, and return the buttons that convert."""
    generation = app.session_state[f"{positions.TABLE}:rows"][0]
    app.session_state[f"{positions.TABLE}:{generation}"] = {"selection": {"rows": places, "columns": [], "cells": []}}
    app.run()
    assert not app.exception
    return [button.key for button in app.button if str(button.key).startswith("go_convert")]


CLOSING = """
import streamlit as st
from pages.ui.badges import badges
from pages.ui.close_all import close_all
from pages.ui.dialogs import draw_wanted, opens
from pages.ui.navigation import menu
from pages.ui.session import desk

menu("owner", {})
draw_wanted()
badge = badges()[0]
st.button("Close all", key="close-all", **opens(close_all, badge, desk().positions(badge.name, refresh=False)))
"""


def test_closing_all_asks_with_rupees_and_says_row_by_row_what_came_of_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.executed(quantity=4)
    stage.desk.positions(KITE, refresh=True)
    entrance = Entrance(stage.house)
    monkeypatch.setattr(session, "entrance", lambda: entrance)
    monkeypatch.setattr("pages.ui.close_all.PATIENCE_S", 1)  # no worker sends here: it is not flat in time
    app = AppTest.from_string(CLOSING, default_timeout=60)
    app.session_state[session.SIGN_IN] = entrance.sign_in_owner()
    app.run().button(key="close-all").click().run()
    (asked,) = (one.value for one in app.markdown if "last prices" in one.value)
    assert asked.startswith("About ₹6,000.00 at the last prices.")
    assert "4 NSE" in asked
    assert "MIS, long" in asked
    app.button(key="go_close_all_act:1").click().run()
    assert not app.exception
    assert any("1 position of 1 not flat yet" in one.value for one in app.warning)
    assert any(one.value.startswith(":red[✕] 4 NSE") for one in app.markdown)
    assert sorted(str(one.key) for one in app.button) == ["close-all", "close-all-end:1"], "it is not asked again"


def test_what_became_of_each_position_is_told_in_a_line() -> None:
    columns = {"listing": "NSE:INFY", "product": "MIS", "quantity": 1500, "left": 0, "order_id": 3, "done": True, "words": "flat"}
    (flat,) = told(pd.DataFrame([columns]))
    assert (flat.what.replace("\\", ""), flat.done, flat.words) == ("1,500 NSE:INFY MIS", True, "flat")
    (left,) = told(pd.DataFrame([columns | {"left": 700, "done": False, "words": ""}]))
    assert (left.done, left.words) == (False, "700 left")


def test_the_page_offers_to_close_all_only_while_something_is_open(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.desk.positions(KITE, refresh=True)
    app = opened("positions", stage, monkeypatch, account=KITE)
    assert "close-all:1" not in [one.key for one in app.button]
    stage.executed(quantity=4)
    stage.desk.positions(KITE, refresh=True)
    assert "close-all:1" in [one.key for one in app.run().button]
