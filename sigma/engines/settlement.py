"""What became of a write whose answer was lost, judged from the broker's book and nothing else.

All instants are nanoseconds on the boot clock of this machine; a reboot restarts every wait. Absence is believed only
after ``max(send_by + call time-out, moment it was declared unknown) + visibility delay``, in two complete reads on the
order's own day, `absence_gap` apart, while no untagged row looks like it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from sigma.domain.answers import BookRead, BrokerOrder
from sigma.domain.orders import Command, Order, OrderType
from sigma.domain.times import ist_date

SECOND = 1_000_000_000
FIRED: dict[str, OrderType] = {OrderType.SL: OrderType.LIMIT, OrderType.SL_M: OrderType.MARKET}
"""As what a book shows a stop whose trigger was reached."""


@dataclass(frozen=True, slots=True)
class SettleRules:
    """The waits, in seconds; settings, which a fault campaign shortens together with the simulator's own delays."""

    call_timeout: float
    visibility_delay: float
    absence_gap: float


class Finding(StrEnum):
    """What one read of the book says about a lost write."""

    FOUND = "FOUND"
    TWINS = "TWINS"
    ABSENT = "ABSENT"
    APPLIED = "APPLIED"
    NOT_APPLIED = "NOT_APPLIED"
    LOOK_ALIKE = "LOOK_ALIKE"
    DAY_OVER = "DAY_OVER"
    WAIT = "WAIT"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A finding, the rows behind it, and the absent reads to remember."""

    finding: Finding
    reason: str = ""
    rows: tuple[BrokerOrder, ...] = ()
    absent_reads: tuple[int, ...] = ()
    look_alikes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Read:
    """A book with the boot-clock instant at which it was asked for.

    Parameters
    ----------
    known_ids : collection of str
        Broker ids that a complete book must contain: every id known for this account and day.
    attached_ids : collection of str
        Broker ids that already belong to orders of ours (adopted ones included).
    """

    book: BookRead
    asked_ns: int
    known_ids: Collection[str]
    attached_ids: Collection[str]

    @property
    def missing(self) -> tuple[str, ...]:
        """Known ids that the book lacks: it is truncated."""
        there = {row.broker_order_id for row in self.book.rows} | {bad.broker_order_id for bad in self.book.bad}
        return tuple(sorted(set(self.known_ids) - there))

    @property
    def unreadable(self) -> bool:
        """Whether a row could be anybody's."""
        return any(bad.broker_order_id is None or bad.broker_order_id not in self.attached_ids for bad in self.book.bad)


def earliest_ns(command: Command, rules: SettleRules) -> int:
    """Return the boot-clock instant from which a read may count against the command."""
    left_by = (command.send_by_ns or 0) + int(rules.call_timeout * SECOND)
    return max(left_by, command.unknown_ns or 0) + int(rules.visibility_delay * SECOND)


def judge_place(order: Order, command: Command, read: Read, rules: SettleRules, today: date) -> Judgement:
    """Say what a book tells about a PLACE without an answer.

    Parameters
    ----------
    today : date
        The day in India now. Reads count on the day of the claim and on the order's session.
    """
    own = tuple(row for row in read.book.rows if row.tag == order.client_order_id)
    if own:
        return Judgement(Finding.FOUND if len(own) == 1 else Finding.TWINS, "the book shows our tag", own)
    if order.broker_order_id is not None:
        return Judgement(Finding.FOUND, f"the broker gave it the id {order.broker_order_id}")
    if order.session_date is not None and today > order.session_date:
        return Judgement(
            Finding.DAY_OVER, f"the book of {order.session_date:%d %b %Y} is gone", absent_reads=command.absent_reads
        )
    alike = tuple(row.broker_order_id for row in read.book.rows if looks_like(order, row, read.attached_ids))
    if alike:
        return Judgement(Finding.LOOK_ALIKE, f"untagged order {', '.join(alike)} looks the same", look_alikes=alike)
    problem = _cannot_count(order, command, read, rules)
    if problem:
        return Judgement(Finding.WAIT, problem, absent_reads=command.absent_reads)
    reads = (*command.absent_reads[:1], read.asked_ns)
    if read.asked_ns - reads[0] >= rules.absence_gap * SECOND and len(reads) == 2:
        return Judgement(Finding.ABSENT, "two complete reads of the book do not show it", absent_reads=reads)
    return Judgement(Finding.WAIT, "absent from one complete read so far", absent_reads=reads[:1])


def _cannot_count(order: Order, command: Command, read: Read, rules: SettleRules) -> str:
    if read.asked_ns < earliest_ns(command, rules):
        return "the broker may still show it"
    days = {order.session_date, ist_date(command.claimed_at) if command.claimed_at else None}
    if ist_date(read.book.asked_at) not in days:
        return "read on another day"
    if read.missing:
        return f"the book is incomplete: {', '.join(read.missing[:3])} missing"
    return "a row of the book could not be read" if read.unreadable else ""


def looks_like(order: Order, row: BrokerOrder, attached_ids: Collection[str]) -> bool:
    """Say whether an untagged, unclaimed row could be this order: same listing, side and quantity."""
    same = (row.listing, row.side, row.quantity) == (order.listing, order.request.side, order.request.quantity)
    return same and not row.tag and row.broker_order_id not in attached_ids


def judge_modify(order: Order, command: Command, read: Read, rules: SettleRules, today: date) -> Judgement:
    """Say whether a MODIFY without an answer was applied: compare price, trigger, quantity after the wait."""
    row = _row(order, read.book)
    if row is None:
        return _gone(order, today)
    if _matches(command.payload, row):
        return Judgement(Finding.APPLIED, "the book shows the new values", (row,))
    if row.status is not None and row.status.final:
        return Judgement(Finding.NOT_APPLIED, f"the order ended {row.status} before", (row,))
    if read.asked_ns < earliest_ns(command, rules):
        seen = (read.asked_ns,) if read.asked_ns >= (command.unknown_ns or 0) else command.absent_reads
        return Judgement(Finding.WAIT, "the broker may still apply it", (row,), absent_reads=seen)
    return Judgement(Finding.NOT_APPLIED, "the book still shows the old values", (row,))


def judge_cancel(order: Order, command: Command, read: Read, rules: SettleRules, today: date) -> Judgement:
    """Say whether a CANCEL without an answer took: an order still working after the read may be cancelled again."""
    row = _row(order, read.book)
    if row is None:
        return _gone(order, today)
    if row.status is not None and row.status.final:
        return Judgement(Finding.APPLIED, f"the order ended {row.status}", (row,))
    if read.asked_ns < (command.unknown_ns or 0):
        return Judgement(Finding.WAIT, "read before the answer was lost", (row,))
    return Judgement(Finding.NOT_APPLIED, "the order still works", (row,))


def _row(order: Order, book: BookRead) -> BrokerOrder | None:
    return next((row for row in book.rows if row.broker_order_id == order.broker_order_id), None)


def _gone(order: Order, today: date) -> Judgement:
    if order.session_date is not None and today > order.session_date:
        return Judgement(Finding.DAY_OVER, f"the book of {order.session_date:%d %b %Y} is gone")
    return Judgement(Finding.WAIT, "the book does not show the order")


def _matches(payload: Mapping[str, str | None], row: BrokerOrder) -> bool:
    def same(name: str, shown: Decimal | int | None) -> bool:
        wanted = payload.get(name)
        return wanted is None or (shown is not None and Decimal(wanted) == shown)

    def word(name: str, shown: str | None) -> bool:
        wanted = payload.get(name)
        return wanted is None or shown in (wanted, FIRED.get(wanted))

    numbers = same("price", row.price) and same("trigger_price", row.trigger_price) and same("quantity", row.quantity)
    return numbers and word("order_type", row.order_type) and word("validity", row.validity or payload.get("validity"))
