"""How often a broker may be asked, as data: sorts of calls, and how many of them it takes in which time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

DAY_S = 86_400
_UNITS = {1: "a second", 60: "a minute", 3600: "an hour"}


class CallKind(StrEnum):
    """What a call that is no write asks a broker for. `OTHER` is whatever has no word of its own."""

    QUOTES = "quotes"
    BARS = "bars"
    BOOK = "order book"
    FILLS = "executions"
    HOLDINGS = "holdings"
    POSITIONS = "positions"
    FUNDS = "funds"
    PROFILE = "profile"
    LOGIN = "login"
    MARGIN = "margin"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Window:
    """At most so many calls in any stretch of so many seconds."""

    calls: int
    seconds: int

    def __post_init__(self) -> None:
        if self.calls < 1 or self.seconds < 1:
            raise ValueError(f"{self.calls} calls in {self.seconds} seconds are no limit")

    def __str__(self) -> str:
        return f"{self.calls:,} {_UNITS.get(self.seconds) or f'in {self.seconds} s'}"


@dataclass(frozen=True, slots=True)
class CallLimit:
    """What one account's calls of some kinds may be together.

    Parameters
    ----------
    name : str
        Names the limit to people, and its file: lower case, words apart by spaces.
    kinds : frozenset of CallKind
        The calls that count.
    windows : tuple of Window
        All of them hold. The burst is what the shortest one allows.
    """

    name: str
    kinds: frozenset[CallKind]
    windows: tuple[Window, ...]

    def __post_init__(self) -> None:
        if not self.windows or not self.kinds:
            raise ValueError(f"the limit {self.name!r} limits nothing")

    @property
    def most(self) -> int:
        """The largest number of calls that any window counts."""
        return max(window.calls for window in self.windows)

    @property
    def shortest_s(self) -> int:
        """The shortest window's length, seconds."""
        return min(window.seconds for window in self.windows)

    @property
    def words(self) -> str:
        """The limit as people read it (``10 a second, 500 a minute``)."""
        return ", ".join(str(window) for window in self.windows)


@dataclass(frozen=True, slots=True)
class WriteLimit:
    """At most so many writes of an account in any stretch of so many seconds; one of a day begins anew at midnight in India.

    Parameters
    ----------
    reserved : int
        How many of them only cancels and reduce-only exits may be.
    """

    writes: int
    seconds: int
    reserved: int

    def __post_init__(self) -> None:
        if not 0 <= self.reserved < self.writes or not 0 < self.seconds <= DAY_S:
            raise ValueError(f"of {self.writes} writes in {self.seconds} s {self.reserved} cannot be reserved")


ONE_BY_ONE = (CallLimit("all calls", frozenset(CallKind), (Window(1, 1),)),)
"""For a broker of whose limits nothing is known."""


@dataclass(frozen=True, slots=True)
class LimitUse:
    """How a limit was used by all processes of this machine since midnight IST.

    Parameters
    ----------
    calls, waited, refused : int
        Calls that got a turn, those of them that had to wait for it, and those that gave up because the wait was too long.
    waited_s : float
        Seconds that calls had to wait, together.
    limited : int
        How often the broker itself said that it was asked too fast.
    limited_at : datetime or None
        When it last did, UTC; also before midnight.
    closed_s : float
        Seconds for which nobody asks, because the broker wants it so; 0.0 when it does not.
    """

    limit: CallLimit
    calls: int = 0
    waited: int = 0
    waited_s: float = 0.0
    refused: int = 0
    limited: int = 0
    limited_at: datetime | None = None
    closed_s: float = 0.0
