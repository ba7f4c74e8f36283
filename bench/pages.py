"""The app in a real Chromium, on 500 holdings and 1,000 orders of one account.

Three things are measured: how long each page takes to come to rest, beside an empty Streamlit page behind the same server
in the same browser; a click in a fragment until the page shows its effect; and what twenty people looking at live pages
cost the web process.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.empty import CLICKS, serving
from bench.tools import quantile
from pages.ui.navigation import PAGES
from sigma.bootstrap import open_house
from sigma.cli.demo.stage import Stage
from sigma.domain.orders import Order, OrderMode, OrderRequest, OrderStatus, OrderType, Product, Side, Source
from sigma.domain.portfolio import Holding, Snapshot
from sigma.services.portfolio import to_plain
from tests.browser import FLAGS
from tests.e2e.app import cookies, running
from tests.environment import BROWSER

ACCOUNT = "zerodha-main"
HOLDINGS, ORDERS, WAITING = 500, 1_000, 40
LOADS = 7
SESSIONS, WATCHED_S = 20, 30.0
GOAL_RATIO, GOAL_CLICK_MS, GOAL_CORE = 1.5, 30.0, 25.0
AT_REST = "[data-test-script-state=notRunning]"


def run() -> list[dict[str, Any]]:
    """Measure and return the rows of bench/results.json."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "home") as stage, chromium() as browser:
        fill(stage)
        with serving(stage) as empty:
            rows = _loads(browser, stage, empty)
            rows.append(_click(browser, stage, empty))
        rows.append(_crowd(browser, stage))
    return rows


@contextmanager
def chromium() -> Iterator[Browser]:
    """Open the browser that the tests use."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield browser
        browser.close()


def fill(stage: Stage) -> None:
    """Give one account 500 holdings and 1,000 orders of today, as a busy day would."""
    now = stage.now()
    listings = list(stage.desk.instruments.find("", limit=HOLDINGS)["listing"])
    with closing(open_house(stage.home.folder)) as house, house.store.begin() as tx:
        account = tx.accounts.by_name(tx.users.owner().id, ACCOUNT)
        held = tuple(to_plain(_holding(text, place)) for place, text in enumerate(listings))
        tx.journal.put_snapshot(Snapshot(account.id, "holdings", now, held))
        for number in range(ORDERS):
            listing = listings[number % 50]
            waiting = number < WAITING
            status = OrderStatus.WAITING if waiting else (OrderStatus.FILLED, OrderStatus.CANCELLED)[number % 2]
            filled = 5 if status is OrderStatus.FILLED else 0
            at = now - timedelta(seconds=number)
            request = OrderRequest(listing, Side.BUY, 5, OrderType.LIMIT, Product.MIS, Decimal(1000 + number))
            tx.orders.add(
                Order(
                    id=0,
                    user_id=account.user_id,
                    account_id=None if waiting else account.id,
                    request=request,
                    status=status,
                    client_order_id=f"BENCH{number:011d}",
                    mode=OrderMode.MANUAL,
                    source=Source.WEBHOOK,
                    created_at=at,
                    updated_at=at,
                    filled_quantity=filled,
                )
            )


def _holding(listing: str, place: int) -> Holding:
    exchange, _, symbol = listing.partition(":")
    price = Decimal(100 + place)
    return Holding(listing, symbol, exchange, None, 10 + place, 0, 0, price, price + 1, price)


def _loads(browser: Browser, stage: Stage, empty: str) -> list[dict[str, Any]]:
    """Time each page from the address to rest, in turns with the empty one; the browser's cache is warm for both."""
    context = _signed_in(browser, stage)
    page = context.new_page()
    addresses = {spec.path: f"{stage.app_url}/{'' if spec is PAGES[0] else spec.path}" for spec in PAGES}
    taken: dict[str, list[float]] = {path: [] for path in ("empty", *addresses)}
    for _ in range(LOADS + 1):
        for path, address in {"empty": empty, **addresses}.items():
            taken[path].append(_load(page, address))
    context.close()
    peer = statistics.median(taken.pop("empty")[1:])
    rows = []
    for path, times in taken.items():
        mine = statistics.median(times[1:])
        row = {"name": f"page_{path}_to_rest", "ours": mine, "unit": "ms", "peer": "an empty Streamlit page", "peer_value": peer}
        rows.append(row | {"ratio": mine / peer, "goal": f"<= {GOAL_RATIO} x", "held": mine <= GOAL_RATIO * peer})
    return rows


def _load(page: Page, address: str) -> float:
    """Return milliseconds until the script has ended and no placeholder is left."""
    begin = time.perf_counter()
    page.goto(address)
    page.wait_for_selector(f"{AT_REST} h1")
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')")
    return (time.perf_counter() - begin) * 1000


def _click(browser: Browser, stage: Stage, empty: str) -> dict[str, Any]:
    """Time a button of a fragment until its text stands on the page, seen from inside the page."""
    context = _signed_in(browser, stage)
    page = context.new_page()
    page.goto(empty)
    page.wait_for_selector(f"{AT_REST} h1")
    times = page.evaluate(CLICKS)
    context.close()
    mine = quantile(times, 0.5)
    row = {"name": "fragment_click_to_dom_p50", "ours": mine, "unit": "ms", "peer": "p99 of the same clicks"}
    peer = quantile(times, 0.99)
    return row | {"peer_value": peer, "ratio": mine / peer, "goal": f"< {GOAL_CLICK_MS:g} ms", "held": mine < GOAL_CLICK_MS}


def _crowd(browser: Browser, stage: Stage) -> dict[str, Any]:
    """Let twenty sessions look at live pages and measure the web process, after all have come to rest."""
    context = _signed_in(browser, stage)
    paths = [spec.path for spec in PAGES if spec.group == "Trade"]
    for number in range(SESSIONS):
        page = context.new_page()
        path = paths[number % len(paths)]
        page.goto(f"{stage.app_url}/{'' if path == PAGES[0].path else path}")
        page.wait_for_selector(f"{AT_REST} h1")
    process = psutil.Process(stage.supervisor.child("web").pid)
    before, begin = sum(process.cpu_times()[:2]), time.perf_counter()
    threading.Event().wait(WATCHED_S)
    used = (sum(process.cpu_times()[:2]) - before) / (time.perf_counter() - begin) * 100
    context.close()
    row = {"name": "twenty_sessions_of_one_core", "ours": used, "unit": "%", "peer": "one core", "peer_value": 100.0}
    return row | {"ratio": used / 100, "goal": f"< {GOAL_CORE:g} %", "held": used < GOAL_CORE}


def _signed_in(browser: Browser, stage: Stage) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1366, "height": 900}, timezone_id="Asia/Kolkata", locale="en-IN")
    context.add_cookies(cookies(stage))
    return context
