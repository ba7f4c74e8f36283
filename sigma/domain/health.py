"""What is well and what is broken: the values of a look at the installation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

BEAT_S = 10.0
"""How often the gateway and the web process say that they live, in seconds; the worker's own pace is a setting."""

CLOCK_KEY = "clock_ms_"
"""With an account's id behind it, the worker's heartbeat tells how many milliseconds our clock is ahead of its broker's."""

SYNCED_KEY = "synced_"
"""With an account's id behind it, the worker's heartbeat tells when (ISO, UTC) its order book was read last."""


FEED_KEY = "feed_"
"""With an account's id behind it, the worker's heartbeat tells (JSON) how the account's live feed stands."""


class Mark(StrEnum):
    """How a check came out; the worst comes first."""

    BAD = "bad"
    WARNING = "warning"
    NOTE = "note"
    GOOD = "good"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    what : str
        The thing: ``worker``, ``session``, ``disk``.
    words : str
        How it is; moments in it are IST.
    hint : str
        What to do next; empty when there is nothing to do.
    since : datetime or None
        Since when it is so (UTC), where that is known.
    account : str or None
        Name of the account that it concerns; None: the whole installation.
    """

    mark: Mark
    what: str
    words: str
    hint: str = ""
    since: datetime | None = None
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an installation lives, as the machine says.

    Parameters
    ----------
    home_mode, key_mode : int or None
        Permission bits; None: it is not there.
    key_given : bool
        The key comes from SIGMA_KEY.
    free_bytes : int or None
        Room on the disk of `home`; None where there is no such folder.
    """

    home: str
    home_mode: int | None
    key_file: str
    key_mode: int | None
    key_given: bool
    free_bytes: int | None


def worst_first(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return checks with the worst on top; equally bad ones stay in their order."""
    order = list(Mark)
    return tuple(sorted(checks, key=lambda check: order.index(check.mark)))
