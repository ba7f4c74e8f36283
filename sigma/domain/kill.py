"""Stopping: what a kill run does on one account, step by step, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sigma.domain.orders import Order, Product


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


def stopped_words(reason: str) -> str:
    """Return why what was to go by itself waits for a person after a stop."""
    return f"trading was stopped ({reason})"


@dataclass(frozen=True, slots=True)
class KillRun:
    """One account's part of a kill. The worker advances it; it survives restarts.

    Parameters
    ----------
    strategy : str
        Empty: everything on the account; else the orders and positions of this strategy alone.
    product : Product or None
        None: all products. Given, the run is a square-off: it closes what is held in this product and blocks nothing.
    cancel, flatten : bool
        What was asked for beyond blocking.
    to_cancel, cancelled, to_flatten, flattened, unknown : int
        Progress: orders, and positions.
    flat_reads : int
        How many reads in a row found nothing left; two end the run.
    notes : tuple of str
        What a person should know, oldest first.
    step_at, updated_at : datetime or None
        When the step began, and when the run came nearer to its end last.
    """

    id: int
    user_id: int
    account_id: int
    started_at: datetime
    reason: str
    by: str
    strategy: str = ""
    product: Product | None = None
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
    step_at: datetime | None = None
    updated_at: datetime | None = None
    ended_at: datetime | None = None
    version: int = 1

    @property
    def tag(self) -> str:
        """The tag that its exits carry."""
        return f"kill-{self.id}"

    def concerns(self, order: Order) -> bool:
        """Say whether an order of the run's account is within its scope; a strategy's name counts whatever its case."""
        return self.means(order.strategy) and self.product in (None, order.request.product)

    def means(self, strategy: str) -> bool:
        """Say whether what a strategy does (empty: what people do) is within the run's scope."""
        return self.strategy.casefold() in ("", strategy.casefold())

    def noted(self, *notes: str) -> KillRun:
        """Return the run with notes, each once."""
        return replace(self, notes=(*self.notes, *dict.fromkeys(note for note in notes if note not in self.notes)))

    def over(self, verdict: KillVerdict, now: datetime, *notes: str) -> KillRun:
        """Return the run as it ends now."""
        return replace(self.noted(*notes), step=KillStep.ENDED, verdict=verdict, ended_at=now, updated_at=now)
