"""Groups of listings: a watchlist, or with weights a basket. They name listings, so that a group fits every broker.

A listing is in a group once. Members keep the order that the person gave them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from sigma.domain.errors import InvalidInput, NotFound
from sigma.domain.money import ZERO

MOST_MEMBERS = 1000
LONGEST_NAME, LONGEST_DESCRIPTION, LONGEST_NOTE = 60, 500, 200
WHOLE = Decimal(100)
WEIGHT_PLACES = 4
MOST_UNITS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Member:
    """One listing of a group.

    Parameters
    ----------
    listing : str
        Canonical text, ``NSE:INFY``.
    weight : Decimal or None
        Wanted part of the group's value in percent, 0 to 100, at most four decimals. None: no target.
    quantity : int or None
        Wanted units. None: no target.
    note : str
        The person's own words.

    Raises
    ------
    InvalidInput
        A value is out of its range.
    """

    listing: str
    weight: Decimal | None = None
    quantity: int | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.weight is not None:
            if not self.weight.is_finite() or not ZERO <= self.weight <= WHOLE:
                raise InvalidInput(f"{self.weight} is no weight for {self.listing}.", hint="A weight is a percentage, 0 to 100.")
            if self.weight != round(self.weight, WEIGHT_PLACES):
                raise InvalidInput(f"The weight {self.weight} of {self.listing} has too many decimals.", hint="Four are kept.")
        if self.quantity is not None and not 1 <= self.quantity <= MOST_UNITS:
            raise InvalidInput(f"{self.quantity} is no quantity for {self.listing}.", hint=f"From 1 to {MOST_UNITS:,} units.")
        if len(self.note) > LONGEST_NOTE:
            raise InvalidInput(f"The note on {self.listing} is too long.", hint=f"At most {LONGEST_NOTE} characters.")


@dataclass(frozen=True, slots=True)
class Group:
    """A person's group.

    Parameters
    ----------
    name : str
        Unique among the person's groups, whatever its case.
    members : tuple of Member
        In the person's order.
    created_at : datetime
        UTC.

    Raises
    ------
    InvalidInput
        A listing is in it twice, it has too many members, or its name or description is not fit.
    """

    id: int
    user_id: int
    name: str
    created_at: datetime
    description: str = ""
    members: tuple[Member, ...] = ()
    version: int = 1

    def __post_init__(self) -> None:
        if self.name != tidy_name(self.name):
            raise InvalidInput(f"{self.name!r} is no name for a group.", hint="Leave out spaces around it and double ones.")
        if len(self.description) > LONGEST_DESCRIPTION:
            raise InvalidInput("The description is too long.", hint=f"At most {LONGEST_DESCRIPTION} characters.")
        if len(self.members) > MOST_MEMBERS:
            raise InvalidInput(f"{self.name} would have {len(self.members)} listings.", hint=f"At most {MOST_MEMBERS}.")
        seen: set[str] = set()
        for member in self.members:
            if member.listing in seen:
                raise InvalidInput(f"{member.listing} is in {self.name} twice.", hint="A listing is in a group once.")
            seen.add(member.listing)

    @property
    def listings(self) -> tuple[str, ...]:
        """The canonical texts, in order."""
        return tuple(member.listing for member in self.members)

    @property
    def weight(self) -> Decimal | None:
        """What the weights add up to, in percent; None when no member has one."""
        given = [member.weight for member in self.members if member.weight is not None]
        return sum(given, ZERO) if given else None

    def with_members(self, members: Iterable[Member]) -> Group:
        """Return the group with other members."""
        return replace(self, members=tuple(members))

    def put(self, member: Member) -> Group:
        """Return the group with a member in the place of the one with its listing, else at the end."""
        if member.listing not in self.listings:
            return self.with_members((*self.members, member))
        return self.with_members(member if one.listing == member.listing else one for one in self.members)

    def without(self, listings: Iterable[str]) -> Group:
        """Return the group without some listings.

        Raises
        ------
        NotFound
            One is not in it.
        """
        gone = set(listings)
        for listing in sorted(gone - set(self.listings)):
            raise NotFound(f"{listing} is not in {self.name}.")
        return self.with_members(one for one in self.members if one.listing not in gone)

    def moved(self, listing: str, position: int) -> Group:
        """Return the group with a listing at another place, counted from 1; beyond the end it is the last.

        Raises
        ------
        NotFound
            The listing is not in it.
        InvalidInput
            The place is below 1.
        """
        if position < 1:
            raise InvalidInput(f"{position} is no place in a group.", hint="Places are counted from 1.")
        member = next((one for one in self.members if one.listing == listing), None)
        if member is None:
            raise NotFound(f"{listing} is not in {self.name}.")
        rest = [one for one in self.members if one is not member]
        return self.with_members([*rest[: position - 1], member, *rest[position - 1 :]])


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One row of a file: the member it holds, or what is wrong with it.

    Parameters
    ----------
    line : int
        Its number in the file, counted from 1.
    written : str
        What stands there for the listing.
    near : tuple of str
        Listings that may have been meant, the likeliest first.
    """

    line: int
    written: str
    member: Member | None = None
    problem: str = ""
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What a file says of a group, row by row, and what became of it.

    Parameters
    ----------
    group : str
        Name of the group.
    columns : mapping
        Which column of the file was read as what.
    new, changed, gone : tuple of str
        Listings that the group gets, that it has with other figures, and (when the file replaces them) that leave.
    stored : bool
        Whether it was done, or only looked at.
    """

    group: str
    columns: Mapping[str, str]
    rows: tuple[ImportRow, ...]
    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    stored: bool = field(default=False)

    @property
    def good(self) -> tuple[ImportRow, ...]:
        """The rows that hold a member."""
        return tuple(row for row in self.rows if row.member is not None)

    @property
    def bad(self) -> tuple[ImportRow, ...]:
        """The rows that hold none."""
        return tuple(row for row in self.rows if row.member is None)


def tidy_name(text: str) -> str:
    """Return a name as it is kept: single spaces, none around it.

    Raises
    ------
    InvalidInput
        It is empty, too long, or holds characters that cannot be seen.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if not name or len(name) > LONGEST_NAME:
        raise InvalidInput(f"{text!r} is no name for a group.", hint=f"Give 1 to {LONGEST_NAME} characters.")
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Co", "Cn") for sign in name):
        raise InvalidInput(f"{text!r} is no name for a group.", hint="It holds characters that cannot be shown.")
    return name


def name_key(name: str) -> str:
    """Return what two names that count as the same have in common, whatever their case."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
