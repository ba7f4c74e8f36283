"""`desk.kill` and `desk.kill_runs`: stopping, and how far it got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from sigma.desk.cells import FLAG, MOMENT, TEXT, WHOLE, facts, frame
from sigma.domain.kill import KillRun
from sigma.services.kill import Stop

if TYPE_CHECKING:
    from sigma.bootstrap import House

RUNS = {
    "id": WHOLE,
    "account": TEXT,
    "strategy": TEXT,
    "product": TEXT,
    "step": TEXT,
    "verdict": TEXT,
    "to_cancel": WHOLE,
    "cancelled": WHOLE,
    "to_flatten": WHOLE,
    "flattened": WHOLE,
    "unknown": WHOLE,
    "flat_reads": WHOLE,
    "cancel": FLAG,
    "flatten": FLAG,
    "reason": TEXT,
    "by": TEXT,
    "notes": TEXT,
    "started_at": MOMENT,
    "updated_at": MOMENT,
    "ended_at": MOMENT,
}
"""The columns of `desk.kill_runs`: counts of orders and positions; `product` is empty but for a square-off."""


class KillDesk:
    """Stops of one user."""

    def __init__(self, house: House, user_id: int) -> None:
        self._house = house
        self._user_id = user_id

    def switch(self, scope: str, strategy: str, *, reason: str, by: str, cancel: bool, flatten: bool, on: bool) -> pd.DataFrame:
        """Stop a scope, or let it trade again."""
        stop = Stop(None if scope == "all" else self._house.accounts.find(self._user_id, scope).id, strategy)
        if on:
            self._house.kill.start(self._user_id, stop, reason=reason, by=by, cancel=cancel, flatten=flatten)
        else:
            self._house.kill.rearm(self._user_id, stop, reason=reason, by=by)
        return self.runs(True)

    def runs(self, running: bool | None) -> pd.DataFrame:
        """Return runs."""
        names = {account.id: account.name for account in self._house.accounts.list(self._user_id)}
        return runs_table(self._house.kill.runs(self._user_id, running=running), names)


def runs_table(found: Sequence[KillRun], names: Mapping[int, str]) -> pd.DataFrame:
    """Return runs as a frame; `names` are account names by id."""
    told = [{"account": names.get(run.account_id, ""), "notes": "; ".join(run.notes)} for run in found]
    return frame(RUNS, [facts(RUNS, run, **more) for run, more in zip(found, told, strict=True)])
