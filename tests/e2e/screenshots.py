"""Pictures of the app for the documentation: `python -m tests.e2e.screenshots [FOLDER]`, by hand, into docs/screenshots."""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

import sigma
from pages.ui.navigation import PAGES
from sigma.cli.demo.command import ALERTS
from sigma.cli.demo.stage import Home, Stage
from sigma.cli.processes import free_port
from sigma.cli.supervise import Program
from sigma.desk import Desk
from sigma.domain.errors import SessionExpired
from sigma.domain.groups import Group, Member
from sigma.domain.orders import OrderStatus
from tests import environment
from tests.browser import FLAGS
from tests.e2e.app import NARROW, PASSWORD, WIDE, eventually

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
ACCOUNT, CLIENT = "zerodha-main", "AB1234"
COLOURS = 256
ABOUT = {"instruments": "&listing=NSE:NIFTY+50", "chart": "&listing=NSE:INFY", "strategies": "&strategy=ORB"}
"""What the address of a page says more, for a picture of something."""
SETTINGS = {"sync.active": 0.5, "sync.after_send": 0.2}
SIZES = {"wide": WIDE, "narrow": NARROW}
THEMES = ("light", "dark")
BAR, READY = ".st-key-kill button", "[data-test-script-state=notRunning]"
PAINTED_MS = 1500
NOTHING_OLD = "() => !document.querySelector('[data-stale=true]')"


class Camera:
    """Takes pictures of one window."""

    def __init__(self, browser: Browser, folder: Path, url: str, size: str, theme: str) -> None:
        self._folder, self._size, self._theme = folder, size, theme
        self._context = browser.new_context(
            base_url=url,
            viewport=SIZES[size],
            color_scheme="dark" if theme == "dark" else "light",
            timezone_id="Asia/Kolkata",
            locale="en-IN",
        )
        self.page: Page = self._context.new_page()

    def open(self, path: str) -> Page:
        """Go to a page of the app and wait until it has drawn itself."""
        self.page.goto(path)
        self.page.wait_for_selector(BAR)
        self.page.wait_for_selector(READY)
        return self.page

    def take(self, name: str) -> None:
        """Write the picture of what the window shows, once tables and dialogs are painted."""
        self.page.wait_for_timeout(PAINTED_MS)
        self.page.wait_for_function(NOTHING_OLD)
        with Image.open(io.BytesIO(self.page.screenshot())) as picture:
            small = picture.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
            small.save(self._folder / f"{name}-{self._size}-{self._theme}.png", optimize=True)

    def close(self) -> None:
        """Close the window."""
        self._context.close()


@contextmanager
def window(browser: Browser, folder: Path, url: str, size: str, theme: str) -> Iterator[Camera]:
    """Open a window, and close it afterwards."""
    camera = Camera(browser, folder, url, size, theme)
    yield camera
    camera.close()


def something_happens(stage: Stage) -> int:
    """Let three alerts wait and one order's answer be lost; return the id of the first that waits."""
    desk = stage.desk
    some_strategies(desk)
    desk.settings.set("orders.visibility_delay", 600)  # the order stays unknown for as long as pictures are taken
    stage.exchange.post("faults", broker="zerodha", endpoint="place", kind="drop_before_commit", times=1)
    lost = desk.orders.submit(account=ACCOUNT, listing="NSE:ITC", side="BUY", quantity=30)
    eventually(lambda: desk.orders.get(lost.id).status is OrderStatus.UNKNOWN)
    for number, (listing, side, quantity, details) in enumerate(ALERTS[:3]):
        stage.alert(listing, side, quantity, order_id=f"picture-{number}", **details)
    waiting = eventually(lambda: list(desk.orders.queue()["id"]))
    watched = a_group(desk)
    eventually(lambda: len(desk.last_quotes(watched.listings)) == len(watched.members))
    for name in desk.accounts.table()["name"]:
        for read in (desk.holdings, desk.positions, desk.funds):
            read(name, refresh=True)
    return int(waiting[0])


def some_strategies(desk: Desk) -> None:
    """Make a strategy that bought something by itself on two accounts, one of paper, and one that is paused."""
    paper = desk.accounts.table().query("simulated")["name"].iloc[0]
    desk.strategies.add("ORB", accounts={ACCOUNT: 1, "angel": "0.5"}, description="Opening range, 15 minutes")
    desk.strategies.update("ORB", mode="AUTO")
    desk.strategies.add("Dip", accounts={paper: 2}, description="Tried on paper first")
    desk.strategies.add("Swing", accounts=["angel"], product="CNC", off_hours="AMO", enabled=False)
    for listing in ("NSE:INFY", "NSE:SBIN"):
        made = desk.strategies.test("ORB", listing=listing, quantity=20, confirm=True).order_ids
        eventually(lambda made=made: all(desk.orders.get(one).status is OrderStatus.FILLED for one in made))


def a_group(desk: Desk) -> Group:
    """Make a basket that lacks something to the whole, with an index to look at, and another list."""
    desk.groups.add("Banks", ["NSE:HDFCBANK", "NSE:ICICIBANK", "NSE:SBIN"])
    members = [
        Member("NSE:INFY", Decimal(25), 40, "After results"),
        Member("NSE:TCS", Decimal("17.5"), 12),
        Member("NSE:RELIANCE", Decimal(30), 50),
        Member("NSE:HDFCBANK", Decimal(20), 30, "Below 1,600 more"),
        Member("NSE:ITC"),
        Member("NSE:NIFTY 50"),
    ]
    return desk.groups.add("Core holdings", members, description="Bought on the first Monday of a month.")


def every_page(browser: Browser, stage: Stage, folder: Path) -> None:
    """Take every page in both sizes and themes."""
    for size in SIZES:
        for theme in THEMES:
            with window(browser, folder, stage.app_url, size, theme) as camera:
                for spec in PAGES:
                    camera.open("/" if spec is PAGES[0] else f"/{spec.path}?account={ACCOUNT}&group=2{ABOUT.get(spec.path, '')}")
                    camera.take(spec.path)


def what_opens(browser: Browser, stage: Stage, folder: Path, waiting: int) -> None:
    """Take the ticket, the approval, the message of a strategy and the login of an account."""
    with window(browser, folder, stage.app_url, "wide", "dark") as camera:
        page = camera.open("/orders")
        page.get_by_role("button", name="New").click()
        page.get_by_label("Listing").fill("INFY")
        page.get_by_role("button", name="NSE:INFY").click()
        page.get_by_label("Quantity").wait_for()
        expect(page.locator("[class*=st-key-ticket-take]")).to_have_count(0)
        camera.take("ticket")
    with window(browser, folder, stage.app_url, "wide", "light") as camera:
        page = camera.open(f"/queue?order={waiting}")
        page.locator(".st-key-acts-queue").get_by_role("button", name="Approve").click()
        page.get_by_role("dialog").wait_for()
        camera.take("approve")
        page = camera.open("/strategies?strategy=ORB")
        page.locator(".st-key-acts-strategies").get_by_role("button", name="Payload").click()
        page.get_by_role("dialog").wait_for()
        camera.take("strategies-payload")
        ended(stage)
        camera.open(f"/brokers?connect={ACCOUNT}")
        camera.take("connect")


def the_gate(browser: Browser, stage: Stage, folder: Path) -> None:
    """Take the page Risk with limits that stopped something, its drawer, and the kill switch, in both sizes and themes."""
    for size in SIZES:
        for theme in THEMES:
            with window(browser, folder, stage.app_url, size, theme) as camera:
                page = camera.open(f"/risk?account={ACCOUNT}")
                page.get_by_role("button", name="Edit limits").click()
                page.get_by_role("dialog").wait_for()
                camera.take("risk-limits")
                page = camera.open("/positions")
                page.keyboard.press("Shift+K")
                page.get_by_role("dialog").wait_for()
                camera.take("kill")


def limited(desk: Desk) -> None:
    """Set limits of three scopes, and let them stop an order and lower another."""
    everything = {"max_daily_loss": 50_000, "max_open_positions": 10, "max_orders_per_minute": 30, "entries_until": "15:10"}
    desk.risk.set(**everything, max_order_value=20_000, deny=["NSE:YESBANK"])
    desk.orders.submit(account=ACCOUNT, listing="NSE:TCS", side="BUY", quantity=40)
    desk.risk.set(**everything, max_order_value=500_000, deny=["NSE:YESBANK"])
    desk.risk.set("STRATEGY", strategy="ORB", max_daily_loss=5_000, max_exposure=200_000, products=["MIS"])
    desk.risk.set("ACCOUNT", account=ACCOUNT, max_daily_loss=20_000, max_quantity_per_order=25, clamp_mode="CLAMP")
    price = float(desk.quotes(["NSE:TCS"])["last_price"].iloc[0]) * 0.97
    desk.orders.submit(account=ACCOUNT, listing="NSE:TCS", side="BUY", quantity=30, order_type="LIMIT", price=round(price))


def ended(stage: Stage) -> None:
    """Let the login of an account end, as it does each night."""
    stage.exchange.post("session/expire", client_id=CLIENT)
    with suppress(SessionExpired):
        stage.desk.funds(ACCOUNT, refresh=True)


def sign_in(browser: Browser, stage: Stage, folder: Path) -> None:
    """Take the page where people sign in, which a demo leaves out."""
    with sigma.entrance(stage.home.folder) as entrance:
        entrance.set_owner_password(PASSWORD)
    port = free_port()
    stage.supervisor.add(Program("sign-in", "pages.web", ("--port", str(port))))
    url = f"http://127.0.0.1:{port}"
    with window(browser, folder, url, "wide", "light") as camera:
        eventually(lambda: _answers(camera.page))
        camera.take("sign-in")


def _answers(page: Page) -> bool:
    try:
        page.goto("/sign-in")
    except PlaywrightError:
        return False
    return True


def main(arguments: Sequence[str]) -> None:
    """Bring the demo up, take all pictures, and take it down."""
    folder = Path(arguments[0]) if arguments else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as home,
        Stage(Home(Path(home) / "home"), free_port(), free_port(), print, SETTINGS, lived=True) as stage,
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=environment.BROWSER, args=FLAGS)
        waiting = something_happens(stage)
        limited(stage.desk)
        every_page(browser, stage, folder)
        the_gate(browser, stage, folder)
        what_opens(browser, stage, folder, waiting)
        sign_in(browser, stage, folder)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
