"""Logins that end: said on every page, in nobody's way, and one step from being cured."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from pages.ui.navigation import PAGES
from sigma.cli.demo.stage import ACCOUNTS, Stage
from sigma.domain.accounts import SessionState
from tests.e2e.app import Person, eventually, running

pytestmark = pytest.mark.timeout(300)
Come = Callable[..., Person]
MOST_MS = 60_000
OFTEN = {"sync.idle": 1.0, "session.check": 1.0}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Both accounts connected, and asked often whether they still are."""
    with running(tmp_path_factory.mktemp("app"), OFTEN) as stage:
        yield stage


@pytest.fixture(autouse=True)
def _cured(stage: Stage) -> None:
    """Begin with both accounts logged in."""
    for name, (_, client) in ACCOUNTS.items():
        stage.desk.accounts.connect(name, **stage.exchange.login(client))


def end(stage: Stage, name: str) -> None:
    """End an account's login at its broker, and wait until that is known."""
    stage.exchange.post("session/expire", client_id=ACCOUNTS[name][1])

    def known() -> bool:
        table = stage.desk.accounts.table().set_index("name")
        return bool(table.loc[name, "state"] == SessionState.EXPIRED)

    eventually(known, 60)


def test_an_ended_login_is_said_on_every_page_and_stops_nothing_on_the_other_account(person: Come, stage: Stage) -> None:
    visitor = person()
    visitor.open("/")
    banner = visitor.key("session-banner")
    end(stage, "angel")
    for spec in PAGES:
        visitor.page.get_by_test_id("stSidebarNav").get_by_role("link", name=re.compile(f"^{spec.title}")).click()
        visitor.page.get_by_role("heading", level=1, name=spec.title).wait_for()
        expect(banner).to_contain_text("angel session expired at", timeout=MOST_MS)
        visitor.no_exception()

    visitor.open("/queue")
    assert stage.alert("NSE:INFY", "BUY", 7, order_id="all the same").status_code == 201
    visitor.press("Approve", visitor.take("queue", "BUY 7 NSE:INFY", "NSE:INFY", "7"))
    visitor.choose("zerodha-main", visitor.dialog())
    visitor.press("Approve BUY 7 NSE:INFY on zerodha-main", visitor.dialog())
    expect(visitor.key("queue-approved")).to_contain_text("● Filled", timeout=MOST_MS)

    banner.get_by_role("link", name="Reconnect").click()
    visitor.page.wait_for_url("**/brokers?connect=angel")
    given = stage.exchange.login("A100001")
    visitor.enter("PIN", given["pin"])
    visitor.enter("One-time code", given["otp"])
    visitor.press("Connect")
    visitor.sees("Connected as")
    expect(banner).to_have_count(0, timeout=MOST_MS)


def test_a_closed_banner_stays_away_until_another_login_ends(person: Come, stage: Stage) -> None:
    visitor = person()
    visitor.open("/orders")
    banner = visitor.key("session-banner")
    end(stage, "angel")
    expect(banner).to_contain_text("angel", timeout=MOST_MS)
    visitor.key("close-banner").get_by_role("button").click()
    expect(banner).to_have_count(0, timeout=MOST_MS)
    visitor.page.get_by_role("link", name="Positions").click()
    visitor.page.get_by_role("heading", level=1, name="Positions").wait_for()
    visitor.idle()
    expect(banner).to_have_count(0)

    end(stage, "zerodha-main")
    expect(banner).to_contain_text("zerodha-main session expired", timeout=MOST_MS)
    expect(banner).to_contain_text("angel session expired")


def test_who_signs_in_while_the_default_accounts_login_is_over_sees_its_login_first_and_may_leave(
    person: Come, stage: Stage
) -> None:
    end(stage, "zerodha-main")
    visitor = person()
    visitor.page.goto("/orders")
    visitor.page.wait_for_url("**/brokers?connect=zerodha-main")
    visitor.page.get_by_role("link", name="Log in at Zerodha").wait_for()
    visitor.page.get_by_role("link", name="Orders").click()
    visitor.page.get_by_role("heading", level=1, name="Orders").wait_for()
    visitor.open("/holdings")
    visitor.page.get_by_role("heading", level=1, name="Holdings").wait_for()
    assert visitor.page.url.startswith(f"{stage.app_url}/holdings")
    expect(visitor.key("session-banner")).to_contain_text("zerodha-main", timeout=MOST_MS)
