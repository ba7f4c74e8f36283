"""Groups: what is shown, written into, imported, and taken away after a yes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages import groups
from pages.ui import session
from pages.ui.group_edit import as_frame, counted, in_order, weights_words
from pages.ui.group_import import store_label
from sigma.desk.entrance import Entrance
from sigma.domain.groups import Group, ImportReport, ImportRow, Member
from tests.orders.conftest import server, stage, template
from tests.orders.stage import Stage

__all__ = ["server", "stage", "template"]
PAGE = """
from pages.groups import render
from pages.ui.dialogs import draw_wanted
from pages.ui.navigation import menu

menu("owner", {})
draw_wanted()
render()
"""
Open = Callable[..., AppTest]


@pytest.fixture
def opened(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open the page as the owner, in a browser session of its own."""
    entrance = Entrance(stage.house)
    monkeypatch.setattr(session, "entrance", lambda: entrance)

    def open_page(**state: Any) -> AppTest:
        app = AppTest.from_string(PAGE, default_timeout=60)
        app.session_state[session.SIGN_IN] = entrance.sign_in_owner()
        for name, value in state.items():
            app.session_state[name] = value
        return run(app)

    return open_page


def run(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception
    return app


def press(app: AppTest, begins: str) -> AppTest:
    """Press the one button whose key begins like this."""
    (found,) = [button for button in app.button if str(button.key).startswith(begins)]
    found.click()
    return run(app)


def table(app: AppTest, column: str) -> list[Any]:
    return next(list(one.value[column]) for one in app.dataframe if column in one.value)


def texts(app: AppTest) -> str:
    return " ".join(one.value for kind in (app.markdown, app.caption, app.warning, app.error, app.info) for one in kind)


def core(stage: Stage) -> Group:
    return stage.desk.groups.add("Core", {"NSE:INFY": 40, "NSE:TCS": 60, "NSE:SBIN": None}, description="Long *term*")


def test_without_groups_the_page_says_what_one_is_and_makes_one(opened: Open, stage: Stage) -> None:
    app = opened()
    assert "No groups yet" in texts(app)
    press(app, "go_group_new")
    app.text_input(key="group-new-name").set_value("  Core  ")
    run(app)
    press(app, "go_group_make")
    assert list(stage.desk.groups.table()["name"]) == ["Core"]
    assert "Nothing is in Core yet" in texts(app)
    press(app, "go_group_new")
    app.text_input(key="group-new-name").set_value("CORE")
    run(app)
    press(app, "go_group_make")
    assert "already" in texts(app)


def test_listings_are_shown_with_their_prices_in_the_persons_order(opened: Open, stage: Stage) -> None:
    core(stage)
    stage.house.market_store.put_quotes(stage.house.market.quotes(stage.user_id, ["NSE:TCS"]).values())
    app = opened()
    assert table(app, "listing") == ["NSE:INFY", "NSE:TCS", "NSE:SBIN"]
    prices = table(app, "last_price")
    assert pd.isna(prices[0])
    assert prices[1] > 0
    assert "3 listings · weights add up to 100%" in texts(app)
    assert "Long \\*term\\*" in texts(app)
    assert not any("note" in one.value for one in app.dataframe), "nobody wrote a note"


def test_a_listing_is_found_while_typing_and_added(opened: Open, stage: Stage) -> None:
    core(stage)
    app = opened()
    app.text_input(key=groups.SEARCH).set_value("relian")
    run(app)
    press(app, "group-add:1:NSE:RELIANCE")
    assert stage.desk.groups.get("core").listings[-1] == "NSE:RELIANCE"
    assert table(app, "listing")[-1] == "NSE:RELIANCE"
    assert app.text_input(key=groups.SEARCH).value == ""
    app.text_input(key=groups.SEARCH).set_value("INFY")
    run(app)
    (inside,) = [button for button in app.button if button.key == "group-add:1:NSE:INFY"]
    assert inside.disabled


def test_what_is_written_is_stored_when_the_person_says_so(opened: Open, stage: Stage) -> None:
    made = core(stage)
    edits = {
        "edited_rows": {0: {"weight": 25.5, "note": "bank"}, 2: {"quantity": 10, "position": 1}},
        "added_rows": [],
        "deleted_rows": [1],
    }
    app = opened(**{groups.VIEW: groups.EDIT, f"group-editor:{made.id}:{made.version}:0": edits})
    assert "Weights add up to 25.5%: 74.50% are free" in texts(app)
    press(app, "go_group_edit")
    assert stage.desk.groups.get("core").members == (
        Member("NSE:SBIN", None, 10),
        Member("NSE:INFY", Decimal("25.5"), note="bank"),
    )


def test_changes_about_an_older_state_are_refused_and_can_be_discarded(opened: Open, stage: Stage) -> None:
    made = core(stage)
    edits = {"edited_rows": {0: {"weight": 10}}, "added_rows": [], "deleted_rows": []}
    app = opened(**{groups.VIEW: groups.EDIT, f"group-editor:{made.id}:{made.version}:0": edits})
    stage.desk.groups.take("core", "TCS")
    run(app)
    assert "changed meanwhile. Discard" in texts(app)
    press(app, "go_group_edit")
    assert "was changed meanwhile" in texts(app)
    press(app, "group-discard")
    assert "meanwhile" not in texts(app)
    assert stage.desk.groups.get("core").listings == ("NSE:INFY", "NSE:SBIN")


FILE = b"Ticker,Share\nINFY,20\nRELIANC,30\nNOSUCHTHING,1\n"


def upload(app: AppTest, data: bytes) -> AppTest:
    app.file_uploader[0].set_value(("mine.csv", data, "text/csv"))
    return run(app)


def select(app: AppTest, begins: str, value: str) -> AppTest:
    (found,) = [box for box in app.selectbox if str(box.key).startswith(begins)]
    found.set_value(value)
    return run(app)


def test_a_file_is_imported_by_its_columns_with_what_the_person_meant(opened: Open, stage: Stage) -> None:
    core(stage)
    app = opened(**{groups.VIEW: groups.IMPORT})
    upload(app, FILE)
    select(app, "groups-column-weight", "Share")
    assert "1 row found, 2 not" in texts(app)
    assert table(app, "mark") == ["✕", "✕", "✓"]
    assert "Near: NSE:RELIANCE" in table(app, "words")[0]
    select(app, "groups-fix-3", "NSE:RELIANCE")
    assert [button.label for button in app.button if str(button.key).startswith("go_group_import")] == [
        "Add 1, change 1, leave 1 row out"
    ]
    press(app, "go_group_import")
    after = stage.desk.groups.get("core")
    assert after.listings == ("NSE:INFY", "NSE:TCS", "NSE:SBIN", "NSE:RELIANCE")
    assert [one.weight for one in after.members] == [20, 60, None, 30]
    assert table(app, "listing")[-1] == "NSE:RELIANCE", "the prices are shown"


def test_listings_leave_by_a_file_after_a_yes_only(opened: Open, stage: Stage) -> None:
    core(stage)
    app = opened(**{groups.VIEW: groups.IMPORT})
    upload(app, b"symbol\nTCS\n")
    app.checkbox[0].check()
    run(app)
    press(app, "go_group_import")
    assert len(stage.desk.groups.get("core").members) == 3
    assert "2 listings that the file does not name leave Core" in texts(app)
    press(app, "go_act:group-import")
    assert stage.desk.groups.get("core").listings == ("NSE:TCS",)


def test_a_file_that_is_none_says_so(opened: Open, stage: Stage) -> None:
    core(stage)
    app = opened(**{groups.VIEW: groups.IMPORT})
    upload(app, b"\xff\xfe\x00")
    assert "no text file" in texts(app)
    upload(app, b"price,volume\n1,2\n")
    assert "Which column holds the symbol" in texts(app)


def test_a_group_is_renamed_and_deleted_after_a_yes(opened: Open, stage: Stage) -> None:
    core(stage)
    app = opened()
    press(app, "group-details")
    app.text_input(key="group-name:1:1").set_value("Kept")
    press(app, "go_group_save")
    assert stage.desk.groups.get(1).name == "Kept"
    press(app, "group-delete:1")
    assert "It holds 3 listings" in texts(app)
    assert len(stage.desk.groups.table()) == 1
    press(app, "go_act:group-delete")
    assert stage.desk.groups.table().empty
    assert "No groups yet" in texts(app)


def plain(*listings: str) -> pd.DataFrame:
    return as_frame([Member(text) for text in listings])


@pytest.mark.parametrize(
    ("places", "order"),
    [
        ({}, "ABCD"),
        ({"D": 1}, "DABC"),
        ({"A": 4}, "BCDA"),
        ({"A": 3, "C": 1}, "CBAD"),
        ({"B": 99}, "ACDB"),
        ({"B": None}, "ACDB"),
    ],
)
def test_a_row_stands_at_the_place_that_was_written(places: dict[str, int | None], order: str) -> None:
    before = plain(*"ABCD")
    written = before.copy()
    written["position"] = [places.get(name, place) for place, name in enumerate("ABCD", 1)]
    assert "".join(in_order(written, before)["listing"]) == order


def test_rows_that_were_taken_out_move_nobody_else() -> None:
    before = plain(*"ABCD")
    assert "".join(in_order(before.drop(index=0), before)["listing"]) == "BCD"
    assert counted({"edited_rows": {0: {}, 2: {}}, "deleted_rows": [2, 3], "added_rows": []}) == 3
    assert counted(None) == 0


def test_weights_say_what_is_missing_to_the_whole() -> None:
    assert weights_words(pd.Series([None, None], dtype="float64")) == "No weights: a watchlist."
    assert weights_words(pd.Series([33.3333, 66.6667])) == "Weights add up to 100%."
    assert "20.00% too much" in weights_words(pd.Series([60.0, 60.0]))


def test_the_button_says_what_a_file_changes() -> None:
    bad = ImportRow(3, "X", problem="no")
    good = ImportRow(2, "INFY", Member("NSE:INFY"))
    assert store_label(ImportReport("Core", {}, (good,))) == ""
    assert store_label(ImportReport("Core", {}, (bad,), gone=("NSE:TCS",))) == ""
    report = ImportReport("Core", {}, (good, bad, bad), ("NSE:INFY",), (), ("NSE:TCS",))
    assert store_label(report) == "Add 1, take out 1, leave 2 rows out"


def test_only_what_has_a_price_of_its_own_can_be_bought(opened: Open, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "desk", lambda: stage.desk)
    assert groups.tradable("NSE:INFY")
    assert not groups.tradable("NSE:NIFTY 50")
    assert not groups.tradable("NFO:NIFTY20JAN10000CE")
    assert as_frame(core(stage).members)["weight"].tolist()[:2] == [40.0, 60.0]
