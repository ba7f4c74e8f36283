"""What follows from a judgement about a lost write of an order, in the transaction of the read that brought it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from sigma.domain.accounts import Account
from sigma.domain.orders import Command, CommandKind, CommandState, Order, OrderStatus
from sigma.engines import lifecycle
from sigma.engines.lifecycle import Act
from sigma.engines.settlement import Finding, Judgement
from sigma.ports.storage import Unit
from sigma.services.orders.house import OrderHouse


class Verdicts:
    """Ends lost writes, or lets them wait on."""

    def __init__(self, house: OrderHouse, tx: Unit, account: Account, now: datetime) -> None:
        self.house, self.tx, self.account, self.now = house, tx, account, now

    def conclude(self, order: Order, command: Command, judgement: Judgement) -> None:
        """Record what a read of the book said of a lost write."""
        endings: Mapping[Finding, Callable[[Order, Command, Judgement], None]] = {
            Finding.FOUND: self._end_answered,
            Finding.TWINS: self._end_answered,
            Finding.APPLIED: self._end_answered,
            Finding.NOT_APPLIED: self._end_refused,
            Finding.ABSENT: self._end_absent,
            Finding.DAY_OVER: self._end_unsettled,
            Finding.LOOK_ALIKE: self._keep_waiting,
            Finding.WAIT: self._keep_waiting,
        }
        endings[judgement.finding](order, command, judgement)

    def _end_answered(self, order: Order, command: Command, judgement: Judgement) -> None:
        self._end(command, CommandState.ANSWERED, judgement.reason)
        self.house.note(self.tx, order, "SETTLED", f"{command.kind.lower()} settled: {judgement.reason}")

    def _end_refused(self, order: Order, command: Command, judgement: Judgement) -> None:
        self._end(command, CommandState.REFUSED, judgement.reason)
        self.house.note(self.tx, order, "SETTLED", f"{command.kind.lower()} did not happen: {judgement.reason}")

    def _end_absent(self, order: Order, command: Command, judgement: Judgement) -> None:
        proven = replace(command, absent_reads=judgement.absent_reads)
        self._end(proven, CommandState.REFUSED, judgement.reason)
        if order.status is OrderStatus.UNKNOWN:
            moved = replace(lifecycle.move(order, Act.ABSENT, self.now), broker_reason="")
            self.house.save(self.tx, moved, "SETTLED", f"not placed: {judgement.reason}")

    def _end_unsettled(self, order: Order, command: Command, judgement: Judgement) -> None:
        if command.kind is not CommandKind.PLACE:
            self._end(command, CommandState.REFUSED, judgement.reason)
        if order.status is OrderStatus.UNKNOWN and not order.unsettled:
            text = f"{judgement.reason}: only a person can say what became of it"
            self.house.save(self.tx, replace(order, unsettled=True), "UNSETTLED", text)
            self.house.alarm(
                self.tx, self.account, "UNSETTLED", f"Order {order.id} ({order.listing}): {text}.", order_id=order.id
            )

    def _keep_waiting(self, order: Order, command: Command, judgement: Judgement) -> None:
        if judgement.look_alikes and judgement.look_alikes != command.look_alikes:
            self.house.note(
                self.tx, order, "LOOK_ALIKE", f"{judgement.reason}; say which it is", ids=",".join(judgement.look_alikes)
            )
        if (judgement.absent_reads, judgement.look_alikes) != (command.absent_reads, command.look_alikes):
            self.tx.commands.save(replace(command, absent_reads=judgement.absent_reads, look_alikes=judgement.look_alikes))

    def _end(self, command: Command, state: CommandState, why: str) -> None:
        text = f"{command.text}; settled: {why}" if command.text else why
        self.tx.commands.save(replace(command, state=state, answered_at=self.now, text=text))
