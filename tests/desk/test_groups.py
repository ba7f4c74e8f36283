"""`desk.groups`."""

from __future__ import annotations

import json
from decimal import Decimal

import pandas as pd
import pytest

from sigma.desk import Desk
from sigma.desk.groups import GROUPS, MEMBERS, REPORT
from sigma.domain.errors import InvalidInput, NotFound
from sigma.domain.groups import Member
from sigma.domain.orders import Source
from tests.orders.stage import Stage


def has_columns(frame: pd.DataFrame, columns: dict[str, str]) -> bool:
    return {name: str(kind) for name, kind in frame.dtypes.items()} == columns and list(frame.columns) == list(columns)


def test_groups_and_members_are_frames_of_the_same_columns_with_and_without_rows(stage: Stage) -> None:
    mine = stage.desk.groups
    assert has_columns(mine.table(), GROUPS)
    mine.add("Empty")
    assert has_columns(mine.members("empty"), MEMBERS)
    made = mine.add("Core", {"INFY": 12.5, "NSE:TCS": None}, description="long term")
    assert has_columns(mine.table(), GROUPS)
    assert mine.table()[["name", "listings", "weight"]].iloc[0].tolist() == ["Core", 2, 12.5]
    frame = mine.members("core")
    assert has_columns(frame, MEMBERS)
    assert frame["listing"].tolist() == ["NSE:INFY", "NSE:TCS"]
    assert mine.get(made.id) == made == mine.get("CORE")
    assert mine.listings() == ("NSE:INFY", "NSE:TCS")


def test_members_are_given_as_texts_a_mapping_values_or_the_frame_itself(stage: Stage) -> None:
    mine = stage.desk.groups
    mine.add("Core", ["INFY", Member("TCS", Decimal("7.25"), 3, "it")])
    frame = mine.members("core")
    frame.loc[0, "weight"] = 33.3333
    after = mine.update("core", members=frame[::-1], version=1)
    assert after.members == (Member("NSE:TCS", Decimal("7.25"), 3, "it"), Member("NSE:INFY", Decimal("33.3333")))
    assert mine.update("core", new_name="One", members="SBIN").listings == ("NSE:SBIN",)
    with pytest.raises(InvalidInput, match="no weight"):
        mine.update("one", members={"INFY": "much"})
    with pytest.raises(InvalidInput, match="no quantity"):
        mine.update("one", members=pd.DataFrame({"listing": ["INFY"], "quantity": [1.5]}))


def test_listings_are_put_in_moved_and_taken_out(stage: Stage) -> None:
    mine = stage.desk.groups
    mine.add("Core", ["INFY", "TCS"])
    mine.put("core", "SBIN", weight="12.5", quantity=3, note=" bank ")
    assert mine.move("core", "SBIN", 1).members[0] == Member("NSE:SBIN", Decimal("12.5"), 3, "bank")
    assert mine.take("core", "INFY", "tcs").listings == ("NSE:SBIN",)
    assert mine.remove("core").name == "Core"
    with pytest.raises(NotFound):
        mine.get("core")


def test_a_file_is_reported_row_by_row_and_what_is_exported_is_imported(stage: Stage) -> None:
    mine = stage.desk.groups
    text = "Ticker,Alloc\nINFY,20\nRELIANC,5\n"
    assert mine.headings(text) == (("Ticker", "Alloc"), {"symbol": "Ticker"})
    looked = mine.report(mine.check_csv("Core", text, {"symbol": "Ticker", "weight": "Alloc"}))
    assert has_columns(looked, REPORT)
    assert looked[["line", "good", "listing", "words"]].iloc[0].tolist() == [2, True, "NSE:INFY", "new"]
    assert looked["near"][1][0] == "NSE:RELIANCE"
    done = mine.import_csv("Core", text, {"symbol": "Ticker", "weight": "Alloc"}, fixes={3: "NSE:RELIANCE"})
    assert list(mine.report(done)["words"]) == ["added", "added"]
    mine.import_csv("Copy", mine.export("core"))
    assert mine.get("copy").members == mine.get("core").members
    assert json.loads(mine.export("core", "json"))["members"][0] == {
        "listing": "NSE:INFY",
        "weight": 20.0,
        "quantity": None,
        "note": "",
    }
    with pytest.raises(InvalidInput, match="'xml' is no form"):
        mine.export("core", "xml")


def test_another_persons_desk_has_its_own_groups(stage: Stage) -> None:
    stage.desk.groups.add("Core", ["INFY"])
    with stage.house._sql_store.database.write() as link:
        link.connection.exec_driver_sql(
            "INSERT INTO users (name, role, trading_mode, created_at) VALUES ('bob', 'trader', 'NORMAL', '2026-01-01 00:00:00')"
        )
    with stage.house.store.read() as tx:
        bob = tx.users.by_name("bob")
    theirs = Desk(stage.house, bob, Source.PERSON, guest=True)
    assert theirs.groups.table().empty
    with pytest.raises(NotFound) as told:
        theirs.groups.get("Core")
    assert told.value.hint == "Groups: none yet."
    theirs.groups.add("Core", ["TCS"])
    assert stage.desk.groups.listings() == ("NSE:INFY",)
