"""Messages received: the durable inbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, desc, select, update

from sigma.domain.signals import Signal, SignalStatus
from sigma.store.database import Link
from sigma.store.schema import signals
from sigma.store.statements import add_row, by_id, missing

_FIRST_WITH_KEY = (
    select(signals)
    .where(
        signals.c.user_id == bindparam("user_id"),
        signals.c.dedupe_key == bindparam("dedupe_key"),
        signals.c.received_at >= bindparam("since"),
    )
    .order_by(signals.c.received_at, signals.c.id)
    .limit(1)
)
_JUDGE = (
    update(signals)
    .where(signals.c.id == bindparam("signal_id"))
    .values(status=bindparam("became", type_=signals.c.status.type), note=bindparam("why"))
)
_LIST = select(signals).where(signals.c.user_id == bindparam("user_id")).order_by(desc(signals.c.received_at), desc(signals.c.id))


def to_signal(row: Row[Any]) -> Signal:
    """Return the message of a row."""
    return Signal(
        id=row.id,
        user_id=row.user_id,
        received_at=row.received_at,
        status=row.status,
        raw=row.raw,
        dedupe_key=row.dedupe_key,
        listing=row.listing,
        side=row.side,
        quantity=row.quantity,
        strategy=row.strategy,
        platform=row.platform,
        bar_time=row.bar_time,
        external_id=row.external_id,
        note=row.note,
        hints=row.hints,
        first_id=row.first_id,
        correlation_id=row.correlation_id,
    )


def from_signal(signal: Signal) -> dict[str, Any]:
    """Return the row of a message."""
    return {
        "user_id": signal.user_id,
        "received_at": signal.received_at,
        "status": signal.status,
        "raw": signal.raw,
        "dedupe_key": signal.dedupe_key,
        "listing": signal.listing,
        "side": signal.side,
        "quantity": signal.quantity,
        "strategy": signal.strategy,
        "platform": signal.platform,
        "bar_time": signal.bar_time,
        "external_id": signal.external_id,
        "note": signal.note,
        "hints": signal.hints,
        "first_id": signal.first_id,
        "correlation_id": signal.correlation_id,
    }


class SqlSignals:
    """Messages in the database."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def add(self, signal: Signal) -> Signal:
        """Store a message."""
        return replace(signal, id=add_row(self._link, signals, from_signal(signal)))

    def get(self, signal_id: int) -> Signal:
        """Return one message or raise NotFound."""
        row = self._link.first(by_id(signals, False), {"id": signal_id})
        if row is None:
            raise missing("Signal", signal_id)
        return to_signal(row)

    def judge(self, signal_id: int, status: SignalStatus, note: str) -> None:
        """Store what became of a message once that is known on all accounts."""
        self._link.write(_JUDGE, {"signal_id": signal_id, "became": status, "why": note})

    def first_with_key(self, user_id: int, dedupe_key: str, since: datetime) -> Signal | None:
        """Return the earliest message with this key received at or after `since`."""
        row = self._link.first(_FIRST_WITH_KEY, {"user_id": user_id, "dedupe_key": dedupe_key, "since": since})
        return None if row is None else to_signal(row)

    def list(
        self,
        user_id: int,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        status: SignalStatus | None = None,
        limit: int | None = None,
    ) -> Sequence[Signal]:
        """Return messages received at or after `since` and before `until`, newest first."""
        query = _LIST if since is None else _LIST.where(signals.c.received_at >= since)
        if until is not None:
            query = query.where(signals.c.received_at < until)
        if status is not None:
            query = query.where(signals.c.status == status)
        return [to_signal(row) for row in self._link.all(query.limit(limit), {"user_id": user_id})]
