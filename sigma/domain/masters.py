"""What a merge of instrument masters sets aside, and how a person settles it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RowKey:
    """Which row of a source's file is meant. All four must still agree, so that nothing is applied to a token used anew."""

    source: str
    exchange_code: str
    symbol: str
    token: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A row that contradicts itself or another source; it is no listing's name until a person settles it.

    Parameters
    ----------
    reason : str
        What is wrong, in words.
    says, elsewhere : str or None
        The canonical text that the row's own words give, and the one that another source gives for the same token or ISIN.
    first_seen, last_seen : datetime
        UTC.
    present : bool
        Whether the newest file of the source still has it.
    """

    key: RowKey
    exchange: str
    name: str
    reason: str
    says: str | None
    elsewhere: str | None
    first_seen: datetime
    last_seen: datetime
    present: bool


@dataclass(frozen=True, slots=True)
class Override:
    """What a person said a row of a source is; `listing` None leaves the row out. `by` is who said it, `at` when (UTC)."""

    key: RowKey
    listing: str | None
    note: str
    by: str
    at: datetime
