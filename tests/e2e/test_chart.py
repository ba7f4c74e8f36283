"""The chart in a real browser: a listing is drawn, its last bar moves, and an order begins from it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.app import PATIENCE_MS, Person

Come = Callable[..., Person]
CANVAS, STRIP = ".st-key-chart-canvas [data-testid=stEChartsChart]", ".st-key-chart-end-canvas [data-testid=stEChartsChart]"
PAINTED = """selector => {
  const canvas = document.querySelector(selector + ' canvas');
  if (!canvas || !canvas.width) return 0;
  const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const seen = new Set();
  for (let place = 0; place < pixels.length; place += 4)
    if (pixels[place + 3] > 200) seen.add(pixels[place] << 16 | pixels[place + 1] << 8 | pixels[place + 2]);
  return seen.size;
}"""


def drawn(page: Page) -> None:
    """Wait until candles of both colours are painted."""
    expect(page.locator(CANVAS)).to_have_attribute("aria-busy", "false", timeout=PATIENCE_MS)
    page.wait_for_function(f"selector => ({PAINTED})(selector) > 3", arg=CANVAS)
    assert page.get_by_test_id("stEChartsChartError").count() == 0


def test_a_listing_is_found_drawn_in_another_timeframe_and_its_last_bar_moves(person: Come) -> None:
    visitor = person()
    page = visitor.open("/chart")
    page.get_by_label("Open a listing").fill("INFY")
    visitor.press("NSE:INFY")
    drawn(page)
    expect(page).to_have_url(re.compile("listing=NSE"))
    visitor.choose("15m")
    expect(page).to_have_url(re.compile("timeframe=15m"))
    drawn(page)
    expect(page.locator(CANVAS)).to_have_attribute("aria-label", re.compile("15m"), timeout=PATIENCE_MS)
    page.evaluate("selector => { document.querySelector(selector).dataset.mine = 'kept'; }", CANVAS)
    before = page.locator(STRIP).get_attribute("aria-label") or ""
    expect(page.locator(STRIP)).not_to_have_attribute("aria-label", before, timeout=PATIENCE_MS)
    expect(page.locator(CANVAS)).to_have_attribute("data-mine", "kept")
    visitor.no_exception()


def test_buy_opens_the_ticket_for_what_is_looked_at(person: Come) -> None:
    visitor = person()
    page = visitor.open("/chart?listing=NSE:INFY&timeframe=1d")
    drawn(page)
    page.keyboard.press("s")
    visitor.dialog().wait_for()
    expect(visitor.dialog().get_by_text("NSE:INFY").first).to_be_visible()
    expect(visitor.dialog().get_by_role("radio", name="SELL")).to_be_checked()
    page.keyboard.press("Escape")
    expect(visitor.dialog()).to_have_count(0)
    visitor.key("chart-BUY-NSE-INFY").get_by_role("button").click()
    expect(visitor.dialog().get_by_role("radio", name="BUY")).to_be_checked()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_two_listings_are_compared_on_a_narrow_screen(person: Come, dark: bool) -> None:
    visitor = person(narrow=True, dark=dark)
    page = visitor.open("/chart?listing=NSE:INFY")
    page.get_by_label("Open a listing").fill("TCS")
    visitor.press("NSE:TCS")
    visitor.choose("Compare")
    expect(page.locator(CANVAS)).to_have_attribute("aria-label", re.compile("Gains of NSE:INFY, NSE:TCS"), timeout=PATIENCE_MS)
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
