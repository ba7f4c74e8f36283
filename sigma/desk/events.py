"""`desk.events` and `desk.health`: what happened, and which processes live."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pandas as pd

from sigma.desk import frames

if TYPE_CHECKING:
    from sigma.bootstrap import House


class EventsDesk:
    """Audit and system events of one user."""

    def __init__(self, house: House, user_id: int) -> None:
        self._house = house
        self._user_id = user_id

    def table(
        self,
        *,
        account: str | int | None = None,
        kind: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = 200,
    ) -> pd.DataFrame:
        """Return events, newest first; times are UTC; columns: frames.EVENTS."""
        accounts = self._house.accounts
        account_id = None if account is None else accounts.find(self._user_id, account).id
        find = self._house.events.table
        rows = find(self._user_id, account_id=account_id, kind=kind, since=since, until=until, limit=limit)
        return frames.events(rows, {row.id: row.name for row in accounts.list(self._user_id)})

    def heartbeats(self) -> pd.DataFrame:
        """Return the last sign of life of each process; columns: frames.HEARTBEATS."""
        return frames.heartbeats(self._house.events.heartbeats(), self._house.clock.now())
