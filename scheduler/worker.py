"""The worker: a writer and a reader for each account, periodic jobs, and a watch that wakes the writers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from scheduler.feeds import Feeds
from scheduler.jobs import JOBS, JobSpec
from scheduler.news import OrderNews
from scheduler.stops import AccountStopper
from scheduler.writers import AccountReader, AccountWriter
from sigma.domain.errors import SigmaError
from sigma.domain.events import JobRun
from sigma.domain.health import CLOCK_KEY, SYNCED_KEY

if TYPE_CHECKING:
    from sigma.bootstrap import House

log = structlog.get_logger(__name__)
WATCH_AGAIN_S = 1.0
NEWS_S = 2.0
logging.getLogger("apscheduler.executors").setLevel(logging.WARNING)  # else each run of each job is two lines of the log


class Worker:
    """Serves all accounts, or the one named.

    Parameters
    ----------
    only : str or None
        Serve only this account.
    """

    def __init__(self, house: House, only: str | None = None) -> None:
        self.house = house
        self.only = only
        self._writers: dict[int, AccountWriter] = {}
        self._readers: dict[int, AccountReader] = {}
        self._stoppers: dict[int, AccountStopper] = {}
        self._news = OrderNews(house, self.nudge)
        self.feeds = Feeds(house, only, self.nudge, house.recorder.add, self._news.add)
        self.ending = threading.Event()
        self._lock = threading.Lock()
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(len(JOBS))},  # no job waits for another's thread
            job_defaults={"coalesce": True, "max_instances": 1},
            timezone="UTC",
        )

    def start(self) -> None:
        """Serve; returns at once."""
        self.serve_accounts()
        self._news.start()
        threading.Thread(target=self._watch, name="watch", daemon=True).start()
        for spec in JOBS:
            seconds = self.house.settings.seconds(spec.cadence)
            self._scheduler.add_job(
                self._runner(spec), "interval", seconds=seconds, id=spec.name, misfire_grace_time=spec.grace_s
            )
        self._scheduler.start()
        for spec in JOBS:
            if spec.at_start:
                self._runner(spec)()
        log.info("worker_started", accounts=[writer.name for writer in self._writers.values()])

    def serve_accounts(self) -> None:
        """Start what is missing, end what is no longer wanted."""
        wanted = {account.id for account in self.house.all_accounts() if self.only in (None, account.name)}
        with self._lock:
            for account_id in set(self._writers) - wanted:
                self._writers.pop(account_id).end()
                self._readers.pop(account_id).end()
                self._stoppers.pop(account_id).end()
            for account_id in wanted:
                self._serve(account_id)

    def _serve(self, account_id: int) -> None:
        """Make sure that an account's three threads run; one that died of an error nobody foresaw is replaced and reported."""
        reader, writer = self._readers.get(account_id), self._writers.get(account_id)
        stopper = self._stoppers.get(account_id)
        if reader is None or not reader.is_alive():
            self._report_death(reader)
            reader = self._readers[account_id] = AccountReader(self.house, account_id)
            reader.start()
        if writer is None or not writer.is_alive():
            self._report_death(writer)
            writer = self._writers[account_id] = AccountWriter(self.house, account_id, lambda: self._readers[account_id].nudge())
            writer.start()

        if stopper is None or not stopper.is_alive():
            self._report_death(stopper)
            stopper = self._stoppers[account_id] = AccountStopper(self.house, account_id)
            stopper.start()

    def nudge(self, account_id: int) -> None:
        """Let an account's book be read soon, because there is news of an order."""
        reader = self._readers.get(account_id)
        if reader is not None:
            reader.nudge()

    def _report_death(self, thread: threading.Thread | None) -> None:
        if thread is not None:
            log.error("thread_died", thread=thread.name)

    def _runner(self, spec: JobSpec) -> Callable[[], None]:
        def run() -> None:
            run_job = self._recorded(spec) if spec.recorded else spec.run
            try:
                run_job(self)
            except SigmaError as error:
                log.warning("job_failed", job=spec.name, error=str(error))

        return run

    def _recorded(self, spec: JobSpec) -> Callable[[Worker], None]:
        """Return the job with its start, end and outcome kept in the run ledger."""

        def run(worker: Worker) -> None:
            store, clock = self.house.store, self.house.clock
            started = clock.now()
            entry = JobRun(spec.name, started.replace(microsecond=0), started)
            with store.begin() as tx:
                if not tx.journal.add_run(entry):
                    return
            outcome = "failed"
            try:
                spec.run(worker)
                outcome = "done"
            finally:
                with store.begin() as tx:
                    tx.journal.end_run(replace(entry, ended_at=clock.now(), outcome=outcome))

        return run

    def _watch(self) -> None:
        """Wake the writers within milliseconds of a commit by any process."""
        while not self.ending.is_set():
            try:
                self._watch_commits()
            except Exception as error:  # whatever it is: the writers look by themselves each `worker.scan` meanwhile
                log.warning("watch_broken", error=str(error), exc_info=not isinstance(error, SigmaError))
                self.ending.wait(WATCH_AGAIN_S)

    def _watch_commits(self) -> None:
        watch = self.house.store.watch()
        try:
            while not self.ending.is_set():
                if watch.wait(self.house.settings.seconds("worker.scan")):
                    with self._lock:
                        woken: list[AccountWriter | AccountStopper] = [*self._writers.values(), *self._stoppers.values()]
                    for thread in woken:
                        thread.wake()
        finally:
            watch.close()

    def detail(self) -> dict[str, str | int | None]:
        """Return what the heartbeat tells: how many accounts are served, which send nothing more, their clocks and last reads."""
        with self._lock:
            stopped = [f"{writer.name}: {writer.stopped_because}" for writer in self._writers.values() if writer.stopped_because]
            readers = dict(self._readers)
        ahead = {f"{CLOCK_KEY}{one}": int(it.ahead_s * 1000) for one, it in readers.items() if it.ahead_s is not None}
        synced = {f"{SYNCED_KEY}{one}": it.synced_at.isoformat() for one, it in readers.items() if it.synced_at is not None}
        return {"accounts": len(readers), "stopped": "; ".join(stopped), **ahead, **synced, **self.feeds.detail()}

    def ask_to_end(self) -> None:
        """Let `wait` return; takes no lock of ours, so that a signal handler may call it at any moment."""
        self.ending.set()

    def wait(self) -> None:
        """Block until `end` or `ask_to_end` is called."""
        self.ending.wait()

    def end(self) -> None:
        """Finish what is being sent, then go."""
        self.ending.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        with self._lock:
            writers, readers = list(self._writers.values()), list(self._readers.values())
            stoppers = list(self._stoppers.values())
        for stopper in stoppers:
            stopper.end()
        for reader in readers:
            reader.end()
        for writer in writers:
            writer.end()
        self.feeds.end()
        if self._news.is_alive():
            self._news.end()
            self._news.join(NEWS_S)
        self.house.recorder.flush()
        longest = self.house.settings.seconds("orders.call_timeout") + 2
        for writer in writers:
            writer.join(longest)
