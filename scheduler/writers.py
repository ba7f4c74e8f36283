"""One writer and one reader for each account: the writer holds the account's lease, decides what its strategies want, and
sends; the reader reads its book.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from sigma.domain.errors import BrokerError, RateLimited, SessionExpired, SigmaError
from sigma.domain.events import Level
from sigma.services.orders.send import Round, Sender, WritesStopped
from sigma.services.orders.settle import SyncReport

if TYPE_CHECKING:
    from sigma.bootstrap import House
    from sigma.ports.infra import Lease
    from sigma.services.orders.auto import AutoAdmission

log = structlog.get_logger(__name__)
LEASE_RETRY_S = 0.2
STANDING_S = 0.5
AFTER_TROUBLE_S = 2.0
SCAN_WITHOUT_SETTINGS_S = 1.0


class AccountWriter(threading.Thread):
    """Waits for the account's lease, settles who went before, then sends what is pending as soon as it is there."""

    def __init__(self, house: House, account_id: int, on_sent: Callable[[], None]) -> None:
        super().__init__(name=f"writer-{account_id}", daemon=True)
        self._house = house
        self._account_id = account_id
        self._on_sent = on_sent
        self._wake = threading.Event()
        self._ending = threading.Event()
        self.stopped_because = ""

    def wake(self) -> None:
        """Say that the database changed."""
        self._wake.set()

    def end(self) -> None:
        """Ask the writer to finish what it sends and go."""
        self._ending.set()
        self._wake.set()

    def run(self) -> None:
        """Hold the lease until the end of the process."""
        lease = self._lease()
        if lease is None:
            return
        try:
            house = self._house
            sender = Sender(house.orders.house, house.orders.approval, self._account_id, lease, house.budget(self._account_id))
            self._send(sender, house.auto(self._account_id), lease.touch)
        except Exception as error:  # a stored answer is missing, or worse: this account's writes stop, and everybody is told
            self.stopped_because = str(error) if isinstance(error, SigmaError) else f"{type(error).__name__}: {error}"
            log.exception("writes_stopped", account_id=self._account_id, error=self.stopped_because)
            self._stand_still(lease.touch)
        finally:
            lease.release()

    def _lease(self) -> Lease | None:
        """Wait for the account's lease; None when told to end before."""
        while not self._ending.is_set():
            try:
                hung_after = self._house.settings.seconds("worker.hung_after")
                lease = self._house.leases.acquire(self._account_id, hung_after_s=hung_after)
            except (SigmaError, OSError) as error:
                log.warning("lease_not_taken", account_id=self._account_id, error=str(error))
                lease = None
            if lease is not None:
                return lease
            self._ending.wait(LEASE_RETRY_S)
        return None

    def _send(self, sender: Sender, auto: AutoAdmission, touch: Callable[[], None]) -> None:
        self._retrying(lambda: Round(sender.take_over()))

        def step() -> Round:
            touch()
            return sender.run_once()

        while not self._ending.is_set():
            self._wake.clear()
            done = self._retrying(step)  # before deciding: a read for that must not hold up what takes orders back
            decided = self._decide(auto)
            if done.delay or not decided:
                self._wake.wait(done.delay or self._scan())

    def _decide(self, auto: AutoAdmission) -> int:
        """Decide what strategies want next; what ails the database there must not keep a cancel from going out."""
        try:
            return auto.run()
        except (SigmaError, OSError) as error:
            log.warning("admission_waits", account_id=self._account_id, error=str(error))
            return 0

    def _stand_still(self, touch: Callable[[], None]) -> None:
        """Keep the lease, and show life, so that nobody sends for this account until the worker is restarted."""
        told = False
        while not self._ending.wait(STANDING_S):
            with suppress(OSError):  # the disk may be what stopped it
                touch()
            told = told or self._alarmed()

    def _alarmed(self) -> bool:
        """Store the alarm; False while the database cannot."""
        house = self._house
        try:
            account = house.connections.account(self._account_id)
            house.events.record("WRITES_STOPPED", self.stopped_because, level=Level.ALARM, account=account)
        except SigmaError as error:
            log.warning("alarm_not_stored", account_id=self._account_id, error=str(error))
            return False
        return True

    def _scan(self) -> float:
        try:
            return self._house.settings.seconds("worker.scan")
        except SigmaError:  # whatever ails the database, it is looked at again soon
            return SCAN_WITHOUT_SETTINGS_S

    def _retrying(self, step: Callable[[], Round]) -> Round:
        """Run a step; a database that is locked or a disk that is full for a moment is waited for (nothing was claimed then)."""
        try:
            done = step()
        except WritesStopped:
            raise
        except (SigmaError, OSError) as error:
            log.warning("writer_waits", account_id=self._account_id, error=str(error))
            return Round(0, self._scan())
        if done.sent:
            self._on_sent()
        return done


class AccountReader(threading.Thread):
    """Reads the account's book: often while orders are at work or outcomes open, seldom otherwise; its lists when they change."""

    def __init__(self, house: House, account_id: int) -> None:
        super().__init__(name=f"reader-{account_id}", daemon=True)
        self._house = house
        self._account_id = account_id
        self._upkeep = house.upkeep(account_id)
        self._nudge = threading.Event()
        self._ending = threading.Event()
        self._failures = 0
        self.ahead_s: float | None = None
        self.synced_at: datetime | None = None

    def nudge(self) -> None:
        """Say that something may have become active."""
        self._nudge.set()

    def end(self) -> None:
        """Ask the reader to go."""
        self._ending.set()
        self._nudge.set()

    def run(self) -> None:
        """Read until told to end."""
        while not self._ending.is_set():
            self._nudge.clear()
            try:
                pause = self._read()
                if self._nudge.wait(pause):
                    self._ending.wait(self._house.settings.seconds("sync.after_send"))
            except Exception:  # not even a bug may end the reading for good: outcomes would stay unknown
                log.exception("book_not_applied", account_id=self._account_id)
                self._ending.wait(AFTER_TROUBLE_S)

    def _read(self) -> float:
        """Read once; return seconds to the next read (a write that goes out meanwhile shortens them)."""
        seconds = self._house.settings.seconds
        try:
            report = self._house.orders.sync.sync(self._account_id)
        except SessionExpired as error:
            self._told("session", error)
            return seconds("sync.active")
        except BrokerError as error:
            self._failures += 1
            self._told("broker", error)
            pause = min(seconds("sync.active") * float(2 ** min(self._failures, 4)), seconds("sync.idle"))
            return max(pause, error.retry_after or 0) if isinstance(error, RateLimited) else pause
        except SigmaError as error:
            self._told("store", error)
            return seconds("sync.active")
        self._failures, self.ahead_s, self.synced_at = 0, report.ahead_s, self._house.clock.now()
        for text in report.bad:
            log.warning("unreadable_row", account=report.account, row=text)
        return min(self._pause(report), self._keep_up())

    def _pause(self, report: SyncReport) -> float:
        if report.unknown:
            return self._house.settings.seconds("orders.settle_every")
        return self._house.settings.seconds("sync.active" if report.active else "sync.idle")

    def _keep_up(self) -> float:
        """Read the account's lists where they changed, unless a write went out meanwhile; return when to come again."""
        try:
            again = self._upkeep.step(self._nudge.is_set)
        except SigmaError as error:
            log.warning("lists_not_kept", account_id=self._account_id, error=str(error))
            return math.inf
        return math.inf if again is None else again

    def _told(self, what: str, error: SigmaError) -> None:
        log.warning("book_not_read", account_id=self._account_id, because=what, error=str(error))
