"""The account's one sender: claim, check, call, store the answer. A write is called at most once, whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog

from sigma.domain.accounts import Account, TradingMode, stricter
from sigma.domain.answers import WriteAnswer
from sigma.domain.calendar import CALENDAR_ENDS
from sigma.domain.errors import ConfigError, Conflict, SessionExpired, SigmaError
from sigma.domain.orders import Command, CommandKind, CommandState, Order, OrderRequest, OrderStatus, Outcome
from sigma.engines import lifecycle, risk
from sigma.engines.lifecycle import Act
from sigma.engines.orders import suit
from sigma.engines.settlement import SECOND
from sigma.ports.infra import Lease, WriteBudget
from sigma.ports.storage import Unit
from sigma.services.orders.amend import want_cancel, wanted_request
from sigma.services.orders.approve import Approval, Facts
from sigma.services.orders.house import OrderHouse, freeze

log = structlog.get_logger(__name__)
STORE_ATTEMPTS = 3
STORE_PAUSE_S = 0.2


class WritesStopped(SigmaError):
    """An answer could not be stored: this account's writes stop until the process is restarted."""

    default_code = "WRITES_STOPPED"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A write that this process alone may call, until `send_by_ns` on the boot clock."""

    order: Order
    command: Command
    account: Account


@dataclass(frozen=True, slots=True)
class Round:
    """What one pass over the pending commands did; `delay` is how long the write budget asks to wait, in seconds."""

    sent: int
    delay: float = 0.0


class Sender:
    """Sends one account's commands. Belongs to the thread that holds the account's lease."""

    def __init__(self, house: OrderHouse, approval: Approval, account_id: int, lease: Lease, budget: WriteBudget) -> None:
        self._house = house
        self._approval = approval
        self._account_id = account_id
        self._lease = lease
        self._budget = budget
        self._skewed = 0

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
        """Send what is pending, oldest first, cancels before everything.

        A claim that nobody is calling any more (the take-over could not be stored, or a claim's commit was answered by an
        error that reading back could not explain) is declared UNKNOWN first: this thread is the only one that calls.
        """
        with self._house.store.read() as tx:
            orphans = [command for command in tx.commands.open(self._account_id) if self._orphaned(command)]
            ready = [command for command in tx.commands.pending(self._account_id) if not self._blocked(tx, command)]
        if orphans:
            self.take_over()
        sent = 0
        for command in ready:
            self._house.probe.reached("intent")
            delay = self._budget.take(urgent=command.kind is CommandKind.CANCEL)
            if delay:
                return Round(sent, delay)
            claimed = self.claim(command.id)
            if claimed is not None:
                self.send(claimed)
                sent += 1
        return Round(sent)

    def claim(self, command_id: int) -> Claimed | None:
        """Commit the one claim of a command, or return None when it may not go (any more)."""
        house = self._house
        try:
            with house.store.begin() as tx:
                claimed = self._claim(tx, command_id)
        except Exception as error:  # the commit itself may have been answered by it: what is stored counts
            claimed = self._read_back(command_id)
            if claimed is None:
                self._not_claimed(command_id, error)
                return None
        if claimed is not None:
            house.probe.reached("claimed")
        return claimed

    def _claim(self, tx: Unit, command_id: int) -> Claimed | None:
        command = tx.commands.get(command_id)
        if command.state is not CommandState.PENDING:
            return None
        order, account = tx.orders.get(command.order_id), tx.accounts.get(command.account_id)
        obstacle = self._obstacle(tx, order, command, account)
        if obstacle:
            self._withdraw(tx, order, command, obstacle)
            return None
        if self._blocked(tx, command):
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
        if command.kind is CommandKind.PLACE:
            order = replace(lifecycle.move(order, Act.CLAIM, now), sent_at=now, session_date=house.session_of(order.request, now))
            order = house.save(tx, order, "CLAIMED", "goes out now", command=command.id)
        else:
            house.note(tx, order, "CLAIMED", f"{command.kind.lower()} goes out now", command=command.id)
        return Claimed(order, command, account)

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
                self._withdraw(tx, tx.orders.get(command.order_id), command, why)

    def _read_back(self, command_id: int) -> Claimed | None:
        """After a commit whose own answer was lost: call only if the claim is there and ours."""
        with self._house.store.read() as tx:
            command = tx.commands.get(command_id)
            ours = command.state is CommandState.SENDING and command.holder == self._lease.holder
            return Claimed(tx.orders.get(command.order_id), command, tx.accounts.get(command.account_id)) if ours else None

    def _blocked(self, tx: Unit, command: Command) -> bool:
        """Say whether another write of this order is in the way.

        A CANCEL may follow an UNKNOWN MODIFY once the book was read after its answer was lost.
        """
        others = [other for other in tx.commands.for_order(command.order_id) if other.id != command.id]
        open_states = (CommandState.SENDING, CommandState.UNKNOWN)
        in_the_way = [other for other in others if other.state in open_states]
        if command.kind is CommandKind.CANCEL:
            in_the_way = [other for other in in_the_way if other.kind is not CommandKind.MODIFY or not other.absent_reads]
        return bool(in_the_way)

    def _obstacle(self, tx: Unit, order: Order, command: Command, account: Account) -> str:
        """Say why a command may not go at all any more, empty when it may."""
        if command.kind is CommandKind.CANCEL:
            return "" if order.status.live else f"the order is {order.status}"
        if account.frozen_reason:
            return f"account {account.name} is frozen: {account.frozen_reason}"
        if command.kind is CommandKind.MODIFY:
            return self._modify_obstacle(tx, order, command, account)
        if order.status is not OrderStatus.APPROVED or order.approved_at is None:
            return f"the order is {order.status}"
        age = (self._house.clock.now() - order.approved_at).total_seconds()
        if age > self._house.seconds("orders.approval_max_age"):
            return f"approved {age:.0f} s ago and not sent"
        return self._unknown_session(order) or self._risk_obstacle(tx, order, account)

    def _unknown_session(self, order: Order) -> str:
        """Say why it is not known in which session the order would trade, empty when it is."""
        try:
            self._house.session_of(order.request, self._house.clock.now())
        except ConfigError as error:
            if error.code != CALENDAR_ENDS:
                raise
            return error.message
        return ""

    def _modify_obstacle(self, tx: Unit, order: Order, command: Command, account: Account) -> str:
        if not order.status.live:
            return f"the order is {order.status}"
        mode = stricter(account.trading_mode, TradingMode(tx.users.get(account.user_id).trading_mode))
        if mode is TradingMode.PAUSED:
            return "trading is paused"
        return self._risk_obstacle(tx, replace(order, request=wanted_request(order.request, command.payload)), account)

    def _risk_obstacle(self, tx: Unit, order: Order, account: Account) -> str:
        """Run the gate again on what holds now, with the price and position that the decision saw."""
        decisions = tx.orders.decisions(order.id)
        if not decisions:
            return "no risk decision is stored for it"
        seen = risk.book_from(dict(decisions[-1].inputs))
        facts = Facts(seen.last_price, seen.price_at, seen.position, seen.exits_filled)
        decision = self._approval.decide(tx, order, account, facts)
        if decision.allowed:
            return ""
        tx.orders.add_decision(replace(decision, order_id=order.id))
        return decision.text

    def _withdraw(self, tx: Unit, order: Order, command: Command, why: str) -> None:
        now = self._house.clock.now()
        tx.commands.save(replace(command, state=CommandState.WITHDRAWN, answered_at=now, text=why))
        if command.kind is CommandKind.PLACE and order.status is OrderStatus.APPROVED:
            back = replace(lifecycle.move(order, Act.RETURN, now), stale_reason=why)
            self._house.save(tx, back, "RETURNED", f"back in the queue: {why}")
        else:
            self._house.note(tx, order, "NOT_SENT", f"{command.kind.lower()} was not sent: {why}")

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
                raise WritesStopped(
                    f"The answer to {claimed.command.kind} of order {claimed.order.id} could not be stored ({error}); "
                    f"account {claimed.account.name} sends nothing more.",
                    hint="Free the disk or mend the database, then restart the worker: it settles the order from the book.",
                ) from error

    def _call(self, claimed: Claimed) -> WriteAnswer:
        house, command, order = self._house, claimed.command, claimed.order
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
        by = command.send_by_ns
        calls: dict[CommandKind, Callable[[], WriteAnswer]] = {
            CommandKind.PLACE: lambda: broker.place(order.request, order.client_order_id, send_by_ns=by),
            CommandKind.MODIFY: lambda: broker.modify(order, self._wanted(claimed), send_by_ns=by),
            CommandKind.CANCEL: lambda: broker.cancel(order, send_by_ns=by),
        }
        try:
            return calls[command.kind]()
        except Exception as error:  # whatever went wrong in there, the write may have gone out
            return WriteAnswer(Outcome.UNKNOWN, code=type(error).__name__, text="the adapter failed during the call")

    def _wanted(self, claimed: Claimed) -> OrderRequest:
        """Return what a MODIFY asks for, with the market protection that this broker wants on what becomes a market order."""
        wanted = wanted_request(claimed.order.request, claimed.command.payload)
        return suit(wanted, self._house.capabilities(claimed.account))

    def _record(self, tx: Unit, claimed: Claimed, answer: WriteAnswer) -> None:
        command = tx.commands.get(claimed.command.id)
        if command.state is not CommandState.SENDING:  # fences guard calls, never facts: an id is kept
            order = tx.orders.get(command.order_id)
            self._house.note(tx, order, "LATE_ANSWER", f"answer after settlement: {answer.outcome}")
            if command.kind is CommandKind.PLACE and answer.outcome is Outcome.ACCEPTED:
                self._record_place(tx, order, answer)
            return
        if answer.outcome is Outcome.UNKNOWN:
            self._lose(tx, command, answer)
            return
        order = tx.orders.get(command.order_id)
        states = {Outcome.ACCEPTED: CommandState.ANSWERED}
        tx.commands.save(_answered(command, answer, states.get(answer.outcome, CommandState.REFUSED), self._house))
        if command.kind is CommandKind.PLACE:
            self._record_place(tx, order, answer)
        else:
            words = f"{command.kind.lower()} {answer.outcome.lower()}: {answer.text}".rstrip(": ")
            self._house.note(tx, order, f"{command.kind}_{answer.outcome}", words, code=answer.code)
        self._watch_clock(tx, claimed.account, answer)

    def _record_place(self, tx: Unit, order: Order, answer: WriteAnswer) -> None:
        house, now = self._house, self._house.clock.now()
        if answer.outcome is Outcome.ACCEPTED:
            moved = lifecycle.accepted(order, answer.broker_order_id, now)
            accepted = house.save(tx, moved, "ACCEPTED", f"the broker gave it the id {answer.broker_order_id}")
            if accepted.cancel_wanted:
                want_cancel(house, tx, accepted)
            return
        if order.status is not OrderStatus.SENDING:
            house.note(tx, order, "REFUSAL_IGNORED", f"{answer.outcome}: {answer.text}", code=answer.code)
            return
        act = Act.REFUSED if answer.outcome is Outcome.REFUSED else Act.NOT_SENT
        moved = replace(lifecycle.move(order, act, now), broker_reason=answer.text)
        house.save(tx, moved, str(answer.outcome), answer.text, code=answer.code)

    def _lose(self, tx: Unit, command: Command, answer: WriteAnswer) -> None:
        """Record that nobody knows: the wait for absence starts here, for only now is it sure that nothing more leaves."""
        house, now = self._house, self._house.clock.now()
        lost = _answered(command, answer, CommandState.UNKNOWN, house)
        rebooted = command.boot_id != house.clock.boot_id
        boot_ns = house.clock.boot_ns()
        tx.commands.save(
            replace(
                lost,
                unknown_ns=boot_ns,
                boot_id=house.clock.boot_id,
                send_by_ns=boot_ns if rebooted else command.send_by_ns,
                absent_reads=(),
            )
        )
        order = tx.orders.get(command.order_id)
        if command.kind is CommandKind.PLACE and order.status is OrderStatus.SENDING:
            house.save(tx, lifecycle.move(order, Act.LOST, now), "UNKNOWN", f"no clear answer: {answer.text}", code=answer.code)
        else:
            house.note(tx, order, f"{command.kind}_UNKNOWN", f"no clear answer to the {command.kind.lower()}: {answer.text}")

    def _watch_clock(self, tx: Unit, account: Account, answer: WriteAnswer) -> None:
        """Freeze an account whose broker's clock is twice too far from ours: session dates and expiries could be wrong."""
        if answer.server_time is None:
            return
        skew = abs((answer.server_time - self._house.clock.now()).total_seconds())
        self._skewed = self._skewed + 1 if skew > self._house.seconds("orders.max_clock_skew") else 0
        if self._skewed >= 2:
            freeze(self._house, tx, account.id, f"this machine's clock and the broker's differ by {skew:.0f} s")


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
