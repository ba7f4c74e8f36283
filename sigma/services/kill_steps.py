"""What a kill run does on its account, step by step: block, cancel, settle, flatten, verify. Each step is confirmed by reading.

A run is a row; nothing of it is held in memory, so that any worker goes on where another one stopped. Facts are read from the
broker outside, and what follows from them is stored together with the run's next version: of two who advance the same run
one meets a Conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from sigma.domain.errors import BrokerError, Conflict
from sigma.domain.events import Event, Level
from sigma.domain.gtt import Gtt
from sigma.domain.kill import KillRun, KillStep, KillVerdict, stopped_words
from sigma.domain.orders import EXPOSED, CommandKind, CommandState, Order, OrderMode, OrderStatus, Outcome, Source
from sigma.domain.portfolio import Position
from sigma.domain.strategies import ShareState
from sigma.ports.storage import Unit
from sigma.services.kill_exits import Exits, current
from sigma.services.orders.amend import CANCEL_ATTEMPTS, Amendment, want_cancel
from sigma.services.orders.gtt import rests, want_order_back, want_removal
from sigma.services.orders.house import OrderHouse
from sigma.services.orders.settle import BookSync
from sigma.services.orders.unattended import end_share, hand_over

log = structlog.get_logger(__name__)
FLAT_READS = 2


@dataclass(frozen=True, slots=True)
class Left:
    """What is left in a run's scope.

    Parameters
    ----------
    working : sequence of Order
        Orders that may still execute and are known to be at the broker or on their way, the run's own exits left out.
    unknown : int
        Orders and writes whose outcome is open, those that only a person can close included.
    waiting : int
        Of these, the ones that reading the book may still bring out.
    triggers : int
        Triggers that rest at the broker and are no orders of ours.
    """

    working: Sequence[Order]
    unknown: int
    waiting: int
    triggers: int


class KillSteps:
    """Advances runs. Called by one thread for each account."""

    def __init__(self, house: OrderHouse, sync: BookSync, amendment: Amendment, exits: Exits) -> None:
        self._house = house
        self._sync = sync
        self._amendment = amendment
        self._exits = exits
        self._steps: Mapping[KillStep, Callable[[KillRun], bool]] = {
            KillStep.BLOCKED: self._block,
            KillStep.CANCELLING: self._cancel,
            KillStep.SETTLING: self._settle,
            KillStep.FLATTENING: self._flatten,
            KillStep.VERIFYING: self._verify,
        }

    def step(self, account_id: int) -> float | None:
        """Advance the account's first run; return seconds to the next look, None when none is going on.

        A stop of the whole account goes before those of strategies, which wait for its end.
        """
        house = self._house
        with house.store.read() as tx:
            runs = sorted(tx.kill_runs.list(account_id=account_id, running=True), key=_turn)
        if not runs:
            return None
        run = runs[0]
        try:
            moved = self._steps[run.step](run)
        except BrokerError as error:
            moved = self._unread(run, error)
        except Conflict as error:  # somebody changed what this step looked at: it is looked at again
            log.debug("kill_step_again", run=run.id, because=str(error))
            moved = True
        return 0.0 if moved else house.seconds("kill.every")

    # -- the steps; each returns whether the next one may follow at once

    def _block(self, run: KillRun) -> bool:
        """Take back what was approved and not sent; let the time of writes that are being sent pass.

        Without `cancel` the sender does the former: what the switch stops goes back to the queue.
        """
        house, now = self._house, self._house.clock.now()
        with house.store.begin() as tx:
            run = current(tx, run)
            self.take_back(tx, run)
            leaving = [
                command
                for command in tx.commands.open(run.account_id)
                if command.state is CommandState.SENDING and command.deadline is not None and now < command.deadline
            ]
            if leaving:
                return False
            if not run.cancel:
                self._end(tx, run, KillVerdict.BLOCKED)
                return True
            left = self._left(tx, run)
            self._go(tx, replace(run, to_cancel=len(left.working) + left.triggers, cancelled=0), KillStep.CANCELLING)
        return True

    def _cancel(self, run: KillRun) -> bool:
        """Ask for the end of all that works, until the book says that nothing does."""
        self._sync.sync(run.account_id)
        with self._house.store.begin() as tx:
            run = current(tx, run)
            for order in self._orders(tx, run, sorted(EXPOSED)):
                if order.status is OrderStatus.APPROVED:
                    self._amendment.withdraw(tx, order)
                elif not order.unsettled:
                    take_back = want_order_back if rests(order) else want_cancel
                    take_back(self._house, tx, order, insist=not order.cancel_wanted)
            for gtt in self._triggers(tx, run):
                want_removal(self._house, tx, gtt)
            left = self._left(tx, run)
            open_now = len(left.working) + left.triggers
            to_cancel = max(run.to_cancel, open_now)
            run = self._progress(tx, replace(run, to_cancel=to_cancel, cancelled=to_cancel - open_now, unknown=left.unknown))
            hope = left.triggers or any(_cancellable(tx, order) for order in left.working)
            if hope and not self._tired(run):
                return False
            self._go(tx, run.noted(*_leftovers(replace(left, unknown=0), (), ())), KillStep.SETTLING)
        return True

    def _settle(self, run: KillRun) -> bool:
        """Wait until writes without an answer are settled, but not for ever."""
        self._sync.sync(run.account_id)
        with self._house.store.begin() as tx:
            run = current(tx, run)
            left = self._left(tx, run)
            run = self._progress(tx, replace(run, unknown=left.unknown))
            if left.waiting and not self._tired(run):
                return False
            if left.unknown:
                run = run.noted(f"went on while {left.unknown} outcomes were unknown")
            self._go(tx, run, KillStep.FLATTENING if run.flatten else KillStep.VERIFYING)
        return True

    def _flatten(self, run: KillRun) -> bool:
        """Send what closes the positions that the broker says are there, until nothing more can be sent."""
        self._sync.sync(run.account_id)
        look = self._exits.look(run)
        sent = self._exits.send(run, look)
        with self._house.store.begin() as tx:
            run = current(tx, sent.run)
            to_flatten = max(run.to_flatten, len(look.open))
            run = replace(run.noted(*sent.problems), to_flatten=to_flatten, flattened=to_flatten - len(look.open))
            run = self._progress(tx, run)
            if sent.more and not self._tired(run):
                return False
            self._go(tx, run, KillStep.VERIFYING)
        return True

    def _verify(self, run: KillRun) -> bool:
        """Read until two reads agree that nothing is left; begin again when something is."""
        if run.flat_reads and not self._rested(run):
            return False
        self._sync.sync(run.account_id)
        look = self._exits.look(run) if run.flatten else None
        with self._house.store.begin() as tx:
            run = current(tx, run)
            left = self._left(tx, run)
            held = look.open if look is not None else ()
            bad = look.bad if look is not None else ()
            run = replace(run, unknown=left.unknown, flattened=run.to_flatten - len(held))
            if not (left.working or left.triggers or left.unknown or held or bad):
                return self._flat(tx, run)
            if not self._tired(run) and (left.waiting or not self._stuck(tx, run, left, held)):
                step = KillStep.CANCELLING if left.working or left.triggers or held else KillStep.VERIFYING
                kept = replace(run, flat_reads=0)
                self._go(tx, kept, step, anew=False) if step is not run.step else self._progress(tx, kept)
                return False
            self._end(tx, run.noted(*_leftovers(left, held, bad)), KillVerdict.NOT_VERIFIED)
        return True

    def _flat(self, tx: Unit, run: KillRun) -> bool:
        """Count a read that found nothing left; the second one ends the run."""
        run = replace(run, flat_reads=run.flat_reads + 1)
        if run.flat_reads < FLAT_READS:
            tx.kill_runs.save(replace(run, updated_at=self._house.clock.now()))
            return False
        self._end(tx, run, KillVerdict.FLAT if run.flatten else KillVerdict.CANCELLED)
        return True

    # -- what the steps share

    def take_back(self, tx: Unit, run: KillRun) -> None:
        """Take back what was approved and not sent yet, when the run shall cancel; what waits to go by itself becomes a person's,
        so that nothing of before goes out once trading is allowed again. A run that blocks nothing leaves the latter alone.
        """
        for order in self._orders(tx, run, [OrderStatus.APPROVED]) if run.cancel else ():
            self._amendment.withdraw(tx, order)
        for order in self._orders(tx, run, [OrderStatus.WAITING]) if run.product is None else ():
            if order.mode is OrderMode.AUTO and order.source is not Source.KILL:
                hand_over(self._house, tx, order, stopped_words(run.reason))
        for share in tx.shares.pending(run.account_id) if run.product is None else ():
            if run.means(tx.signals.get(share.signal_id).strategy):
                end_share(self._house, tx, share, ShareState.SKIPPED, stopped_words(run.reason))

    def _orders(self, tx: Unit, run: KillRun, statuses: Sequence[OrderStatus]) -> list[Order]:
        """Return the orders of a run's scope, oldest first; exits of its own that do not execute are among them.

        A cut order is left to its slices, which are orders of their own.
        """
        found = tx.orders.list(account_id=run.account_id, statuses=statuses, newest_first=False)
        return [order for order in found if run.concerns(order) and not order.slices]

    def _left(self, tx: Unit, run: KillRun) -> Left:
        orders = self._orders(tx, run, sorted(EXPOSED))
        unknown = {order.id for order in orders if order.status is OrderStatus.UNKNOWN}
        for command in tx.commands.open(run.account_id):
            if command.state is CommandState.UNKNOWN:
                order = None if command.order_id is None else tx.orders.get(command.order_id)
                unknown |= {command.order_id or 0} if order is None or run.concerns(order) else set()
        waiting = unknown - {order.id for order in orders if order.unsettled}
        working = [order for order in orders if order.status is not OrderStatus.UNKNOWN]
        return Left(working, len(unknown), len(waiting), len(self._triggers(tx, run)))

    def _triggers(self, tx: Unit, run: KillRun) -> Sequence[Gtt]:
        """Return the resting triggers that were made elsewhere (ours are orders); they belong to no strategy."""
        if run.strategy:
            return ()
        resting = tx.gtts.list(account_id=run.account_id, resting=True)
        return [gtt for gtt in resting if gtt.order_id is None and run.product in (None, gtt.product)]

    def _stuck(self, tx: Unit, run: KillRun, left: Left, held: Sequence[Position]) -> bool:
        """Say whether nothing that is left can be helped by beginning again."""
        helpless = {(one.listing, one.product) for one in held if self._exits.given_up(tx, run, one)}
        stubborn = [order for order in left.working if not _cancellable(tx, order)]
        return len(helpless) == len(held) and len(stubborn) == len(left.working) and not left.triggers

    def _progress(self, tx: Unit, run: KillRun) -> KillRun:
        """Store a run; its patience begins anew when it came nearer to its end."""
        before = tx.kill_runs.get(run.id)
        nearer = (before.cancelled, before.flattened, -before.unknown) < (run.cancelled, run.flattened, -run.unknown)
        if run == before:
            return before
        return tx.kill_runs.save(replace(run, updated_at=self._house.clock.now()) if nearer else run)

    def _go(self, tx: Unit, run: KillRun, step: KillStep, *, anew: bool = True) -> None:
        now = self._house.clock.now()
        tx.kill_runs.save(replace(run, step=step, step_at=now, updated_at=now if anew else run.updated_at))

    def _end(self, tx: Unit, run: KillRun, verdict: KillVerdict) -> None:
        now = self._house.clock.now()
        done = tx.kill_runs.save(run.over(verdict, now))
        account = tx.accounts.get(run.account_id)
        bad = verdict is KillVerdict.NOT_VERIFIED
        text = f"{account.name}: {VERDICTS[verdict]}" + (f" ({'; '.join(done.notes)})" if bad else "")
        level = Level.ALARM if bad else Level.WARNING
        tx.journal.add_event(Event(0, now, level, "KILL_RUN", text, run.user_id, run.account_id, {"run": run.id}))

    def _tired(self, run: KillRun) -> bool:
        return self._age(run) >= self._house.seconds("kill.settle_within")

    def _rested(self, run: KillRun) -> bool:
        return self._age(run) >= self._house.seconds("kill.flat_gap")

    def _age(self, run: KillRun) -> float:
        since = run.updated_at or run.started_at
        return (self._house.clock.now() - since).total_seconds()

    def _unread(self, run: KillRun, error: BrokerError) -> bool:
        """The broker gave nothing: try again until the run's patience ends."""
        log.warning("kill_waits", run=run.id, step=run.step, because=str(error))
        if not self._tired(run):
            return False
        with self._house.store.begin() as tx:
            note = f"the broker could not be read while {run.step.lower()}: {error.message}"
            self._end(tx, current(tx, run).noted(note, "look at the broker"), KillVerdict.NOT_VERIFIED)
        return True


VERDICTS = {
    KillVerdict.BLOCKED: "stopped, no new order goes out",
    KillVerdict.CANCELLED: "stopped, nothing works any more",
    KillVerdict.FLAT: "stopped and flat, verified by two reads",
    KillVerdict.NOT_VERIFIED: "stopped, but NOT verified",
}


def _cancellable(tx: Unit, order: Order) -> bool:
    """Say whether the broker may still take an order back: it has not refused to, time and again."""
    cancels = [command for command in tx.commands.for_order(order.id) if command.kind is CommandKind.CANCEL]
    return sum(command.outcome is Outcome.REFUSED for command in cancels) < CANCEL_ATTEMPTS


def _words(order: Order) -> str:
    return f"{order.request.side} {order.unfilled} {order.listing} {order.request.product} (order {order.id}, {order.status})"


def _leftovers(left: Left, held: Sequence[Position], bad: Sequence[str]) -> list[str]:
    """Return what a person must look at."""
    told = [f"still held: {one.quantity} {one.listing or one.symbol} {one.product or ''}".strip() for one in held]
    told += [f"still at work: {_words(order)}" for order in left.working]
    told += [f"{left.unknown} outcomes are unknown: look at the broker's order book"] if left.unknown else []
    told += [f"{left.triggers} triggers still rest at the broker"] if left.triggers else []
    return [*told, *bad]


def _turn(run: KillRun) -> tuple[bool, bool, int]:
    return bool(run.strategy), run.product is not None, run.id
