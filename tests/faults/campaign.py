"""Runs a plan: each round one worker dies and the next one takes over, while the person goes on trading."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from sigma.domain.errors import SigmaError
from sigma.domain.orders import LIVE, Order, OrderStatus
from tests.faults import judge
from tests.faults.judge import Verdict
from tests.faults.person import Person
from tests.faults.plan import ACCOUNTS, End, Round, Scene, Wish
from tests.faults.world import CLIENTS, Missing, Worker, World, pass_time, until

HIT_WITHIN_S = 4.0
START_WITHIN_S = 60.0
FOR_EVER_S = 80_000
AFTER_THE_CLOSE = "2026-11-20T15:31:00+05:30"
MARKET = {"listing": "NSE:SBIN", "side": "BUY", "quantity": 2, "order_type": "MARKET"}


@dataclass
class Report:
    """What a campaign came to."""

    kills: int = 0
    orders: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)
    removed: list[str] = field(default_factory=list)
    stories: list[str] = field(default_factory=list)
    acts: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)
    standstill: str = ""
    seconds: float = 0.0

    def hit(self, points: Sequence[str]) -> dict[str, int]:
        """Return how many workers were killed at each of these points (those that were stopped there come on top)."""
        return {point: self.hits[f"SIGKILL at {point}"] for point in points}


class Campaign:
    """One world, one plan.

    Parameters
    ----------
    tell : callable
        Told a line about each round.
    """

    def __init__(self, world: World, plan: Sequence[Round], tell: Callable[[str], None]) -> None:
        self.world, self.plan, self.tell = world, plan, tell
        self.person = self._somebody()
        self.report = Report()
        self._random = Random(len(plan))
        self._began = self._look_again = 0.0
        self._rounds: list[Round] = []
        self._standby: Worker | None = None
        self._removed: list[int] = []
        self._resting: dict[str, list[int]] = {account: [] for account in ACCOUNTS}

    def _somebody(self) -> Person:
        return Person(self.world)

    def run(self) -> Report:
        """Play all rounds, then judge the day, and judge again one simulated day later."""
        self._began = time.monotonic()
        try:
            active = self._play_all()
            self._settle()
            self.tell(f"settled ({time.monotonic() - self._began:.1f} s)")
            self._judge("the same day")
            self._night(active)
        except Missing as missing:
            self.report.standstill = str(missing)
            self._worker(None)  # what is left is settled all the same, so that the counts say what really came of it
            self._settle()
        self._judge("a day later")
        self.report.seconds = time.monotonic() - self._began
        return self.report

    def _play_all(self) -> Worker:
        rounds = self._rounds = list(self.plan)
        self._warm_up()
        active = self._next_active(self._worker(rounds[0]), rounds)
        while rounds:
            this = rounds.pop(0)
            standby = self._standby = None if this.alone else self._worker(rounds[0] if rounds else None)
            self._play(this, active)
            active = self._next_active(standby or self._worker(rounds[0] if rounds else None), rounds)
        return active

    # -- workers

    def _worker(self, life: Round | None) -> Worker:
        return self.world.worker(life.environment if life else None)

    def _until_active(self, worker: Worker) -> bool:
        """Wait until a worker holds every account's lease (or stands still on the way); False when it died before."""

        def fate() -> str:
            if not worker.alive:
                return "died"
            return "serves" if worker.stopped or self.world.holds(worker) else ""

        return until(fate, START_WITHIN_S, "a worker takes over", self.person.look) == "serves"

    def _next_active(self, standby: Worker, rounds: list[Round]) -> Worker:
        """Return the worker that serves now. One may die while it waits or takes over: that was its round."""
        while not self._until_active(standby):
            self._count(standby, rounds.pop(0) if rounds else None)
            standby = self._worker(rounds[0] if rounds else None)
        return standby

    def _count(self, dead: Worker, life: Round | None) -> None:
        self.report.kills += 1
        word = dead.last_word
        name = "random" if life is None or life.end is End.RANDOM else "pause" if life.end is End.PAUSE else word
        if not name and life is not None:
            again = f"round {life.number}: {life}"
            if again not in self.report.missed:
                self._rounds.append(life)  # once more, at the end
            self.report.missed.append(again)
        self.report.hits[name or "random"] += 1

    # -- rounds

    def _play(self, life: Round, active: Worker) -> None:
        self.tell(f"round {life.number} ({time.monotonic() - self._began:.1f} s): {life}")
        self._clear_faults(self._replaced(life))
        resting = self._resting_order(life) if life.scene is not Scene.PLACE else None
        for fault in life.faults:
            self.world.fault(fault.account, fault.endpoint, fault.kind, fault.times, **dict(fault.args))
        if life.scene is Scene.PLACE:
            self._place(life.wishes)
        elif resting is not None:
            self._change(life.scene, resting)
            self._place(life.wishes[1:])
        self._die(life, active)
        self._count(active, life)

    @staticmethod
    def _replaced(life: Round) -> set[tuple[str, str]]:
        """Return where faults that never struck give way: to those of this round, and where its worker must get an answer.

        On places of the other account they stay, and strike when it comes to that.
        """
        own = {(fault.account, fault.endpoint) for fault in life.faults}
        replaced = {place for place in own if place[1] != "place" or place[0] == life.account}
        return replaced | {(life.account, "place")} if life.point == "answer_arrived" else replaced

    def _clear_faults(self, places: Collection[tuple[str, str]] | None = None) -> None:
        """Take back all faults, or those on these accounts' endpoints, and count what has struck."""
        accounts = {client: account for account, client in CLIENTS.items()}
        for fault in self.world.exchange.get("faults"):
            if places is None or (accounts[fault["client_id"]], fault["endpoint"]) in places:
                self.report.faults[f"{fault['kind']}@{fault['endpoint']}"] += fault["struck"]
                self.world.exchange.withdraw(fault["id"])

    def _place(self, wishes: Sequence[Wish]) -> None:
        for wish in wishes:
            order = self.person.wants(wish)
            if order is not None and wish.order_type in ("LIMIT", "SL"):
                self._resting[wish.account].append(order.id)

    def _resting_order(self, life: Round, *, fresh: bool = False) -> Order:
        """Return an order that works at the exchange: one of earlier rounds, or a new one (always with `fresh`)."""
        account = life.account
        candidates = [number for number in self._resting[account] if self._works(number)]
        self._resting[account] = candidates
        if candidates and not fresh and self._random.random() < 0.5:
            return self.world.desk.orders.get(self._random.choice(candidates))
        self.person.wants(life.wishes[0])
        number = self.person.intended[-1].order_id
        with suppress(Missing):
            until(lambda: self._works(number), HIT_WITHIN_S, "an order rests", self.person.look)
            self._resting[account].append(number)
        return self.world.desk.orders.get(number)

    def _works(self, number: int) -> bool:
        order = self.world.desk.orders.get(number)
        return order.status in (OrderStatus.OPEN, OrderStatus.TRIGGER_PENDING) and not order.cancel_wanted

    def _change(self, scene: Scene, order: Order) -> None:
        orders = self.world.desk.orders
        with suppress(SigmaError):  # it may have ended or be busy by now; the round then ends like one without a hit
            if scene is Scene.CANCEL:
                orders.cancel(order.id)
            elif order.request.price is not None:
                away = -1 if order.request.side == "BUY" else 1
                orders.modify(order.id, price=order.request.price + away * order.tick_size * self._random.randint(1, 9))

    def _die(self, life: Round, active: Worker) -> None:
        """See to it that the worker dies as planned; one whose point is not reached is killed like any other."""
        if life.end is End.RANDOM:
            pass_time(life.delay_s)
        elif life.end is End.PAUSE:
            self._pause(active)
        else:
            self._hit(life, active)
        active.kill()

    def _hit(self, life: Round, active: Worker) -> None:
        patience = HIT_WITHIN_S + (self.world.waits.patience if life.point == "settling" else 0)
        for attempt in range(3):
            with suppress(Missing):
                until(lambda: not active.alive or active.stopped, patience, "the point is reached", self.person.look)
                break
            if attempt < 2 and life.scene is Scene.PLACE:
                self._place_again(life)
            elif attempt < 2:
                self._change(life.scene, self._resting_order(life, fresh=True))
        if active.stopped:
            hung = float(self.world.house.settings.get("worker.hung_after"))
            heirs: list[Worker] = []

            def look() -> None:
                self.person.look()
                if self._standby is not None and not self._standby.alive and not heirs:
                    heirs.append(self._worker(None))  # the next holder died of its own plan before it could take over

            until(lambda: not active.alive, hung + START_WITHIN_S, "the next holder kills the stopped one", look)
            for heir in heirs:
                heir.kill()

    def _place_again(self, life: Round) -> None:
        self.person.wants(Wish(life.account, "NSE:SBIN", "BUY", 1, "MARKET"))

    def _pause(self, active: Worker) -> None:
        """Let a worker that stands still go on once it is too late to send."""
        with suppress(Missing):
            until(lambda: active.stopped, HIT_WITHIN_S, "the worker stops", self.person.look)
            window = float(self.world.house.settings.get("orders.send_window"))
            pass_time(window + 0.2)
            active.signal(signal.SIGCONT)
            until(lambda: not self.world.record().writes or not active.alive, HIT_WITHIN_S, "it went on", self.person.look)

    # -- the day

    def _warm_up(self) -> None:
        """Let each account show that it echoes our tag: without that nothing could be settled there."""
        worker = self._worker(None)
        self._until_active(worker)
        for account in ACCOUNTS:
            self.person.wants(Wish(account, "NSE:SBIN", "BUY", 1, "MARKET"))
        until(lambda: all(one.tag_verified for one in self.world.accounts()), 20, "the tags are echoed", self.person.look)
        worker.kill()

    def _settle(self) -> None:
        """Wait until nothing is on its way any more."""
        self._clear_faults()
        with suppress(Missing):
            until(self._quiet, self.world.waits.patience, "everything is settled", self.person.look)

    def _quiet(self) -> bool:
        if time.monotonic() < self._look_again:
            return False
        self._look_again = time.monotonic() + 0.5
        return not self._open() and self._verdict().clean

    def _open(self) -> bool:
        with self.world.house.store.read() as tx:
            going = (OrderStatus.WAITING, OrderStatus.APPROVED, OrderStatus.SENDING, OrderStatus.UNKNOWN)
            return bool(tx.orders.list(statuses=going)) or any(
                tx.commands.open(one.id) or tx.commands.pending(one.id) for one in tx.accounts.list()
            )

    def _verdict(self) -> Verdict:
        return judge.judge(self.person.intended, self.world.truth(), self.world.record(), CLIENTS, self._removed)

    def _night(self, active: Worker) -> None:
        """End the day with one order on each account whose book is never seen, and let a night pass.

        On one account the worker dies behind the wire, on the other before it; then nobody takes over until the morning.
        """
        self._cancel_everything()
        self.tell(f"nothing works any more ({time.monotonic() - self._began:.1f} s)")
        active.kill()
        for account, point in zip(ACCOUNTS, ("bytes_left", "claimed"), strict=True):
            worker = self.world.worker({"SIGMA_KILL_AT": f"{point}:1"}, account)
            until(lambda worker=worker, account=account: self.world.holds(worker, account), START_WITHIN_S, "it serves")
            self.world.fault(account, "place", "delayed_visibility", seconds=FOR_EVER_S)
            self.person.wants(Wish(account, str(MARKET["listing"]), "BUY", 2, "MARKET"))
            self._removed.append(self.person.intended[-1].order_id)
            until(lambda worker=worker: not worker.alive, 20, "the last worker of the day dies")
        self.tell(f"the last workers of the day are dead ({time.monotonic() - self._began:.1f} s)")
        self.world.exchange.clear_faults()
        self.world.exchange.post("clock", set=AFTER_THE_CLOSE)
        self._read_books()
        self.world.exchange.post("roll")
        self._morning()

    def _cancel_everything(self) -> None:
        """Take back what still works, so that the night finds nothing but what nobody could read."""

        def nothing_works() -> bool:
            with self.world.house.store.read() as tx:
                live = [order for order in tx.orders.list(statuses=tuple(LIVE)) if not order.cancel_wanted]
                left = tx.orders.list(statuses=tuple(LIVE))
            for order in live:
                with suppress(SigmaError):
                    self.world.desk.orders.cancel(order.id)
            return not left

        with suppress(Missing):
            until(nothing_works, self.world.waits.patience, "all orders have ended", self.person.look)
        self._settle()

    def _read_books(self) -> None:
        """Follow the clock, then read each book once more after the close."""
        until(lambda: self.world.house.clock.now().isoformat() > "2026-11-20T10:00", 5, "our clock follows")
        for account in ACCOUNTS:
            until(lambda account=account: self._read(account), 20, f"the last read of {account}")

    def _read(self, account: str) -> bool:
        try:
            return bool(self.world.desk.sync(account))
        except SigmaError:
            return False

    def _morning(self) -> None:
        """Start over on the next session's day; the person closes what no book can settle any more."""
        for account in ACCOUNTS:
            until(lambda account=account: self._logged_in(account), 20, f"{account} is logged in")
        self._until_active(self.world.worker())
        for number in self._removed:
            until(lambda number=number: self.world.desk.orders.get(number).unsettled, self.world.waits.patience, "UNSETTLED")
            self._close(self.world.desk.orders.get(number))
        self._settle()

    def _logged_in(self, account: str) -> bool:
        try:
            self.world.login(account)
        except SigmaError:
            return False
        return True

    def _close(self, order: Order) -> None:
        """Close an order from the contract note."""
        rows = self.person.at_exchange(order)
        told = f"order {order.id} ({order.listing}): the book was removed; the contract note shows "
        if rows:
            (row,) = rows
            self.world.desk.orders.resolve(
                order.id, executed=row["filled"], average_price=str(row["average_price"]), reason="contract note"
            )
            self.report.removed.append(f"{told}{row['filled']} executed")
        else:
            self.world.desk.orders.resolve(order.id, reason="it is not on the contract note")
            self.report.removed.append(f"{told}nothing")

    # -- the verdict

    def _judge(self, when: str) -> None:
        """Add to the report what is new in the verdict of this moment, with the stories of the orders that it complains of."""
        found, report = self._verdict(), self.report
        report.orders = len(self.person.intended)
        for name in ("lost", "doubled", "unsettled"):
            told = getattr(report.verdict, name)
            for case in getattr(found, name):
                if all((one.order_id, one.text.partition(" (seen")[0]) != (case.order_id, case.text) for one in told):
                    told.append(judge.Case(f"{case.text} (seen {when})", case.order_id))
                    report.stories += [self._story(case.order_id)] if case.order_id is not None else []
        report.verdict.twins = found.twins
        report.acts, report.told = self.person.acts, self.person.told
        report.breaches = [str(breach) for breach in self.world.exchange.get("breaches")]

    def _story(self, order_id: int) -> str:
        story = self.world.desk.orders.why(order_id)
        lines = [f"story of {story.order!r} {story.order.client_order_id} {story.order.broker_order_id}"]
        lines += [f"  {event.at:%H:%M:%S.%f} {event.kind} {event.status}: {event.text}" for event in story.events]
        lines += [f"  write {one.kind} {one.state} {one.outcome or ''} {one.text}" for one in story.commands]
        lines += [f"  the exchange: {row}" for row in self.person.at_exchange(story.order)]
        return "\n".join(lines)
