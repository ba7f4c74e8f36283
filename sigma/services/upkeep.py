"""Keeping an account's stored lists in step: positions, funds and holdings are read anew after executions and logins."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import structlog

from sigma.domain.errors import BrokerError, RateLimited
from sigma.ports.clock import Clock
from sigma.ports.storage import Store
from sigma.services.connections import Connections
from sigma.services.conversions import DONE
from sigma.services.openings import OpeningsService
from sigma.services.portfolio import LISTS, ListKind, PortfolioService
from sigma.services.settings import SettingsService

log = structlog.get_logger(__name__)
MOST_DOUBLINGS = 5


class Upkeep:
    """Reads the lists of one account when they changed: for the thread that reads its book, never for the one that sends.

    They are read when the process begins, after each login, each execution and each conversion that anybody stored, every
    ``portfolio.refresh_every``, and once after the market opened, to adopt what was held then; a round at most each
    ``sync.active``. One that fails is repeated later each time.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        connections: Connections,
        settings: SettingsService,
        portfolio: PortfolioService,
        openings: OpeningsService,
        account_id: int,
    ) -> None:
        self._store = store
        self._clock = clock
        self._connections = connections
        self._settings = settings
        self._portfolio = portfolio
        self._openings = openings
        self._account_id = account_id
        self._known: tuple[datetime, int, int] | None = None
        self._due: date | None = None
        self._left: list[ListKind[Any]] = []
        self._read_ns = 0
        self._rest_until_ns = 0
        self._failures = 0

    def step(self, disturbed: Callable[[], bool]) -> float | None:
        """Read what is due, and return after how many seconds to come again; None: when the next book was read.

        Parameters
        ----------
        disturbed : callable
            Asked before each read; True leaves the rest for the next step, for a book that must be read first.
        """
        now = self._state()
        if now is None:
            return None
        due, before = self._openings.due(self._account_id), self._due
        self._due = due
        if now != self._known or due not in (None, before) or (not self._left and self._overdue_in() == 0):
            self._known, self._left = now, list(LISTS)
        if not self._left:
            return self._overdue_in()
        rest_s = (self._rest_until_ns - self._clock.boot_ns()) / 1e9
        if rest_s > 0:
            return rest_s
        return self._read(disturbed)

    def _state(self) -> tuple[datetime, int, int] | None:
        """Return what the lists depend on: the login, the newest execution and conversion. None without a login."""
        session = self._connections.session(self._account_id)
        if session is None:
            return None
        with self._store.read() as tx:
            converted = tx.journal.events(account_id=self._account_id, kind=DONE, limit=1)
            newest = converted[0].id if converted else 0
            return session.obtained_at, tx.orders.newest_fill(self._account_id), newest

    def _overdue_in(self) -> float | None:
        """Return in how many seconds the lists are too old for the schedule; None while it is off."""
        every = self._settings.seconds("portfolio.refresh_every")
        if not every:
            return None
        return max(0.0, every - (self._clock.boot_ns() - self._read_ns) / 1e9)

    def _read(self, disturbed: Callable[[], bool]) -> float | None:
        while self._left:
            if disturbed():
                return 0.0
            try:
                self._portfolio.renew(self._left[0], self._account_id, attempts=1)
            except BrokerError as error:
                return self._failed(error)
            self._left.pop(0)
        if self._due is not None and (failed := self._adopt()) is not None:
            return failed
        self._failures = 0
        self._read_ns = self._clock.boot_ns()
        self._rest(self._settings.seconds("sync.active"))
        return self._overdue_in()

    def _adopt(self) -> float | None:
        """Adopt the session's openings; return after how many seconds to read all lists again where that did not work."""
        try:
            if self._openings.adopt(self._account_id):
                return None
        except BrokerError as error:
            self._left = list(LISTS)
            return self._failed(error)
        self._left = list(LISTS)
        return self._rest(self._settings.seconds("sync.active"))

    def _failed(self, error: BrokerError) -> float:
        name = self._left[0].name
        log.warning("list_not_read", account_id=self._account_id, what=name, error=str(error))
        pause = self._settings.seconds("sync.active") * 2.0 ** min(self._failures, MOST_DOUBLINGS)
        self._failures += 1
        return self._rest(max(pause, error.retry_after or 0.0) if isinstance(error, RateLimited) else pause)

    def _rest(self, seconds: float) -> float:
        self._rest_until_ns = self._clock.boot_ns() + int(seconds * 1e9)
        return seconds
