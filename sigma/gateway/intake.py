"""The one thread that writes: it takes all messages waiting, stores them in one transaction, and then answers each."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import structlog

from sigma.domain.settings import setting
from sigma.domain.signals import Receipt
from sigma.gateway.errors import COMMIT_UNKNOWN, Refusal, unavailable
from sigma.gateway.limits import Bucket, Failures
from sigma.ports.clock import Clock
from sigma.ports.storage import Store
from sigma.services.orders.house import SettingValues
from sigma.services.signals import Prepared, SignalsService

log = structlog.get_logger(__name__)

MOST_IN_BATCH = 200
MOST_WAITING = 5_000
# TradingView gives up after about three seconds: a message not begun by then is withdrawn, so that the refusal is true.
PATIENCE_S = 2.5
LONGEST_COMMIT_S = 20.0


class Shut(Exception):
    """No transaction could be opened."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


@dataclass(frozen=True)
class Waiting:
    """A message in the queue and the answer that its sender waits for."""

    payload: Mapping[str, Any]
    secret: str | None
    correlation_id: str
    answer: Future[Receipt] = field(default_factory=Future)

    def claim(self) -> bool:
        """Say whether the sender still waits; from then on the message cannot be withdrawn."""
        return self.answer.running() or (not self.answer.cancelled() and self.answer.set_running_or_notify_cancel())

    def fail(self, error: Exception) -> None:
        """Answer with a refusal."""
        if not self.answer.done() and self.claim():
            self.answer.set_exception(error)


@dataclass(frozen=True)
class Ready:
    """A message that can be stored."""

    waiting: Waiting
    prepared: Prepared


class Intake:
    """Group commit. Whatever touches the database happens in its thread, never on the event loop."""

    def __init__(self, signals: SignalsService, store: Store, settings: SettingValues, clock: Clock) -> None:
        self._signals = signals
        self._store = store
        self._settings = settings
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._bucket = Bucket(clock, float(setting("signals.rate").default))
        self.failures = Failures(clock, int(setting("signals.failed_rate").default))
        self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
        self._closed = False

    @property
    def length(self) -> int:
        """Messages waiting."""
        return self._queue.qsize()

    @property
    def alive(self) -> bool:
        """Whether messages are being taken."""
        return self._thread.is_alive() and not self._closed

    def start(self) -> None:
        """Begin to take messages."""
        self._thread.start()

    def close(self) -> None:
        """Take no more, store and answer what waits, then end."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()

    async def submit(self, payload: Mapping[str, Any], secret: str | None, correlation_id: str) -> Receipt:
        """Return what became of a message, once that is committed.

        Raises
        ------
        Refusal
            It was not stored for want of time or room.
        SigmaError
            It was refused.
        """
        if self._closed or self.length >= MOST_WAITING:
            raise unavailable("The message was not stored: too many are waiting.", "BUSY")
        waiting = Waiting(payload, secret, correlation_id)
        self._queue.put(waiting)
        answer = asyncio.wrap_future(waiting.answer)
        done, _ = await asyncio.wait([answer], timeout=PATIENCE_S)
        if not done and waiting.answer.cancel():
            raise unavailable("The message was not stored: the database was busy for too long.", "BUSY")
        done, _ = await asyncio.wait([answer], timeout=LONGEST_COMMIT_S)
        if not done:
            raise unavailable("Whether the message was stored is not known; sent again within a minute it counts once.", "UNSURE")
        return answer.result()

    # -- the thread

    def _run(self) -> None:
        ending = False
        while not ending:
            batch = [self._queue.get()]
            while len(batch) < MOST_IN_BATCH and not self._queue.empty():
                batch.append(self._queue.get())
            ending = None in batch
            messages = [item for item in batch if item is not None and not item.answer.cancelled()]
            try:
                self._serve(messages)
            except Exception as error:
                log.exception("intake_failed")
                for waiting in messages:
                    waiting.fail(error)

    def _serve(self, messages: Sequence[Waiting]) -> None:
        self._refresh_limits()
        ready = []
        for waiting in messages:
            try:
                admitted = self._admitted(waiting)
            except Exception as error:
                waiting.fail(error)
                continue
            if isinstance(admitted, Prepared):
                ready.append(Ready(waiting, admitted))
            elif waiting.claim():
                waiting.answer.set_result(admitted)
        if ready:
            self._commit(ready)

    def _admitted(self, waiting: Waiting) -> Prepared | Receipt:
        admitted = self._signals.admit(waiting.payload, waiting.secret, correlation_id=waiting.correlation_id)
        wait = self._bucket.take() if isinstance(admitted, Prepared) else 0.0
        if wait:
            hint = "Send fewer, or raise the setting signals.rate."
            raise Refusal(429, "TOO_MANY_MESSAGES", "Too many messages at once.", hint, retry_after=wait)
        return admitted

    def _commit(self, batch: Sequence[Ready]) -> None:
        """Store a batch in one transaction; when that fails, each message once more alone, so that one spoils no other.

        Where the first commit succeeded and only its answer was lost, the second try finds a duplicate of its own.
        """
        try:
            self._store_all(batch)
        except Exception as error:
            log.warning("batch_failed", messages=len(batch), error=type(error).__name__, text=str(error)[:500])
            failed = error
        else:
            return
        unsure = getattr(failed, "code", "") == COMMIT_UNKNOWN
        shut = failed if isinstance(failed, Shut) else None
        for ready in batch:
            if shut or (unsure and ready.prepared.since is None):
                ready.waiting.fail(shut.reason if shut else failed)
                continue
            try:
                self._store_all([ready])
            except Exception as error:
                shut = error if isinstance(error, Shut) else None
                ready.waiting.fail(shut.reason if shut else error)

    def _store_all(self, batch: Sequence[Ready]) -> None:
        """Store and answer; a sender who gave up while the database was busy is left out, so that their refusal stays true."""
        opened = False
        try:
            with self._store.begin() as tx:
                opened = True
                claimed = [ready for ready in batch if ready.waiting.claim()]
                receipts = self._signals.commit(tx, [ready.prepared for ready in claimed])
        except Exception as error:
            if opened:
                raise
            raise Shut(error) from error
        for ready, receipt in zip(claimed, receipts, strict=True):
            ready.waiting.answer.set_result(receipt)

    def _refresh_limits(self) -> None:
        try:
            self._bucket.rate = float(self._settings.get("signals.rate"))
            self.failures.most = int(self._settings.get("signals.failed_rate"))
        except Exception as error:
            log.warning("limits_kept", error=type(error).__name__)
