"""What execution needs of the store beside orders: strategies, signals' shares, openings, resting triggers, kill runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from sigma.domain.gtt import Gtt
from sigma.domain.kill import KillRun
from sigma.domain.ledger import Execution, Moved, Opening
from sigma.domain.strategies import SignalShare, Strategy


class Strategies(Protocol):
    """Strategies with their accounts."""

    def add(self, strategy: Strategy) -> Strategy:
        """Store a new one; Conflict when the user has one of that name (whatever its case)."""

    def get(self, strategy_id: int) -> Strategy:
        """Return one or raise NotFound."""

    def by_name(self, user_id: int, name: str) -> Strategy | None:
        """Return the one of that name (whatever its case), archived ones left out; None when there is none."""

    def list(self, user_id: int | None = None, *, archived: bool = False) -> Sequence[Strategy]:
        """Return strategies by name, of all users when None."""

    def save(self, strategy: Strategy) -> Strategy:
        """Store changes, shares included; Conflict when someone changed it meanwhile."""


class Shares(Protocol):
    """What became of signals on accounts."""

    def add(self, share: SignalShare) -> SignalShare:
        """Store a new one; Conflict when the signal has one on that account."""

    def get(self, share_id: int) -> SignalShare:
        """Return one or raise NotFound."""

    def save(self, share: SignalShare) -> SignalShare:
        """Store changes."""

    def pending(self, account_id: int) -> Sequence[SignalShare]:
        """Return an account's PENDING shares, oldest first."""

    def failed(self, account_ids: Sequence[int], since: datetime, limit: int) -> Sequence[SignalShare]:
        """Return accounts' shares that FAILED at or after `since`, newest first, at most so many."""

    def of_signal(self, signal_id: int) -> Sequence[SignalShare]:
        """Return a signal's shares by account."""

    def of_signals(self, signal_ids: Sequence[int]) -> Mapping[int, Sequence[SignalShare]]:
        """Return shares by signal; signals without one are absent."""


class LedgerRows(Protocol):
    """Openings, and fills as the ledger reads them."""

    def put_openings(self, account_id: int, session_date: date, openings: Sequence[Opening], *, taken_at: datetime) -> bool:
        """Store what an account held when a session began; False (and nothing stored) when that is known already."""

    def openings(self, account_id: int, session_date: date) -> Sequence[Opening] | None:
        """Return what an account held when a session began; None when it was never adopted."""

    def all_openings(self, account_id: int, *, after: date | None = None) -> Mapping[date, Sequence[Opening]]:
        """Return what an account held when sessions began, by session; of those after a day when it is given."""

    def fill_mark(self, account_id: int, since: datetime) -> tuple[int, ...]:
        """Return numbers that differ after each fill and conversion: the newest fill's id, how many conversions there ever
        were, and count and sums of the fills since a moment.
        """

    def conversions(self, account_id: int) -> Sequence[Moved]:
        """Return the changes of product that the broker ever made, oldest first."""

    def executions(
        self,
        *,
        user_id: int | None = None,
        account_id: int | None = None,
        strategy: str | None = None,
        since: datetime | None = None,
        after: int = 0,
    ) -> Sequence[Execution]:
        """Return fills with their order's strategy, oldest first; `after`: those stored later than the fill of that id."""


class Gtts(Protocol):
    """Resting triggers."""

    def add(self, gtt: Gtt) -> Gtt:
        """Store a new one."""

    def get(self, gtt_id: int) -> Gtt:
        """Return one or raise NotFound."""

    def save(self, gtt: Gtt) -> Gtt:
        """Store changes."""

    def of_order(self, order_id: int) -> Gtt | None:
        """Return the one that an order wished for."""

    def list(
        self, *, user_id: int | None = None, account_id: int | None = None, resting: bool = False, since: datetime | None = None
    ) -> Sequence[Gtt]:
        """Return triggers, newest first."""


class KillRuns(Protocol):
    """Kill runs."""

    def add(self, run: KillRun) -> KillRun:
        """Store a new one."""

    def get(self, run_id: int) -> KillRun:
        """Return one or raise NotFound."""

    def save(self, run: KillRun) -> KillRun:
        """Store changes."""

    def list(self, *, user_id: int | None = None, account_id: int | None = None, running: bool = False) -> Sequence[KillRun]:
        """Return runs, newest first."""
