"""Audit events, settings, heartbeats, job runs and snapshots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, desc, func, or_, select, update

from sigma.domain.events import Event, Heartbeat, JobRun, Level
from sigma.domain.portfolio import Snapshot
from sigma.domain.times import ist_date
from sigma.store.database import Link
from sigma.store.schema import accounts, events, heartbeats, job_runs, settings, snapshots
from sigma.store.statements import add_row, adding, missing, putting

_SETTINGS = (
    select(settings.c.name, settings.c.value).where(settings.c.user_key == bindparam("user_key")).order_by(settings.c.name)
)
_BEATS = select(heartbeats).order_by(heartbeats.c.process)
_END_RUN = (
    update(job_runs)
    .where(job_runs.c.job == bindparam("of_job"), job_runs.c.scheduled_at == bindparam("of_slot"))
    .values(ended_at=bindparam("ended"), outcome=bindparam("came_to"))
)
_SNAPSHOT = (
    select(snapshots)
    .where(snapshots.c.account_id == bindparam("account_id"), snapshots.c.kind == bindparam("kind"))
    .order_by(desc(snapshots.c.day), desc(snapshots.c.taken_at))
    .limit(1)
)
_NOTICES = select(events).where(
    or_(events.c.user_id == bindparam("user_id"), events.c.user_id.is_(None)),
    events.c.level.in_((Level.WARNING, Level.ALARM)),
    events.c.at >= bindparam("since"),
)
_UNSEEN = _NOTICES.where(events.c.id > bindparam("seen")).with_only_columns(func.count())
_RUNS = select(job_runs).order_by(desc(job_runs.c.id)).limit(bindparam("most"))
# The ledger grows by a row a minute: jobs are found by leaping from name to name in its unique index, never by reading it all.
_FIRST_JOB = select(func.min(job_runs.c.job).label("job")).cte("jobs", recursive=True)
_JOBS = _FIRST_JOB.union_all(
    select(select(func.min(job_runs.c.job)).where(job_runs.c.job > _FIRST_JOB.c.job).scalar_subquery()).where(
        _FIRST_JOB.c.job.is_not(None)
    )
)
_LAST_SLOT = select(func.max(job_runs.c.scheduled_at)).where(job_runs.c.job == _JOBS.c.job).correlate(_JOBS).scalar_subquery()
_LAST_RUNS = (
    select(job_runs)
    .join(_JOBS, job_runs.c.job == _JOBS.c.job)
    .where(job_runs.c.scheduled_at == _LAST_SLOT)
    .order_by(job_runs.c.job)
)
_USER_OF = select(accounts.c.user_id).where(accounts.c.id == bindparam("account_id"))


class SqlJournal:
    """The installation's diary in the database."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def add_event(self, event: Event) -> Event:
        """Append an event."""
        row = {
            "at": event.at,
            "level": event.level,
            "kind": event.kind,
            "text": event.text,
            "user_id": event.user_id,
            "account_id": event.account_id,
            "detail": event.detail,
            "correlation_id": event.correlation_id,
        }
        return replace(event, id=add_row(self._link, events, row))

    def events(
        self,
        *,
        user_id: int | None = None,
        account_id: int | None = None,
        kind: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = 200,
    ) -> Sequence[Event]:
        """Return events at or after `since` and before `until`, newest first."""
        wanted = {events.c.user_id: user_id, events.c.account_id: account_id, events.c.kind: kind}
        query = select(events).where(*[column == value for column, value in wanted.items() if value is not None])
        if since is not None:
            query = query.where(events.c.at >= since)
        if until is not None:
            query = query.where(events.c.at < until)
        return [_event(row) for row in self._link.all(query.order_by(desc(events.c.at), desc(events.c.id)).limit(limit))]

    def notices(self, user_id: int, *, since: datetime, limit: int) -> Sequence[Event]:
        """Return warnings and alarms of a user and of the installation, the last stored first."""
        query = _NOTICES.order_by(desc(events.c.id)).limit(limit)
        return [_event(row) for row in self._link.all(query, {"user_id": user_id, "since": since})]

    def count_notices(self, user_id: int, *, since: datetime, after: int) -> int:
        """Return how many warnings and alarms there are beyond the event `after`."""
        row = self._link.first(_UNSEEN, {"user_id": user_id, "since": since, "seen": after})
        return 0 if row is None else int(row[0])

    def settings(self, user_id: int | None) -> Mapping[str, str]:
        """Return the stored setting texts of the installation (None) or a user."""
        return {row.name: row.value for row in self._link.all(_SETTINGS, {"user_key": user_id or 0})}

    def put_setting(self, user_id: int | None, name: str, value: str) -> None:
        """Store a setting."""
        row = {"user_id": user_id, "user_key": user_id or 0, "name": name, "value": value}
        self._link.write(putting(self._link.dialect, settings, "user_key", "name"), row)

    def beat(self, heartbeat: Heartbeat) -> None:
        """Store a process's heartbeat, replacing its last."""
        row = {"process": heartbeat.process, "at": heartbeat.at, "pid": heartbeat.pid, "detail": heartbeat.detail}
        self._link.write(putting(self._link.dialect, heartbeats, "process"), row)

    def heartbeats(self) -> Sequence[Heartbeat]:
        """Return the last heartbeat of each process."""
        return [Heartbeat(row.process, row.at, row.pid, row.detail) for row in self._link.all(_BEATS)]

    def add_run(self, run: JobRun) -> bool:
        """Record the start of a job run; False when (job, scheduled_at) is recorded already."""
        row = {
            "job": run.job,
            "scheduled_at": run.scheduled_at,
            "started_at": run.started_at,
            "ended_at": run.ended_at,
            "outcome": run.outcome,
        }
        return self._link.write(adding(self._link.dialect, job_runs, "job", "scheduled_at"), row).first() is not None

    def end_run(self, run: JobRun) -> None:
        """Record its end and outcome; NotFound when its start was never recorded."""
        values = {"of_job": run.job, "of_slot": run.scheduled_at, "ended": run.ended_at, "came_to": run.outcome}
        if self._link.write(_END_RUN, values).rowcount == 0:
            raise missing("Run", f"of {run.job} scheduled at {run.scheduled_at}")

    def runs(self, limit: int) -> Sequence[JobRun]:
        """Return the runs recorded last, newest first."""
        return [_run(row) for row in self._link.all(_RUNS, {"most": limit})]

    def last_runs(self) -> Sequence[JobRun]:
        """Return the newest run of each job, by name."""
        return [_run(row) for row in self._link.all(_LAST_RUNS)]

    def put_snapshot(self, snapshot: Snapshot) -> None:
        """Store the newest list of its kind (one kept per account, kind and IST day); an older one changes nothing."""
        owner = self._link.first(_USER_OF, {"account_id": snapshot.account_id})
        if owner is None:
            raise missing("Account", snapshot.account_id)
        row = {
            "user_id": owner.user_id,
            "account_id": snapshot.account_id,
            "kind": snapshot.kind,
            "day": ist_date(snapshot.taken_at),
            "taken_at": snapshot.taken_at,
            "rows": snapshot.rows,
            "bad": snapshot.bad,
        }
        self._link.write(putting(self._link.dialect, snapshots, "account_id", "kind", "day", newer="taken_at"), row)

    def snapshot(self, account_id: int, kind: str) -> Snapshot | None:
        """Return the newest list of a kind."""
        row = self._link.first(_SNAPSHOT, {"account_id": account_id, "kind": kind})
        return None if row is None else Snapshot(row.account_id, row.kind, row.taken_at, tuple(row.rows), tuple(row.bad))


def _event(row: Row[Any]) -> Event:
    return Event(row.id, row.at, row.level, row.kind, row.text, row.user_id, row.account_id, row.detail, row.correlation_id)


def _run(row: Row[Any]) -> JobRun:
    return JobRun(row.job, row.scheduled_at, row.started_at, row.ended_at, row.outcome)
