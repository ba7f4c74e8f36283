"""Stopping: a thread for each account that advances its kill runs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import structlog

from sigma.domain.errors import SigmaError

if TYPE_CHECKING:
    from sigma.bootstrap import House

log = structlog.get_logger(__name__)
BREATH_S = 0.1
AFTER_TROUBLE_S = 1.0


class AccountStopper(threading.Thread):
    """Looks for kill runs of the account after every commit, and advances what there is until it has ended."""

    def __init__(self, house: House, account_id: int) -> None:
        super().__init__(name=f"stopper-{account_id}", daemon=True)
        self._house = house
        self._account_id = account_id
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._resumed = False

    def wake(self) -> None:
        """Say that the database changed."""
        self._wake.set()

    def end(self) -> None:
        """Ask the thread to go."""
        self._ending.set()
        self._wake.set()

    def run(self) -> None:
        """Advance until told to end; a run goes on where it stands, whoever began it."""
        while not self._ending.is_set():
            self._wake.clear()
            try:
                pause = self._step()
            except SigmaError as error:  # a database that is locked, a disk that is full: it is tried again
                log.warning("kill_waits", account_id=self._account_id, error=str(error))
                pause = AFTER_TROUBLE_S
            except Exception:  # not even a bug may end the stopping for good
                log.exception("kill_step_failed", account_id=self._account_id)
                pause = AFTER_TROUBLE_S
            if pause is None:
                self._wake.wait(self._house.settings.seconds("worker.scan"))
                pause = BREATH_S
            self._ending.wait(pause)

    def _step(self) -> float | None:
        if not self._resumed:
            self._house.kill.resume(self._account_id)
            self._resumed = True
        return self._house.kill.step(self._account_id)
