"""`desk.groups`: watchlists and baskets of listings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pandas as pd

from sigma.desk.cells import FLAG, MAYBE_WHOLE, MOMENT, NUMBER, TEXT, THING, WHOLE
from sigma.desk.cells import facts as _facts
from sigma.desk.cells import frame as _frame
from sigma.domain.errors import InvalidInput
from sigma.domain.groups import Group, ImportReport, ImportRow, Member
from sigma.domain.money import decimal_from
from sigma.services.group_file import FIELDS, as_csv, as_json, guess, headings

if TYPE_CHECKING:
    from sigma.bootstrap import House

__all__ = ["FIELDS", "GROUPS", "MEMBERS", "REPORT", "GroupsDesk", "ImportReport"]

GROUPS = {
    "id": WHOLE,
    "name": TEXT,
    "description": TEXT,
    "listings": WHOLE,
    "weight": NUMBER,
    "created_at": MOMENT,
    "version": WHOLE,
}
MEMBERS = {"position": WHOLE, "listing": TEXT, "weight": NUMBER, "quantity": MAYBE_WHOLE, "note": TEXT}
REPORT = {
    "line": WHOLE,
    "good": FLAG,
    "written": TEXT,
    "listing": TEXT,
    "weight": NUMBER,
    "quantity": MAYBE_WHOLE,
    "words": TEXT,
    "near": THING,
}
Number = Decimal | int | float | str
Wanted = pd.DataFrame | Mapping[str, Number | None] | Iterable[str | Member]
"""Members: listings, a mapping from listing to weight in percent, or a frame with a column ``listing`` as `members` gives it."""


class GroupsDesk:
    """The person's own groups, known by name (whatever its case) or id. Weights are percent, quantities units."""

    def __init__(self, house: House, user_id: int) -> None:
        self._groups = house.groups
        self._user_id = user_id

    def add(self, name: str, listings: Wanted = (), *, description: str = "") -> Group:
        """Make a group; listings as people write them (``INFY``, ``NSE:INFY``), a mapping to weights, or a frame."""
        return self._groups.add(self._user_id, name, _members(listings), description)

    def get(self, name: str | int) -> Group:
        """Return one group: name, description, members, version."""
        return self._groups.get(self._user_id, name)

    def table(self) -> pd.DataFrame:
        """Return the groups by name; columns: GROUPS. `weight` is what the weights add up to."""
        found = self._groups.list(self._user_id)
        return _frame(GROUPS, [_facts(GROUPS, group, listings=len(group.members)) for group in found])

    def members(self, name: str | int) -> pd.DataFrame:
        """Return what is in a group, in its order; columns: MEMBERS."""
        found = self.get(name).members
        return _frame(MEMBERS, [_facts(MEMBERS, member, position=place) for place, member in enumerate(found, 1)])

    def update(
        self,
        name: str | int,
        *,
        new_name: str | None = None,
        description: str | None = None,
        members: Wanted | None = None,
        version: int | None = None,
    ) -> Group:
        """Rename a group, describe it, or give it other members in this order; with `version` only if it is still that one."""
        wanted = None if members is None else _members(members)
        return self._groups.update(self._user_id, name, name=new_name, description=description, members=wanted, version=version)

    def put(
        self, name: str | int, listing: str, *, weight: Number | None = None, quantity: int | None = None, note: str = ""
    ) -> Group:
        """Add a listing at the end of a group, or give one that is in it another weight, quantity and note."""
        return self._groups.put(self._user_id, name, Member(listing, _weight(weight), quantity, note.strip()))

    def take(self, name: str | int, *listings: str) -> Group:
        """Take listings out of a group."""
        return self._groups.take(self._user_id, name, listings)

    def move(self, name: str | int, listing: str, position: int) -> Group:
        """Put a listing of a group at another place, counted from 1."""
        return self._groups.move(self._user_id, name, listing, position)

    def remove(self, name: str | int, *, version: int | None = None) -> Group:
        """Erase a group and return what it was."""
        return self._groups.remove(self._user_id, name, version=version)

    def listings(self) -> tuple[str, ...]:
        """Return what is in any of the groups, each listing once."""
        return tuple(self._groups.listings(self._user_id))

    def headings(self, text: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """Return the headings of a CSV file, and which of them is taken for which field (FIELDS)."""
        found = headings(text)
        return found, guess(found)

    def check_csv(
        self,
        name: str | int,
        text: str,
        columns: Mapping[str, str] | None = None,
        *,
        fixes: Mapping[int, str] | None = None,
        replace: bool = False,
    ) -> ImportReport:
        """Return what `import_csv` would do, row by row; nothing is stored."""
        return self._groups.check_csv(self._user_id, name, text, columns, fixes=fixes, replace_all=replace)

    def import_csv(
        self,
        name: str | int,
        text: str,
        columns: Mapping[str, str] | None = None,
        *,
        fixes: Mapping[int, str] | None = None,
        replace: bool = False,
        version: int | None = None,
    ) -> ImportReport:
        """Put what a CSV file holds into a group (made when there is none), and return what became of each row.

        `columns` says which heading is what: ``{"symbol": "Ticker", "weight": "Alloc %"}``; without it known headings are
        recognised. Rows that name no listing are left out and told with near names; ``fixes={3: "NSE:INFY"}`` says what line 3
        means. With `replace`, what the file does not name leaves the group.
        """
        return self._groups.import_csv(self._user_id, name, text, columns, fixes=fixes, replace_all=replace, version=version)

    def report(self, report: ImportReport) -> pd.DataFrame:
        """Return a report as a table, one row a row of the file; columns: REPORT."""
        return _frame(REPORT, [_told(row, report) for row in report.rows])

    def export(self, name: str | int, form: str = "csv") -> str:
        """Return a group as ``csv`` (it can be imported again) or ``json``."""
        writers = {"csv": as_csv, "json": as_json}
        if form not in writers:
            raise InvalidInput(f"{form!r} is no form of a file.", hint=f"Use one of {', '.join(writers)}.")
        return writers[form](self.get(name))


def _members(wanted: Wanted) -> list[Member]:
    if isinstance(wanted, pd.DataFrame):
        return [_of_row(row) for row in wanted.astype("object").to_dict("records")]
    if isinstance(wanted, Mapping):
        return [Member(listing, _weight(weight)) for listing, weight in wanted.items()]
    return [one if isinstance(one, Member) else Member(one) for one in ([wanted] if isinstance(wanted, str) else wanted)]


def _of_row(row: Mapping[Any, Any]) -> Member:
    there = {name: value for name, value in row.items() if not pd.isna(value)}
    quantity = there.get("quantity")
    if quantity is not None and quantity != int(quantity):
        raise InvalidInput(f"{quantity} is no quantity for {there.get('listing')}.", hint="Units are whole.")
    return Member(
        str(there.get("listing", "")),
        _weight(there.get("weight")),
        None if quantity is None else int(quantity),
        str(there.get("note", "")).strip(),
    )


def _weight(value: Number | None) -> Decimal | None:
    try:
        return None if value is None else decimal_from(value)
    except ValueError:
        raise InvalidInput(f"{value!r} is no weight.", hint="A weight is a percentage, 0 to 100.") from None


def _told(row: ImportRow, report: ImportReport) -> dict[str, Any]:
    member = row.member
    if member is None:
        words = row.problem
    elif member.listing in report.new:
        words = "added" if report.stored else "new"
    elif member.listing in report.changed:
        words = "changed" if report.stored else "other figures"
    else:
        words = "in the group already"
    return _facts(REPORT, row, member or Member(""), good=member is not None, words=words, near=row.near)
