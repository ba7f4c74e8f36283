"""A browser for one file of tests. It ends with the file: its driver keeps an event loop running in this thread meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests import environment

FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=environment.BROWSER, args=FLAGS)
        yield chromium
        chromium.close()
