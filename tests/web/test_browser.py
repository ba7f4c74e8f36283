"""The web process seen by a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from sigma.bootstrap import prepare
from sigma.domain.demo import MARKER
from tests.cli.conftest import clean
from tests.web.conftest import PASSWORD, Web, fill_in, serving

IDLE = "[data-test-script-state=notRunning]"


def test_the_first_requests_after_a_start_show_a_stranger_only_the_sign_in(fresh: Web, page: Page) -> None:
    streams: list[str] = []
    page.on("websocket", lambda socket: streams.append(socket.url))
    for path in ("/orders", "/brokers", "/Orders", "/", "/settings"):
        page.goto(fresh.url + path)
        assert page.url.startswith(f"{fresh.url}/sign-in?next=/")
        assert page.locator("input[type=password]").count() == 2
        assert page.locator("main").inner_text().startswith("Choose the owner's password")
        assert not page.locator("[data-testid=stApp]").count()
    assert not streams


def test_a_person_signs_in_works_and_signs_out_without_a_complaint_of_the_browser(fresh: Web, page: Page) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if "Content Security Policy" in message.text else None)
    page.goto(f"{fresh.url}/orders")
    fill_in(page, password=PASSWORD, again=PASSWORD)
    page.wait_for_selector(IDLE)
    assert page.url == f"{fresh.url}/orders"
    assert page.locator("[data-testid=stSidebarNavLink]").count() > 1
    assert page.evaluate("document.cookie").find("sigma_sign_in") == -1
    page.goto(f"{fresh.url}/sign-out")
    page.click("button")
    page.goto(f"{fresh.url}/orders")
    assert page.url.startswith(f"{fresh.url}/sign-in")
    assert not complaints


def test_a_brokers_return_reaches_the_brokers_page_with_nothing_in_its_address(web: Web, page: Page) -> None:
    page.goto(f"{web.url}/brokers")
    fill_in(page, name="owner", password=PASSWORD)
    page.wait_for_selector(IDLE)
    page.goto(f"{web.url}/connect/zerodha?request_token=secret&status=success")
    page.wait_for_selector(IDLE)
    assert page.url == f"{web.url}/brokers"
    assert "secret" not in page.evaluate("document.referrer + JSON.stringify(performance.getEntriesByType('navigation'))")


def test_the_sign_in_follows_the_browsers_light_or_dark(web: Web, page: Page) -> None:
    seen = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{web.url}/sign-in")
        seen.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert seen == ["rgb(255, 255, 255)", "rgb(17, 22, 29)"]


def test_a_demos_app_lets_everybody_in(tmp_path: Path, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    clean(monkeypatch)
    prepare(tmp_path)
    (tmp_path / MARKER).touch()
    with serving(tmp_path, "--demo") as web:
        page.goto(f"{web.url}/orders")
        page.wait_for_selector(IDLE)
        assert page.url == f"{web.url}/orders"
