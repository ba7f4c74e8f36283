"""The audit trail: one way to write a line of it, one way to read it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta

import structlog

from sigma.domain.accounts import Account
from sigma.domain.events import Bell, Event, Heartbeat, JobRun, Level
from sigma.ports.clock import Clock
from sigma.ports.storage import Store, Unit

log = structlog.get_logger(__name__)
BELL_DAYS = timedelta(days=7)
BELL_ITEMS = 30


def correlation_id() -> str:
    """Return the id that ties what one request caused together, empty outside a request."""
    return str(structlog.contextvars.get_contextvars().get("correlation_id", ""))


class EventsService:
    """Writes and reads audit and system events. What is written must hold no secret."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def record(
        self,
        kind: str,
        text: str,
        *,
        tx: Unit | None = None,
        level: Level = Level.INFO,
        account: Account | None = None,
        user_id: int | None = None,
        **detail: str | int | None,
    ) -> Event:
        """Append an event: within the unit `tx`, so that it stands or falls with what it tells of, else in one of its own."""
        event = Event(
            id=0,
            at=self._clock.now(),
            level=level,
            kind=kind,
            text=text,
            user_id=account.user_id if account else user_id,
            account_id=account.id if account else None,
            detail=detail,
            correlation_id=correlation_id(),
        )
        with nullcontext(tx) if tx is not None else self._store.begin() as unit:
            stored = unit.journal.add_event(event)
        write = log.info if level is Level.INFO else log.warning
        write("audit", kind=kind, text=text, account=account.name if account else None, user_id=event.user_id)
        return stored

    def table(
        self,
        user_id: int,
        *,
        account_id: int | None = None,
        kind: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = 200,
    ) -> Sequence[Event]:
        """Return a user's events, newest first."""
        with self._store.read() as tx:
            return tx.journal.events(user_id=user_id, account_id=account_id, kind=kind, since=since, until=until, limit=limit)

    def heartbeats(self) -> Sequence[Heartbeat]:
        """Return the last sign of life of each process."""
        with self._store.read() as tx:
            return tx.journal.heartbeats()

    def beat(self, process: str, detail: Mapping[str, str | int | None] | None = None) -> None:
        """Say that this process lives, under its name."""
        sign = Heartbeat(process, self._clock.now(), os.getpid(), detail or {})
        with self._store.begin() as tx:
            tx.journal.beat(sign)

    def runs(self, limit: int) -> Sequence[JobRun]:
        """Return the runs of jobs recorded last, newest first."""
        with self._store.read() as tx:
            return tx.journal.runs(limit)

    def bell(self, user_id: int) -> Bell:
        """Return the warnings and alarms of the last week that concern a user, the last stored first."""
        since = self._clock.now() - BELL_DAYS
        with self._store.read() as tx:
            unseen = tx.journal.count_notices(user_id, since=since, after=tx.users.events_seen(user_id))
            return Bell(unseen, tuple(tx.journal.notices(user_id, since=since, limit=BELL_ITEMS)))

    def mark_seen(self, user_id: int, upto: int | None = None) -> None:
        """Remember that a user saw the bell's events, up to the one with the id `upto`, else all there are now."""
        with self._store.begin() as tx:
            if upto is None:
                newest = tx.journal.notices(user_id, since=self._clock.now() - BELL_DAYS, limit=1)
                upto = newest[0].id if newest else 0
            tx.users.set_events_seen(user_id, upto)
