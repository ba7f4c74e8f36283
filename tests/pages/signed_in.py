"""A page as the signed-in owner of a stage sees it, without a browser."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import session
from sigma.desk.entrance import Entrance
from tests.orders.stage import Stage

PAGE = """
from pages.ui.navigation import menu
from pages.{name} import render

menu("owner", {{}})
render()
"""


def opened(name: str, stage: Stage, patch: pytest.MonkeyPatch, **query: str) -> AppTest:
    """Return a page of the app after its first run, in a browser session of its own."""
    entrance = Entrance(stage.house)
    patch.setattr(session, "entrance", lambda: entrance)
    app = AppTest.from_string(PAGE.format(name=name), default_timeout=60)
    app.session_state[session.SIGN_IN] = entrance.sign_in_owner()
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app
