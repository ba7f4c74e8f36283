"""System and audit events: what happened, to what, for whom. Order events are in domain/orders.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Level(StrEnum):
    """How much an event matters."""

    INFO = "INFO"
    WARNING = "WARNING"
    ALARM = "ALARM"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the audit trail; append-only."""

    id: int
    at: datetime
    level: Level
    kind: str
    text: str
    user_id: int | None = None
    account_id: int | None = None
    detail: Mapping[str, str | int | None] = field(default_factory=dict)
    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """When a process last said that it lives, and what it is doing."""

    process: str
    at: datetime
    pid: int
    detail: Mapping[str, str | int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a scheduled job; unique on (job, scheduled_at)."""

    job: str
    scheduled_at: datetime
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Bell:
    """What a person should hear of: warnings and alarms of the last days, theirs and the installation's.

    Parameters
    ----------
    unseen : int
        How many of them they have not seen; it may be more than `items` holds.
    items : tuple of Event
        The newest, newest first.
    """

    unseen: int
    items: tuple[Event, ...]
