"""The Brokers page on real adapters and the simulator, without a browser: what it says, and what its logins do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import broker_card, broker_dialogs, connect, credentials, session
from pages.web.arrivals import AWAITED_S, Arrivals
from sigma.desk.entrance import Entrance
from sigma.domain.accounts import AUTO_CONSENT, AuthMode, SessionState
from tests.orders.conftest import server, stage, template
from tests.orders.stage import KITE, SMART, Stage

__all__ = ["server", "stage", "template"]

NOW = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
PAGE = """
from pages.ui.navigation import menu
from pages.brokers import render

menu("owner", {})
render()
"""
APP = """
from pages.ui.first_look import send_to_login_first
from pages.ui.navigation import menu

page = menu("owner", {})
send_to_login_first()
page.run()
"""
ASKED_TO_DELETE = """
import streamlit as st

from pages.ui.broker_dialogs import delete
from pages.ui.dialogs import draw_wanted
from pages.ui.navigation import menu
from pages.ui.rows import rows
from pages.ui.session import desk

menu("owner", {})
draw_wanted()
for row in rows(desk().accounts.table()):
    if row.name == "kite" and st.session_state.pop("ask", False):
        delete(row.id, row.name, is_default=row.is_default)
"""
ASKED_TO_EDIT = """
import streamlit as st

from pages.ui.broker_dialogs import edit
from pages.ui.dialogs import draw_wanted
from pages.ui.navigation import menu
from pages.ui.rows import rows
from pages.ui.session import desk

menu("owner", {})
draw_wanted()
for row in rows(desk().accounts.table()):
    if row.name == "smart" and st.session_state.pop("ask", False):
        edit(row.id, row.name)
"""
Open = Callable[..., AppTest]


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Arrivals:
    """Where a browser that comes back from a broker is awaited."""
    found = Arrivals()
    monkeypatch.setattr(session, "arrivals", lambda: found)
    return found


@pytest.fixture
def opened(stage: Stage, waiting: Arrivals, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open a page as the owner, each time in a browser session of its own."""
    entrance = Entrance(stage.house)
    token = entrance.sign_in_owner()
    seen: set[tuple[str, int, str]] = set()
    monkeypatch.setattr(session, "entrance", lambda: entrance)
    monkeypatch.setattr(session, "looks", lambda: seen)

    def open_page(script: str = PAGE, **query: str) -> AppTest:
        at = AppTest.from_string(script, default_timeout=60)
        at.session_state["sign-in"] = token
        at.session_state["ask"] = True
        for name, value in query.items():
            at.query_params[name] = value
        at.run()
        assert not at.exception
        return at

    return open_page


def said(at: AppTest) -> str:
    return "\n".join(str(element.value) for kind in (at.markdown, at.caption, at.error, at.warning) for element in kind)


def asked(at: AppTest) -> str | None:
    """Return the account whose login the address names; the test's browser gives a list or its one value."""
    value = at.query_params.get("connect")
    return value[0] if isinstance(value, list) else value


def row(**facts: Any) -> Any:
    known = {"id": 1, "name": "main", "state": SessionState.CONNECTED, "client_id": "AB1234", "user_name": "Asha", "error": None}
    times = {"obtained_at": NOW - timedelta(hours=3), "expires_at": NOW + timedelta(hours=9), "checked_at": None}
    return SimpleNamespace(**{**known, **times, "trading_mode": "NORMAL", **facts})


def test_a_session_s_age_and_end_are_told_in_indian_time() -> None:
    assert broker_card.session_words(row(), NOW) == "Logged in 3 h ago (07:30:00 IST), until 19:30:00 IST."
    ended = broker_card.session_words(row(state=SessionState.EXPIRED, expires_at=NOW), NOW)
    assert ended.startswith("Session ended at 10:30:00 IST.")
    assert "No session" in broker_card.session_words(row(state=SessionState.NEVER), NOW)


def test_what_a_broker_said_and_a_person_s_name_are_no_markup() -> None:
    assert broker_card.facts(row(user_name="*A*"), "Zerodha", NOW)[0] == r"Zerodha · client AB1234 · \*A\*"
    trouble = broker_card.check_words(row(state=SessionState.ERROR, checked_at=NOW, error="[away](x)"), NOW)
    assert trouble == r"Login checked 0 s ago (10:30:00 IST). \[away\]\(x\)"


@pytest.mark.parametrize(
    "page", ["http://127.0.0.1:8501/brokers?connect=main", "http://127.0.0.1:8501", "http://127.0.0.1:8501/"]
)
def test_the_address_to_register_is_the_one_that_the_person_looks_at(page: str) -> None:
    assert broker_dialogs.redirect_address(page, "zerodha") == "http://127.0.0.1:8501/connect/zerodha"


def test_fields_are_named_in_words() -> None:
    assert credentials.listed(("api_key", "api_secret")) == "API key and API secret"
    assert credentials.listed(("pin",)) == "PIN"
    assert credentials.label("consumer_key") == "Consumer key"


def test_a_login_goes_to_the_account_that_was_left_for_else_to_the_only_one_that_knows_its_client() -> None:
    one, other, fresh = row(id=1), row(id=2), row(id=3, client_id=None)
    assert connect.account_for(2, [one, other]) is other
    assert connect.account_for(None, [one]) is one
    assert connect.account_for(None, [one, other]) is None
    assert connect.account_for(None, [fresh]) is None
    assert connect.account_for(3, [fresh]) is fresh


def test_who_left_for_a_login_is_awaited_once_and_for_an_hour() -> None:
    moment = [10.0]
    arrivals = Arrivals(lambda: moment[0])
    arrivals.await_login(1, "zerodha", 7)
    assert arrivals.awaited(2, "zerodha") is None
    assert arrivals.awaited(1, "angelone") is None
    assert arrivals.awaited(1, "zerodha") == 7
    assert arrivals.awaited(1, "zerodha") is None
    arrivals.await_login(1, "zerodha", 7)
    moment[0] += AWAITED_S
    assert arrivals.awaited(1, "zerodha") is None


def test_every_broker_says_what_to_do_before_and_at_a_login(stage: Stage) -> None:
    brokers = stage.desk.brokers()
    assert {one.broker for one in brokers} == {"zerodha", "angelone", "paper"}
    assert all(one.setup_steps and one.login_steps for one in brokers)
    assert all(one.simulated or (one.credentials and one.login_fields) for one in brokers)


def test_cards_show_accounts_and_no_credential(opened: Open, stage: Stage) -> None:
    stage.desk.accounts.update(SMART, trading_mode="EXIT_ONLY", enabled=False)
    told = said(opened())
    assert "client AB1234" in told
    assert "2 of 2 accounts connected" in told
    assert "only what reduces" in told
    assert "Disabled" in told
    assert "Orders never synced. Portfolio never read." in told
    assert "kitesecret" not in told


def test_the_login_that_a_broker_sent_back_connects_the_account_that_was_left_for(
    opened: Open, stage: Stage, waiting: Arrivals
) -> None:
    stage.desk.accounts.disconnect(KITE)
    opened(connect=KITE)
    waiting.put(stage.user_id, "zerodha", stage.exchange.login("AB1234"))
    at = opened()
    assert stage.desk.accounts.status(KITE).state is SessionState.CONNECTED
    told = said(at)
    assert "Connected as **" in told
    assert "AB1234" in told
    assert "Holdings" in told
    assert asked(at) == KITE


def enter(at: AppTest, account_id: int, given: dict[str, str]) -> None:
    """Fill in the login of a page that was just opened, and send it."""
    key = f"0:Connect:{account_id}"
    for field in ("pin", "otp"):
        at.text_input(f"login:{key}:{field}").set_value(given[field])
    at.button(f"go_login:{key}").click().run()
    assert not at.exception


def test_another_client_s_login_is_refused_in_words(opened: Open, stage: Stage) -> None:
    stage.desk.accounts.disconnect(SMART)
    at = opened(connect=SMART)
    enter(at, stage.account(SMART).id, stage.exchange.login("A100002"))
    assert any("refused what was entered" in str(error.value) for error in at.error)
    assert "not connected yet" in said(at)
    assert stage.desk.accounts.status(SMART).state is SessionState.NEVER


def test_pin_and_code_connect_and_are_not_kept(opened: Open, stage: Stage) -> None:
    stage.desk.accounts.disconnect(SMART)
    at, given = opened(connect=SMART), stage.exchange.login("A100001")
    enter(at, stage.account(SMART).id, given)
    assert stage.desk.accounts.status(SMART).state is SessionState.CONNECTED
    assert "Connected as **" in said(at)
    kept = repr(at.session_state)
    assert "sign-in" in kept
    assert repr(given["pin"]) not in kept
    assert repr(given["otp"]) not in kept


def test_a_login_that_nobody_left_for_is_not_given_to_an_account_that_knows_no_client(
    opened: Open, stage: Stage, waiting: Arrivals
) -> None:
    stage.desk.accounts.remove(KITE, next_default=SMART)
    stage.desk.accounts.add("zerodha", name="fresh", api_key="kitekey", api_secret="kitesecret")
    waiting.put(stage.user_id, "zerodha", stage.exchange.login("AB1234"))
    at = opened()
    assert "Which account is it for?" in said(at)
    assert stage.desk.accounts.status("fresh").state is SessionState.NEVER
    at.button("go_arrived").click().run()
    assert stage.desk.accounts.status("fresh").state is SessionState.CONNECTED


def test_a_return_without_a_token_says_that_nobody_was_logged_in(opened: Open, stage: Stage, waiting: Arrivals) -> None:
    stage.desk.accounts.disconnect(KITE)
    waiting.put(stage.user_id, "zerodha", {"status": "cancelled"})
    assert "nobody was logged in" in said(opened())


def test_an_address_that_names_no_account_says_so(opened: Open) -> None:
    assert "There is no account nobody" in said(opened(connect="nobody"))


def test_deleting_needs_the_name_typed_and_keeps_history(opened: Open, stage: Stage) -> None:
    order = stage.executed()
    at = opened(ASKED_TO_DELETE)
    number = stage.account(KITE).id
    act, typed = f"go_act:delete:{number}", f"typed:delete:{number}"
    assert f"{SMART} becomes the default account" in said(at)
    for text in ("", "kit"):
        at.text_input(typed).set_value(text).run()
        assert at.button(act).disabled
    at.text_input(typed).set_value(KITE).run()
    at.button(act).click().run()
    assert list(stage.desk.accounts.table()["name"]) == [SMART]
    assert stage.get(order).filled_quantity == 5


def test_deleting_an_account_with_an_order_at_work_says_so_and_wants_a_word_more(opened: Open, stage: Stage) -> None:
    stage.resting()
    at = opened(ASKED_TO_DELETE)
    number = stage.account(KITE).id
    assert "1 order is at work there" in said(at)
    at.text_input(f"typed:delete:{number}").set_value(KITE).run()
    assert at.button(f"go_act:delete:{number}").disabled
    at.checkbox(f"delete-anyway:{number}").check().run()
    at.button(f"go_act:delete:{number}").click().run()
    assert list(stage.desk.accounts.table()["name"]) == [SMART]


def test_whoever_comes_in_while_the_default_s_login_has_ended_is_led_to_it_once(opened: Open, stage: Stage) -> None:
    stage.exchange.post("session/expire", client_id="AB1234")
    stage.desk.accounts.status(KITE, refresh=True)
    first = opened(APP)
    assert asked(first) == KITE
    assert first.title[0].value == "Brokers"
    again = opened(APP)
    assert asked(again) is None
    assert again.title[0].value != "Brokers"


def test_an_expired_account_that_is_not_the_default_leads_nowhere(opened: Open, stage: Stage) -> None:
    stage.exchange.post("session/expire", client_id="A100001")
    stage.desk.accounts.status(SMART, refresh=True)
    assert asked(opened(APP)) is None


def test_automatic_login_wants_a_word_of_consent(opened: Open, stage: Stage) -> None:
    at, number = opened(ASKED_TO_EDIT), stage.account(SMART).id
    at.radio(f"auth:{number}").set_value(AuthMode.AUTO).run()
    assert AUTO_CONSENT in said(at)
    at.text_input(f"auto:{number}:pin").set_value("1234")
    at.text_input(f"auto:{number}:totp_secret").set_value("JBSWY3DPEHPK3PXP").run()
    at.button(f"go_edit:{number}").click().run()
    assert len(at.error) == 1
    assert stage.account(SMART).auth_mode is AuthMode.MANUAL
    at.checkbox(f"consent:{number}").check().run()
    at.button(f"go_edit:{number}").click().run()
    assert stage.account(SMART).auth_mode is AuthMode.AUTO


def test_credentials_are_entered_anew_without_being_shown(opened: Open, stage: Stage) -> None:
    at, number = opened(ASKED_TO_EDIT), stage.account(SMART).id
    field = at.text_input(f"edit:{number}:api_key")
    assert (field.value, field.placeholder) == ("", "Unchanged")
    assert at.button(f"go_edit:{number}").disabled
    field.set_value("smartkey-of-tomorrow").run()
    at.button(f"go_edit:{number}").click().run()
    assert stage.house.connections.credentials(number)["api_key"] == "smartkey-of-tomorrow"
    assert stage.desk.accounts.status(SMART).state is SessionState.NEVER
    assert asked(at) == SMART
