"""The worker's periodic jobs: one JobSpec for each. Jobs run services; they decide nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from scheduler import refresh
from sigma.domain.errors import SigmaError

if TYPE_CHECKING:
    from scheduler.worker import Worker

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One periodic job.

    Parameters
    ----------
    cadence : str
        Name of the setting that says how often, in seconds.
    grace_s : int
        How late a run may start before it is skipped (APScheduler's own default is one second).
    recorded : bool
        Whether each run is kept in the run ledger (not for what runs every few seconds).
    at_start : bool
        Whether it also runs before the worker says that it is ready.
    """

    name: str
    cadence: str
    run: Callable[[Worker], None]
    grace_s: int = 30
    recorded: bool = False
    at_start: bool = True


def heartbeat(worker: Worker) -> None:
    """Say that the worker lives, and what it serves."""
    worker.house.events.beat("worker", worker.detail())


def accounts(worker: Worker) -> None:
    """Start writers and readers for new accounts, and end those of removed ones."""
    worker.serve_accounts()


def sessions(worker: Worker) -> None:
    """Ask every broker whether its login still holds."""
    house = worker.house
    for account in house.all_accounts():
        try:
            house.sessions.status(account.user_id, account.name, refresh=True)
        except SigmaError as error:
            log.warning("session_check_failed", account=account.name, error=str(error))


def quotes(worker: Worker) -> None:
    """Store the last prices of what people hold and order."""
    worker.house.quotes.poll(only=worker.only, ended=worker.ending.is_set)


def feeds(worker: Worker) -> None:
    """Start, replace and end live feeds, tell them what to watch, and write down what they said where that is wanted."""
    worker.feeds.keep()
    worker.house.recorder.keep()


def paper(worker: Worker) -> None:
    """Match paper orders with the market, and let the account's reader see what came of it."""
    for account in worker.house.all_accounts():
        if not account.simulated or worker.only not in (None, account.name):
            continue
        try:
            if worker.house.paper.advance(account.id):
                worker.nudge(account.id)
        except SigmaError as error:
            log.warning("paper_not_matched", account=account.name, error=str(error))


def stops(worker: Worker) -> None:
    """Trip the kill switch where that is set, and begin the square-offs that are due."""
    for error in worker.house.kill_watch.run():
        log.warning("watch_not_judged", error=str(error))


def instruments(worker: Worker) -> None:
    """Download the instrument tables that are due today; a failed one is tried again later.

    In a process of its own: a master takes half a gigabyte for some seconds, and orders must not wait for this one's threads.
    """
    if due := worker.house.instruments.due():
        refresh.run(worker.house, due, worker.ending.is_set)


JOBS = (
    JobSpec("heartbeat", "worker.heartbeat", heartbeat),
    JobSpec("accounts", "worker.accounts", accounts),
    JobSpec("sessions", "session.check", sessions, recorded=True),
    JobSpec("feeds", "worker.accounts", feeds, at_start=False),
    JobSpec("quotes", "market.poll_every", quotes, at_start=False),
    JobSpec("paper", "paper.match_every", paper, at_start=False),
    JobSpec("stops", "kill.check_every", stops, at_start=False),
    JobSpec("instruments", "instruments.check_every", instruments, at_start=False),
)
