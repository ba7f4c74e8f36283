"""What a person enters and presses arrives, however fast the page behind draws itself again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from sigma.bootstrap import prepare
from tests.cli.conftest import clean
from tests.web.conftest import serving

pytestmark = pytest.mark.timeout(400)
TIMES = 5
SLOWED = 2
"""How much slower the browser is than on this machine."""
PATIENCE_MS = 40_000
TICKS = "() => Number(document.body.innerText.match(/^0 (\\d+)$/m)[1])"
TICKED = "wanted => Number(document.body.innerText.match(/^0 (\\d+)$/m)[1]) > wanted"


@pytest.fixture
def page(browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page that draws a part of itself twenty times a second, on a slow machine."""
    clean(monkeypatch)
    prepare(tmp_path / "home")
    with serving(tmp_path / "home", module="tests.web.ticking") as web:
        page = browser.new_page(base_url=web.url)
        page.set_default_timeout(PATIENCE_MS)
        page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
        page.goto("/")
        yield page
        page.close()


def test_nothing_that_is_entered_or_pressed_in_a_dialog_is_lost_while_the_page_behind_ticks(page: Page) -> None:
    done: list[str] = []
    dialog = page.get_by_role("dialog")
    for number in range(TIMES):
        page.get_by_role("button", name="New").click()
        field = dialog.get_by_label("Words")
        field.fill(f"word {number}")
        field.press("Tab")
        dialog.get_by_text("Sure").click()
        dialog.get_by_role("button", name="Do it").click()  # waits until it is enabled
        dialog.wait_for(state="detached")
        done.append(f"word {number}")
        expect(page.get_by_text(f"Done: {', '.join(done)}.", exact=True)).to_be_visible(timeout=PATIENCE_MS)


def test_an_open_dialog_survives_the_ticks_with_what_is_not_sent_yet_and_closes_when_it_is_dismissed(page: Page) -> None:
    dialog = page.get_by_role("dialog")
    page.get_by_role("button", name="New").click()
    dialog.get_by_label("Words").fill("half a wo")
    page.wait_for_function(TICKED, arg=page.evaluate(TICKS) + 60)
    expect(dialog.get_by_label("Words")).to_have_value("half a wo")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.reload()
    page.get_by_text("Done: .").wait_for()
    expect(dialog).to_have_count(0)
