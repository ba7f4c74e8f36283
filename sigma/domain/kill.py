"""Stopping: what a kill run does on one account, step by step, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class KillStep(StrEnum):
    """Where a kill run is. Each step ends only when its work is confirmed by the broker's own lists."""

    BLOCKED = "BLOCKED"
    CANCELLING = "CANCELLING"
    SETTLING = "SETTLING"
    FLATTENING = "FLATTENING"
    VERIFYING = "VERIFYING"
    ENDED = "ENDED"


class KillVerdict(StrEnum):
    """How a run ended. NOT_VERIFIED: somebody must look at the broker; the notes say why."""

    RUNNING = "RUNNING"
    BLOCKED = "BLOCKED"
    CANCELLED = "CANCELLED"
    FLAT = "FLAT"
    NOT_VERIFIED = "NOT_VERIFIED"


@dataclass(frozen=True, slots=True)
class KillRun:
    """One account's part of a kill. The worker advances it; it survives restarts.

    Parameters
    ----------
    strategy : str
        Empty: everything on the account; else the orders and positions of this strategy alone.
    cancel, flatten : bool
        What was asked for beyond blocking.
    to_cancel, cancelled, to_flatten, flattened, unknown : int
        Progress: orders, and positions.
    flat_reads : int
        How many reads in a row found nothing left; two end the run.
    notes : tuple of str
        What a person should know, oldest first.
    """

    id: int
    user_id: int
    account_id: int
    started_at: datetime
    reason: str
    by: str
    strategy: str = ""
    cancel: bool = True
    flatten: bool = True
    step: KillStep = KillStep.BLOCKED
    verdict: KillVerdict = KillVerdict.RUNNING
    to_cancel: int = 0
    cancelled: int = 0
    to_flatten: int = 0
    flattened: int = 0
    unknown: int = 0
    flat_reads: int = 0
    notes: tuple[str, ...] = ()
    updated_at: datetime | None = None
    ended_at: datetime | None = None
    version: int = 1
