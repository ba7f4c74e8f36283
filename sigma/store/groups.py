"""Groups of listings. Members have rows of their own, so that one query knows all that a person watches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NoReturn

from sqlalchemy import Row, Select, bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError

from sigma.domain.errors import Conflict, NotFound
from sigma.domain.groups import Group, Member, name_key
from sigma.store.database import Link
from sigma.store.desk_schema import group_members, groups
from sigma.store.statements import add_row, breaks, missing, save_row, stale

_MINE = select(groups).where(groups.c.user_id == bindparam("user"))
_BY_ID = _MINE.where(groups.c.id == bindparam("group"))
_BY_NAME = _MINE.where(groups.c.name_key == bindparam("name"))
_MEMBERS = select(group_members).where(group_members.c.user_id == bindparam("user")).order_by(group_members.c.position)
_MEMBERS_OF = _MEMBERS.where(group_members.c.group_id == bindparam("group"))
_LISTINGS = select(group_members.c.listing).where(group_members.c.user_id == bindparam("user")).distinct()
_ERASE_MEMBERS = delete(group_members).where(group_members.c.group_id == bindparam("group"))
_ERASE = delete(groups).where(groups.c.id == bindparam("group"))


class SqlGroups:
    """The tables `groups` and `group_members`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def list(self, user_id: int) -> Sequence[Group]:
        """Return a user's groups by name, whatever its case."""
        members: dict[int, list[Member]] = defaultdict(list)
        for row in self._link.all(_MEMBERS, {"user": user_id}):
            members[row.group_id].append(_member(row))
        found = sorted(self._link.all(_MINE, {"user": user_id}), key=lambda row: row.name_key)
        return [_group(row, members[row.id]) for row in found]

    def get(self, user_id: int, group_id: int) -> Group:
        """Return one group or raise NotFound, for another user's too."""
        row = self._link.first(self._locked(_BY_ID), {"user": user_id, "group": group_id})
        if row is None:
            raise missing("Group", group_id)
        return self._whole(row)

    def by_name(self, user_id: int, name: str) -> Group:
        """Return one group by its name, whatever its case, or raise NotFound naming those there are."""
        row = self._link.first(self._locked(_BY_NAME), {"user": user_id, "name": name_key(name)})
        if row is None:
            known = ", ".join(sorted(each.name for each in self._link.all(_MINE, {"user": user_id}))) or "none yet"
            raise NotFound(f"There is no group {name!r}.", hint=f"Groups: {known}.")
        return self._whole(row)

    def add(self, group: Group) -> Group:
        """Store a new group; Conflict when the user has one of that name."""
        try:
            stored = replace(group, id=add_row(self._link, groups, _row(group)))
        except IntegrityError as error:
            _explain(error, group)
        self._put_members(stored)
        return stored

    def save(self, group: Group) -> Group:
        """Store changes; Conflict when it was changed meanwhile or its name is taken."""
        before = self.get(group.user_id, group.id)
        try:
            saved = save_row(self._link, groups, _row(group), "user_id", "created_at")
        except IntegrityError as error:
            _explain(error, group)
        if not saved:
            stale(self._link, groups, "Group", group.id, group.version, group.name, "name")
        if before.members != group.members:
            self._link.write(_ERASE_MEMBERS, {"group": group.id})
            self._put_members(group)
        return replace(group, version=group.version + 1)

    def remove(self, user_id: int, group_id: int, version: int) -> None:
        """Erase a group and its members; Conflict when it was changed meanwhile."""
        now = self.get(user_id, group_id)
        if now.version != version:
            stale(self._link, groups, "Group", group_id, version, now.name, "name")
        self._link.write(_ERASE_MEMBERS, {"group": group_id})
        self._link.write(_ERASE, {"group": group_id})

    def listings(self, user_id: int) -> Sequence[str]:
        """Return what is in any of a user's groups: canonical texts, each once, in order."""
        return sorted(row.listing for row in self._link.all(_LISTINGS, {"user": user_id}))

    def _locked(self, query: Select[Any]) -> Select[Any]:
        return query.with_for_update(key_share=True) if self._link.locking else query

    def _whole(self, row: Row[Any]) -> Group:
        found = self._link.all(_MEMBERS_OF, {"user": row.user_id, "group": row.id})
        return _group(row, [_member(each) for each in found])

    def _put_members(self, group: Group) -> None:
        rows = [
            {
                "group_id": group.id,
                "user_id": group.user_id,
                "position": position,
                "listing": member.listing,
                "weight": member.weight,
                "quantity": member.quantity,
                "note": member.note,
            }
            for position, member in enumerate(group.members, 1)
        ]
        if rows:
            self._link.write(insert(group_members), rows)


def _row(group: Group) -> dict[str, Any]:
    return {
        "id": group.id,
        "user_id": group.user_id,
        "name": group.name,
        "name_key": name_key(group.name),
        "description": group.description,
        "created_at": group.created_at,
        "version": group.version,
    }


def _group(row: Row[Any], members: Sequence[Member]) -> Group:
    return Group(row.id, row.user_id, row.name, row.created_at, row.description, tuple(members), row.version)


def _member(row: Row[Any]) -> Member:
    return Member(row.listing, row.weight, row.quantity, row.note)


def _explain(error: IntegrityError, group: Group) -> NoReturn:
    """Say in words that the name is taken; any other broken constraint is an error of ours."""
    if breaks(error, "uq_groups_name", "UNIQUE constraint failed: groups"):
        raise Conflict(f"There is a group named {group.name!r} already.", hint="Choose another name.") from error
    raise error
