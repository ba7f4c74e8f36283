"""What a person sees while something is broken: the rows stay, and text and time say what is so and since when."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import httpx
import pandas as pd
import pytest
from playwright.sync_api import expect

from sigma.cli.demo.stage import Stage
from sigma.cli.processes import worker_program
from sigma.domain.orders import OrderStatus
from sigma.domain.times import to_ist
from tests.e2e.app import Person, eventually, running
from tests.e2e.test_pages import PATHS

Come = Callable[..., Person]
pytestmark = pytest.mark.timeout(300)
MAIN, CLIENT = "zerodha-main", "AB1234"
SETTINGS = {"sync.idle": 1.0, "orders.call_timeout": 2.0}
# The bytes of a -shm file that every reader of the database locks: https://www.sqlite.org/walformat.html#wal_locks
NO_READING = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    for byte in range(123, 128):
        fcntl.lockf(file, fcntl.LOCK_EX, 1, byte)
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Exchange, worker, gateway and app; book and brokers are given up on soon."""
    with running(tmp_path_factory.mktemp("states"), SETTINGS) as stage:
        yield stage


@pytest.fixture
def fault(stage: Stage) -> Iterator[Callable[..., None]]:
    """Let a broker misbehave until the test ends."""

    def strike(kind: str, endpoint: str, **args: object) -> None:
        stage.exchange.post("faults", broker="zerodha", endpoint=endpoint, kind=kind, args=args)

    yield strike
    stage.exchange.clear_faults()


@pytest.fixture
def resting(stage: Stage) -> Iterator[int]:
    """A buy order that rests at the broker; it is cancelled after the test."""
    order = stage.desk.orders.submit(
        account=MAIN, listing="NSE:INFY", side="BUY", quantity=7, order_type="LIMIT", price=low(stage, "NSE:INFY")
    )
    eventually(lambda: stage.desk.orders.get(order.id).status is OrderStatus.OPEN)
    yield order.id
    stage.desk.orders.cancel(order.id)
    eventually(lambda: stage.desk.orders.get(order.id).status.final)


@pytest.fixture
def held(stage: Stage) -> str:
    """A position of five shares, whose list the broker gave."""
    listing = "NSE:WIPRO"
    mine = stage.desk
    if listing not in list(positions(stage)["listing"]):
        order = mine.orders.submit(account=MAIN, listing=listing, side="BUY", quantity=5)
        eventually(lambda: mine.orders.get(order.id).status is OrderStatus.FILLED)
        mine.positions(MAIN, refresh=True)
        mine.funds(MAIN, refresh=True)
    return listing


def positions(stage: Stage) -> pd.DataFrame:
    """Return the stored positions; none when they were never read."""
    return stage.desk.positions(MAIN, refresh=None)


def low(stage: Stage, listing: str) -> int:
    """Return a price at which a buy order rests."""
    return int(float(stage.desk.quotes([listing])["last_price"].iloc[0]) * 0.95)


def at(moment: datetime) -> str:
    """Return a moment of today as pages write it."""
    return f"{to_ist(moment):%H:%M:%S} IST"


def still(visitor: Person, rows: list[list[str]]) -> None:
    """Wait until the table shows the same rows by their second column, which no price moves."""
    eventually(lambda: [row[1] for row in visitor.cells()] == [row[1] for row in rows])


@contextmanager
def no_writing(home: Path) -> Iterator[None]:
    """Hold the write lock of the main database."""
    with closing(sqlite3.connect(home / "sigma.db", isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def no_reading(home: Path, name: str) -> Iterator[None]:
    """Keep every process from reading a database."""
    command = [sys.executable, "-c", NO_READING, str(home / f"{name}.db-shm")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        yield
        assert other.stdin is not None
        other.stdin.close()


def test_a_worker_that_is_down_is_told_on_every_page_with_its_last_sign_of_life_and_rows_stay(
    person: Come, stage: Stage, resting: int
) -> None:
    visitor = person()
    visitor.open(f"/orders?account={MAIN}")
    expect(visitor.key("health-chip")).to_contain_text("All well")
    rows = eventually(visitor.cells)
    stage.supervisor.remove("worker")
    beats = stage.desk.health().set_index("process")
    told = f"The worker gave its last sign of life at {at(beats['at']['worker'])}: nothing is sent."
    visitor.sees(told)
    expect(visitor.key("health-chip")).to_contain_text("1 issue")
    still(visitor, rows)
    for path in PATHS:
        visitor.open(path)
        visitor.sees(told)
        visitor.no_exception()
    visitor.key("health-chip").get_by_role("button").click()
    visitor.sees("Start it")
    stage.supervisor.add(worker_program())
    stage.wait_for_worker()
    expect(visitor.page.get_by_text("last sign of life").first).to_be_hidden(timeout=60_000)
    expect(visitor.key("health-chip")).to_contain_text("All well")


def test_an_approval_into_a_locked_database_says_so_stores_nothing_and_works_once_it_is_free(person: Come, stage: Stage) -> None:
    order = stage.desk.orders.submit(account=MAIN, listing="NSE:TCS", side="BUY", quantity=1, queue=True)
    visitor = person()
    visitor.open(f"/queue?order={order.id}")
    visitor.press("Approve", visitor.key("acts-queue"))
    dialog = visitor.dialog()
    approve = dialog.get_by_role("button", name=re.compile("^Approve BUY 1 NSE:TCS on"))
    with no_writing(stage.home.folder):
        approve.click()
        visitor.sees("was locked by another process for too long. Nothing of this step was stored: try again.", 60)
        assert stage.desk.orders.get(order.id).status is OrderStatus.WAITING
    visitor.press("Look again", dialog)
    approve.click()
    dialog.wait_for(state="detached", timeout=60_000)
    eventually(lambda: stage.desk.orders.get(order.id).status is OrderStatus.FILLED)
    sent = stage.exchange.get("orders", client_id=CLIENT)
    assert sum(one["listing"] == "NSE:TCS" for one in sent) == 1


def test_a_setting_that_a_locked_database_does_not_take_keeps_its_value_and_says_why(person: Come, stage: Stage) -> None:
    visitor = person()
    visitor.open("/settings")
    field = visitor.key("setting-portfolio-max_age").get_by_role("spinbutton")
    before = stage.desk.settings.get("portfolio.max_age")
    with no_writing(stage.home.folder):
        field.fill("77")
        field.press("Enter")
        said = visitor.key("setting-portfolio-max_age").get_by_role("alert")
        expect(said).to_contain_text("was locked by another process for too long", timeout=60_000)
        expect(field).to_have_value(f"{before:g}")
    field.fill("77")
    field.press("Enter")
    visitor.sees("77 s")
    eventually(lambda: stage.desk.settings.get("portfolio.max_age") == 77)
    stage.desk.settings.set("portfolio.max_age", before)


def test_rows_stay_with_the_time_they_were_read_while_a_database_cannot_be_read(person: Come, stage: Stage, resting: int) -> None:
    visitor = person()
    visitor.open(f"/orders?account={MAIN}")
    rows = eventually(visitor.cells)
    with no_reading(stage.home.folder, "market"):
        visitor.sees("Nothing was changed. Shown as of", 90)
        text = visitor.page.get_by_text("Nothing was changed. Shown as of").first.inner_text()
        assert re.search(r"The database \(.*market\.db\) .*Shown as of \d\d:\d\d:\d\d IST", text), text
        still(visitor, rows)
        visitor.no_exception()
    expect(visitor.page.get_by_text("Shown as of").first).to_be_hidden(timeout=60_000)


def test_a_database_that_nobody_can_read_is_said_in_words_and_the_page_comes_back_by_itself(person: Come, stage: Stage) -> None:
    visitor = person()
    visitor.open(f"/positions?account={MAIN}")
    sent = {one["name"]: one["value"] for one in visitor.context.cookies()}
    with no_reading(stage.home.folder, "sigma"):
        visitor.sees("This cannot be shown now: The database", 120)
        visitor.sees("Nothing of this step was stored: try again.")
        visitor.no_exception()
        answer = httpx.get(f"{stage.app_url}/orders", cookies=sent, timeout=60, trust_env=False)
        assert answer.status_code == 503
        assert answer.text.startswith("SigmaTrader cannot show this now. The database")
    expect(visitor.page.get_by_text("This cannot be shown now")).to_have_count(0, timeout=90_000)
    visitor.key("kill").wait_for()


@pytest.mark.parametrize("path", ["positions", "holdings"])
def test_a_broker_that_does_not_answer_leaves_the_rows_and_is_told_with_the_time_it_was_asked(
    person: Come, stage: Stage, held: str, fault: Callable[..., None], path: str
) -> None:
    visitor = person()
    visitor.open(f"/{path}?account={MAIN}")
    rows = eventually(visitor.cells)
    fault("slow", path, seconds=60)
    asked = stage.now()
    visitor.press("Refresh")
    visitor.sees(f"Zerodha gave no answer to the {path}", 90)
    text = visitor.page.get_by_role("alert").filter(has_text="gave no answer").first.inner_text()
    found = re.search(r"Asked at (\d\d:\d\d:\d\d) IST\. Nothing was changed\. Check the network and try again\.", text)
    assert found, text
    assert found[1] >= f"{to_ist(asked):%H:%M:%S}"
    still(visitor, rows)
    stage.exchange.clear_faults()
    visitor.press("Refresh")
    visitor.sees(f"Read from the broker: {MAIN}.", 90)
    expect(visitor.page.get_by_text("gave no answer")).to_have_count(0)


def test_a_book_that_cannot_be_read_makes_orders_stale_both_ways_and_they_stay(
    person: Come, stage: Stage, resting: int, fault: Callable[..., None]
) -> None:
    visitor = person()
    visitor.open(f"/orders?account={MAIN}")
    rows = eventually(visitor.cells)
    fault("drop_before_commit", "book")
    visitor.sees("Retrying.", 120)
    text = visitor.page.get_by_text("Retrying.").first.inner_text()
    found = re.search(r"Last synced (\d\d:\d\d:\d\d) IST, (\d+) s ago\. Retrying\.", text)
    assert found, text
    synced = stage.desk.synced_at(MAIN)
    assert synced is not None
    assert found[1] == f"{to_ist(synced):%H:%M:%S}"
    assert int(found[2]) >= 17
    still(visitor, rows)
    stage.exchange.clear_faults()
    expect(visitor.page.get_by_text("Retrying.")).to_have_count(0, timeout=60_000)


def test_stop_typed_into_the_dialog_of_shift_k_blocks_orders_everywhere_until_the_owner_gives_a_reason(
    person: Come, stage: Stage
) -> None:
    waiting = stage.desk.orders.submit(account=MAIN, listing="NSE:SBIN", side="BUY", quantity=2, queue=True)
    visitor = person()
    page = visitor.open("/positions")
    visitor.key("kill").get_by_role("button").wait_for()
    page.keyboard.press("Shift+K")
    dialog = visitor.dialog()
    expect(dialog).to_contain_text("Stop trading on 2 accounts?")
    expect(dialog).to_contain_text("Nothing new goes out until the owner allows it again.")
    stop = dialog.get_by_role("button", name="Stop trading")
    expect(stop).to_be_disabled()
    dialog.get_by_label("Reason").fill("the feed looks wrong")
    dialog.get_by_label("Type STOP to go on").fill("STOP")
    dialog.get_by_label("Type STOP to go on").press("Enter")
    stop.click()
    (kill,) = eventually(stage.desk.risk.kills)
    told = f"Trading is stopped since {at(kill.at)}: the feed looks wrong. Nothing new goes out."
    for path in PATHS:
        visitor.open(path)
        visitor.sees(told)
    visitor.open(f"/queue?order={waiting.id}")
    visitor.press("Approve", visitor.key("acts-queue"))
    approve = dialog.get_by_role("button", name=re.compile("^Approve BUY 2 NSE:SBIN on"))
    expect(dialog).to_contain_text("the feed looks wrong")
    if approve.is_enabled():
        approve.click()
        expect(dialog).to_contain_text("The risk gate stopped it:", timeout=60_000)
        expect(dialog).to_contain_text("the feed looks wrong")
    assert not [one for one in stage.exchange.get("orders", client_id=CLIENT) if one["listing"] == "NSE:SBIN"]
    visitor.open("/positions")
    visitor.press("Allow again")
    allow = dialog.get_by_role("button", name="Allow trading")
    expect(allow).to_be_disabled()
    dialog.get_by_label("Reason for allowing it again").fill("the feed is back")
    dialog.get_by_label("Reason for allowing it again").press("Enter")
    allow.click()
    visitor.sees("Trading is allowed again.")
    expect(page.get_by_text("Trading is stopped")).to_have_count(0, timeout=60_000)
    assert not stage.desk.risk.kills()
