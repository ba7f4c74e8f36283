"""Every page, wide and narrow, light and dark: no exception box, and nothing lies over anything else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from pages.ui.navigation import PAGES
from tests.e2e.app import Person

Come = Callable[..., Person]
PATHS = ["/" if spec is PAGES[0] else f"/{spec.path}" for spec in PAGES]
COVERED = """() => {
  const bar = document.querySelector('.st-key-bar').getBoundingClientRect();
  const outside = [...document.querySelectorAll('.st-key-bar button')].filter(one => {
    const box = one.getBoundingClientRect();
    return box.width && (box.right > innerWidth || box.left < 0 || document.elementFromPoint(
      box.left + box.width / 2, box.top + box.height / 2)?.closest('button') !== one);
  }).map(one => one.innerText || one.className);
  const title = document.querySelector('h1').getBoundingClientRect();
  return {outside, under: title.top < bar.bottom, wide: document.documentElement.scrollWidth > innerWidth};
}"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])
def test_every_page_draws_itself_and_covers_nothing(person: Come, narrow: bool, dark: bool) -> None:
    visitor = person(narrow=narrow, dark=dark)
    for path, spec in zip(PATHS, PAGES, strict=True):
        visitor.open(path)
        visitor.page.get_by_role("heading", level=1, name=spec.title).wait_for()
        visitor.no_exception()
        found = visitor.page.evaluate(COVERED)
        assert found == {"outside": [], "under": False, "wide": False}, (path, found)


def test_a_page_that_does_not_exist_says_so_and_offers_the_navigation(person: Come) -> None:
    visitor = person()
    visitor.page.goto("/nowhere")
    visitor.sees("Page not found")
    link = visitor.page.get_by_role("link", name="Orders")
    link.wait_for()
    assert link.get_attribute("href") == f"{visitor.stage.app_url}/orders"


@pytest.mark.parametrize("narrow", [False, True], ids=["wide", "narrow"])
def test_the_bar_stays_in_sight_when_a_page_is_scrolled(person: Come, narrow: bool) -> None:
    visitor = person(narrow=narrow)
    page = visitor.open("/settings")
    title = page.get_by_role("heading", level=1)
    page.mouse.move(300, 600)
    page.mouse.wheel(0, 4000)
    expect(title).not_to_be_in_viewport()
    expect(visitor.key("bar")).to_be_in_viewport(ratio=1)
    assert page.evaluate(COVERED)["outside"] == []


def test_a_visitor_who_signs_out_sees_the_sign_in_and_nothing_else(person: Come) -> None:
    visitor = person()
    visitor.open("/orders")
    visitor.page.get_by_role("link", name="Sign out").click()
    visitor.press("Sign out")
    visitor.page.wait_for_url("**/sign-in**")
    visitor.page.goto("/orders")
    visitor.page.wait_for_url("**/sign-in**")
    assert visitor.page.locator("[data-testid=stApp]").count() == 0
