"""A person looks a listing up, follows an index to one of its options, loads the NSE's list and settles what it contradicts."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from sigma.cli.demo.stage import Stage
from tests.e2e.app import CELLS, PATIENCE_MS, Person, eventually

Come = Callable[..., Person]
HEADER = "SYMBOL,NAME OF COMPANY, SERIES, DATE OF LISTING, PAID UP VALUE, MARKET LOT, ISIN NUMBER, FACE VALUE"
NAMES = ("INFY", "TCS", "SBIN", "ITC", "WIPRO", "RELIANCE", "HDFCBANK", "AXISBANK", "MARUTI", "TATASTEEL")
SHARES = [f"{name},{name} Limited,EQ,01-JAN-2000,1,1,INE00000{place:03}1,1" for place, name in enumerate(NAMES)]
AGAIN = "INFYOLD,INFY Limited,EQ,01-JAN-2000,1,1,INE000000001,1"
TABLE = CELLS.replace("document.querySelector('[data-testid=stDataFrame] table')", "table.querySelector('table')").replace(
    "() =>", "table =>"
)


def load(visitor: Person, *lines: str) -> None:
    """Give a file as the NSE's list, and wait until it was taken."""
    visitor.page.get_by_role("combobox", name="Whose file is it?").click()
    visitor.page.get_by_role("option", name="NSE").click()
    data = "\n".join([HEADER, *lines]).encode()
    visitor.page.locator("[data-testid=stFileUploaderDropzoneInput]").set_input_files(
        files=[{"name": "EQUITY_L.csv", "mimeType": "text/csv", "buffer": data}]
    )
    visitor.press("Load EQUITY_L.csv")


def has(table: Locator, *words: str) -> None:
    """Wait until one row of a table has all these cells."""
    eventually(lambda: any(set(words) <= set(row) for row in table.evaluate(TABLE)), 60)


def test_a_listing_is_looked_up_and_an_option_reached_from_its_index(person: Come, stage: Stage) -> None:
    visitor = person()
    page = visitor.open("/instruments")
    page.get_by_label("Find a listing").fill("infy")
    visitor.shows("NSE:INFY")
    place = next(place for place, row in enumerate(visitor.cells()[1:]) if "NSE:INFY" in row)
    details = visitor.key("instruments-details")
    visitor.tick(place)
    details.get_by_text("NSE:INFY").wait_for()
    assert page.url.endswith("listing=NSE%3AINFY")
    names = details.locator("[data-testid=stDataFrame]")
    has(names, "zerodha", "INFY")
    has(names, "angelone", "INFY-EQ")
    told = details.get_by_text(re.compile(r"\d\d:\d\d:\d\d IST"))
    first = told.inner_text()
    eventually(lambda: told.inner_text() != first, 60)

    visitor.open("/instruments?listing=NIFTY")
    contracts = visitor.key("instruments-contracts")
    visitor.sees("Strikes around")
    chain = contracts.locator("[data-testid=stDataFrame]")
    has(chain, "◆")
    corner = eventually(lambda: chain.locator("canvas").first.bounding_box())
    page.mouse.click(corner["x"] + 16, corner["y"] + 34 + 30 * 6 + 14)
    page.get_by_role("button", name="CE").click()
    expect(details.get_by_text("Call", exact=True)).to_be_visible(timeout=PATIENCE_MS)
    assert "listing=NFO%3ANIFTY" in page.url
    visitor.press("Buy", details)
    expect(visitor.dialog()).to_contain_text("NFO:NIFTY")
    visitor.no_exception()


def test_a_list_is_loaded_and_what_it_contradicts_is_settled(person: Come, stage: Stage) -> None:
    visitor = person()
    page = visitor.open("/instruments?part=Masters")
    load(visitor, *SHARES)
    visitor.sees("10 listings, ")
    assert stage.desk.instruments.get("NSE:INFY").isin == "INE000000001"
    load(visitor, *SHARES, AGAIN)
    visitor.sees("2 set aside")

    page.get_by_role("tab", name="Quarantine").click()
    visitor.sees("2 rows are set aside")
    bar = visitor.take("quarantine-rows", "INFYOLD", "INFYOLD")
    visitor.press("Settle", bar)
    visitor.dialog().get_by_text("would all be NSE:INFY").wait_for()
    visitor.press("Leave the row out", visitor.dialog())
    expect(visitor.dialog()).to_have_count(0, timeout=PATIENCE_MS)
    visitor.sees("Settled by a person")
    assert list(stage.desk.instruments.overrides()["symbol"]) == ["INFYOLD"]

    page.get_by_role("tab", name="Masters").click()
    load(visitor, *SHARES, AGAIN)
    visitor.sees("10 listings")
    page.get_by_role("tab", name="Quarantine").click()
    visitor.sees("Nothing is set aside")
    assert stage.desk.instruments.quarantine().empty
    visitor.no_exception()
