"""Groups: made, changed and filled from files; nobody sees another person's."""

from __future__ import annotations

import json
import string
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.errors import Conflict, InvalidInput, NotFound, UnknownListing
from sigma.domain.groups import Group, Member
from sigma.services import group_file
from sigma.services.groups import MOST_UNKNOWN
from tests.services.rooms import Rooms
from tests.services.test_instruments import SHARES, shares


@pytest.fixture
def market(rooms: Rooms) -> Rooms:
    """An instrument table."""
    rooms.connected()
    rooms.alpha.rows = shares("alpha", *SHARES)
    rooms.instruments.refresh(rooms.user, "alpha")
    rooms.alpha.calls.clear()
    return rooms


def members(rooms: Rooms, name: str = "Core") -> list[Member]:
    return list(rooms.groups.get(rooms.user, name).members)


def core(rooms: Rooms, *texts: str) -> Group:
    return rooms.groups.add(rooms.user, "Core", [Member(text) for text in texts])


def test_listings_are_kept_by_their_canonical_text_however_they_were_written(market: Rooms) -> None:
    made = market.groups.add(market.user, "  my  core ", [Member("infy"), Member("NSE:M_M", Decimal(40))], " long term ")
    assert (made.name, made.description) == ("my core", "long term")
    assert made.listings == ("NSE:INFY", "NSE:M&M")
    assert market.groups.get(market.user, "MY CORE") == made == market.groups.get(market.user, made.id)
    assert market.groups.listings(market.user) == ["NSE:INFY", "NSE:M&M"]
    assert market.audit("GROUP_CHANGED")[0].text == "group my core: made with 2 listings"


def test_what_is_not_known_is_refused_with_near_names_and_nothing_is_stored(market: Rooms) -> None:
    with pytest.raises(UnknownListing, match="NSE:INFI") as told:
        core(market, "RELIANCE", "INFI")
    assert told.value.near[0] == "NSE:INFY"
    assert market.groups.list(market.user) == []


def test_listings_are_added_moved_changed_and_taken_out(market: Rooms) -> None:
    core(market, "INFY", "RELIANCE")
    market.groups.put(market.user, "core", Member("NSE:M&M", Decimal("12.5"), 3, "bikes"))
    market.groups.move(market.user, "core", "m_m", 1)
    assert members(market)[0] == Member("NSE:M&M", Decimal("12.5"), 3, "bikes")
    market.groups.put(market.user, "core", Member("m&m", quantity=4))
    after = market.groups.take(market.user, "core", ["reliance"])
    assert after.members == (Member("NSE:M&M", quantity=4), Member("NSE:INFY"))
    with pytest.raises(NotFound, match="is not in Core"):
        market.groups.take(market.user, "core", ["reliance"])


def test_a_change_that_changes_nothing_is_not_stored(market: Rooms) -> None:
    made = core(market, "INFY")
    assert market.groups.update(market.user, "core", name="Core", members=made.members) == made
    assert len(market.audit("GROUP_CHANGED")) == 1


def test_somebody_who_looked_at_an_older_state_changes_nothing(market: Rooms) -> None:
    made = core(market, "INFY")
    market.groups.update(market.user, made.id, name="Kept", description="x", version=made.version)
    for act in (
        lambda: market.groups.update(market.user, made.id, members=[], version=made.version),
        lambda: market.groups.remove(market.user, made.id, version=made.version),
        lambda: market.groups.import_csv(market.user, "kept", "symbol\nRELIANCE\n", version=made.version),
    ):
        with pytest.raises(Conflict):
            act()
    assert [member.listing for member in members(market, "kept")] == ["NSE:INFY"]
    assert market.audit("GROUP_CHANGED")[0].text == "group Kept: was named Core, described anew"


def test_a_name_is_taken_whatever_its_case_and_free_again_after_a_removal(market: Rooms) -> None:
    core(market)
    with pytest.raises(Conflict, match="already"):
        market.groups.add(market.user, "CORE")
    gone = market.groups.remove(market.user, "core")
    assert market.groups.add(market.user, "CORE").id != 0
    assert gone.name == "Core"


def test_nobody_sees_another_persons_groups(market: Rooms) -> None:
    made = core(market, "INFY")
    bob = market.another_user()
    assert market.groups.list(bob) == []
    assert market.groups.listings(bob) == []
    for which in ("Core", made.id):
        for act in (market.groups.get, market.groups.remove, market.groups.update):
            with pytest.raises(NotFound):
                act(bob, which)
    mine = market.groups.add(bob, "Core", [Member("RELIANCE")])
    assert mine.id != made.id
    assert members(market)[0].listing == "NSE:INFY"


def test_what_is_in_a_group_already_stays_when_its_listing_is_gone(market: Rooms) -> None:
    made = core(market, "INFY")
    with market.store.begin() as tx:
        tx.groups.save(made.put(Member("NFO:NIFTY20JAN10000CE")))
    after = market.groups.put(market.user, "core", Member("nfo:nifty20jan10000ce", note="expired"))
    assert after.members[1].note == "expired"
    assert len(market.groups.update(market.user, "core", members=after.members[::-1]).members) == 2
    report = market.groups.import_csv(market.user, "core", "Symbol,Exchange,Qty\nNIFTY20JAN10000CE,NFO,75\n")
    assert report.changed == ("NFO:NIFTY20JAN10000CE",)


FILE = """Ticker;Where;Alloc %;Remarks
INFY;NSE;12.5%;"long; term"

RELIANC;NSE;10;
M_M;;7,5;
INFY;NSE;1;
M_M;;7.5;
NOSUCHTHING;NYSE;;
;NSE;5;
"""
COLUMNS = {"symbol": "Ticker", "exchange": "Where", "weight": "Alloc %", "note": "Remarks"}


def test_a_file_is_told_row_by_row_and_what_is_good_is_stored(market: Rooms) -> None:
    looked = market.groups.check_csv(market.user, "Core", FILE, COLUMNS)
    assert not looked.stored
    assert market.groups.list(market.user) == []
    report = market.groups.import_csv(market.user, "Core", FILE, COLUMNS)
    assert report.stored
    assert (report.rows, report.new) == (looked.rows, ("NSE:INFY", "NSE:M&M"))
    told = {row.line: row for row in report.rows}
    assert sorted(told) == [2, 4, 5, 6, 7, 8, 9]
    assert told[2].member == Member("NSE:INFY", Decimal("12.5"), note="long; term")
    assert (told[4].written, told[4].near) == ("NSE:RELIANC", ("NSE:RELIANCE",))
    assert "'7,5' is no weight" in told[5].problem
    assert told[6].problem == "Line 2 holds NSE:INFY already."
    assert told[7].member == Member("NSE:M&M", Decimal("7.5"))
    assert "'NYSE'" in told[8].problem
    assert "names no symbol" in told[9].problem
    assert members(market) == [told[2].member, told[7].member]


def test_a_person_says_what_a_row_means_or_leaves_it_out(market: Rooms) -> None:
    fixes = {4: "NSE:RELIANCE", 5: "", 6: "", 8: "", 9: ""}
    report = market.groups.import_csv(market.user, "Core", FILE, COLUMNS, fixes=fixes)
    assert not report.bad
    assert report.new == ("NSE:INFY", "NSE:RELIANCE", "NSE:M&M")


def test_a_file_changes_only_what_it_has_columns_for_and_may_replace_the_others(market: Rooms) -> None:
    market.groups.add(market.user, "Core", [Member("INFY", Decimal(10), 5, "keep"), Member("RELIANCE", Decimal(20))])
    text = "Symbol,Weight\nNSE:INFY,15\nM&M,5\n"
    report = market.groups.import_csv(market.user, "core", text)
    assert (report.new, report.changed, report.gone) == (("NSE:M&M",), ("NSE:INFY",), ())
    assert members(market)[0] == Member("NSE:INFY", Decimal(15), 5, "keep")
    assert not market.groups.import_csv(market.user, "core", text).stored, "nothing is left to do"
    replaced = market.groups.import_csv(market.user, "core", text, replace_all=True)
    assert replaced.gone == ("NSE:RELIANCE",)
    assert [member.listing for member in members(market)] == ["NSE:INFY", "NSE:M&M"]


def test_a_file_without_any_good_row_makes_no_group_and_empties_none(market: Rooms) -> None:
    report = market.groups.import_csv(market.user, "New", "symbol\nNOSUCHTHING\n")
    assert not report.stored
    core(market, "INFY")
    assert not market.groups.import_csv(market.user, "core", "symbol\nNOSUCHTHING\n", replace_all=True).stored
    assert [group.name for group in market.groups.list(market.user)] == ["Core"]
    assert len(members(market)) == 1


def test_a_file_of_the_wrong_column_is_given_up_after_many_rows(market: Rooms) -> None:
    text = "symbol\n" + "".join(f"ZZ{number}\n" for number in range(MOST_UNKNOWN)) + "INFY\n"
    report = market.groups.check_csv(market.user, "Core", text)
    assert not report.good
    assert "Is it the right column" in report.rows[-1].problem


@pytest.mark.parametrize(
    ("text", "columns", "says"),
    [
        ("", None, "no CSV file"),
        ("a\0b\n", None, "no CSV file"),
        ("price,volume\n1,2\n", None, "Which column holds the symbol"),
        ("symbol,weight\nINFY,5\n", {"symbol": "Ticker"}, "no column 'Ticker'"),
        ("symbol,weight\nINFY,5\n", {"symbol": "symbol", "price": "weight"}, "'price' is no field"),
        ("symbol,Symbol\nINFY,5\n", None, "same heading"),
        ('symbol,note\nINFY,"open\n', None, "no line of a CSV file"),
        ("symbol\n" + "INFY\n" * 5001, None, "5,001 rows"),
        ("x" * 1_000_001, None, "longer than"),
    ],
)
def test_what_is_no_such_file_is_refused(market: Rooms, text: str, columns: dict[str, str] | None, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        market.groups.check_csv(market.user, "Core", text, columns)


def test_headings_are_recognised_as_people_write_them() -> None:
    found = group_file.headings("\ufeffInstrument\tQty.\tExch\tWeightage (%)\tRemarks\n")
    wanted = {"symbol": "Instrument", "exchange": "Exch", "weight": "Weightage (%)", "quantity": "Qty.", "note": "Remarks"}
    assert group_file.guess(found) == wanted


@pytest.mark.parametrize(("text", "value"), [("1,250", 1250), ("12,34,567.5", Decimal("1234567.5")), ("12.5 %", Decimal("12.5"))])
def test_numbers_are_read_as_they_are_written_here(text: str, value: Decimal) -> None:
    assert group_file.number(text, "weight") == value


@pytest.mark.parametrize("text", ["12,5", "1e3", "ten", "5 6", "1,2,3"])
def test_what_could_be_two_numbers_is_none(text: str) -> None:
    with pytest.raises(InvalidInput, match="is no weight"):
        group_file.number(text, "weight")


notes = st.text(string.printable + "é₹'", max_size=20).map(lambda text: " ".join(text.split()))
anyone = st.builds(
    Member,
    st.sampled_from([f"NSE:S{number}" for number in range(9)]),
    st.none() | st.decimals(0, 100, places=4),
    st.none() | st.integers(1, 10**6),
    notes,
)


@given(st.lists(anyone, unique_by=lambda member: member.listing))
def test_an_exported_group_is_read_back_as_it_was(given: list[Member]) -> None:
    group = Group(1, 1, "Core", datetime(2026, 11, 20, tzinfo=UTC), members=tuple(given))
    rows = group_file.read(group_file.as_csv(group)).rows
    read = [
        Member(
            f"{row.cells['exchange']}:{row.cells['symbol']}",
            group_file.number(row.cells["weight"], "weight"),
            group_file.units(row.cells["quantity"]),
            group_file.note(row.cells["note"]),
        )
        for row in rows
    ]
    assert read == given
    told = json.loads(group_file.as_json(group))
    assert [one["listing"] for one in told["members"]] == list(group.listings)


def test_a_spreadsheet_runs_no_note_of_an_exported_group() -> None:
    group = Group(
        1, 1, "Core", datetime(2026, 11, 20, tzinfo=UTC), members=(Member("NSE:A", note="=1+1"), Member("NSE:B", note="'-x"))
    )
    assert "'=1+1" in group_file.as_csv(group)
    assert "''-x" in group_file.as_csv(group)


def test_prices_of_what_is_in_a_group_are_kept_for_its_person(market: Rooms) -> None:
    assert market.quotes.watched() == {market.user: []}
    core(market, "INFY")
    market.groups.add(market.another_user(), "Theirs", [Member("RELIANCE")])
    assert market.quotes.watched() == {market.user: ["NSE:INFY"]}
    market.alpha.prices = {"NSE:INFY": Decimal(101)}
    assert market.quotes.poll() == 1
    assert market.quotes.stored(["NSE:INFY"])["NSE:INFY"].last_price == Decimal(101)
