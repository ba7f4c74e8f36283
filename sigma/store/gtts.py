"""Triggers that rest at brokers, and kill runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, Table, bindparam, desc, select

from sigma.domain.gtt import Gtt, GttLeg, GttStatus
from sigma.domain.kill import KillRun, KillVerdict
from sigma.store.database import Link
from sigma.store.desk_schema import gtts, kill_runs
from sigma.store.statements import add_row, by_id, missing, save_row, stale

_GTTS = select(gtts).order_by(desc(gtts.c.created_at), desc(gtts.c.id))
_OF_ORDER = select(gtts).where(gtts.c.order_id == bindparam("order")).order_by(desc(gtts.c.id))
_RUNS = select(kill_runs).order_by(desc(kill_runs.c.started_at), desc(kill_runs.c.id))
_RESTING = [status for status in GttStatus if status.resting]


class SqlGtts:
    """The table `gtts`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def add(self, gtt: Gtt) -> Gtt:
        """Store a new one."""
        return replace(gtt, id=add_row(self._link, gtts, _gtt_row(gtt)))

    def get(self, gtt_id: int) -> Gtt:
        """Return one or raise NotFound."""
        row = self._link.first(by_id(gtts, self._link.locking), {"id": gtt_id})
        if row is None:
            raise missing("Trigger", gtt_id)
        return _gtt(row)

    def save(self, gtt: Gtt) -> Gtt:
        """Store changes."""
        if not save_row(self._link, gtts, _gtt_row(gtt), "user_id", "account_id", "order_id", "created_at"):
            stale(self._link, gtts, "Trigger", gtt.id, gtt.version, gtt.status.value, "status")
        return replace(gtt, version=gtt.version + 1)

    def of_order(self, order_id: int) -> Gtt | None:
        """Return the one that an order wished for."""
        row = self._link.first(_OF_ORDER, {"order": order_id})
        return None if row is None else _gtt(row)

    def list(
        self, *, user_id: int | None = None, account_id: int | None = None, resting: bool = False, since: datetime | None = None
    ) -> Sequence[Gtt]:
        """Return triggers, newest first."""
        query = _GTTS
        if user_id is not None:
            query = query.where(gtts.c.user_id == user_id)
        if account_id is not None:
            query = query.where(gtts.c.account_id == account_id)
        if resting:
            query = query.where(gtts.c.status.in_(_RESTING))
        if since is not None:
            query = query.where(gtts.c.created_at >= since)
        return [_gtt(row) for row in self._link.all(query)]


class SqlKillRuns:
    """The table `kill_runs`."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def add(self, run: KillRun) -> KillRun:
        """Store a new one."""
        return replace(run, id=add_row(self._link, kill_runs, asdict(run)))

    def get(self, run_id: int) -> KillRun:
        """Return one or raise NotFound."""
        row = self._link.first(by_id(kill_runs, self._link.locking), {"id": run_id})
        if row is None:
            raise missing("Kill run", run_id)
        return _run(row)

    def save(self, run: KillRun) -> KillRun:
        """Store changes."""
        if not save_row(self._link, kill_runs, asdict(run), "user_id", "account_id", "started_at"):
            stale(self._link, kill_runs, "Kill run", run.id, run.version, run.step.value, "step")
        return replace(run, version=run.version + 1)

    def list(self, *, user_id: int | None = None, account_id: int | None = None, running: bool = False) -> Sequence[KillRun]:
        """Return runs, newest first."""
        query = _RUNS
        if user_id is not None:
            query = query.where(kill_runs.c.user_id == user_id)
        if account_id is not None:
            query = query.where(kill_runs.c.account_id == account_id)
        if running:
            query = query.where(kill_runs.c.verdict == KillVerdict.RUNNING)
        return [_run(row) for row in self._link.all(query)]


def _gtt_row(gtt: Gtt) -> dict[str, Any]:
    legs = [{"trigger_price": str(leg.trigger_price), "price": str(leg.price), "quantity": leg.quantity} for leg in gtt.legs]
    return {name: getattr(gtt, name) for name in _names(Gtt, gtts)} | {"legs": legs, "seen_before": list(gtt.seen_before)}


def _gtt(row: Row[Any]) -> Gtt:
    legs = tuple(GttLeg(Decimal(leg["trigger_price"]), Decimal(leg["price"]), leg["quantity"]) for leg in row.legs)
    plain = {name: getattr(row, name) for name in _names(Gtt, gtts)}
    return Gtt(**plain | {"legs": legs, "seen_before": tuple(row.seen_before)})


def _run(row: Row[Any]) -> KillRun:
    return KillRun(**{name: getattr(row, name) for name in _names(KillRun, kill_runs)} | {"notes": tuple(row.notes)})


def _names(kind: type[Gtt | KillRun], table: Table) -> Sequence[str]:
    """Return the fields of a value, which are the columns of its table."""
    return [one.name for one in fields(kind) if one.name in table.c]
