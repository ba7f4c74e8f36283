"""What is kept of a read that fails, and what is said above it."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import session
from sigma.desk.entrance import Entrance
from tests.orders.conftest import server, stage, template
from tests.orders.stage import Stage

__all__ = ["server", "stage", "template"]

PAGE = """
import streamlit as st
from pages.ui.states import failed, kept
from sigma.domain.errors import StaleData

def read():
    if "broken" in st.session_state:
        raise StaleData("The list is away.", hint="Look again.")
    return "the rows"

got = kept("part", st.session_state["about"], read)
failed(got)
st.text(got.value)
"""


@pytest.fixture
def page(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """A page with one part, of an owner who is signed in."""
    entrance = Entrance(stage.house)
    monkeypatch.setattr(session, "entrance", lambda: entrance)
    app = AppTest.from_string(PAGE, default_timeout=60)
    app.session_state[session.SIGN_IN] = entrance.sign_in_owner()
    app.session_state["about"] = "zerodha-main"
    return app


def test_rows_stay_with_the_reason_and_the_time_when_they_cannot_be_read_again(page: AppTest) -> None:
    page.run()
    assert page.text[0].value == "the rows"
    assert not page.error
    page.session_state["broken"] = True
    page.run()
    assert page.text[0].value == "the rows"
    assert page.error[0].value.startswith("**The list is away.** Nothing was changed. Shown as of ")
    assert page.error[0].value.endswith(" IST. Look again.")


def test_rows_of_one_account_never_stand_in_for_those_of_another(page: AppTest) -> None:
    page.run()
    page.session_state["broken"], page.session_state["about"] = True, "angel"
    page.run()
    assert page.text[0].value == "None"
    assert page.error[0].value == "**The list is away.** Nothing was changed. Look again."


def test_what_was_never_read_says_why_without_a_time(page: AppTest) -> None:
    page.session_state["broken"] = True
    page.run()
    assert not page.exception
    assert "Shown as of" not in page.error[0].value
