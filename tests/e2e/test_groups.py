"""A person makes a group, adds listings by search, sees live prices, imports a file with one bad row, and deletes the group."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from playwright.sync_api import TimeoutError as PlaywrightTimeout
from playwright.sync_api import expect

from sigma.cli.demo.stage import Stage
from tests.e2e.app import CORNER, PATIENCE_MS, Person, eventually

Come = Callable[..., Person]
FILE = "Ticker,Exch,Share\nTCS,NSE,25\nRELIANC,NSE,35\n"


def test_a_group_lives_from_its_first_listing_to_its_end(person: Come, stage: Stage) -> None:
    visitor = person()
    page = visitor.open("/groups")
    visitor.sees("No groups yet")
    visitor.press("New")
    visitor.enter("Name", "Core", visitor.dialog())
    visitor.press("Make group", visitor.dialog())
    visitor.sees("Nothing is in Core yet")
    page.get_by_label("Add a listing").fill("infy")
    page.get_by_role("button", name="NSE:INFY").first.click()
    visitor.shows("NSE:INFY")
    price = eventually(lambda: next((row[1] for row in visitor.cells()[1:] if row[1].replace(".", "").isdecimal()), None), 60)
    eventually(lambda: next((row for row in visitor.cells()[1:] if row[1] not in (price, "")), None), 60)

    visitor.choose("Import")
    page.locator("[data-testid=stFileUploaderDropzoneInput]").set_input_files(
        files=[{"name": "mine.csv", "mimeType": "text/csv", "buffer": FILE.encode()}]
    )
    visitor.sees("Did you mean")
    page.get_by_role("combobox", name="Weight %").click()
    page.get_by_role("option", name="Share").click()
    visitor.sees("1 row found, 1 not.")
    visitor.press("Add 1, leave 1 row out")
    visitor.shows("NSE:TCS")
    imported = [("NSE:INFY", None), ("NSE:TCS", 25)]
    eventually(lambda: [(one.listing, one.weight) for one in stage.desk.groups.get("core").members] == imported)
    visitor.no_exception()

    visitor.press("Take out", visitor.take("groups-table", "NSE:INFY", "NSE:INFY"))
    visitor.press("Take out", visitor.dialog())
    eventually(lambda: stage.desk.groups.get("core").listings == ("NSE:TCS",))

    visitor.press("More")
    visitor.press("Delete", page.locator("[data-testid=stPopoverBody]"))
    visitor.press("Delete group", visitor.dialog())
    visitor.sees("No groups yet")
    expect(visitor.dialog()).to_have_count(0, timeout=PATIENCE_MS)
    assert stage.desk.groups.table().empty
    visitor.no_exception()


def test_a_weight_that_is_written_into_the_table_is_stored(person: Come, stage: Stage) -> None:
    made = stage.desk.groups.add("Written", ["INFY", "TCS"])
    visitor = person()
    page = visitor.open(f"/groups?group={made.id}")
    visitor.choose("Edit")
    visitor.sees("No weights")
    visitor.idle()
    told = page.get_by_text("Weights add up to 62.5%")

    def written() -> bool:
        corner = page.wait_for_function(CORNER).json_value()
        page.mouse.dblclick(corner["x"] + 34 + 176 + 40, corner["y"] + 34 + 15)
        page.keyboard.type("62.5")
        page.keyboard.press("Enter")
        with suppress(PlaywrightTimeout):
            told.wait_for(timeout=5000)
        return told.is_visible()

    eventually(written, 60)
    visitor.press("Save 1 change")
    eventually(lambda: stage.desk.groups.get(made.id).weight)
    assert [one.weight for one in stage.desk.groups.get(made.id).members] == [62.5, None]
    stage.desk.groups.remove(made.id)
    visitor.no_exception()
