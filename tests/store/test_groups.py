"""Groups of listings, on both databases."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from sigma.domain.errors import Conflict, NotFound
from sigma.domain.groups import Group, Member
from sigma.store import SqlStore
from tests.store.values import NOW, OWNER

MEMBERS = (
    Member("NSE:TCS", Decimal("12.3456"), 5, "शुभ"),
    Member("NSE:INFY"),
    Member("NFO:NIFTY26NOVFUT", None, 75, "'=1"),
)


def group(name: str = "Core", **changes: Any) -> Group:
    return replace(Group(0, OWNER, name, NOW, "What I keep", MEMBERS), **changes)


def added(store: SqlStore, *groups: Group) -> list[Group]:
    with store.begin() as tx:
        return [tx.groups.add(each) for each in groups]


def test_a_group_comes_back_as_it_was_stored_members_in_their_order(store: SqlStore) -> None:
    (stored,) = added(store, group())
    with store.read() as tx:
        assert tx.groups.get(OWNER, stored.id) == stored
        assert tx.groups.by_name(OWNER, "CORE") == stored
        assert tx.groups.list(OWNER) == [stored]
        assert stored.members == MEMBERS


def test_groups_are_listed_by_name_whatever_its_case(store: SqlStore) -> None:
    added(store, group("banks"), group("Autos"), group("Zinc"), group("\u00c9nergie"))
    with store.read() as tx:
        assert [each.name for each in tx.groups.list(OWNER)] == ["Autos", "banks", "Zinc", "\u00c9nergie"]


def test_two_groups_of_one_person_cannot_have_one_name(store: SqlStore) -> None:
    added(store, group("Core"))
    with pytest.raises(Conflict, match="named 'CORE' already"):
        added(store, group("CORE"))
    (other,) = added(store, group("Other"))
    with pytest.raises(Conflict, match="named 'core' already"), store.begin() as tx:
        tx.groups.save(replace(other, name="core"))


def test_a_change_is_stored_once_and_refused_when_somebody_was_quicker(store: SqlStore) -> None:
    (stored,) = added(store, group())
    with store.begin() as tx:
        saved = tx.groups.save(replace(stored, name="Kept", members=MEMBERS[::-1]))
    assert saved.version == stored.version + 1
    with store.read() as tx:
        assert tx.groups.get(OWNER, stored.id) == saved
    for act in (
        lambda tx: tx.groups.save(replace(stored, description="late")),
        lambda tx: tx.groups.remove(OWNER, stored.id, stored.version),
    ):
        with pytest.raises(Conflict, match="was read as version 1"), store.begin() as tx:
            act(tx)
    with store.read() as tx:
        assert tx.groups.get(OWNER, stored.id) == saved


def test_a_group_goes_with_its_members(store: SqlStore) -> None:
    (stored, kept) = added(store, group(), group("Kept", members=MEMBERS[:1]))
    with store.begin() as tx:
        tx.groups.remove(OWNER, stored.id, stored.version)
    with store.read() as tx:
        assert tx.groups.list(OWNER) == [kept]
        assert tx.groups.listings(OWNER) == ["NSE:TCS"]
        with pytest.raises(NotFound, match="Groups: Kept"):
            tx.groups.by_name(OWNER, "Core")


def test_what_is_in_any_group_is_named_once(store: SqlStore) -> None:
    added(store, group(), group("Other", members=MEMBERS[1:]))
    with store.read() as tx:
        assert tx.groups.listings(OWNER) == ["NFO:NIFTY26NOVFUT", "NSE:INFY", "NSE:TCS"]


def test_nobody_reaches_another_persons_group(store: SqlStore) -> None:
    (stored,) = added(store, group())
    other = OWNER + 1
    with store.begin() as tx:
        assert tx.groups.list(other) == []
        assert tx.groups.listings(other) == []
        for act in (
            lambda: tx.groups.get(other, stored.id),
            lambda: tx.groups.by_name(other, "Core"),
            lambda: tx.groups.save(replace(stored, user_id=other)),
            lambda: tx.groups.remove(other, stored.id, stored.version),
        ):
            with pytest.raises(NotFound):
                act()
        assert tx.groups.get(OWNER, stored.id) == stored
