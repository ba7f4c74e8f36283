"""`desk.checks`, `desk.runs`, `desk.bell`, `desk.hours`, `desk.overview`: how things stand, by what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sigma.bootstrap import look_at_place
from sigma.desk import frames
from sigma.domain.calendar import Hours
from sigma.domain.events import Bell
from sigma.domain.health import Check
from sigma.domain.instruments import Exchange
from sigma.domain.overview import Sums

if TYPE_CHECKING:
    from sigma.bootstrap import House


class Overview(Sums):
    """Accounts side by side and together."""

    @property
    def allocation(self) -> pd.DataFrame:
        """The largest holdings, one row a holding and account; columns: frames.ALLOCATION."""
        return frames.allocation(self.largest)


class StateDesk:
    """How one user's accounts and the installation stand. No broker is asked, except by `ask`."""

    def __init__(self, house: House, user_id: int) -> None:
        self._house = house
        self._user_id = user_id

    def checks(self) -> tuple[Check, ...]:
        """Return what works and what is broken, worst first."""
        return self._house.health.checks(self._user_id)

    def ask(self, account: str | int) -> tuple[Check, ...]:
        """Ask an account's broker now for its login and order book; worst first."""
        return self._house.health.ask(self._user_id, account)

    def synced_at(self, account: str | int) -> datetime | None:
        """Return when the worker last read an account's order book (UTC)."""
        return self._house.health.synced_at(self._user_id, account)

    def runs(self, limit: int) -> pd.DataFrame:
        """Return the last runs of jobs; columns: frames.RUNS."""
        return frames.runs(self._house.events.runs(limit))

    def limits(self) -> pd.DataFrame:
        """Return how each account's limits on calls were used today; columns: frames.CALLS."""
        house = self._house
        return frames.calls(use for account in house.accounts.list(self._user_id) for use in house.connections.uses(account))

    def bell(self) -> Bell:
        """Return warnings and alarms of the last week."""
        return self._house.events.bell(self._user_id)

    def bell_seen(self, upto: int | None) -> None:
        """Remember that the user saw them."""
        self._house.events.mark_seen(self._user_id, upto)

    def hours(self) -> tuple[Hours, ...]:
        """Return how each exchange stands now."""
        now = self._house.clock.now()
        return tuple(self._house.calendar.at(exchange, now) for exchange in Exchange)

    def overview(self, accounts: Sequence[str | int] | None, *, holdings: bool = True) -> Overview:
        """Return the accounts named, or all, with their sums."""
        sums = self._house.overview.overview(self._user_id, accounts, holdings=holdings)
        return Overview(**{field.name: getattr(sums, field.name) for field in fields(sums)})


def place_checks(home: str | Path | None = None) -> tuple[Check, ...]:
    """Judge folder, key and disk of an installation, also of one that is missing or cannot be opened; worst first."""
    return look_at_place(home)
