"""The verdict: what was intended against what the exchange executed, and our ledger against the exchange's. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sigma.domain.orders import Command, Fill, Order, OrderStatus

NEVER_PLACED = (OrderStatus.REJECTED, OrderStatus.FAILED, OrderStatus.CANCELLED, OrderStatus.REJECTED_RISK)
ENDED = {"COMPLETE": OrderStatus.FILLED, "CANCELLED": OrderStatus.CANCELLED, "REJECTED": OrderStatus.REJECTED}
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Intended:
    """One signal that the person approved on one account."""

    signal_id: int
    account: str
    order_id: int
    tag: str


@dataclass(frozen=True)
class Truth:
    """What really happened, from the exchange's control API."""

    orders: Sequence[Mapping[str, Any]]
    fills: Sequence[Mapping[str, Any]]
    writes: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Record:
    """What we say happened: all our orders and executions by account name, and the writes that are still open."""

    orders: Mapping[str, Sequence[Order]]
    fills: Mapping[str, Sequence[Fill]]
    writes: Sequence[Command] = ()


@dataclass(frozen=True)
class Case:
    """One complaint."""

    text: str
    order_id: int | None = None


@dataclass
class Verdict:
    """Complaints, and what is told apart from them: orders that the exchange itself doubled."""

    lost: list[Case] = field(default_factory=list)
    doubled: list[Case] = field(default_factory=list)
    unsettled: list[Case] = field(default_factory=list)
    twins: list[Case] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether there is no complaint."""
        return not (self.lost or self.doubled or self.unsettled)


def judge(
    intended: Sequence[Intended], truth: Truth, record: Record, clients: Mapping[str, str], removed: Collection[int] = ()
) -> Verdict:
    """Compare intention, exchange and record.

    Parameters
    ----------
    clients : mapping
        The exchange's client id by our account name.
    removed : collection of int
        Our orders whose book a fault removed: only a person could close them, and their executions were never shown.
    """
    return _Comparison(truth, record, clients, frozenset(removed)).run(intended)


class _Comparison:
    def __init__(self, truth: Truth, record: Record, clients: Mapping[str, str], removed: frozenset[int]) -> None:
        self.truth, self.record, self.clients, self.removed = truth, record, clients, removed
        self.verdict = Verdict()
        self.accounts = {client: account for account, client in clients.items()}
        self.by_id = {order.id: order for orders in record.orders.values() for order in orders}
        self.by_broker_id = {
            (account, order.broker_order_id): order
            for account, orders in record.orders.items()
            for order in orders
            if order.broker_order_id
        }

    def run(self, intended: Sequence[Intended]) -> Verdict:
        placed: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
        for row in self.truth.orders:
            placed[self.accounts[row["client_id"]], row["tag"]].append(row)
        for one in intended:
            self._intended(one, placed.pop((one.account, one.tag), []))
        for (account, _), rows in placed.items():
            for row in rows:
                self._row(account, row, None)
        open_still = {
            order.id: f"order {order.id} is {order.status}"
            for order in self.by_id.values()
            if order.status in (OrderStatus.SENDING, OrderStatus.UNKNOWN)
        }
        for write in self.record.writes:
            open_still.setdefault(write.order_id, f"{write.kind} of order {write.order_id} is {write.state}")
        self.verdict.unsettled += [Case(text, number) for number, text in open_still.items() if number not in self.removed]
        self._wire()
        for account in self.record.fills:
            self._ledger(account)
        return self.verdict

    def _intended(self, one: Intended, rows: list[Mapping[str, Any]]) -> None:
        order = self.by_id[one.order_id]
        requests = {row["request_ns"] for row in rows}
        if len(requests) > 1:
            told = f"signal {one.signal_id} was executed {len(requests)} times on {one.account}"
            self.verdict.doubled.append(Case(told, order.id))
        elif len(rows) > 1:
            self.verdict.twins.append(Case(f"the exchange made {len(rows)} orders of order {order.id}'s one request", order.id))
        for row in rows:
            self._row(one.account, row, order)
        open_still = order.status in (OrderStatus.SENDING, OrderStatus.UNKNOWN)
        if not rows and not open_still and (order.status not in NEVER_PLACED or order.broker_order_id):
            told = f"signal {one.signal_id} ended nowhere: the exchange has no order, we say {order.status}"
            self.verdict.lost.append(Case(told, order.id))

    def _row(self, account: str, row: Mapping[str, Any], intended: Order | None) -> None:
        """Hold one order of the exchange against ours."""
        number = intended.id if intended else None
        ours = self.by_broker_id.get((account, row["order_id"]))
        if number in self.removed and intended is not None:
            ours = intended  # its id was never shown; what the person recorded counts
        if ours is None:
            waiting = intended is not None and intended.status in (OrderStatus.SENDING, OrderStatus.UNKNOWN)
            if not waiting:  # else it counts as unsettled
                said = f"we say {intended.status}" if intended else "we know nothing of it"
                self.verdict.lost.append(Case(f"{account} order {row['order_id']} is {row['status']}, {said}", number))
            return
        told = _differing(ours, row)
        if told:
            self.verdict.lost.append(Case(f"{account} order {row['order_id']}: {told}", ours.id))

    def _wire(self) -> None:
        requests = Counter((row["client_id"], row["tag"]) for row in self.truth.writes if row["endpoint"] == "place")
        orders = {order.client_order_id: order.id for order in self.by_id.values()}
        counted = {case.order_id for case in self.verdict.doubled}
        for (client, tag), count in requests.items():
            number = orders.get(tag)
            if count > 1 and (number is None or number not in counted):
                self.verdict.doubled.append(Case(f"{count} place requests of {client} carry the tag {tag!r}", number))

    def _ledger(self, account: str) -> None:
        """Hold our executions against the exchange's."""
        unseen = {
            row["order_id"]
            for row in self.truth.orders
            if any(row["tag"] == self.by_id[number].client_order_id for number in self.removed)
        }
        ours = Counter((fill.broker_order_id, fill.quantity, fill.price) for fill in self.record.fills[account])
        theirs = Counter(
            (row["order_id"], row["quantity"], Decimal(str(row["price"])))
            for row in self.truth.fills
            if row["client_id"] == self.clients[account] and row["order_id"] not in unseen
        )
        for words, rest in (("is not in our ledger", theirs - ours), ("is only in our ledger", ours - theirs)):
            for (number, quantity, price), count in rest.items():
                told = f"{account}: execution of {number}, {quantity} at {price}, {words}"
                self.verdict.lost.append(Case(told if count == 1 else f"{told} ({count} times)"))


def _differing(ours: Order, row: Mapping[str, Any]) -> str:
    wanted = ENDED.get(row["status"])
    if not (ours.status is wanted if wanted else ours.status.live):
        return f"it is {row['status']}, we say {ours.status}"
    if ours.filled_quantity != row["filled"]:
        return f"{row['filled']} were executed, we say {ours.filled_quantity}"
    average = Decimal(str(row["average_price"]))
    if row["filled"] and abs((ours.average_price or Decimal(0)) - average) > CENT:
        return f"its average price is {average}, we say {ours.average_price}"
    return ""
