"""The account's one sender: claim, check, call, store the answer. A write is called at most once, whatever happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog

from sigma.domain.accounts import Account
from sigma.domain.answers import WriteAnswer
from sigma.domain.errors import Conflict, SessionExpired, SigmaError
from sigma.domain.orders import Command, CommandKind, CommandState, Outcome
from sigma.engines.settlement import SECOND
from sigma.ports.infra import Lease, WriteBudget
from sigma.ports.storage import Unit
from sigma.services.conversions import ConversionWrites
from sigma.services.orders.approve import Approval
from sigma.services.orders.gtt import is_removal
from sigma.services.orders.gtt_writes import GttWrites
from sigma.services.orders.house import OrderHouse, freeze
from sigma.services.orders.way import Claimed, Way
from sigma.services.orders.writes import OrderWrites

log = structlog.get_logger(__name__)
STORE_ATTEMPTS = 3
STORE_PAUSE_S = 0.2


class WritesStopped(SigmaError):
    """An answer could not be stored: this account's writes stop until the process is restarted."""

    default_code = "WRITES_STOPPED"


@dataclass(frozen=True, slots=True)
class Round:
    """What one pass over the pending commands did; `delay` is how long the write budget asks to wait, in seconds."""

    sent: int
    delay: float = 0.0


class Sender:
    """Sends one account's commands. Belongs to the thread that holds the account's lease."""

    def __init__(self, house: OrderHouse, approval: Approval, account_id: int, lease: Lease, budget: WriteBudget) -> None:
        self._house = house
        self._account_id = account_id
        self._lease = lease
        self._budget = budget
        self._skewed = 0
        orders = OrderWrites(house, approval)
        self._ways: Mapping[CommandKind, Way] = {
            CommandKind.PLACE: orders,
            CommandKind.MODIFY: orders,
            CommandKind.CANCEL: orders,
            CommandKind.CONVERT: ConversionWrites(house),
            CommandKind.GTT: GttWrites(house, approval),
        }

    def take_over(self) -> int:
        """Declare UNKNOWN what an earlier holder left claimed: it is dead, and nobody knows what it sent. Returns how many.

        Waits that were counted on another boot's clock start again.
        """
        house = self._house
        with house.store.begin() as tx:
            left = [command for command in tx.commands.open(self._account_id) if self._orphaned(command)]
            for command in left:
                house.probe.reached("takeover")
                fate = "lost its claim" if command.holder == self._lease.holder else "died while sending"
                answer = WriteAnswer(Outcome.UNKNOWN, code="HOLDER_DIED", text=f"the sender {command.holder} {fate}")
                self._lose(tx, command, answer)
        return len(left)

    def _orphaned(self, command: Command) -> bool:
        return command.state is CommandState.SENDING or command.boot_id != self._house.clock.boot_id

    def run_once(self) -> Round:
        """Send what is pending, oldest first, what takes orders back before everything.

        A claim that nobody is calling any more (the take-over could not be stored, or a claim's commit was answered by an
        error that reading back could not explain) is declared UNKNOWN first: this thread is the only one that calls.
        """
        with self._house.store.read() as tx:
            orphans = [command for command in tx.commands.open(self._account_id) if self._orphaned(command)]
            pending = tx.commands.pending(self._account_id)
            ready = [_ready(tx, command) for command in pending if not self._ways[command.kind].blocked(tx, command)]
        if orphans:
            self.take_over()
        sent = 0
        for command, urgent, exchange in sorted(ready, key=lambda one: not one[1]):
            self._house.probe.reached("intent")
            seen = self._seen(command)
            if seen is None:
                continue
            delay = self._budget.take(urgent=urgent, exchange=exchange)
            if delay:
                return Round(sent, delay)
            claimed = self.claim(command.id, seen)
            if claimed is not None:
                self.send(claimed)
                sent += 1
        return Round(sent)

    def _seen(self, command: Command) -> Mapping[str, str] | None:
        """Return what was read before a claim; None when it could not be, and the command waits or is withdrawn."""
        try:
            return self._ways[command.kind].before(command)
        except SigmaError as error:
            log.warning("not_sent_unread", command_id=command.id, kind=command.kind, error=str(error))
            age = (self._house.clock.now() - command.created_at).total_seconds()
            if error.retryable and age <= self._house.seconds("orders.approval_max_age"):
                return None
            with self._house.store.begin() as tx:
                now = tx.commands.get(command.id)
                if now.state is CommandState.PENDING:
                    self._withdraw(tx, now, str(error))
            return None

    def claim(self, command_id: int, seen: Mapping[str, str] | None = None) -> Claimed | None:
        """Commit the one claim of a command, or return None when it may not go (any more).

        Parameters
        ----------
        seen : mapping, optional
            What the kind of write wants committed before the call (way.py, `before`).
        """
        house = self._house
        try:
            with house.store.begin() as tx:
                claimed = self._claim(tx, command_id, seen or {})
        except Exception as error:  # the commit itself may have been answered by it: what is stored counts
            claimed = self._read_back(command_id)
            if claimed is None:
                self._not_claimed(command_id, error)
                return None
        if claimed is not None:
            house.probe.reached("claimed")
        return claimed

    def _claim(self, tx: Unit, command_id: int, seen: Mapping[str, str]) -> Claimed | None:
        command = tx.commands.get(command_id)
        if command.state is not CommandState.PENDING:
            return None
        way, account = self._ways[command.kind], tx.accounts.get(command.account_id)
        command = replace(command, payload={**command.payload, **seen}) if seen else command
        obstacle = way.obstacle(tx, command, account)
        if obstacle:
            self._withdraw(tx, command, obstacle)
            return None
        if way.blocked(tx, command):
            return None
        house, now = self._house, self._house.clock.now()
        window, timeout = house.seconds("orders.send_window"), house.seconds("orders.call_timeout")
        command = tx.commands.save(
            replace(
                command,
                state=CommandState.SENDING,
                holder=self._lease.holder,
                claimed_at=now,
                send_by_ns=house.clock.boot_ns() + int(window * SECOND),
                boot_id=house.clock.boot_id,
                deadline=now + timedelta(seconds=window + timeout),
            )
        )
        return way.claimed(tx, command, account)

    def _not_claimed(self, command_id: int, error: Exception) -> None:
        """Pass on what ails the database; what ails one order (a bug of ours) sends it back to the queue, and no other.

        Raises
        ------
        SigmaError, OSError
            The claim could not be stored; it is tried again.
        """
        if isinstance(error, Conflict):
            return  # somebody changed the order just now: it is looked at again
        if isinstance(error, SigmaError | OSError):
            raise error
        log.error("claim_failed", command_id=command_id, exc_info=error)
        with self._house.store.begin() as tx:
            command = tx.commands.get(command_id)
            if command.state is CommandState.PENDING:
                why = f"it could not be prepared for sending ({type(error).__name__}, see the worker's log)"
                self._withdraw(tx, command, why)

    def _read_back(self, command_id: int) -> Claimed | None:
        """After a commit whose own answer was lost: call only if the claim is there and ours."""
        with self._house.store.read() as tx:
            command = tx.commands.get(command_id)
            if command.state is not CommandState.SENDING or command.holder != self._lease.holder:
                return None
            return self._ways[command.kind].found(tx, command, tx.accounts.get(command.account_id))

    def _withdraw(self, tx: Unit, command: Command, why: str) -> None:
        now = self._house.clock.now()
        withdrawn = tx.commands.save(replace(command, state=CommandState.WITHDRAWN, answered_at=now, text=why))
        self._ways[command.kind].withdrawn(tx, withdrawn, why)

    def send(self, claimed: Claimed) -> None:
        """Make the one call of a claim and store its answer.

        Raises
        ------
        WritesStopped
            The answer could not be stored. The claim stands, and the next holder settles it from the book.
        """
        login = self._house.connected.session(claimed.account.id)
        answer = self._call(claimed)
        self._house.probe.reached("answered")
        self._store(claimed, answer)
        self._house.probe.reached("answer_stored")
        if answer.session_expired and login is not None:
            self._house.connected.end_session(claimed.account.id, login, answer.text)

    def _store(self, claimed: Claimed, answer: WriteAnswer) -> None:
        """Store an answer; one that a busy database or a deadlock kept out is tried again, for storing twice changes nothing."""
        for attempt in range(1, STORE_ATTEMPTS + 1):
            try:
                with self._house.store.begin() as tx:
                    self._record(tx, claimed, answer)
                return
            except (SigmaError, OSError) as error:
                if attempt < STORE_ATTEMPTS and isinstance(error, SigmaError) and error.retryable:
                    self._house.clock.wait(STORE_PAUSE_S)
                    continue
                what = f"order {claimed.order.id}" if claimed.order else f"write {claimed.command.id}"
                raise WritesStopped(
                    f"The answer to {claimed.command.kind} of {what} could not be stored ({error}); "
                    f"account {claimed.account.name} sends nothing more.",
                    hint="Free the disk or mend the database, then restart the worker: it settles the order from the book.",
                ) from error

    def _call(self, claimed: Claimed) -> WriteAnswer:
        house, command = self._house, claimed.command
        try:
            broker = house.connected.broker(claimed.account.id)
        except Exception as error:  # whatever it is, there was nothing to send with
            expired = isinstance(error, SessionExpired)
            code = error.code if isinstance(error, SigmaError) else type(error).__name__
            text = str(error) if isinstance(error, SigmaError) else "the broker's client could not be made"
            return WriteAnswer(Outcome.NOT_SENT, code=code, text=text, session_expired=expired)
        if house.clock.boot_ns() > (command.send_by_ns or 0):
            return WriteAnswer(Outcome.NOT_SENT, code="TOO_LATE", text="the time to send it had passed before the call")
        house.probe.reached("checked")
        if command.kind is not CommandKind.PLACE:
            house.probe.reached(command.kind.lower())
        try:
            return self._ways[command.kind].call(broker, claimed)
        except Exception as error:  # whatever went wrong in there, the write may have gone out
            return WriteAnswer(Outcome.UNKNOWN, code=type(error).__name__, text="the adapter failed during the call")

    def _record(self, tx: Unit, claimed: Claimed, answer: WriteAnswer) -> None:
        command = tx.commands.get(claimed.command.id)
        way = self._ways[command.kind]
        if command.state is not CommandState.SENDING:
            way.late(tx, command, answer)
            return
        if answer.outcome is Outcome.UNKNOWN:
            self._lose(tx, command, answer)
            return
        state = CommandState.ANSWERED if answer.outcome is Outcome.ACCEPTED else CommandState.REFUSED
        way.answered(tx, tx.commands.save(_answered(command, answer, state, self._house)), answer)
        self._watch_clock(tx, claimed.account, answer)

    def _lose(self, tx: Unit, command: Command, answer: WriteAnswer) -> None:
        """Record that nobody knows: the wait for absence starts here, for only now is it sure that nothing more leaves."""
        house = self._house
        lost = _answered(command, answer, CommandState.UNKNOWN, house)
        rebooted = command.boot_id != house.clock.boot_id
        boot_ns = house.clock.boot_ns()
        lost = tx.commands.save(
            replace(
                lost,
                unknown_ns=boot_ns,
                boot_id=house.clock.boot_id,
                send_by_ns=boot_ns if rebooted else command.send_by_ns,
                absent_reads=(),
            )
        )
        self._ways[command.kind].lost(tx, lost, answer)

    def _watch_clock(self, tx: Unit, account: Account, answer: WriteAnswer) -> None:
        """Freeze an account whose broker's clock is twice too far from ours: session dates and expiries could be wrong."""
        if answer.server_time is None:
            return
        skew = abs((answer.server_time - self._house.clock.now()).total_seconds())
        self._skewed = self._skewed + 1 if skew > self._house.seconds("orders.max_clock_skew") else 0
        if self._skewed >= 2:
            freeze(self._house, tx, account.id, f"this machine's clock and the broker's differ by {skew:.0f} s")


def _ready(tx: Unit, command: Command) -> tuple[Command, bool, str]:
    """Return a command with what its tokens are: whether it takes risk away (it goes first then, and by those kept for such),
    and among which exchange segment's orders it counts. Triggers and conversions stay at the broker.
    """
    if command.order_id is None or command.kind is CommandKind.GTT:
        return command, is_removal(command), ""
    order = tx.orders.get(command.order_id)
    return command, command.kind is CommandKind.CANCEL or order.reduce_only, order.listing.partition(":")[0]


def _answered(command: Command, answer: WriteAnswer, state: CommandState, house: OrderHouse) -> Command:
    changes: dict[str, Any] = {
        "state": state,
        "answered_at": house.clock.now(),
        "outcome": answer.outcome,
        "code": answer.code,
        "text": answer.text,
        "http_status": answer.http_status,
    }
    return replace(command, **changes)
