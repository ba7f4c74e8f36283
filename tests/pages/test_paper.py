"""A paper account on the pages: added in one step, told from the others by its shape, begun anew."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import session
from sigma.desk.entrance import Entrance
from sigma.domain.accounts import SessionState
from tests.orders.conftest import server, stage, template
from tests.orders.stage import Stage

__all__ = ["server", "stage", "template"]

PAPER = "Practice"
ADDING = """
import streamlit as st

from pages.ui.broker_dialogs import add
from pages.ui.dialogs import draw_wanted
from pages.ui.navigation import menu

menu("owner", {})
draw_wanted()
if st.session_state.pop("ask", False):
    add()
"""
BEGINNING = """
import streamlit as st

from pages.ui.broker_dialogs import begin_anew
from pages.ui.dialogs import draw_wanted
from pages.ui.navigation import menu
from pages.ui.rows import rows
from pages.ui.session import desk

menu("owner", {})
draw_wanted()
for row in rows(desk().accounts.table()):
    if row.simulated and st.session_state.pop("ask", False):
        begin_anew(row.id, row.name)
"""
PAGE = """
from pages.ui.navigation import menu
from pages.{page} import render

menu("owner", {{}})
render()
"""
Open = Callable[..., AppTest]


@pytest.fixture
def opened(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open a script as the owner."""
    entrance = Entrance(stage.house)
    token = entrance.sign_in_owner()
    seen: set[tuple[str, int, str]] = set()
    monkeypatch.setattr(session, "entrance", lambda: entrance)
    monkeypatch.setattr(session, "looks", lambda: seen)

    def open_page(script: str, **query: str) -> AppTest:
        at = AppTest.from_string(script, default_timeout=60)
        at.session_state["sign-in"] = token
        at.session_state["ask"] = True
        for name, value in query.items():
            at.query_params[name] = value
        at.run()
        assert not at.exception
        return at

    return open_page


@pytest.fixture
def paper(stage: Stage) -> Stage:
    stage.desk.accounts.add("paper", name=PAPER)
    return stage


def said(at: AppTest) -> str:
    return "\n".join(str(element.value) for kind in (at.markdown, at.caption, at.error, at.warning) for element in kind)


def test_it_is_offered_with_its_shape_and_connected_when_it_is_added(opened: Open, stage: Stage) -> None:
    at = opened(ADDING)
    (choice,) = [box for box in at.selectbox if box.label == "Broker"]
    assert "◇ Paper" in choice.options
    choice.set_value("paper").run()
    assert "No money moves" in said(at)
    assert not [field for field in at.text_input if field.label == "API key"]
    next(field for field in at.text_input if field.label == "Name").set_value(PAPER)
    next(field for field in at.number_input if field.label.startswith("Starting cash")).set_value(250_000)
    at.run()
    at.button(key="go_add").click().run()
    assert not at.exception
    account = stage.account(PAPER)
    assert stage.desk.accounts.status(PAPER).state is SessionState.CONNECTED
    assert stage.house.portfolio.funds(account.id, refresh=True).rows[0].cash == 250_000


def test_connecting_it_is_one_click(opened: Open, paper: Stage) -> None:
    at = opened(PAGE.format(page="brokers"), connect=PAPER)
    assert not at.text_input
    at.button(key=f"go_login:{paper.account(PAPER).id}").click().run()
    assert not at.exception
    assert paper.desk.accounts.status(PAPER).state is SessionState.CONNECTED
    assert "until you disconnect it" in said(at)


def test_its_card_and_its_tab_wear_the_hollow_shape(opened: Open, paper: Stage) -> None:
    paper.desk.accounts.connect(PAPER)
    assert f"◇] {PAPER}" in said(opened(PAGE.format(page="brokers")))
    at = opened(PAGE.format(page="orders"), account=PAPER)
    assert not at.exception
    assert at.session_state["looked-at"] == PAPER


def test_home_leaves_it_out_of_the_sums_and_says_so(opened: Open, paper: Stage) -> None:
    paper.desk.accounts.connect(PAPER)
    paper.house.portfolio.funds(paper.account(PAPER).id, refresh=True)
    at = opened(PAGE.format(page="home"))
    assert f"Without {PAPER}: imaginary money." in said(at)
    assert all("◇" not in metric.label for metric in at.metric)


def test_beginning_anew_is_asked_first(opened: Open, paper: Stage) -> None:
    paper.desk.accounts.connect(PAPER)
    number = paper.account(PAPER).id
    at = opened(BEGINNING)
    assert "thrown away" in said(at)
    at.number_input(key=f"anew-cash:{number}").set_value(77_000).run()
    at.button(key=f"go_act:anew:{number}").click().run()
    assert not at.exception
    assert paper.house.portfolio.funds(number, refresh=True).rows[0].cash == 77_000
