"""From an empty home to connected accounts, by the Brokers page alone; and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest
from playwright.sync_api import Frame, Locator, Response, expect

from sigma.cli.demo.stage import Stage
from tests.e2e.app import Person, eventually, running

pytestmark = pytest.mark.timeout(300)
Come = Callable[..., Person]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Everything runs, and there is no account."""
    with running(tmp_path_factory.mktemp("app"), accounts={}) as stage:
        yield stage


def add(visitor: Person, broker: str, name: str, **credentials: str) -> None:
    """Add an account by the dialog, and wait for its login."""
    visitor.press("Add account")
    dialog = visitor.dialog()
    dialog.get_by_role("combobox", name="Broker").click()
    visitor.page.get_by_role("option", name=broker).click()
    dialog.get_by_text(f"What to do at {broker} first").wait_for()
    visitor.enter("Name", name, dialog)
    for label, value in credentials.items():
        visitor.enter(label.replace("_", " "), value, dialog)
    visitor.press("Add account", dialog)
    visitor.page.wait_for_url(f"**/brokers?connect={name}")
    visitor.sees("not connected yet")


def card(visitor: Person, name: str) -> Locator:
    """Return an account's card."""
    return visitor.page.locator("[class*='st-key-card-']").filter(has_text=name)


def of_the_menu(visitor: Person, name: str, act: str) -> Locator:
    """Press what stands behind "More" on an account's card, and return the dialog that asks."""
    visitor.press("More", card(visitor, name))
    visitor.page.get_by_role("menuitem", name=act).click()
    visitor.dialog().wait_for()
    return visitor.dialog()


def logged(stage: Stage) -> str:
    """Return everything that the app printed and logged."""
    return "".join(file.read_text(encoding="utf-8") for file in stage.logs.iterdir() if not file.name.startswith("simulator"))


def test_a_login_at_the_brokers_own_page_comes_back_connected_and_its_token_stays_nowhere(person: Come, stage: Stage) -> None:
    known, visitor = stage.exchange.account("AB1234"), person()
    tokens: list[str] = []
    addresses: list[str] = []

    def keep_token(answer: Response) -> None:
        sent = parse_qs(urlsplit(answer.headers.get("location", "")).query)
        tokens.extend(sent.get("request_token", []))

    def keep_address(frame: Frame) -> None:
        addresses.append(frame.url)

    visitor.page.on("response", keep_token)
    visitor.page.on("framenavigated", keep_address)
    visitor.open("/brokers")
    visitor.sees("No account yet")
    add(visitor, "Zerodha", "main", API_key=known["api_key"], API_secret=known["api_secret"])
    visitor.page.get_by_text("What to do at Zerodha first").click()
    address = visitor.page.get_by_text("/connect/zerodha").inner_text().strip()
    stage.exchange.post("redirect-url", client_id="AB1234", url=address)
    visitor.page.get_by_role("link", name="Log in at Zerodha").click()
    visitor.sees("Connected as")
    visitor.sees("client AB1234")
    visitor.page.get_by_text(re.compile(r"Holdings: \d+ read")).wait_for()
    visitor.no_exception()

    (token,) = tokens
    assert visitor.page.url == f"{stage.app_url}/brokers?connect=main"
    remembered = visitor.page.evaluate("document.referrer + JSON.stringify(performance.getEntriesByType('navigation'))")
    assert addresses
    assert not [one for one in (*addresses, remembered, visitor.page.content(), logged(stage)) if token in one]
    assert known["api_secret"] not in logged(stage)
    assert "main is connected as AB1234" in logged(stage)


def test_a_wrong_one_time_code_says_so_and_the_right_one_is_asked_for_again(person: Come, stage: Stage) -> None:
    known, visitor = stage.exchange.account("A100001"), person()
    right = pyotp.TOTP(known["totp_secret"])
    visitor.open("/brokers")
    add(visitor, "AngelOne", "angel", API_key=known["api_key"], Client_code="A100001")
    wrong = "".join(str((int(digit) + 5) % 10) for digit in right.now())
    visitor.enter("PIN", known["pin"])
    visitor.enter("One-time code", wrong)
    visitor.press("Connect")
    visitor.sees("Invalid totp")
    visitor.sees("not connected yet")
    expect(visitor.page.get_by_label("PIN", exact=True)).to_have_value("")
    expect(visitor.page.get_by_label("One-time code", exact=True)).to_have_value("")

    visitor.enter("PIN", known["pin"])
    visitor.enter("One-time code", right.now())
    visitor.press("Connect")
    visitor.sees("Connected as")
    visitor.sees("client A100001")
    expect(visitor.page.get_by_text("Invalid totp")).to_have_count(0)
    assert wrong not in logged(stage)
    visitor.press("All accounts")
    expect(card(visitor, "angel")).to_contain_text("● Connected")


def test_an_account_is_disconnected_logged_in_with_a_pasted_address_and_deleted_once_its_name_is_typed(
    person: Come, stage: Stage
) -> None:
    known, visitor = stage.exchange.account("CD5678"), person()
    stage.desk.accounts.add("zerodha", name="second", api_key=known["api_key"], api_secret=known["api_secret"])
    stage.desk.accounts.connect("second", **stage.exchange.login("CD5678"))
    visitor.open("/brokers")
    dialog = of_the_menu(visitor, "second", "Disconnect")
    expect(dialog).to_contain_text("keeps credentials")
    visitor.press("Disconnect", dialog)
    expect(card(visitor, "second")).to_contain_text("○ Never connected", timeout=40_000)

    visitor.press("Connect", card(visitor, "second"))
    visitor.page.get_by_text("Paste a token by hand").click()
    token = stage.exchange.login("CD5678")["request_token"]
    visitor.enter("Request token", f"{stage.app_url}/connect/zerodha?action=login&request_token={token}&status=success")
    visitor.press("Use it")
    visitor.sees("client CD5678")
    assert token not in visitor.page.url + logged(stage)

    visitor.press("All accounts")
    dialog = of_the_menu(visitor, "second", "Delete")
    expect(dialog).to_contain_text("History is kept")
    sure = dialog.get_by_role("button", name=re.compile("^Delete"))
    expect(sure).to_be_disabled()
    visitor.enter("Type second to go on", "secon", dialog)
    expect(sure).to_be_disabled()
    assert "second" in set(stage.desk.accounts.table()["name"])
    visitor.enter("Type second to go on", "second", dialog)
    expect(sure).to_be_enabled()
    sure.click()
    expect(card(visitor, "second")).to_have_count(0, timeout=40_000)
    assert eventually(lambda: "second" not in set(stage.desk.accounts.table()["name"]))
