"""The kill switch: who is stopped, since when and why; only the owner lets trading go on. `kill_steps.py` does the work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from sigma.domain.errors import Conflict, Denied, InvalidInput, NotFound, SigmaError
from sigma.domain.events import Event, Level
from sigma.domain.kill import KillRun, KillStep, KillVerdict
from sigma.domain.orders import Product
from sigma.domain.risk import KillState
from sigma.ports.storage import Unit
from sigma.services.kill_steps import KillSteps
from sigma.services.orders.house import OrderHouse

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stop:
    """What is stopped: everything, one account, one strategy, or one strategy on one account."""

    account_id: int | None = None
    strategy: str = ""

    @property
    def words(self) -> str:
        """The scope in words."""
        what = f"strategy {self.strategy}" if self.strategy else "trading"
        return what if self.account_id is None else f"{what} on account {self.account_id}"


class KillService:
    """Starts and ends stops. Nothing is held in memory: the runs are rows, which any worker goes on with."""

    def __init__(self, house: OrderHouse, steps: KillSteps) -> None:
        self._house = house
        self._steps = steps

    def start(
        self,
        user_id: int,
        stop: Stop | None = None,
        *,
        reason: str,
        by: str,
        cancel: bool = True,
        flatten: bool = True,
        trip: bool = False,
    ) -> list[KillRun]:
        """Block new orders at once and begin a run on each account concerned; the worker cancels, flattens and verifies.

        A run of the same scope that is going on is begun anew with what is asked for now, never with less than before.

        Parameters
        ----------
        cancel, flatten : bool
            Take back what works at the brokers; close what is held. To flatten is to cancel too.
        trip : bool
            Nobody asked: a watch of ours did. A scope that is stopped already is left as it is then.

        Raises
        ------
        InvalidInput
            Without a reason.
        Denied
            The user may only look on.
        NotFound
            There is no strategy of that name, and no order that carries it.
        """
        stop, house = stop or Stop(), self._house
        reason = _said(reason)
        with house.store.begin() as tx:
            if tx.users.get(user_id).role == "viewer":
                raise Denied("Stopping trading is for those who may trade.", hint="Ask the owner.")
            stop = _named(tx, user_id, stop)
            known = self._flag(tx, user_id, stop)
            if trip and known is not None and known.on:
                return []
            state = KillState(True, reason, house.clock.now(), by, stop.account_id, stop.strategy)
            tx.risk.put_kill(user_id, state)
            accounts = [one for one in tx.accounts.list(user_id) if stop.account_id in (None, one.id)]
            runs = [
                self._begin(tx, user_id, account.id, stop.strategy, reason, by, cancel=cancel or flatten, flatten=flatten)
                for account in accounts
            ]
            done = "; ".join(("new orders are blocked", *(["orders are cancelled"] * cancel), *(["positions closed"] * flatten)))
            self._event(tx, user_id, stop, "KILL", f"kill switch on for {stop.words}: {reason} ({done})", by)
        self._take_back(runs)
        return runs

    def square_off(
        self, tx: Unit, user_id: int, account_id: int, *, strategy: str = "", product: Product = Product.MIS, reason: str
    ) -> KillRun:
        """Begin a run that closes what is held in one product, in the unit that records why; nothing is blocked by it."""
        return self._begin(tx, user_id, account_id, strategy, reason, "square-off", product=product, cancel=True, flatten=True)

    def rearm(self, user_id: int, stop: Stop | None = None, *, reason: str, by: str) -> KillState:
        """Let the scope trade again; runs of it that are going on end where they are.

        Raises
        ------
        Denied
            The user is not the owner.
        InvalidInput
            Without a reason.
        Conflict
            The scope is not stopped.
        NotFound
            There is no strategy of that name, and no order that carries it.
        """
        stop, house = stop or Stop(), self._house
        reason = _said(reason)
        with house.store.begin() as tx:
            if tx.users.get(user_id).role != "owner":
                raise Denied("Only the owner lets trading go on after a stop.", hint="Ask the owner.")
            stop = stop if self._flag(tx, user_id, stop) else _named(tx, user_id, stop)
            known = self._flag(tx, user_id, stop)
            if known is None or not known.on:
                raise Conflict(f"There is no stop of {stop.words}.", hint="`sigma risk show` lists those that are on.")
            now = house.clock.now()
            state = KillState(False, reason, now, by, stop.account_id, stop.strategy)
            tx.risk.put_kill(user_id, state)
            for run in tx.kill_runs.list(user_id=user_id, account_id=stop.account_id, running=True):
                if run.product is None and run.strategy == stop.strategy and not self._still(tx, run):
                    if run.step is KillStep.BLOCKED:  # no worker came by: what was to go before the stop must not go after it
                        self._steps.take_back(tx, run)
                    note = f"{by} let trading go on ({reason}) before this was verified"
                    tx.kill_runs.save(run.over(KillVerdict.NOT_VERIFIED, now, note))
            self._event(tx, user_id, stop, "KILL", f"kill switch off for {stop.words}: {reason}", by)
        return state

    def runs(self, user_id: int, *, running: bool | None = None) -> Sequence[KillRun]:
        """Return the user's runs, newest first; all of them, those going on, or those that ended."""
        with self._house.store.read() as tx:
            runs = tx.kill_runs.list(user_id=user_id, running=running is True)
        return [run for run in runs if running is not False or run.verdict is not KillVerdict.RUNNING]

    def step(self, account_id: int) -> float | None:
        """Advance the account's runs; return seconds to the next look, None when none is going on. For one thread."""
        return self._steps.step(account_id)

    def resume(self, account_id: int) -> None:
        """Count the patience of runs anew: nobody was there to advance them."""
        now = self._house.clock.now()
        with self._house.store.begin() as tx:
            for run in tx.kill_runs.list(account_id=account_id, running=True):
                tx.kill_runs.save(replace(run, updated_at=now))

    def _begin(
        self,
        tx: Unit,
        user_id: int,
        account_id: int,
        strategy: str,
        reason: str,
        by: str,
        *,
        cancel: bool,
        flatten: bool,
        product: Product | None = None,
    ) -> KillRun:
        """Store a new run, or begin the one of the same scope anew."""
        now = self._house.clock.now()
        for run in tx.kill_runs.list(account_id=account_id, running=True):
            if (run.strategy, run.product) == (strategy, product):
                again = replace(run, cancel=run.cancel or cancel, flatten=run.flatten or flatten, step=KillStep.BLOCKED)
                told = (*run.notes, f"asked for again by {by}: {reason}")
                run = tx.kill_runs.save(replace(again, flat_reads=0, notes=told, step_at=now, updated_at=now))
                break
        else:
            run = KillRun(0, user_id, account_id, now, reason, by, strategy, product, cancel, flatten)
            run = tx.kill_runs.add(replace(run, step_at=now, updated_at=now))
        return run

    def _take_back(self, runs: Sequence[KillRun]) -> None:
        """Take back at once what was not sent, in a unit after the block: a writer that changes one of these orders just now must
        not undo the block. What fails here is done by the worker's first step.
        """
        try:
            with self._house.store.begin() as tx:
                for run in runs:
                    self._steps.take_back(tx, run)
        except SigmaError as error:
            log.warning("kill_takes_back_later", because=str(error))

    def _flag(self, tx: Unit, user_id: int, stop: Stop) -> KillState | None:
        wanted = (stop.account_id, stop.strategy)
        return next((kill for kill in tx.risk.kills(user_id) if (kill.account_id, kill.strategy) == wanted), None)

    def _still(self, tx: Unit, run: KillRun) -> bool:
        """Say whether another stop that is on covers the run."""
        return any(kill.stops(run.account_id, run.strategy) for kill in tx.risk.kills(run.user_id))

    def _event(self, tx: Unit, user_id: int, stop: Stop, kind: str, text: str, by: str) -> None:
        detail = {"by": by, "strategy": stop.strategy}
        tx.journal.add_event(Event(0, self._house.clock.now(), Level.ALARM, kind, text, user_id, stop.account_id, detail))


def _said(reason: str) -> str:
    if not reason.strip():
        raise InvalidInput("The kill switch needs a reason, on and off.", hint="It is kept in the audit trail.")
    return reason.strip()


def _named(tx: Unit, user_id: int, stop: Stop) -> Stop:
    """Return the scope with its strategy as orders carry the name: a run that looked for another spelling would find nothing
    and call that flat.

    Raises
    ------
    NotFound
        Nothing carries that name.
    """
    if not stop.strategy:
        return stop
    known = tx.strategies.by_name(user_id, stop.strategy)
    if known is not None:
        return replace(stop, strategy=known.name)
    carried = {one.strategy for one in tx.orders.origins(user_id=user_id)} | {kill.strategy for kill in tx.risk.kills(user_id)}
    alike = sorted(name for name in carried if name.casefold() == stop.strategy.casefold())
    if not alike:
        raise NotFound(f"There is no strategy {stop.strategy!r}, and no order of one.", hint="`sigma strategies` lists them.")
    return stop if stop.strategy in alike else replace(stop, strategy=alike[0])
