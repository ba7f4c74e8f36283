"""The kill switch in the app: three levels with counts, STOP typed, a bar for each account, and the owner's way back."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import session
from pages.ui.stops import counts, fraction, shown
from sigma.desk.entrance import Entrance
from sigma.domain.kill import KillVerdict
from tests.orders.conftest import server, stage, template
from tests.orders.stage import KITE, SMART, Stage
from tests.orders.test_kill import ended, quick

__all__ = ["quick", "server", "stage", "template"]

APP = """
import streamlit as st
from pages.ui.dialogs import draw_wanted
from pages.ui.kill import allow_trading, stop_trading
from pages.ui.navigation import menu
from pages.ui.shell import head

menu("owner", {})
draw_wanted()
head("Positions")
st.button("Kill", key="kill", on_click=stop_trading)
st.button("Arm", key="arm", on_click=allow_trading)
"""


@pytest.fixture
def app(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    entrance = Entrance(stage.house)
    monkeypatch.setattr(session, "entrance", lambda: entrance)
    made = AppTest.from_string(APP, default_timeout=60)
    made.session_state[session.SIGN_IN] = entrance.sign_in_owner()
    return made.run()


def texts(app: AppTest) -> str:
    assert not app.exception
    return "\n".join(str(one.value) for kind in ("markdown", "error", "warning") for one in getattr(app, kind))


def test_the_dialog_counts_what_each_level_is_about_and_wants_stop_typed(app: AppTest, stage: Stage) -> None:
    stage.executed(quantity=4)
    stage.resting(quantity=2)
    stage.resting(quantity=1)
    stage.desk.positions(KITE, refresh=True)
    stage.desk.positions(SMART, refresh=True)
    app.button(key="kill").click().run()
    assert app.radio(key="kill-level").options == [
        "Block new orders",
        "Block, and cancel 2 orders",
        "Block, cancel 2 orders, and close 1 position at the market",
    ]
    assert app.button(key="go_kill").disabled
    app.selectbox(key="kill-where").set_value(SMART).run()
    assert app.radio(key="kill-level").options[2] == "Block, cancel 0 orders, and close 0 positions at the market"


def test_a_stop_is_drawn_until_it_is_verified_and_the_owner_allows_trading_again(app: AppTest, stage: Stage) -> None:
    stage.executed(quantity=4)
    app.button(key="kill").click().run()
    app.radio(key="kill-level").set_value("flatten")
    app.text_input(key="kill-reason").set_value("too wild")
    app.text_input(key="kill-typed").set_value("STOP").run()
    app.button(key="go_kill").click().run()
    assert "Trading is stopped" in texts(app)
    assert "too wild" in texts(app)
    assert {run.verdict for run in ended(stage, (KITE, SMART))} == {KillVerdict.FLAT}
    app.run()
    assert texts(app).count("flat, verified by two reads") == 2
    app.button(key="arm").click().run()
    app.text_input(key="arm-reason:None:").set_value("calm again").run()
    app.button(key="go_arm:None:").click().run()
    app.run()
    assert "is stopped" not in texts(app)
    assert stage.desk.risk.kills() == []


def test_what_is_not_verified_says_what_to_look_at(app: AppTest, stage: Stage) -> None:
    stage.executed(quantity=6)
    stage.desk.settings.set("kill.exit_attempts", 1)
    stage.fault("reject_in_book", times=None, message="RMS: no")
    stage.desk.kill(KITE, reason="stop")
    ended(stage)
    app.run()
    assert "not verified" in texts(app)
    assert "still held: 6 NSE:INFY MIS" in texts(app).replace("\\", "")


def runs(*rows: dict[str, Any]) -> pd.DataFrame:
    blank = {"account": KITE, "strategy": "", "product": "", "verdict": "RUNNING", "started_at": pd.Timestamp(0, tz="UTC")}
    zeros = dict.fromkeys(("to_cancel", "cancelled", "to_flatten", "flattened", "flat_reads", "unknown"), 0)
    return pd.DataFrame([blank | zeros | row for row in rows])


def test_of_each_scope_the_newest_run_is_drawn_and_old_ones_only_while_something_is_stopped() -> None:
    now = pd.Timestamp("2026-11-20T05:00Z")
    table = runs({"verdict": "FLAT", "started_at": now}, {"verdict": "NOT_VERIFIED", "started_at": now})
    assert shown(table, None).empty
    assert list(shown(table, now)["verdict"]) == ["FLAT"]
    assert list(shown(runs({}), None)["verdict"]) == ["RUNNING"]


def test_the_bar_never_leaves_its_bounds_and_counts_in_words() -> None:
    (row,) = runs({"to_cancel": 4, "cancelled": 3, "to_flatten": 2, "unknown": 1}).itertuples()
    assert fraction(row) == 3 / 8
    assert counts(row) == "(3 of 4 cancelled, 0 of 2 closed, 1 unknown)"
    (row,) = runs({}).itertuples()
    assert (fraction(row), counts(row)) == (0.0, "")
