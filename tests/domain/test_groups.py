"""Groups: a listing is in one once, and its members keep their order."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sigma.domain.errors import InvalidInput, NotFound
from sigma.domain.groups import MOST_MEMBERS, Group, Member, name_key, tidy_name

NOW = datetime(2026, 11, 20, 5, tzinfo=UTC)
LISTINGS = [f"NSE:S{number}" for number in range(8)]
members = st.lists(st.sampled_from(LISTINGS), unique=True).map(lambda texts: tuple(Member(text) for text in texts))
weights = st.decimals(0, 100, places=4) | st.none()


def group(*listings: str | Member) -> Group:
    return Group(1, 1, "Core", NOW, members=tuple(one if isinstance(one, Member) else Member(one) for one in listings))


@given(members, st.sampled_from(LISTINGS), weights)
def test_whatever_is_put_in_is_there_once_and_nothing_else_moves(
    there: tuple[Member, ...], listing: str, weight: Decimal
) -> None:
    before = group(*there)
    after = before.put(Member(listing, weight))
    assert after.listings.count(listing) == 1
    assert [text for text in after.listings if text in before.listings] == list(before.listings)
    assert after.put(Member(listing, weight)) == after
    assert after.without([listing]).listings == tuple(text for text in before.listings if text != listing)


@given(members.filter(bool), st.data())
def test_a_move_changes_one_place_and_keeps_the_order_of_the_others(there: tuple[Member, ...], data: st.DataObject) -> None:
    before = group(*there)
    listing = data.draw(st.sampled_from(before.listings))
    place = data.draw(st.integers(1, 12))
    after = before.moved(listing, place)
    assert after.listings.index(listing) == min(place, len(there)) - 1
    assert [text for text in after.listings if text != listing] == [text for text in before.listings if text != listing]


def test_a_listing_cannot_be_in_a_group_twice_nor_a_group_be_endless() -> None:
    with pytest.raises(InvalidInput, match="NSE:INFY is in Core twice"):
        group("NSE:INFY", "NSE:TCS", "NSE:INFY")
    with pytest.raises(InvalidInput, match="1001 listings"):
        group(*[f"NSE:S{number}" for number in range(MOST_MEMBERS + 1)])


def test_what_is_not_there_can_neither_leave_nor_move() -> None:
    for act in (lambda: group("NSE:TCS").without(["NSE:INFY"]), lambda: group("NSE:TCS").moved("NSE:INFY", 1)):
        with pytest.raises(NotFound, match="NSE:INFY is not in Core"):
            act()
    with pytest.raises(InvalidInput, match="0 is no place"):
        group("NSE:TCS").moved("NSE:TCS", 0)


@pytest.mark.parametrize(
    "given",
    [{"weight": Decimal("100.01")}, {"weight": Decimal("-1")}, {"weight": Decimal("NaN")}, {"weight": Decimal("1.00001")}],
)
def test_a_weight_is_a_percentage_of_at_most_four_decimals(given: dict[str, Decimal]) -> None:
    with pytest.raises(InvalidInput, match="weight"):
        Member("NSE:INFY", **given)


@pytest.mark.parametrize("quantity", [0, -5, 10**12])
def test_a_quantity_is_at_least_one_unit(quantity: int) -> None:
    with pytest.raises(InvalidInput, match="no quantity"):
        Member("NSE:INFY", quantity=quantity)


def test_weights_add_up_and_are_missing_when_nobody_gave_any() -> None:
    assert group(Member("NSE:A", Decimal("33.3333")), Member("NSE:B"), Member("NSE:C", Decimal("66.6667"))).weight == 100
    assert group("NSE:A").weight is None


@given(st.text(max_size=80))
def test_a_tidy_name_stays_as_it_is_and_its_key_knows_no_case(text: str) -> None:
    try:
        name = tidy_name(text)
    except InvalidInput:
        return
    assert tidy_name(name) == name
    assert name_key(name_key(name)) == name_key(name)


@pytest.mark.parametrize("text", ["", "  ", "x" * 61, "a\0b", "a\x1bb"])
def test_what_nobody_could_read_is_no_name(text: str) -> None:
    with pytest.raises(InvalidInput):
        tidy_name(text)


def test_names_that_differ_in_case_only_are_the_same() -> None:
    assert name_key("Straße IT") == name_key("STRASSE it")
    assert tidy_name("  my   list ") == "my list"
