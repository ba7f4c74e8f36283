"""Reading a broker's list of triggers: what became of ours, what was made elsewhere, and writes whose answer was lost."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sigma.domain.accounts import Account
from sigma.domain.answers import BrokerOrder
from sigma.domain.gtt import BrokerGtt, Gtt, GttStatus
from sigma.domain.limits import CallKind
from sigma.domain.money import ZERO
from sigma.domain.orders import Command, CommandKind, CommandState, Order, OrderStatus, OrderType, Product
from sigma.domain.portfolio import Rows
from sigma.domain.times import ist_date
from sigma.engines import lifecycle, triggers
from sigma.engines.lifecycle import Act
from sigma.engines.settlement import SECOND, Finding, SettleRules
from sigma.engines.triggers import Told
from sigma.ports.broker import Broker
from sigma.ports.storage import Unit
from sigma.services.orders.gtt import PLACE, REMOVE, gtt_of, rests, want_order_back, wanted_legs
from sigma.services.orders.gtt_writes import rest, take_over, take_over_legs
from sigma.services.orders.house import OrderHouse

_ENDS: Mapping[GttStatus, tuple[Act, str, str]] = {
    GttStatus.CANCELLED: (Act.REMOVED, "CANCELLED", "its trigger was cancelled at the broker"),
    GttStatus.DELETED: (Act.REMOVED, "CANCELLED", "its trigger was removed at the broker"),
    GttStatus.EXPIRED: (Act.LAPSED, "EXPIRED", "its trigger expired at the broker"),
    GttStatus.REJECTED: (Act.STOPPED, "REJECTED", "the broker rejected its trigger"),
    GttStatus.DISABLED: (Act.STOPPED, "REJECTED", "the broker disabled its trigger"),
}


@dataclass(frozen=True, slots=True)
class TriggerList:
    """A broker's triggers, with when they were asked for: on the boot clock, and UTC."""

    rows: Rows[BrokerGtt]
    asked_ns: int
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class TriggerReport:
    """What a list of triggers brought: how many of ours changed, how many from elsewhere are new, what could not be read."""

    changed: int = 0
    adopted: int = 0
    unknown: int = 0
    bad: tuple[str, ...] = ()


class TriggerSync:
    """Reads accounts' triggers when it is time, and records what they say."""

    def __init__(self, house: OrderHouse) -> None:
        self._house = house
        self._read_ns: dict[int, int] = {}
        self._missing_ns: dict[int, int] = {}

    def due(self, account_id: int, book: Sequence[BrokerOrder]) -> bool:
        """Say whether the list is to be read now: an outcome is open, a row of the book may be what a trigger placed, or
        it is time.
        """
        house = self._house
        with house.store.read() as tx:
            account = tx.accounts.get(account_id)
            if not house.capabilities(account).gtt_single:
                return False
            if any(_lost(house, one) for one in tx.commands.open(account_id)):
                return True
            resting = tx.gtts.list(account_id=account_id, resting=True)
            known = tx.orders.by_broker_ids(account_id, [row.broker_order_id for row in book if not row.tag])
        if fired_elsewhere(resting, [row for row in book if row.broker_order_id not in known]):
            return True
        since = house.clock.boot_ns() - self._read_ns.get(account_id, -math.inf)
        return since >= house.seconds("sync.triggers" if resting else "sync.triggers_idle") * SECOND

    def read(self, account_id: int) -> TriggerList:
        """Read the list; BrokerError when it cannot be."""

        def timed(broker: Broker) -> TriggerList:
            asked_ns, asked_at = self._house.clock.boot_ns(), self._house.clock.now()
            return TriggerList(broker.gtts(), asked_ns, asked_at)

        read = self._house.connected.read(account_id, CallKind.OTHER, timed, attempts=1)
        self._read_ns[account_id] = read.asked_ns
        return read

    def apply(self, tx: Unit, account: Account, read: TriggerList) -> TriggerReport:
        """Record what a list says."""
        return _Pass(self._house, tx, account, read, self._missing_ns).run()

    def sync(self, account_id: int) -> TriggerReport:
        """Read the list now and record what it says; BrokerError when it could not be read."""
        read = self.read(account_id)
        with self._house.store.begin() as tx:
            return self.apply(tx, tx.accounts.get(account_id), read)


def fired_elsewhere(resting: Sequence[Gtt], rows: Sequence[BrokerOrder]) -> bool:
    """Say whether a row that belongs to nobody here could be what one of our triggers placed."""
    ours = [gtt for gtt in resting if gtt.order_id is not None]
    return any(triggers.could_have_fired(gtt, row) for gtt in ours for row in rows)


def _lost(house: OrderHouse, command: Command) -> bool:
    unknown = command.kind is CommandKind.GTT and command.state is CommandState.UNKNOWN
    return unknown and command.boot_id == house.clock.boot_id


class _Pass:
    """One application of a list, in one transaction."""

    def __init__(self, house: OrderHouse, tx: Unit, account: Account, read: TriggerList, missing_ns: dict[int, int]) -> None:
        self.house, self.tx, self.account, self.read, self.missing_ns = house, tx, account, read, missing_ns
        self.now = house.clock.now()
        self.open = [one for one in tx.commands.open(account.id) if one.kind is CommandKind.GTT]
        self.ours = list(tx.gtts.list(account_id=account.id))
        self.changed = self.adopted = 0
        self.bad = list(read.rows.bad)

    def run(self) -> TriggerReport:
        listed = {row.broker_gtt_id: row for row in self.read.rows.rows}
        for command in self.open:
            if _lost(self.house, command):
                self._judge(command, listed)
        self.ours = list(self.tx.gtts.list(account_id=self.account.id))
        for gtt in self.ours:
            row = listed.get(gtt.broker_gtt_id or "")
            if row is not None and gtt.updated_at <= self.read.asked_at:  # else the list is older than what is known here
                self._known(gtt, row)
            elif row is not None:
                continue
            elif gtt.broker_gtt_id and gtt.status.resting and not self.read.rows.bad:
                self._missing(gtt)
            elif gtt.broker_gtt_id is None and gtt.status.resting:
                self._orphan(gtt)
        taken = {gtt.broker_gtt_id for gtt in self.ours}
        for row in listed.values():
            if row.broker_gtt_id not in taken:
                self._strange(row)
        return TriggerReport(
            self.changed, self.adopted, sum(_lost(self.house, one) for one in self._still_open()), tuple(self.bad)
        )

    def _still_open(self) -> list[Command]:
        return [one for one in self.tx.commands.open(self.account.id) if one.kind is CommandKind.GTT]

    def _order(self, gtt: Gtt) -> Order | None:
        return None if gtt.order_id is None else self.tx.orders.get(gtt.order_id)

    # -- writes whose answer was lost

    def _judge(self, command: Command, listed: Mapping[str, BrokerGtt]) -> None:
        seconds, gtt = self.house.seconds, gtt_of(self.tx, command)
        rules = SettleRules(seconds("orders.call_timeout"), seconds("orders.visibility_delay"), seconds("orders.absence_gap"))
        act, asked, whole = command.payload["act"], self.read.asked_ns, not self.read.rows.bad
        row = listed.get(gtt.broker_gtt_id or "")
        if act == PLACE:
            taken = {one.broker_gtt_id for one in self.ours if one.broker_gtt_id and one.id != gtt.id}
            told = triggers.judge_place(gtt, command, list(listed.values()), taken, asked, rules, whole)
        elif act == REMOVE:
            told = triggers.judge_removal(command, row, asked, whole)
        else:
            told = triggers.judge_modify(wanted_legs(command.payload), command, row, asked, rules)
        self.house.probe.reached("settling")
        endings: Mapping[Finding, Callable[[Gtt, Command, Told], None]] = {
            Finding.FOUND: self._found,
            Finding.ABSENT: self._absent,
            Finding.APPLIED: self._applied,
            Finding.NOT_APPLIED: self._not_applied,
        }
        endings.get(told.finding, self._keep_waiting)(gtt, command, told)

    def _found(self, gtt: Gtt, command: Command, told: Told) -> None:
        self._end(command, CommandState.ANSWERED, told.reason)
        if told.row is not None:
            rest(self.house, self.tx, gtt, told.row.broker_gtt_id)
            self.changed += 1

    def _absent(self, gtt: Gtt, command: Command, told: Told) -> None:
        self._end(replace(command, absent_reads=told.absent_reads), CommandState.REFUSED, told.reason)
        self.tx.gtts.save(replace(gtt, status=GttStatus.FAILED, broker_reason=told.reason, updated_at=self.now))
        order = self._order(gtt)
        if order is not None and order.status is OrderStatus.UNKNOWN:
            moved = replace(lifecycle.move(order, Act.ABSENT, self.now), broker_reason="", unsettled=False)
            self.house.save(self.tx, moved, "SETTLED", f"its trigger was not placed: {told.reason}")
        self.changed += 1

    def _applied(self, gtt: Gtt, command: Command, told: Told) -> None:
        self._end(command, CommandState.ANSWERED, told.reason)
        removed = command.payload["act"] == REMOVE
        if not removed or told.row is None or told.row.status in (GttStatus.DELETED, GttStatus.CANCELLED):
            take_over(self.house, self.tx, gtt, command, f"({told.reason})")  # what fired meanwhile is told by its row
        self.changed += 1

    def _not_applied(self, gtt: Gtt, command: Command, told: Told) -> None:
        self._end(command, CommandState.REFUSED, told.reason)
        order = self._order(gtt)
        if order is None:
            return
        self.house.note(self.tx, order, "SETTLED", f"the write of its trigger did not happen: {told.reason}")
        if order.cancel_wanted and rests(order):
            want_order_back(self.house, self.tx, order)

    def _keep_waiting(self, gtt: Gtt, command: Command, told: Told) -> None:
        if told.look_alikes and told.look_alikes != command.look_alikes:
            order = self._order(gtt)
            text = f"Trigger {gtt.id} ({gtt.listing}): {told.reason} at the broker. Say which it is."
            self.house.alarm(self.tx, self.account, "GTT_UNSETTLED", text, order_id=order.id if order else None)
            if order is not None:
                self.house.note(self.tx, order, "LOOK_ALIKE", f"{told.reason}; say which it is", ids=",".join(told.look_alikes))
        if (told.absent_reads, told.look_alikes) != (command.absent_reads, command.look_alikes):
            self.tx.commands.save(replace(command, absent_reads=told.absent_reads, look_alikes=told.look_alikes))

    def _end(self, command: Command, state: CommandState, why: str) -> None:
        text = f"{command.text}; settled: {why}" if command.text else why
        self.tx.commands.save(replace(command, state=state, answered_at=self.now, text=text))

    # -- triggers that are known here

    def _known(self, gtt: Gtt, row: BrokerGtt) -> None:
        """Take over what the broker says of a trigger: its state, changed legs, and the order that it placed."""
        self.missing_ns.pop(gtt.id, None)
        order = self._order(gtt)
        fired = next(filter(None, row.broker_order_ids), "")
        waits = row.status is GttStatus.TRIGGERED and not fired and not row.reason  # it is being placed just now
        known = replace(
            gtt,
            status=gtt.status if row.status is None or waits else row.status,
            broker_status=row.broker_status,
            broker_reason=row.reason,
            expires_at=row.expires_at or gtt.expires_at,
        )
        writing = any(one.payload.get("gtt") == str(gtt.id) for one in self._still_open())
        moved = row.status is GttStatus.ACTIVE and not writing and not triggers.same_legs(gtt.legs, row.legs)
        if moved:
            known = take_over_legs(self.house, self.tx, replace(known, legs=row.legs), "GTT_CHANGED", "changed at the broker")
            order = self._order(gtt)
        elif known != gtt:
            known = self.tx.gtts.save(replace(known, updated_at=self.now))
        self.changed += known != gtt
        if order is not None and order.broker_order_id is None:
            self._follow(known, row, order, fired)

    def _follow(self, gtt: Gtt, row: BrokerGtt, order: Order, fired: str) -> None:
        """Bring a wish into line with its trigger."""
        if fired:
            self._attach(row, order, fired)
        elif row.status is GttStatus.ACTIVE:
            if order.status is OrderStatus.UNKNOWN:  # a restored copy
                self.house.save(self.tx, lifecycle.rests(order, self.now), "RESTS", "its trigger rests at the broker")
            if order.cancel_wanted:
                want_order_back(self.house, self.tx, order)
        elif row.status is GttStatus.TRIGGERED and row.reason:
            self._end_order(order, Act.STOPPED, "REJECTED", "its trigger fired, and the broker refused the order", row)
        elif row.status is not None and row.status in _ENDS:
            act, kind, text = _ENDS[row.status]
            self._end_order(order, act, kind, text, row)

    def _end_order(self, order: Order, act: Act, kind: str, text: str, row: BrokerGtt) -> None:
        if (order.status, act) not in lifecycle.TRANSITIONS:
            return
        moved = lifecycle.move(order, act, self.now)
        told = f"{text}: {row.reason}" if row.reason and row.reason not in text else text
        known = replace(moved, broker_status=row.broker_status, broker_reason=row.reason, unsettled=False)
        self.house.save(self.tx, known, kind, told)

    def _attach(self, row: BrokerGtt, order: Order, fired: str) -> None:
        """Give a wish the order that its trigger placed; from here on the book tells what becomes of it."""
        leg = row.legs[row.broker_order_ids.index(fired)]
        taken = self.tx.orders.by_broker_ids(self.account.id, [fired]).get(fired)
        if taken is not None and taken.id != order.id:
            self._merged(order, taken)
            return
        request = replace(order.request, order_type=OrderType.LIMIT, price=leg.price, trigger_price=None, quantity=leg.quantity)
        day = ist_date(row.updated_at or self.now)
        known = lifecycle.accepted(replace(order, request=request, session_date=day, unsettled=False), fired, self.now)
        self.house.save(self.tx, known, "FIRED", f"its trigger at ₹{leg.trigger_price} fired: the broker placed {fired}")

    def _merged(self, order: Order, taken: Order) -> None:
        """What our trigger placed was taken for an order from elsewhere before the list was read: the wish ends there."""
        act = Act.REMOVED if (order.status, Act.REMOVED) in lifecycle.TRANSITIONS else None
        if act is None:
            return
        text = f"its trigger fired: order {taken.id} is what the broker placed"
        self.house.save(self.tx, lifecycle.move(order, act, self.now), "FIRED", text, is_order=taken.id)
        linked = replace(taken, parent_id=taken.parent_id or order.id, strategy=taken.strategy or order.strategy)
        self.house.save(self.tx, linked, "LINKED", f"placed by the trigger of order {order.id}", of_order=order.id)

    def _missing(self, gtt: Gtt) -> None:
        """A trigger that two whole lists do not show, some time after it was last heard of: nobody knows what became of it."""
        seconds, asked = self.house.seconds, self.read.asked_ns
        age = (self.now - gtt.updated_at).total_seconds()
        first = self.missing_ns.setdefault(gtt.id, asked)
        if age < seconds("orders.visibility_delay") or asked - first < seconds("orders.absence_gap") * SECOND:
            return
        if any(one.payload.get("gtt") == str(gtt.id) for one in self._still_open()):
            return  # that write's own judgement comes first
        self.missing_ns.pop(gtt.id)
        self.changed += 1
        reason = "the broker lists it no more"
        self.tx.gtts.save(replace(gtt, status=GttStatus.DELETED, broker_reason=reason, updated_at=self.now))
        order = self._order(gtt)
        if order is None or order.broker_order_id is not None or (order.status, Act.BOOK_GONE) not in lifecycle.TRANSITIONS:
            return
        text = f"{reason}: whether it fired or was removed, only a person can say"
        unknown = replace(lifecycle.move(order, Act.BOOK_GONE, self.now), unsettled=True)
        self.house.save(self.tx, unknown, "UNSETTLED", text)
        self.house.alarm(self.tx, self.account, "UNSETTLED", f"Order {order.id} ({order.listing}): {text}.", order_id=order.id)

    def _orphan(self, gtt: Gtt) -> None:
        """A trigger that was never placed ends with its wish."""
        order = self._order(gtt)
        if order is not None and order.broker_order_id is not None:  # a person said which order it had placed
            self.tx.gtts.save(replace(gtt, status=GttStatus.TRIGGERED, updated_at=self.now))
            return
        if order is None or not order.status.final or any(one.payload.get("gtt") == str(gtt.id) for one in self._still_open()):
            return
        status = GttStatus.CANCELLED if order.status is OrderStatus.CANCELLED else GttStatus.FAILED
        self.tx.gtts.save(replace(gtt, status=status, updated_at=self.now))

    # -- triggers from elsewhere

    def _strange(self, row: BrokerGtt) -> None:
        """Adopt a trigger made elsewhere, unless it could be one of ours whose answer has not come."""
        if row.status is not GttStatus.ACTIVE or self._could_be_ours(row):
            return
        if row.product is None:
            self.bad.append(f"trigger {row.broker_gtt_id}: its product has no word here; look there")
            return
        self.tx.gtts.add(self._adopted(row, row.product))
        self.adopted += 1

    def _could_be_ours(self, row: BrokerGtt) -> bool:
        places = [gtt_of(self.tx, one) for one in self._still_open() if one.payload["act"] == PLACE]
        fresh = [gtt for gtt in places if row.broker_gtt_id not in gtt.seen_before]
        return any(gtt.side is row.side and row.listing in (gtt.listing, None) for gtt in fresh)

    def _adopted(self, row: BrokerGtt, product: Product) -> Gtt:
        return Gtt(
            id=0,
            user_id=self.account.user_id,
            account_id=self.account.id,
            listing=row.listing or f"{row.exchange}:{row.symbol}",
            side=row.side,
            product=product,
            kind=row.kind,
            legs=row.legs,
            last_price=ZERO,
            status=GttStatus.ACTIVE,
            created_at=row.created_at or self.now,
            updated_at=self.now,
            broker_gtt_id=row.broker_gtt_id,
            broker_status=row.broker_status,
            broker_reason=row.reason,
            expires_at=row.expires_at,
        )
