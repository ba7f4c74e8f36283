"""What the adapter of paper accounts needs of the house: its books, canonical quotes, listings, sessions and charges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from sigma.domain.calendar import Calendar
from sigma.domain.instruments import Listing
from sigma.domain.market import Quote
from sigma.domain.paper import PaperBook, PaperRules, PaperState
from sigma.domain.rates import Rates


class PaperTurn(Protocol):
    """One change of a book: nobody else changes it meanwhile."""

    @property
    def state(self) -> PaperState:
        """The book as it stands."""

    def put(self, state: PaperState) -> None:
        """Store this at the end of the turn: what differs, nothing else."""


class PaperBooks(Protocol):
    """The books of all paper accounts, shared by all processes."""

    def load(self, account_id: int, day: date) -> PaperState | None:
        """Return a book with the orders that work or are shown on `day` or later, and the executions since; None: no book."""

    def change(self, account_id: int, day: date) -> AbstractContextManager[PaperTurn]:
        """Hold the book's lock until the end of the block, which commits; an exception changes nothing.

        Raises
        ------
        NotFound
            The account has no book.
        """

    def open(self, account_id: int, book: PaperBook) -> bool:
        """Store a first book; False, and nothing changed, when there is one."""


@dataclass(frozen=True, slots=True)
class PaperPlace:
    """What the house gives to one paper account.

    Parameters
    ----------
    quotes : callable
        Canonical quotes by canonical text, with depth where there is one; listings without one are absent. Raises
        SigmaError when there is no source or it does not answer.
    listing : callable
        A listing by canonical text, None when unknown.
    rates : Rates
        What orders cost at a paper account.
    owner : str
        Name of the person whose account it is.
    """

    account_id: int
    books: PaperBooks
    quotes: Callable[[Sequence[str]], Mapping[str, Quote]]
    listing: Callable[[str], Listing | None]
    calendar: Calendar
    rates: Rates
    rules: PaperRules = field(default_factory=PaperRules)
    owner: str = ""
