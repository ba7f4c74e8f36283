"""The whole product in its own processes, and a person who looks at it in a browser."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx
from playwright.sync_api import Browser, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from sigma.cli.demo.stage import ACCOUNTS, Home, Stage
from sigma.cli.processes import free_port

T = TypeVar("T")
PASSWORD = "correct horse battery staple"
WIDE, NARROW = {"width": 1366, "height": 900}, {"width": 390, "height": 844}
QUICK = {"sync.active": 0.5, "sync.after_send": 0.2, "orders.visibility_delay": 3.0, "orders.absence_gap": 1.0}
PATIENCE_MS = 30_000

# The texts of the first table, row by row, as a screen reader gets them.
CELLS = """() => [...(document.querySelector('[data-testid=stDataFrame] table')?.rows ?? [])]
  .map(row => [...row.cells].map(cell => cell.textContent))"""

# Where the first table is painted; none while it is being drawn anew.
CORNER = """() => {
  const box = document.querySelector('[data-testid=stDataFrame] canvas')?.getBoundingClientRect();
  return box && box.height ? {x: box.x, y: box.y} : null;
}"""


def eventually(look: Callable[[], T | None], seconds: float = 40) -> T:
    """Return the first true answer of `look`; fail when it does not come in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
    return found


@contextmanager
def running(
    folder: Path, settings: Mapping[str, float] | None = None, accounts: Mapping[str, tuple[str, str]] = ACCOUNTS
) -> Iterator[Stage]:
    """Bring everything up in an empty home, without a past; the owner has chosen a password."""
    before = dict(os.environ)
    given = Home(folder), free_port(), free_port(), lambda _: None, {**QUICK, **(settings or {})}
    try:
        with Stage(*given, lived=False, accounts=accounts) as stage:
            yield stage
    finally:
        os.environ.clear()
        os.environ.update(before)


def cookies(stage: Stage) -> list[dict[str, str]]:
    """Sign the owner in by the form (the first time that chooses the password) and return the cookies for a browser."""
    with httpx.Client(base_url=stage.app_url, headers={"Origin": stage.app_url}, trust_env=False) as visitor:
        first = 'name="again"' in visitor.get("/sign-in").text
        form = {"password": PASSWORD, "again": PASSWORD} if first else {"name": "owner", "password": PASSWORD}
        answer = visitor.post("/sign-in", data=form)
        assert answer.status_code == 303, answer.text
        return [{"name": name, "value": value, "url": stage.app_url} for name, value in visitor.cookies.items()]


class Person:
    """Somebody signed in, at one browser tab."""

    def __init__(
        self, browser: Browser, stage: Stage, *, narrow: bool = False, dark: bool = False, signed_in: bool = True
    ) -> None:
        self.stage = stage
        self.context = browser.new_context(
            base_url=stage.app_url,
            viewport=NARROW if narrow else WIDE,
            color_scheme="dark" if dark else "light",
            timezone_id="Asia/Kolkata",
            locale="en-IN",
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.add_cookies(cookies(stage))
        self.page: Page = self.context.new_page()

    def open(self, path: str) -> Page:
        """Go to a page and wait until it has drawn itself."""
        self.page.goto(path)
        return self.idle()

    def idle(self) -> Page:
        """Wait until nothing runs and nothing is a placeholder any more."""
        self.page.wait_for_selector("[data-test-script-state=notRunning]")
        expect(self.page.locator("[data-testid=stSkeleton]")).to_have_count(0, timeout=PATIENCE_MS)
        return self.page

    def key(self, key: str) -> Locator:
        """Return the widget or container of a key."""
        return self.page.locator(f".st-key-{key}")

    def press(self, name: str, within: Locator | None = None) -> None:
        """Press a button by what it says."""
        (within or self.page).get_by_role("button", name=name).first.click()

    def dialog(self) -> Locator:
        """Return the open dialog."""
        return self.page.get_by_role("dialog")

    def sees(self, text: str, seconds: float = 40) -> None:
        """Wait until a text is on the page."""
        expect(self.page.get_by_text(text).first).to_be_visible(timeout=seconds * 1000)

    def tick(self, row: int) -> None:
        """Tick a row of the first table by its place."""
        corner = self.page.wait_for_function(CORNER).json_value()
        self.page.mouse.click(corner["x"] + 16, corner["y"] + 34 + 30 * row + 14)

    def cells(self) -> list[list[str]]:
        """Return the texts of the first table's rows, the heading first; nothing while there is no table."""
        found: list[list[str]] = self.page.evaluate(CELLS)
        return found

    def shows(self, *words: str) -> list[str]:
        """Wait until one row of the first table has all these cells, and return it."""
        return eventually(lambda: next((row for row in self.cells() if set(words) <= set(row)), None), 60)

    def take(self, bar: str, says: str, *words: str) -> Locator:
        """Tick the row that has these cells, and return the bar that then says so; a click that a redraw lost is made again."""
        named = self.key(f"acts-{bar}").filter(has_text=says)

        def taken() -> bool:
            place = next((place for place, row in enumerate(self.cells()[1:]) if set(words) <= set(row)), None)
            if place is not None and not named.is_visible():
                self.tick(place)
            try:
                named.wait_for(timeout=5000)
            except PlaywrightTimeout:
                return False
            return True

        eventually(taken, 60)
        return named

    def choose(self, name: str, within: Locator | None = None) -> None:
        """Choose one of a few by what it says, and wait until it is chosen."""
        one = (within or self.page).get_by_role("radio", name=name).first
        one.wait_for()
        if not one.is_checked():  # else a click would take the choice back
            one.click()
        expect(one).to_be_checked(timeout=PATIENCE_MS)

    def enter(self, label: str, value: str, within: Locator | None = None) -> None:
        """Write into a field, and leave it."""
        field = (within or self.page).get_by_label(label, exact=True)
        field.fill(value)
        field.press("Tab")

    def no_exception(self) -> None:
        """Fail when the page shows an exception box."""
        expect(self.page.locator("[data-testid=stException]")).to_have_count(0)

    def close(self) -> None:
        """Leave."""
        self.context.close()
