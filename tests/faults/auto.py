"""The campaign of AUTO strategies: messages at the gateway, orders on two accounts, limits, and deaths everywhere."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from sigma.domain.orders import FINAL, CommandState, Order, OrderMode, Source
from sigma.domain.strategies import ShareState
from tests.faults import auto_plan, judge, limits
from tests.faults.auto_plan import GLOBAL, SCHEMES
from tests.faults.campaign import Campaign, Report
from tests.faults.judge import Case, Intended, Verdict
from tests.faults.limits import Rules
from tests.faults.plan import ACCOUNTS, Round
from tests.faults.sender import Gateway, Sender
from tests.faults.waits import SHORT
from tests.faults.world import CLIENTS, Worker, World
from tests.store.conftest import Server

KILLS = 1000
IN_ONE_WORLD = 50
"""Kills after which a campaign goes on in a new installation: the exchange's limit of orders in an hour is out of reach."""
COUNTS = ("lost", "doubled", "unsettled")
RULES = Rules(
    {name: scheme.limits for name, scheme in SCHEMES.items()},
    GLOBAL,
    {listing: name for name, scheme in SCHEMES.items() for listing in scheme.prices},
    {listing: price for scheme in SCHEMES.values() for listing, price in scheme.prices.items()},
    slack_s=9.0,
)


class AutoWorld(World):
    """An installation whose strategies act by themselves within limits."""

    def _furnish(self) -> None:
        super()._furnish()
        for listing, price in RULES.prices.items():
            self.hold(listing, price)
        for name, scheme in SCHEMES.items():
            self.desk.strategies.add(name, accounts=dict(scheme.shares), off_hours=scheme.off_hours)
            self.desk.strategies.update(name, mode="AUTO")
            if scheme.limits:
                self.desk.risk.set("STRATEGY", strategy=name, **scheme.limits)  # type: ignore[arg-type]
        self.gateway = Gateway(self)
        self._ends.callback(self.gateway.close)
        self.exchange.post("postback-url", client_id=CLIENTS["kite"], url=f"{self.gateway.url}/postback/zerodha")
        self.desk.risk.set("GLOBAL", **GLOBAL)  # type: ignore[arg-type]


@dataclass
class AutoReport(Report):
    """What a campaign of AUTO strategies came to, besides: limits exceeded, gateways that died, what became of the shares."""

    exceeded: list[Case] = field(default_factory=list)
    gateways: int = 0
    triggers: int = 0
    shares: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    gate: Counter[str] = field(default_factory=Counter)
    databases: Counter[str] = field(default_factory=Counter)


class AutoCampaign(Campaign):
    """One world in which strategies trade by themselves."""

    def __init__(self, world: AutoWorld, plan: Sequence[Round], tell: Callable[[str], None]) -> None:
        self.gateway = world.gateway
        super().__init__(world, plan, tell)
        self.report: AutoReport = AutoReport()

    def _somebody(self) -> Sender:
        self.sender = Sender(self.world, self.gateway, Random(self.world.seed))
        return self.sender

    def _place_again(self, life: Round) -> None:
        for fault in life.faults if life.point in auto_plan.REFUSED else ():
            self.world.fault(fault.account, fault.endpoint, fault.kind, fault.times, **dict(fault.args))
        if life.wishes:
            self.person.wants(life.wishes[0])
        else:
            super()._place_again(life)

    def _night(self, active: Worker) -> None:
        """Leave the night to the campaign of orders."""
        active.kill()

    # -- the verdict

    def _orders(self) -> tuple[dict[int, Order], list[Intended], list[Case]]:
        """Return all orders, those that messages came to (slices, stand-ins too), and messages that came to nothing."""
        store, names = self.world.house.store, {one.id: one.name for one in self.world.accounts()}
        with store.read() as tx:
            orders = {order.id: order for order in tx.orders.list()}
        shares = self.world.house.signals.shares(sorted(self.sender.messages))
        intended: dict[int, int] = {}
        bad: list[Case] = []
        self.report.shares = Counter(share.state.value for found in shares.values() for share in found)
        for number, wish in self.sender.messages.items():
            found = {names[share.account_id]: share for share in shares.get(number, ())}
            bad += [Case(f"signal {number} ({wish}) has no part on {one}") for one in ACCOUNTS if one not in found]
            bad += [Case(f"signal {number} is still pending") for one in found.values() if one.state is ShareState.PENDING]
            intended |= {share.order_id: number for share in found.values() if share.order_id is not None}
        for order in sorted(orders.values(), key=lambda one: one.id):
            if order.parent_id in intended and order.source is not Source.BROKER:  # a slice, or a stand-in; no twin
                intended[order.id] = intended[order.parent_id]
        made = [
            Intended(signal, names[orders[number].account_id or 0], number, orders[number].client_order_id)
            for number, signal in intended.items()
            if not orders[number].slices and not orders[number].request.gtt  # a trigger is no order of the exchange's
        ]
        return orders, made, bad

    def _verdict(self) -> Verdict:
        orders, intended, bad = self._orders()
        verdict = judge.judge(intended, self.world.truth(), self.world.record(), CLIENTS)
        verdict.lost += [one for one in bad if "pending" not in one.text]
        verdict.unsettled += [one for one in bad if "pending" in one.text]
        for whole in (order for order in orders.values() if order.slices):
            verdict.lost += self._cut(whole, [one for one in orders.values() if one.parent_id == whole.id and one.slice_no])
        self._triggers(verdict, [order for order in orders.values() if order.request.gtt])
        self.report.ends = Counter(
            f"{order.status} {order.mode}" if order.mode is OrderMode.MANUAL else str(order.status) for order in orders.values()
        )
        return verdict

    def _triggers(self, verdict: Verdict, wishes: Sequence[Order]) -> None:
        """Hold the triggers that we know of against those that were placed; their writes carry no tag, so they are counted."""
        writes = [row for row in self.world.truth().writes if row["endpoint"] == "gtt"]
        with self.world.house.store.read() as tx:
            sent = [one for wish in wishes for one in tx.commands.for_order(wish.id) if one.claimed_at is not None]
            known = [one for one in tx.gtts.list() if one.broker_gtt_id]
        made = [row for row in writes if row["outcome"].endswith("accepted")]
        self.report.triggers = len(made)
        if len(writes) > len(sent):
            verdict.doubled.append(Case(f"{len(writes)} writes of triggers came, and {len(sent)} were claimed"))
        if len(made) != len(known) and not any(one.state in (CommandState.SENDING, CommandState.UNKNOWN) for one in sent):
            verdict.lost.append(Case(f"{len(made)} triggers were placed, and we know of {len(known)}"))

    def _gate(self, orders: Mapping[int, Order]) -> Counter[str]:
        """Return how often the gate refused or lowered an order, by limit: limits that never bite prove nothing."""
        with self.world.house.store.read() as tx:
            said = [result for number in orders for one in tx.orders.decisions(number) for result in one.results]
        return Counter(f"{one.rule} {'lowered' if one.allowed else 'refused'}" for one in said if one.code)

    def _keep(self) -> None:
        """Write down what the exchange has, and the story of each order, for somebody to look at."""
        truth = self.world.truth()
        (self.world.home / "exchange.json").write_text(json.dumps(truth.__dict__, indent=1))
        stories = [self._story(number) for number in self._orders()[0]]
        (self.world.home / "stories.txt").write_text("\n".join(stories))

    @staticmethod
    def _cut(whole: Order, slices: Sequence[Order]) -> Iterator[Case]:
        """Hold a cut order against its slices."""
        filled = sum(one.filled_quantity for one in slices)
        ended = all(one.status in FINAL for one in slices)
        if len(slices) != whole.slices or filled != whole.filled_quantity or ended is not (whole.status in FINAL):
            told = ", ".join(f"{one.status} {one.filled_quantity}" for one in slices)
            yield Case(f"cut order {whole.id} is {whole.status} with {whole.filled_quantity}, its slices are {told}", whole.id)

    def _judge(self, when: str) -> None:
        super()._judge(when)
        orders, _, _ = self._orders()
        tags = {order.id: order.client_order_id for order in orders.values()}
        self.report.gate = self._gate(orders)
        wholes = {one.client_order_id: tags[one.parent_id] for one in orders.values() if one.slice_no and one.parent_id}
        self.report.exceeded = limits.exceeded(self.world.truth(), RULES, wholes)
        if bad(self.report):
            self._keep()
        self.report.orders = len(orders)
        self.report.gateways = len(self.gateway.deaths)


@contextmanager
def _server(wanted: bool) -> Iterator[Server | None]:
    server = Server() if wanted else None
    try:
        yield server
    finally:
        if server is not None:
            server.stop()


def campaign(
    home: Path, kills: int, seed: int, tell: Callable[[str], None], *, backends: Sequence[str] = ("sqlite", "postgresql")
) -> AutoReport:
    """Run one campaign over as many worlds as it takes, on each database in turn, and return what they came to together."""
    total = AutoReport()
    worlds = -(-kills // IN_ONE_WORLD)
    with _server("postgresql" in backends[:worlds]) as server:
        for number in range(worlds):
            backend = backends[number % len(backends)]
            share = kills // worlds + (number < kills % worlds)
            database = server.create() if server is not None and backend == "postgresql" else ""
            rounds = auto_plan.make(share, seed * 1000 + number)
            tell(f"world {number + 1} of {worlds} on {backend}")
            with AutoWorld(home / f"world-{number + 1}", seed, SHORT, database) as world:
                one = AutoCampaign(world, rounds, tell)
                one.run()
                report = one.report
            report.databases[backend] = report.kills
            _add(total, report)
            tell(f"world {number + 1}: {line(report)}")
    return total


def _add(total: AutoReport, one: AutoReport) -> None:
    """Add what one world came to."""
    for name in ("hits", "faults", "acts", "shares", "ends", "gate", "databases"):
        getattr(total, name).update(getattr(one, name))
    for name in ("missed", "stories", "told", "breaches", "exceeded"):
        getattr(total, name).extend(getattr(one, name))
    for name in (*COUNTS, "twins"):
        getattr(total.verdict, name).extend(getattr(one.verdict, name))
    total.kills, total.orders = total.kills + one.kills, total.orders + one.orders
    total.triggers += one.triggers
    total.gateways, total.seconds = total.gateways + one.gateways, total.seconds + one.seconds
    total.standstill = "; ".join(filter(None, (total.standstill, one.standstill)))


def bad(report: AutoReport) -> int:
    """Return how much there is to complain of."""
    complaints = sum(len(getattr(report.verdict, name)) for name in COUNTS)
    return complaints + len(report.exceeded) + len(report.breaches) + bool(report.standstill)


def line(report: AutoReport) -> str:
    """Return the closing line of counts."""
    counts = ", ".join(f"{len(getattr(report.verdict, name))} {name}" for name in COUNTS)
    rest = f"{len(report.exceeded)} limits exceeded, {len(report.breaches)} rate breaches"
    return f"{report.kills} kills, {report.gateways} gateways, {report.orders} orders, {counts}, {rest}"
