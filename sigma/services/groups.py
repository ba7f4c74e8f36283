"""A person's groups of listings: watchlists and baskets. Nobody sees another person's.

Listings are stored by their canonical text. What is in a group already stays in it when its listing is gone from the
instrument table (an option that expired): only what is new has to be found there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sigma.domain.errors import Conflict, InvalidInput, NotFound, UnknownListing
from sigma.domain.groups import Group, ImportReport, ImportRow, Member, tidy_name
from sigma.ports.clock import Clock
from sigma.ports.storage import Store, Unit
from sigma.services import group_file
from sigma.services.catalogue import Catalogue
from sigma.services.events import EventsService

_READ: Mapping[str, Callable[[str], Any]] = {
    group_file.WEIGHT: lambda text: group_file.number(text, "weight"),
    group_file.QUANTITY: group_file.units,
    group_file.NOTE: group_file.note,
}
MOST_UNKNOWN = 200
_NOT_LOOKED_UP = f"Not looked up: {MOST_UNKNOWN} rows before it name no listing. Is it the right column?"
"""Near names take milliseconds each, and a file of the wrong column has none that help."""
Which = int | str
"""A group's id or its name, whatever the name's case."""


class GroupsService:
    """Makes, changes and reads groups."""

    def __init__(self, store: Store, clock: Clock, catalogue: Catalogue, events: EventsService) -> None:
        self._store = store
        self._clock = clock
        self._catalogue = catalogue
        self._events = events

    def list(self, user_id: int) -> Sequence[Group]:
        """Return the user's groups by name."""
        with self._store.read() as tx:
            return tx.groups.list(user_id)

    def get(self, user_id: int, which: Which) -> Group:
        """Return one group.

        Raises
        ------
        NotFound
            The user has none of that id or name.
        """
        with self._store.read() as tx:
            return _found(tx, user_id, which)

    def listings(self, user_id: int) -> Sequence[str]:
        """Return what is in any of the user's groups, each listing once."""
        with self._store.read() as tx:
            return tx.groups.listings(user_id)

    def add(self, user_id: int, name: str, members: Iterable[Member] = (), description: str = "") -> Group:
        """Make a group; listings may be written as people write them (``INFY``).

        Raises
        ------
        Conflict
            The user has a group of that name.
        UnknownListing, InvalidInput
            A listing is not known, or a value is out of its range.
        """
        found = self._resolved(user_id, members)
        group = Group(0, user_id, tidy_name(name), self._clock.now(), description.strip(), found)
        with self._store.begin() as tx:
            stored = tx.groups.add(group)
            self._record(tx, stored, f"made with {_count(stored)}")
        return stored

    def update(
        self,
        user_id: int,
        which: Which,
        *,
        name: str | None = None,
        description: str | None = None,
        members: Iterable[Member] | None = None,
        version: int | None = None,
    ) -> Group:
        """Rename a group, describe it, or give it other members in this order; what is None stays.

        Parameters
        ----------
        version : int
            What the person looked at; None: whatever it is now.

        Raises
        ------
        Conflict
            It was changed meanwhile, or the name is taken.
        """
        before = self.get(user_id, which)
        wanted = None if members is None else self._resolved(user_id, members, before.listings)

        def changed(group: Group) -> Group:
            return replace(
                group,
                name=group.name if name is None else tidy_name(name),
                description=group.description if description is None else description.strip(),
                members=group.members if wanted is None else wanted,
            )

        return self._change(user_id, before.id, changed, version)

    def put(self, user_id: int, which: Which, member: Member) -> Group:
        """Add a listing at the end, or change weight, quantity and note of one that is in the group."""
        before = self.get(user_id, which)
        (found,) = self._resolved(user_id, [member], before.listings)
        return self._change(user_id, before.id, lambda group: group.put(found))

    def take(self, user_id: int, which: Which, listings: Iterable[str]) -> Group:
        """Take listings out of a group, by their canonical texts or as people write them."""
        before = self.get(user_id, which)
        gone = [self._named(user_id, text, before.listings) for text in listings]
        return self._change(user_id, before.id, lambda group: group.without(gone))

    def move(self, user_id: int, which: Which, listing: str, position: int) -> Group:
        """Put a listing at another place, counted from 1."""
        before = self.get(user_id, which)
        text = self._named(user_id, listing, before.listings)
        return self._change(user_id, before.id, lambda group: group.moved(text, position))

    def remove(self, user_id: int, which: Which, *, version: int | None = None) -> Group:
        """Erase a group and return what it was.

        Raises
        ------
        Conflict
            It was changed since `version`.
        """
        with self._store.begin() as tx:
            group = _found(tx, user_id, which)
            tx.groups.remove(user_id, group.id, group.version if version is None else version)
            self._record(tx, group, f"deleted with {_count(group)}")
        return group

    def check_csv(
        self,
        user_id: int,
        which: Which,
        text: str,
        columns: Mapping[str, str] | None = None,
        *,
        fixes: Mapping[int, str] | None = None,
        replace_all: bool = False,
    ) -> ImportReport:
        """Return what an import of a file into a group would do, row by row; nothing is stored.

        Parameters
        ----------
        columns : mapping
            Heading by field: symbol, exchange, weight, quantity, note. None: as far as headings are recognised.
        fixes : mapping
            What is meant by the rows of some lines, instead of what stands there; empty leaves the row out.
        replace_all : bool
            Whether what the file does not name leaves the group.

        Raises
        ------
        InvalidInput
            It is no such file, or it does not say which column is the symbol.
        """
        return self._plan(user_id, self._or_new(user_id, which), text, columns, fixes or {}, replace_all)[0]

    def import_csv(
        self,
        user_id: int,
        which: Which,
        text: str,
        columns: Mapping[str, str] | None = None,
        *,
        fixes: Mapping[int, str] | None = None,
        replace_all: bool = False,
        version: int | None = None,
    ) -> ImportReport:
        """Put what a file holds into a group; by a name that no group has, one is made. See `check_csv`.

        Rows that name no listing are told with near names and left out. Of a listing that is in the group already, only what
        the file has a column for changes.

        Raises
        ------
        Conflict
            The group was changed since `version`.
        """
        before = self._or_new(user_id, which)
        report, after = self._plan(user_id, before, text, columns, fixes or {}, replace_all)
        if not report.good or (before.id and after.members == before.members):
            return report
        if before.id:
            self._change(user_id, before.id, lambda _: after, before.version if version is None else version)
        else:
            with self._store.begin() as tx:
                self._record(tx, tx.groups.add(after), f"made from a file with {_count(after)}")
        return replace(report, stored=True)

    def _or_new(self, user_id: int, which: Which) -> Group:
        try:
            return self.get(user_id, which)
        except NotFound:
            if isinstance(which, int):
                raise
            return Group(0, user_id, tidy_name(which), self._clock.now())

    def _plan(
        self,
        user_id: int,
        before: Group,
        text: str,
        columns: Mapping[str, str] | None,
        fixes: Mapping[int, str],
        replace_all: bool,
    ) -> tuple[ImportReport, Group]:
        """Return what a file does to a group, and the group after it."""
        file = group_file.read(text, columns)
        there = {member.listing: member for member in before.members}
        rows: list[ImportRow] = []
        lines: dict[str, int] = {}
        unknown = 0
        for row in file.rows:
            if fixes.get(row.line) == "":
                continue
            if unknown < MOST_UNKNOWN:
                one = self._row(user_id, row, fixes.get(row.line), there)
            else:
                one = ImportRow(row.line, row.cells[group_file.SYMBOL], problem=_NOT_LOOKED_UP)
            unknown += one.member is None
            if one.member is not None:
                first = lines.setdefault(one.member.listing, row.line)
                if first != row.line:
                    one = ImportRow(row.line, one.written, problem=f"Line {first} holds {one.member.listing} already.")
            rows.append(one)
        members = {row.member.listing: row.member for row in rows if row.member is not None}
        kept = {} if replace_all else there
        after = before.with_members({**kept, **members}.values())
        changed = tuple(text for text, member in members.items() if text in there and there[text] != member)
        new = tuple(text for text in members if text not in there)
        gone = tuple(text for text in there if text not in after.listings)
        return ImportReport(before.name, file.columns, tuple(rows), new, changed, gone), after

    def _row(self, user_id: int, row: group_file.FileRow, fix: str | None, there: Mapping[str, Member]) -> ImportRow:
        cells = row.cells
        symbol, exchange = cells[group_file.SYMBOL], cells.get(group_file.EXCHANGE, "")
        written = f"{exchange}:{symbol}" if exchange and ":" not in symbol else symbol
        try:
            if not symbol and fix is None:
                raise InvalidInput("The row names no symbol.")
            listing = self._named(user_id, fix or written, there)
            values: dict[str, Any] = {field: read(cells[field]) for field, read in _READ.items() if field in cells}
            return ImportRow(row.line, written, replace(there.get(listing, Member(listing)), **values))
        except UnknownListing as error:
            return ImportRow(row.line, written, problem=error.message, near=error.near)
        except (InvalidInput, NotFound) as error:
            return ImportRow(row.line, written, problem=str(error))

    def _change(self, user_id: int, group_id: int, change: Callable[[Group], Group], version: int | None = None) -> Group:
        """Change a group as it is now; with `version` only if it is still that one. What stays the same is not stored."""
        with self._store.begin() as tx:
            now = tx.groups.get(user_id, group_id)
            if version is not None and now.version != version:
                raise Conflict(f"The group {now.name} was changed meanwhile.", hint="Look at it as it is now, and decide anew.")
            after = replace(change(now), version=now.version)
            if after == now:
                return now
            stored = tx.groups.save(after)
            self._record(tx, stored, _told(now, stored))
        return stored

    def _resolved(self, user_id: int, members: Iterable[Member], known: Collection[str] = ()) -> tuple[Member, ...]:
        known = set(known)
        return tuple(replace(member, listing=self._named(user_id, member.listing, known)) for member in members)

    def _named(self, user_id: int, text: str, known: Collection[str]) -> str:
        """Return the canonical text of what a person wrote; what is known already need not be in the instrument table."""
        plain = text.strip().upper()
        return plain if plain in known else self._catalogue.resolve(text, user_id).text

    def _record(self, tx: Unit, group: Group, told: str) -> None:
        self._events.record("GROUP_CHANGED", f"group {group.name}: {told}", user_id=group.user_id, tx=tx, group_id=group.id)


def _found(tx: Unit, user_id: int, which: Which) -> Group:
    return tx.groups.by_name(user_id, which) if isinstance(which, str) else tx.groups.get(user_id, which)


def _count(group: Group) -> str:
    return f"{len(group.members)} listing{'s' * (len(group.members) != 1)}"


def _told(before: Group, after: Group) -> str:
    """Return what became another in a group."""
    there, now = set(before.listings), set(after.listings)
    parts = [
        f"was named {before.name}" * (before.name != after.name),
        "described anew" * (before.description != after.description),
        f"{len(now - there)} added" * bool(now - there),
        f"{len(there - now)} taken out" * bool(there - now),
    ]
    said = [part for part in parts if part]
    if not said and before.members != after.members:
        said = ["members changed"]
    return ", ".join(said)
